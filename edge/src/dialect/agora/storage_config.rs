//! `storageConfig`: the configuration of a store, with what is particular to these vendors.

use protocol::Storage;

use super::flavour::Flavour;
use crate::input::{FieldError, Fields, Targets};
use crate::store;

/// anyRTC's number for a server of the customer's own.
const PRIVATE: u64 = 100;

/// The terms under which the body of a start is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) flavour: Flavour,
    pub(super) targets: Targets,
    /// Unix milliseconds.
    pub(super) now_ms: u64,
}

pub(super) fn read(config: &Fields<'_>, terms: Terms) -> Result<Storage, FieldError> {
    if config.integer("vendor", 0..=1000)? == Some(PRIVATE) {
        let problem = "must not be 100: the interface of anyRTC's private stores is not published";
        return Err(config.error("vendor", problem));
    }
    let terms = store::Terms {
        targets: terms.targets,
        absent_is_zero: terms.flavour.leaves_out_zeros(),
        now_ms: terms.now_ms,
    };
    store::read(config, terms)
}
