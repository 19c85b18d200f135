use super::*;

#[test]
fn an_id_is_used_again_by_its_app_and_its_master_alone() {
    let mut world = World::empty();
    let create = |master_id: &str| {
        Request::Create(Box::new(Creation {
            master_id: master_id.into(),
            ..creation(live())
        }))
    };
    assert!(matches!(world.ask(create("liubei")), Some(Reply::Created(_))));
    assert_eq!(world.ask(create("liubei")), Some(Reply::Denied(Problem::Exists)));
    assert_eq!(world.ask(create("guanyu")), Some(Reply::Taken));
    assert_eq!(world.ask_as("b", create("liubei")), Some(Reply::Taken));
    assert_eq!(world.ask(Request::End), Some(Reply::Done));
    assert_eq!(
        world.ask_as("b", create("liubei")),
        Some(Reply::Taken),
        "it stays the first app's"
    );
    world.restart();
    assert_eq!(world.ask_as("b", create("liubei")), Some(Reply::Taken));
    assert!(matches!(world.ask(create("guanyu")), Some(Reply::Created(_))));
}

#[test]
fn rooms_of_other_apps_are_as_good_as_none() {
    let mut world = World::of(live());
    for request in [
        Request::Look,
        Request::End,
        Request::Gate { open: false },
        Request::News {
            node_id: "n1".into(),
            events: vec![RoomEvent::Speakers { peer_ids: Vec::new() }],
            unshown: Vec::new(),
        },
    ] {
        assert_eq!(world.ask_as("b", request), Some(Reply::Denied(Problem::NoRoom)));
    }
    assert!(world.view().spec.open);
}

#[test]
fn a_room_is_there_once_the_lobby_knows_it() {
    let mut world = World::empty();
    world.lobby_fails = true;
    let create = || Request::Create(Box::new(creation(live())));
    assert_eq!(world.ask(create()), Some(Reply::Denied(Problem::System)));
    assert_eq!(world.denied(Request::Look), Some(Problem::NoRoom));
    world.lobby_fails = false;
    assert!(matches!(world.ask(create()), Some(Reply::Created(_))));
    // Its end is told until it was heard; so long the id is not used again.
    world.lobby_fails = true;
    world.ask(Request::End);
    assert_eq!(world.ask(create()), Some(Reply::Taken));
    world.restart();
    world.lobby_fails = false;
    world.pass(2_000, &[]);
    assert!(matches!(world.ask(create()), Some(Reply::Created(_))));
}

#[test]
fn an_end_sends_everybody_away() {
    let mut world = World::of(live());
    world.join(1, "master");
    world.join(2, "viewer");
    world.publish(1);
    world.heard(2);
    world.ask(Request::End);
    for socket in [1, 2] {
        let frames = world.heard(socket);
        let bye = frames.iter().find(|frame| frame["t"] == "bye").unwrap();
        assert_eq!(bye["code"], 50_001);
        assert_eq!(world.closed[&socket], 4_002);
    }
    assert!(
        world
            .asked
            .iter()
            .any(|(_, action)| matches!(action, RoomAction::Close { .. }))
    );
    world.breaks(1);
    world.breaks(2);
    // Nothing but the owner of the id is kept.
    assert_eq!(world.rows.keys().collect::<Vec<_>>(), ["room"]);
}

