//! Rooms that show a recorded file.

use protocol::{Fault, PlaybackState, Refusal, RefusalCode};

use super::*;

fn playback() -> Playback {
    Playback {
        store: "s".into(),
        key: "p/r.mp4".into(),
        bytes: 10,
        duration_ms: 3_600_000,
        starts_ms: None,
        ends_ms: None,
        looped: false,
        node_id: None,
        failures: 0,
    }
}

fn by(node_id: &str, state: PlaybackState) -> Option<Played> {
    Some(Played {
        node_id: node_id.into(),
        server: (node_id != "n1").then(|| server(node_id)),
        state,
    })
}

fn failed(fault: Fault, code: RefusalCode) -> PlaybackState {
    let reason = "why".to_owned();
    PlaybackState::Failed(Refusal { fault, code, reason })
}

fn world(playback: Playback, playing: Option<Played>) -> World {
    let mut world = World::empty();
    world.playing = playing;
    let creation = Creation {
        playback: Some(Box::new(playback)),
        ..creation(live())
    };
    let reply = world.ask(Request::Create(Box::new(creation)));
    assert!(matches!(reply, Some(Reply::Created(_))), "{reply:?}");
    world
}

/// Whom the room has asked, and whether to end it.
fn asked(world: &mut World) -> Vec<(String, bool)> {
    let played = std::mem::take(&mut world.played);
    played
        .into_iter()
        .map(|(node_id, _, is_over)| (node_id, is_over))
        .collect()
}

fn exists(world: &mut World) -> bool {
    world.denied(Request::Look).is_none()
}

#[test]
fn a_file_is_played_at_once_and_its_node_asked_again_until_it_is_over() {
    let plays = by("n1", PlaybackState::Plays { starts_ms: NOW + 5 });
    let mut world = world(playback(), plays);
    assert_eq!(asked(&mut world), [("n1".into(), false)]);
    world.pass(60_000, &[]);
    assert_eq!(world.played.len(), 3, "every 20 seconds");
    // Another node would go on where this one is.
    assert!(
        world
            .played
            .iter()
            .all(|(_, playback, _)| playback.starts_ms == Some(NOW + 5))
    );
    world.playing = by("n1", PlaybackState::Over);
    world.pass(20_000, &[]);
    assert!(!exists(&mut world));
}

#[test]
fn a_short_file_is_over_soon_after_its_last_picture() {
    let file = Playback {
        duration_ms: 5_000,
        ..playback()
    };
    let mut world = world(file, by("n1", PlaybackState::Plays { starts_ms: NOW }));
    world.playing = by("n1", PlaybackState::Over);
    world.pass(5_999, &[]);
    assert!(exists(&mut world));
    world.pass(1, &[]);
    assert!(!exists(&mut world));
}

#[test]
fn viewers_come_before_it_begins_and_nobody_in_its_place() {
    let starts_ms = Some(NOW + 3_600_000);
    let mut world = world(
        Playback {
            starts_ms,
            ..playback()
        },
        by("n1", PlaybackState::Waits),
    );
    assert_eq!(asked(&mut world), []);
    assert_eq!(world.join(1, "viewer")["t"], "joined");
    assert_eq!(world.join(2, "master")["code"], 50_006);
    world.pass(3_539_999, &[]);
    assert_eq!(asked(&mut world), []);
    world.playing = by(
        "n1",
        PlaybackState::Plays {
            starts_ms: NOW + 3_600_000,
        },
    );
    world.pass(1, &[]);
    assert_eq!(asked(&mut world), [("n1".into(), false)]);
}

#[test]
fn a_room_that_waits_for_its_time_is_not_idle() {
    let starts_ms = Some(NOW + 48 * 3_600_000);
    let mut world = world(
        Playback {
            starts_ms,
            ..playback()
        },
        None,
    );
    world.pass(47 * 3_600_000, &[]);
    assert!(exists(&mut world));
}

#[test]
fn another_node_goes_on_when_one_is_lost_or_fails() {
    let mut world = world(playback(), by("n1", PlaybackState::Plays { starts_ms: NOW }));
    world.playing = by("n2", PlaybackState::Plays { starts_ms: NOW });
    world.pass(20_000, &[]);
    asked(&mut world);
    world.pass(20_000, &[]);
    assert_eq!(asked(&mut world), [("n2".into(), false)]);
    assert_eq!(world.view().spec.mirrors, [server("n2")]);
    world.playing = by("n2", failed(Fault::Ours, RefusalCode::Internal));
    world.pass(20_000, &[]);
    asked(&mut world);
    world.pass(3_000, &[]);
    assert_eq!(asked(&mut world), [("n1".into(), false)], "the room's own is next");
    world.pass(60_000, &[]);
    assert!(!exists(&mut world), "it has failed five times");
}

#[test]
fn what_cannot_be_played_anywhere_ends_the_room_at_once() {
    for refusal in [
        failed(Fault::Caller, RefusalCode::BadJob),
        failed(Fault::Destination, RefusalCode::StorageUnusable),
    ] {
        let mut world = world(playback(), by("n1", refusal));
        assert!(!exists(&mut world));
    }
    let mut world = world(playback(), by("n1", failed(Fault::Ours, RefusalCode::NoCapacity)));
    world.pass(60_000, &[]);
    assert!(exists(&mut world), "there may be room later");
}

#[test]
fn it_ends_at_its_time_or_with_the_room_and_its_node_is_told() {
    let ends_ms = Some(NOW + 30_000);
    let plays = by("n1", PlaybackState::Plays { starts_ms: NOW });
    let mut world = world(
        Playback {
            ends_ms,
            looped: true,
            ..playback()
        },
        plays.clone(),
    );
    world.pass(29_999, &[]);
    assert!(exists(&mut world));
    asked(&mut world);
    world.pass(1, &[]);
    assert_eq!(asked(&mut world), [("n1".into(), true)]);
    assert!(!exists(&mut world));

    let mut world = self::world(playback(), plays);
    asked(&mut world);
    assert_eq!(world.denied(Request::End), None);
    assert_eq!(asked(&mut world), [("n1".into(), true)]);
    world.pass(120_000, &[]);
    assert_eq!(asked(&mut world), []);
}

#[test]
fn a_restart_of_the_object_goes_on_with_it() {
    let mut world = world(playback(), by("n1", PlaybackState::Plays { starts_ms: NOW }));
    asked(&mut world);
    world.restart();
    world.pass(1, &[]);
    assert_eq!(asked(&mut world), [("n1".into(), false)]);
    // When nobody answers, it is asked again soon.
    world.playing = None;
    world.pass(25_998, &[]);
    assert_eq!(asked(&mut world).len(), 2);
}
