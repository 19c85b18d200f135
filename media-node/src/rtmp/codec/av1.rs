//! AV1 in the low-overhead form, AV1 5.2, into the RTP payload format of the Alliance for Open Media: an OBU, or a part of one, in
//! each packet.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Codec, MAX_PARTS, MAX_PAYLOAD, Payload, TOO_MANY_PARTS, Terms, Unreadable};

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
const HAS_SIZE: u8 = 0x02;
const HAS_EXTENSION: u8 = 0x04;

const CONTINUES: u8 = 0x80;
const IS_CONTINUED: u8 = 0x40;
const ONE_ELEMENT: u8 = 0x10;
const NEW_SEQUENCE: u8 = 0x08;

const CUT_OFF: Unreadable = Unreadable("an AV1 unit is cut off");

#[derive(Debug)]
pub(super) struct Av1 {
    configuration: Configuration,
    /// It has changed and no unit has brought it yet.
    is_changed: bool,
}

/// AV1CodecConfigurationRecord.
#[derive(Debug, PartialEq, Eq)]
struct Configuration {
    profile: u8,
    level: u8,
    tier: u8,
    /// OBUs, without their sizes.
    sequence: Vec<Bytes>,
}

impl Configuration {
    fn read(record: &Bytes) -> Result<Self, Unreadable> {
        let Some(&[0x81, level, tier, _]) = record.first_chunk() else {
            return Err(Unreadable("no AV1 configuration"));
        };
        Ok(Self {
            profile: level >> 5,
            level: level & 0x1f,
            tier: tier >> 7,
            sequence: obus(&record.slice(4..))?,
        })
    }
}

impl Av1 {
    pub(super) fn new(configuration: &Bytes) -> Result<Self, Unreadable> {
        Ok(Self {
            configuration: Configuration::read(configuration)?,
            is_changed: false,
        })
    }
}

impl Codec for Av1 {
    fn terms(&self) -> Terms {
        let Configuration {
            profile, level, tier, ..
        } = &self.configuration;
        Terms {
            encoding: "AV1/90000".to_owned(),
            parameters: format!("profile={profile}; level-idx={level}; tier={tier}"),
            clock_rate: 90_000,
        }
    }

    /// A new sequence header comes ahead of the next unit.
    fn reconfigure(&mut self, configuration: &Bytes) -> Result<bool, Unreadable> {
        let new = Configuration::read(configuration)?;
        self.is_changed |= new != self.configuration;
        self.configuration = new;
        Ok(true)
    }

    fn pack(&mut self, unit: &Bytes, is_key: bool) -> Result<Vec<Payload>, Unreadable> {
        let mut obus = obus(unit)?;
        let brings_sequence = obus.iter().any(|obu| kind(obu) == SEQUENCE_HEADER);
        if (is_key || self.is_changed) && !brings_sequence {
            obus.splice(..0, self.configuration.sequence.iter().cloned());
        }
        self.is_changed = false;
        let mut payloads = Vec::new();
        for mut obu in obus {
            let mut continues = 0;
            while obu.has_remaining() {
                let part = obu.split_to(obu.len().min(MAX_PAYLOAD - 1));
                let is_continued = if obu.has_remaining() { IS_CONTINUED } else { 0 };
                let sequence = if is_key && payloads.is_empty() { NEW_SEQUENCE } else { 0 };
                let mut data = BytesMut::with_capacity(1 + part.len());
                data.put_u8(continues | is_continued | ONE_ELEMENT | sequence);
                data.put_slice(&part);
                continues = CONTINUES;
                payloads.push(Payload {
                    marker: false,
                    data: data.freeze(),
                });
            }
        }
        if let Some(last) = payloads.last_mut() {
            last.marker = true;
        }
        Ok(payloads)
    }

    fn ticks(&self, _: &Bytes) -> Option<u32> {
        None
    }
}

fn kind(obu: &Bytes) -> u8 {
    obu.first().map_or(0, |first| first >> 3 & 0x0f)
}

