//! The core of a channel.

mod automatic;
mod listening;
mod model;

use protocol::{CarriedStream, CarriedUser, StreamName};

use super::*;
use crate::object::{Input as Told, Output as Out};

pub(in crate::channel) const NOW: u64 = 1_700_000_000_000;

fn key() -> ChannelKey {
    ChannelKey {
        app_id: "a".to_owned(),
        channel: "c".to_owned(),
    }
}

/// A user with the publications of its streams, the camera first.
pub(super) fn user(uid: &str, publications: &[u64]) -> CarriedUser {
    let streams = publications.iter().zip(StreamName::ALL);
    CarriedUser {
        uid: uid.to_owned(),
        joined_at_ms: NOW,
        streams: streams
            .map(|(publication, name)| CarriedStream {
                name,
                publication: *publication,
                of_camera: false,
            })
            .collect(),
    }
}

#[derive(Default)]
struct Bench {
    channel: Channel,
    rows: std::collections::BTreeMap<String, Row>,
    tells: Vec<(String, u64, Standing)>,
    begins: usize,
    /// Somebody may listen to the app.
    is_heard: bool,
    announced: Vec<(u64, Vec<String>)>,
}

impl Bench {
    fn ask(&mut self, request: Request) -> Reply {
        let request = Question {
            channel: key(),
            request,
        };
        let mut replies = self.apply(Told::Asked { by: 1, request }, NOW);
        replies.pop().expect("a reply")
    }

    fn apply(&mut self, input: Input, now_ms: u64) -> Vec<Reply> {
        let mut replies = Vec::new();
        for output in step(&mut self.channel, input, now_ms) {
            match output {
                Out::Reply { reply, .. } => replies.push(reply),
                Out::Effect(Effect::Save(row)) => drop(self.rows.insert(row.name(), row)),
                Out::Effect(Effect::Remove { name }) => drop(self.rows.remove(&name)),
                Out::Effect(Effect::Announce { channel, told, users }) => {
                    assert_eq!(channel, key());
                    let uids = users.into_iter().map(|user| user.uid);
                    self.announced.push((told, uids.collect()));
                }
                Out::Effect(Effect::Begin { channel }) => {
                    assert_eq!(channel, key());
                    self.begins += 1;
                }
                Out::Effect(Effect::Tell {
                    channel,
                    node_id,
                    told,
                    standing,
                }) => {
                    assert_eq!(channel, key());
                    self.tells.push((node_id, told, standing))
                }
            }
        }
        if !self.is_heard {
            for (told, _) in std::mem::take(&mut self.announced) {
                let heard = Heard::Nobody;
                replies.extend(self.apply(Told::Event(Event::Heard { told, heard }), now_ms));
            }
        }
        replies
    }

    fn tell(&mut self, node_id: &str, version: u64, users: &[CarriedUser]) {
        let told = Request::Tell {
            node_id: node_id.to_owned(),
            lease: 1,
            address: format!("rtsp://{node_id}"),
            version,
            users: users.to_vec(),
        };
        assert_eq!(self.ask(told), Reply::Done);
    }

    fn follow(&mut self, node_id: &str) -> Standing {
        let node_id = node_id.to_owned();
        standing(self.ask(Request::Follow { node_id, lease: 1 }))
    }

    fn look(&mut self, node_id: &str) -> Vec<(String, Vec<CarriedUser>)> {
        let node_id = node_id.to_owned();
        let carriers = standing(self.ask(Request::Look { node_id })).carriers;
        carriers.into_iter().map(|(id, _, users)| (id, users)).collect()
    }

    /// All that is under way arrives, or does not.
    fn deliver(&mut self, ok: bool, now_ms: u64) -> Vec<String> {
        let tells = std::mem::take(&mut self.tells);
        let ids = tells.iter().map(|(node_id, ..)| node_id.clone()).collect();
        for (node_id, told, _) in tells {
            self.apply(Told::Event(Event::Told { node_id, told, ok }), now_ms);
        }
        ids
    }
}

