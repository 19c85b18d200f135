//! H.265 as MP4 packs it, ISO/IEC 14496-15, into RFC 7798 without decoding order numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};

use super::nal::{self, CUT_OFF};
use super::{Codec, Payload, Terms, Unreadable};

/// Pictures that decoding can begin with.
const ENTRIES: std::ops::RangeInclusive<u8> = 16..=23;
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const ACCESS_UNIT_DELIMITER: u8 = 35;
const FRAGMENT: u8 = 49;

#[derive(Debug)]
pub(super) struct H265 {
    configuration: Configuration,
    /// The sets have changed and no unit has brought them yet.
    is_changed: bool,
}

/// HEVCDecoderConfigurationRecord.
#[derive(Debug)]
struct Configuration {
    /// Bytes of the length before each NAL unit.
    length_bytes: usize,
    /// Parameter sets, those of the video first; and what else stands ahead.
    sets: Vec<Bytes>,
}

impl Configuration {
    fn read(record: &Bytes) -> Result<Self, Unreadable> {
        let mut rest = record.clone();
        let Some((1, lengths, arrays)) = Self::head(record) else {
            return Err(Unreadable("no H.265 configuration"));
        };
        rest.advance(23);
        let mut sets = Vec::new();
        for _ in 0..arrays {
            rest.try_get_u8().map_err(|_| CUT_OFF)?;
            let count = rest.try_get_u16().map_err(|_| CUT_OFF)?;
            nal::take_sets(&mut rest, count, &mut sets)?;
        }
        sets.retain(|set| (VPS..=PPS).contains(&kind(set)));
        sets.sort_by_key(kind);
        Ok(Self {
            length_bytes: usize::from(lengths & 3) + 1,
            sets,
        })
    }

    fn head(record: &Bytes) -> Option<(u8, u8, u8)> {
        Some((*record.first()?, *record.get(21)?, *record.get(22)?))
    }
}

impl H265 {
    pub(super) fn new(configuration: &Bytes) -> Result<Self, Unreadable> {
        Ok(Self {
            configuration: Configuration::read(configuration)?,
            is_changed: false,
        })
    }
}

fn kind(nal: &Bytes) -> u8 {
    nal.first().map_or(0, |first| first >> 1 & 0x3f)
}

impl Codec for H265 {
    fn terms(&self) -> Terms {
        let parameters = [("sprop-vps", VPS), ("sprop-sps", SPS), ("sprop-pps", PPS)].map(|(name, wanted)| {
            let sets = self.configuration.sets.iter().filter(|set| kind(set) == wanted);
            let sets: Vec<_> = sets.map(|set| STANDARD.encode(set)).collect();
            (!sets.is_empty()).then(|| format!("{name}={}", sets.join(",")))
        });
        let parameters: Vec<_> = parameters.into_iter().flatten().collect();
        Terms {
            encoding: "H265/90000".to_owned(),
            parameters: parameters.join("; "),
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

    /// The sets stand ahead of each picture that decoding can begin with: who comes later has not read the description that was
    /// true then.
    fn pack(&mut self, unit: &Bytes, _: bool) -> Result<Vec<Payload>, Unreadable> {
        let mut nal_units = nal::split(unit, self.configuration.length_bytes)?;
        let brings = |wanted: u8| nal_units.iter().any(|nal| kind(nal) == wanted);
        let is_entry = nal_units.iter().any(|nal| ENTRIES.contains(&kind(nal)));
        if self.is_changed || (is_entry && !(brings(VPS) && brings(SPS) && brings(PPS))) {
            let behind = usize::from(nal_units.first().is_some_and(|nal| kind(nal) == ACCESS_UNIT_DELIMITER));
            let sets = self.configuration.sets.iter().cloned();
            nal_units.splice(behind..behind, sets);
            self.is_changed = false;
        }
        let fragment = |nal: &Bytes| {
            let &[first, second] = nal.first_chunk()?;
            Some((2, vec![first & 0x81 | FRAGMENT << 1, second, kind(nal)]))
        };
        Ok(nal::pack(nal_units, fragment))
    }

    fn ticks(&self, _: &Bytes) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Bytes {
        let mut record = vec![1u8; 21];
        record.extend([0xff, 3]);
        for (kind, set) in [(SPS, [0x42, 1, 7]), (PPS, [0x44, 1, 8]), (VPS, [0x40, 1, 6])] {
            record.extend([0x80 | kind, 0, 1, 0, 3]);
            record.extend(set);
        }
        record.into()
    }

    fn unit(nal_units: &[&[u8]]) -> Bytes {
        let mut unit = Vec::new();
        for nal in nal_units {
            unit.extend((nal.len() as u32).to_be_bytes());
            unit.extend(*nal);
        }
        unit.into()
    }

    fn kinds(h265: &mut H265, nal_units: &[&[u8]]) -> Vec<(u8, bool)> {
        let payloads = h265.pack(&unit(nal_units), false).unwrap();
        payloads
            .iter()
            .map(|payload| (kind(&payload.data), payload.marker))
            .collect()
    }

    #[test]
    fn the_sets_stand_in_the_description_and_ahead_of_each_entry() {
        let mut h265 = H265::new(&record()).unwrap();
        assert_eq!(
            h265.terms().parameters,
            "sprop-vps=QAEG; sprop-sps=QgEH; sprop-pps=RAEI"
        );
        // IDR, CRA, and a picture that refers to others.
        let ahead = [(32, false), (33, false), (34, false)];
        assert_eq!(kinds(&mut h265, &[&[0x26, 1, 9]]), [&ahead[..], &[(19, true)]].concat());
        assert_eq!(kinds(&mut h265, &[&[0x2a, 1, 9]]), [&ahead[..], &[(21, true)]].concat());
        assert_eq!(kinds(&mut h265, &[&[0x46, 1], &[0x02, 1, 9]]), [(35, false), (1, true)]);
        let mut changed = record().to_vec();
        *changed.last_mut().unwrap() = 5;
        assert_eq!(h265.reconfigure(&changed.into()), Ok(true));
        assert_eq!(kinds(&mut h265, &[&[0x02, 1, 9]]), [&ahead[..], &[(1, true)]].concat());
        assert!(H265::new(&record().slice(..30)).is_err() && H265::new(&Bytes::new()).is_err());
    }

    #[test]
    fn a_long_unit_is_cut_up() {
        let mut h265 = H265::new(&record()).unwrap();
        let nal: Vec<u8> = [0x02, 1].into_iter().chain((0..3_000u32).map(|n| n as u8)).collect();
        let payloads = h265.pack(&unit(&[&nal]), false).unwrap();
        let heads: Vec<_> = payloads
            .iter()
            .map(|payload| (payload.data.slice(..3), payload.marker))
            .collect();
        let head = |flags: u8| Bytes::from(vec![0x62, 1, flags | 1]);
        assert_eq!(heads, [(head(0x80), false), (head(0), false), (head(0x40), true)]);
        let again: Vec<u8> = payloads.iter().flat_map(|payload| payload.data[3..].to_vec()).collect();
        assert_eq!(again, nal[2..]);
    }
}
