//! H.264, RFC 6184: single NAL unit and non-interleaved mode.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};

use super::parameter_sets::{ParameterSets, leading_ue};
use super::pictures::{NalCodec, Pictures, append};
use super::sei::{RECOVERY_POINT, message};
use super::{Fmtp, Frame, MAX_UNIT_BYTES, Malformed, Packet};

const SLICE: u8 = 1;
const PARTITION_C: u8 = 4;
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const ACCESS_UNIT_DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const LAST_NAL_TYPE: u8 = 23;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// While IDR pictures come more often than this, in ticks of 90 kHz, recovery points between them are no keyframes: a slice that
/// begins with an IDR picture needs nothing from before it.
const IDR_INTERVAL: u32 = 30 * 90_000;

const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

#[derive(Debug)]
pub(super) struct H264 {
    sets: ParameterSets,
    pictures: Pictures<FirstSlice>,
    fragments: Option<BytesMut>,
    /// Nothing can be decoded before the next picture that can be entered.
    waiting: bool,
    /// The timestamp of the last IDR picture, while it is recent.
    last_idr: Option<u32>,
    /// The timestamp of an entered picture that is no IDR picture: those that are shown before it refer to ones that are not
    /// there.
    entered: Option<u32>,
}

#[derive(Debug)]
pub(super) struct FirstSlice {
    idr: bool,
    intra: bool,
    pps_id: u32,
}

impl H264 {
    pub(super) fn new(fmtp: &Fmtp) -> Result<Self, &'static str> {
        if fmtp
            .get("packetization-mode")
            .is_some_and(|mode| mode != "0" && mode != "1")
        {
            return Err("interleaved packetization: have its publisher send packetization-mode 1");
        }
        let mut sets = ParameterSets::default();
        for set in fmtp.get("sprop-parameter-sets").unwrap_or_default().split(',') {
            // Parameter sets that cannot be read here may still come in-band.
            if let Ok(nal) = STANDARD.decode(set.trim()).map(Bytes::from) {
                let _ = match nal.first().map(|header| header & 0x1f) {
                    Some(SPS) => sets.put_sps(&nal),
                    Some(PPS) => sets.put_pps(&nal),
                    _ => Ok(false),
                };
            }
        }
        Ok(Self {
            sets,
            pictures: Pictures::default(),
            fragments: None,
            waiting: true,
            last_idr: None,
            entered: None,
        })
    }

    fn aggregate(&mut self, packet: &Packet) -> Result<(), Malformed> {
        let mut rest = packet.payload.slice(1..);
        while !rest.is_empty() {
            let Some((&[high, low], after)) = rest.split_first_chunk() else {
                return Err(Malformed("H.264: aggregation packet cut off"));
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length > after.len() {
                return Err(Malformed("H.264: aggregated NAL unit longer than its packet"));
            }
            let mut nal = rest.split_off(2);
            rest = nal.split_off(length);
            self.nal(packet, &nal)?;
        }
        Ok(())
    }

    fn fragment(&mut self, packet: &Packet, indicator: u8) -> Result<(), Malformed> {
        let (Some(&header), Some(body)) = (packet.payload.get(1), packet.payload.get(2..)) else {
            return Err(Malformed("H.264: fragment without its header"));
        };
        if header & FU_START != 0 {
            if self.fragments.is_some() {
                return Err(Malformed("H.264: fragmented NAL unit without its end"));
            }
            let mut nal = BytesMut::with_capacity(body.len() * 4);
            nal.put_u8(indicator & 0xe0 | header & 0x1f);
            self.fragments = Some(nal);
        }
        let Some(nal) = &mut self.fragments else {
            // After a loss the rest of a fragmented NAL unit is expected.
            return if self.waiting {
                Ok(())
            } else {
                Err(Malformed("H.264: fragment without a beginning"))
            };
        };
        if nal.len() + body.len() > MAX_UNIT_BYTES {
            return Err(Malformed("H.264: NAL unit too long"));
        }
        nal.put_slice(body);
        if header & FU_END != 0
            && let Some(nal) = self.fragments.take()
        {
            self.nal(packet, &nal.freeze())?;
        }
        Ok(())
    }

    fn nal(&mut self, packet: &Packet, nal: &Bytes) -> Result<(), Malformed> {
        let Some(header) = nal.first() else { return Ok(()) };
        match header & 0x1f {
            kind @ (SPS | PPS) => {
                let changed = if kind == SPS {
                    self.sets.put_sps(nal)?
                } else {
                    self.sets.put_pps(nal)?
                };
                if changed {
                    let unit = self.pictures.unit(packet);
                    append(&mut unit.changed_sets, nal)?;
                }
                Ok(())
            }
            // The muxer writes delimiters where its container wants them.
            ACCESS_UNIT_DELIMITER..=FILLER => Ok(()),
            kind => {
                let unit = self.pictures.unit(packet);
                if kind == SEI {
                    unit.recovery = recovers_later(nal).or(unit.recovery);
                }
                if (SLICE..=IDR).contains(&kind) && unit.picture.is_none() {
                    let partition = kind > SLICE && kind <= PARTITION_C;
                    let Some([first_macroblock, slice_type, pps_id]) = leading_ue(nal, 0) else {
                        return Err(Malformed("H.264: unreadable slice header"));
                    };
                    if first_macroblock != 0 && !partition {
                        self.pictures.lacks_beginning(packet);
                        return Err(Malformed("H.264: picture without its beginning"));
                    }
                    unit.picture = Some(FirstSlice {
                        idr: kind == IDR,
                        // I and SI, of this slice or of all in the picture.
                        intra: matches!(slice_type % 5, 2 | 4),
                        pps_id,
                    });
                }
                append(&mut unit.data, nal)
            }
        }
    }

    /// Whether an IDR picture came not long before a picture with this timestamp.
    fn follows_idr(&mut self, timestamp: u32) -> bool {
        self.last_idr = self.last_idr.filter(|idr| timestamp.wrapping_sub(*idr) < IDR_INTERVAL);
        self.last_idr.is_some()
    }
}

