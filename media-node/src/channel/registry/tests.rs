use protocol::{CarriedStream, CarriedUser, ChannelCarrier};

use super::*;

fn path(channel: &str, uid: &str, stream: StreamName) -> StreamPath {
    StreamPath {
        app: "app".into(),
        channel: channel.into(),
        uid: uid.into(),
        stream,
    }
}

fn publish(registry: &Registry, uid: &str, stream: StreamName, now_ms: u64) -> Listing {
    let path = path("room", uid, stream);
    registry.publish(&path, path.url("rtsp://h"), now_ms).unwrap()
}

fn uids(roster: &Roster) -> Vec<(&str, u64)> {
    roster
        .users
        .iter()
        .map(|user| (user.uid.as_str(), user.joined_at_ms))
        .collect()
}

#[test]
fn users_stand_in_the_order_of_joining_until_their_last_stream_ends() {
    let registry = Registry::new(Limits::default(), 0);
    let b = publish(&registry, "b", StreamName::Screen, 10);
    let _a = publish(&registry, "a", StreamName::Camera, 20);
    let b_camera = publish(&registry, "b", StreamName::Camera, 30);
    let roster = registry.snapshot("app", "room");
    assert_eq!(uids(&roster), [("b", 10), ("a", 20)]);
    let names: Vec<_> = roster.users[0].streams.iter().map(|stream| stream.name).collect();
    assert_eq!(names, [StreamName::Camera, StreamName::Screen]);
    assert_eq!(roster.users[0].streams[1].url, "rtsp://h/app/room/b/screen");
    drop(b);
    assert_eq!(uids(&registry.snapshot("app", "room")), [("b", 10), ("a", 20)]);
    drop(b_camera);
    assert_eq!(uids(&registry.snapshot("app", "room")), [("a", 20)]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_channel_that_has_emptied_is_not_answered_at_once() {
    let registry = Registry::new(Limits::default(), 0);
    let only = publish(&registry, "a", StreamName::Camera, 10);
    registry.roster("app", "room", None, Duration::ZERO).await;
    drop(only);
    let known = registry.roster("app", "room", None, Duration::ZERO).await.version;
    let (began, wait) = (Instant::now(), Duration::from_secs(10));
    registry.roster("app", "room", Some(known), wait).await;
    assert_eq!(began.elapsed(), wait);
}

#[test]
fn a_replaced_publication_does_not_take_its_successor_along() {
    let registry = Registry::new(Limits::default(), 0);
    let first = publish(&registry, "a", StreamName::Camera, 10);
    let before = registry.snapshot("app", "room");
    let second = publish(&registry, "a", StreamName::Camera, 20);
    let after = registry.snapshot("app", "room");
    assert_ne!(
        before.users[0].streams[0].publication,
        after.users[0].streams[0].publication
    );
    assert_eq!(uids(&after), [("a", 10)]);
    drop(first);
    assert_eq!(registry.snapshot("app", "room"), after);
    drop(second);
    assert_eq!(registry.snapshot("app", "room"), Roster::default());
}

#[test]
fn versions_grow_and_are_not_repeated_by_a_later_process() {
    let registry = Registry::new(Limits::default(), 1_000);
    let mut versions = Vec::new();
    let mut listings = Vec::new();
    for uid in ["a", "b", "c"] {
        listings.push(publish(&registry, uid, StreamName::Camera, 0));
        versions.push(registry.snapshot("app", "room").version);
    }
    listings.remove(0);
    versions.push(registry.snapshot("app", "room").version);
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    let later = Registry::new(Limits::default(), 1_001);
    let _a = publish(&later, "a", StreamName::Camera, 0);
    assert!(later.snapshot("app", "room").version > versions[3]);
}

#[test]
fn what_is_full_takes_no_more_but_lets_the_known_come_back() {
    let registry = Registry::new(
        Limits {
            channels: 1,
            users_per_channel: 1,
        },
        0,
    );
    let _a = publish(&registry, "a", StreamName::Camera, 0);
    let full = |path: StreamPath| registry.publish(&path, String::new(), 0).err();
    assert_eq!(full(path("room", "b", StreamName::Camera)), Some(ChannelFull));
    assert_eq!(full(path("other", "a", StreamName::Camera)), Some(ChannelFull));
    let _again = publish(&registry, "a", StreamName::Camera, 0);
    let _screen = publish(&registry, "a", StreamName::Screen, 0);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_wakes_at_a_change_of_its_channel_only() {
    let registry = Registry::new(Limits::default(), 0);
    let started = tokio::time::Instant::now();
    let (woken, _a) = tokio::join!(registry.wait("app", "room", 0, Duration::from_secs(60)), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let other = path("other", "x", StreamName::Camera);
        let _other = registry.publish(&other, String::new(), 0).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        publish(&registry, "a", StreamName::Camera, 0)
    });
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert_eq!(uids(&woken), [("a", 0)]);

    let same = registry
        .wait("app", "room", woken.version, Duration::from_secs(7))
        .await;
    assert_eq!((same, started.elapsed()), (woken, Duration::from_secs(17)));
}

/// A user, since when, and the publication of the camera.
type Camera<'a> = (&'a str, u64, u64);

/// What the edge tells: for each node its users.
fn elsewhere(version: u64, heard: u64, carriers: &[(&str, &[Camera])]) -> Elsewhere {
    let user = |(uid, joined_at_ms, publication): &Camera| CarriedUser {
        uid: (*uid).to_owned(),
        joined_at_ms: *joined_at_ms,
        streams: vec![CarriedStream {
            name: StreamName::Camera,
            publication: *publication,
            of_camera: false,
        }],
    };
    let carrier = |(node_id, users): &(&str, &[Camera])| ChannelCarrier {
        node_id: (*node_id).to_owned(),
        address: format!("rtsp://{node_id}"),
        token: Secret::new(format!("token of {node_id}")),
        users: users.iter().map(user).collect(),
    };
    Elsewhere {
        app_id: "app".to_owned(),
        channel: "room".to_owned(),
        version,
        heard,
        carriers: carriers.iter().map(carrier).collect(),
    }
}

/// One whose channel is followed.
async fn following() -> Registry {
    let registry = Registry::new(Limits::default(), 0);
    registry.relay_at("rtsp://here:1/");
    registry.roster("app", "room", None, Duration::ZERO).await;
    assert_eq!(registry.wanted().followed, [key("app", "room")]);
    registry
}

#[tokio::test(start_paused = true)]
async fn a_roster_is_that_of_all_nodes_and_its_streams_are_played_here() {
    let registry = following().await;
    let _b = publish(&registry, "b", StreamName::Camera, 20);
    registry.learn(elsewhere(7, 0, &[("n2", &[("a", 10, 901)]), ("n3", &[("c", 30, 902)])]));
    let roster = registry.snapshot("app", "room");
    assert_eq!(uids(&roster), [("a", 10), ("b", 20), ("c", 30)]);
    assert_eq!(roster.users[0].streams[0].url, "rtsp://here:1/app/room/a");
    assert_eq!(roster.users[0].streams[0].publication, 901);
    registry.learn(elsewhere(8, 0, &[("n3", &[("c", 30, 902)])]));
    assert_eq!(uids(&registry.snapshot("app", "room")), [("b", 20), ("c", 30)]);
    registry.learn(elsewhere(7, 0, &[]));
    assert_eq!(uids(&registry.snapshot("app", "room")).len(), 2, "that was older");
}

#[tokio::test(start_paused = true)]
async fn a_user_who_moves_is_one_user_and_is_where_the_newest_publication_is() {
    let registry = following().await;
    let stream = path("room", "a", StreamName::Camera);
    let node = async |registry: &Registry| registry.origin(&stream).await.map(|origin| origin.node_id);
    let here = publish(&registry, "a", StreamName::Camera, 20);
    let own = registry.snapshot("app", "room").version;
    assert_eq!(node(&registry).await, None);
    // To n2, while the publisher here has not been missed yet.
    registry.learn(elsewhere(5, own, &[("n2", &[("a", 40, 7)])]));
    let moved = registry.snapshot("app", "room");
    assert_eq!(uids(&moved), [("a", 20)]);
    assert_eq!(moved.users[0].streams[0].publication, 7);
    assert_eq!(node(&registry).await.as_deref(), Some("n2"));
    // And back, before the edge knows of it.
    let again = publish(&registry, "a", StreamName::Camera, 50);
    drop(here);
    let back = registry.snapshot("app", "room");
    assert!(back.users[0].streams[0].publication > own);
    assert_eq!(node(&registry).await, None);
    drop(again);
    assert_eq!(node(&registry).await.as_deref(), Some("n2"));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_wakes_at_changes_of_other_nodes_and_at_the_end_of_the_last_user_here() {
    let registry = following().await;
    let a = publish(&registry, "a", StreamName::Camera, 0);
    registry.learn(elsewhere(1, 0, &[("n2", &[("b", 1, 3)])]));
    let known = registry.snapshot("app", "room");
    let wait = Duration::from_secs(20);
    let (woken, ()) = tokio::join!(registry.wait("app", "room", known.version, wait), async { drop(a) });
    assert_eq!(uids(&woken), [("b", 1)]);
    assert_ne!(woken.version, known.version);
    let learn = async { registry.learn(elsewhere(2, 0, &[])) };
    let (woken, ()) = tokio::join!(registry.wait("app", "room", woken.version, wait), learn);
    assert_eq!(uids(&woken), []);
    // What is told again changes nothing.
    let started = Instant::now();
    let learn = async { registry.learn(elsewhere(3, 0, &[])) };
    let _ = tokio::join!(registry.wait("app", "room", woken.version, wait), learn);
    assert_eq!(started.elapsed(), wait);
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_followed_for_as_long_as_it_is_asked_for() {
    let registry = following().await;
    tokio::time::advance(Duration::from_secs(50)).await;
    registry.roster("app", "room", None, Duration::ZERO).await;
    tokio::time::advance(Duration::from_secs(50)).await;
    assert_eq!(registry.wanted().followed.len(), 1);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(registry.wanted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_looks_for_a_stream_waits_for_the_edge_once_and_not_without_one() {
    let registry = Registry::new(Limits::default(), 0);
    let stream = path("room", "a", StreamName::Camera);
    let started = Instant::now();
    assert_eq!(registry.origin(&stream).await, None);
    registry.has_edge(true);
    assert_eq!(registry.wanted(), Wanted::default(), "nobody waits any more");
    let tell = async {
        let mut changes = registry.changes();
        while registry.wanted().sought.is_empty() {
            changes.changed().await.unwrap();
        }
        registry.learn(elsewhere(1, 0, &[("n2", &[("a", 1, 3)])]));
    };
    let (origin, ()) = tokio::join!(registry.origin(&stream), tell);
    assert_eq!(origin.unwrap().address, "rtsp://n2");
    assert!(registry.origin(&stream).await.is_some());
    assert_eq!(started.elapsed(), Duration::ZERO);
    // An edge that says nothing is waited for a while.
    let other = path("other", "a", StreamName::Camera);
    assert_eq!(registry.origin(&other).await, None);
    assert_eq!(started.elapsed(), MAX_SEEK);
}

#[test]
fn other_nodes_are_known_by_the_present_key_and_by_the_one_before() {
    let registry = Registry::new(Limits::default(), 0);
    let keys = ["1", "2", "3"].map(|root| RelayKey::derive(root.as_bytes(), "n1"));
    let admits = |key: &RelayKey| registry.admits_relay(key.token("app", "room", 100).expose(), "app", "room", 99);
    assert!(!admits(&keys[0]), "the edge has given none");
    let mut known = Vec::new();
    for key in &keys {
        registry.admit_relays(key.clone());
        registry.admit_relays(key.clone());
        known.push(keys.each_ref().map(admits));
    }
    assert_eq!(known, [[true, false, false], [true, true, false], [false, true, true]]);
}

#[test]
fn a_user_is_removed_with_all_streams_and_may_come_back() {
    let registry = Registry::new(Limits::default(), 0);
    let describe = |listing: &Listing| {
        let media = Media::default();
        listing.describe(media.clone());
        media
    };
    let [camera, screen] = [StreamName::Camera, StreamName::Screen].map(|name| publish(&registry, "a", name, 5));
    let other = publish(&registry, "b", StreamName::Camera, 6);
    let [camera_media, screen_media, other_media] = [&camera, &screen, &other].map(describe);
    let live = registry.live("app", None, 10);
    assert_eq!(live.len(), 1);
    let counts: Vec<_> = live[0]
        .1
        .iter()
        .map(|user| (user.uid.as_str(), user.streams.len()))
        .collect();
    assert_eq!(counts, [("a", 2), ("b", 1)]);
    assert_eq!(registry.remove_user("app", "room", "a"), 2);
    assert_eq!(registry.remove_user("app", "other", "b"), 0);
    assert!(camera_media.end.is_cancelled() && screen_media.end.is_cancelled() && !other_media.end.is_cancelled());
    let again = publish(&registry, "a", StreamName::Camera, 9);
    let media = describe(&again);
    drop((camera, screen));
    assert!(!media.end.is_cancelled());
    assert_eq!(
        registry.remove_user("app", "room", "a"),
        1,
        "what ended before took nothing along"
    );
    assert!(registry.live("app", Some("other"), 10).is_empty() && registry.live("app", None, 0).is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_speaks_is_in_the_roster_until_they_leave() {
    let registry = Registry::new(Limits::default(), 0);
    let (loud, quiet) = (
        path("room", "a", StreamName::Camera),
        path("room", "b", StreamName::Audio),
    );
    let listing = publish(&registry, "a", StreamName::Camera, 10);
    let _other = publish(&registry, "b", StreamName::Audio, 20);
    let before = registry.snapshot("app", "room");
    assert_eq!(before.speaker, None);
    let (carried, waiting) = (
        registry.own_versions(),
        registry.wait("app", "room", before.version, Duration::from_secs(30)),
    );
    let speaking = async {
        for _ in 0..30 {
            registry.heard(&loud, -20);
            registry.heard(&quiet, -60);
            tokio::time::advance(Duration::from_millis(20)).await;
        }
    };
    let (told, ()) = tokio::join!(waiting, speaking);
    assert_eq!((told.speaker.as_deref(), told.users), (Some("a"), before.users));
    assert!(told.version > before.version);
    assert_eq!(registry.own_versions(), carried, "the edge is not told of it");
    registry.heard(&path("elsewhere", "a", StreamName::Camera), -20);
    assert_eq!(registry.snapshot("app", "elsewhere"), Roster::default());
    drop(listing);
    let after = registry.snapshot("app", "room");
    assert_eq!((after.speaker, after.users.len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn who_speaks_at_another_node_is_in_the_roster_until_they_leave() {
    let registry = following().await;
    registry.learn(elsewhere(1, 0, &[("n1", &[("a", 5, 3)])]));
    let (there, nobody) = (
        path("room", "a", StreamName::Camera),
        path("room", "b", StreamName::Camera),
    );
    for _ in 0..30 {
        registry.heard(&there, -20);
        registry.heard_elsewhere(&nobody, -20);
        tokio::time::advance(Duration::from_millis(20)).await;
    }
    assert_eq!(registry.snapshot("app", "room").speaker, None);
    for _ in 0..30 {
        registry.heard_elsewhere(&there, -20);
        tokio::time::advance(Duration::from_millis(20)).await;
    }
    assert_eq!(registry.snapshot("app", "room").speaker.as_deref(), Some("a"));
    registry.learn(elsewhere(2, 0, &[]));
    assert_eq!(registry.snapshot("app", "room").speaker, None);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    registry.wanted();
    assert!(
        registry.lock().speaking.is_empty(),
        "nothing is kept of channels that nobody asks for"
    );
}
