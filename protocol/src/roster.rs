use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SecretUrl;

/// Who is in a channel, and where their streams are.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roster {
    /// A number that changes with each change of the roster.
    pub version: u64,
    /// The users, in the order in which they joined.
    pub users: Vec<RosterUser>,
    /// The uid of who speaks, or spoke last, among those whose packets tell how loud they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
}

/// A user who publishes to the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterUser {
    pub uid: String,
    pub joined_at_ms: u64,
    pub streams: Vec<RosterStream>,
}

/// Where a stream of a user is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterStream {
    pub name: StreamName,
    /// The URL that the stream is played from, without a user and a password.
    pub url: SecretUrl,
    /// A number that differs between two publications of the same stream.
    pub publication: u64,
    /// It is the smallest of several sizes in which the user's camera comes, each of which can be asked for, and not published by
    /// itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_camera: bool,
}

/// Which of a user's streams: the last part of the path `/{app}/{channel}/{uid}/{stream}`, absent for the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamName {
    Camera,
    Low,
    Screen,
    Whiteboard,
    Audio,
}

impl StreamName {
    pub const ALL: [Self; 5] = [Self::Camera, Self::Low, Self::Screen, Self::Whiteboard, Self::Audio];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Low => "low",
            Self::Screen => "screen",
            Self::Whiteboard => "whiteboard",
            Self::Audio => "audio",
        }
    }

    pub fn from_path(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == segment)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
