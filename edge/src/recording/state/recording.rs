use protocol::{
    EndCause, Fault, Mode, Outputs, Phase, Problem, ProblemCode, RecorderKey, RecordingSpec, Scene, Snapshots, Source,
    Subscription, VodVideo,
};
use serde::{Deserialize, Serialize};

use super::SpentTicket;
use super::inventory::Inventory;
use super::lease::Lease;
use super::nodes::Nodes;
use super::publication::Publication;
use super::seen::Seen;
use super::wanted::Wanted;
use crate::recording::contract::{CallId, House, Ticket, What};
use crate::recording::limits::{MAX_PROBLEMS, Policy, TICKET_MEMORY_MS, after};

/// All that is known of one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recording {
    pub(crate) key: RecorderKey,
    pub(crate) sid: String,
    pub(crate) ticket: Ticket,
    pub(crate) mode: Mode,
    #[serde(default)]
    pub(crate) mp4: bool,
    #[serde(default, skip_serializing_if = "Outputs::is_default")]
    pub(crate) outputs: Outputs,
    #[serde(default)]
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) subscription: Subscription,
    /// The version of the scene in force, of a mixed recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scene_version: Option<u64>,
    /// The scene in force, as edges kept it that did not seal the addresses of its images.
    #[serde(default, skip_serializing)]
    pub(in crate::recording) scene: Option<Scene>,
    /// How often the keys of the storage have been renewed.
    #[serde(default)]
    pub(crate) renewals: u64,
    pub(crate) max_idle_ms: u64,
    /// How it begins, if it waits for its first layout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opening: Option<Opening>,
    pub(crate) requested_ms: u64,
    #[serde(rename = "stage")]
    pub(crate) lifecycle: Lifecycle,
    #[serde(alias = "order", deserialize_with = "Wanted::read")]
    pub(crate) wanted: Wanted,
    pub(crate) nodes: Nodes,
    pub(crate) inventory: Inventory,
    /// What happened to its nodes, oldest first.
    pub(crate) history: Vec<Problem>,
    /// Whether the operator, not the customer, has stopped it.
    #[serde(default)]
    pub(crate) stopped_by_operator: bool,
    /// When the channel token of the start dies, Unix milliseconds, where one was verified.
    #[serde(default)]
    pub(crate) token_expires_ms: Option<u64>,
    /// Of a recording that goes to the app's own store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) house: Option<House>,
    pub(crate) seen: Seen,
    pub(crate) publication: Publication,
    /// Whether it is kept for nothing but media that is still on a node: its resource has expired, or it has made room.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) away: bool,
    #[serde(skip)]
    pub(crate) spec: Option<RecordingSpec>,
    /// Who waits for the start's outcome; the first of them asked first.
    #[serde(skip)]
    pub(crate) starters: Vec<CallId>,
    /// Who waits for the stop's outcome.
    #[serde(skip)]
    pub(crate) stopper: Option<Stopper>,
}

/// The beginning of a recording that waits for its first layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Opening {
    /// It waits, in a pause, for so long after its start.
    Waits { for_ms: u64 },
    /// The first layout has come.
    Begun,
}

/// A caller who waits for the end of the recording that they have stopped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stopper {
    pub(crate) by: CallId,
    /// Until when they wait, Unix milliseconds.
    pub(crate) until_ms: u64,
}

/// How far a recording has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lifecycle {
    /// No node has taken it yet.
    Placing,
    /// A node records it, or another one is looked for because that node was lost.
    Running { started_ms: u64 },
    /// Over. A node may still be at work to upload, or to end playlists that a lost one has left without an end.
    Over {
        started_ms: u64,
        cause: EndCause,
        ended_ms: u64,
    },
}

impl Recording {
    /// The scene in force, of a mixed recording. `None` as well when its secrets are gone, which the addresses of images
    /// belong to.
    pub(crate) fn scene(&self) -> Option<&Scene> {
        Some(&self.spec.as_ref()?.mix.as_ref()?.scene)
    }

    /// Puts back the part that rests sealed.
    pub(super) fn restore_spec(&mut self, spec: Option<RecordingSpec>) {
        self.spec = spec;
        if let Some(scene) = self.scene.take() {
            self.set_scene(scene);
        }
    }

    /// The scene comes into force. What is sealed is written again because its version is another one.
    pub(crate) fn set_scene(&mut self, scene: Scene) {
        self.scene_version = Some(scene.version);
        if let Some(mix) = self.spec.as_mut().and_then(|spec| spec.mix.as_mut()) {
            mix.scene = scene;
        }
    }

    pub(crate) fn started_ms(&self) -> Option<u64> {
        match self.lifecycle {
            Lifecycle::Placing => None,
            Lifecycle::Running { started_ms } | Lifecycle::Over { started_ms, .. } => Some(started_ms),
        }
    }

