use std::collections::BTreeMap;

use protocol::{Fault, Heartbeat, HeartbeatAnswer, Refusal, RefusalCode};
use serde::{Deserialize, Serialize};

use crate::metrics::NodeFigures;
use crate::recording::tag;

/// Nodes send a heartbeat this often.
const INTERVAL_MS: u64 = 2_000;
/// A node that has not been heard of for so long gets no work.
const ALIVE_MS: u64 = 10_000;
/// As above, of a node that its line vouches for: two of its signs of life may be missed. That it has broken is told at once.
const VOUCHED_MS: u64 = 25_000;
/// A node that has not been heard of for so long is forgotten.
const FORGET_MS: u64 = 600_000;
/// An unchanged node's row is written this often: well within `ALIVE_MS`, so that a restarted object knows who is alive.
const SAVE_MS: u64 = 5_000;
/// A promise that no heartbeat has confirmed after so long was not kept.
const PROMISE_MS: u64 = 10_000;
const MAX_NODES: usize = 1_000;
const MAX_TEXT: usize = 512;
/// Threads of a node that are told of: a node of more cores tells of these.
const MAX_THREADS: usize = 64;

/// All nodes that were heard of in the last ten minutes, at most 1000.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    pub(super) nodes: BTreeMap<String, Known>,
}

/// A node, and what it has told.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) row: NodeRow,
    saved_ms: u64,
    /// It may have told more than its row says.
    restored: bool,
    /// Tags of the recorders whose recordings it holds, by its newest heartbeat.
    pub(super) recorders: Vec<String>,
    /// Recordings that were placed here and are not in a heartbeat yet.
    pub(super) promised: Vec<Promise>,
}

/// A recording that was placed on a node and is not in its heartbeat yet.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) sid: String,
    pub(super) recorder: String,
    pub(super) made_ms: u64,
}

impl Promise {
    pub(super) fn is_open(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.made_ms) < PROMISE_MS
    }
}

/// What is kept of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRow {
    pub node_id: String,
    /// The address at which it can be reached when it has no line: `http(s)://host[:port]`, without a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub region: String,
    pub version: String,
    pub capacity: u32,
    /// Its load, from 0 (idle) to 1 (no room).
    pub load: f64,
    pub draining: bool,
    /// Whether it takes no work because its spool is nearly full.
    #[serde(default)]
    pub spool_full: bool,
    /// What each of its threads of media does, from 0 (idle) to 1 (all of a core).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<f64>,
    /// The number of recordings that it holds, including ended ones that still upload.
    pub recordings: u32,
    pub heard_ms: u64,
    /// Whether its line vouches for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vouched: bool,
    /// Whether its line has broken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

/// Who tells of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Itself,
    Line,
}

/// A node as the operator sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    #[serde(flatten)]
    pub row: NodeRow,
    /// Whether it was heard of within the last seconds, and its line has not broken.
    pub alive: bool,
}

/// What has to be written for a later [`Fleet::restore`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    pub save: Option<NodeRow>,
    /// Ids of nodes that are forgotten.
    pub forget: Vec<String>,
}

impl Fleet {
    /// What a line vouches for is taken to be there until it would have been vouched for again.
    pub fn restore(rows: impl IntoIterator<Item = NodeRow>, now_ms: u64) -> Self {
        let known = |mut row: NodeRow| {
            let saved_ms = row.heard_ms;
            if row.vouched {
                row.heard_ms = now_ms;
            }
            (
                row.node_id.clone(),
                Known {
                    row,
                    saved_ms,
                    restored: true,
                    recorders: Vec::new(),
                    promised: Vec::new(),
                },
            )
        };
        Self {
            nodes: rows.into_iter().take(MAX_NODES).map(known).collect(),
        }
    }

    /// Takes a node's sign of life. Refused when it is malformed, or when there are too many nodes.
    pub fn heard(&mut self, heartbeat: Heartbeat, by: By, now_ms: u64) -> (Result<HeartbeatAnswer, Refusal>, Change) {
        let forget = self.forget(now_ms);
        match self.take(heartbeat, by, now_ms) {
            Ok(save) => (
                Ok(HeartbeatAnswer {
                    interval_ms: INTERVAL_MS,
                }),
                Change { save, forget },
            ),
            Err(refusal) => (Err(refusal), Change { save: None, forget }),
        }
    }

    /// A line vouches for its node. False when the fleet has to be told what the node has told.
    pub fn vouched(&mut self, node_id: &str, now_ms: u64) -> bool {
        let known = self.nodes.get_mut(node_id);
        let Some(known) = known.filter(|known| !known.restored && known.row.vouched && !known.row.absent) else {
            return false;
        };
        known.row.heard_ms = now_ms;
        true
    }

    /// A node's line has broken.
    pub fn absent(&mut self, node_id: &str) -> Change {
        let known = self.nodes.get_mut(node_id);
        let save = known
            .filter(|known| known.row.vouched && !known.row.absent)
            .map(|known| {
                known.row.absent = true;
                known.row.clone()
            });
        Change {
            save,
            forget: Vec::new(),
        }
    }

