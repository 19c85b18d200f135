//! H.265, RFC 7798: single NAL units, aggregation packets and fragmentation units, in decoding order.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};

use super::h265_sets::{H265Sets, SliceHead};
use super::pictures::{NalCodec, Pictures, append};
use super::sei::{RECOVERY_POINT, message};
use super::{Fmtp, Frame, MAX_UNIT_BYTES, Malformed, Packet};

const RASL_N: u8 = 8;
const RASL_R: u8 = 9;
const BLA_W_LP: u8 = 16;
const BLA_N_LP: u8 = 18;
const IDR_N_LP: u8 = 20;
const CRA: u8 = 21;
const LAST_SLICE: u8 = 31;
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const ACCESS_UNIT_DELIMITER: u8 = 35;
const END_OF_BITSTREAM: u8 = 37;
const FILLER: u8 = 38;
const PREFIX_SEI: u8 = 39;
const LAST_NAL_TYPE: u8 = 47;
const AGGREGATION: u8 = 48;
const FRAGMENT: u8 = 49;

/// While pictures come more often than this, in ticks of 90 kHz, that need nothing from before them, nor do those that follow,
/// others that can be entered are no keyframes: a slice that begins with the former is whole.
const CLOSED_INTERVAL: u32 = 30 * 90_000;

const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

#[derive(Debug)]
pub(super) struct H265 {
    sets: H265Sets,
    /// Packets carry decoding order numbers, RFC 7798 4.4: `sprop-max-don-diff` is greater than 0.
    numbered: bool,
    /// The last decoding order number.
    order: Option<u16>,
    /// With the type of the first slice segment, and what that says.
    pictures: Pictures<(u8, SliceHead)>,
    fragments: Option<BytesMut>,
    /// Nothing can be decoded before the next picture that can be entered.
    waiting: bool,
    /// The timestamp of the last picture that began a closed group, while it is recent.
    last_closed: Option<u32>,
    /// Pictures of the type RASL refer to ones that are not there.
    lacks_leading: bool,
    /// The timestamp of an entered picture that is no intra picture: those that are shown before it refer to ones that are
    /// not there.
    entered: Option<u32>,
}

