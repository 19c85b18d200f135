use std::time::Duration;

use crate::capture::Transport;
use crate::mix::MixOptions;
use crate::outbound::Targets;
use crate::stream::PictureLimit;

/// A node's settings of its recordings.
#[derive(Clone, Debug)]
pub struct Options {
    /// A stream that sends nothing for so long is opened again.
    pub silence_timeout: Duration,
    /// The most users that are recorded at a time; those who join later are left out, with a problem.
    pub max_users: usize,
    /// How RTP packets travel.
    pub transport: Transport,
    /// The addresses that URLs of the customer's may lead to.
    pub targets: Targets,
    /// Larger pictures are recorded as they come, and not decoded: mixes and snapshots go without.
    pub picture_limit: PictureLimit,
    /// How mixes are made.
    pub mix: MixOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            silence_timeout: Duration::from_secs(10),
            max_users: 200,
            transport: Transport::default(),
            targets: Targets::default(),
            picture_limit: PictureLimit::default(),
            mix: MixOptions::default(),
        }
    }
}
