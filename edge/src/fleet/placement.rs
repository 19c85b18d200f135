use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::table::{Fleet, Known, Promise};
use crate::recording::Node;

/// A recording that needs a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    pub sid: String,
    /// The [tag](crate::recording::tag) of its recorder.
    pub recorder: String,
    /// The ids of nodes that have refused it.
    pub exclude: Vec<String>,
    /// Nodes of this region come first: those whose region is this word, in any case, or begins with it and a hyphen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Tags of recorders: nodes of other regions than theirs come before all others, and nodes that have one of them last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<String>,
}

impl Fleet {
    /// The node with the most room: one apart from what is avoided if one has any, then one of the wished region. The
    /// node's next heartbeats count what it really took; until then the promise does, so that a burst of starts spreads.
    /// Without a node: why, for a person.
    pub fn place(&mut self, wish: &Wish, now_ms: u64) -> Result<Node, String> {
        let crowded = self.nodes.values().filter(|known| known.has_any(&wish.avoid, now_ms));
        let crowded: BTreeSet<_> = crowded.map(|known| known.row.region.clone()).collect();
        let candidates = self
            .nodes
            .values_mut()
            .filter(|known| !wish.exclude.contains(&known.row.node_id));
        let with_room = candidates.filter_map(|known| Some((known.room(now_ms)?, known)));
        let penalty = |known: &Known| {
            let in_region = wish.region.as_ref().is_none_or(|region| known.is_in(region));
            let (in_crowd, has_avoided) = (crowded.contains(&known.row.region), known.has_any(&wish.avoid, now_ms));
            (has_avoided, in_crowd, !in_region)
        };
        let best = with_room.min_by(|(left_use, left), (right_use, right)| {
            penalty(left).cmp(&penalty(right)).then(left_use.total_cmp(right_use))
        });
        match best {
            Some((_, known)) => {
                known.promised.push(Promise {
                    sid: wish.sid.clone(),
                    recorder: wish.recorder.clone(),
                    made_ms: now_ms,
                });
                Ok(Node {
                    id: known.row.node_id.clone(),
                    url: known.row.url.clone(),
                })
            }
            None => Err(self.why_none(wish, now_ms)),
        }
    }

    fn why_none(&self, wish: &Wish, now_ms: u64) -> String {
        let count = |reason: fn(&Known, u64) -> bool| self.nodes.values().filter(|k| reason(k, now_ms)).count();
        let silent = count(|known, now_ms| !known.is_alive(now_ms));
        let draining = count(|known, now_ms| known.is_alive(now_ms) && known.row.draining);
        let refused = wish.exclude.iter().filter(|id| self.nodes.contains_key(*id)).count();
        let spool_full = count(|known, now_ms| known.is_alive(now_ms) && !known.row.draining && known.row.spool_full);
        let full = self
            .nodes
            .len()
            .saturating_sub(silent + draining + refused + spool_full);
        let counts = [
            (silent, "silent"),
            (draining, "draining"),
            (refused, "refused"),
            (
                spool_full,
                "whose spool is nearly full, since stores do not take what waits for them",
            ),
            (full, "full"),
        ];
        let told: Vec<_> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, why)| format!("{count} {why}"))
            .collect();
        match told.is_empty() {
            true => "no media node has reported to the edge".to_owned(),
            false => format!("of the media nodes {}", told.join(", ")),
        }
    }
}

impl Known {
    /// Whether one of the recorders is, or is about to be, on the node.
    fn has_any(&self, recorders: &[String], now_ms: u64) -> bool {
        let promised = self.promised.iter().filter(|promise| promise.is_open(now_ms));
        let mut here = self.recorders.iter().chain(promised.map(|promise| &promise.recorder));
        !recorders.is_empty() && here.any(|recorder| recorders.contains(recorder))
    }

