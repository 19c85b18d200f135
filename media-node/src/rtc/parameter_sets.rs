//! H.264 as browsers need it: with its parameter sets in front of each keyframe. Publishers by RTSP may have told theirs in the
//! session description only. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::offer::parameter;
use crate::stream::h264_packet::{AGGREGATE, KEYFRAME, SEQUENCE_SET, units};

/// Larger ones would not fit into a packet.
const MAX_BYTES: usize = 1_000;

/// The parameter sets of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParameterSets {
    /// A packet's payload that has them all.
    payload: Vec<u8>,
    /// Of the picture that is being sent.
    timestamp: Option<u32>,
    /// Its sets have been sent.
    are_sent: bool,
}

impl ParameterSets {
    /// Those that a session description tells; `None` where it tells none.
    pub(super) fn told(parameters: &str) -> Option<Self> {
        let mut payload = vec![0x60 | AGGREGATE];
        for set in parameter(parameters, "sprop-parameter-sets")?.split(',') {
            let set = STANDARD.decode(set).ok().filter(|set| !set.is_empty())?;
            payload.extend(u16::try_from(set.len()).ok()?.to_be_bytes());
            payload.extend(set);
        }
        (payload.len() <= MAX_BYTES).then_some(Self {
            payload,
            timestamp: None,
            are_sent: false,
        })
    }

    /// What is to be sent in front of this packet's payload.
    pub(super) fn ahead_of(&mut self, timestamp: u32, payload: &[u8]) -> Option<&[u8]> {
        if self.timestamp != Some(timestamp) {
            self.timestamp = Some(timestamp);
            self.are_sent = false;
        }
        let has = |kind| units(payload).any(|unit| unit == kind);
        self.are_sent |= has(SEQUENCE_SET);
        if self.are_sent || !has(KEYFRAME) {
            return None;
        }
        self.are_sent = true;
        Some(&self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_stand_in_front_of_each_keyframe_that_has_none() {
        let mut sets = ParameterSets::told("packetization-mode=1; sprop-parameter-sets=Z2QA,aO8=").unwrap();
        let expected: &[u8] = &[0x78, 0, 3, 0x67, 0x64, 0, 0, 2, 0x68, 0xef];
        assert_eq!(sets.ahead_of(1, &[0x41, 0]), None);
        assert_eq!(sets.ahead_of(2, &[0x7c, 0x85, 9]), Some(expected));
        assert_eq!(sets.ahead_of(2, &[0x7c, 0x05, 9]), None, "the rest of it");
        assert_eq!(sets.ahead_of(2, &[0x65, 9]), None, "another slice");
        assert_eq!(sets.ahead_of(3, &[0x65, 9]), Some(expected));
        assert_eq!(sets.ahead_of(4, &[0x67, 9]), None);
        assert_eq!(sets.ahead_of(4, &[0x65, 9]), None, "it has its own");
        assert_eq!(sets.ahead_of(5, &[0x78, 0, 1, 0x67, 0, 1, 0x65]), None);
        assert_eq!(sets.ahead_of(6, &[0x78, 0, 1, 0x06, 0, 1, 0x65]), Some(expected));
        assert_eq!(sets.ahead_of(7, &[]), None);
        assert_eq!(sets.ahead_of(8, &[0x78, 0, 9, 0x65]), None, "cut off");
    }

    #[test]
    fn what_a_description_does_not_tell_is_not_sent() {
        for parameters in [
            "",
            "sprop-parameter-sets=",
            "sprop-parameter-sets=Z2QA,*",
            "packetization-mode=1",
        ] {
            assert_eq!(ParameterSets::told(parameters), None, "{parameters}");
        }
        let large = STANDARD.encode([0x67; 2_000]);
        assert_eq!(ParameterSets::told(&format!("sprop-parameter-sets={large}")), None);
    }
}
