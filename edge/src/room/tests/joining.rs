use super::*;

fn code(frame: &Value) -> u64 {
    assert_eq!(frame["t"], "err", "{frame}");
    frame["code"].as_u64().unwrap()
}

#[test]
fn members_see_one_another_come_and_go() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    let joined = world.join(1, "liubei");
    assert_eq!(joined["role"], "member");
    assert_eq!(joined["can"], json!(["audio", "video"]));
    assert_eq!(
        (&joined["minBitrate"], &joined["maxBitrate"]),
        (&json!(600_000), &json!(3_000_000))
    );
    assert_eq!(
        (&joined["v"], &joined["resumed"], &joined["peers"]),
        (&json!(1), &json!(false), &json!([]))
    );
    let joined = world.join(2, "guanyu");
    assert_eq!(joined["peers"][0]["peerId"], "liubei");
    let came = json!([{"t": "peer", "peerId": "guanyu", "state": "joined", "role": "member"}]);
    assert_eq!(json!(world.heard(1)), came);
    world.say(2, json!({"t": "leave"}));
    assert_eq!(world.closed[&2], 1_000);
    assert_eq!(
        json!(world.heard(1)),
        json!([{"t": "peer", "peerId": "guanyu", "state": "left"}])
    );
    assert_eq!(world.view().members, ["liubei"]);
}

#[test]
fn who_may_not_join_is_told_why() {
    let mut world = World::of(conversation(&["liubei", "guanyu", "blocked"], 2));
    world.blocked.insert("blocked".into());
    assert_eq!(code(&world.join(1, "zhangfei")), 50_003);
    assert_eq!(code(&world.join(2, "blocked")), 50_000);
    assert_eq!(world.closed[&2], 4_002);
    world.join(3, "liubei");
    let again = world.say(3, json!({"t": "join", "id": 9, "peerId": "liubei"}));
    assert_eq!((code(&again[0]), &again[0]["id"]), (50_004, &json!(9)));
    assert_eq!(code(&world.join(4, "liubei")), 50_006);
    // The master counts too.
    world.join(5, "master");
    assert_eq!(code(&world.join(6, "guanyu")), 50_012);
    world.ask(Request::Gate { open: false });
    assert_eq!(code(&world.join(6, "guanyu")), 50_022);
    for name in ["", "a/b", "a\nb", &"x".repeat(256)] {
        assert_eq!(code(&world.join(7, name)), 10_003, "{name:?}");
    }
    // Whoever does not begin with a join is no client.
    for frame in [
        json!({"t": "leave"}),
        json!({"t": "msg", "data": 1}),
        json!(7),
        json!({"t": "dance"}),
    ] {
        assert_eq!(code(&world.say(8, frame)[0]), 50_000);
    }
    assert_eq!(code(&World::empty().join(1, "liubei")), 50_001);
}

#[test]
fn a_live_room_begins_with_its_master() {
    let mut world = World::of(live());
    assert_eq!(code(&world.join(1, "viewer")), 50_008);
    assert_eq!(world.join(2, "master")["role"], "master");
    let joined = world.join(1, "viewer");
    assert_eq!((&joined["role"], &joined["can"]), (&json!("audience"), &json!([])));
    // An audience is not announced.
    assert_eq!(world.heard(2), Vec::<Value>::new());
    let view = world.view();
    assert_eq!((view.members, view.total), (vec!["master".to_owned()], 2));
}

#[test]
fn a_room_has_a_limit_whatever_it_says() {
    let mut world = World::of(live());
    world.join(1, "master");
    for number in 2..=3_000 {
        world.join(number, &format!("v{number}"));
    }
    assert_eq!(code(&world.join(9_999, "late")), 50_018);
}

#[test]
fn who_comes_back_in_time_has_missed_nothing() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    let resume = world.join(1, "liubei")["resume"].clone();
    world.join(2, "guanyu");
    world.publish(2);
    world.subscribe(1, 1, 1);
    world.breaks(1);
    for number in 1..=3 {
        world.say(2, json!({"t": "msg", "data": number}));
    }
    world.pass(14_000, &[]);
    world.open(3);
    let frames = world.say(3, json!({"t": "join", "id": 1, "peerId": "liubei", "resume": resume}));
    assert_eq!(kinds(&frames), ["joined", "slots", "msg", "msg", "msg"]);
    assert_eq!((&frames[0]["resumed"], &frames[0]["resume"]), (&json!(true), &resume));
    assert_eq!(frames[0]["peers"][0]["tracks"].as_array().unwrap().len(), 2);
    let said: Vec<_> = frames[2..]
        .iter()
        .map(|frame| frame["data"].as_u64().unwrap())
        .collect();
    assert_eq!(said, [1, 2, 3]);
    let left = world.heard(2).into_iter().filter(|frame| frame["t"] == "peer").count();
    assert_eq!(left, 0, "nobody has left");
}

