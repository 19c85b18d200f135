/// The format of a track's RTP payloads, as `a=rtpmap` and `a=fmtp` of a session description give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFormat {
    /// In lower case, as registered with IANA.
    pub encoding: String,
    /// Ticks of an RTP timestamp in a second.
    pub clock_rate: u32,
    pub channels: Option<u16>,
    pub fmtp: Fmtp,
}

impl PayloadFormat {
    /// `rtpmap`: `encoding/clock rate[/channels]`. `None` when it cannot be read.
    pub fn parse(rtpmap: &str, fmtp: Fmtp) -> Option<Self> {
        let mut parts = rtpmap.trim().split('/');
        Some(Self {
            encoding: parts.next()?.to_ascii_lowercase(),
            clock_rate: parts.next()?.parse().ok()?,
            channels: parts.next().and_then(|channels| channels.parse().ok()),
            fmtp,
        })
    }
}

/// Format parameters (`a=fmtp`), by lower-case name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fmtp(Vec<(String, String)>);

impl Fmtp {
    /// `parameters`: `name=value` pairs with semicolons between them; what is no pair is left out.
    pub fn parse(parameters: &str) -> Self {
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
