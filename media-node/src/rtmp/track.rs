//! One track of a publisher as packets of RTP: numbered, timed, and told of by sender reports. Pure.

use bytes::{BufMut, Bytes, BytesMut};

use super::codec::{Codec, Terms, Unreadable};
use super::flv::{CodecId, Unit};
use crate::hub::Flow;

/// Media time between two sender reports.
const REPORT_EVERY_MS: i64 = 5_000;
/// RTMP counts whole milliseconds. Sound that is no further off than this follows the frame before it without a gap.
const ROUNDED_MS: i64 = 3;
/// From the beginning of NTP's time to that of Unix'.
const NTP_OFFSET_S: i64 = 2_208_988_800;

/// See the module.
pub(super) struct Track {
    pub(super) codec_id: CodecId,
    codec: Box<dyn Codec>,
    terms: Terms,
    payload_type: u8,
    ssrc: u32,
    sequence: u16,
    start: Start,
    /// Where the next frame of sound begins, in ticks.
    next: Option<i64>,
    /// Media time of the last sender report.
    reported_ms: Option<i64>,
    packets: u32,
    bytes: u32,
}

/// The first frame of sound waits for the next one: RTMP has no time before 0, where encoders begin, and some muxers give all that
/// lies there the time of what follows.
enum Start {
    Nothing,
    Waiting(Unit, i64),
    Over,
}

impl Track {
    pub(super) fn new(codec_id: CodecId, codec: Box<dyn Codec>, payload_type: u8, ssrc: u32) -> Self {
        Self {
            codec_id,
            terms: codec.terms(),
            codec,
            payload_type,
            ssrc,
            sequence: 0,
            start: Start::Nothing,
            next: None,
            reported_ms: None,
            packets: 0,
            bytes: 0,
        }
    }

    /// As in [`Codec::reconfigure`].
    pub(super) fn reconfigure(&mut self, configuration: &Bytes) -> Result<bool, Unreadable> {
        let is_same = self.codec.reconfigure(configuration)?;
        self.terms = self.codec.terms();
        if !is_same {
            self.next = None;
        }
        Ok(is_same)
    }

    /// Its part of a session description. `media`: `audio` or `video`.
    pub(super) fn description(&self, media: &str) -> String {
        let Self {
            payload_type, terms, ..
        } = self;
        let encoding = &terms.encoding;
        let mut text = format!("m={media} 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {encoding}\r\n");
        if !terms.parameters.is_empty() {
            text += &format!("a=fmtp:{payload_type} {}\r\n", terms.parameters);
        }
        text
    }

    /// Another publication begins: the next packet comes behind a sender report.
    pub(super) fn report_anew(&mut self) {
        self.reported_ms = None;
    }

    /// The packets of a unit at this media time, which is 0 at `origin_ms`, in Unix milliseconds.
    pub(super) fn packets(
        &mut self,
        unit: &Unit,
        media_ms: i64,
        origin_ms: i64,
    ) -> Result<Vec<(Flow, Bytes)>, Unreadable> {
        let is_sound = self.codec.ticks(&unit.data).is_some();
        if !is_sound || matches!(self.start, Start::Over) {
            return self.pack(unit, media_ms, origin_ms);
        }
        match std::mem::replace(&mut self.start, Start::Over) {
            Start::Waiting(first, first_ms) if first_ms < media_ms => {
                let first = self.pack(&first, first_ms, origin_ms)?;
                Ok([first, self.pack(unit, media_ms, origin_ms)?].concat())
            }
            _ => {
                self.start = Start::Waiting(unit.clone(), media_ms);
                Ok(Vec::new())
            }
        }
    }

    fn pack(&mut self, unit: &Unit, media_ms: i64, origin_ms: i64) -> Result<Vec<(Flow, Bytes)>, Unreadable> {
        let payloads = self.codec.pack(&unit.data, unit.is_key)?;
        let timestamp = self.timestamp(unit, media_ms);
        let mut packets = Vec::with_capacity(payloads.len() + 1);
        if self.is_report_due(media_ms) {
            self.reported_ms = Some(media_ms);
            packets.push((Flow::Rtcp, self.report(media_ms, origin_ms)));
        }
        for payload in payloads {
            let mut packet = BytesMut::with_capacity(12 + payload.data.len());
            packet.put_u8(0x80);
            packet.put_u8(u8::from(payload.marker) << 7 | self.payload_type);
            packet.put_u16(self.sequence);
            packet.put_u32(timestamp);
            packet.put_u32(self.ssrc);
            packet.put_slice(&payload.data);
            self.sequence = self.sequence.wrapping_add(1);
            self.packets = self.packets.wrapping_add(1);
            self.bytes = self.bytes.wrapping_add(payload.data.len() as u32);
            packets.push((Flow::Rtp, packet.freeze()));
        }
        Ok(packets)
    }

