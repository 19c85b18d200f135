//! Events of one app, and who is told of them.

use std::collections::BTreeMap;

use protocol::StreamName;

use super::*;

/// A feed with its rows, and what its listeners have been sent.
#[derive(Default)]
struct World {
    feed: Feed,
    rows: BTreeMap<String, Row>,
    sent: Vec<(String, u64)>,
    /// Pushes that have not been answered.
    under_way: Vec<(String, Vec<u64>)>,
}

impl World {
    fn ask(&mut self, request: Request) -> Reply {
        let request = Question {
            app_id: "a".into(),
            request,
        };
        let out = step(&mut self.feed, Input::Asked { by: 1, request });
        self.take(out).expect("a reply")
    }

    fn take(&mut self, out: Vec<Output>) -> Option<Reply> {
        let mut given = None;
        for output in out {
            match output {
                Output::Reply { reply, .. } => given = Some(reply),
                Output::Effect(Effect::Save(row)) => {
                    self.rows.insert(row.name(), row);
                }
                Output::Effect(Effect::Remove { name }) => {
                    self.rows.remove(&name).expect("what is removed was kept");
                }
                Output::Effect(Effect::Push {
                    app_id,
                    listener,
                    events,
                }) => {
                    assert_eq!(app_id, "a");
                    let versions: Vec<_> = events.iter().map(|event| event.version).collect();
                    self.sent
                        .extend(versions.iter().map(|version| (listener.clone(), *version)));
                    self.under_way.push((listener, versions));
                }
            }
        }
        given
    }

    fn answer(&mut self, pushed: Pushed) {
        while let Some((listener, _)) = self.under_way.pop() {
            let out = step(&mut self.feed, Input::Event(Event::Pushed { listener, pushed }));
            self.take(out);
        }
    }

    fn restart(&mut self) {
        self.feed = Feed::restore(self.rows.values().cloned());
        self.under_way.clear();
    }

    fn subscribe(&mut self, listener: &str, channels: Option<&[&str]>, since: Option<u64>) -> Reply {
        self.ask(Request::Subscribe {
            listener: listener.into(),
            channels: channels.map(|channels| channels.iter().map(|name| (*name).to_owned()).collect()),
            since,
        })
    }

    fn roster(&mut self, channel: &str, users: &[(&str, &[StreamName])]) {
        let users = users.iter().map(|(uid, streams)| User {
            uid: (*uid).into(),
            streams: streams.to_vec(),
        });
        let request = Request::Roster {
            channel: channel.into(),
            users: users.collect(),
        };
        assert_eq!(self.ask(request), Reply::Done);
    }

    fn told(&mut self, sid: &str, number: u64) {
        let request = Request::Told {
            channel: "g".into(),
            sid: sid.into(),
            number,
            text: "t".into(),
        };
        assert_eq!(self.ask(request), Reply::Done);
    }

    fn events(&self) -> Vec<Happened> {
        let mut events: Vec<_> = self
            .rows
            .values()
            .filter_map(|row| match row {
                Row::Happened(happened) => Some(happened.clone()),
                _ => None,
            })
            .collect();
        events.sort_by_key(|event| event.version);
        events
    }

    fn sent_to(&self, listener: &str) -> Vec<u64> {
        let sent = self.sent.iter().filter(|(to, _)| to == listener);
        sent.map(|(_, version)| *version).collect()
    }
}

const CAMERA: &[StreamName] = &[StreamName::Camera];

#[test]
fn what_changes_in_a_channel_is_told_in_order_and_numbered_without_holes() {
    let mut world = World::default();
    world.roster("g", &[("a", CAMERA)]);
    world.roster("g", &[("a", CAMERA)]);
    world.roster("g", &[("a", &[StreamName::Screen, StreamName::Low]), ("b", &[])]);
    world.roster("g", &[]);
    let uid = |uid: &str| uid.to_owned();
    let began = |of: &str, media| Happening::MediaBegan { uid: uid(of), media };
    let ended = |of: &str, media| Happening::MediaEnded { uid: uid(of), media };
    let events = world.events();
    let whats: Vec<_> = events.iter().map(|event| event.what.clone()).collect();
    assert_eq!(
        whats,
        [
            Happening::Joined { uid: uid("a") },
            began("a", Media::Sound),
            began("a", Media::Camera),
            ended("a", Media::Sound),
            ended("a", Media::Camera),
            began("a", Media::Screen),
            Happening::Joined { uid: uid("b") },
            ended("a", Media::Screen),
            Happening::Left { uid: uid("a") },
            Happening::Left { uid: uid("b") },
        ]
    );
    let versions: Vec<_> = events.iter().map(|event| event.version).collect();
    assert_eq!(versions, (1..=10).collect::<Vec<_>>());
    let empty = Reply::State {
        version: 10,
        channels: Vec::new(),
    };
    assert_eq!(world.ask(Request::Look { channels: None }), empty);
}

