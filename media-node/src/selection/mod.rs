//! Which of a user's streams are captured, and which of them is the user's picture and which the user's sound. Individual
//! and mixed recordings, and the mixer, ask here, so that all see and hear the same of a user.
//!
//! `tracks` says what a subscription wants of a user, `views` what a scene shows of one, `user` which streams are captured for
//! both, by the user's entry in the roster; `gate` and `sources` see to it, from what the streams bring, that at any time one stream at most is the picture
//! and one is the sound. A scene may show streams of a user beside one another; then each is a picture of its own.
//!
//! `area` says how large a picture is shown, so that of a picture that comes in several sizes no larger one than that is captured.
//!
//! All of it is pure. It does not know how streams are opened, when, and what becomes of what they bring.

mod area;
mod gate;
mod sources;
mod tracks;
mod user;
mod views;

pub use area::Area;
pub use gate::Gate;
pub use sources::{Pass, Sources};
pub use tracks::Tracks;
pub use user::{Pictures, StreamPlan, UserPlan};
pub use views::Views;
