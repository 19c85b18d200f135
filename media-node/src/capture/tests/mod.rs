//! Tests of the parts together. The small ones stand beside the code.

mod decoded;
pub mod ffmpeg;
mod gstreamer;
mod session;
mod sound;
mod watch;

use std::time::Duration;

use super::{CaptureRequest, KeyframeWish, Transport, Wanted};
use crate::stream::{Clock, UserClock};

/// All that a channel server sends, which may be silent for so long.
pub fn request(url: &str, silence_timeout: Duration) -> CaptureRequest {
    CaptureRequest {
        url: url.into(),
        username: None,
        password: None,
        foreign: false,
        keys: None,
        want: Wanted {
            audio: true,
            video: true,
        },
        clock: Clock::new(0),
        user: UserClock::default(),
        first_media_timeout: silence_timeout,
        silence_timeout,
        transport: Transport::Tcp,
        keyframes: KeyframeWish::default(),
    }
}
