//! H.264 as MP4 packs it, ISO/IEC 14496-15, into the non-interleaved mode of RFC 6184.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};

use super::nal::{self, CUT_OFF};
use super::{Codec, Payload, Terms, Unreadable};

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const ACCESS_UNIT_DELIMITER: u8 = 9;
const FU_A: u8 = 28;

#[derive(Debug)]
pub(super) struct H264 {
    configuration: Configuration,
    /// The sets have changed and no unit has brought them yet.
    is_changed: bool,
}

/// AVCDecoderConfigurationRecord.
#[derive(Debug, PartialEq, Eq)]
struct Configuration {
    /// Bytes of the length before each NAL unit.
    length_bytes: usize,
    /// Sequence parameter sets, then picture parameter sets.
    sets: Vec<Bytes>,
}

impl Configuration {
    fn read(record: &Bytes) -> Result<Self, Unreadable> {
        let mut rest = record.clone();
        let Some(&[1, _, _, _, lengths, counts]) = rest.first_chunk() else {
            return Err(Unreadable("no H.264 configuration"));
        };
        rest.advance(6);
        let mut sets = Vec::new();
        nal::take_sets(&mut rest, u16::from(counts & 0x1f), &mut sets)?;
        let count = rest.try_get_u8().map_err(|_| CUT_OFF)?;
        nal::take_sets(&mut rest, count.into(), &mut sets)?;
        Ok(Self {
            length_bytes: usize::from(lengths & 3) + 1,
            sets,
        })
    }
}

impl H264 {
    pub(super) fn new(configuration: &Bytes) -> Result<Self, Unreadable> {
        Ok(Self {
            configuration: Configuration::read(configuration)?,
            is_changed: false,
        })
    }
}

fn kind(nal: &Bytes) -> u8 {
    nal.first().map_or(0, |first| first & 0x1f)
}

impl Codec for H264 {
    fn terms(&self) -> Terms {
        let sets = &self.configuration.sets;
        let mut parameters = "packetization-mode=1".to_owned();
        let profile = sets.iter().find(|set| kind(set) == SPS).and_then(|sps| sps.get(1..4));
        if let Some(&[profile, constraints, level]) = profile {
            parameters += &format!("; profile-level-id={profile:02X}{constraints:02X}{level:02X}");
            let sets: Vec<_> = sets.iter().map(|set| STANDARD.encode(set)).collect();
            parameters += &format!("; sprop-parameter-sets={}", sets.join(","));
        }
        Terms {
            encoding: "H264/90000".to_owned(),
            parameters,
            clock_rate: 90_000,
        }
    }

    /// New sets come ahead of the next unit.
    fn reconfigure(&mut self, configuration: &Bytes) -> Result<bool, Unreadable> {
        let new = Configuration::read(configuration)?;
        self.is_changed |= new.sets != self.configuration.sets;
        self.configuration = new;
        Ok(true)
    }

    /// The sets stand ahead of each IDR picture: who comes later has not read the description that was true then.
    fn pack(&mut self, unit: &Bytes, _: bool) -> Result<Vec<Payload>, Unreadable> {
        let mut nal_units = nal::split(unit, self.configuration.length_bytes)?;
        let brings = |wanted| nal_units.iter().any(|nal| kind(nal) == wanted);
        if self.is_changed || (brings(IDR) && !(brings(SPS) && brings(PPS))) {
            let behind = usize::from(nal_units.first().is_some_and(|nal| kind(nal) == ACCESS_UNIT_DELIMITER));
            let sets = self.configuration.sets.iter().cloned();
            nal_units.splice(behind..behind, sets);
            self.is_changed = false;
        }
        let fragment = |nal: &Bytes| {
            let head = *nal.first()?;
            Some((1, vec![head & 0xe0 | FU_A, head & 0x1f]))
        };
        Ok(nal::pack(nal_units, fragment))
    }

    fn ticks(&self, _: &Bytes) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_PAYLOAD;
    use super::*;

