//! H.264 as browsers need it: with its parameter sets in front of each keyframe. Publishers by RTSP may have told theirs in the
//! session description only. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::offer::parameter;

pub(super) const KEYFRAME: u8 = 5;
pub(super) const SEQUENCE_SET: u8 = 7;
/// Several units in one packet,
pub(super) const AGGREGATE: u8 = 24;
/// and a part of one.
const FRAGMENT: u8 = 28;

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

/// The kinds of the units that begin in a payload.
pub(super) fn units(payload: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let kind = payload.first().map(|first| first & 0x1f);
    let mut rest = match kind {
        Some(AGGREGATE) => payload.get(1..).unwrap_or_default(),
        _ => &[],
    };
    let whole = match (kind, payload.get(1)) {
        (Some(AGGREGATE), _) => None,
        (Some(FRAGMENT), Some(second)) if second & 0x80 != 0 => Some(second & 0x1f),
        (Some(FRAGMENT), _) => None,
        (kind, _) => kind,
    };
    let of_aggregate = std::iter::from_fn(move || {
        let &[high, low] = rest.first_chunk::<2>()?;
        let unit = rest.get(2..2 + usize::from(u16::from_be_bytes([high, low])))?;
        rest = rest.get(2 + unit.len()..)?;
        unit.first().map(|first| first & 0x1f)
    });
    whole.into_iter().chain(of_aggregate)
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
