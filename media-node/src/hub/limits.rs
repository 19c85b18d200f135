use std::time::Duration;

/// What clients may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that publish or play, all together.
    pub connections: usize,
    /// The part of `connections` that only clients on this machine may use, which is what its recorders are.
    pub kept_connections: usize,
    /// Connections that neither publish nor play yet. Beyond it a new one takes the place of the oldest.
    pub waiting_connections: usize,
    /// Connections from one address (for IPv6, one /64 network), unless it is this machine's own.
    pub connections_of_an_address: usize,
    /// A connection that neither publishes nor plays so long after it was made, or after its last session, is closed
    /// whatever it asks.
    pub setup: Duration,
    /// A player by UDP is gone after so long without a request or a report.
    pub session: Duration,
    /// A publisher is gone after so long without a packet or a request, by TCP and UDP alike. One whose machine does not answer
    /// any more is gone within seconds.
    pub publisher_silence: Duration,
    /// A client that takes nothing for so long is gone.
    pub write: Duration,
    /// Queued for one player at most.
    pub player_queue_bytes: usize,
    /// A stream of another node that nobody plays here is read on for so long: for players that set up one track after
    /// another, or come back.
    pub relay_linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            kept_connections: 256,
            waiting_connections: 128,
            connections_of_an_address: 256,
            setup: Duration::from_secs(10),
            session: Duration::from_secs(60),
            publisher_silence: Duration::from_secs(60),
            write: Duration::from_secs(10),
            player_queue_bytes: 8 << 20,
            relay_linger: Duration::from_secs(10),
        }
    }
}

/// Files that a connection holds open when it carries picture and sound by UDP.
const FILES_OF_A_CONNECTION: u64 = 5;
/// Files for all else that the node does.
const OTHER_FILES: u64 = 256;

impl Limits {
    /// As many connections as this number of open files allows.
    #[must_use]
    pub fn within_open_files(self, files: u64) -> Self {
        let affordable = files.saturating_sub(OTHER_FILES) / FILES_OF_A_CONNECTION;
        let affordable = usize::try_from(affordable).unwrap_or(usize::MAX);
        // Those that wait hold files, too.
        let waiting_connections = self.waiting_connections.min(affordable / 4).max(1);
        let connections = self
            .connections
            .min(affordable.saturating_sub(waiting_connections))
            .max(1);
        Self {
            connections,
            kept_connections: self.kept_connections.min(connections / 4),
            waiting_connections,
            ..self
        }
    }
}
