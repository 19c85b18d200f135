//! A client's offer, cut down to what is taken of it: for each medium one codec and how it is sent again. So it is known from the
//! answer on what a publisher sends, as everybody needs to know who plays it. Pure.

use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Pt};

use super::fragment::Fragment;
use crate::layers::MAX_LAYERS;

/// Longer ones are none.
pub(super) const MAX_OFFER_BYTES: usize = 64 << 10;
/// Longer names of layers are none (RFC 8852).
const MAX_LAYER_NAME: usize = 16;
/// Lines that one offer may have.
const MAX_LINES: usize = 2_000;

/// An extension of packets' headers that nobody here reads: without it, a browser turns a picture before it encodes it.
const ROTATION: &str = "urn:3gpp:video-orientation";
/// Those that tell layers apart: without them a browser sends one.
const OF_LAYERS: [&str; 2] = [
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
];
/// What tells how packets of all media arrive, by which a sender measures its way.
const ARRIVALS: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// What one codec is called, how it counts, and what it is.
const CODECS: [(&str, u32, Codec); 7] = [
    ("H264", 90_000, Codec::H264),
    ("VP8", 90_000, Codec::Vp8),
    ("VP9", 90_000, Codec::Vp9),
    ("AV1", 90_000, Codec::Av1),
    ("OPUS", 48_000, Codec::Opus),
    ("PCMU", 8_000, Codec::PCMU),
    ("PCMA", 8_000, Codec::PCMA),
];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OfferError {
    #[error("the offer cannot be read: {0}")]
    Malformed(String),
    #[error("{0}")]
    NotTaken(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    Video,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    session: Vec<String>,
    pub(super) sections: Vec<Section>,
}

/// One medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) kind: Kind,
    pub(super) mid: String,
    /// Whether the client sends it,
    pub(super) sends: bool,
    /// and whether it takes it.
    pub(super) receives: bool,
    lines: Vec<String>,
}

/// One way in which a client codes a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) payload_type: u8,
    /// How it sends packets again.
    resend: Option<u8>,
    /// In upper case.
    pub(super) name: &'static str,
    codec: Codec,
    pub(super) clock_rate: u32,
    channels: Option<u8>,
    /// As offered.
    pub(super) parameters: String,
}

