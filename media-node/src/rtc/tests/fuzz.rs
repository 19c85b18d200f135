//! Packets and offers with changes that a seed makes: what becomes of their own session does not matter, but nobody else's suffers.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

use super::media::publishing;
use super::support::{Client, Server};
use crate::channel::StreamPath;
use crate::hub::{Flow, Overflow, rtp};
use crate::mix::testing::Noise;
use crate::rtc::offer::Offer;
use crate::rtc::offer::tests::CHROMIUM;
use crate::rtc::session::Ways;
use crate::rtc::{publish, session};
use crate::rtsp::tests::fuzz::{mutate, runs};

/// Changed packets between two of the others' pictures.
const AT_ONCE: u64 = 50;

#[test]
fn a_changed_offer_is_refused_or_answered() {
    str0m::crypto::from_feature_flags().install_process_default();
    let candidates = [SocketAddr::from(([192, 0, 2, 1], 8189))];
    let (mut answered, mut refused) = (0, 0);
    for seed in 1..=runs(300) {
        let mut bytes = CHROMIUM.as_bytes().to_vec();
        mutate(&mut bytes, &mut Noise(seed));
        let text = String::from_utf8_lossy(&bytes);
        let opened = Offer::parse(&text)
            .and_then(|offer| offer.narrowed(publish::choose))
            .and_then(|(offer, formats)| {
                // A session that fails is its own: the server catches it in the same way.
                let opening = AssertUnwindSafe(|| {
                    session::open(&offer, &formats, Some(1_000_000), &candidates, Ways::Both).map(drop)
                });
                catch_unwind(opening).unwrap_or_else(|_| panic!("seed {seed}: {text}"))
            });
        match opened {
            Ok(()) => answered += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(answered > 0 && refused > 0, "{answered} and {refused}");
}

/// Packets of each kind that a client sends, changed, on the way of its own session and on those of strangers.
#[tokio::test]
async fn changed_packets_cost_other_sessions_nothing() {
    let server = Server::start().await;
    let (mut good, _) = publishing(&server).await;
    let publication = server.hub.find(&StreamPath::parse("/a/room/u").unwrap()).unwrap();
    let mut player = publication.subscribe(&[0], 1 << 20, Overflow::Drop, false).unwrap();
    let (mut bad, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/bad", &offer).await;
    bad.answered(&reply.body);
    let to = bad.connect_and_keep().await;
    for number in 0..20 {
        bad.send(&[number; 300]).await;
    }
    // Reports of what it has sent and received come now and then.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        bad.turn().await;
        good.turn().await;
    }
    let kinds = |is_of: fn(u8) -> bool| {
        let of_kind = bad.kept.iter().filter(|packet| is_of(packet[0]));
        of_kind.cloned().collect::<Vec<_>>()
    };
    let is_report = |packet: &Vec<u8>| (192..224).contains(&packet[1]);
    let media = kinds(|first| (128..192).contains(&first));
    let (reports, media): (Vec<_>, Vec<_>) = media.into_iter().partition(is_report);
    let all = [
        kinds(|first| first < 4),
        kinds(|first| (20..64).contains(&first)),
        reports,
        media,
    ];
    assert!(all.iter().all(|kind| !kind.is_empty()), "STUN, DTLS, RTCP and RTP");
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for (which, kind) in all.iter().enumerate() {
        let mut noise = Noise(1 + which as u64);
        let mut number = 0;
        while number < runs(500) {
            for _ in 0..AT_ONCE {
                let mut bytes = kind[noise.next() as usize % kind.len()].clone();
                mutate(&mut bytes, &mut noise);
                let socket = if noise.next().is_multiple_of(2) {
                    bad.socket()
                } else {
                    &stranger
                };
                socket.send_to(&bytes, to).await.unwrap();
                number += 1;
            }
            let marked = (number % 251) as u8;
            good.send(&[marked; 20]).await;
            good.until(&format!("a picture behind packet {number} of kind {which}"), |_| {
                std::iter::from_fn(|| player.packets.try_next())
                    .any(|packet| packet.flow == Flow::Rtp && rtp::payload(&packet.payload).unwrap()[0] == marked)
            })
            .await;
        }
    }
    assert!(server.is_live("/a/room/u"));
    assert_eq!(server.rtc.figures().failed_sessions, 0);
}

#[tokio::test]
async fn whatever_comes_by_tcp_ends_its_own_connection_at_most() {
    let server = Server::start().await;
    let (mut good, _) = publishing(&server).await;
    let to = good.destination();
    let mut noise = Noise(7);
    for _ in 0..runs(200) {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let length = (noise.next() % 3_000) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| noise.next() as u8).collect();
        // The server may hang up in the midst of it.
        drop(stream.write_all(&bytes).await);
    }
    good.send(b"picture").await;
    assert!(server.is_live("/a/room/u"));
    let (mut other, offer) = Client::publisher_by_tcp().await;
    let reply = server.post("/whip/a/room/other", &offer).await;
    other.answered(&reply.body);
    other.connect().await;
}

/// What its sender has encrypted well may be nonsense all the same.
#[tokio::test]
async fn payloads_of_any_kind_cost_other_sessions_nothing() {
    let server = Server::start().await;
    let (mut good, _) = publishing(&server).await;
    let (mut bad, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/bad", &offer).await;
    bad.answered(&reply.body);
    bad.connect().await;
    let mut noise = Noise(3);
    for _ in 0..runs(300) {
        let length = (noise.next() % 1_200) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| noise.next() as u8).collect();
        bad.send(&bytes).await;
    }
    good.send(b"picture").await;
    assert!(server.is_live("/a/room/u"));
    assert_eq!(server.rtc.figures().failed_sessions, 0);
}
