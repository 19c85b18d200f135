//! What players get who come in the middle of what a publisher sends that nobody can ask for a keyframe.

use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::RoomSource;

use super::rooms::{map, slot, viewing};
use super::support::{Client, Server};
use crate::channel::StreamPath;
use crate::hub::{Description, Flow, Published};

const PATH: &str = "/a/room/u";
const KEYFRAME: u8 = 0x65;
const OTHER: u8 = 0x41;
/// From one picture to the next.
const TICKS: u32 = 3_600;

fn publish(server: &Server) -> Published {
    let described = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n";
    let description = Description::parse(described.as_bytes()).unwrap();
    let path = StreamPath::parse(PATH).unwrap();
    server.hub.publish(&path, description, 0).unwrap()
}

/// A picture of one packet, which ends with its number.
fn picture(number: u8, unit: u8) -> Bytes {
    let mut packet = vec![0x80, 0xe0, 0, number];
    packet.extend((u32::from(number) * TICKS).to_be_bytes());
    packet.extend([0, 0, 0, 9, unit, 0, number]);
    packet.into()
}

/// The pictures from this one on are what the client has got, each once and none at a time before the one in front of it. How far the
/// first is from the last in ticks.
fn assert_run(client: &mut Client, from: u8) -> u32 {
    let mid = client.video;
    let got = client.payloads_of(mid);
    for (index, (sequence, timestamp, payload)) in got.iter().enumerate() {
        assert_eq!(
            usize::from(*payload.last().unwrap()),
            usize::from(from) + index,
            "{got:?}"
        );
        let before = index.checked_sub(1).map(|before| &got[before]);
        assert!(
            before.is_none_or(|(number, time, _)| number + 1 == *sequence && time < timestamp),
            "{got:?}"
        );
    }
    got.last().unwrap().1 - got[0].1
}

#[tokio::test]
async fn a_viewer_gets_what_was_sent_since_the_last_keyframe_at_once() {
    let server = Server::start().await;
    let published = publish(&server);
    let publication = &published.publication;
    publication.relay(0, Flow::Rtp, picture(1, OTHER));
    publication.relay(0, Flow::Rtp, picture(2, KEYFRAME));
    for number in 3..=100 {
        publication.relay(0, Flow::Rtp, picture(number, OTHER));
    }
    let (mut player, offer) = Client::player().await;
    let reply = server.post("/whep/a/room/u", &offer).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    player.answered(&reply.body);
    player.connect().await;
    player.until("all is there", |player| player.received.len() >= 99).await;
    // Four seconds in the time that sending them takes.
    let span = assert_run(&mut player, 2);
    assert!((98 * 90..90_000).contains(&span), "{span}");
    publication.relay(0, Flow::Rtp, picture(101, OTHER));
    player.until("it goes on", |player| player.received.len() >= 100).await;
    assert_run(&mut player, 2);

    // What it cannot decode comes again, not at once, and behind what it has.
    let began = Instant::now();
    while player.received.len() < 200 {
        player.ask_for_keyframe();
        player.turn().await;
        assert!(began.elapsed() < Duration::from_secs(20), "it does not come again");
    }
    assert!(began.elapsed() > Duration::from_secs(2), "it comes again and again");
    let mid = player.video;
    let got = player.payloads_of(mid);
    let again: Vec<_> = got[100..]
        .iter()
        .map(|(.., payload)| *payload.last().unwrap())
        .collect();
    assert_eq!(again, (2..=101).collect::<Vec<_>>());
    assert!(
        got.windows(2)
            .all(|pair| pair[0].0 + 1 == pair[1].0 && pair[0].1 < pair[1].1),
        "{got:?}"
    );
}

#[tokio::test]
async fn a_slot_shows_it_at_once() {
    let server = Server::start().await;
    let published = publish(&server);
    for number in 1..=50 {
        let unit = if number == 10 { KEYFRAME } else { OTHER };
        published.publication.relay(0, Flow::Rtp, picture(number, unit));
    }
    let mut viewer = viewing(&server, "viewer").await;
    let mid = viewer.video;
    map(&server, "viewer", &[(mid, Some(slot("u", RoomSource::Camera)))]).await;
    viewer.until("all is there", |viewer| viewer.received.len() >= 41).await;
    assert_run(&mut viewer, 10);
}
