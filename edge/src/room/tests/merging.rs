use protocol::RoomSource;

use super::*;

fn track(track_id: &str, peer_id: &str, source: RoomSource) -> SharedTrack {
    SharedTrack {
        track_id: track_id.into(),
        peer_id: peer_id.into(),
        source,
        on: true,
    }
}

fn connected() -> World {
    let mut world = World::of(live());
    world.join(1, "master");
    world.join(2, "viewer");
    world.publish(1);
    world.subscribe(2, 2, 2);
    let room_ids = vec![room_id(), "otherrm".to_owned()];
    assert_eq!(world.denied(Request::Connect { version: 5, room_ids }), None);
    world.heard(2);
    world
}

fn shares(version: u64, tracks: Vec<SharedTrack>) -> Request {
    Request::Shared {
        from: "otherrm".into(),
        version,
        tracks,
        heard: None,
    }
}

#[test]
fn both_audiences_see_the_masters_of_both() {
    let mut world = connected();
    let (to, _, tracks) = world.shared.last().unwrap().clone();
    assert_eq!((to.as_str(), tracks.len()), ("otherrm", 2));
    let tracks = vec![
        track("x1", "caocao", RoomSource::Audio),
        track("x2", "caocao", RoomSource::Camera),
    ];
    assert_eq!(world.denied(shares(1, tracks.clone())), None);
    let frames = world.heard(2);
    assert_eq!(kinds(&frames), ["track", "track", "slots"]);
    assert_eq!(
        (&frames[0]["roomId"], &frames[0]["peerId"]),
        (&json!("otherrm"), &json!("caocao"))
    );
    let other = Some(("otherrm".to_owned(), "caocao".to_owned()));
    let shown: Vec<_> = world.shown().into_values().filter(|slot| *slot == other).collect();
    assert_eq!(shown.len(), 2);
    // The master sees the other one as well.
    let frames = world.subscribe(1, 2, 2);
    assert_eq!(frames[1]["want"], json!({"audio": 1, "video": 1}));
    // What was shown before the other is overtaken by nothing.
    assert_eq!(world.denied(shares(1, Vec::new())), None);
    assert_eq!(world.heard(2), Vec::<Value>::new());
    let joined = world.join(3, "late");
    let rooms: Vec<_> = joined["peers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|peer| peer["roomId"].clone())
        .collect();
    assert_eq!(rooms, [Value::Null, json!("otherrm")]);
    assert_eq!(world.view().spec.merged, ["otherrm"]);
    // Separated.
    world.heard(2);
    let room_ids = vec![room_id()];
    world.ask(Request::Connect { version: 6, room_ids });
    assert_eq!(kinds(&world.heard(2)), ["untrack", "untrack", "slots"]);
    assert_eq!(world.denied(shares(2, tracks)), Some(Problem::NoOtherRoom));
    // An older word of the lobby comes late.
    let room_ids = vec![room_id(), "otherrm".to_owned()];
    world.ask(Request::Connect { version: 5, room_ids });
    assert_eq!(world.view().spec.merged, Vec::<String>::new());
}

#[test]
fn a_track_of_a_connected_room_is_paused_for_this_room() {
    let mut world = connected();
    world.ask(shares(1, vec![track("x1", "caocao", RoomSource::Audio)]));
    world.heard(2);
    let pause = |track_id: &str, paused| Request::Pause {
        track_id: track_id.into(),
        paused,
    };
    assert_eq!(world.denied(pause("x9", true)), Some(Problem::NoTrack));
    let own = world.room.peers["master"].tracks.keys().next().unwrap().clone();
    assert_eq!(world.denied(pause(&own, true)), Some(Problem::NoTrack));
    let is_paused = |world: &World| {
        let slots = &world.room.peers["viewer"].slots.slots;
        slots
            .iter()
            .filter_map(|slot| slot.shown.as_ref())
            .any(|shown| shown.paused)
    };
    for paused in [true, false] {
        assert_eq!(world.denied(pause("x1", paused)), None);
        assert_eq!(world.heard(2)[0]["on"], !paused);
        assert_eq!(is_paused(&world), paused);
    }
    // What is over is not remembered.
    assert_eq!(world.denied(pause("x1", true)), None);
    world.ask(shares(2, Vec::new()));
    assert_eq!(world.view().spec.paused, BTreeSet::new());
}

#[test]
fn whoever_has_as_many_wishes_as_are_kept_may_change_them() {
    let mut world = connected();
    let rooms = limits::MAX_WISHES / limits::MAX_SHARED_TRACKS + 1;
    let other = |room: usize| format!("other{room}");
    let room_ids = (0..rooms).map(other).collect();
    world.ask(Request::Connect { version: 6, room_ids });
    for room in 0..rooms {
        let tracks = 0..limits::MAX_SHARED_TRACKS;
        let tracks = tracks.map(|number| track(&format!("{room}-{number}"), "caocao", RoomSource::Camera));
        let from = other(room);
        let tracks = tracks.collect();
        world.ask(Request::Shared {
            from,
            version: 1,
            tracks,
            heard: None,
        });
    }
    let mut prefer = |room: usize, number: usize| {
        let track_id = format!("{room}-{number}");
        world.say(2, json!({"t": "prefer", "id": 3, "trackId": track_id, "height": 90}))
    };
    for wish in 0..limits::MAX_WISHES {
        let (room, number) = (wish / limits::MAX_SHARED_TRACKS, wish % limits::MAX_SHARED_TRACKS);
        assert_eq!(prefer(room, number), Vec::<Value>::new());
    }
    assert_eq!(prefer(rooms - 1, 0)[0]["code"], 10_003, "more than are kept");
    assert_eq!(prefer(0, 0), Vec::<Value>::new());
}

#[test]
fn what_is_published_is_shared_until_it_was_heard() {
    let mut world = connected();
    let shared = world.shared.len();
    world.deaf.insert("otherrm".into());
    world.say(1, json!({"t": "leave"}));
    world.pass(3_500, &[]);
    assert!(world.shared.len() >= shared + 3, "{}", world.shared.len());
    assert_eq!(world.shared.last().unwrap().2, []);
    world.restart();
    world.deaf.clear();
    world.pass(2_000, &[]);
    let heard = world.shared.len();
    world.pass(60_000, &[]);
    world.restart();
    world.pass(60_000, &[]);
    assert_eq!(world.shared.len(), heard, "what was heard is not told again");
    let versions: Vec<_> = world.shared.iter().map(|(_, version, _)| *version).collect();
    assert!(versions.is_sorted(), "{versions:?}");
}
