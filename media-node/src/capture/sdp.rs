//! What a session description offers.

use crate::stream::{Fmtp, PayloadFormat, Track};

/// Of a track. Browsers offer some twenty.
const MAX_OTHERS: usize = 64;

/// One offered audio or video stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) track: Track,
    pub(super) payload_type: u8,
    pub(super) format: PayloadFormat,
    /// The other payload types of its track, and what they are, in lower case.
    pub(super) others: Vec<(u8, String)>,
}

/// The audio and video streams of a session description, in its order, each by its first payload type.
pub(super) fn offers(sdp: &[u8]) -> Vec<Offer> {
    match sdp_types::Session::parse(sdp) {
        Ok(session) => session.medias.iter().filter_map(offer).collect(),
        Err(_) => Vec::new(),
    }
}

fn offer(media: &sdp_types::Media) -> Option<Offer> {
    let track = match media.media.as_str() {
        "audio" => Track::Audio,
        "video" => Track::Video,
        _ => return None,
    };
    let payload_type_text = media.fmt.split_ascii_whitespace().next()?;
    let payload_type = payload_type_text.parse().ok()?;
    let of_payload_type = |name: &str, payload_type: &str| {
        let values = media
            .attributes
            .iter()
            .filter(|a| a.attribute == name)
            .filter_map(|a| a.value.as_deref());
        let mut values = values.filter_map(|value| value.trim().split_once(' '));
        values
            .find(|(number, _)| *number == payload_type)
            .map(|(_, value)| value.to_owned())
    };
    let fmtp = of_payload_type("fmtp", payload_type_text)
        .map(|fmtp| Fmtp::parse(&fmtp))
        .unwrap_or_default();
    let format = match of_payload_type("rtpmap", payload_type_text) {
        Some(rtpmap) => PayloadFormat::parse(&rtpmap, fmtp)?,
        None => PayloadFormat::parse(static_rtpmap(payload_type)?, fmtp)?,
    };
    let others = media.fmt.split_ascii_whitespace().skip(1).filter_map(|number| {
        let rtpmap = of_payload_type("rtpmap", number)?;
        let encoding = rtpmap.split('/').next()?.trim().to_ascii_lowercase();
        Some((number.parse().ok()?, encoding))
    });
    Some(Offer {
        track,
        payload_type,
        others: others.take(MAX_OTHERS).collect(),
        format,
    })
}

/// RFC 3551, the payload types that a channel can carry.
fn static_rtpmap(payload_type: u8) -> Option<&'static str> {
    Some(match payload_type {
        0 => "pcmu/8000/1",
        8 => "pcma/8000/1",
        9 => "g722/8000/1",
        10 => "l16/44100/2",
        11 => "l16/44100/1",
        14 => "mpa/90000/1",
        26 => "jpeg/90000/1",
        32 => "mpv/90000/1",
        33 => "mp2t/90000/1",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_with_two_streams_and_metadata() {
        let sdp = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
            m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
            a=fmtp:96 Packetization-Mode=1; sprop-parameter-sets=Z01AH5WgLASabAQ=,aO48gA==\r\n\
            m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n\
            m=audio 0 RTP/AVP 97 0\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:0 x=1\r\n\
            a=fmtp:97 mode=AAC-hbr;sizelength=13\r\n";
        let got = offers(sdp);
        assert_eq!(got.len(), 2);
        assert_eq!(
            (got[0].track, got[0].format.encoding.as_str(), got[0].format.clock_rate),
            (Track::Video, "h264", 90_000)
        );
        assert_eq!(got[0].format.fmtp.get("packetization-mode"), Some("1"));
        assert_eq!(
            got[0].format.fmtp.get("sprop-parameter-sets"),
            Some("Z01AH5WgLASabAQ=,aO48gA==")
        );
        assert_eq!(
            (got[1].format.encoding.as_str(), got[1].format.channels),
            ("mpeg4-generic", Some(2))
        );
        assert_eq!(got[1].format.fmtp.number("sizelength"), Some(13));
        assert_eq!(got[1].format.fmtp.get("x"), None);
    }

    #[test]
    fn static_payload_types_need_no_map() {
        let got = offers(b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n");
        assert_eq!(
            (got[0].format.encoding.as_str(), got[0].format.clock_rate),
            ("pcma", 8_000)
        );
    }

    #[test]
    fn what_cannot_be_read_offers_nothing() {
        assert_eq!(offers(b"<html>"), []);
    }
}