#[test]
fn a_listener_gets_each_event_once_and_in_order() {
    let mut world = World::default();
    world.subscribe("l", None, None);
    for number in 0..120 {
        world.told("s", number);
    }
    assert_eq!(world.sent_to("l"), [1], "one push is under way at a time");
    for _ in 0..4 {
        world.answer(Pushed::Sent);
    }
    assert_eq!(world.sent_to("l"), (1..=120).collect::<Vec<_>>());
}

#[test]
fn what_a_recorder_repeats_is_told_once() {
    let mut world = World::default();
    world.told("s", 0);
    world.told("s", 0);
    world.told("s", 1);
    world.restart();
    world.told("s", 0);
    world.told("s", 1);
    world.told("other", 0);
    assert_eq!(world.events().len(), 3);
}

#[test]
fn who_comes_back_is_told_what_they_missed() {
    let mut world = World::default();
    world.subscribe("l", None, None);
    world.roster("g", &[("a", CAMERA)]);
    world.restart();
    world.roster("g", &[("a", CAMERA), ("b", CAMERA)]);
    world.subscribe("l2", None, Some(3));
    assert_eq!(world.sent_to("l2"), [4, 5, 6]);
    world.subscribe("l3", None, None);
    assert_eq!(world.sent_to("l3"), [0; 0]);
}

#[test]
fn a_listener_hears_of_the_channels_that_it_follows() {
    let mut world = World::default();
    world.subscribe("l", Some(&["g"]), None);
    world.roster("other", &[("a", CAMERA)]);
    assert_eq!(world.sent_to("l"), [0; 0]);
    world.roster("g", &[("a", &[])]);
    assert_eq!(world.sent_to("l"), [4]);
    let Reply::State { channels, .. } = world.ask(Request::Look {
        channels: Some(["other".to_owned()].into()),
    }) else {
        panic!("a state");
    };
    let names: Vec<_> = channels.iter().map(|state| state.channel.as_str()).collect();
    assert_eq!(names, ["other"]);
}

#[test]
fn nobody_is_told_who_is_gone() {
    let mut world = World::default();
    world.subscribe("l", None, None);
    world.told("s", 0);
    world.answer(Pushed::Gone);
    world.told("s", 1);
    assert_eq!(world.sent_to("l"), [1]);
    assert!(!world.rows.keys().any(|name| name.starts_with("listener:")));
    world.subscribe("m", None, None);
    world.ask(Request::Leave { listener: "m".into() });
    world.told("s", 2);
    assert_eq!(world.sent_to("m"), [0; 0]);
}

#[test]
fn a_push_that_failed_leaves_a_hole_that_can_be_seen() {
    let mut world = World::default();
    world.subscribe("l", None, None);
    world.told("s", 0);
    world.answer(Pushed::Failed);
    world.told("s", 1);
    assert_eq!(world.sent_to("l"), [1, 2]);
}

#[test]
fn nothing_grows_without_a_limit() {
    let mut world = World::default();
    world.subscribe("slow", None, None);
    for number in 0..1_200 {
        world.told("s", number);
    }
    assert_eq!(world.rows.len(), 501, "events and the listener");
    world.answer(Pushed::Sent);
    let sent = world.sent_to("slow");
    assert!(sent[1] > 500, "what was too much was left out: {sent:?}");
    for number in 1..128 {
        assert_eq!(world.subscribe(&format!("l{number}"), None, None), Reply::Done);
    }
    assert_eq!(world.subscribe("one more", None, None), Reply::Full);
    assert_eq!(world.subscribe("slow", None, None), Reply::Done);
    for number in 0..2_000 {
        world.roster(&format!("c{number}"), &[("a", &[])]);
    }
    let users = vec![User {
        uid: "a".into(),
        streams: Vec::new(),
    }];
    let channel = "one more".to_owned();
    assert_eq!(world.ask(Request::Roster { channel, users }), Reply::Full);
    let users = (0..1_100).map(|uid| User {
        uid: uid.to_string(),
        streams: Vec::new(),
    });
    let channel = "c0".to_owned();
    world.ask(Request::Roster {
        channel,
        users: users.collect(),
    });
    let Some(Row::Channel(state)) = world.rows.get("channel:c0") else {
        panic!("the channel");
    };
    assert_eq!(state.users.len(), 1_000);
}
