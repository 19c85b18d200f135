//! What goes through sessions.

use std::time::{Duration, Instant};

use protocol::RtcReply;

use super::support::{Client, Server, header, until};
use crate::channel::StreamPath;
use crate::hub::{Flow, Overflow, rtp};

const PATH: &str = "/a/room/u";

pub(super) async fn publishing(server: &Server) -> (Client, String) {
    let (mut client, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/u", &offer).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    client.answered(&reply.body);
    client.connect().await;
    until("published", || server.is_live(PATH)).await;
    (client, header(&reply, "Location").to_owned())
}

#[tokio::test]
async fn what_a_browser_publishes_is_a_stream_like_any_other() {
    let server = Server::start().await;
    let (mut client, session) = publishing(&server).await;
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let described = std::str::from_utf8(publication.description.for_players())
        .unwrap()
        .to_owned();
    assert!(
        described.contains("VP8/90000") && described.contains("opus/48000/2"),
        "{described}"
    );
    let mut player = publication.subscribe(&[0, 1], 1 << 20, Overflow::Drop, true).unwrap();
    for number in 0..50u8 {
        client.send(&[number; 20]).await;
    }
    let mut seen: [Vec<u8>; 2] = Default::default();
    let mut reports = 0;
    client
        .until("all has come", |_| {
            while let Some(packet) = player.packets.try_next() {
                match packet.flow {
                    Flow::Rtp => seen[packet.track].push(rtp::payload(&packet.payload).unwrap()[0]),
                    Flow::Rtcp => reports += usize::from(rtp::is_sender_report(&packet.payload)),
                }
            }
            seen.iter().all(|seen| seen.len() == 50) && reports >= 2
        })
        .await;
    assert_eq!(seen[0], (0..50).collect::<Vec<_>>());
    assert_eq!(seen[0], seen[1]);
    client
        .until("a keyframe is asked for", |client| client.keyframes_asked > 0)
        .await;
    let ended = server.call("DELETE", &session, "", |_| {}).await;
    assert_eq!(ended.status, 200);
    until("gone", || !server.is_live(PATH)).await;
    until("counted", || server.rtc.figures().publishing == 0).await;
}

/// Goes on from what was answered to a publisher's offer until a packet has come through.
pub(super) async fn assert_publishes(server: &Server, client: &mut Client, reply: &RtcReply) {
    client.answered(&reply.body);
    client.connect().await;
    until("published", || server.is_live(PATH)).await;
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let mut player = publication.subscribe(&[0], 1 << 20, Overflow::Drop, true).unwrap();
    client.send(b"picture").await;
    client
        .until("it has come", |_| {
            player.packets.try_next().is_some_and(|packet| packet.flow == Flow::Rtp)
        })
        .await;
}

#[tokio::test]
async fn a_network_without_datagrams_is_crossed_by_tcp() {
    let server = Server::start().await;
    let (mut client, offer) = Client::publisher_by_tcp().await;
    let reply = server.post("/whip/a/room/u", &offer).await;
    assert_publishes(&server, &mut client, &reply).await;
}

#[tokio::test]
async fn a_client_that_goes_to_another_network_goes_on() {
    let server = Server::start().await;
    let (mut client, session) = publishing(&server).await;
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let offer = client.moves().await;
    let reply = server.patch(&session, Some("*"), &offer).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(
        reply.body.contains("a=ice-ufrag:") && reply.body.contains("candidate:"),
        "{}",
        reply.body
    );
    client.moved(&reply.body);
    let mut player = publication.subscribe(&[0], 1 << 20, Overflow::Drop, false).unwrap();
    let began = Instant::now();
    while player.packets.try_next().is_none_or(|packet| packet.flow != Flow::Rtp) {
        client.send(b"picture").await;
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "nothing comes by the other network"
        );
    }
    assert!(!publication.ended.is_cancelled());
}

#[tokio::test]
async fn a_player_gets_what_a_browser_publishes_and_asks_it_for_keyframes() {
    let server = Server::start().await;
    let (mut publisher, _) = publishing(&server).await;
    publisher.send(b"before").await;
    let (mut player, offer) = Client::player().await;
    let reply = server.post("/whep/a/room/u", &offer).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert!(
        reply.body.contains("a=sendonly") && reply.body.contains("VP8/90000"),
        "{}",
        reply.body
    );
    player.answered(&reply.body);
    player.connect().await;
    until("it plays", || server.rtc.figures().playing == 1).await;
    let began = Instant::now();
    let mut number = 0u8;
    while player.received.len() < 40 {
        publisher.send(&[number; 30]).await;
        number = number.wrapping_add(1);
        player.turn().await;
        assert!(began.elapsed() < Duration::from_secs(20), "nothing is played");
    }
    for mid in [player.video, player.audio] {
        let of_track = player.packets_of(mid);
        assert!(of_track.len() > 5);
        let step = |pair: &[(u64, u8)]| pair[1].0 - pair[0].0 == u64::from(pair[1].1.wrapping_sub(pair[0].1));
        assert!(of_track.windows(2).all(step), "{of_track:?}");
    }
    let asked = publisher.keyframes_asked;
    let began = Instant::now();
    player.ask_for_keyframe();
    while publisher.keyframes_asked == asked {
        player.turn().await;
        publisher.turn().await;
        assert!(began.elapsed() < Duration::from_secs(20), "nobody is asked");
    }
}

#[tokio::test]
async fn who_comes_again_takes_the_stream_over() {
    let server = Server::start().await;
    let (_first, _) = publishing(&server).await;
    let former = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let (_second, _) = publishing(&server).await;
    until("taken over", || {
        former.ended.is_cancelled() && server.rtc.figures().publishing == 1
    })
    .await;
    assert!(server.is_live(PATH));
}

#[tokio::test]
async fn a_client_that_vanishes_is_gone_after_fifteen_seconds() {
    let server = Server::start().await;
    let (client, _) = publishing(&server).await;
    drop(client);
    let began = Instant::now();
    until("gone", || !server.is_live(PATH)).await;
    let after = began.elapsed();
    assert!(
        (Duration::from_secs(14)..Duration::from_secs(18)).contains(&after),
        "{after:?}"
    );
}

#[tokio::test]
async fn who_does_not_connect_is_forgotten_and_nobody_was_there() {
    let server = Server::start().await;
    let (_client, offer) = Client::publisher().await;
    assert_eq!(server.post("/whip/a/room/u", &offer).await.status, 201);
    assert!(!server.is_live(PATH));
    assert_eq!(server.rtc.figures().publishing, 1);
    until("forgotten", || server.rtc.figures().publishing == 0).await;
}
