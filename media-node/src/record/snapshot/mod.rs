//! Pictures of one user's video at an interval. It knows coded video, the recording's timeline and what a picture is
//! called. It does not know where the video comes from, whether it is recorded besides, or how pictures are uploaded.
//!
//! `timing` says, from the times of the units alone, of which instant a picture is due and which frame is shown then;
//! `gop` keeps the units since the newest key frame and decodes as few of them as it can; `taker` puts the two together;
//! `thread` keeps what they cost away from the recording, and `user` is what the recording sees of it all. `sink` is where the
//! pictures go.

mod gop;
mod sink;
mod taker;
#[cfg(test)]
mod tests;
mod thread;
mod timing;
mod user;

#[cfg(test)]
pub(super) use sink::PictureSink;
pub(super) use sink::Snapshots;
pub(super) use user::UserPictures;