impl H265 {
    pub(super) fn new(fmtp: &Fmtp) -> Result<Self, &'static str> {
        if fmtp.number("sprop-depack-buf-nalus").is_some_and(|nalus| nalus > 0) {
            return Err("interleaved packetization: have its publisher send in decoding order");
        }
        let mut sets = H265Sets::default();
        for name in ["sprop-vps", "sprop-sps", "sprop-pps"] {
            for set in fmtp.get(name).unwrap_or_default().split(',') {
                // Parameter sets that cannot be read here may still come in-band.
                if let Ok(nal) = STANDARD.decode(set.trim()).map(Bytes::from) {
                    let _ = match nal.first().map(|header| header >> 1) {
                        Some(VPS) => sets.put_vps(&nal),
                        Some(SPS) => sets.put_sps(&nal),
                        Some(PPS) => sets.put_pps(&nal),
                        _ => Ok(false),
                    };
                }
            }
        }
        Ok(Self {
            sets,
            numbered: fmtp.number("sprop-max-don-diff").is_some_and(|diff| diff > 0),
            order: None,
            pictures: Pictures::default(),
            fragments: None,
            waiting: true,
            last_closed: None,
            lacks_leading: false,
            entered: None,
        })
    }

    /// Takes the decoding order number from the front.
    fn in_order(&mut self, body: &mut Bytes) -> Result<(), Malformed> {
        let Some(&number) = body.first_chunk() else {
            return Err(Malformed("H.265: packet without its decoding order number"));
        };
        *body = body.slice(2..);
        self.number(u16::from_be_bytes(number))
    }

    fn number(&mut self, number: u16) -> Result<(), Malformed> {
        let last = self.order.replace(number).unwrap_or(number);
        if (number.wrapping_sub(last) as i16) < 0 {
            return Err(Malformed("H.265: NAL units in another order than that of decoding"));
        }
        Ok(())
    }

    fn aggregate(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let mut rest = packet.payload.slice(2..);
        if self.numbered {
            self.in_order(&mut rest)?;
        }
        let mut first = true;
        while !rest.is_empty() {
            if self.numbered && !std::mem::take(&mut first) {
                let difference = u16::from(rest.first().copied().unwrap_or_default());
                rest = rest.slice(1..);
                let last = self.order.unwrap_or_default();
                self.number(last.wrapping_add(difference).wrapping_add(1))?;
            }
            let Some((&[high, low], after)) = rest.split_first_chunk() else {
                return Err(Malformed("H.265: aggregation packet cut off"));
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length > after.len() {
                return Err(Malformed("H.265: aggregated NAL unit longer than its packet"));
            }
            let mut nal = rest.split_off(2);
            rest = nal.split_off(length);
            self.nal(packet, &nal, frames)?;
        }
        Ok(())
    }

    fn fragment(&mut self, packet: &Packet, [high, low]: [u8; 2], frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let Some(&header) = packet.payload.get(2) else {
            return Err(Malformed("H.265: fragment without its header"));
        };
        let mut body = packet.payload.slice(3..);
        if header & FU_START != 0 {
            if self.fragments.is_some() {
                return Err(Malformed("H.265: fragmented NAL unit without its end"));
            }
            if self.numbered {
                self.in_order(&mut body)?;
            }
            let mut nal = BytesMut::with_capacity(body.len() * 4);
            nal.put_slice(&[high & 0x81 | (header & 0x3f) << 1, low]);
            self.fragments = Some(nal);
        }
        let Some(nal) = &mut self.fragments else {
            // After a loss the rest of a fragmented NAL unit is expected.
            return if self.waiting {
                Ok(())
            } else {
                Err(Malformed("H.265: fragment without a beginning"))
            };
        };
        if nal.len() + body.len() > MAX_UNIT_BYTES {
            return Err(Malformed("H.265: NAL unit too long"));
        }
        nal.put_slice(&body);
        if header & FU_END != 0
            && let Some(nal) = self.fragments.take()
        {
            self.nal(packet, &nal.freeze(), frames)?;
        }
        Ok(())
    }

    fn nal(&mut self, packet: &Packet, nal: &Bytes, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let Some((&[high, low], body)) = nal.split_first_chunk() else {
            return Err(Malformed("H.265: NAL unit without its header"));
        };
        // Layers above the base are other pictures of the same moment.
        if (high & 1) << 5 | low >> 3 != 0 {
            return Ok(());
        }
        let kind = high >> 1 & 0x3f;
        let begins_picture = kind <= LAST_SLICE && body.first().is_some_and(|byte| byte & 0x80 != 0);
        let begins_unit = begins_picture || matches!(kind, VPS..=ACCESS_UNIT_DELIMITER | PREFIX_SEI | 41..=44);
        if begins_unit && self.pictures.unit.as_ref().is_some_and(|unit| unit.picture.is_some()) {
            frames.extend(self.finish()?);
        }
        match kind {
            VPS | SPS | PPS => {
                let changed = match kind {
                    VPS => self.sets.put_vps(nal)?,
                    SPS => self.sets.put_sps(nal)?,
                    _ => self.sets.put_pps(nal)?,
                };
                if changed {
                    let unit = self.pictures.unit(packet);
                    append(&mut unit.changed_sets, nal)?;
                }
                Ok(())
            }
            // The muxer writes delimiters where its container wants them.
            ACCESS_UNIT_DELIMITER | END_OF_BITSTREAM | FILLER => Ok(()),
            kind => {
                let unit = self.pictures.unit(packet);
                if kind == PREFIX_SEI {
                    unit.recovery = recovers_later(nal).or(unit.recovery);
                }
                if kind <= LAST_SLICE && unit.picture.is_none() {
                    if !begins_picture {
                        self.pictures.lacks_beginning(packet);
                        return Err(Malformed("H.265: picture without its beginning"));
                    }
                    let head = self.sets.slice_head(nal, kind);
                    let head = head.ok_or(Malformed("H.265: unreadable slice header"))?;
                    unit.picture = Some((kind, head));
                }
                append(&mut unit.data, nal)
            }
        }
    }

    /// Whether a closed group began not long before a picture with this timestamp.
    fn follows_closed(&mut self, timestamp: u32) -> bool {
        let is_recent = |closed: &u32| timestamp.wrapping_sub(*closed) < CLOSED_INTERVAL;
        self.last_closed = self.last_closed.filter(is_recent);
        self.last_closed.is_some()
    }
}

