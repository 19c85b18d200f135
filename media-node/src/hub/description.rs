//! The session description: read from a publisher, rewritten for the players.

use protocol::TrackKind;
use sdp_types::{Attribute, Connection, Media, Session};

use crate::access::Kinds;
use crate::channel::MediaTrack;

/// The control attribute that tracks have for players, before the track's number.
pub const TRACK_CONTROL: &str = "trackID=";

/// Tracks of one stream.
const MAX_TRACKS: usize = 8;

/// The transports that are relayed.
const RTP_PROFILES: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];

/// Attributes that mean something between the publisher and this server only.
const NOT_RELAYED: [&str; 7] = [
    "control", "sendrecv", "sendonly", "recvonly", "inactive", "key-mgmt", "crypto",
];

/// What a publisher announced.
#[derive(Clone, Debug)]
pub struct Description {
    /// For players.
    sdp: Vec<u8>,
    /// The publisher's own names of its tracks.
    controls: Vec<Option<String>>,
    tracks: Vec<MediaTrack>,
    /// Of the timestamps of each track, in ticks a second.
    clock_rates: Vec<u32>,
    /// Whether the publisher says that it listens to what its receivers tell it.
    takes_feedback: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    #[error("the session description cannot be read: {0}")]
    Malformed(String),
    #[error("the session description has {0} tracks; 1 to {MAX_TRACKS} are accepted")]
    TrackCount(usize),
    #[error("a track is not carried by RTP/AVP or RTP/AVPF")]
    NotRtp,
}

impl Description {
    /// Reads a session description, and puts right what can be.
    ///
    /// # Errors
    /// When it describes nothing that RTP carries in the clear.
    pub fn parse(sdp: &[u8]) -> Result<Self, DescriptionError> {
        let mut session =
            Session::parse(&normalised(sdp)?).map_err(|error| DescriptionError::Malformed(error.to_string()))?;
        if !(1..=MAX_TRACKS).contains(&session.medias.len()) {
            return Err(DescriptionError::TrackCount(session.medias.len()));
        }
        if session
            .medias
            .iter()
            .any(|media| !RTP_PROFILES.contains(&media.proto.as_str()))
        {
            return Err(DescriptionError::NotRtp);
        }
        let controls = session.medias.iter().map(own_control).collect();
        let tracks = session.medias.iter().map(media_track).collect();
        let clock_rates = session.medias.iter().map(clock_rate).collect();
        let takes_feedback = session.medias.iter().any(takes_feedback);
        rewrite(&mut session);
        let mut sdp = Vec::new();
        session
            .write(&mut sdp)
            .map_err(|error| DescriptionError::Malformed(error.to_string()))?;
        Ok(Self {
            sdp,
            controls,
            tracks,
            clock_rates,
            takes_feedback,
        })
    }

    /// The same with these of its tracks, as often and in the order that they are named.
    ///
    /// # Errors
    /// When that is not a stream.
    pub fn picked(&self, tracks: &[usize]) -> Result<Self, DescriptionError> {
        let text = String::from_utf8_lossy(&self.sdp);
        let mut sections = text.split("\r\nm=");
        let mut picked = sections.next().unwrap_or_default().to_owned();
        let media: Vec<&str> = sections.collect();
        for section in tracks.iter().filter_map(|track| media.get(*track)) {
            picked.push_str("\r\nm=");
            picked.push_str(section.trim_end());
        }
        picked.push_str("\r\n");
        Self::parse(picked.as_bytes())
    }

    /// For players: the publisher's own, but with this server's addresses and names of the tracks.
    pub fn for_players(&self) -> &[u8] {
        &self.sdp
    }

    /// What the publisher says of each track.
    pub fn tracks(&self) -> &[MediaTrack] {
        &self.tracks
    }

    /// Of the timestamps of each track, in ticks a second.
    pub fn clock_rates(&self) -> &[u32] {
        &self.clock_rates
    }

    /// Whether the publisher says that it listens to what its receivers tell it (RFC 4585).
    pub fn takes_feedback(&self) -> bool {
        self.takes_feedback
    }

    pub fn kinds(&self) -> Kinds {
        let is_audio = |track: &MediaTrack| track.kind == TrackKind::Audio;
        Kinds {
            audio: self.tracks.iter().any(is_audio),
            video: !self.tracks.iter().all(is_audio),
        }
    }

    pub fn track_count(&self) -> usize {
        self.controls.len()
    }

    /// The publisher's own names of its tracks.
    pub fn controls(&self) -> &[Option<String>] {
        &self.controls
    }
}

/// The same lines with proper ends, without what a relay needs nothing of: addresses, bandwidths that cannot be read, times,
/// keys, and media that is not carried by RTP, if other media is. What is needed and cannot be read is put right. Refuses lines
/// that are not `x=…`: behind one of these the parser of `sdp-types` 0.1 panics.
pub fn normalised(sdp: &[u8]) -> Result<Vec<u8>, DescriptionError> {
    let mut sections: Vec<Vec<Vec<u8>>> = vec![Vec::new()];
    for line in sdp
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
    {
        if line.iter().position(|byte| *byte == b'=') != Some(1) {
            let shown: String = String::from_utf8_lossy(line).chars().take(40).collect();
            return Err(DescriptionError::Malformed(format!(
                "\"{shown}\" is no line of a description"
            )));
        }
        if line.starts_with(b"m=") {
            sections.push(Vec::new());
        }
        if let (Some(line), Some(section)) = (repaired(line), sections.last_mut()) {
            section.push(line);
        }
    }
    let is_rtp = |section: &Vec<Vec<u8>>| section.first().is_some_and(|line| is_rtp_media(line));
    if sections.iter().skip(1).any(is_rtp) {
        let mut first = true;
        sections.retain(|section| std::mem::take(&mut first) || is_rtp(section));
    }
    let mut lines = Vec::with_capacity(sdp.len());
    for line in sections.iter().flatten() {
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\r\n");
    }
    Ok(lines)
}

