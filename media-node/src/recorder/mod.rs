//! The process of one recording: spool, capture, upload and reports wired together. It knows what a job and the supervisor's
//! orders ask for; it knows neither flags nor signals, nor the edge, which the supervisor speaks to.
//!
//! What the edge directs and what happens to this process are two things: [`course`] says which of them counts.

mod alone;
mod course;
mod disk;
mod fit;
mod formats;
mod inlets;
mod opening;
mod outlet;
mod part;
mod prepare;
mod report;
mod rescue;
mod standing;
mod supervised;

pub use alone::{Alone, record};
pub use rescue::{RescueOrder, Rescuing, rescue};
pub use supervised::run;
