use std::sync::Arc;
use std::time::Duration;

use protocol::{Secret, SecretUrl};

use super::wish::KeyframeWish;
use crate::encryption::Keys;
use crate::stream::{Clock, UserClock};

/// What to capture.
#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// `rtsp://host[:port]/path`, or with `rtsps`, `rtsp+http` or `rtsps+http`. A user name and password in it are used, unless
    /// given below.
    pub url: SecretUrl,
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// Others built what sends it, and it is put right on its way; streams of channel servers are so already.
    pub foreign: bool,
    pub want: Wanted,
    /// By which the stream is decrypted. Without them an encrypted one is left out.
    pub keys: Option<Arc<Keys>>,
    pub clock: Clock,
    pub user: UserClock,
    /// How long the first media may take to come before the stream counts as [`StreamEnd::Silent`](crate::stream::StreamEnd::Silent),
    pub first_media_timeout: Duration,
    /// and what follows: the connection lives all the while, and some send a picture now and then.
    pub silence_timeout: Duration,
    pub transport: Transport,
    /// Whoever gets the units wants a keyframe.
    pub keyframes: KeyframeWish,
}

/// The kinds of media that are wanted; of each kind one track is captured, the first that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub audio: bool,
    pub video: bool,
}

/// How RTP packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved with RTSP on one connection.
    #[default]
    Tcp,
    /// Packets that come out of order are lost, and nothing is put right. Only for plain `rtsp://`.
    Udp,
}
