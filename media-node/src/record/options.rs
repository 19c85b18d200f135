use std::time::Duration;

use crate::capture::Transport;
use crate::mix::MixOptions;
use crate::outbound::Targets;
use crate::stream::PictureLimit;

/// A node's settings of its recordings.
#[derive(Clone, Debug)]
pub struct Options {
    /// A stream that sends nothing for so long from its beginning is opened again,
    pub first_media_timeout: Duration,
    /// and one that has sent media when nothing follows for so long.
    pub silence_timeout: Duration,
    /// The most users that are recorded at a time; those who join later are left out, with a problem.
    pub max_users: usize,
    /// The most users that one recording gives files of their own, those who have left included. Those who come then are left
    /// out, with a problem.
    pub max_users_in_all: usize,
    /// How RTP packets travel.
    pub transport: Transport,
    /// The addresses that URLs of the customer's may lead to.
    pub targets: Targets,
    /// Larger pictures are recorded as they come, and not decoded: mixes and snapshots go without.
    pub picture_limit: PictureLimit,
    /// How mixes are made.
    pub mix: MixOptions,
}

impl Options {
    pub const MAX_USERS: u16 = 1_000;
    /// Their playlists, two each, fit into one report.
    pub const MAX_USERS_IN_ALL: u16 = 2_000;
    /// No node can be set to more users of either sort: each at a time takes a thread, and each in all is in every report.
    pub const MOST_USERS: u16 = 5_000;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first_media_timeout: Duration::from_secs(10),
            silence_timeout: Duration::from_secs(60),
            max_users: Self::MAX_USERS.into(),
            max_users_in_all: Self::MAX_USERS_IN_ALL.into(),
            transport: Transport::default(),
            targets: Targets::default(),
            picture_limit: PictureLimit::default(),
            mix: MixOptions::default(),
        }
    }
}
