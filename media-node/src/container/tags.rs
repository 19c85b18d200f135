//! The vendor's own playlist lines, which its merge script and its players' guides read. `TIME` has the form
//! `YYYYMMDDHHMMSSmmm`, as in the vendor's samples for individual recording.

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
    let track = match track {
        TrackKind::Audio => "AUDIO",
        TrackKind::Video => "VIDEO",
        TrackKind::Both => "AUDIO_VIDEO",
    };
    format!(
        "#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE={track},TIME={}",
        utc17(at_ms)
    )
}