/// Of a SEI NAL unit that has a recovery point, H.265 D.2.8: whether all is as it was sent only some pictures later.
fn recovers_later(nal: &[u8]) -> Option<bool> {
    let message = message(nal.get(1..)?, RECOVERY_POINT)?;
    // se(v): 0 is the one bit 1.
    message.first().map(|byte| byte & 0x80 == 0)
}

impl NalCodec for H265 {
    type Picture = (u8, SliceHead);

    fn pictures(&mut self) -> &mut Pictures<(u8, SliceHead)> {
        &mut self.pictures
    }

    fn payload(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let payload = &packet.payload;
        if payload.is_empty() {
            return Ok(());
        }
        let Some(&[high, low]) = payload.first_chunk() else {
            return Err(Malformed("H.265: packet without its header"));
        };
        let kind = high >> 1 & 0x3f;
        if kind != FRAGMENT && self.fragments.take().is_some() {
            return Err(Malformed("H.265: fragmented NAL unit without its end"));
        }
        match kind {
            0..=LAST_NAL_TYPE => {
                let mut body = payload.slice(2..);
                if self.numbered {
                    self.in_order(&mut body)?;
                    let nal = [&[high, low][..], &body].concat();
                    return self.nal(packet, &nal.into(), frames);
                }
                self.nal(packet, payload, frames)
            }
            AGGREGATION => self.aggregate(packet, frames),
            FRAGMENT => self.fragment(packet, [high, low], frames),
            _ => Err(Malformed("H.265: packet type that is not known")),
        }
    }

    fn finish(&mut self) -> Result<Option<Frame>, Malformed> {
        if self.fragments.take().is_some() {
            return Err(Malformed("H.265: fragmented NAL unit without its end"));
        }
        let Some(unit) = self.pictures.unit.take() else {
            return Ok(None);
        };
        let Some((kind, head)) = unit.picture else {
            return Ok(None);
        };
        self.pictures.ended();
        let intra_point = (BLA_W_LP..=CRA).contains(&kind);
        // A recovery point is an intra picture, or where pictures begin to be refreshed part by part.
        let enters = intra_point || unit.recovery.is_some_and(|later| later || head.intra);
        if self.waiting && !enters {
            return Ok(None);
        }
        // Of those behind a splice nobody has what they refer to.
        if intra_point {
            self.lacks_leading = self.waiting || kind <= BLA_N_LP;
        } else if self.lacks_leading && matches!(kind, RASL_N | RASL_R) {
            return Ok(None);
        }
        let closed = (BLA_W_LP..=IDR_N_LP).contains(&kind);
        let keyframe = closed || self.waiting || (enters && !self.follows_closed(unit.timestamp));
        if closed {
            self.last_closed = Some(unit.timestamp);
        }
        if intra_point {
            self.entered = None;
        } else if let Some(entered) = self.entered {
            if (unit.timestamp.wrapping_sub(entered) as i32) < 0 {
                return Ok(None);
            }
            self.entered = None;
        }
        if self.waiting && !intra_point {
            self.entered = Some(unit.timestamp);
        }
        let activated = keyframe.then(|| self.sets.activate(head.pps_id)).transpose()?;
        self.waiting = false;
        Ok(Some(unit.into_frame(activated)))
    }

    fn wait(&mut self) {
        self.waiting = true;
        self.entered = None;
    }

    fn forget_parts(&mut self) {
        self.fragments = None;
        self.order = None;
    }
}