/// The names of codecs whose payload types are fixed, and so need no `a=rtpmap`.
const FIXED_CODECS: [(&str, &str); 7] = [
    ("0", "PCMU"),
    ("8", "PCMA"),
    ("9", "G722"),
    ("10", "L16"),
    ("11", "L16"),
    ("14", "MPA"),
    ("26", "JPEG"),
];

fn media_track(media: &Media) -> MediaTrack {
    let attribute = |name: &str| media.get_first_attribute_value(name).ok().flatten().unwrap_or_default();
    let behind_payload_type = |text: &str| text.split_once(' ').map(|(_, rest)| rest.trim().to_owned());
    let mapped = behind_payload_type(attribute("rtpmap"));
    let named = mapped.and_then(|mapped| mapped.split('/').next().map(str::to_ascii_uppercase));
    let fixed = FIXED_CODECS.iter().find(|(payload_type, _)| *payload_type == media.fmt);
    MediaTrack {
        kind: match media.media.as_str() {
            "audio" => TrackKind::Audio,
            _ => TrackKind::Video,
        },
        codec: named
            .or_else(|| fixed.map(|(_, name)| (*name).to_owned()))
            .unwrap_or_default(),
        parameters: behind_payload_type(attribute("fmtp")).unwrap_or_default(),
    }
}

fn clock_rate(media: &Media) -> u32 {
    let mapped = media
        .get_first_attribute_value("rtpmap")
        .ok()
        .flatten()
        .unwrap_or_default();
    let told = mapped.split('/').nth(1).and_then(|rate| rate.trim().parse().ok());
    told.filter(|rate| *rate > 0).unwrap_or(match media.fmt.as_str() {
        "0" | "8" | "9" => 8_000,
        "10" | "11" => 44_100,
        _ => 90_000,
    })
}

fn takes_feedback(media: &Media) -> bool {
    media.proto == "RTP/AVPF"
        || media
            .attributes
            .iter()
            .any(|attribute| attribute.attribute == "rtcp-fb")
}

/// A line as the parser takes it; `None` when nothing needs it.
fn repaired(line: &[u8]) -> Option<Vec<u8>> {
    let value = line.get(2..).unwrap_or_default();
    let text = std::str::from_utf8(value).unwrap_or_default();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let is_number = |word: &&str| word.parse::<u64>().is_ok();
    let kept = || Some(line.to_vec());
    match line.first()? {
        b'v' => Some(b"v=0".to_vec()),
        b's' | b'a' => kept(),
        b'm' => {
            // Transports are written in any case.
            let mut words = words.into_iter().map(str::to_owned).collect::<Vec<_>>();
            match words.get_mut(2) {
                Some(transport) => transport.make_ascii_uppercase(),
                None => return kept(),
            }
            Some(format!("m={}", words.join(" ")).into_bytes())
        }
        b'o' if matches!(&words[..], [_, id, version, _, _, _] if is_number(id) && is_number(version)) => kept(),
        b'o' => Some(b"o=- 0 0 IN IP4 0.0.0.0".to_vec()),
        b't' if matches!(&words[..], [from, to] if is_number(from) && is_number(to)) => kept(),
        b't' => Some(b"t=0 0".to_vec()),
        b'b' => text
            .split_once(':')
            .and_then(|(_, bandwidth)| bandwidth.parse::<u64>().ok())
            .and_then(|_| kept()),
        _ => None,
    }
}

/// Whether an `m=` line is of media that RTP carries in the clear.
fn is_rtp_media(line: &[u8]) -> bool {
    let text = std::str::from_utf8(line).unwrap_or_default();
    text.split_ascii_whitespace()
        .nth(2)
        .is_some_and(|transport| RTP_PROFILES.contains(&transport))
}

fn own_control(media: &Media) -> Option<String> {
    media
        .get_first_attribute_value("control")
        .ok()
        .flatten()
        .map(str::to_owned)
}

fn rewrite(session: &mut Session) {
    let anywhere = || Connection {
        nettype: "IN".to_owned(),
        addrtype: "IP4".to_owned(),
        connection_address: "0.0.0.0".to_owned(),
    };
    // The publisher's own address is nobody else's business, and an empty field cannot be read back.
    session.origin.nettype = anywhere().nettype;
    session.origin.addrtype = anywhere().addrtype;
    session.origin.unicast_address = anywhere().connection_address;
    if session.origin.sess_id.is_empty() {
        session.origin.sess_id.push('0');
    }
    if session.session_name.trim().is_empty() {
        session.session_name = "-".to_owned();
    }
    session.connection = Some(anywhere());
    session.key = None;
    keep_relayed(&mut session.attributes);
    session.attributes.push(control("*".to_owned()));
    for (index, media) in session.medias.iter_mut().enumerate() {
        media.port = 0;
        media.num_ports = None;
        media.connections.clear();
        media.key = None;
        keep_relayed(&mut media.attributes);
        media.attributes.push(control(track_control(index)));
    }
}

fn keep_relayed(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !NOT_RELAYED.contains(&attribute.attribute.as_str()));
}

/// The control attribute of track `index`.
pub fn track_control(index: usize) -> String {
    format!("{TRACK_CONTROL}{index}")
}

fn control(value: String) -> Attribute {
    Attribute {
        attribute: "control".to_owned(),
        value: Some(value),
    }
}

#[cfg(test)]
mod tests;
