use serde::{Deserialize, Serialize};

/// What the files of a recording are called and how its playlists are written. The API by which the recording was asked for
/// decides it; a node follows it without knowing that API.
///
/// Left out, `names` and `tags` are those that every recording had before jobs told them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStyle {
    /// Write playlists to the letter of RFC 8216: `#EXTINF` with its comma, wall-clock times, no discontinuity in front of
    /// the first slice.
    pub strict_extinf: bool,
    #[serde(default)]
    pub names: NameScheme,
    /// Lines of playlists beside those of RFC 8216; `null` for none.
    #[serde(default = "first_tags")]
    pub tags: Option<TagStyle>,
    /// Nodes that do not know it go by the codec.
    #[serde(default)]
    pub vpx_container: VpxContainer,
}

/// What slices of VP8 and VP9 are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VpxContainer {
    /// VP8 in WebM, VP9 in fragmented MP4.
    #[default]
    ByCodec,
    Webm,
    /// In fragments.
    Mp4,
}

/// What the names of a recording's files are made of. They all begin with its stem; nodes add times and numbers behind it that
/// keep the files apart, so that a stem has to be no other recording's in the same place of the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameScheme {
    /// The stem of all of the recording's files, piece by piece.
    pub stem: Vec<NamePart>,
    /// In files of one user alone, what stands behind the stem, in front of the uid,
    pub before_uid: String,
    /// and what stands behind the uid, in front of `audio` or `video`. Not empty.
    pub before_track: String,
}

/// One piece of a name. What cannot stand in an object's key or in a playlist is replaced by the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamePart {
    Sid,
    Channel,
    Text(String),
}

/// Lines that tell when a track begins and how large its picture is: `<prefix>TRACK-EVENT:…` and `<prefix>ROTATE:…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagStyle {
    /// Begins with `#EXT-X-`, as what players pass over must.
    pub prefix: String,
}

/// RFC 8216 to the letter, and otherwise what a job means that leaves it out.
impl Default for FileStyle {
    fn default() -> Self {
        Self {
            strict_extinf: true,
            names: NameScheme::default(),
            tags: first_tags(),
            vpx_container: VpxContainer::default(),
        }
    }
}

impl VpxContainer {
    pub const ALL: [Self; 3] = [Self::ByCodec, Self::Webm, Self::Mp4];

    /// As it is written in settings and jobs.
    pub fn name(self) -> &'static str {
        match self {
            Self::ByCodec => "by_codec",
            Self::Webm => "webm",
            Self::Mp4 => "mp4",
        }
    }
}

impl Default for NameScheme {
    fn default() -> Self {
        Self {
            stem: vec![NamePart::Sid, NamePart::Text("_".to_owned()), NamePart::Channel],
            before_uid: "__uid_s_".to_owned(),
            before_track: "__uid_e_".to_owned(),
        }
    }
}

/// The tags that every playlist had before jobs told them.
fn first_tags() -> Option<TagStyle> {
    Some(TagStyle {
        prefix: "#EXT-X-AGORA-".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn what_a_job_leaves_out_is_as_it_was_before_jobs_told_it() {
        let style: FileStyle = from_value(json!({"strict_extinf": false})).unwrap();
        let before = FileStyle {
            strict_extinf: false,
            names: NameScheme {
                stem: vec![NamePart::Sid, NamePart::Text("_".to_owned()), NamePart::Channel],
                before_uid: "__uid_s_".to_owned(),
                before_track: "__uid_e_".to_owned(),
            },
            tags: Some(TagStyle {
                prefix: "#EXT-X-AGORA-".to_owned(),
            }),
            vpx_container: VpxContainer::ByCodec,
        };
        assert_eq!(style, before);
    }

    #[test]
    fn containers_are_written_by_their_names() {
        for container in VpxContainer::ALL {
            assert_eq!(to_value(container).unwrap(), json!(container.name()));
        }
    }

    #[test]
    fn no_tags_stay_no_tags() {
        let style = FileStyle {
            tags: None,
            ..FileStyle::default()
        };
        let json = to_value(&style).unwrap();
        assert_eq!(json["tags"], json!(null));
        assert_eq!(json["names"]["stem"], json!(["sid", {"text": "_"}, "channel"]));
        assert_eq!(from_value::<FileStyle>(json).unwrap(), style);
    }
}
