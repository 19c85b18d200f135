//! Players whose way does not carry what is sent.

use std::time::{Duration, Instant};

use protocol::RoomSource;

use super::media::publishing;
use super::rooms::{enters, map, slot, viewing};
use super::support::{Client, Server};

const PATIENCE: Duration = Duration::from_secs(60);
/// So many packets in a row show what is sent.
const RUN: usize = 20;

/// A picture of VP8 in this temporal layer.
fn picture(layer: u8, is_keyframe: bool) -> Vec<u8> {
    let mut picture = vec![0x90, 0x20, layer << 6, u8::from(!is_keyframe)];
    picture.extend([7; 40]);
    picture
}

/// Of padding, by which a way is measured, none.
fn layer(payload: &[u8]) -> Option<u8> {
    payload.get(2).map(|layer| layer >> 6)
}

/// The player of a stream with two temporal layers loses half of its packets until it gets the lower one alone, whose numbers have
/// no gaps then.
async fn gets_fewer(publisher: &mut Client, player: &mut Client) {
    let video = player.video;
    let began = Instant::now();
    player.lose(2);
    let (mut is_lossy, mut number) = (true, 0u8);
    loop {
        number = number.wrapping_add(1);
        let is_keyframe = std::mem::take(&mut publisher.keyframes_asked) > 0;
        publisher.send(&picture(number % 2, is_keyframe)).await;
        // One takes one packet at most: picture and sound, and what is sent again.
        for _ in 0..4 {
            player.turn().await;
        }
        let received = player.payloads_of(video);
        let last = received.get(received.len().saturating_sub(RUN)..).unwrap_or_default();
        let is_thin = last.len() == RUN && last.iter().all(|(_, _, payload)| layer(payload) == Some(0));
        if is_thin && is_lossy {
            // What the way carries comes whole.
            player.lose_none();
            is_lossy = false;
            player.received.clear();
        } else if is_thin {
            let is_next = |pair: &[(u64, u32, Vec<u8>)]| pair[1].0 == pair[0].0 + 1;
            if last.windows(2).all(is_next) {
                return;
            }
        }
        assert!(
            began.elapsed() < PATIENCE,
            "all pictures are sent, or none, or with gaps"
        );
    }
}

#[tokio::test]
async fn a_player_whose_way_is_strained_gets_fewer_pictures_rather_than_none() {
    let server = Server::start().await;
    let (mut publisher, _) = publishing(&server).await;
    let (mut player, offer) = Client::player().await;
    let reply = server.post("/whep/a/room/u", &offer).await;
    player.answered(&reply.body);
    player.connect().await;
    gets_fewer(&mut publisher, &mut player).await;
    assert!(
        !server
            .rtc
            .sessions("a", None)
            .iter()
            .any(|(_, session)| session.picture_paused)
    );
}

#[tokio::test]
async fn so_does_a_peer_of_a_room() {
    let server = Server::start().await;
    let mut one = enters(&server, "1", Client::publisher().await).await;
    let mut viewer = viewing(&server, "3").await;
    let slots = [
        (viewer.video, Some(slot("1", RoomSource::Camera))),
        (viewer.audio, Some(slot("1", RoomSource::Audio))),
    ];
    map(&server, "3", &slots).await;
    gets_fewer(&mut one, &mut viewer).await;
}