impl Offer {
    pub(super) fn parse(text: &str) -> Result<Self, OfferError> {
        let malformed = |reason: &str| OfferError::Malformed(reason.to_owned());
        if text.len() > MAX_OFFER_BYTES {
            return Err(OfferError::Malformed(format!(
                "it is longer than {MAX_OFFER_BYTES} bytes"
            )));
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.first() != Some(&"v=0") || lines.len() > MAX_LINES {
            return Err(malformed("it is no session description"));
        }
        let (mut session, mut media): (Vec<String>, Vec<Vec<String>>) = Default::default();
        for line in lines {
            if line.as_bytes().get(1) != Some(&b'=') {
                return Err(malformed("a line has no equals sign behind its first letter"));
            }
            if line.starts_with("m=") {
                media.push(Vec::new());
            }
            media.last_mut().unwrap_or(&mut session).push(line.to_owned());
        }
        if media.is_empty() {
            return Err(malformed("it offers no media"));
        }
        let direction = direction(&session);
        let sections = media.into_iter().map(|lines| Section::read(lines, direction));
        Ok(Self {
            session,
            sections: sections.collect::<Result<_, _>>()?,
        })
    }

    /// The offer with one format of each medium, as `choose` says.
    ///
    /// # Errors
    /// When one has none that is taken, or there is more than one medium of a kind.
    pub(super) fn narrowed(
        &self,
        choose: impl Fn(&Section, &[Format]) -> Result<usize, OfferError>,
    ) -> Result<(Self, Vec<Format>), OfferError> {
        let mut narrowed = self.clone();
        let mut chosen = Vec::with_capacity(self.sections.len());
        for kind in [Kind::Audio, Kind::Video] {
            if self.sections.iter().filter(|section| section.kind == kind).count() > 1 {
                let reason = "the offer has more than one audio or video track: a session has one of each at most";
                return Err(OfferError::NotTaken(reason.to_owned()));
            }
        }
        for section in &mut narrowed.sections {
            let mut formats = section.formats();
            let index = choose(section, &formats)?;
            if index >= formats.len() {
                return Err(section.none());
            }
            let format = formats.swap_remove(index);
            section.keep(&format);
            chosen.push(format);
        }
        Ok((narrowed, chosen))
    }

    /// The offer with one format of each medium that the client sends, as `choose` says, and these media.
    ///
    /// # Errors
    /// When one has none that is taken.
    pub(super) fn narrowed_sent(
        &self,
        choose: impl Fn(&Section, &[Format]) -> Result<usize, OfferError>,
    ) -> Result<(Self, Vec<(Section, Format)>), OfferError> {
        let mut narrowed = self.clone();
        let mut sent = Vec::new();
        for section in narrowed.sections.iter_mut().filter(|section| section.sends) {
            let formats = section.formats();
            let index = choose(section, &formats)?;
            let format = formats.into_iter().nth(index).ok_or_else(|| section.none())?;
            section.keep(&format);
            sent.push((section.clone(), format));
        }
        Ok((narrowed, sent))
    }

    /// Of the client's certificate.
    pub(super) fn fingerprint(&self) -> Option<&str> {
        let sections = self.sections.iter().flat_map(|section| &section.lines);
        let mut lines = self.session.iter().chain(sections);
        lines.find_map(|line| line.strip_prefix("a=fingerprint:"))
    }

    /// The same with these media only.
    pub(super) fn with_only(&self, sections: Vec<Section>) -> Self {
        Self {
            session: self.session.clone(),
            sections,
        }
    }

    /// The same with other credentials of ICE and these candidates only.
    pub(super) fn restarted(&self, fragment: &Fragment) -> Option<Self> {
        let (ufrag, password) = (fragment.ufrag.as_ref()?, fragment.password.as_ref()?);
        let mut restarted = self.clone();
        let is_old = |line: &str| {
            ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"]
                .iter()
                .any(|old| line.starts_with(old))
        };
        restarted.session.retain(|line| !is_old(line));
        for section in &mut restarted.sections {
            section.lines.retain(|line| !is_old(line));
            section.lines.push(format!("a=ice-ufrag:{ufrag}"));
            section.lines.push(format!("a=ice-pwd:{password}"));
        }
        Some(restarted)
    }

    /// Whether ICE has the same credentials.
    pub(super) fn has_credentials_of(&self, other: &Self) -> bool {
        let credentials = |offer: &Self| {
            let sections = offer.sections.iter().flat_map(|section| section.lines.clone());
            let lines = offer.session.iter().cloned().chain(sections);
            let is_credential = |line: &String| line.starts_with("a=ice-ufrag:") || line.starts_with("a=ice-pwd:");
            lines.filter(is_credential).collect::<std::collections::BTreeSet<_>>()
        };
        credentials(self) == credentials(other)
    }

    pub(super) fn text(&self) -> String {
        let sections = self.sections.iter().flat_map(|section| &section.lines);
        let lines = self.session.iter().chain(sections);
        lines.flat_map(|line| [line.as_str(), "\r\n"]).collect()
    }
}

impl Section {
    fn read(lines: Vec<String>, session: Direction) -> Result<Self, OfferError> {
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
        let mid = mid.ok_or_else(|| OfferError::Malformed("a medium has no a=mid".to_owned()))?;
        let mid = mid.to_owned();
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
    pub(super) fn formats(&self) -> Vec<Format> {
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
    pub(super) fn layers(&self) -> Vec<String> {
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
    pub(super) fn tells_arrivals(&self, format: &Format) -> bool {
        let told = |(of, feedback): (u8, &str)| of == format.payload_type && feedback == "transport-cc";
        self.attributes("rtcp-fb").any(told) && self.lines.iter().any(|line| extension(line) == Some(ARRIVALS))
    }

    /// Leaves out all formats but this one.
    fn keep(&mut self, format: &Format) {
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
                || extension == Some(ROTATION)
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

    pub(super) fn none(&self) -> OfferError {
        OfferError::NotTaken(
            match self.kind {
                Kind::Audio => "the offer has no sound that is taken here: offer Opus, PCMU or PCMA",
                Kind::Video => "the offer has no picture that is taken here: offer H.264, VP8, VP9 or AV1",
            }
            .to_owned(),
        )
    }
}

impl Format {
    /// How str0m knows it.
    pub(super) fn add_to(&self, config: &mut CodecConfig) {
        let clock_rate = match self.clock_rate {
            48_000 => Frequency::FORTY_EIGHT_KHZ,
            8_000 => Frequency::EIGHT_KHZ,
            _ => Frequency::NINETY_KHZ,
        };
        config.add_config(
            Pt::from(self.payload_type),
            self.resend.map(Pt::from),
            self.codec,
            clock_rate,
            self.channels,
            FormatParams::parse_line(&self.parameters),
        );
    }

    /// Its lines in a session description.
    pub(super) fn described(&self) -> String {
        let Self {
            payload_type,
            name,
            clock_rate,
            parameters,
            ..
        } = self;
        let media = if self.codec.is_audio() { "audio" } else { "video" };
        let channels = self.channels.map(|channels| format!("/{channels}")).unwrap_or_default();
        let name = if *name == "OPUS" { "opus" } else { *name };
        let mut text =
            format!("m={media} 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {name}/{clock_rate}{channels}\r\n");
        if !parameters.is_empty() {
            text += &format!("a=fmtp:{payload_type} {parameters}\r\n");
        }
        if !self.codec.is_audio() {
            text += &format!("a=rtcp-fb:{payload_type} nack pli\r\n");
        }
        text
    }

    /// Whether packets may carry parts of pictures: without that, H.264 makes packets that a network cuts up.
    pub(super) fn fits_networks(&self) -> bool {
        self.codec != Codec::H264 || parameter(&self.parameters, "packetization-mode") == Some("1")
    }
}

/// What a line calls an extension of packets' headers.
fn extension(line: &str) -> Option<&str> {
    line.strip_prefix("a=extmap:")?.split(' ').nth(1)
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// A parameter of an `a=fmtp`.
pub(super) fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    sends: bool,
    receives: bool,
}

fn direction(session: &[String]) -> Direction {
    direction_in(session).unwrap_or(Direction {
        sends: true,
        receives: true,
    })
}

fn direction_in(lines: &[String]) -> Option<Direction> {
    lines.iter().find_map(|line| {
        let (sends, receives) = match line.as_str() {
            "a=sendrecv" => (true, true),
            "a=sendonly" => (true, false),
            "a=recvonly" => (false, true),
            "a=inactive" => (false, false),
            _ => return None,
        };
        Some(Direction { sends, receives })
    })
}

#[cfg(test)]
pub(super) mod tests;
