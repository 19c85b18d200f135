use protocol::{RoomDirection, RoomRefusal, RoomSource};

use super::*;

fn refused(code: RoomRefusal) -> Option<Answered> {
    Some(Answered::By {
        node_id: "n1".into(),
        server: None,
        reply: RoomReply::Refused {
            code,
            reason: "why".into(),
        },
    })
}

fn pair() -> World {
    let mut world = World::of(conversation(&["liubei", "guanyu", "zhangfei"], 16));
    world.join(1, "liubei");
    world.join(2, "guanyu");
    world.heard(1);
    world
}

#[test]
fn what_one_publishes_the_other_is_shown() {
    let mut world = pair();
    let frames = world.subscribe(1, 1, 1);
    assert_eq!(kinds(&frames), ["answer"]);
    let tracks = world.publish(2);
    assert_eq!(tracks.len(), 2);
    let frames = world.heard(1);
    assert_eq!(kinds(&frames), ["track", "track", "slots"]);
    let track = &frames[1];
    assert_eq!(
        (&track["peerId"], &track["kind"], &track["source"], &track["on"]),
        (&json!("guanyu"), &json!("video"), &json!("camera"), &json!(true))
    );
    assert_eq!(track["trackId"].as_str().unwrap().len(), 7);
    assert_eq!(frames[2]["map"], json!({"0": tracks[0], "1": tracks[1]}));
    assert_eq!(frames[2]["want"], json!({"audio": 1, "video": 1}));
    let own = Some((room_id(), "guanyu".to_owned()));
    assert_eq!(
        world.shown(),
        BTreeMap::from([("0".to_owned(), own.clone()), ("1".to_owned(), own)])
    );
    let published = world.asked.iter().find_map(|(node_id, action)| match action {
        RoomAction::Connect(connect) if connect.peer_id == "guanyu" => Some((node_id, connect)),
        _ => None,
    });
    let (node_id, connect) = published.unwrap();
    assert_eq!((node_id.as_str(), connect.max_bitrate), ("n1", 3_000_000));
    let sources = BTreeMap::from([
        ("0".to_owned(), RoomSource::Audio),
        ("1".to_owned(), RoomSource::Camera),
    ]);
    assert_eq!(connect.direction, RoomDirection::Publish { sources });
}

#[test]
fn slots_stay_as_they_are_when_others_come_and_go() {
    let mut world = pair();
    world.join(3, "zhangfei");
    world.subscribe(1, 0, 2);
    let second = world.publish(2)[1].clone();
    let third = world.publish(3)[1].clone();
    world.heard(1);
    // The first goes: the second keeps its slot, and the free one is emptied.
    world.say(2, json!({"t": "leave"}));
    let frames = world.heard(1);
    let slots = frames.iter().find(|frame| frame["t"] == "slots").unwrap();
    assert_eq!(slots["map"], json!({"0": null}));
    assert_eq!(slots["want"], json!({"audio": 1, "video": 1}));
    assert_ne!(second, third);
    world.join(4, "guanyu");
    let anew = world.publish(4)[1].clone();
    let frames = world.heard(1);
    let slots = frames.iter().find(|frame| frame["t"] == "slots").unwrap();
    assert_eq!(slots["map"], json!({"0": anew}));
}

#[test]
fn the_sound_and_the_camera_of_a_peer_are_a_pair_of_slots() {
    let mut world = pair();
    world.join(3, "zhangfei");
    // Slots 0 and 1 are for sound, 2 to 4 for pictures.
    world.subscribe(1, 2, 3);
    let publish = |sources: Value| json!({"t": "publish", "id": 2, "sdp": "offer", "sources": sources});
    // A screen has no sound, and takes the slot that has none beside it.
    world.say(2, publish(json!({"0": "screen"})));
    world.say(3, publish(json!({"0": "audio", "1": "camera"})));
    world.say(2, publish(json!({"0": "screen", "1": "audio", "2": "camera"})));
    let of = |peer: &str| Some((room_id(), peer.to_owned()));
    let shown = world.shown();
    assert_eq!((&shown["0"], &shown["2"]), (&of("zhangfei"), &of("zhangfei")));
    assert_eq!((&shown["1"], &shown["3"]), (&of("guanyu"), &of("guanyu")));
    assert_eq!(shown["4"], of("guanyu"));
    // Where there are no pairs left, what there is is shown all the same.
    world.say(3, json!({"t": "leave"}));
    world.say(2, publish(json!({"0": "screen", "1": "audio"})));
    world.say(2, publish(json!({"0": "screen", "1": "audio", "2": "camera"})));
    let shown = world.shown();
    assert_eq!(
        (&shown["1"], &shown["3"], &shown["4"]),
        (&of("guanyu"), &of("guanyu"), &of("guanyu"))
    );
}