/// Of a SEI NAL unit that has a recovery point, H.264 D.1.8: whether all is as it was sent only some pictures later.
fn recovers_later(nal: &[u8]) -> Option<bool> {
    let message = message(nal, RECOVERY_POINT)?;
    leading_ue::<1>(&[&[SEI], &message[..]].concat(), 0).map(|[later]| later > 0)
}

impl NalCodec for H264 {
    type Picture = FirstSlice;

    fn pictures(&mut self) -> &mut Pictures<FirstSlice> {
        &mut self.pictures
    }

    fn payload(&mut self, packet: &Packet, _: &mut Vec<Frame>) -> Result<(), Malformed> {
        let payload = &packet.payload;
        let Some(&indicator) = payload.first() else {
            return Ok(());
        };
        let kind = indicator & 0x1f;
        if kind != FU_A && self.fragments.take().is_some() {
            return Err(Malformed("H.264: fragmented NAL unit without its end"));
        }
        match kind {
            1..=LAST_NAL_TYPE => self.nal(packet, payload),
            STAP_A => self.aggregate(packet),
            FU_A => self.fragment(packet, indicator),
            _ => Err(Malformed("H.264: packet type that non-interleaved mode does not allow")),
        }
    }

    fn finish(&mut self) -> Result<Option<Frame>, Malformed> {
        if self.fragments.take().is_some() {
            return Err(Malformed("H.264: fragmented NAL unit without its end"));
        }
        let Some(unit) = self.pictures.unit.take() else {
            return Ok(None);
        };
        let Some(first_slice) = &unit.picture else {
            return Ok(None);
        };
        self.pictures.ended();
        // A recovery point is an intra picture of an open group, or where pictures begin to be refreshed part by part.
        let enters = first_slice.idr || unit.recovery.is_some_and(|later| later || first_slice.intra);
        if self.waiting && !enters {
            return Ok(None);
        }
        let keyframe = first_slice.idr || self.waiting || (enters && !self.follows_idr(unit.timestamp));
        if first_slice.idr {
            self.last_idr = Some(unit.timestamp);
        }
        if let Some(entered) = self.entered {
            if (unit.timestamp.wrapping_sub(entered) as i32) < 0 {
                return Ok(None);
            }
            self.entered = None;
        }
        if self.waiting && !first_slice.idr {
            self.entered = Some(unit.timestamp);
        }
        let activated = keyframe.then(|| self.sets.activate(first_slice.pps_id)).transpose()?;
        self.waiting = false;
        Ok(Some(unit.into_frame(activated)))
    }

    fn wait(&mut self) {
        self.waiting = true;
        self.entered = None;
    }

    fn forget_parts(&mut self) {
        self.fragments = None;
    }
}
