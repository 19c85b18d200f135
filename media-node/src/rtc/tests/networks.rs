//! Networks that are not as good as a loopback interface, and clients that tell little.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

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
async fn many_who_join_at_once_cost_few_keyframes() {
    const PLAYERS: usize = 12;
    let server = Server::start().await;
    let (mut publisher, _) = publishing(&server).await;
    publisher.send(b"picture").await;
    let mut players = Vec::new();
    for _ in 0..PLAYERS {
        let (mut player, offer) = Client::player().await;
        let reply = server.post("/whep/a/room/u", &offer).await;
        player.answered(&reply.body);
        players.push(player);
    }
    let (began, asked) = (Instant::now(), publisher.keyframes_asked);
    while players.iter().any(|player| !player.is_connected) {
        for player in &mut players {
            player.turn().await;
        }
        publisher.turn().await;
        assert!(began.elapsed() < Duration::from_secs(20), "they do not connect");
    }
    for player in &mut players {
        player.ask_for_keyframe();
        player.turn().await;
    }
    publisher
        .until("the publisher is asked", |publisher| publisher.keyframes_asked > asked)
        .await;
    let asked = publisher.keyframes_asked - asked;
    let most = 1 + began.elapsed().as_millis() / 500;
    assert!(asked as u128 <= most, "{asked} in {:?}", began.elapsed());
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
