//! The few fields of RTP and RTCP that a relay needs, RFC 3550. Payloads stay opaque.

/// The fixed header of an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RtpHead {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
}

const VERSION_2: u8 = 2;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const BYE: u8 = 203;

/// `None` for what is no RTP packet.
pub(super) fn rtp_head(packet: &[u8]) -> Option<RtpHead> {
    let &[first, _, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = packet.first_chunk::<12>()?;
    (first >> 6 == VERSION_2).then_some(RtpHead {
        sequence: u16::from_be_bytes([s0, s1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
    })
}

/// Whether a compound packet begins with a sender report.
pub(super) fn is_sender_report(packet: &[u8]) -> bool {
    matches!(packet, [first, SENDER_REPORT, ..] if first >> 6 == VERSION_2 && packet.len() >= 28)
}

/// A compound packet that says goodbye for a source: an empty receiver report and a BYE.
pub(super) fn bye(ssrc: u32) -> [u8; 16] {
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
        report[..2].copy_from_slice(&[0x80, 200]);
        assert!(is_sender_report(&report));
        assert!(!is_sender_report(&report[..27]));
        assert!(!is_sender_report(&bye(1)));
    }
}