#[test]
fn messages_that_went_to_a_broken_socket_are_sent_again_to_who_says_what_it_has_seen() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    let resume = world.join(1, "liubei")["resume"].clone();
    world.join(2, "guanyu");
    world.heard(1);
    let mut numbers = Vec::new();
    for number in 1..=3 {
        world.say(2, json!({"t": "msg", "data": number}));
        numbers.push(world.heard(1)[0]["n"].as_u64().unwrap());
    }
    assert!(
        numbers.is_sorted() && numbers[0] < numbers[1] && numbers[1] < numbers[2],
        "{numbers:?}"
    );
    // The client has seen the first, and takes over before the old socket is known to be broken.
    world.open(3);
    let join = json!({"t": "join", "peerId": "liubei", "resume": resume, "seen": numbers[0]});
    let frames = world.say(3, join);
    let said: Vec<_> = frames
        .iter()
        .filter(|frame| frame["t"] == "msg")
        .map(|frame| frame["data"].clone())
        .collect();
    assert_eq!(said, [json!(2), json!(3)]);
    assert_eq!(world.closed[&1], 4_001);
    // What comes of the old socket now is nothing.
    world.breaks(1);
    world.say(2, json!({"t": "msg", "data": 4}));
    assert_eq!(world.heard(3)[0]["data"], 4);
}

#[test]
fn who_does_not_come_back_within_15_seconds_is_gone() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    let resume = world.join(1, "liubei")["resume"].clone();
    world.join(2, "guanyu");
    world.publish(1);
    world.breaks(1);
    world.heard(2);
    world.pass(14_999, &[]);
    assert_eq!(world.heard(2), Vec::<Value>::new());
    world.pass(1, &[]);
    assert_eq!(kinds(&world.heard(2)), ["untrack", "untrack", "peer"]);
    assert!(matches!(world.asked.last(), Some((_, RoomAction::Close { connections })) if connections.len() == 1));
    // It may come anew.
    let joined = world.join_by(3, json!({"peerId": "liubei", "resume": resume}));
    assert_eq!(joined["resumed"], false);
    assert_ne!(joined["resume"], resume);
}

#[test]
fn a_silent_socket_is_found_out_whether_the_object_sleeps_or_not() {
    for sleeps in [false, true] {
        let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
        world.sleeps = sleeps;
        world.join(1, "liubei");
        world.join(2, "guanyu");
        // One that never joins, and pings.
        world.open(3);
        world.take(Input::Event(Event::Opened { socket: 3 }));
        world.pass(31_000, &[1]);
        assert_eq!(world.closed, [(1, 4_003), (3, 4_003)].into(), "{sleeps}");
        assert_eq!(world.view().members, ["guanyu"]);
    }
}

#[test]
fn who_is_refused_does_not_cost_a_broken_peer_its_place() {
    let mut world = World::of(conversation(&["liubei"], 16));
    let resume = world.join(1, "liubei")["resume"].clone();
    world.breaks(1);
    world.ask(Request::Gate { open: false });
    assert_eq!(world.join(2, "liubei")["code"], 50_022);
    let joined = world.join_by(3, json!({"peerId": "liubei", "resume": resume}));
    assert_eq!(joined["resumed"], true);
}

#[test]
fn a_new_client_takes_the_place_of_a_broken_one_without_its_secret() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    world.join(1, "liubei");
    world.join(2, "guanyu");
    world.breaks(1);
    let joined = world.join(3, "liubei");
    assert_eq!(joined["resumed"], false);
    let states: Vec<_> = world.heard(2).into_iter().map(|frame| frame["state"].clone()).collect();
    assert_eq!(states, ["left", "joined"]);
}

#[test]
fn a_restart_of_the_object_is_not_noticed_by_those_whose_sockets_stay() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    let resume = world.join(1, "liubei")["resume"].clone();
    world.join(2, "guanyu");
    let tracks = world.publish(2);
    world.subscribe(1, 2, 2);
    world.restart();
    let frames = world.say(1, json!({"t": "prefer", "id": 4, "trackId": tracks[1], "height": 0}));
    assert_eq!(frames, Vec::<Value>::new());
    assert!(world.shown().values().flatten().count() == 2);
    // Of another one, its socket is gone with the process.
    world.pings.borrow_mut().remove(&1);
    world.restart();
    let joined = world.join_by(3, json!({"peerId": "liubei", "resume": resume}));
    assert_eq!(joined["resumed"], true);
    world.pass(60_000, &[]);
    assert_eq!(world.view().members, ["guanyu", "liubei"]);
}

