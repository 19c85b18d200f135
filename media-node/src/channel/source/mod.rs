//! Where a recorder learns who is in its channel. Each source turns what it hears into a roster and knows nothing of
//! capture; what differs between the sources ends here.

mod builtin;
mod fixed;
mod http;
mod mediamtx;
#[cfg(test)]
mod tests;

use std::time::Duration;

use protocol::{Roster, Secret, Source};
use tokio::time::Instant;

use crate::access::Passes;

/// The longest silence of [`RosterSource::next`].
const MAX_WAIT: Duration = Duration::from_secs(10);
/// How long it waits after failures: doubling from the first to the last.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Where the recording's own node is reached, used by the `builtin` source where a job names no other.
#[derive(Clone, Debug, Default)]
pub struct NodeAddresses {
    /// Base of the RTSP URLs: `rtsp://host:port`.
    pub rtsp: String,
    /// Base of the roster's URL: `http://host:port`.
    pub roster: String,
    /// The bearer token of the roster's URL.
    pub node_token: Secret,
    /// That of other nodes' rosters, where nodes have tokens of their own.
    pub roster_key: Option<Secret>,
    /// The key for playing, where the channel servers ask for one.
    pub play_key: Option<Secret>,
    /// What recorders show where there is no such key.
    pub passes: Passes,
}

/// What opens a stream's URL by RTSP authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: Secret,
}

/// Why the roster is not known. It never means that the channel is empty: keep the last roster and ask again.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    #[error("the address {url} is not a valid URL ({reason}): correct the recording's source")]
    BadAddress { url: String, reason: String },
    #[error("{url} does not answer ({reason}): is the server running and reachable from this node?")]
    Unreachable { url: String, reason: String },
    #[error("{url} refuses the credentials with status {status}: correct the source's credentials or the node token")]
    Unauthorized { url: String, status: u16 },
    #[error("{url} answers with status {status}, not with a list: is this the address of its API?")]
    Status { url: String, status: u16 },
    #[error("{url} answers with something that is not a list ({reason}): is this the address of its API?")]
    Malformed { url: String, reason: String },
    #[error("{url} lists more than can be read")]
    TooLarge { url: String },
}

/// The roster of one channel, followed through its changes.
pub struct RosterSource {
    kind: Kind,
    /// Failures since the last success.
    failures: u32,
    not_before: Instant,
}

enum Kind {
    Builtin(builtin::Builtin),
    Mediamtx(mediamtx::Mediamtx),
    Static(fixed::Fixed),
}

impl RosterSource {
    /// # Errors
    /// When an address of the source is no URL.
    pub fn new(source: &Source, app: &str, channel: &str, node: &NodeAddresses) -> Result<Self, RosterError> {
        let kind = match source {
            Source::Builtin { rtsp, roster } => Kind::Builtin(builtin::Builtin::new(
                rtsp.as_deref(),
                roster.as_deref(),
                app,
                channel,
                node,
            )?),
            Source::Mediamtx {
                api,
                rtsp,
                credentials,
                path,
            } => Kind::Mediamtx(mediamtx::Mediamtx::new(
                api,
                rtsp,
                credentials.as_ref(),
                path,
                app,
                channel,
            )?),
            Source::Static { streams } => Kind::Static(fixed::Fixed::new(streams)?),
        };
        Ok(Self {
            kind,
            failures: 0,
            not_before: Instant::now(),
        })
    }

    /// The first call answers with the present roster as soon as it is known; later calls at a change, or after 10 seconds
    /// with the same roster. After an error the next call waits first, 250 ms and doubling up to 5 s, so it can be called in
    /// a plain loop. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the roster cannot be known at present.
    pub async fn next(&mut self) -> Result<Roster, RosterError> {
        tokio::time::sleep_until(self.not_before).await;
        let result = match &mut self.kind {
            Kind::Builtin(source) => source.next().await,
            Kind::Mediamtx(source) => source.next().await,
            Kind::Static(source) => Ok(source.next().await),
        };
        match &result {
            Ok(_) => self.failures = 0,
            Err(_) => {
                self.not_before = Instant::now() + retry_delay(self.failures);
                self.failures = self.failures.saturating_add(1);
            }
        }
        result
    }

    /// What plays the streams of this source; the URLs of the roster carry no credentials. `uid` is the user's.
    pub fn credentials(&self, uid: &str) -> Option<Credentials> {
        match &self.kind {
            Kind::Builtin(source) => source.credentials(),
            Kind::Mediamtx(source) => source.credentials(),
            Kind::Static(source) => source.credentials(uid),
        }
    }

    /// Whether others built what sends the streams, and not this channel server.
    pub fn is_foreign(&self) -> bool {
        match &self.kind {
            Kind::Builtin(_) => false,
            Kind::Mediamtx(_) | Kind::Static(_) => true,
        }
    }
}

fn retry_delay(failures: u32) -> Duration {
    FIRST_RETRY
        .saturating_mul(1u32.checked_shl(failures).unwrap_or(u32::MAX))
        .min(LAST_RETRY)
}
