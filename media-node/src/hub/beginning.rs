//! What a publication sent so far, while it is young: for players who were waiting for it.

use std::time::Duration;

use super::queue::{Flow, Packet};
use super::rtp::{self, RtpHead};

/// Whoever comes so soon after the publisher was waiting for it, and gets the stream from its beginning: a recorder's roster and
/// session take some time, and the next key frame may be far.
pub const BEGINNING: Duration = Duration::from_secs(5);
/// The most that is kept for them; of a larger beginning nothing is.
const MAX_BYTES: usize = 4 << 20;
/// What a packet costs beside its own bytes.
const OVERHEAD: usize = 96;
/// The most that a player gets by datagrams: more at once than its buffers hold would be lost.
const MAX_DATAGRAM_BYTES: usize = 128 << 10;

/// See the module.
#[derive(Default)]
pub struct Beginning {
    packets: Vec<Packet>,
    bytes: usize,
}

impl Beginning {
    /// `None` when it is too large to be kept.
    pub fn with(mut self, packet: &Packet) -> Option<Self> {
        self.bytes += packet.payload.len() + OVERHEAD;
        self.packets.push(packet.clone());
        (self.bytes <= MAX_BYTES).then_some(self)
    }

    pub fn fits_datagrams(&self) -> bool {
        self.bytes <= MAX_DATAGRAM_BYTES
    }

    /// The head of a track's first packet.
    pub fn first(&self, track: usize) -> Option<RtpHead> {
        let of_track = |packet: &&Packet| packet.track == track && packet.flow == Flow::Rtp;
        rtp::rtp_head(&self.packets.iter().find(of_track)?.payload)
    }

    /// Each packet once, in order, but the first sender report of each track ahead of all: it tells when the first packet was
    /// sent, and is of the same source, as the last one need not be.
    pub fn packets(&self) -> impl Iterator<Item = &Packet> {
        let mut reported = Vec::new();
        let (ahead, rest): (Vec<_>, Vec<_>) = self.packets.iter().partition(|packet| {
            let is_first = packet.flow == Flow::Rtcp
                && !reported.contains(&packet.track)
                && rtp::is_sender_report(&packet.payload);
            if is_first {
                reported.push(packet.track);
            }
            is_first
        });
        ahead.into_iter().chain(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(track: usize, flow: Flow, payload: Vec<u8>) -> Packet {
        Packet {
            track,
            flow,
            payload: payload.into(),
        }
    }

    fn media(track: usize, sequence: u8) -> Packet {
        packet(
            track,
            Flow::Rtp,
            vec![0x80, 96, 0, sequence, 0, 0, 0, sequence, 0, 0, 0, 7],
        )
    }

    /// A report of this type whose last byte is a number.
    fn report(track: usize, kind: u8, number: u8) -> Packet {
        let mut report = vec![0u8; 28];
        report[..4].copy_from_slice(&[0x80, kind, 0, 6]);
        report[27] = number;
        packet(track, Flow::Rtcp, report)
    }

    #[test]
    fn each_packet_comes_once_and_the_first_report_of_each_track_ahead() {
        let sent = [
            media(1, 5),
            media(0, 9),
            report(1, 201, 1),
            report(1, 200, 2),
            media(1, 6),
            report(0, 200, 3),
            report(1, 200, 4),
            media(1, 7),
        ];
        let beginning = sent.iter().try_fold(Beginning::default(), Beginning::with).unwrap();
        let got: Vec<(usize, Flow, u8)> = beginning
            .packets()
            .map(|packet| (packet.track, packet.flow, *packet.payload.last().unwrap()))
            .collect();
        let expected: Vec<(usize, Flow, u8)> = [3, 5, 0, 1, 2, 4, 6, 7]
            .map(|n: usize| (sent[n].track, sent[n].flow, *sent[n].payload.last().unwrap()))
            .to_vec();
        assert_eq!(got, expected);
        assert_eq!(
            beginning.first(1).map(|head| (head.sequence, head.timestamp)),
            Some((5, 5))
        );
        assert_eq!(beginning.first(2), None);
    }

    #[test]
    fn a_large_beginning_is_not_kept() {
        let large = |bytes| packet(0, Flow::Rtp, vec![0x80; bytes]);
        let beginning = Beginning::default()
            .with(&large(MAX_DATAGRAM_BYTES - OVERHEAD))
            .unwrap();
        assert!(beginning.fits_datagrams());
        let beginning = beginning.with(&large(1)).unwrap();
        assert!(!beginning.fits_datagrams());
        assert!(beginning.with(&large(MAX_BYTES - MAX_DATAGRAM_BYTES)).is_none());
    }

    #[test]
    fn nor_are_many_small_packets() {
        let small = packet(0, Flow::Rtp, vec![0x80; 13]);
        let mut beginning = Some(Beginning::default());
        let mut kept = 0;
        while let Some(longer) = beginning.take().and_then(|beginning| beginning.with(&small)) {
            (beginning, kept) = (Some(longer), kept + 1);
        }
        assert!(kept < 50_000, "{kept}");
    }
}
