//! The process of one recording: spool, capture, upload and reports wired together. It knows what a job and the supervisor's
//! orders ask for; it knows neither flags nor signals, nor the edge, which the supervisor speaks to.

mod inlets;
mod opening;
mod part;
mod prepare;
mod report;
mod standing;
mod supervised;

pub use opening::open_spool;
pub use supervised::run;
