use super::*;

const NOW: u64 = 1_700_000_000_000;

struct World {
    lobby: Lobby,
    /// What each room was told last.
    told: BTreeMap<String, Vec<String>>,
    deaf: BTreeSet<String>,
}

impl World {
    fn new(rooms: &[(&str, bool)]) -> Self {
        let mut world = Self {
            lobby: Lobby::default(),
            told: BTreeMap::new(),
            deaf: BTreeSet::new(),
        };
        for (room_id, live) in rooms {
            let room_id = (*room_id).to_owned();
            let entered = world.ask(Request::Enter { room_id, live: *live });
            assert!(matches!(entered, Some(Reply::Entered { .. })));
        }
        world
    }

    fn ask(&mut self, request: Request) -> Option<Reply> {
        let request = Question {
            app_id: "a".into(),
            request,
        };
        self.take(Input::Asked { by: 7, request }, NOW)
    }

    fn take(&mut self, input: Input, now_ms: u64) -> Option<Reply> {
        let mut replied = None;
        let mut outputs = step(&mut self.lobby, input, now_ms);
        while let Some(output) = (!outputs.is_empty()).then(|| outputs.remove(0)) {
            match output {
                Output::Reply { to: 7, reply } => replied = Some(reply),
                Output::Effect(Effect::Tell {
                    room_id,
                    version,
                    room_ids,
                    ..
                }) => {
                    let ok = !self.deaf.contains(&room_id);
                    if ok {
                        self.told.insert(room_id.clone(), room_ids);
                    }
                    let event = Event::Told { room_id, version, ok };
                    outputs.extend(step(&mut self.lobby, Input::Event(event), now_ms));
                }
                _ => {}
            }
        }
        replied
    }

    fn merge(&mut self, room_id: &str, other: &str) -> Option<Reply> {
        let (room_id, other) = (room_id.to_owned(), other.to_owned());
        self.ask(Request::Merge { room_id, other })
    }

    fn separate(&mut self, room_id: &str) -> Option<Reply> {
        let room_id = room_id.to_owned();
        self.ask(Request::Separate { room_id })
    }

    fn told(&self, room_id: &str) -> String {
        self.told[room_id].concat()
    }
}

#[test]
fn connecting_is_transitive_and_separating_takes_out_one_alone() {
    let mut world = World::new(&[("A", true), ("B", true), ("C", true), ("D", true)]);
    for (room_id, other) in [("A", "B"), ("A", "C"), ("B", "D")] {
        assert_eq!(world.merge(room_id, other), Some(Reply::Done));
    }
    for room_id in ["A", "B", "C", "D"] {
        assert_eq!(world.told(room_id), "ABCD");
    }
    // D came by B, and stays.
    assert_eq!(world.separate("B"), Some(Reply::Done));
    assert_eq!(world.told("B"), "B");
    for room_id in ["A", "C", "D"] {
        assert_eq!(world.told(room_id), "ACD");
    }
    let room_id = "A".to_owned();
    assert_eq!(
        world.ask(Request::Merged { room_id }),
        Some(Reply::Rooms(vec!["C".into(), "D".into()]))
    );
}

#[test]
fn what_cannot_be_connected_is_refused_by_its_code() {
    let mut world = World::new(&[("A", true), ("B", true), ("talk", false)]);
    assert_eq!(world.merge("none", "A"), Some(Reply::Denied(Problem::NoRoom)));
    assert_eq!(world.merge("talk", "A"), Some(Reply::Denied(Problem::WrongKind)));
    for other in ["none", "talk", "A"] {
        assert_eq!(
            world.merge("A", other),
            Some(Reply::Denied(Problem::NoOtherRoom)),
            "{other}"
        );
    }
    assert_eq!(world.separate("A"), Some(Reply::Denied(Problem::NoOtherRoom)));
    assert_eq!(world.merge("A", "B"), Some(Reply::Done));
    assert_eq!(world.merge("A", "B"), Some(Reply::Denied(Problem::Merged)));
    assert_eq!(world.merge("B", "A"), Some(Reply::Denied(Problem::Merged)));
    // A set of one is none.
    assert_eq!(world.separate("A"), Some(Reply::Done));
    assert_eq!(world.separate("B"), Some(Reply::Denied(Problem::NoOtherRoom)));
    assert_eq!(world.merge("B", "A"), Some(Reply::Done));
}

#[test]
fn a_room_that_ends_leaves_its_set() {
    let mut world = World::new(&[("A", true), ("B", true), ("C", true)]);
    world.merge("A", "B");
    world.merge("A", "C");
    let room_id = "A".to_owned();
    assert_eq!(world.ask(Request::Leave { room_id }), Some(Reply::Done));
    assert_eq!((world.told("B"), world.told("C")), ("BC".into(), "BC".into()));
    assert_eq!(world.ask(Request::Count), Some(Reply::Count(2)));
}

#[test]
fn a_room_that_did_not_hear_is_told_until_it_has() {
    let mut world = World::new(&[("A", true), ("B", true)]);
    world.deaf.insert("B".into());
    assert_eq!(world.merge("A", "B"), Some(Reply::Done));
    assert!(!world.told.contains_key("B"));
    let at_ms = world.lobby.next_alarm().unwrap();
    world.take(Input::Alarm, at_ms);
    assert_eq!(world.lobby.next_alarm(), Some(at_ms + AGAIN_MS));
    world.deaf.clear();
    // The object has gone and come back.
    let kept = serde_json::to_string(&world.lobby).unwrap();
    let rooms = world.lobby.rooms.clone();
    world.lobby = serde_json::from_str::<Lobby>(&kept).unwrap().restored(rooms, at_ms);
    world.take(Input::Alarm, at_ms);
    assert_eq!(world.told("B"), "AB");
    assert_eq!(world.lobby.next_alarm(), None);
}