#[test]
fn messages_reach_those_they_are_for_in_order() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    world.join(1, "liubei");
    world.join(2, "guanyu");
    world.heard(1);
    let say = |to: Option<Vec<&str>>, data: Value| Request::Say {
        to: to.map(|to| to.into_iter().map(str::to_owned).collect()),
        data,
    };
    world.ask(say(None, json!({"all": 1})));
    world.ask(say(Some(vec!["guanyu"]), json!("one")));
    assert_eq!(
        world.denied(say(Some(vec!["guanyu", "nobody"]), json!(3))),
        Some(Problem::NotInRoom)
    );
    let said = |frames: Vec<Value>| {
        frames
            .into_iter()
            .map(|frame| (frame["from"].clone(), frame["data"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(said(world.heard(1)), [(Value::Null, json!({"all": 1}))]);
    let expected = [json!({"all": 1}), json!("one"), json!(3)].map(|data| (Value::Null, data));
    assert_eq!(said(world.heard(2)), expected);
    world.ask(say(Some(vec!["guanyu", "guanyu"]), json!("once")));
    assert_eq!(said(world.heard(2)), [(Value::Null, json!("once"))]);
    world.say(1, json!({"t": "msg", "data": "hi"}));
    assert_eq!(said(world.heard(2)), [(json!("liubei"), json!("hi"))]);
    assert_eq!(
        world.say(1, json!({"t": "msg", "id": 8, "to": ["nobody"], "data": 1}))[0]["code"],
        50_011
    );
    let long = "x".repeat(MAX_MESSAGE_BYTES);
    assert_eq!(world.say(1, json!({"t": "msg", "data": long}))[0]["code"], 10_003);
}

#[test]
fn peers_are_removed_and_asked_about() {
    let mut world = World::of(conversation(&["liubei"], 16));
    let has = |peer_id: &str| Request::Has {
        peer_id: peer_id.into(),
    };
    let expel = |peer_id: &str| Request::Expel {
        peer_id: peer_id.into(),
    };
    assert_eq!(world.ask(has("liubei")), Some(Reply::Has(false)));
    assert_eq!(world.denied(expel("liubei")), Some(Problem::NotInRoom));
    world.join(1, "liubei");
    assert_eq!(world.ask(has("liubei")), Some(Reply::Has(true)));
    assert_eq!(world.denied(expel("liubei")), None);
    assert_eq!(world.heard(1)[0]["code"], 50_011);
    assert_eq!(world.ask(has("liubei")), Some(Reply::Has(false)));
    // The invitation stays.
    assert_eq!(world.join(2, "liubei")["t"], "joined");
}

#[test]
fn invitations_are_added_up_to_a_limit() {
    let mut world = World::of(conversation(&["liubei"], 0));
    let invite = |users: Vec<String>| Request::Invite { user_ids: users };
    assert_eq!(world.denied(invite(vec!["guanyu".into()])), None);
    assert_eq!(world.join(1, "guanyu")["t"], "joined");
    let many: Vec<_> = (0..1_000).map(|number| format!("u{number}")).collect();
    assert_eq!(world.denied(invite(many)), Some(Problem::Full));
    let mut live = World::of(live());
    assert_eq!(live.denied(invite(vec!["guanyu".into()])), Some(Problem::WrongKind));
}

#[test]
fn what_is_for_live_rooms_alone_no_conversation_does() {
    let mut world = World::of(conversation(&["liubei"], 16));
    world.join(1, "liubei");
    let raise = || Request::Raise {
        peer_id: "liubei".into(),
        video: true,
        max_bitrate: 1,
    };
    let lower = || Request::Lower {
        peer_id: "liubei".into(),
    };
    for request in [raise(), lower(), Request::Mirror(server("n2"))] {
        assert_eq!(world.denied(request), Some(Problem::WrongKind));
    }
    let mut world = World::of(live());
    world.join(1, "master");
    assert_eq!(world.denied(raise()), Some(Problem::NotInRoom));
    assert_eq!(world.denied(lower()), Some(Problem::NotInRoom));
    let of_master = Request::Raise {
        peer_id: "master".into(),
        video: true,
        max_bitrate: 1,
    };
    assert_eq!(world.denied(of_master), Some(Problem::Invalid));
}

#[test]
fn a_room_has_one_record_at_a_time() {
    let mut world = World::of(live());
    let record = |record_id: &str, over: Option<&str>| Request::Record {
        record_id: record_id.into(),
        over: over.map(str::to_owned),
    };
    assert_eq!(world.denied(record("one", None)), None);
    assert_eq!(world.denied(record("two", None)), Some(Problem::Recording));
    assert_eq!(world.denied(record("two", Some("one"))), None);
    assert_eq!(world.denied(record("three", Some("one"))), Some(Problem::Recording));
    let unrecord = |record_id: &str| Request::Unrecord {
        record_id: record_id.into(),
    };
    world.ask(unrecord("one"));
    assert_eq!(world.view().spec.record_id.as_deref(), Some("two"));
    world.ask(unrecord("two"));
    assert_eq!(world.view().spec.record_id, None);
}
