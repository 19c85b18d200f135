use serde::{Deserialize, Serialize};

use super::lazy::Lazy;
use super::wanted::Wanted;
use crate::recording::contract::Node;
use crate::recording::limits::{LONGEST_TELL_PAUSE_MS, LOOK_AFTER_MS, Policy, TELL_PAUSE_MS, after};

/// A node's right to write a recording's playlists. By a line whose node has a lease of its own it lasts until that is said to be
/// over; otherwise as long as the node is heard of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) epoch: u64,
    pub(crate) node: Node,
    pub(crate) lane: u64,
    /// When its node was last heard of. A report that changes nothing else is not worth a write, so that what is read back may be
    /// too early. No lease ends too early by that: unless it is `excused`, it counts from when it was read back, and nobody
    /// can have been heard later. One that is excused has not been heard of since that was written, for hearing of it ends the
    /// excuse, which is written before the node's answer leaves; so no restart of this object excuses a silence twice.
    pub(crate) heard_ms: Lazy<u64>,
    /// Whether part of the silence was this object's own sleep, which was made up for.
    excused: bool,
    /// The newest line with a lease over which the node has told of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Whether the node has been given time since then, because it told of the recording in another way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    timed: bool,
    /// The line whose loss has ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<u64>,
    /// When the line was last known to have it among its recordings.
    #[serde(default)]
    looked_ms: Lazy<u64>,
    /// What the node was told last, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Said>,
    /// What it is being told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    telling: Option<Telling>,
    /// Whether the node has refused a scene that older ones do not know, so that it is told none of these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) keeps_scene: bool,
}

/// By which way a node has told of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Over the line with this number, which has a lease.
    Line(u64),
    /// By another way: the answer gives it time.
    Timed,
    /// In an answer, which gives it nothing.
    Aside,
}

impl From<Option<u64>> for Way {
    fn from(line: Option<u64>) -> Self {
        line.map_or(Self::Timed, Self::Line)
    }
}

/// What a node is told, by what tells it from what it was told before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// `None`: to release the recording.
    pub(crate) wanted: Option<Wanted>,
    pub(crate) subscription: u64,
    pub(crate) scene: Option<u64>,
    pub(crate) renewals: u64,
    pub(crate) standby: bool,
    pub(crate) alone: bool,
    /// How far the inventory has slices of other nodes.
    pub(crate) slices: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Telling {
    what: Option<Said>,
    /// When it is told again, unless it is known to have heard.
    again_ms: u64,
    tries: u32,
}

impl Lease {
    pub(crate) fn new(node: Node, epoch: u64, lane: u64, way: Way, now_ms: u64) -> Self {
        let mut lease = Self {
            epoch,
            node,
            lane,
            heard_ms: Lazy::new(now_ms),
            excused: false,
            line: None,
            timed: false,
            lost: None,
            looked_ms: Lazy::new(now_ms),
            told: None,
            // It tells of itself at once, and hears with the answer what is wanted.
            telling: Some(Telling {
                what: None,
                again_ms: after(now_ms, TELL_PAUSE_MS),
                tries: 0,
            }),
            keeps_scene: false,
        };
        lease.hear(way, now_ms);
        lease
    }

    pub(crate) fn is_of(&self, node_id: &str, epoch: u64) -> bool {
        self.epoch == epoch && self.node.id == node_id
    }

    pub(crate) fn hear(&mut self, way: Way, now_ms: u64) {
        self.heard_ms.set(now_ms);
        self.excused = false;
        match way {
            Way::Line(line) => {
                self.line = self.line.max(Some(line));
                self.timed = false;
                self.looked_ms.set(now_ms);
            }
            Way::Timed => self.timed = true,
            Way::Aside => {}
        }
    }

    /// Whether the node may write as long as the lease of this line lasts.
    pub(crate) fn is_by(&self, way: Way) -> bool {
        way == self.line.map_or(Way::Timed, Way::Line)
    }

    /// Whether what comes this way was said before it was lost.
    pub(crate) fn is_outlived_by_loss(&self, way: Way) -> bool {
        match (way, self.lost) {
            (Way::Line(line), Some(lost)) => line <= lost,
            _ => false,
        }
    }

    /// It begins once more.
    pub(crate) fn revive(&mut self, way: Way, now_ms: u64) {
        self.lost = None;
        self.told = None;
        self.hear(way, now_ms);
    }