#[test]
fn a_peer_for_whom_too_much_waits_is_gone() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    world.join(1, "liubei");
    world.join(2, "guanyu");
    world.breaks(1);
    for number in 0..=256 {
        world.say(2, json!({"t": "msg", "to": ["liubei"], "data": number}));
    }
    assert_eq!(world.view().members, ["guanyu"]);
}

#[test]
fn what_waits_for_a_peer_fits_into_its_row() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    world.join(1, "liubei");
    world.join(2, "guanyu");
    // Each character takes two bytes in a message, and four in the row.
    let data = "\\".repeat(MAX_MESSAGE_BYTES / 2 - 1);
    let say = |world: &mut World| world.say(2, json!({"t": "msg", "to": ["liubei"], "data": data}));
    for _ in 0..limits::MAX_RECENT {
        assert_eq!(say(&mut world), Vec::<Value>::new());
    }
    world.breaks(1);
    let mut longest = 0;
    for _ in 0..limits::MAX_WAITING {
        say(&mut world);
        let row = world.rows.get("peer:liubei");
        longest = longest.max(row.map_or(0, |row| serde_json::to_string(row).unwrap().len()));
    }
    assert_eq!(
        world.view().members,
        ["guanyu"],
        "it is gone, and the room is as it was"
    );
    assert!(longest < 2_000_000, "{longest}");
    assert!(longest > 1_000_000, "what was sent last is kept: {longest}");
}

#[test]
fn a_room_that_nobody_is_in_ends_after_a_day() {
    let mut world = World::of(live());
    world.pass(24 * 3_600_000 - 1, &[]);
    world.view();
    world.join(1, "master");
    world.pass(48 * 3_600_000, &[]);
    world.say(1, json!({"t": "leave"}));
    world.pass(24 * 3_600_000, &[]);
    assert_eq!(world.denied(Request::Look), Some(Problem::NoRoom));
}

#[test]
fn a_live_room_is_joined_after_its_master_by_whatever_protocol() {
    let mut world = World::of(live());
    assert_eq!(world.join(1, "viewer")["code"], 50_008);
    world.publishes = Some("somebody".into());
    assert_eq!(world.join(1, "viewer")["code"], 50_008);
    world.publishes = Some("master".into());
    assert_eq!(world.join(1, "viewer")["t"], "joined");
    // The master's own client takes that place.
    assert_eq!(world.join(2, "master")["role"], "master");
}

#[test]
fn a_client_that_says_too_much_in_a_second_is_gone() {
    let mut world = World::of(conversation(&["guanyu"], 16));
    world.join(1, "master");
    world.join(2, "guanyu");
    world.heard(1);
    for _ in 0..2 {
        for number in 0..290 {
            world.say(2, json!({ "t": "msg", "data": number }));
        }
        world.pass(1_000, &[]);
    }
    assert!(world.closed.is_empty(), "not in one second");
    assert_eq!(world.heard(1).len(), 580);
    for number in 0..1_000 {
        world.say(2, json!({ "t": "msg", "data": number }));
    }
    assert_eq!(world.closed, BTreeMap::from([(2, 4_002)]));
    let heard = world.heard(1);
    assert_eq!(heard.iter().filter(|frame| frame["t"] == "msg").count(), 300);
    assert_eq!(heard.last().unwrap()["state"], "left");
    // Whoever has not joined is cut off as well.
    world.open(3);
    for _ in 0..1_000 {
        world.say(3, json!({ "t": "nothing" }));
    }
    assert_eq!(world.closed.get(&3), Some(&4_002));
}

#[test]
fn sockets_that_do_not_join_are_few_and_do_not_stay() {
    let mut world = World::of(conversation(&["guanyu"], 0));
    let open = |world: &mut World, socket| {
        world.open(socket);
        world.take(Input::Event(Event::Opened { socket }));
    };
    open(&mut world, 1);
    world.join(1, "guanyu");
    for socket in 2..1_002 {
        open(&mut world, socket);
    }
    assert_eq!(world.closed, BTreeMap::new());
    world.now_ms += 5_000;
    open(&mut world, 1_002);
    assert_eq!(world.closed, BTreeMap::from([(2, 4_003)]), "the oldest makes room");
    // A restart of the object forgets since when each is there, and none of them.
    world.restart();
    world.pass(40_000, &[]);
    assert_eq!(world.room.strangers, BTreeMap::new());
    assert_eq!(world.closed.len(), 1_001);
    assert!(!world.closed.contains_key(&1), "who has joined stays");
    assert_eq!(world.join(1_003, "guanyu")["code"], 50_006);
    // Whoever is refused has time for another try.
    open(&mut world, 1_004);
    assert_eq!(world.join(1_004, "stranger")["code"], 50_003);
    assert_eq!(world.join(1_004, "master")["t"], "joined");
    world.pass(60_000, &[]);
    assert!(!world.closed.contains_key(&1_004));
}
