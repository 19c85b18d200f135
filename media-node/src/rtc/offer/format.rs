use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Pt};

/// What one codec is called, how it counts, and what it is.
pub(super) const CODECS: [(&str, u32, Codec); 7] = [
    ("H264", 90_000, Codec::H264),
    ("VP8", 90_000, Codec::Vp8),
    ("VP9", 90_000, Codec::Vp9),
    ("AV1", 90_000, Codec::Av1),
    ("OPUS", 48_000, Codec::Opus),
    ("PCMU", 8_000, Codec::PCMU),
    ("PCMA", 8_000, Codec::PCMA),
];

/// One way in which a client codes a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rtc) struct Format {
    pub(in crate::rtc) payload_type: u8,
    /// How it sends packets again.
    pub(super) resend: Option<u8>,
    /// In upper case.
    pub(in crate::rtc) name: &'static str,
    pub(super) codec: Codec,
    pub(in crate::rtc) clock_rate: u32,
    pub(super) channels: Option<u8>,
    /// As offered.
    pub(in crate::rtc) parameters: String,
}

impl Format {
    /// How str0m knows it.
    pub(in crate::rtc) fn add_to(&self, config: &mut CodecConfig) {
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
    pub(in crate::rtc) fn described(&self) -> String {
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
    pub(in crate::rtc) fn fits_networks(&self) -> bool {
        self.codec != Codec::H264 || parameter(&self.parameters, "packetization-mode") == Some("1")
    }
}

/// A parameter of an `a=fmtp`.
pub(in crate::rtc) fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
