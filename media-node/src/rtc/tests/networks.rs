//! Networks that are not as good as a loopback interface, and clients that tell little.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::task::JoinSet;

use super::media::{assert_publishes, publishing};
use super::support::{Client, Server, until};
use crate::access::Keys;
use crate::channel::StreamPath;
use crate::hub::{Flow, Overflow, rtp};

const PATH: &str = "/a/room/u";

#[tokio::test]
async fn a_client_comes_by_ipv6() {
    let any = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
    let server = Server::start_at(any, Keys::default()).await;
    let (mut client, offer) = Client::publisher_at(any).await;
    let reply = server.post("/whip/a/room/u", &offer).await;
    assert!(reply.body.contains(" ::1 "), "{}", reply.body);
    assert_publishes(&server, &mut client, &reply).await;
}

#[tokio::test]
async fn what_a_network_loses_is_sent_again() {
    const PICTURES: u16 = 400;
    let server = Server::start().await;
    let (mut client, _) = publishing(&server).await;
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let mut player = publication.subscribe(&[0], 1 << 20, Overflow::Drop, true).unwrap();
    client.lose(20);
    let mut seen = Vec::new();
    let mut look = || {
        while let Some(packet) = player.packets.try_next() {
            if packet.flow == Flow::Rtp {
                let payload = rtp::payload(&packet.payload).unwrap();
                seen.push(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
        seen.len()
    };
    for number in 0..PICTURES {
        client.send(&number.to_be_bytes()).await;
        look();
    }
    // One that is lost again and again is given up.
    let most = usize::from(PICTURES) * 99 / 100;
    client.until("what was lost has come", |_| look() >= most).await;
    assert!(
        client.lost > 20,
        "{} packets were lost, of those sent and those received",
        client.lost
    );
    assert!(seen.is_sorted(), "in order: {seen:?}");
}

#[tokio::test]
async fn fifty_who_join_at_once_cost_few_keyframes() {
    const PLAYERS: usize = 50;
    let server = Server::start().await;
    let (mut publisher, _) = publishing(&server).await;
    publisher.send(b"picture").await;
    let (began, before) = (Instant::now(), publisher.keyframes_asked);
    let joined = join_all((0..PLAYERS).map(|_| async {
        let (mut player, offer) = Client::player().await;
        let reply = server.post("/whep/a/room/u", &offer).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        player.answered(&reply.body);
        player
    }));
    let mut playing = JoinSet::new();
    for mut player in joined.await {
        playing.spawn(async move {
            player.connect().await;
            player.ask_for_keyframe();
            player.until("a picture", |player| !player.received.is_empty()).await;
        });
    }
    while !playing.is_empty() {
        publisher.send(b"picture").await;
        while let Some(played) = playing.try_join_next() {
            played.unwrap();
        }
    }
    let asked = publisher.keyframes_asked - before;
    let most = 1 + began.elapsed().as_millis() / 500;
    assert!(asked >= 1 && asked as u128 <= most, "{asked} in {:?}", began.elapsed());
}

#[tokio::test]
async fn packets_that_do_not_name_their_medium_are_known_by_their_source() {
    let server = Server::start().await;
    let (mut client, offer) = Client::publisher().await;
    let plain: String = offer
        .lines()
        .filter(|line| !line.ends_with("urn:ietf:params:rtp-hdrext:sdes:mid"))
        .flat_map(|line| [line, "\r\n"])
        .collect();
    assert_ne!(plain, offer);
    let reply = server.post("/whip/a/room/u", &plain).await;
    assert!(!reply.body.contains("sdes:mid"), "{}", reply.body);
    client.answered(&reply.body);
    client.connect().await;
    until("published", || server.is_live(PATH)).await;
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let mut player = publication.subscribe(&[0, 1], 1 << 20, Overflow::Drop, true).unwrap();
    let mut tracks = [false; 2];
    let began = Instant::now();
    while tracks != [true; 2] {
        client.send(b"media").await;
        while let Some(packet) = player.packets.try_next() {
            tracks[packet.track] |= packet.flow == Flow::Rtp;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{tracks:?}");
    }
}
