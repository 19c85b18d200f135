use serde::{Deserialize, Serialize};

use crate::TrackKind;

/// A slice that the store has confirmed, as a playlist has to know it. The edge keeps an inventory of them for each
/// recording, so that a node can go on with playlists whose slices another node has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedSlice {
    /// The name of its playlist, without the storage's prefix, like all names here.
    pub playlist: String,
    pub uid: String,
    pub track: TrackKind,
    /// The epoch of the lease under which it was captured.
    pub epoch: u64,
    pub name: String,
    /// Where it begins on the recording's timeline.
    pub start_us: i64,
    pub duration_us: i64,
    /// Wall-clock time of the first media in it, Unix milliseconds.
    pub start_ms: u64,
    pub bytes: u64,
    /// Whether there is a break between it and the slice that its node made before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discontinuity: bool,
    /// Whole tag lines, in order, that stand before its `#EXTINF` beyond those that every slice has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// The part of a report that other nodes may need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolReport {
    /// The name of the spool: the epoch under which it was first opened.
    pub spool: u64,
    /// How many of this spool's confirmed slices, in the order of their confirmation, stand before `confirmed`.
    pub from: u64,
    /// At most [`Self::MOST_CONFIRMED`]; the rest follows when the edge has noted these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<ConfirmedSlice>,
    /// How far the inventory's slices of other spools are on this node's disk: [`InventoryPage::next`] of the newest page.
    pub learned: u64,
    /// Whether the node is being shut down, so that another one should go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// What has been captured under this lease, by playlist, as much as fits. Reported by a node that leaves or has taken over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
}

impl SpoolReport {
    pub const MOST_CONFIRMED: usize = 200;
}

/// The media of one playlist that a node has captured under its lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub playlist: String,
    /// The start of the first slice, Unix milliseconds.
    pub from_ms: u64,
    /// Whether a slice is being written.
    pub open: bool,
}

/// The part of a report's answer that is about the inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryPage {
    /// How many of the spool's own confirmed slices the inventory has. A spool's end may be reported once it has all of
    /// them.
    pub noted: u64,
    /// The report's [`SpoolReport::learned`].
    pub after: u64,
    /// Slices of other spools behind that place, as many as fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<ConfirmedSlice>,
    /// The place behind `slices`.
    pub next: u64,
    /// The place behind all slices of other spools that the inventory has at present.
    pub last: u64,
}