#[test]
fn users_are_blocked_and_servers_are_taken_out_of_use() {
    let mut world = World::new(&[]);
    let admit = || Request::Admit { user_id: "u".into() };
    assert_eq!(world.ask(admit()), Some(Reply::Admitted(true)));
    assert_eq!(world.ask(Request::Block { user_id: "u".into() }), Some(Reply::Done));
    assert_eq!(world.ask(admit()), Some(Reply::Admitted(false)));
    let recycle = |again| Request::Recycle {
        node_id: "n".into(),
        again,
    };
    world.ask(recycle(false));
    assert_eq!(world.ask(Request::Recycled), Some(Reply::Nodes(vec!["n".into()])));
    world.ask(recycle(true));
    assert_eq!(world.ask(Request::Recycled), Some(Reply::Nodes(vec![])));
}

#[test]
fn a_room_that_begins_or_ends_is_kept_alone_and_a_set_with_its_rooms() {
    let mut world = World::new(&[("A", true), ("B", true)]);
    let first = world.lobby.take_changes();
    assert_eq!((first.rooms.len(), first.rest), (2, true), "with the app's id");
    world.ask(Request::Enter {
        room_id: "C".into(),
        live: true,
    });
    let changes = world.lobby.take_changes();
    assert_eq!(
        (changes.rooms[0].0.as_str(), changes.rooms.len(), changes.rest),
        ("C", 1, false)
    );
    world.merge("A", "C");
    let changes = world.lobby.take_changes();
    let rooms: Vec<_> = changes.rooms.iter().map(|(room_id, _)| room_id.as_str()).collect();
    assert_eq!((rooms, changes.rest), (vec!["A", "C"], true));
    world.ask(Request::Leave { room_id: "B".into() });
    let changes = world.lobby.take_changes();
    assert_eq!(
        (&changes.rooms[..], changes.rest),
        (&[("B".to_owned(), None)][..], false)
    );

    // What is kept makes the lobby again.
    let rest: Lobby = serde_json::from_str(&serde_json::to_string(&world.lobby).unwrap()).unwrap();
    let rooms = world.lobby.rooms.clone();
    let again = rest.restored(rooms, NOW);
    assert_eq!(again.set_of("A"), ["A", "C"]);
}

#[test]
fn the_middle_of_three_leaves_and_the_others_stay() {
    let mut world = World::new(&[("A", true), ("B", true), ("C", true)]);
    world.merge("A", "B");
    world.merge("B", "C");
    assert_eq!(world.separate("B"), Some(Reply::Done));
    assert_eq!(
        (world.told("A"), world.told("B"), world.told("C")),
        ("AC".into(), "B".into(), "AC".into())
    );
    assert_eq!(world.separate("B"), Some(Reply::Denied(Problem::NoOtherRoom)));
    // It may come back, by whichever of them.
    assert_eq!(world.merge("C", "B"), Some(Reply::Done));
    assert_eq!(world.told("A"), "ABC");
}

#[test]
fn who_waits_for_a_room_that_ends_is_answered() {
    let mut world = World::new(&[("A", true), ("B", true), ("C", true)]);
    // Somebody does not hear, so that all wait with what they are to be told.
    world.deaf.insert("A".into());
    world.merge("A", "C");
    assert_eq!(world.merge("C", "B"), None, "it is told later");
    assert_eq!(world.ask(Request::Leave { room_id: "B".into() }), Some(Reply::Done));
    assert_eq!(world.ask(Request::Leave { room_id: "A".into() }), Some(Reply::Done));
    assert_eq!(world.lobby.waiting.len(), 1, "C has not heard yet");
    let at_ms = world.lobby.next_alarm().unwrap();
    assert_eq!(world.take(Input::Alarm, at_ms), Some(Reply::Done));
    assert_eq!(world.lobby.waiting, []);
    assert_eq!(world.told("C"), "C");
}

#[test]
fn a_room_that_says_twice_that_it_is_there_stays_connected() {
    let mut world = World::new(&[("A", true), ("B", true)]);
    world.merge("A", "B");
    let enter = |live| Request::Enter {
        room_id: "A".into(),
        live,
    };
    world.ask(enter(true));
    assert_eq!(world.lobby.set_of("B"), ["A", "B"]);
    world.ask(enter(false));
    assert_eq!(world.lobby.set_of("B"), ["B"], "it is another room by now");
}

#[test]
fn an_app_of_a_thousand_rooms_connects_them_in_sets_of_32() {
    let names: Vec<String> = (0..1_000).map(|number| format!("r{number:03}")).collect();
    let rooms: Vec<_> = names.iter().map(|name| (name.as_str(), true)).collect();
    let mut world = World::new(&rooms);
    for set in names.chunks(MAX_SET) {
        for room_id in &set[1..] {
            assert_eq!(world.merge(&set[0], room_id), Some(Reply::Done));
        }
        assert_eq!(world.told[&set[0]], set);
    }
    assert_eq!(world.merge("r000", "r032"), Some(Reply::Denied(Problem::Full)));
    assert_eq!(world.ask(Request::Count), Some(Reply::Count(1_000)));
    for room_id in &names {
        let room_id = room_id.clone();
        assert_eq!(world.ask(Request::Leave { room_id }), Some(Reply::Done));
    }
    assert_eq!(world.ask(Request::Count), Some(Reply::Count(0)));
    assert_eq!(world.lobby.untold, BTreeMap::new());
}
