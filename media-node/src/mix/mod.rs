//! Composes all users of a channel into one picture and one sound. The mixer is a function from timed coded units and
//! timed changes to coded units: it reads no clock, opens no socket and writes no file, and gives the same bytes for the
//! same input at any speed. It does not know rosters, playlists or the spool.

mod audio;
mod compose;
mod counters;
mod drift;
mod interleave;
mod layout;
mod limiter;
mod mixer;
mod output;
mod paint;
mod pictures;
mod scene;
mod settings;
mod user;
mod video;

#[cfg(test)]
pub mod testing;

pub use counters::Counters;
pub use interleave::Output;
pub use mixer::{Change, Mixer};
pub use output::{MixError, Shed, try_encoders};
pub use scene::{LAST_PICTURE_US, images};
pub use settings::{MixOptions, Settings};
