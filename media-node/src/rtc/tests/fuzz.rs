//! Packets and offers with changes that a seed makes: what becomes of their own session does not matter, but nobody else's suffers.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

use super::media::publishing;
use super::support::{Client, Server};
use crate::channel::StreamPath;
use crate::hub::{Flow, Overflow, Packet, Receiver, rtp};
use crate::mix::testing::Noise;
use crate::rtc::offer::Offer;
use crate::rtc::offer::tests::CHROMIUM;
use crate::rtc::opening::{self, Ways};
use crate::rtc::publish;
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
                    opening::open(&offer, &formats, Some(1_000_000), &candidates, Ways::Both).map(drop)
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
    let mut good = Good::publishing(&server).await;
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
        good.client.turn().await;
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
        let (mut noise, mut memory, mut number) = (Noise(1 + which as u64), Memory::default(), 0);
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
            good.is_heard(number).await;
            memory.look(number, runs(500));
        }
    }
    assert!(server.is_live("/a/room/u"));
    assert_eq!(server.rtc.figures().failed_sessions, 0);
}

/// Frames on connections of their own, as a client by TCP sends them, changed.
#[tokio::test]
async fn whatever_comes_by_tcp_ends_its_own_connection_at_most() {
    let server = Server::start().await;
    let mut good = Good::publishing(&server).await;
    let (mut client, offer) = Client::publisher_by_tcp().await;
    let reply = server.post("/whip/a/room/bad", &offer).await;
    client.answered(&reply.body);
    let to = client.connect_and_keep().await;
    for number in 0..20 {
        client.send(&[number; 300]).await;
    }
    let kept = std::mem::take(&mut client.kept);
    drop(client);
    let (mut noise, mut memory, mut number) = (Noise(7), Memory::default(), 0);
    while number < runs(500) {
        let mut bytes = Vec::new();
        for _ in 0..AT_ONCE {
            let mut packet = kept[noise.next() as usize % kept.len()].clone();
            mutate(&mut packet, &mut noise);
            // Now and then the length in front is another one, so that all behind it is read wrongly.
            let length = match noise.next() % 16 {
                0 => noise.next() as u16,
                _ => packet.len() as u16,
            };
            bytes.extend(length.to_be_bytes());
            bytes.extend(packet);
            number += 1;
        }
        let mut stream = TcpStream::connect(to).await.unwrap();
        // So many connections that are over would hold all ports.
        stream.set_zero_linger().unwrap();
        // The server may hang up in the midst of it.
        drop(stream.write_all(&bytes).await);
        good.is_heard(number).await;
        memory.look(number, runs(500));
    }
    let (mut other, offer) = Client::publisher_by_tcp().await;
    let reply = server.post("/whip/a/room/other", &offer).await;
    other.answered(&reply.body);
    other.connect().await;
    assert_eq!(server.rtc.figures().failed_sessions, 0);
}

/// What its sender has encrypted well may be nonsense all the same. It is played, too.
#[tokio::test]
async fn payloads_of_any_kind_cost_other_sessions_nothing() {
    let server = Server::start().await;
    let mut good = Good::publishing(&server).await;
    let (mut bad, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/bad", &offer).await;
    bad.answered(&reply.body);
    bad.connect().await;
    let (mut player, offer) = Client::player().await;
    let reply = server.post("/whep/a/room/bad", &offer).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    player.answered(&reply.body);
    player.connect().await;
    let (mut noise, mut memory, mut number) = (Noise(3), Memory::default(), 0);
    while number < runs(500) {
        for _ in 0..AT_ONCE {
            let mut bytes = vec![0x10, 0, 0, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0];
            mutate(&mut bytes, &mut noise);
            let length = (noise.next() % 1_100) as usize;
            bytes.resize_with(bytes.len() + length, || noise.next() as u8);
            bad.put(&bytes).await;
            number += 1;
        }
        bad.turn().await;
        player.turn().await;
        player.received.clear();
        good.is_heard(number).await;
        memory.look(number, runs(500));
    }
    assert_eq!(server.rtc.figures().failed_sessions, 0);
}

/// A publisher whose pictures somebody gets, whatever happens to others.
struct Good {
    client: Client,
    player: Receiver,
}

impl Good {
    async fn publishing(server: &Server) -> Self {
        let (client, _) = publishing(server).await;
        let publication = server.hub.find(&StreamPath::parse("/a/room/u").unwrap()).unwrap();
        let player = publication.subscribe(&[0], 1 << 20, Overflow::Drop, false).unwrap();
        Self {
            client,
            player: player.packets,
        }
    }

    /// Sends a picture and waits until it has come.
    async fn is_heard(&mut self, behind: u64) {
        let marked = (behind % 251) as u8;
        self.client.send(&[marked; 20]).await;
        let player = &mut self.player;
        let is_marked = |packet: Packet| {
            packet.flow == Flow::Rtp && rtp::payload(&packet.payload).is_some_and(|payload| payload[0] == marked)
        };
        self.client
            .until(&format!("a picture behind number {behind}"), |_| {
                std::iter::from_fn(|| player.try_next()).any(is_marked)
            })
            .await;
    }
}

/// In the long form, what the process holds does not grow with what comes.
#[derive(Default)]
struct Memory {
    at_first_kb: Option<u64>,
}

impl Memory {
    /// Beside this, other tests run in the process. A tenth of what comes would take more.
    const MOST_KB: u64 = 64 << 10;

    fn look(&mut self, number: u64, all: u64) {
        if all < 100_000 {
            return;
        }
        let resident_kb = resident_kb();
        if number >= all / 10 {
            self.at_first_kb.get_or_insert(resident_kb);
        }
        if number >= all {
            let first = self.at_first_kb.unwrap_or_default();
            println!("{first} kB behind the first tenth, {resident_kb} kB behind all");
            assert!(
                resident_kb < first + Self::MOST_KB,
                "{first} kB have become {resident_kb}"
            );
        }
    }
}

fn resident_kb() -> u64 {
    const PAGE_KB: u64 = 4;
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident = pages.split(' ').nth(1).unwrap();
    resident.parse::<u64>().unwrap() * PAGE_KB
}
