//! Who publishes to the room's channel by another protocol, whether anybody is in the room or not.

use protocol::{CarriedStream, CarriedUser, RoomSource, StreamName};

use super::*;

fn publisher(user_id: &str, sources: &[RoomSource]) -> Publisher {
    Publisher {
        user_id: user_id.into(),
        sources: sources.iter().copied().collect(),
    }
}

const BOTH: [RoomSource; 2] = [RoomSource::Audio, RoomSource::Camera];

fn sources(world: &World, peer_id: &str) -> Vec<RoomSource> {
    let peer = world.room.peers.get(peer_id);
    peer.into_iter().flat_map(super::super::peer::Peer::sources).collect()
}

impl World {
    fn roster(&mut self, users: &[Publisher]) {
        let users = users.to_vec();
        assert_eq!(self.denied(Request::Roster { users }), None);
    }
}

#[test]
fn a_master_who_publishes_by_another_protocol_is_shown_in_connected_rooms_with_nobody_in_the_room() {
    let mut world = World::of(live());
    let room_ids = vec![room_id(), "otherrm".to_owned()];
    world.ask(Request::Connect { version: 5, room_ids });
    world.roster(&[publisher("master", &BOTH)]);
    let (to, _, tracks) = world.shared.last().unwrap().clone();
    assert_eq!(to, "otherrm");
    let shared: Vec<_> = tracks
        .iter()
        .map(|track| (track.peer_id.as_str(), track.source))
        .collect();
    assert_eq!(shared.len(), 2);
    assert!(shared.contains(&("master", RoomSource::Camera)));
    assert_eq!(world.view().members, ["master"]);
    world.roster(&[]);
    assert_eq!(world.shared.last().unwrap().2, []);
    assert_eq!(world.view().members, [""; 0]);
}

#[test]
fn who_has_come_before_the_room_is_in_it() {
    let mut world = World::empty();
    world.roster = vec![publisher("master", &BOTH)];
    world.ask(Request::Create(Box::new(creation(live()))));
    assert_eq!(sources(&world, "master"), BOTH);
    // A room that is over lists nobody, and the next one of its name asks again.
    world.ask(Request::End);
    assert_eq!(
        world.ask(Request::Roster {
            users: vec![publisher("x", &BOTH)]
        }),
        Some(Reply::Denied(Problem::NoRoom))
    );
    world.ask(Request::Create(Box::new(creation(live()))));
    assert_eq!(sources(&world, "master"), BOTH);
}

#[test]
fn what_a_node_tells_of_a_guest_stands() {
    let mut world = World::of(live());
    world.join(1, "master");
    world.subscribe(1, 2, 2);
    let track = |source, is_on| RoomEvent::Track {
        peer_id: "camera1".into(),
        source,
        is_on,
    };
    // It has no sound, as only the node knows.
    world.news(vec![track(RoomSource::Camera, true)]);
    world.roster(&[publisher("camera1", &BOTH)]);
    assert_eq!(sources(&world, "camera1"), [RoomSource::Camera]);
    // Another stream of it is new to both.
    world.roster(&[publisher(
        "camera1",
        &[RoomSource::Audio, RoomSource::Camera, RoomSource::Screen],
    )]);
    assert_eq!(sources(&world, "camera1"), [RoomSource::Camera, RoomSource::Screen]);
    world.roster(&[publisher("camera1", &BOTH)]);
    assert_eq!(sources(&world, "camera1"), [RoomSource::Camera]);
    world.restart();
    world.roster(&[]);
    assert!(!world.room.peers.contains_key("camera1"));
    // The other way about.
    world.roster(&[publisher("camera1", &BOTH)]);
    world.news(vec![track(RoomSource::Audio, false)]);
    world.roster(&[publisher("camera1", &BOTH), publisher("camera2", &BOTH)]);
    assert_eq!(sources(&world, "camera1"), [RoomSource::Camera]);
}

