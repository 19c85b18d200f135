//! Pictures in several sizes, from a publisher to players.

use std::time::{Duration, Instant};

use protocol::RoomSource;

use super::rooms::{enters, map, slot, viewing};
use super::support::{Client, Server, until};
use crate::channel::StreamPath;
use crate::hub::{Flow, Overflow, rtp};
use crate::layers::testing::Vp8;

const PATH: &str = "/a/room/u";

async fn publishing(server: &Server) -> Client {
    let (mut client, offer) = Client::publisher_of_layers(&["q", "f"]).await;
    assert!(offer.contains("a=simulcast:send q;f"), "{offer}");
    let reply = server.post("/whip/a/room/u", &offer).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert!(reply.body.contains("a=simulcast:recv q;f"), "{}", reply.body);
    client.answered(&reply.body);
    client.connect().await;
    until("published", || server.is_live(PATH)).await;
    client
}

/// What a publisher sends: a picture of each layer.
struct Camera {
    layers: Vec<(&'static str, Vp8)>,
}

impl Camera {
    fn new() -> Self {
        Self {
            layers: vec![("q", Vp8::new(1, 320, 180)), ("f", Vp8::new(2, 640, 360))],
        }
    }

    fn with_a_third_layer() -> Self {
        let mut camera = Self::new();
        camera.layers.push(("x", Vp8::new(3, 1280, 720)));
        camera
    }

    async fn moment(&mut self, client: &mut Client, sizes: &[&str]) {
        let asked = std::mem::take(&mut client.layers_asked);
        for (name, sender) in &mut self.layers {
            let is_asked = asked.iter().any(|asked| asked == name);
            for packet in sender.picture(is_asked, 2) {
                if sizes.contains(name) {
                    client.send_layer(name, &packet.payload).await;
                }
            }
        }
        client.turn().await;
    }
}

fn width(payload: &[u8]) -> Option<u16> {
    let is_keyframe = payload.first() == Some(&0x10) && payload[1] & 1 == 0;
    is_keyframe.then(|| u16::from_le_bytes([payload[7], payload[8]]))
}

#[tokio::test]
async fn layers_are_one_stream_for_those_who_know_none_and_the_smallest_another() {
    let server = Server::start().await;
    let mut client = publishing(&server).await;
    let mut camera = Camera::new();
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    assert_eq!(publication.layers().len(), 2);
    let mut player = publication.subscribe(&[0], 1 << 20, Overflow::Drop, false).unwrap();
    let low = StreamPath::parse("/a/room/u/low").unwrap();
    let (mut widths, mut numbers, began) = (Vec::new(), Vec::new(), Instant::now());
    while !widths.contains(&640) || server.hub.find(&low).is_none() {
        camera.moment(&mut client, &["q", "f"]).await;
        while let Some(packet) = player.packets.try_next() {
            if packet.flow == Flow::Rtp {
                numbers.push(rtp::rtp_head(&packet.payload).unwrap().sequence);
                widths.extend(width(rtp::payload(&packet.payload).unwrap()));
            }
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{widths:?}");
    }
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{numbers:?}"
    );
    let low = server.hub.find(&low).unwrap();
    drop(client);
    until("gone", || low.ended.is_cancelled() && !server.is_live(PATH)).await;
}

#[tokio::test]
async fn a_player_gets_the_layer_that_it_prefers() {
    let server = Server::start().await;
    let mut client = publishing(&server).await;
    let mut camera = Camera::new();
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let began = Instant::now();
    while publication.layers().iter().any(|layer| layer.state().size.is_none()) {
        camera.moment(&mut client, &["q", "f"]).await;
        assert!(began.elapsed() < Duration::from_secs(20), "the layers are not seen");
    }
    for (query, wanted) in [("?height=180", 320), ("?height=360", 640)] {
        let (mut player, offer) = Client::player().await;
        let reply = server.post(&format!("/whep/a/room/u{query}"), &offer).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        player.answered(&reply.body);
        player.connect().await;
        let began = Instant::now();
        while player.received.len() < 10 {
            camera.moment(&mut client, &["q", "f"]).await;
            player.turn().await;
            assert!(began.elapsed() < Duration::from_secs(20), "nothing is played");
        }
        let first = player.received.iter().find_map(|packet| width(&packet.payload));
        assert_eq!(first, Some(wanted), "{query}");
    }
    for wrong in ["?height=0", "?height=x", "?height=9000"] {
        let (_player, offer) = Client::player().await;
        let reply = server.post(&format!("/whep/a/room/u{wrong}"), &offer).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
    }
}

#[tokio::test]
async fn a_slot_shows_the_layer_for_its_size_and_the_way_from_one_to_another_does_not_show() {
    const SIZES: [&str; 3] = ["q", "f", "x"];
    let server = Server::start().await;
    let mut client = enters(&server, "1", Client::publisher_of_layers(&SIZES).await).await;
    let mut camera = Camera::with_a_third_layer();
    let publication = server.hub.find(&StreamPath::parse("/a/room/1").unwrap()).unwrap();
    let began = Instant::now();
    while publication.layers().iter().any(|layer| layer.state().size.is_none()) {
        camera.moment(&mut client, &SIZES).await;
        assert!(began.elapsed() < Duration::from_secs(20), "the layers are not seen");
    }
    let mut viewer = viewing(&server, "2").await;
    let video = viewer.video;
    for (height, wanted) in [(Some(180), 320), (Some(300), 640), (None, 1280), (Some(100), 320)] {
        let mut wish = slot("1", RoomSource::Camera);
        wish.height = height;
        map(&server, "2", &[(video, Some(wish))]).await;
        let (before, began) = (viewer.payloads_of(video).len(), Instant::now());
        let mut shown = None;
        while shown != Some(wanted) {
            camera.moment(&mut client, &SIZES).await;
            // It takes a datagram a turn, and one that falls behind would be taken for one on a narrow way.
            for _ in 0..12 {
                viewer.turn().await;
            }
            let payloads = viewer.payloads_of(video);
            shown = payloads
                .get(before..)
                .unwrap_or_default()
                .iter()
                .rev()
                .find_map(|(.., payload)| width(payload));
            assert!(began.elapsed() < Duration::from_secs(20), "{height:?} shows {shown:?}");
        }
    }
    let packets = viewer.payloads_of(video);
    let goes_on =
        |pair: &[(u64, u32, Vec<u8>)]| pair[1].0 == pair[0].0 + 1 && (pair[1].1.wrapping_sub(pair[0].1) as i32) >= 0;
    assert!(packets.windows(2).all(goes_on), "{packets:?}");
}
