//! JPEG, RFC 2435: pictures whose tables are told in short, and are written out again.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::assembly::Assembly;
use super::jpeg_tables::{CHROMA_AC, CHROMA_DC, LUMA_AC, LUMA_DC, quantization};
use super::parameter_sets::DEFAULT_FRAME_US;
use super::{Depacketizer, Frame, FrameFormat, Malformed, Packet};
use crate::stream::{Format, JpegFormat};

const RESTARTS: std::ops::RangeInclusive<u8> = 64..=127;
/// From this value on the tables are in the packet.
const TABLES_SENT: u8 = 128;
/// Two tables of 64 values, of two bytes each at most.
const MAX_TABLE_BYTES: usize = 256;

#[derive(Debug)]
pub(super) struct Jpeg {
    picture: Option<Picture>,
    /// Packets of the present picture are missing, or came before the first one.
    damaged: bool,
    /// The tables that were sent last for each value of Q.
    tables: BTreeMap<u8, Bytes>,
    format: Option<JpegFormat>,
}

/// The picture that is being put together, headers in front.
#[derive(Debug)]
struct Picture {
    assembly: Assembly,
    format: JpegFormat,
    /// How much of its scan has come.
    scan: usize,
}

/// What is in front of each part of a scan.
#[derive(Clone, Copy, Debug)]
struct Head {
    offset: usize,
    kind: u8,
    quality: u8,
    /// In pixels.
    width: u32,
    height: u32,
    /// Blocks between two restart markers.
    restart_interval: Option<u16>,
}

impl Jpeg {
    pub(super) fn new() -> Self {
        Self {
            picture: None,
            damaged: true,
            tables: BTreeMap::new(),
            format: None,
        }
    }

    /// Begins a picture with its headers; `rest`: what stands behind the head.
    fn begin(&mut self, packet: &Packet, head: Head, rest: &mut Bytes) -> Result<Picture, Malformed> {
        let tables = self.tables(head.quality, rest)?;
        let mut assembly = Assembly::new(packet);
        assembly.add(&headers(head, &tables)?)?;
        Ok(Picture {
            assembly,
            format: JpegFormat {
                width: head.width,
                height: head.height,
            },
            scan: 0,
        })
    }

    /// The quantization tables, one byte for each value.
    fn tables(&mut self, quality: u8, rest: &mut Bytes) -> Result<Bytes, Malformed> {
        const CUT_OFF: Malformed = Malformed("JPEG: quantization tables cut off");
        if quality < TABLES_SENT {
            return quantization(quality).ok_or(Malformed("JPEG: quality that is not defined"));
        }
        let (&[_, precision, high, low], _) = rest.split_first_chunk().ok_or(CUT_OFF)?;
        rest.advance(4);
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > rest.len() || length > MAX_TABLE_BYTES {
            return Err(CUT_OFF);
        }
        let sent = rest.split_to(length);
        if length > 0 {
            if precision != 0 || (length != 64 && length != 128) {
                return Err(Malformed("JPEG: quantization tables of another form"));
            }
            // One table is for all of a picture.
            let tables = if length == 64 {
                [&sent[..], &sent].concat().into()
            } else {
                sent
            };
            self.tables.insert(quality, tables);
        }
        let known = self.tables.get(&quality).cloned();
        known.ok_or(Malformed("JPEG: picture without its quantization tables"))
    }

    /// The picture is complete.
    fn finish(&mut self) -> Option<Frame> {
        const END: [u8; 2] = [0xff, 0xd9];
        let mut picture = self.picture.take()?;
        if picture.scan == 0 {
            return None;
        }
        if !picture.assembly.data.ends_with(&END) {
            picture.assembly.data.put_slice(&END);
        }
        let now = picture.format;
        let format = (self.format.as_ref() != Some(&now)).then(|| FrameFormat {
            format: Format::Jpeg(now.clone()),
            frame_us: DEFAULT_FRAME_US,
        });
        self.format = Some(now);
        Some(Frame {
            timestamp: picture.assembly.timestamp,
            arrival_us: picture.assembly.arrival_us,
            data: picture.assembly.data.freeze(),
            keyframe: true,
            format,
        })
    }
}

