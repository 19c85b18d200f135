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
/// What the way to the viewer carries: the sound of all, and one picture.
const CARRIED: u32 = 700_000;
/// How long the room may take to find out.
const SETTLING: Duration = Duration::from_secs(12);
const JUDGED: Duration = Duration::from_secs(4);

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
    live(&mut viewer, SETTLING).await;
    let count = |viewer: &mut Client, mid: Mid| viewer.payloads_of(mid).len();
    let before: Vec<_> = media
        .iter()
        .map(|(video, audio)| (count(&mut viewer, *video), count(&mut viewer, *audio)))
        .collect();
    live(&mut viewer, JUDGED).await;
    let came: Vec<_> = media
        .iter()
        .zip(&before)
        .map(|((video, audio), before)| {
            (
                count(&mut viewer, *video) - before.0,
                count(&mut viewer, *audio) - before.1,
            )
        })
        .collect();
    let all = usize::try_from(JUDGED.as_millis() / EVERY.as_millis()).unwrap();
    // A machine that does much else sends less.
    let most = came.iter().map(|(_, sound)| *sound).max().unwrap();
    assert!(most > all / 3, "{came:?} of {all}");
    assert!(
        came.iter().all(|(_, sound)| *sound > most * 3 / 4),
        "all are heard: {came:?}"
    );
    assert!(came[2].0 > most / 3, "who speaks is seen: {came:?}");
    assert!(
        came.iter().any(|(picture, _)| *picture < most / 8),
        "not all are seen: {came:?}"
    );
}

async fn live(client: &mut Client, time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        client.turn().await;
    }
}
