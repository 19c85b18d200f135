//! Rooms by ways that do not carry all of them.

use std::time::{Duration, Instant};

use protocol::RoomSource;
use str0m::media::Mid;
use tokio::time::{MissedTickBehavior, interval};

use super::rooms::{KEYFRAME, answer, connect, map, publishing, slot, with};
use super::support::{Client, Server};

/// A picture, and a packet of sound, each so long: 440 and 24 kbit/s.
const EVERY: Duration = Duration::from_millis(20);
const PICTURE_BYTES: usize = 1_100;
const SOUND_BYTES: usize = 60;
/// What the way to the viewer carries: the sound of all, and one picture with room to spare.
const CARRIED: u32 = 900_000;
const JUDGED: Duration = Duration::from_secs(4);
/// So many times the room may be found to have not settled yet.
const TRIES: usize = 15;

async fn publishes(mut client: Client, level: i8) {
    client.level = Some(level);
    let mut moments = interval(EVERY);
    moments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut picture, sound) = (with(KEYFRAME, 1), [1; SOUND_BYTES]);
    picture.resize(PICTURE_BYTES, 1);
    loop {
        tokio::select! {
            _ = moments.tick() => client.put_both(&picture, &sound).await,
            () = client.turn() => {}
        }
    }
}

#[tokio::test]
async fn a_narrow_way_carries_all_sound_and_the_picture_of_who_speaks() {
    let server = Server::start().await;
    let mut publishers = tokio::task::JoinSet::new();
    let peers = ["1", "2", "3", "4"];
    for peer in peers {
        let level = if peer == "3" { -10 } else { -70 };
        publishers.spawn(publishes(publishing(&server, peer).await, level));
    }
    let (mut viewer, offer, media) = Client::player_of(peers.len()).await;
    viewer.answered(&answer(&server, connect("viewer", &offer, None)).await);
    viewer.connect().await;
    viewer.narrow(CARRIED);
    let slots: Vec<_> = media
        .iter()
        .zip(peers)
        .flat_map(|((video, audio), peer)| {
            [
                (*video, Some(slot(peer, RoomSource::Camera))),
                (*audio, Some(slot(peer, RoomSource::Audio))),
            ]
        })
        .collect();
    map(&server, "viewer", &slots).await;
    let mut tries = Vec::new();
    loop {
        let came = come(&mut viewer, &media).await;
        // A machine that does much else sends less.
        let most = came.iter().map(|(_, sound)| *sound).max().unwrap();
        let are_heard = came.iter().all(|(_, sound)| *sound > most * 3 / 4);
        let is_seen = came[2].0 > most / 2;
        let are_not_all_seen = came.iter().any(|(picture, _)| *picture < most / 8);
        if most > 0 && are_heard && is_seen && are_not_all_seen {
            return;
        }
        tries.push(came);
        assert!(
            tries.len() < TRIES,
            "all are to be heard, and the third one seen: {tries:?}"
        );
    }
}

/// How many packets of each picture and sound come from now on.
async fn come(viewer: &mut Client, media: &[(Mid, Mid)]) -> Vec<(usize, usize)> {
    let count = |viewer: &mut Client| -> Vec<_> {
        let mut of = |mid: Mid| viewer.payloads_of(mid).len();
        media.iter().map(|(video, audio)| (of(*video), of(*audio))).collect()
    };
    let before = count(viewer);
    live(viewer, JUDGED).await;
    let after = count(viewer);
    let pairs = after.iter().zip(&before);
    pairs
        .map(|(after, before)| (after.0 - before.0, after.1 - before.1))
        .collect()
}

async fn live(client: &mut Client, time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        client.turn().await;
    }
}