    /// The leases of a node's lines are over, up to this one.
    pub(crate) fn lose(&mut self, line: u64, heard_ms: u64) {
        if self.line.is_none_or(|own| own > line) {
            return;
        }
        self.line = None;
        // The time that it has been given since ends by itself.
        if !self.timed {
            self.lost = Some(line);
            self.heard_ms.set(heard_ms);
        }
    }

    /// Its node is to say whether it still holds the recording. Returns whether it should.
    pub(crate) fn doubt(&mut self, now_ms: u64) -> bool {
        let is_with_node = self.line.is_some();
        if is_with_node {
            self.told = None;
            self.telling = Some(Telling {
                what: None,
                again_ms: now_ms,
                tries: 0,
            });
        }
        is_with_node
    }

    /// Its node has said that it holds nothing of the recording. What time it has been given ends by itself.
    pub(crate) fn lack(&mut self) {
        if let Some(line) = self.line.take()
            && !self.timed
        {
            self.lost = Some(line);
        }
    }

    /// Whether somebody has to say when it is over.
    pub(crate) fn has_line(&self) -> bool {
        self.line.is_some()
    }

    /// When it is over, as far as nobody has to say so.
    pub(crate) fn ends_ms(&self, policy: Policy) -> Option<u64> {
        match (self.lost, self.line) {
            (Some(_), _) => Some(0),
            (None, Some(_)) => None,
            (None, None) => Some(after(self.heard_ms.get(), policy.lease_ms)),
        }
    }

    pub(crate) fn is_over(&self, policy: Policy, now_ms: u64) -> bool {
        self.ends_ms(policy).is_some_and(|ends_ms| now_ms >= ends_ms)
    }

    pub(super) fn excuse(&mut self, now_ms: u64) {
        if !self.excused && self.line.is_none() {
            self.heard_ms.set(self.heard_ms.get().max(now_ms));
            self.excused = true;
        }
    }

    pub(super) fn note(&mut self) {
        self.heard_ms.note();
        self.looked_ms.note();
    }

    /// When its line has to be asked whether it still has the recording, or the node has to be told something.
    pub(crate) fn due_ms(&self) -> Option<u64> {
        self.line?;
        let telling_ms = self.telling.as_ref().map(|telling| telling.again_ms);
        let look_ms = after(self.looked_ms.get(), LOOK_AFTER_MS);
        telling_ms.into_iter().chain([look_ms]).min()
    }

    /// The line that has to be asked, if it is time. From here on it has been.
    pub(crate) fn look(&mut self, now_ms: u64) -> Option<u64> {
        let line = self.line?;
        let is_due = now_ms >= after(self.looked_ms.get(), LOOK_AFTER_MS);
        is_due.then(|| {
            self.looked_ms.set(now_ms);
            line
        })
    }

    /// Whether the node has to be told this now. A node without such a line hears it with the answer to its next report, which
    /// is never far.
    pub(crate) fn has_to_be_told(&mut self, said: Said, now_ms: u64) -> bool {
        if self.told == Some(said) || self.line.is_none() {
            self.telling = None;
            return false;
        }
        let is_news = match &self.telling {
            None => true,
            Some(telling) => telling.what.is_some_and(|what| what != said),
        };
        is_news || self.telling.as_ref().is_some_and(|telling| now_ms >= telling.again_ms)
    }

    /// It is being told; the node may take so long to answer.
    pub(crate) fn tell(&mut self, said: Said, wait_ms: u64, now_ms: u64) {
        let before = self.telling.as_ref().filter(|telling| telling.what == Some(said));
        let tries = before.map_or(0, |telling| telling.tries.saturating_add(1).min(16));
        let pause_ms = TELL_PAUSE_MS.checked_shl(tries).unwrap_or(LONGEST_TELL_PAUSE_MS);
        self.telling = Some(Telling {
            what: Some(said),
            again_ms: after(now_ms, wait_ms.saturating_add(pause_ms.min(LONGEST_TELL_PAUSE_MS))),
            tries,
        });
    }

    /// The answer to its report says this.
    pub(crate) fn answered(&mut self, said: Said) {
        if self.line.is_some() {
            self.told = Some(said);
            self.telling = None;
        }
    }

    /// It has heard what it was being told.
    pub(crate) fn has_heard(&mut self) {
        if let Some(telling) = self.telling.take() {
            self.told = telling.what.or(self.told);
        }
    }
}
