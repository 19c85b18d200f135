//! What is known of one track of a publication.

use bytes::Bytes;

use super::super::groups::Groups;
use super::super::inflow::{Inflow, Manner};
use super::super::reception::Reception;
use super::super::rtp::RtpHead;

/// See the module.
pub(super) struct Track {
    pub(super) inflow: Inflow,
    pub(super) reception: Reception,
    pub(super) last: Option<RtpHead>,
    /// When its last packet came, or was asked for.
    pub(super) heard_ms: Option<u64>,
    pub(super) sender_report: Option<Bytes>,
    /// When players were told last that packets of it are left out.
    pub(super) told_ms: Option<u64>,
    /// A picture has come that is shown before one that came earlier.
    pub(super) is_out_of_order: bool,
    /// What is kept for players who come in the middle; `None` where nothing can be known of keyframes.
    pub(super) groups: Option<Groups>,
}

impl Track {
    /// `groups`: for what is kept of it.
    pub(super) fn new(manner: Manner, clock_rate: u32, groups: Option<Groups>) -> Self {
        Self {
            inflow: Inflow::new(manner),
            reception: Reception::new(clock_rate),
            last: None,
            heard_ms: None,
            sender_report: None,
            told_ms: None,
            is_out_of_order: false,
            groups,
        }
    }

    /// What is known of the packet that is handed on next.
    pub(super) fn next(&self) -> Option<RtpHead> {
        self.last.map(|last| RtpHead {
            sequence: last.sequence.wrapping_add(1),
            ..last
        })
    }

    /// What is kept lacks something.
    pub(super) fn forget(&mut self) {
        if let Some(groups) = &mut self.groups {
            groups.forget();
        }
    }
}