    /// All nodes, by id.
    pub fn view(&self, now_ms: u64) -> Vec<NodeView> {
        let view = |known: &Known| NodeView {
            row: known.row.clone(),
            alive: known.is_alive(now_ms),
        };
        self.nodes.values().map(view).collect()
    }

    /// The figures of all nodes, for the operator's monitoring.
    pub fn figures(&self, now_ms: u64) -> Vec<NodeFigures> {
        let figures = |known: &Known| NodeFigures {
            node_id: known.row.node_id.clone(),
            region: known.row.region.clone(),
            capacity: known.row.capacity,
            recordings: known.row.recordings,
            load: known.row.load,
            draining: known.row.draining,
            alive: known.is_alive(now_ms),
        };
        self.nodes.values().map(figures).collect()
    }

    fn take(&mut self, heartbeat: Heartbeat, by: By, now_ms: u64) -> Result<Option<NodeRow>, Refusal> {
        check(&heartbeat)?;
        if self.nodes.len() >= MAX_NODES && !self.nodes.contains_key(&heartbeat.node_id) {
            let reason = format!("the fleet has {MAX_NODES} nodes, which is all it can hold");
            return Err(Refusal {
                fault: Fault::Ours,
                code: RefusalCode::NoCapacity,
                reason,
            });
        }
        let recorders = heartbeat.recordings.iter().map(|held| tag(&held.recorder)).collect();
        let held: Vec<_> = heartbeat
            .recordings
            .into_iter()
            .map(|recording| recording.sid)
            .collect();
        let row = NodeRow {
            node_id: heartbeat.node_id.clone(),
            url: heartbeat.url.map(|url| url.trim_end_matches('/').to_owned()),
            region: heartbeat.region,
            version: heartbeat.version,
            capacity: heartbeat.capacity,
            load: heartbeat.load.clamp(0.0, 1.0),
            draining: heartbeat.draining,
            spool_full: heartbeat.spool_full,
            threads: threads(heartbeat.threads),
            recordings: u32::try_from(held.len()).unwrap_or(u32::MAX),
            heard_ms: now_ms,
            vouched: by == By::Line,
            absent: false,
        };
        let before = self.nodes.remove(&heartbeat.node_id);
        let mut promised = before.as_ref().map(|known| known.promised.clone()).unwrap_or_default();
        promised.retain(|promise| promise.is_open(now_ms) && !held.contains(&promise.sid));
        let is_saved = |known: &Known| row.vouched || now_ms.saturating_sub(known.saved_ms) < SAVE_MS;
        let fresh = before.filter(|known| !differs(&known.row, &row) && is_saved(known));
        let save = fresh.is_none().then(|| row.clone());
        let saved_ms = fresh.map_or(now_ms, |known| known.saved_ms);
        self.nodes.insert(
            heartbeat.node_id,
            Known {
                row,
                saved_ms,
                restored: false,
                recorders,
                promised,
            },
        );
        Ok(save)
    }

    fn forget(&mut self, now_ms: u64) -> Vec<String> {
        let gone = |known: &Known| now_ms.saturating_sub(known.row.heard_ms) >= FORGET_MS;
        self.nodes
            .extract_if(.., |_, known| gone(known))
            .map(|(id, _)| id)
            .collect()
    }
}

impl Known {
    pub(super) fn is_alive(&self, now_ms: u64) -> bool {
        let most_ms = if self.row.vouched { VOUCHED_MS } else { ALIVE_MS };
        !self.row.absent && now_ms.saturating_sub(self.row.heard_ms) < most_ms
    }
}

fn threads(told: Vec<f64>) -> Vec<f64> {
    let told = told.into_iter().take(MAX_THREADS);
    told.map(|share| share.clamp(0.0, 1.0)).collect()
}

/// Whether a restarted object would place wrongly with the old row.
fn differs(old: &NodeRow, new: &NodeRow) -> bool {
    let of = |row: &NodeRow| {
        (
            row.url.clone(),
            row.region.clone(),
            row.version.clone(),
            row.capacity,
            row.draining,
            row.vouched,
            row.absent,
        )
    };
    of(old) != of(new)
}