    fn is_in(&self, region: &str) -> bool {
        let own = self.row.region.to_ascii_lowercase();
        let rest = own.strip_prefix(&region.to_ascii_lowercase());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// How much of the node is used, from 0 to below 1; `None` when it takes no work.
    fn room(&self, now_ms: u64) -> Option<f64> {
        let row = &self.row;
        let promised = self.promised.iter().filter(|promise| promise.is_open(now_ms)).count();
        let taken = f64::from(row.recordings) + promised as f64;
        let used = (taken / f64::from(row.capacity)).max(row.load);
        (self.is_alive(now_ms) && !row.draining && row.capacity > 0 && used < 1.0).then_some(used)
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Heartbeat, HeldRecording, RecorderKey};

    use super::*;
    use crate::fleet::table::By;
    use crate::fleet::table::tests::{NOW, heartbeat};
    use crate::recording::tag;

    /// The recorder of the recording with this sid.
    fn recorder(sid: &str) -> RecorderKey {
        RecorderKey {
            app_id: "a".into(),
            channel: "c".into(),
            uid: sid.into(),
        }
    }

    fn held(sid: &str) -> HeldRecording {
        HeldRecording {
            recorder: recorder(sid),
            sid: sid.to_owned(),
            epoch: 1,
        }
    }

    fn wish(sid: &str) -> Wish {
        Wish {
            sid: sid.to_owned(),
            recorder: tag(&recorder(sid)),
            exclude: Vec::new(),
            region: None,
            avoid: Vec::new(),
        }
    }

    fn fleet(beats: impl IntoIterator<Item = Heartbeat>) -> Fleet {
        let mut fleet = Fleet::default();
        for beat in beats {
            fleet.heard(beat, By::Itself, NOW).0.unwrap();
        }
        fleet
    }

    #[test]
    fn work_goes_where_the_room_is() {
        let mut busy = heartbeat("n1");
        busy.recordings = vec![held("x"), held("y")];
        let mut loaded = heartbeat("n2");
        loaded.load = 0.6;
        let mut fleet = fleet([busy, loaded, heartbeat("n3")]);
        let placed = fleet.place(&wish("s"), NOW).unwrap();
        assert_eq!(
            placed,
            Node {
                id: "n3".into(),
                url: Some("http://n3".into())
            }
        );
    }

    #[test]
    fn a_burst_of_starts_spreads_and_stops_when_all_are_full() {
        let mut fleet = fleet([heartbeat("n1"), heartbeat("n2")]);
        let placed: Vec<_> = (0..8)
            .map(|i| fleet.place(&wish(&i.to_string()), NOW).unwrap().id)
            .collect();
        assert_eq!(placed.iter().filter(|id| *id == "n1").count(), 4);
        assert!(fleet.place(&wish("9"), NOW).unwrap_err().contains("2 full"));
    }

    #[test]
    fn a_node_that_has_no_space_left_says_so() {
        let spool_full = Heartbeat {
            load: 1.0,
            spool_full: true,
            ..heartbeat("n1")
        };
        let mut fleet = fleet([spool_full]);
        let reason = fleet.place(&wish("1"), NOW).unwrap_err();
        assert!(reason.contains("1 whose spool is nearly full"), "{reason}");
    }

    #[test]
    fn a_promise_ends_with_the_heartbeat_that_shows_it_or_after_a_while() {
        let mut fleet = fleet([heartbeat("n1")]);
        for sid in ["a", "b", "c"] {
            fleet.place(&wish(sid), NOW).unwrap();
        }
        let mut beat = heartbeat("n1");
        beat.recordings = vec![held("a"), held("b")];
        fleet.heard(beat.clone(), By::Itself, NOW + 2_000).0.unwrap();
        fleet.place(&wish("d"), NOW + 2_000).unwrap();
        assert!(
            fleet.place(&wish("e"), NOW + 2_000).is_err(),
            "two held and two promised"
        );
        fleet.heard(beat, By::Itself, NOW + 10_000).0.unwrap();
        assert!(
            fleet.place(&wish("e"), NOW + 10_000).is_ok(),
            "the promise of c was not kept"
        );
    }

    #[test]
    fn who_is_silent_draining_full_or_excluded_gets_no_work() {
        let changes: [fn(&mut Heartbeat); 4] = [
            |beat| beat.draining = true,
            |beat| beat.load = 1.0,
            |beat| beat.capacity = 0,
            |beat| beat.recordings = vec![held("1"), held("2"), held("3"), held("4")],
        ];
        for change in changes {
            let mut beat = heartbeat("n1");
            change(&mut beat);
            assert!(fleet([beat]).place(&wish("s"), NOW).is_err());
        }
        let mut fleet = fleet([heartbeat("n1")]);
        assert!(
            fleet
                .place(
                    &Wish {
                        exclude: vec!["n1".into()],
                        ..wish("s")
                    },
                    NOW
                )
                .is_err()
        );
        assert!(fleet.place(&wish("s"), NOW + 9_999).is_ok());
        assert!(fleet.place(&wish("s"), NOW + 10_000).unwrap_err().contains("1 silent"));
    }

    #[test]
    fn the_wished_region_comes_first() {
        let mut far = heartbeat("n1");
        far.region = "eu".into();
        let mut near = heartbeat("n2");
        near.load = 0.9;
        let mut fleet = fleet([far, near]);
        let in_default = Wish {
            region: Some("default".into()),
            ..wish("s")
        };
        assert_eq!(fleet.place(&in_default, NOW).unwrap().id, "n2");
        let elsewhere = Wish {
            exclude: vec!["n2".into()],
            ..in_default
        };
        assert_eq!(fleet.place(&elsewhere, NOW).unwrap().id, "n1");
        assert_eq!(fleet.place(&wish("s"), NOW).unwrap().id, "n1");
    }

    #[test]
    fn a_region_is_a_word_or_begins_with_it() {
        let of = |region: &str| {
            let mut beat = heartbeat(&format!("in-{region}"));
            beat.region = region.into();
            beat
        };
        let mut fleet = fleet([of("cn"), of("euro"), of("eu-west-1"), of("na")]);
        let mut place = |region: &str| {
            let wish = Wish {
                region: Some(region.into()),
                ..wish(region)
            };
            fleet.place(&wish, NOW).unwrap().id
        };
        assert_eq!(place("EU"), "in-eu-west-1");
        assert_eq!(place("NA"), "in-na");
        // There is nothing: anywhere is better than nowhere.
        assert_eq!(place("AP"), "in-cn");
    }

    #[test]
    fn what_is_avoided_is_on_another_node_and_if_possible_in_another_region() {
        let beat = |id: &str, region: &str, load: f64| Heartbeat {
            region: region.into(),
            load,
            ..heartbeat(id)
        };
        let mut first = beat("n1", "eu", 0.0);
        first.recordings = vec![held("old")];
        let apart = |other: &str| Wish {
            avoid: vec![tag(&recorder(other)), tag(&recorder("unknown"))],
            region: Some("eu".into()),
            ..wish("s")
        };
        let all = [first.clone(), beat("n2", "eu", 0.5), beat("n3", "na", 0.9)];
        assert_eq!(fleet(all.clone()).place(&apart("old"), NOW).unwrap().id, "n3");
        assert_eq!(fleet(all[..2].to_vec()).place(&apart("old"), NOW).unwrap().id, "n2");
        assert_eq!(fleet([first]).place(&apart("old"), NOW).unwrap().id, "n1");
        // What was placed a moment ago is in no heartbeat yet.
        let mut fresh = fleet(all);
        let in_na = Wish {
            region: Some("na".into()),
            ..wish("new")
        };
        assert_eq!(fresh.place(&in_na, NOW).unwrap().id, "n3");
        assert_eq!(fresh.place(&apart("new"), NOW).unwrap().id, "n1");
    }

    #[test]
    fn an_empty_fleet_says_so() {
        assert!(
            Fleet::default()
                .place(&wish("s"), NOW)
                .unwrap_err()
                .contains("no media node has reported")
        );
    }
}