fn standing(reply: Reply) -> Standing {
    match reply {
        Reply::Standing(standing) => standing,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_is_told_who_publishes_at_the_others() {
    let mut bench = Bench::default();
    bench.tell("n1", 5, &[user("a", &[5])]);
    bench.tell("n2", 7, &[user("b", &[6, 7])]);
    assert_eq!(bench.look("n1"), [("n2".to_owned(), vec![user("b", &[6, 7])])]);
    assert_eq!(bench.look("n2"), [("n1".to_owned(), vec![user("a", &[5])])]);
    assert_eq!(bench.look("n3").len(), 2);
    let reply = bench.ask(Request::Carriers);
    assert_eq!(reply, Reply::Carriers(vec!["n1".to_owned(), "n2".to_owned()]));
    bench.tell("n1", 8, &[]);
    assert_eq!(bench.look("n2"), []);
}

#[test]
fn the_publication_that_was_told_last_counts_whatever_the_nodes_clocks_say() {
    let mut bench = Bench::default();
    bench.tell("n1", 900, &[user("a", &[900]), user("b", &[800])]);
    bench.tell("n2", 5, &[user("a", &[5])]);
    assert_eq!(bench.look("n3")[0].1, [user("b", &[800])], "a has moved to n2");
    assert_eq!(bench.look("n3")[1].1, [user("a", &[5])]);
    assert_eq!(bench.look("n2"), [("n1".to_owned(), vec![user("b", &[800])])]);
    // What was told before stays where it is, with whatever it is told again.
    bench.tell("n1", 901, &[user("a", &[900]), user("b", &[801])]);
    assert_eq!(bench.look("n3")[1].1, [user("a", &[5])]);
    // The user is back.
    bench.tell("n1", 902, &[user("a", &[902])]);
    assert_eq!(bench.look("n3"), [("n1".to_owned(), vec![user("a", &[902])])]);
}

#[test]
fn what_is_older_than_what_is_known_is_passed_over() {
    let mut bench = Bench::default();
    bench.tell("n1", 7, &[user("a", &[7])]);
    bench.tell("n1", 6, &[]);
    assert_eq!(bench.look("n2").len(), 1);
    let lost = |lease| Request::Lost {
        node_id: "n1".to_owned(),
        lease,
    };
    bench.ask(lost(0));
    assert_eq!(bench.look("n2").len(), 1, "it has told under a later lease");
    bench.ask(lost(1));
    assert_eq!(bench.look("n2").len(), 0);
    assert!(bench.rows.is_empty(), "{:?}", bench.rows);
}

#[test]
fn a_follower_is_told_of_changes_at_others_once_and_of_its_own_never() {
    let mut bench = Bench::default();
    assert!(bench.follow("n1").carriers.is_empty());
    bench.tell("n1", 5, &[user("a", &[5])]);
    assert!(bench.tells.is_empty());
    bench.tell("n2", 6, &[user("b", &[6])]);
    bench.tell("n2", 7, &[user("b", &[6]), user("c", &[7])]);
    assert_eq!(bench.tells.len(), 1, "one at a time");
    assert_eq!(bench.tells[0].2.heard, 5);
    assert_eq!(bench.deliver(true, NOW), ["n1"]);
    let newest = bench.tells[0].2.clone();
    assert_eq!(newest.carriers[0].2, [user("b", &[6]), user("c", &[7])]);
    bench.deliver(true, NOW);
    assert!(bench.tells.is_empty());
    bench.ask(Request::Leave {
        node_id: "n1".to_owned(),
    });
    bench.tell("n2", 8, &[]);
    assert!(bench.tells.is_empty());
}

#[test]
fn a_follower_that_could_not_be_told_is_told_again_after_a_pause() {
    let mut bench = Bench::default();
    bench.follow("n1");
    bench.tell("n2", 6, &[user("b", &[6])]);
    bench.apply(Told::Event(Event::Begun(Begun::Unwanted)), NOW);
    bench.deliver(false, NOW);
    assert!(bench.tells.is_empty());
    let at_ms = bench.channel.next_alarm().expect("an alarm");
    bench.apply(Told::Alarm, at_ms - 1);
    assert!(bench.tells.is_empty());
    bench.apply(Told::Alarm, at_ms);
    assert_eq!(bench.deliver(true, at_ms), ["n1"]);
    assert_eq!(bench.channel.next_alarm(), None);
}
