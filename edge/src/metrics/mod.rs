//! Figures for the operator's monitoring. Pure: what is counted where, how it is added up, and its text for Prometheus. It
//! may not know Cloudflare, or how a request is answered.
//!
//! Workers share no memory, so figures travel. Each instance of the worker counts the requests that it answers in
//! [`Counts`] and sends them to the one object that has the [`Totals`] a few seconds later; each app's object sends a
//! [`Tally`] of its recordings there. Whatever the traffic, the number of series is bounded: labels are routes, statuses,
//! causes and the nodes of the fleet, never apps or recordings.

mod counts;
mod erasures;
mod node;
mod notices;
mod route;
mod tally;
mod text;
mod totals;
mod work;

pub use counts::Counts;
pub use erasures::Erasures;
pub use node::NodeFigures;
pub use notices::Notices;
pub use route::Route;
pub use tally::Tally;
pub use text::render;
pub use totals::Totals;
pub use work::Work;
