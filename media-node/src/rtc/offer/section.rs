use super::format::{CODECS, Format, parameter};
use super::{Kind, OfferError};
use crate::layers::MAX_LAYERS;

/// Longer names of layers are none (RFC 8852).
const MAX_LAYER_NAME: usize = 16;

/// An extension of packets' headers that says how a picture has to be turned. It is not answered: a browser then turns its picture
/// before encoding it.
const ROTATION: &str = "urn:3gpp:video-orientation";
/// Those that tell layers apart: without them a browser sends one.
const OF_LAYERS: [&str; 2] = [
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
];
/// What tells how packets of all media arrive, by which a sender measures its way.
const ARRIVALS: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// One medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rtc) struct Section {
    pub(in crate::rtc) kind: Kind,
    pub(in crate::rtc) mid: String,
    /// Whether the client sends it,
    pub(in crate::rtc) sends: bool,
    /// and whether it takes it.
    pub(in crate::rtc) receives: bool,
    pub(super) lines: Vec<String>,
}

impl Section {
    pub(super) fn read(lines: Vec<String>, session: Direction) -> Result<Self, OfferError> {
        let first = lines.first().map(String::as_str).unwrap_or_default();
        let mut words = first.strip_prefix("m=").unwrap_or_default().split_ascii_whitespace();
        let (media, port) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let kind = match media {
            "audio" => Kind::Audio,
            "video" => Kind::Video,
            _ => {
                let shown: String = media.chars().take(20).collect();
                return Err(OfferError::NotTaken(format!(
                    "the offer has \"{shown}\" in it: only audio and video are taken"
                )));
            }
        };
        let mid = lines.iter().find_map(|line| line.strip_prefix("a=mid:"));
        let mid = mid.unwrap_or_default().to_owned();
        let is_bundled = lines.iter().any(|line| line == "a=bundle-only");
        let is_rejected = port == "0" && !is_bundled;
        let direction = if is_rejected {
            Direction::default()
        } else {
            direction_in(&lines).unwrap_or(session)
        };
        Ok(Self {
            kind,
            mid,
            sends: direction.sends,
            receives: direction.receives,
            lines,
        })
    }

    /// What stands behind this name and its colon, with the payload type ahead of it.
    fn attributes<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (u8, &'a str)> {
        self.lines.iter().filter_map(move |line| {
            let value = line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')?;
            let (payload_type, rest) = value.split_once(' ')?;
            Some((payload_type.parse().ok()?, rest.trim()))
        })
    }

    fn payload_types(&self) -> Vec<u8> {
        let first = self.lines.first().map(String::as_str).unwrap_or_default();
        let words = first.split_ascii_whitespace().skip(3);
        words.filter_map(|word| word.parse().ok()).collect()
    }

    /// The formats of which something is known, as the client prefers them.
    pub(in crate::rtc) fn formats(&self) -> Vec<Format> {
        let format = |payload_type: u8| {
            let mapped = self.attributes("rtpmap").find(|(of, _)| *of == payload_type)?.1;
            let mut parts = mapped.split('/');
            let name = parts.next()?;
            let clock_rate: u32 = parts.next()?.parse().ok()?;
            let channels = parts.next().and_then(|channels| channels.parse().ok());
            let (name, _, codec) = CODECS
                .into_iter()
                .find(|(known, rate, _)| known.eq_ignore_ascii_case(name) && *rate == clock_rate)?;
            let is_of_kind = codec.is_audio() == (self.kind == Kind::Audio);
            let parameters = self.parameters(payload_type);
            is_of_kind.then(|| Format {
                payload_type,
                resend: self.resend(payload_type),
                name,
                codec,
                clock_rate,
                channels,
                parameters: parameters.to_owned(),
            })
        };
        self.payload_types().into_iter().filter_map(format).collect()
    }

    fn parameters(&self, payload_type: u8) -> &str {
        let mut found = self.attributes("fmtp").filter(|(of, _)| *of == payload_type);
        found.next().map_or("", |(_, parameters)| parameters)
    }

    fn resend(&self, payload_type: u8) -> Option<u8> {
        let resends = |of: &u8| parameter(self.parameters(*of), "apt").and_then(|apt| apt.parse().ok());
        self.attributes("rtpmap")
            .filter(|(_, mapped)| mapped.to_ascii_lowercase().starts_with("rtx/"))
            .map(|(of, _)| of)
            .find(|of| resends(of) == Some(payload_type))
    }