    const RECORD: &[u8] = &[
        1, 0x64, 0, 0x0b, 0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 0x0b, 1, 0, 2, 0x68, 0xee,
    ];

    fn h264() -> H264 {
        H264::new(&Bytes::from_static(RECORD)).unwrap()
    }

    fn unit(nal_units: &[&[u8]]) -> Bytes {
        let mut unit = Vec::new();
        for nal in nal_units {
            unit.extend((nal.len() as u32).to_be_bytes());
            unit.extend(*nal);
        }
        unit.into()
    }

    fn kinds(payloads: &[Payload]) -> Vec<(u8, bool)> {
        payloads
            .iter()
            .map(|payload| (kind(&payload.data), payload.marker))
            .collect()
    }

    #[test]
    fn the_description_has_the_sets() {
        let terms = h264().terms();
        assert_eq!(
            terms.parameters,
            "packetization-mode=1; profile-level-id=64000B; sprop-parameter-sets=Z2QACw==,aO4="
        );
        let without = H264::new(&Bytes::from_static(&[1, 66, 0, 30, 0xff, 0xe0, 0])).unwrap();
        assert_eq!(without.terms().parameters, "packetization-mode=1");
    }

    #[test]
    fn the_sets_stand_ahead_of_each_idr_picture_unless_it_brings_them() {
        let mut h264 = h264();
        let mut pack = |nal_units: &[&[u8]]| kinds(&h264.pack(&unit(nal_units), false).unwrap());
        assert_eq!(pack(&[&[0x65, 1]]), [(7, false), (8, false), (5, true)]);
        assert_eq!(
            pack(&[&[0x09, 0xf0], &[0x65, 1]]),
            [(9, false), (7, false), (8, false), (5, true)]
        );
        assert_eq!(pack(&[&[0x41, 1], &[0x41, 2]]), [(1, false), (1, true)]);
        assert_eq!(
            pack(&[&[0x67, 9], &[0x68, 9], &[0x65, 1]]),
            [(7, false), (8, false), (5, true)]
        );
    }

    #[test]
    fn sets_that_change_come_with_the_next_picture() {
        let mut h264 = h264();
        let mut changed = RECORD.to_vec();
        assert_eq!(h264.reconfigure(&changed.clone().into()), Ok(true));
        assert_eq!(kinds(&h264.pack(&unit(&[&[0x41, 1]]), false).unwrap()), [(1, true)]);
        *changed.last_mut().unwrap() = 0xef;
        assert_eq!(h264.reconfigure(&changed.into()), Ok(true));
        let expected = [(7, false), (8, false), (1, true)];
        assert_eq!(kinds(&h264.pack(&unit(&[&[0x41, 1]]), false).unwrap()), expected);
        assert_eq!(kinds(&h264.pack(&unit(&[&[0x41, 1]]), false).unwrap()), [(1, true)]);
        assert!(h264.reconfigure(&Bytes::from_static(&[1, 2])).is_err());
    }

    #[test]
    fn a_long_unit_is_cut_up_and_one_that_lies_about_its_lengths_is_left_out() {
        let nal: Vec<u8> = std::iter::once(0x41).chain((0..3_000u32).map(|n| n as u8)).collect();
        let payloads = h264().pack(&unit(&[&nal]), false).unwrap();
        let heads: Vec<_> = payloads
            .iter()
            .map(|payload| (payload.data[0], payload.data[1], payload.marker))
            .collect();
        assert_eq!(heads, [(0x5c, 0x81, false), (0x5c, 0x01, false), (0x5c, 0x41, true)]);
        let again: Vec<u8> = payloads.iter().flat_map(|payload| payload.data[2..].to_vec()).collect();
        assert_eq!(again, nal[1..]);
        assert!(payloads.iter().all(|payload| payload.data.len() <= MAX_PAYLOAD));
        for wrong in [&[0, 0, 0][..], &[0, 0, 0, 9, 0x41], &[0xff; 8]] {
            assert!(h264().pack(&Bytes::copy_from_slice(wrong), false).is_err());
        }
    }
}
