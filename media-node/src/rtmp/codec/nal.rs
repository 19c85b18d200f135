//! What H.264 and H.265 have in common in MP4, ISO/IEC 14496-15: NAL units behind their lengths.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{MAX_PARTS, MAX_PAYLOAD, Payload, TOO_MANY_PARTS, Unreadable};

pub(super) const CUT_OFF: Unreadable = Unreadable("a configuration of parameter sets is cut off");

/// Takes so many parameter sets, each behind a length of two bytes.
pub(super) fn take_sets(rest: &mut Bytes, count: u16, sets: &mut Vec<Bytes>) -> Result<(), Unreadable> {
    for _ in 0..count {
        let length = usize::from(rest.try_get_u16().map_err(|_| CUT_OFF)?);
        if length > rest.len() {
            return Err(CUT_OFF);
        }
        let set = rest.split_to(length);
        if !set.is_empty() {
            sets.push(set);
        }
    }
    Ok(())
}

/// The NAL units of a unit, each behind a length of so many bytes.
pub(super) fn split(unit: &Bytes, length_bytes: usize) -> Result<Vec<Bytes>, Unreadable> {
    let mut rest = unit.clone();
    let mut nal_units = Vec::new();
    while rest.has_remaining() {
        let length = rest
            .try_get_uint(length_bytes)
            .map_err(|_| Unreadable("a length before a NAL unit is cut off"))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > rest.len() {
            return Err(Unreadable("a NAL unit is longer than what holds it"));
        }
        let nal = rest.split_to(length);
        if nal_units.len() >= MAX_PARTS {
            return Err(TOO_MANY_PARTS);
        }
        if !nal.is_empty() {
            nal_units.push(nal);
        }
    }
    Ok(nal_units)
}

/// Packets of the NAL units of one picture. `head`: the bytes of a NAL unit's head, and what stands in their place before each
/// part of one that is too long for a packet, without its flags.
pub(super) fn pack(nal_units: Vec<Bytes>, head: impl Fn(&Bytes) -> Option<(usize, Vec<u8>)>) -> Vec<Payload> {
    let mut payloads = Vec::new();
    for mut nal in nal_units {
        if nal.len() <= MAX_PAYLOAD {
            payloads.push(Payload {
                marker: false,
                data: nal,
            });
            continue;
        }
        let Some((length, head)) = head(&nal) else { continue };
        nal.advance(length.min(nal.len()));
        let mut start = 0x80;
        while nal.has_remaining() {
            let part = nal.split_to(nal.len().min(MAX_PAYLOAD - head.len()));
            let end = if nal.has_remaining() { 0 } else { 0x40 };
            let mut data = BytesMut::with_capacity(head.len() + part.len());
            data.put_slice(&head);
            if let Some(flags) = data.last_mut() {
                *flags |= start | end;
            }
            data.put_slice(&part);
            start = 0;
            payloads.push(Payload {
                marker: false,
                data: data.freeze(),
            });
        }
    }
    if let Some(last) = payloads.last_mut() {
        last.marker = true;
    }
    payloads
}