#[test]
fn who_publishes_by_a_connection_is_known_by_that() {
    let mut world = World::of(live());
    world.join(1, "master");
    world.join(2, "viewer");
    let published = world.publish(1);
    world.roster(&[publisher("master", &BOTH)]);
    assert_eq!(
        world.room.peers["master"]
            .tracks
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>(),
        published.into_iter().collect()
    );
    world.heard(2);
    // They leave, which their node tells the channel later.
    world.say(1, json!({"t": "leave"}));
    assert_eq!(kinds(&world.heard(2)), ["untrack", "untrack", "peer"]);
    world.roster(&[publisher("master", &BOTH), publisher("other", &BOTH)]);
    assert!(!world.room.peers.contains_key("master"));
    world.roster(&[publisher("other", &BOTH)]);
    world.pass(20_000, &[]);
    world.roster(&[publisher("master", &BOTH)]);
    assert_eq!(sources(&world, "master"), BOTH, "by another protocol by now");
}

#[test]
fn what_streams_are_called_says_what_they_may_bring() {
    let user = |uid: &str, names: &[StreamName]| CarriedUser {
        uid: uid.into(),
        joined_at_ms: NOW,
        streams: names
            .iter()
            .map(|name| CarriedStream {
                name: *name,
                publication: 1,
                of_camera: false,
            })
            .collect(),
    };
    let users = vec![
        user("a", &[StreamName::Camera, StreamName::Low]),
        user("b", &[StreamName::Low]),
        user("c", &[StreamName::Audio]),
        // The same user at another node.
        user("c", &[StreamName::Screen]),
    ];
    let expected = [
        publisher("a", &BOTH),
        publisher("c", &[RoomSource::Audio, RoomSource::Screen]),
    ];
    assert_eq!(publishers(users), expected);
}

#[test]
fn the_connections_of_a_process_that_is_gone_are_lost_at_once() {
    let mut world = World::of(live());
    world.join(1, "master");
    world.join(2, "viewer");
    world.publish(1);
    world.subscribe(2, 2, 2);
    world.heard(1);
    world.heard(2);
    world.now_ms += 10;
    let restarted = |node_id: &str, at_ms| Request::Restarted {
        node_id: node_id.into(),
        at_ms,
    };
    let at_ms = world.now_ms;
    world.ask(restarted("n2", at_ms));
    assert_eq!(world.heard(1), Vec::<Value>::new(), "another node");
    world.ask(restarted("n1", at_ms));
    let frames = world.heard(1);
    assert_eq!((&frames[0]["t"], &frames[0]["pc"]), (&json!("lost"), &json!("pub")));
    let lost = world.heard(2);
    assert!(
        lost.iter().any(|frame| frame["t"] == "lost" && frame["pc"] == "sub"),
        "{lost:?}"
    );
    assert_eq!(world.room.peers.len(), 2, "they are in the room");
    // What was made since is at the new process.
    world.subscribe(2, 2, 2);
    world.ask(restarted("n1", at_ms));
    let frames = world.heard(2);
    assert!(frames.iter().all(|frame| frame["t"] != "lost"), "{frames:?}");
}

#[test]
fn who_is_removed_is_disconnected_by_whatever_protocol_they_publish() {
    let mut world = World::of(live());
    world.join(1, "master");
    world.publish(1);
    world.roster(&[publisher("camera1", &BOTH)]);
    let expel = |peer_id: &str| Request::Expel {
        peer_id: peer_id.into(),
    };
    assert_eq!(world.denied(expel("camera1")), None);
    assert_eq!(world.disconnected, ["camera1"]);
    // The channel lists them a little longer.
    world.roster(&[publisher("camera1", &BOTH), publisher("camera2", &BOTH)]);
    assert!(!world.room.peers.contains_key("camera1"));
    assert_eq!(world.denied(expel("master")), None);
    assert_eq!(world.disconnected.len(), 1, "their connection is the room's own");
}
