//! What is done about a recording, whatever brings it about: a node is searched and offered the job, its lease comes into
//! force, its reports are heard, it is told what is wanted, and the recording ends. May not know which input it serves.

mod desired;
mod ending;
mod hear;
pub(crate) mod job;
mod lease;
mod look_up;
mod offer;
mod seek;

pub(crate) use look_up::look_up;
pub(crate) use offer::{accept, give_up, no_node, try_next};
