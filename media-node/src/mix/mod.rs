//! Composes all users of a channel into one picture and one sound. The mixer is a function from timed coded units and
//! timed changes to coded units: it reads no clock, opens no socket, reads and writes no file, and gives the same bytes for
//! the same input at any speed. It does not know rosters, sessions, playlists or the spool.
//!
//! [`Mixer`] holds it together. `user` is what one user sends: `video` and `audio` decode it, `drift` follows the sender's
//! clock. `scene` says who is seen and heard, `layout` where on the canvas, and `areas` how large; `pictures` brings the users' pictures up to date,
//! and `compose` and `paint` put them on the canvas; `texts` says what is written over them, and `overlay` is how that looks.
//! `limiter` keeps the sound in range, `output` encodes both, `mp3` the sound once more where that is asked for, and `interleave`
//! puts the coded units in order.

mod areas;
mod audio;
mod compose;
mod counters;
mod drift;
mod interleave;
mod layout;
mod limiter;
mod mixer;
mod mp3;
mod output;
mod overlay;
mod paint;
mod pictures;
mod scene;
mod settings;
mod texts;
mod user;
mod video;

#[cfg(test)]
pub mod testing;

pub use counters::Counters;
pub use interleave::Output;
pub use mixer::{Change, Mixer};
pub use mp3::{mp3_track, try_mp3};
pub use output::{MixError, Shed, try_encoders};
pub use scene::{LAST_PICTURE_US, images};
pub use settings::{MixOptions, Settings, Split};
