//! What a session description offers.

use crate::stream::Track;

/// One offered audio or video stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub track: Track,
    pub payload_type: u8,
    /// In lower case, as registered with IANA.
    pub encoding: String,
    /// Ticks of an RTP timestamp in a second.
    pub clock_rate: u32,
    pub channels: Option<u16>,
    pub fmtp: Fmtp,
}

/// The format parameters of a media description (`a=fmtp`), by lower-case name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fmtp(Vec<(String, String)>);

impl Fmtp {
    fn parse(parameters: &str) -> Self {
        let pairs = parameters.split(';').filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        });
        Self(pairs.collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A number; absent when it is none.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.parse().ok()
    }
}

/// The audio and video streams of a session description, in its order, each by its first payload type.
pub fn offers(sdp: &[u8]) -> Vec<Offer> {
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
    let of_payload_type = |name: &str| {
        let values = media
            .attributes
            .iter()
            .filter(|a| a.attribute == name)
            .filter_map(|a| a.value.as_deref());
        let mut values = values.filter_map(|value| value.trim().split_once(' '));
        values
            .find(|(number, _)| *number == payload_type_text)
            .map(|(_, value)| value)
    };
    let (encoding, clock_rate, channels) = match of_payload_type("rtpmap") {
        Some(map) => {
            let mut parts = map.trim().split('/');
            let encoding = parts.next()?.to_ascii_lowercase();
            (
                encoding,
                parts.next()?.parse().ok()?,
                parts.next().and_then(|n| n.parse().ok()),
            )
        }
        None => static_payload_type(payload_type)?,
    };
    let fmtp = of_payload_type("fmtp").map(Fmtp::parse).unwrap_or_default();
    Some(Offer {
        track,
        payload_type,
        encoding,
        clock_rate,
        channels,
        fmtp,
    })
}

/// RFC 3551, the payload types that a channel can carry.
fn static_payload_type(payload_type: u8) -> Option<(String, u32, Option<u16>)> {
    let (encoding, clock_rate) = match payload_type {
        0 => ("pcmu", 8_000),
        8 => ("pcma", 8_000),
        9 => ("g722", 8_000),
        14 => ("mpa", 90_000),
        26 => ("jpeg", 90_000),
        32 => ("mpv", 90_000),
        33 => ("mp2t", 90_000),
        _ => return None,
    };
    Some((encoding.to_owned(), clock_rate, Some(1)))
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
            (got[0].track, got[0].encoding.as_str(), got[0].clock_rate),
            (Track::Video, "h264", 90_000)
        );
        assert_eq!(got[0].fmtp.get("packetization-mode"), Some("1"));
        assert_eq!(
            got[0].fmtp.get("sprop-parameter-sets"),
            Some("Z01AH5WgLASabAQ=,aO48gA==")
        );
        assert_eq!((got[1].encoding.as_str(), got[1].channels), ("mpeg4-generic", Some(2)));
        assert_eq!(got[1].fmtp.number("sizelength"), Some(13));
        assert_eq!(got[1].fmtp.get("x"), None);
    }

    #[test]
    fn static_payload_types_need_no_map() {
        let got = offers(b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n");
        assert_eq!((got[0].encoding.as_str(), got[0].clock_rate), ("pcma", 8_000));
    }

    #[test]
    fn what_cannot_be_read_offers_nothing() {
        assert_eq!(offers(b"<html>"), []);
    }
}