    /// The names of the pictures of several sizes that the client sends at once; none where it sends one.
    pub(in crate::rtc) fn layers(&self) -> Vec<String> {
        let offered = self.lines.iter().find_map(|line| line.strip_prefix("a=simulcast:"));
        let mut words = offered.unwrap_or_default().split_ascii_whitespace();
        let sent = words.find(|word| *word == "send").and_then(|_| words.next());
        // Of alternatives the first; a tilde says that it does not come at first.
        let first = |layer: &str| {
            layer
                .split(',')
                .next()
                .map(|layer| layer.trim_start_matches('~').to_owned())
        };
        let layers: Vec<String> = sent.unwrap_or_default().split(';').filter_map(first).collect();
        let is_name = |layer: &String| !layer.is_empty() && layer.len() <= MAX_LAYER_NAME && is_word(layer);
        let is_sent = self.kind == Kind::Video && self.sends && layers.iter().all(is_name);
        let is_taken = is_sent && (2..=MAX_LAYERS).contains(&layers.len());
        if is_taken { layers } else { Vec::new() }
    }

    /// Whether the client tells how packets of this format arrive.
    pub(in crate::rtc) fn tells_arrivals(&self, format: &Format) -> bool {
        let told = |(of, feedback): (u8, &str)| of == format.payload_type && feedback == "transport-cc";
        self.attributes("rtcp-fb").any(told) && self.lines.iter().any(|line| extension(line) == Some(ARRIVALS))
    }

    /// Of a medium that goes both ways, takes this one only.
    pub(super) fn take_one_way(&mut self, is_sent: bool) {
        if self.sends && self.receives {
            self.lines.retain(|line| direction_of(line).is_none());
            let way = if is_sent { "a=sendonly" } else { "a=recvonly" };
            self.lines.push(way.to_owned());
            (self.sends, self.receives) = (is_sent, !is_sent);
        }
    }

    /// Leaves out all formats but this one.
    pub(super) fn keep(&mut self, format: &Format) {
        let kept = |payload_type: u8| payload_type == format.payload_type || Some(payload_type) == format.resend;
        let is_of_another = |line: &str| {
            ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().any(|name| {
                let value = line.strip_prefix(name).and_then(|value| value.split(' ').next());
                value.is_some_and(|of| of.parse().is_ok_and(|of: u8| !kept(of)))
            })
        };
        let layers = self.layers();
        let is_layered = |line: &str| {
            let extension = extension(line);
            line.starts_with("a=simulcast:")
                || line.starts_with("a=rid:")
                || line.starts_with("a=ssrc-group:SIM")
                || extension.is_some_and(|extension| OF_LAYERS.contains(&extension) && layers.is_empty())
        };
        self.lines.retain(|line| !is_of_another(line) && !is_layered(line));
        // As plain as can be: layers may have been offered in formats that are not kept.
        for layer in &layers {
            self.lines.push(format!("a=rid:{layer} send"));
        }
        if !layers.is_empty() {
            self.lines.push(format!("a=simulcast:send {}", layers.join(";")));
        }
        if let Some(first) = self.lines.first_mut() {
            let head: Vec<&str> = first.split_ascii_whitespace().take(3).collect();
            let mut head = head.join(" ");
            for payload_type in std::iter::once(format.payload_type).chain(format.resend) {
                head += &format!(" {payload_type}");
            }
            *first = head;
        }
    }

    pub(in crate::rtc) fn none(&self) -> OfferError {
        OfferError::NotTaken(
            match self.kind {
                Kind::Audio => "the offer has no sound that is taken here: offer Opus, PCMU or PCMA",
                Kind::Video => "the offer has no picture that is taken here: offer H.264, VP8, VP9 or AV1",
            }
            .to_owned(),
        )
    }
}

/// Whether a line offers to say how pictures have to be turned.
pub(super) fn offers_rotation(line: &str) -> bool {
    extension(line) == Some(ROTATION)
}

/// What a line calls an extension of packets' headers.
fn extension(line: &str) -> Option<&str> {
    line.strip_prefix("a=extmap:")?.split(' ').nth(1)
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Direction {
    pub(super) sends: bool,
    pub(super) receives: bool,
}

/// As it is said for all media; without that they go both ways.
pub(super) fn direction(session: &[String]) -> Direction {
    direction_in(session).unwrap_or(Direction {
        sends: true,
        receives: true,
    })
}

fn direction_in(lines: &[String]) -> Option<Direction> {
    lines.iter().find_map(|line| direction_of(line))
}

fn direction_of(line: &str) -> Option<Direction> {
    let (sends, receives) = match line {
        "a=sendrecv" => (true, true),
        "a=sendonly" => (true, false),
        "a=recvonly" => (false, true),
        "a=inactive" => (false, false),
        _ => return None,
    };
    Some(Direction { sends, receives })
}
