//! The vendor's own playlist lines, which its merge script and its players' guides read. `TIME` has the form
//! `YYYYMMDDHHMMSSmmm`, as in the vendor's samples for individual recording; for a mix it is in Unix milliseconds, as in its
//! guide to playing one.

use protocol::TrackKind;

use super::utc17;

/// The picture's size from here on. Video that RTSP brings is upright, so the rotation is 0.
pub fn rotate(width: u32, height: u32, at_ms: u64) -> String {
    format!(
        "#EXT-X-AGORA-ROTATE:WIDTH={width},HEIGHT={height},ROTATE=0,TIME={}",
        utc17(at_ms)
    )
}

/// The track begins here, for the first time or again.
pub fn track_start(track: TrackKind, at_ms: u64) -> String {
    start(track, &utc17(at_ms))
}

/// The mix begins here, for the first time or again.
pub fn mix_start(track: TrackKind, at_ms: u64) -> String {
    start(track, &at_ms.to_string())
}

fn start(track: TrackKind, time: &str) -> String {
    let track = match track {
        TrackKind::Audio => "AUDIO",
        TrackKind::Video => "VIDEO",
        TrackKind::Both => "AUDIO_VIDEO",
    };
    format!("#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE={track},TIME={time}")
}