fn check(heartbeat: &Heartbeat) -> Result<(), Refusal> {
    let Heartbeat {
        node_id,
        url,
        region,
        version,
        ..
    } = heartbeat;
    let mut texts = [node_id, region, version].into_iter().chain(url);
    let is_web = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    let reason = if texts.any(|text| text.len() > MAX_TEXT) {
        format!("a field of the heartbeat is longer than {MAX_TEXT} bytes")
    } else if node_id.is_empty() {
        "node_id is empty".to_owned()
    } else if !url.iter().all(is_web) {
        "url must begin with http:// or https://".to_owned()
    } else {
        return Ok(());
    };
    Err(Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::fleet) const NOW: u64 = 1_700_000_000_000;

    pub(in crate::fleet) fn heartbeat(id: &str) -> Heartbeat {
        Heartbeat {
            node_id: id.to_owned(),
            url: Some(format!("http://{id}/")),
            region: "default".into(),
            version: "0".into(),
            capacity: 4,
            load: 0.0,
            draining: false,
            spool_full: false,
            threads: Vec::new(),
            recordings: Vec::new(),
        }
    }

    #[test]
    fn a_row_is_written_when_it_is_new_changed_or_old() {
        let mut fleet = Fleet::default();
        let save = |fleet: &mut Fleet, change: fn(&mut Heartbeat), now_ms| {
            let mut beat = heartbeat("n1");
            change(&mut beat);
            fleet.heard(beat, By::Itself, now_ms).1.save.is_some()
        };
        assert!(save(&mut fleet, |_| {}, NOW));
        assert!(!save(&mut fleet, |beat| beat.load = 0.9, NOW + 2_000));
        assert!(save(&mut fleet, |beat| beat.draining = true, NOW + 4_000));
        assert!(!save(&mut fleet, |beat| beat.draining = true, NOW + 6_000));
        assert!(save(&mut fleet, |beat| beat.draining = true, NOW + 9_000));
    }

    #[test]
    fn a_restored_fleet_knows_who_is_alive() {
        let mut fleet = Fleet::default();
        let row = fleet.heard(heartbeat("n1"), By::Itself, NOW).1.save.unwrap();
        let restored = Fleet::restore([row], NOW);
        assert_eq!(restored.view(NOW + 9_999), fleet.view(NOW + 9_999));
        assert!(restored.view(NOW + 9_999)[0].alive);
        assert!(!restored.view(NOW + 10_000)[0].alive);
    }

    #[test]
    fn what_a_line_vouches_for_is_there_until_it_breaks_or_nobody_vouches() {
        let mut fleet = Fleet::default();
        assert!(!fleet.vouched("n1", NOW), "what it has told is not known");
        let row = fleet.heard(heartbeat("n1"), By::Line, NOW).1.save.unwrap();
        let mut busy = heartbeat("n1");
        busy.load = 0.9;
        assert_eq!(
            fleet.heard(busy, By::Line, NOW + 60_000).1.save,
            None,
            "nothing that bridges a restart"
        );
        assert!(fleet.vouched("n1", NOW + 70_000));
        assert!(fleet.view(NOW + 94_999)[0].alive && !fleet.view(NOW + 95_000)[0].alive);
        let absent = fleet.absent("n1").save.unwrap();
        assert!(!fleet.view(NOW + 70_001)[0].alive && !fleet.vouched("n1", NOW + 70_001));
        assert_eq!(fleet.absent("n1"), Change::default());
        // A restarted object hears again what it has lost.
        let mut restored = Fleet::restore([row], NOW + 500_000);
        assert!(restored.view(NOW + 500_000)[0].alive);
        assert!(!restored.vouched("n1", NOW + 500_000));
        restored.heard(heartbeat("n1"), By::Line, NOW + 500_001).0.unwrap();
        assert!(restored.vouched("n1", NOW + 510_000));
        assert!(!Fleet::restore([absent], NOW + 70_001).view(NOW + 70_001)[0].alive);
    }

    #[test]
    fn a_node_that_loses_its_line_may_send_heartbeats() {
        let mut fleet = Fleet::default();
        fleet.heard(heartbeat("n1"), By::Line, NOW).0.unwrap();
        fleet.absent("n1");
        fleet.heard(heartbeat("n1"), By::Itself, NOW + 1).0.unwrap();
        assert!(fleet.view(NOW + 1)[0].alive && !fleet.view(NOW + 10_001)[0].alive);
    }

    #[test]
    fn a_node_unheard_for_long_is_forgotten() {
        let mut fleet = Fleet::default();
        fleet.heard(heartbeat("n1"), By::Itself, NOW).0.unwrap();
        let (_, change) = fleet.heard(heartbeat("n2"), By::Itself, NOW + 599_999);
        assert!(change.forget.is_empty());
        let (_, change) = fleet.heard(heartbeat("n2"), By::Itself, NOW + 600_000);
        assert_eq!(change.forget, ["n1"]);
        assert_eq!(fleet.view(NOW).len(), 1);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut fleet = Fleet::default();
        for i in 0..MAX_NODES {
            assert!(fleet.heard(heartbeat(&i.to_string()), By::Itself, NOW).0.is_ok());
        }
        assert_eq!(
            fleet.heard(heartbeat("more"), By::Itself, NOW).0.unwrap_err().code,
            RefusalCode::NoCapacity
        );
        assert!(fleet.heard(heartbeat("7"), By::Itself, NOW).0.is_ok());
    }

    #[test]
    fn malformed_heartbeats_are_refused() {
        let changes: [fn(&mut Heartbeat); 3] = [
            |beat| beat.node_id.clear(),
            |beat| beat.url = Some("n1:8788".into()),
            |beat| beat.version = "x".repeat(513),
        ];
        for change in changes {
            let mut beat = heartbeat("n1");
            change(&mut beat);
            let mut fleet = Fleet::default();
            assert_eq!(fleet.heard(beat, By::Itself, NOW).0.unwrap_err().fault, Fault::Caller);
            assert!(fleet.view(NOW).is_empty());
        }
    }
}
