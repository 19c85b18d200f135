//! `recordingFileConfig`: what a recording is written to. The vendor has `hls` and `mp4`; the rest are additions.

use protocol::{FileFormat, Outputs, StreamTypes};

use crate::input::{FieldError, Fields};

/// Seconds of media that a whole file may be asked to have at most.
const SHORTEST_S: u64 = 10;
const LONGEST_S: u64 = 7_200;

/// The names of `avFileType`, but for `hls`.
const FORMATS: [(&str, FileFormat); 3] = [
    ("mp4", FileFormat::Mp4),
    ("m4a", FileFormat::M4a),
    ("mp3", FileFormat::Mp3),
];

/// `types`: which tracks are recorded; `to_bucket`: whether it goes to a bucket, rather than to a video-on-demand service.
pub(super) fn read(request: &Fields<'_>, types: StreamTypes, to_bucket: bool) -> Result<Outputs, FieldError> {
    let Some(config) = request.object("recordingFileConfig")? else {
        return Ok(Outputs::default());
    };
    let files = formats(&config)?;
    let is_sound = |format: &FileFormat| *format != FileFormat::Mp4;
    if types == StreamTypes::Video && files.iter().any(is_sound) {
        return Err(config.error(
            "avFileType",
            "must not have \"m4a\" or \"mp3\" when streamTypes is 1: there is no sound",
        ));
    }
    let longest_s = config.integer("maxFileDuration", SHORTEST_S..=LONGEST_S)?;
    if longest_s.is_some() && files.is_empty() {
        return Err(config.error("maxFileDuration", "needs \"mp4\", \"m4a\" or \"mp3\" in avFileType"));
    }
    if !to_bucket && files.iter().any(is_sound) {
        let problem = "must not be set together with \"m4a\" or \"mp3\" in recordingFileConfig.avFileType";
        return Err(request.error("extensionServiceConfig", problem));
    }
    let multivariant = multivariant(request)?.unwrap_or_default();
    if !to_bucket && multivariant {
        let problem = "must not be set together with recordingFileConfig.multivariantPlaylists";
        return Err(request.error("extensionServiceConfig", problem));
    }
    Ok(Outputs {
        multivariant,
        files,
        max_ms: longest_s.map(|seconds| seconds.saturating_mul(1_000)),
        ..Outputs::default()
    })
}

/// Whether the request says that it wants playlists that lead to others, or that it does not.
pub(super) fn multivariant(request: &Fields<'_>) -> Result<Option<bool>, FieldError> {
    match request.object("recordingFileConfig")? {
        Some(config) => config.boolean("multivariantPlaylists"),
        None => Ok(None),
    }
}

fn formats(config: &Fields<'_>) -> Result<Vec<FileFormat>, FieldError> {
    let Some(types) = config.strings("avFileType", FORMATS.len() + 1)? else {
        return Ok(Vec::new());
    };
    let known = |name: &&str| {
        FORMATS
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, format)| *format)
    };
    let others = types.iter().filter(|name| **name != "hls").map(known);
    let problem = "must be [\"hls\"] or [\"hls\",\"mp4\"]; \"m4a\" and \"mp3\" may be there as well";
    let wrong = || config.error("avFileType", problem);
    let mut formats = others.collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    formats.sort_unstable();
    formats.dedup();
    // Each name once, and `hls` among them.
    let is_right = types.contains(&"hls") && formats.len().saturating_add(1) == types.len();
    if is_right { Ok(formats) } else { Err(wrong()) }
}