/// The OBUs that travel in RTP, without their sizes.
fn obus(unit: &Bytes) -> Result<Vec<Bytes>, Unreadable> {
    let mut rest = unit.clone();
    let mut obus = Vec::new();
    while rest.has_remaining() {
        if obus.len() >= MAX_PARTS {
            return Err(TOO_MANY_PARTS);
        }
        let first = rest.get_u8();
        let mut obu = BytesMut::new();
        obu.put_u8(first & !HAS_SIZE);
        if first & HAS_EXTENSION != 0 {
            obu.put_u8(rest.try_get_u8().map_err(|_| CUT_OFF)?);
        }
        let size = if first & HAS_SIZE != 0 {
            leb128(&mut rest).ok_or(CUT_OFF)?
        } else {
            rest.len()
        };
        if size > rest.len() {
            return Err(CUT_OFF);
        }
        obu.put_slice(&rest.split_to(size));
        let obu = obu.freeze();
        if !matches!(kind(&obu), TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
            obus.push(obu);
        }
    }
    Ok(obus)
}

fn leb128(rest: &mut Bytes) -> Option<usize> {
    let mut value = 0u64;
    for index in 0..8 {
        let byte = rest.try_get_u8().ok()?;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profile 0, level 8; a sequence header of two bytes.
    const RECORD: &[u8] = &[0x81, 0x08, 0x0c, 0, 0x0a, 2, 1, 2];

    fn packed(av1: &mut Av1, unit: &[u8], is_key: bool) -> Vec<(Vec<u8>, bool)> {
        let payloads = av1.pack(&Bytes::copy_from_slice(unit), is_key).unwrap();
        payloads
            .iter()
            .map(|payload| (payload.data.to_vec(), payload.marker))
            .collect()
    }

    #[test]
    fn an_obu_is_a_packet_and_a_sequence_header_stands_ahead_of_key_frames() {
        let mut av1 = Av1::new(&Bytes::from_static(RECORD)).unwrap();
        assert_eq!(av1.terms().parameters, "profile=0; level-idx=8; tier=0");
        // A temporal delimiter, and a frame of three bytes.
        let frame = [0x12, 0, 0x32, 3, 7, 8, 9];
        let sequence = (vec![0x18, 0x08, 1, 2], false);
        let whole = (vec![0x10, 0x30, 7, 8, 9], true);
        assert_eq!(packed(&mut av1, &frame, true), [sequence.clone(), whole.clone()]);
        assert_eq!(packed(&mut av1, &frame, false), std::slice::from_ref(&whole));
        let with_sequence = [&[0x0a, 2, 1, 2], &frame[..]].concat();
        assert_eq!(packed(&mut av1, &with_sequence, true), [sequence, whole]);
        let changed = Bytes::from_static(&[0x81, 0x09, 0x0c, 0, 0x0a, 2, 3, 4]);
        assert_eq!(av1.reconfigure(&changed), Ok(true));
        assert_eq!(packed(&mut av1, &frame, false)[0].0, [0x10, 0x08, 3, 4]);
    }

    #[test]
    fn a_long_obu_is_cut_up_and_one_that_lies_is_left_out() {
        let mut av1 = Av1::new(&Bytes::from_static(RECORD)).unwrap();
        let mut unit = vec![0x32, 0xd0, 0x0f];
        unit.extend([5; 2_000]);
        let got: Vec<_> = packed(&mut av1, &unit, false)
            .iter()
            .map(|(data, marker)| (data[0], data.len(), *marker))
            .collect();
        assert_eq!(got, [(0x50, 1_200, false), (0x90, 803, true)]);
        for wrong in [&[0x32, 9, 1][..], &[0x32], &[0x36], &[0x32, 0xff, 0xff]] {
            assert!(av1.pack(&Bytes::copy_from_slice(wrong), false).is_err());
        }
        assert!(Av1::new(&Bytes::from_static(&[1, 2])).is_err());
    }
}