#[test]
fn who_has_too_few_slots_learns_how_many_there_would_be_to_see() {
    let mut world = pair();
    world.join(3, "zhangfei");
    world.publish(2);
    world.publish(3);
    world.heard(1);
    let frames = world.subscribe(1, 1, 1);
    assert_eq!(kinds(&frames), ["answer", "slots"]);
    assert_eq!(frames[1]["want"], json!({"audio": 2, "video": 2}));
    // A new offer of the same connection keeps what is shown.
    let shown = frames[1]["map"]["0"].clone();
    let frames = world.say(
        1,
        json!({"t": "subscribe", "id": 4, "sdp": offer(1, 1) + "\nm=audio 9 x\na=mid:7\nm=video 9 x\na=mid:8"}),
    );
    let connections: Vec<_> = world
        .asked
        .iter()
        .filter_map(|(_, action)| match action {
            RoomAction::Connect(connect) if connect.peer_id == "liubei" => Some(connect.connection.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(connections[0], connections[1]);
    let map = frames[1]["map"].as_object().unwrap();
    assert!(
        map.contains_key("7") && map.contains_key("8") && !map.contains_key("0"),
        "{map:?}"
    );
    assert!(!shown.is_null());
    // One of a new connection shows everything anew, to the peer and to the node.
    let anew = format!("o=- 7 2 IN IP4 127.0.0.1\n{}", offer(1, 1));
    let frames = world.say(1, json!({"t": "subscribe", "id": 5, "sdp": anew}));
    assert_eq!(frames[1]["map"]["0"], shown);
    assert!(world.shown()["0"].is_some());
}

#[test]
fn publishing_is_for_those_who_may() {
    let mut world = World::of(live());
    world.join(1, "master");
    world.join(2, "viewer");
    let offer = |sources: Value| json!({"t": "publish", "id": 2, "sdp": "offer", "sources": sources});
    let code = |frames: Vec<Value>| frames[0]["code"].clone();
    assert_eq!(code(world.say(2, offer(json!({"0": "audio"})))), 50_009);
    assert_eq!(code(world.say(2, offer(json!({})))), 50_009);
    let raise = |video| Request::Raise {
        peer_id: "viewer".into(),
        video,
        max_bitrate: 500_000,
    };
    world.ask(raise(false));
    let role = json!([{"t": "role", "role": "cohost", "can": ["audio"], "maxBitrate": 500_000}]);
    assert_eq!(json!(world.heard(2)), role);
    assert_eq!(code(world.say(2, offer(json!({"0": "audio", "1": "camera"})))), 50_009);
    world.ask(raise(true));
    world.heard(2);
    assert_eq!(world.publish(2).len(), 2);
    let limit = world.asked.iter().rev().find_map(|(_, action)| match action {
        RoomAction::Connect(connect) => Some(connect.max_bitrate),
        _ => None,
    });
    assert_eq!(limit, Some(500_000));
    world.heard(1);
    world.ask(Request::Lower {
        peer_id: "viewer".into(),
    });
    assert_eq!(kinds(&world.heard(2)), ["lost", "untrack", "untrack", "role"]);
    assert_eq!(kinds(&world.heard(1)), ["untrack", "untrack", "peer"]);
    assert!(
        world
            .asked
            .iter()
            .any(|(_, action)| matches!(action, RoomAction::Close { .. }))
    );
    // Twice the same source is no offer.
    assert_eq!(code(world.say(1, offer(json!({"0": "audio", "1": "audio"})))), 10_003);
}

#[test]
fn a_token_takes_away_what_the_role_would_allow() {
    let mut world = World::of(conversation(&["liubei", "guanyu"], 16));
    world.may = May {
        video: false,
        ..May::ALL
    };
    assert_eq!(world.join(1, "liubei")["can"], json!(["audio"]));
    let publish = |sources: Value| json!({"t": "publish", "id": 2, "sdp": "offer", "sources": sources});
    let frames = world.say(1, publish(json!({"0": "audio", "1": "camera"})));
    assert_eq!(frames[0]["code"], 50_009);
    assert_eq!(world.say(1, publish(json!({"0": "audio"})))[0]["t"], "answer");
    world.may = May {
        play: false,
        ..May::ALL
    };
    world.join(2, "guanyu");
    assert_eq!(world.subscribe(2, 1, 1)[0]["code"], 50_007);
}

#[test]
fn what_a_node_refuses_is_told_by_its_code() {
    let mut world = pair();
    let publish = json!({"t": "publish", "id": 2, "sdp": "offer", "sources": {"0": "audio"}});
    let subscribe = json!({"t": "subscribe", "id": 2, "sdp": offer(1, 0)});
    for (reply, frame, code) in [
        (refused(RoomRefusal::BadOffer), &subscribe, 50_007),
        (refused(RoomRefusal::BadOffer), &publish, 50_005),
        (refused(RoomRefusal::Full), &subscribe, 50_018),
        (Some(Answered::Nobody), &publish, 50_005),
    ] {
        world.reply = reply;
        let frames = world.say(1, frame.clone());
        assert_eq!(
            (&frames[0]["t"], &frames[0]["code"]),
            (&json!("err"), &json!(code)),
            "{frame}"
        );
        assert_eq!(frames[0]["id"], 2);
    }
    world.reply = None;
    let restart = |pc| json!({"t": "restart", "id": 5, "pc": pc, "sdp": "offer"});
    assert_eq!(world.say(1, restart("pub"))[0]["code"], 50_017);
    world.publish(1);
    assert_eq!(world.say(1, restart("pub"))[0]["t"], "answer");
    assert!(matches!(world.asked.last(), Some((_, RoomAction::Restart { .. }))));
    // The node has forgotten it: all anew.
    world.reply = refused(RoomRefusal::NoConnection);
    let frames = world.say(1, restart("pub"));
    assert_eq!(kinds(&frames), ["lost", "untrack", "untrack", "err"]);
    assert_eq!(frames[3]["code"], 50_017);
}

#[test]
fn a_client_is_told_what_it_cannot_be_shown() {
    let mut world = pair();
    world.subscribe(1, 1, 1);
    let tracks = world.publish(2);
    world.heard(1);
    let connection = world.room.peers["liubei"].subscribing.clone().unwrap().id;
    for (connection, mid) in [(connection.as_str(), "7"), ("another", "1"), (connection.as_str(), "1")] {
        world.unshown(connection, mid);
    }
    assert_eq!(
        world.heard(1),
        [json!({"t": "unshown", "trackId": tracks[1], "reason": "why"})]
    );
    assert_eq!(world.heard(2).iter().filter(|frame| frame["t"] == "unshown").count(), 0);
}

#[test]
fn a_connection_that_a_node_has_lost_is_made_anew_by_its_client() {
    let mut world = pair();
    world.publish(2);
    world.subscribe(1, 1, 1);
    let connection = world.room.peers["guanyu"].publishing.clone().unwrap().id;
    world.heard(2);
    let gone = |connection: &str| RoomEvent::Gone {
        connection: connection.to_owned(),
        reason: "not heard for 15 seconds".into(),
    };
    world.news(vec![gone("another"), gone(&connection)]);
    let frames = world.heard(2);
    assert_eq!(
        frames[0],
        json!({"t": "lost", "pc": "pub", "reason": "not heard for 15 seconds"})
    );
    assert_eq!(kinds(&world.heard(1)), ["untrack", "untrack", "slots"]);
    assert_eq!(world.publish(2).len(), 2);
    assert_ne!(world.room.peers["guanyu"].publishing.clone().unwrap().id, connection);
}

#[test]
fn a_node_that_does_not_hear_is_told_again_and_given_up_after_15_seconds() {
    let mut world = pair();
    world.subscribe(1, 1, 1);
    world.deaf.insert("n1".into());
    world.publish(2);
    let told = |world: &World| {
        world
            .asked
            .iter()
            .filter(|(_, action)| matches!(action, RoomAction::Slots(_)))
            .count()
    };
    let before = told(&world);
    world.heard(1);
    world.pass(5_000, &[]);
    assert!(told(&world) >= before + 4);
    assert_eq!(world.heard(1), Vec::<Value>::new());
    world.pass(20_000, &[]);
    assert_eq!(kinds(&world.heard(1)), ["lost"]);
    let after = told(&world);
    world.pass(10_000, &[]);
    assert_eq!(told(&world), after, "it is told no more");
    world.deaf.clear();
    let frames = world.subscribe(1, 1, 1);
    assert_eq!(kinds(&frames), ["answer", "slots"]);
    assert_eq!(told(&world), after + 1);
}

#[test]
fn a_node_that_does_not_hear_is_not_told_again_at_once_whatever_else_happens() {
    let mut world = pair();
    world.subscribe(1, 1, 1);
    world.deaf.insert("n1".into());
    world.publish(2);
    let told = |world: &World| {
        let slots = world
            .asked
            .iter()
            .filter(|(_, action)| matches!(action, RoomAction::Slots(_)));
        slots.count()
    };
    // The time for another try has come, and something else happens before the alarm rings.
    world.now_ms += 5_000;
    let before = told(&world);
    world.say(2, json!({"t": "msg", "data": 1}));
    assert_eq!(told(&world), before + 1);
}

#[test]
fn muting_is_told_and_is_no_new_track() {
    let mut world = pair();
    let tracks = world.publish(2);
    world.heard(1);
    world.say(2, json!({"t": "mute", "trackId": tracks[0], "on": false}));
    let frames = world.heard(1);
    assert_eq!(
        (&frames[0]["trackId"], &frames[0]["on"]),
        (&json!(tracks[0]), &json!(false))
    );
    world.say(2, json!({"t": "mute", "trackId": tracks[0], "on": true}));
    assert_eq!(world.heard(1)[0]["on"], true);
    assert_eq!(
        world.say(1, json!({"t": "mute", "trackId": tracks[0], "on": false}))[0]["code"],
        50_016
    );
    // So is media that does not come.
    let flows = |is_on| RoomEvent::Track {
        peer_id: "guanyu".into(),
        source: RoomSource::Camera,
        is_on,
    };
    world.news(vec![flows(true)]);
    assert_eq!(world.heard(1), Vec::<Value>::new());
    world.news(vec![flows(false)]);
    assert_eq!(world.heard(1)[0]["on"], false);
}

#[test]
fn what_is_preferred_reaches_the_node() {
    let mut world = pair();
    let tracks = world.publish(2);
    world.subscribe(1, 1, 1);
    let slot = |world: &World, mid: &str| {
        let peer = &world.room.peers["liubei"];
        let slot = peer.slots.slots.iter().find(|slot| slot.mid == mid);
        slot.and_then(|slot| slot.shown.clone())
            .map(|shown| (shown.height, shown.paused))
    };
    let prefer = |height| json!({"t": "prefer", "trackId": tracks[1], "height": height});
    assert_eq!(slot(&world, "1"), Some((None, false)));
    for (height, expected) in [(180, (Some(180), false)), (0, (None, true)), (720, (Some(720), false))] {
        let asked = world.asked.len();
        // Nothing that the client is shown changes by it.
        assert_eq!(world.say(1, prefer(height)), Vec::<Value>::new());
        assert_eq!(slot(&world, "1"), Some(expected));
        assert_eq!(world.asked.len(), asked + 1);
    }
    assert_eq!(world.say(2, prefer(180))[0]["code"], 50_016);
}

#[test]
fn who_publishes_by_another_protocol_is_in_the_room() {
    let mut world = pair();
    world.subscribe(1, 1, 1);
    world.heard(1);
    let flows = |source, is_on| RoomEvent::Track {
        peer_id: "camera-7".into(),
        source,
        is_on,
    };
    world.news(vec![flows(RoomSource::Camera, true), flows(RoomSource::Audio, true)]);
    assert_eq!(kinds(&world.heard(1)), ["peer", "track", "track", "slots"]);
    assert!(world.view().members.contains(&"camera-7".to_owned()));
    world.news(vec![flows(RoomSource::Camera, false)]);
    assert_eq!(kinds(&world.heard(1)), ["untrack", "slots"]);
    world.news(vec![flows(RoomSource::Audio, false)]);
    assert_eq!(kinds(&world.heard(1)), ["untrack", "peer", "slots"]);
    assert_eq!(world.view().members, ["guanyu", "liubei"]);
}

#[test]
fn speakers_are_told_to_all() {
    let mut world = pair();
    let peer_ids = vec!["guanyu".to_owned(), "liubei".to_owned()];
    world.news(vec![RoomEvent::Speakers { peer_ids }]);
    for socket in [1, 2] {
        assert_eq!(
            json!(world.heard(socket)),
            json!([{"t": "speakers", "peerIds": ["guanyu", "liubei"]}])
        );
    }
}

#[test]
fn the_audience_is_spread_over_mirrors() {
    let mut world = World::of(live());
    world.join(1, "master");
    world.publish(1);
    assert_eq!(world.denied(Request::Mirror(server("n1"))), Some(Problem::Mirrored));
    assert_eq!(world.denied(Request::Mirror(server("n2"))), None);
    assert_eq!(world.denied(Request::Mirror(server("n2"))), Some(Problem::Mirrored));
    for socket in 2..=7 {
        world.join(socket, &format!("v{socket}"));
        world.subscribe(socket, 1, 1);
    }
    let at = |node_id: &str| {
        let subscribed = world.room.peers.values().filter_map(|peer| peer.subscribing.as_ref());
        subscribed.filter(|connection| connection.node_id == node_id).count()
    };
    assert_eq!((at("n1"), at("n2")), (3, 3));
    // A server that was full has made one more mirror.
    world.reply = Some(Answered::By {
        node_id: "n3".into(),
        server: Some(server("n3")),
        reply: RoomReply::Answer { sdp: "x".into() },
    });
    world.join(8, "v8");
    world.subscribe(8, 1, 1);
    let mirrors: Vec<_> = world
        .view()
        .spec
        .mirrors
        .into_iter()
        .map(|server| server.alias)
        .collect();
    assert_eq!(mirrors, ["n2:here", "n3:here"]);
}