    /// The lease in force, or, when its node has done its work, the last one. `None` while a node is looked for.
    pub(crate) fn lease(&self) -> Option<&Lease> {
        let last = self.nodes.last.as_ref().filter(|_| self.is_over());
        self.nodes.lease.as_ref().or(last.map(|last| &last.lease))
    }

    /// When the caller may no longer ask about it; `None` until it has started.
    pub(crate) fn expires_ms(&self) -> Option<u64> {
        let life_ms = u64::from(self.ticket.expires_hours).saturating_mul(3_600_000);
        Some(self.started_ms()?.saturating_add(life_ms))
    }

    /// Whether the node has, or has had, the recording by the edge's will.
    pub(crate) fn is_with(&self, node_id: &str) -> bool {
        self.nodes.has_member(node_id) || self.inventory.has_spool_of(node_id)
    }

    /// What the holder of the lease shall bring about: what is over stays so.
    pub(crate) fn goal(&self) -> Wanted {
        match self.lifecycle {
            Lifecycle::Placing | Lifecycle::Running { .. } => self.wanted,
            Lifecycle::Over { cause, .. } => Wanted::Stop(cause),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Over { .. })
    }

    /// Whether a node captures for it, or may come to do so.
    pub(crate) fn captures(&self) -> bool {
        match self.lifecycle {
            Lifecycle::Placing => true,
            Lifecycle::Running { .. } => self.seen.phase < Phase::Draining,
            Lifecycle::Over { .. } => false,
        }
    }

    /// The resource ID, once it has had its recording.
    pub(crate) fn spend_ticket(&self) -> SpentTicket {
        SpentTicket {
            nonce: self.ticket.nonce.clone(),
            forget_ms: after(self.ticket.issued_ms, TICKET_MEMORY_MS),
        }
    }

    /// Adds to the history of its nodes.
    pub(crate) fn remember(&mut self, code: ProblemCode, message: String, at_ms: u64) {
        self.history.push(Problem {
            fault: Fault::Ours,
            code,
            message,
            at_ms,
        });
        let excess = self.history.len().saturating_sub(MAX_PROBLEMS);
        self.history.drain(..excess);
    }

    /// Whether nothing is captured because its first layout has not come yet.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.opening, Some(Opening::Waits { .. })) && self.wanted == Wanted::Pause
    }

    /// The videos that a video-on-demand service has made for it.
    pub(crate) fn videos(&self) -> Vec<VodVideo> {
        self.seen.vod.as_ref().map(|vod| vod.videos.clone()).unwrap_or_default()
    }

    /// Whether it is over, and media that is still on a node, or playlists without an end, can be completed.
    pub(crate) fn awaits_media(&self) -> bool {
        let is_missing = self.inventory.is_awaited() || self.inventory.is_unfinished();
        self.is_over() && self.spec.is_some() && is_missing
    }

    /// For its history: what is still on nodes is waited for no longer.
    pub(crate) fn media_given_up(&self) -> What {
        let nodes = self.inventory.awaited().map(|(node, _)| node.to_owned());
        What::MediaGivenUp { nodes: nodes.collect() }
    }

    /// What is still on nodes is waited for no longer. Returns what the history tells of that.
    pub(crate) fn give_up_media(&mut self) -> What {
        let what = self.media_given_up();
        self.inventory.give_up();
        self.nodes.give_up();
        what
    }

    /// Until when media that is still on a node is waited for; `None` as long as it is not over.
    pub(crate) fn awaited_until_ms(&self, policy: Policy) -> Option<u64> {
        let Lifecycle::Over { ended_ms, .. } = self.lifecycle else {
            return None;
        };
        Some(self.expires_ms()?.max(after(ended_ms, policy.await_ms)))
    }

    /// How much there is of it in lists whose length the nodes decide.
    pub(crate) fn listed(&self) -> usize {
        let cuts = if self.away { self.nodes.cuts.len() } else { 0 };
        self.seen.files.len() + cuts
    }

    /// Keeps of it only what it takes to upload its media.
    pub(crate) fn put_away(&mut self) {
        self.away = true;
        self.seen.files.clear();
        if let Some(spec) = &mut self.spec {
            spec.source = Source::Builtin {
                rtsp: None,
                roster: None,
            };
            spec.decryption = None;
            if let Some(mix) = &mut spec.mix {
                mix.scene = Scene {
                    version: mix.scene.version,
                    ..Scene::default()
                };
            }
        }
    }

    /// Whether it is over and no node has anything to do for it any more.
    pub(crate) fn is_settled(&self) -> bool {
        let at_work = self.nodes.lease.is_some() || self.nodes.search.is_some();
        let is_awaited = self.nodes.strays || self.inventory.is_awaited();
        self.is_over() && !at_work && !is_awaited && !self.inventory.is_unfinished()
    }
}
