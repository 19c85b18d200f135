//! What is told to whoever plays a track of which packets come that are not handed on: without it there is only silence. An
//! application's packet of RTCP (RFC 3550, 6.7), which players that do not know it pass over.

use bytes::Bytes;
use protocol::TrackKind;

/// A receiver report of nothing, so that the whole is a compound packet.
const NOTHING_RECEIVED: [u8; 4] = [0x80, 201, 0, 1];
const APPLICATION: u8 = 204;
/// Its words behind the first.
const WORDS: u8 = 2;
const NAME: [u8; 4] = *b"left";
const SUBTYPE: u8 = 0x1f;

/// Why packets of a track are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    NoRtp,
    /// They come on channels that no track has, and this track has had none.
    OtherChannels,
    /// None of what its publisher sends of this kind can be read: the stream may have no track of it.
    Unreadable(TrackKind),
}

impl LeftOut {
    const ALL: [Self; 4] = [
        Self::NoRtp,
        Self::OtherChannels,
        Self::Unreadable(TrackKind::Video),
        Self::Unreadable(TrackKind::Audio),
    ];

    /// What is wrong with them.
    pub fn why(self) -> &'static str {
        match self {
            Self::NoRtp => "they are no RTP",
            Self::OtherChannels => "they come on channels that SETUP has not named",
            Self::Unreadable(_) => "the configuration of its codec has not come, or is not that of its units",
        }
    }

    fn subtype(self) -> u8 {
        match self {
            Self::NoRtp => 1,
            Self::OtherChannels => 2,
            Self::Unreadable(TrackKind::Video | TrackKind::Both) => 3,
            Self::Unreadable(TrackKind::Audio) => 4,
        }
    }

    /// A compound packet that tells it.
    pub fn told_by(self, ssrc: u32) -> Bytes {
        let ssrc = ssrc.to_be_bytes();
        let head = [0x80 | self.subtype(), APPLICATION, 0, WORDS];
        [&NOTHING_RECEIVED[..], &ssrc, &head, &ssrc, &NAME].concat().into()
    }

    /// What a compound packet tells of packets that are left out.
    pub fn read(report: &[u8]) -> Option<Self> {
        let mut rest = report;
        while let Some(&[first, kind, high, low]) = rest.first_chunk::<4>() {
            let (own, behind) = rest.split_at_checked(4 + 4 * usize::from(u16::from_be_bytes([high, low])))?;
            if kind == APPLICATION && own.get(8..12) == Some(&NAME) {
                return Self::ALL.into_iter().find(|told| told.subtype() == first & SUBTYPE);
            }
            rest = behind;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hub::rtp;

    #[test]
    fn what_is_told_is_read_and_is_a_compound_packet() {
        for told in LeftOut::ALL {
            let packet = told.told_by(7);
            assert!(rtp::is_compound(&packet) && !rtp::is_sender_report(&packet) && !rtp::wants_keyframe(&packet));
            assert_eq!(LeftOut::read(&packet), Some(told));
            assert_eq!(LeftOut::read(&packet[..8]), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_read_beyond_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = LeftOut::read(&bytes);
        }
    }
}
