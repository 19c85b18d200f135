use serde::{Deserialize, Serialize};

/// What a recording's media is written to. The default is what jobs mean that say nothing of it: playlists and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outputs {
    /// Whether HLS playlists are written, with their slices.
    pub hls: bool,
    /// The whole files that are written, each format once: of the mix, or of each user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileFormat>,
    /// How much media one whole file has at most, in milliseconds: the next one begins there. Without it, a file ends at the
    /// node's own limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<u64>,
    /// Whether there is a multivariant playlist for each user of an individual recording, with picture and sound, and one for the
    /// channel, with each user's. They are no files of the recording: its playlists are what they lead to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub multivariant: bool,
}

/// The format of a whole file, which is readable on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Picture and sound.
    Mp4,
    /// Sound alone, as AAC.
    M4a,
    /// Sound alone, as MP3.
    Mp3,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            hls: true,
            files: Vec::new(),
            max_ms: None,
            multivariant: false,
        }
    }
}

impl Outputs {
    /// Whether it is what jobs mean that say nothing of it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn what_is_left_out_is_as_it_was_before_jobs_told_it() {
        let outputs: Outputs = from_value(json!({})).unwrap();
        assert!(outputs.is_default());
        let outputs: Outputs =
            from_value(json!({"hls": false, "files": ["mp4", "m4a", "mp3"], "max_ms": 60_000})).unwrap();
        assert_eq!(outputs.files, [FileFormat::Mp4, FileFormat::M4a, FileFormat::Mp3]);
        assert_eq!((outputs.hls, outputs.max_ms), (false, Some(60_000)));
        assert_eq!(to_value(Outputs::default()).unwrap(), json!({"hls": true}));
    }
}