    /// Pictures have the time at which they are shown; sound is counted in samples, as long as that agrees.
    fn timestamp(&mut self, unit: &Unit, media_ms: i64) -> u32 {
        let told = self.ticks(media_ms + i64::from(unit.composition_ms));
        let Some(length) = self.codec.ticks(&unit.data) else {
            return told as u32;
        };
        let most = self.ticks(ROUNDED_MS);
        let at = self.next.filter(|next| (told - next).abs() <= most).unwrap_or(told);
        self.next = Some(at + i64::from(length));
        at as u32
    }

    fn ticks(&self, ms: i64) -> i64 {
        ms * i64::from(self.terms.clock_rate) / 1_000
    }

    fn is_report_due(&self, media_ms: i64) -> bool {
        self.reported_ms
            .is_none_or(|reported_ms| (media_ms - reported_ms).abs() >= REPORT_EVERY_MS)
    }

    fn report(&self, media_ms: i64, origin_ms: i64) -> Bytes {
        let unix_ms = origin_ms + media_ms;
        let seconds = unix_ms.div_euclid(1_000) + NTP_OFFSET_S;
        let fraction = (unix_ms.rem_euclid(1_000) << 32) / 1_000;
        let mut report = BytesMut::with_capacity(28);
        report.put_slice(&[0x80, 200, 0, 6]);
        report.put_u32(self.ssrc);
        report.put_u32(seconds as u32);
        report.put_u32(fraction as u32);
        report.put_u32(self.ticks(media_ms) as u32);
        report.put_u32(self.packets);
        report.put_u32(self.bytes);
        report.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtmp::codec::codec;

    fn aac() -> Track {
        // 44.1 kHz: a frame is 23.22 ms.
        let codec = codec(CodecId::Aac, &Bytes::from_static(&[0x12, 0x10])).unwrap();
        Track::new(CodecId::Aac, codec, 97, 7)
    }

    fn frame() -> Unit {
        Unit {
            codec: CodecId::Aac,
            is_key: true,
            composition_ms: 0,
            data: Bytes::from_static(&[1, 2, 3]),
        }
    }

    fn field(bytes: &Bytes, at: usize) -> u32 {
        u32::from_be_bytes(*bytes[at..].first_chunk().unwrap())
    }

    #[test]
    fn sound_is_counted_in_samples_while_rounded_times_agree() {
        let mut track = aac();
        let mut timestamps = Vec::new();
        // What lay before 0 has the time of what follows.
        for media_ms in [0, 0, 0, 23, 46, 70, 93, 116, 500] {
            let packets = track.packets(&frame(), media_ms, 0).unwrap();
            let rtp = packets.iter().filter(|(flow, _)| *flow == Flow::Rtp);
            timestamps.extend(rtp.map(|(_, packet)| field(packet, 4)));
        }
        assert_eq!(timestamps, [0, 1_024, 2_048, 3_072, 4_096, 5_120, 22_050]);
    }

    #[test]
    fn reports_come_first_and_tell_when_media_time_is() {
        let mut track = aac();
        let flows = |packets: &[(Flow, Bytes)]| packets.iter().map(|(flow, _)| *flow).collect::<Vec<_>>();
        assert!(track.packets(&frame(), 1_500, 1_000).unwrap().is_empty());
        let first = track.packets(&frame(), 1_523, 1_000).unwrap();
        assert_eq!(flows(&first), [Flow::Rtcp, Flow::Rtp, Flow::Rtp]);
        let report = &first[0].1;
        assert_eq!((field(report, 4), field(report, 16)), (7, 66_150));
        assert_eq!(
            (field(report, 8), field(report, 12)),
            (NTP_OFFSET_S as u32 + 2, 1 << 31)
        );
        assert_eq!(flows(&track.packets(&frame(), 1_546, 1_000).unwrap()), [Flow::Rtp]);
        assert_eq!(flows(&track.packets(&frame(), 6_500, 1_000).unwrap()).len(), 2);
        track.report_anew();
        assert_eq!(flows(&track.packets(&frame(), 6_523, 1_000).unwrap()).len(), 2);
    }

    #[test]
    fn pictures_have_the_time_at_which_they_are_shown() {
        let record = Bytes::from_static(&[1, 66, 0, 30, 0xff, 0xe0, 0]);
        let mut track = Track::new(CodecId::H264, codec(CodecId::H264, &record).unwrap(), 96, 7);
        let mut at = |media_ms, composition_ms| {
            let unit = Unit {
                codec: CodecId::H264,
                is_key: false,
                composition_ms,
                data: Bytes::from_static(&[0, 0, 0, 2, 0x41, 9]),
            };
            let packets = track.packets(&unit, media_ms, 0).unwrap();
            let (_, packet) = packets.last().unwrap();
            (field(packet, 4), packet[1])
        };
        assert_eq!(at(1_000, 80), (97_200, 0xe0));
        assert_eq!(at(1_040, 200), (111_600, 0xe0));
        assert_eq!(at(1_080, 0), (97_200, 0xe0));
        assert_eq!(at(-1, 0).0, 0u32.wrapping_sub(90));
    }
}
