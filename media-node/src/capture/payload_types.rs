//! Whose payload a packet has. Beside its own format a track may carry others: tones, comfort noise, copies that repair losses.

use super::sdp::Offer;

/// What may come beside the media and is none of it.
const BESIDE: [&str; 7] = ["telephone-event", "cn", "red", "ulpfec", "flexfec", "rtx", "tone"];
/// RFC 3551: comfort noise, which needs no map.
const COMFORT_NOISE: u8 = 13;

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    Media,
    /// Something that is left out without a loss.
    Beside,
    /// Something else than what was announced.
    Strange,
}

/// Of one track.
#[derive(Debug)]
pub(super) struct PayloadTypes {
    own: u8,
    beside: Vec<u8>,
    /// A packet has come that is as announced.
    came: bool,
}

impl PayloadTypes {
    pub(super) fn new(offer: &Offer) -> Self {
        let beside = offer.others.iter();
        let beside = beside.filter(|(_, name)| BESIDE.contains(&name.as_str()));
        Self {
            own: offer.payload_type,
            beside: beside.map(|(payload_type, _)| *payload_type).collect(),
            came: false,
        }
    }

    /// Some senders number their packets otherwise than their description: where none comes as announced, all are believed.
    pub(super) fn take(&mut self, payload_type: u8) -> Load {
        if payload_type == self.own {
            self.came = true;
            Load::Media
        } else if self.beside.contains(&payload_type) || (payload_type == COMFORT_NOISE && self.own != COMFORT_NOISE) {
            Load::Beside
        } else if self.came {
            Load::Strange
        } else {
            Load::Media
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sdp::offers;
    use super::*;

    fn of(sdp: &str) -> PayloadTypes {
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{sdp}");
        PayloadTypes::new(&offers(sdp.as_bytes())[0])
    }

    #[test]
    fn tones_and_comfort_noise_are_no_samples_and_what_was_not_announced_is_strange() {
        let mut types =
            of("m=audio 0 RTP/AVP 0 101 96\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:96 opus/48000/2\r\n");
        let loads = [101, 13, 0, 101, 13, 96, 8, 0].map(|payload_type| types.take(payload_type));
        use Load::{Beside, Media, Strange};
        assert_eq!(loads, [Beside, Beside, Media, Beside, Beside, Strange, Strange, Media]);
    }

    #[test]
    fn a_sender_that_numbers_all_its_packets_otherwise_is_believed() {
        let mut types = of("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
        assert!((0..100).all(|_| types.take(97) == Load::Media));
    }
}