impl Head {
    /// Takes it from the front of a payload.
    fn take(payload: &mut Bytes) -> Option<Self> {
        let (&[_, o0, o1, o2, kind, quality, width, height], _) = payload.split_first_chunk()?;
        payload.advance(8);
        let mut restart_interval = None;
        if RESTARTS.contains(&kind) {
            let (&[high, low, _, _], _) = payload.split_first_chunk()?;
            payload.advance(4);
            restart_interval = Some(u16::from_be_bytes([high, low]));
        }
        Some(Self {
            offset: u32::from_be_bytes([0, o0, o1, o2]) as usize,
            kind,
            quality,
            width: u32::from(width) * 8,
            height: u32::from(height) * 8,
            restart_interval,
        })
    }
}

/// All that stands in front of the scan. `tables`: for luma and for chroma.
fn headers(head: Head, tables: &[u8]) -> Result<BytesMut, Malformed> {
    // Lines of luma for each one of chroma; across there are two.
    let lines = match head.kind & 0x3f {
        0 => 1,
        1 => 2,
        _ => return Err(Malformed("JPEG: type that is not known")),
    };
    if head.width == 0 || head.height == 0 {
        return Err(Malformed("JPEG: larger than the 2040 pixels that RFC 2435 can tell"));
    }
    let mut out = BytesMut::with_capacity(1024);
    out.put_slice(&[0xff, 0xd8]);
    for (id, table) in (0..).zip(tables.chunks(64)) {
        out.put_slice(&[0xff, 0xdb, 0, 67, id]);
        out.put_slice(table);
    }
    if let Some(interval) = head.restart_interval {
        out.put_slice(&[0xff, 0xdd, 0, 4]);
        out.put_u16(interval);
    }
    out.put_slice(&[0xff, 0xc0, 0, 17, 8]);
    out.put_u16(head.height as u16);
    out.put_u16(head.width as u16);
    out.put_slice(&[3, 1, 0x20 | lines, 0, 2, 0x11, 1, 3, 0x11, 1]);
    for (class, (counts, values)) in [(0x00, LUMA_DC), (0x10, LUMA_AC), (0x01, CHROMA_DC), (0x11, CHROMA_AC)] {
        out.put_slice(&[0xff, 0xc4]);
        out.put_u16((3 + counts.len() + values.len()) as u16);
        out.put_u8(class);
        out.put_slice(counts);
        out.put_slice(values);
    }
    out.put_slice(&[0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    Ok(out)
}

/// The width and height of a picture, in pixels, by the frame header of a baseline JPEG; ITU-T T.81 B.2.2.
pub fn jpeg_picture_size(picture: &[u8]) -> Option<(u32, u32)> {
    const BASELINE: [u8; 5] = [0xff, 0xc0, 0, 17, 8];
    let at = picture.windows(BASELINE.len()).position(|window| window == BASELINE)?;
    let &[h0, h1, w0, w1] = picture.get(at + BASELINE.len()..)?.first_chunk()?;
    let size = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
    Some((size(w0, w1), size(h0, h1)))
}

impl Depacketizer for Jpeg {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        if packet.payload.is_empty() {
            return Ok(());
        }
        let mut rest = packet.payload.clone();
        let head = Head::take(&mut rest).ok_or(Malformed("JPEG: packet cut off"))?;
        let is_other = |picture: &Picture| head.offset == 0 || picture.assembly.timestamp != packet.timestamp;
        if self.picture.as_ref().is_some_and(is_other) {
            // Its last packet had the marker, if it is whole.
            self.picture = None;
        }
        if head.offset == 0 {
            self.damaged = false;
            self.picture = Some(self.begin(packet, head, &mut rest)?);
        }
        let Some(picture) = &mut self.picture else {
            // After a loss the rest of a picture is expected.
            return if self.damaged {
                Ok(())
            } else {
                Err(Malformed("JPEG: picture without its beginning"))
            };
        };
        if head.offset != picture.scan {
            return Err(Malformed("JPEG: parts that do not belong together"));
        }
        picture.scan += rest.len();
        picture.assembly.add(&rest)?;
        if packet.marker {
            frames.extend(self.finish());
        }
        Ok(())
    }

    fn lost(&mut self) {
        self.picture = None;
        self.damaged = true;
    }
}
