//! The few fields of RTP and RTCP that a relay needs, RFC 3550. Payloads stay opaque.

use std::time::Duration;

use bytes::Bytes;

use crate::stream::{Packet, Quarters};

/// The fixed header of an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHead {
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// The length of one block of a report.
pub const REPORT_BLOCK_BYTES: usize = 24;

const VERSION_2: u8 = 2;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const CSRC_COUNT: u8 = 0x0f;
const MARKER: u8 = 0x80;
const REPORT_COUNT: u8 = 0x1f;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const PAYLOAD_FEEDBACK: u8 = 206;
/// Formats of the feedback: a picture was lost,
const PICTURE_LOSS: u8 = 1;
/// or a keyframe is wanted whatever has come.
const FULL_INTRA: u8 = 4;

/// `None` for what is no RTP packet: another version, or a header, an extension or a padding that does not fit into it.
pub fn rtp_head(packet: &[u8]) -> Option<RtpHead> {
    let &[first, _, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = packet.first_chunk::<12>()?;
    let mut rest = packet.get(12 + 4 * usize::from(first & CSRC_COUNT)..)?;
    if first & EXTENSION != 0 {
        let &[_, _, high, low] = rest.first_chunk::<4>()?;
        rest = rest.get(4 + 4 * usize::from(u16::from_be_bytes([high, low]))..)?;
    }
    let padded_well = first & PADDING == 0
        || rest
            .last()
            .is_some_and(|length| (1..=rest.len()).contains(&usize::from(*length)));
    (first >> 6 == VERSION_2 && padded_well).then_some(RtpHead {
        sequence: u16::from_be_bytes([s0, s1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
    })
}

/// An RTP packet whose padding is none, without that: some senders set the bit and mean nothing by it, or count wrongly. `None`
/// where its padding is as it should be. `never`: its sender means nothing by the bit.
pub fn without_wrong_padding(packet: &[u8], never: bool) -> Option<Vec<u8>> {
    let first = *packet.first()?;
    if first & PADDING == 0 || (!never && (has_right_padding(packet) || is_all_padding(packet))) {
        return None;
    }
    let mut repaired = packet.to_vec();
    *repaired.first_mut()? = first & !PADDING;
    // A padding that counts nothing is still one byte.
    if repaired.len() > 12 && repaired.last() == Some(&0) {
        repaired.pop();
    }
    Some(repaired)
}

/// Whether a packet's padding fits into it, and is of zeros up to the byte that counts it: media seldom ends like that.
fn has_right_padding(packet: &[u8]) -> bool {
    let Some((length, rest)) = packet.split_last().filter(|_| rtp_head(packet).is_some()) else {
        return false;
    };
    let filler = rest.iter().rev().take(usize::from(*length).saturating_sub(1));
    filler.copied().all(|byte| byte == 0)
}

/// Whether a packet has nothing but padding, which measures the network and which some fill with anything.
fn is_all_padding(packet: &[u8]) -> bool {
    rtp_head(packet).is_some() && !has_payload(packet)
}

/// Whether an RTP packet, as [`rtp_head`] takes it, has more than its header and padding.
pub fn has_payload(packet: &[u8]) -> bool {
    payload(packet).is_some_and(|payload| !payload.is_empty())
}

/// What an RTP packet carries, without its padding; `None` for what is no RTP packet.
pub fn payload(packet: &[u8]) -> Option<&[u8]> {
    rtp_head(packet)?;
    let first = *packet.first()?;
    let mut rest = packet.get(12 + 4 * usize::from(first & CSRC_COUNT)..)?;
    if first & EXTENSION != 0 {
        let &[_, _, high, low] = rest.first_chunk::<4>()?;
        rest = rest.get(4 + 4 * usize::from(u16::from_be_bytes([high, low]))..)?;
    }
    let padding = match first & PADDING {
        0 => 0,
        _ => usize::from(*rest.last()?),
    };
    rest.get(..rest.len().checked_sub(padding)?)
}

/// What an RTP packet carries, for who puts units together. Where it stands in time is not known of its arrival.
pub fn unpacked(packet: &Bytes) -> Option<Packet> {
    let (head, payload) = (rtp_head(packet)?, payload(packet)?);
    Some(Packet {
        arrival_us: 0,
        sequence: head.sequence,
        timestamp: head.timestamp,
        marker: is_marked(packet),
        payload: packet.slice_ref(payload),
    })
}

/// Gives an RTP packet, as [`rtp_head`] takes it, another sequence number and source.
pub fn rename(packet: &mut [u8], sequence: u16, ssrc: u32) {
    if let Some(field) = packet.get_mut(2..4) {
        field.copy_from_slice(&sequence.to_be_bytes());
    }
    if let Some(field) = packet.get_mut(8..12) {
        field.copy_from_slice(&ssrc.to_be_bytes());
    }
}

/// A compound packet in which all that `ssrc` tells is told by `known_as`; `None` where it tells nothing.
pub fn with_reporter(packet: &[u8], ssrc: u32, known_as: u32) -> Option<Vec<u8>> {
    let mut renamed = packet.to_vec();
    let (mut at, mut found) = (0, false);
    while let Some(&[_, _, high, low]) = renamed.get(at..).and_then(<[u8]>::first_chunk) {
        if let Some(field) = renamed.get_mut(at + 4..at + 8)
            && *field == ssrc.to_be_bytes()
        {
            field.copy_from_slice(&known_as.to_be_bytes());
            found = true;
        }
        at += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
    }
    found.then_some(renamed)
}

/// Whether it is a compound packet, RFC 3550 A.2: packets of RTCP that fill it to its last byte.
pub fn is_compound(packet: &[u8]) -> bool {
    let mut rest = packet;
    while let Some(&[first, _, high, low]) = rest.first_chunk::<4>() {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some(behind) = rest.get(length..).filter(|_| first >> 6 == VERSION_2) else {
            return false;
        };
        // Only the last one may be padded.
        if first & PADDING != 0 && !behind.is_empty() {
            return false;
        }
        rest = behind;
    }
    rest.is_empty() && !packet.is_empty()
}

/// Whether a compound packet begins with a sender report that has all of its fields.
pub fn is_sender_report(packet: &[u8]) -> bool {
    let [first, SENDER_REPORT, high, low, ..] = packet else {
        return false;
    };
    // The sender's part, and one block for each source that it tells of.
    let words = 6 + 6 * u16::from(first & REPORT_COUNT);
    is_compound(packet) && u16::from_be_bytes([*high, *low]) >= words
}

/// Of a sender report, as [`is_sender_report`] takes it: a timestamp, and when that was by the sender's clock, since the beginning
/// of NTP's time.
pub fn reported_time(report: &[u8]) -> Option<(u32, Duration)> {
    let fields = is_sender_report(report).then_some(report)?.get(8..20)?;
    let &[s0, s1, s2, s3, f0, f1, f2, f3, t0, t1, t2, t3] = fields.first_chunk::<12>()?;
    let seconds = u64::from(u32::from_be_bytes([s0, s1, s2, s3]));
    let fraction = u64::from(u32::from_be_bytes([f0, f1, f2, f3]));
    let nanos = u32::try_from((fraction * 1_000_000_000) >> 32).ok()?;
    Some((u32::from_be_bytes([t0, t1, t2, t3]), Duration::new(seconds, nanos)))
}

/// A sender report, as [`is_sender_report`] takes it, whose timestamp is later by so many ticks. `None` for anything else.
pub fn with_later_timestamp(report: &[u8], ticks: u32) -> Option<Vec<u8>> {
    let mut moved = is_sender_report(report).then(|| report.to_vec())?;
    let field: &mut [u8; 4] = moved.get_mut(16..20)?.first_chunk_mut()?;
    *field = u32::from_be_bytes(*field).wrapping_add(ticks).to_be_bytes();
    Some(moved)
}

/// Gives an RTP packet, as [`rtp_head`] takes it, another timestamp.
pub fn retime(packet: &mut [u8], timestamp: u32) {
    if let Some(field) = packet.get_mut(4..8) {
        field.copy_from_slice(&timestamp.to_be_bytes());
    }
}

/// Whether an RTP packet, as [`rtp_head`] takes it, ends a picture.
pub fn is_marked(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|second| second & MARKER != 0)
}

/// The beginning of an extension of the header whose parts have a byte in front of them (RFC 8285, 4.2).
const SHORT_PARTS: [u8; 2] = [0xbe, 0xde];
/// By which this server's packets say how loud they are (RFC 6464), in the only part of an extension.
const AUDIO_LEVEL: u8 = 1;

/// The extension of a packet's header that says how loud its sound is, in decibels below the loudest: 0 to -127.
pub fn audio_level_extension(decibels: i8) -> [u8; 8] {
    let [first, second] = SHORT_PARTS;
    [
        first,
        second,
        0,
        1,
        AUDIO_LEVEL << 4,
        decibels.unsigned_abs().min(127),
        0,
        0,
    ]
}

/// A packet from the extension of its header on, if it has one.
fn extension(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first().filter(|first| **first & EXTENSION != 0)?;
    packet.get(12 + 4 * usize::from(first & CSRC_COUNT)..)
}

/// How loud the sound of an RTP packet is, as one of this server or another of its kind says; in decibels below the loudest.
pub fn audio_level(packet: &[u8]) -> Option<i8> {
    let &[one, two, 0, 1, part, level, _, _] = extension(packet)?.first_chunk::<8>()? else {
        return None;
    };
    let is_level = [one, two] == SHORT_PARTS && part == AUDIO_LEVEL << 4;
    is_level.then(|| -i8::try_from(level & 0x7f).unwrap_or(i8::MAX))
}

/// The beginning of an extension of the header that only this server makes and reads: none of a publisher's is taken for it.
const OWN: [u8; 4] = [b'T', b'd', 0, 1];

/// The extension of a packet's header that says how its picture has to be turned.
pub fn turn_extension(quarters: Quarters) -> [u8; 8] {
    let [one, two, three, four] = OWN;
    [one, two, three, four, quarters.number(), 0, 0, 0]
}

/// How the picture of an RTP packet has to be turned, as this server or another of its kind says.
pub fn turn(packet: &[u8]) -> Option<Quarters> {
    let extension = extension(packet)?;
    let (told, number) = (extension.first_chunk::<4>()?, extension.get(4)?);
    (*told == OWN).then(|| Quarters::new(*number))
}

/// A compound packet that reports how one source arrives: a block of the report, and the reporter's name.
pub fn reception_report(reporter: u32, block: &[u8; REPORT_BLOCK_BYTES]) -> Vec<u8> {
    let reporter = reporter.to_be_bytes();
    let mut report = vec![0x81, RECEIVER_REPORT, 0, 7];
    report.extend(reporter);
    report.extend(block);
    // One item, its end, and padding to a whole word.
    report.extend([0x81, SOURCE_DESCRIPTION, 0, 4]);
    report.extend(reporter);
    report.extend([1, 8]);
    report.extend(b"tapedeck");
    report.extend([0, 0]);
    report
}

/// A compound packet that asks a source for a keyframe: an empty receiver report and a PLI (RFC 4585, 6.3.1).
pub fn keyframe_wish(reporter: u32, source: u32) -> Vec<u8> {
    let reporter = reporter.to_be_bytes();
    let mut wish = vec![0x80, RECEIVER_REPORT, 0, 1];
    wish.extend(reporter);
    wish.extend([0x80 | PICTURE_LOSS, PAYLOAD_FEEDBACK, 0, 2]);
    wish.extend(reporter);
    wish.extend(source.to_be_bytes());
    wish
}

/// Whether a compound packet asks for a keyframe.
pub fn wants_keyframe(packet: &[u8]) -> bool {
    let mut rest = packet;
    while is_compound(packet)
        && let Some(&[first, kind, high, low]) = rest.first_chunk::<4>()
    {
        if kind == PAYLOAD_FEEDBACK && matches!(first & REPORT_COUNT, PICTURE_LOSS | FULL_INTRA) {
            return true;
        }
        rest = rest
            .get(4 + 4 * usize::from(u16::from_be_bytes([high, low]))..)
            .unwrap_or_default();
    }
    false
}

/// A compound packet that says goodbye for a source: an empty receiver report and a BYE.
pub fn bye(ssrc: u32) -> [u8; 16] {
    let [a, b, c, d] = ssrc.to_be_bytes();
    [0x80, RECEIVER_REPORT, 0, 1, a, b, c, d, 0x81, BYE, 0, 1, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_packet_is_read() {
        let packet = [0x80, 0xe0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99];
        let head = RtpHead {
            sequence: 0x0102,
            timestamp: 0x0304_0506,
            ssrc: 0x0708_090a,
        };
        assert_eq!(rtp_head(&packet), Some(head));
        assert_eq!(rtp_head(&packet[..11]), None);
        assert_eq!(rtp_head(&[0; 12]), None);
    }

    #[test]
    fn a_sender_report_is_told_from_the_rest() {
        let mut report = [0u8; 28];
        report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        assert!(is_sender_report(&report));
        assert!(!is_sender_report(&report[..27]));
        report[8..20].copy_from_slice(&[0, 0, 0, 5, 0x80, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(reported_time(&report), Some((9, Duration::from_millis(5_500))));
        assert_eq!(reported_time(&report[..27]), None);
        let later = with_later_timestamp(&report, 90_000).unwrap();
        assert_eq!(reported_time(&later), Some((90_009, Duration::from_millis(5_500))));
        assert_eq!(with_later_timestamp(&bye(1), 1), None);
        assert!(!is_sender_report(&bye(1)));
    }

    #[test]
    fn wishes_and_reports_are_whole_packets() {
        let wish = keyframe_wish(1, 2);
        assert!(is_compound(&wish) && wants_keyframe(&wish) && wish.ends_with(&[0, 0, 0, 2]));
        let report = reception_report(1, &[7; REPORT_BLOCK_BYTES]);
        assert!(is_compound(&report) && !wants_keyframe(&report) && !is_sender_report(&report));
        assert!(!wants_keyframe(&wish[..wish.len() - 4]) && !wants_keyframe(b""));
    }

    #[test]
    fn what_does_not_fit_into_its_packet_is_no_packet() {
        let rtp = |first: u8, behind: &[u8]| {
            rtp_head(&[&[first, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9], behind].concat()).is_some()
        };
        assert!(rtp(0x80, b"media") && rtp(0xa0, &[7, 7, 2]) && rtp(0xa0, &[3, 0, 3]) && rtp(0x90, &[0, 0, 0, 0]));
        assert!(!rtp(0xa0, b"") && !rtp(0xa0, &[7, 0]) && !rtp(0xa0, &[7, 9]));
        assert!(!rtp(0x82, &[0; 7]) && !rtp(0x90, &[0; 3]) && !rtp(0x90, &[0, 0, 0, 1]));
    }

    #[test]
    fn the_payload_is_what_stands_between_header_and_padding() {
        let rtp = |first: u8, behind: &[u8]| [&[first, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9], behind].concat();
        assert_eq!(payload(&rtp(0x80, b"media")), Some(&b"media"[..]));
        assert_eq!(
            payload(&rtp(0xb0, &[0xbe, 0xde, 0, 1, 1, 2, 3, 4, 7, 7, 0, 2])),
            Some(&[7, 7][..])
        );
        assert!(!has_payload(&rtp(0x80, b"")) && !has_payload(&rtp(0xa0, &[0, 0, 3])) && !has_payload(b"media"));
    }

    #[test]
    fn how_loud_a_packet_is_stands_in_front_of_its_payload() {
        let packet = |extension: &[u8]| {
            let head = [0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
            [&head[..], extension, &[5]].concat()
        };
        let told = packet(&audio_level_extension(-42));
        assert_eq!((audio_level(&told), payload(&told)), (Some(-42), Some(&[5][..])));
        assert_eq!(audio_level(&packet(&audio_level_extension(i8::MIN))), Some(-127));
        assert_eq!(audio_level(&packet(&[0xbe, 0xde, 0, 1, 0x20, 42, 0, 0])), None);
        assert_eq!(audio_level(&packet(&[0xab, 0xac, 0, 1, 0x10, 42, 0, 0])), None);
        assert_eq!((audio_level(&told[..19]), audio_level(&[])), (None, None));
    }

    #[test]
    fn how_a_picture_has_to_be_turned_stands_in_front_of_it() {
        let head = [0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
        let told = [&head[..], &turn_extension(Quarters::new(7)), &[5]].concat();
        assert_eq!((turn(&told), payload(&told)), (Some(Quarters::new(3)), Some(&[5][..])));
        assert_eq!(audio_level(&told), None);
        let others = [&head[..], &audio_level_extension(-3), &[5]].concat();
        assert_eq!((turn(&others), turn(&told[..16]), turn(&[])), (None, None, None));
    }

    #[test]
    fn wrong_padding_is_put_right() {
        let packet = |first: u8, behind: &[u8]| [&[first, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9], behind].concat();
        let repaired = |behind: &[u8]| without_wrong_padding(&packet(0xa0, behind), false);
        assert_eq!(repaired(&[7, 7, 0]), Some(packet(0x80, &[7, 7])));
        assert_eq!(repaired(&[7, 7, 200]), Some(packet(0x80, &[7, 7, 200])));
        assert_eq!(repaired(&[7, 0, 2]), None);
        assert_eq!(repaired(&[7, 7, 2]), Some(packet(0x80, &[7, 7, 2])), "media ends so");
        assert_eq!(repaired(&[7, 7, 3]), None, "nothing but padding");
        assert_eq!(without_wrong_padding(&packet(0x80, &[7, 0]), false), None);
        assert_eq!(without_wrong_padding(&[], false), None);
        let never = |behind: &[u8]| without_wrong_padding(&packet(0xa0, behind), true);
        assert_eq!(never(&[7, 7, 1]), Some(packet(0x80, &[7, 7, 1])));
        assert_eq!(never(&[0, 0, 3]), Some(packet(0x80, &[0, 0, 3])));
    }

    #[test]
    fn reports_whose_lengths_do_not_add_up_are_no_reports() {
        let mut report = vec![0u8; 28];
        report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        assert!(is_compound(&report) && is_compound(&bye(1)));
        assert!(is_compound(&[&report[..], &bye(1)].concat()));
        assert!(!is_compound(&[&report[..], &[0; 4]].concat()), "bytes too many");
        report[3] = 14;
        assert!(!is_compound(&report), "longer than it is");
        report[..4].copy_from_slice(&[0x81, 200, 0, 6]);
        assert!(
            is_compound(&report) && !is_sender_report(&report),
            "a block that is not there"
        );
        report[..4].copy_from_slice(&[0xa0, 200, 0, 6]);
        assert!(!is_compound(&[&report[..], &bye(1)].concat()), "padding in the middle");
        assert!(!is_compound(b""));
    }
}
