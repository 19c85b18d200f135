//! Pictures that their senders do not turn themselves.

use std::time::{Duration, Instant};

use str0m::rtp::VideoOrientation;

use super::support::{Client, Server, until};
use crate::channel::StreamPath;
use crate::hub::{Flow, Overflow, rtp};
use crate::stream::Quarters;

const PATH: &str = "/a/room/u";
const ROTATION: &str = "a=extmap:13 urn:3gpp:video-orientation\r\n";

/// A publisher who says how the picture has to be turned though nobody has asked for that.
async fn publishing(server: &Server) -> Client {
    let (mut client, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/u", &offer).await;
    assert!(
        offer.contains(ROTATION) && !reply.body.contains(ROTATION),
        "{}",
        reply.body
    );
    client.answered(&reply.body.replace("a=mid:", &format!("{ROTATION}a=mid:")));
    client.connect().await;
    until("published", || server.is_live(PATH)).await;
    client
}

#[tokio::test]
async fn players_and_recorders_are_told_how_a_picture_has_to_be_turned() {
    let server = Server::start().await;
    let mut publisher = publishing(&server).await;
    let publication = server.hub.find(&StreamPath::parse(PATH).unwrap()).unwrap();
    let mut recorder = publication.subscribe(&[0, 1], 1 << 20, Overflow::Drop, false).unwrap();
    let (mut player, offer) = Client::player().await;
    let reply = server.post("/whep/a/room/u", &offer).await;
    assert!(reply.body.contains(ROTATION), "{}", reply.body);
    player.answered(&reply.body);
    player.connect().await;
    until("it plays", || server.rtc.figures().playing == 1).await;
    let asked = publisher.keyframes_asked;
    let (began, mut recorded) = (Instant::now(), [None, None]);
    for orientation in [
        VideoOrientation::Deg270,
        VideoOrientation::Deg180,
        VideoOrientation::Deg0,
    ] {
        publisher.orientation = Some(orientation);
        let is_told = |player: &Client| {
            let last = player
                .received
                .iter()
                .rev()
                .find_map(|packet| packet.header.ext_vals.video_orientation);
            last == Some(orientation)
        };
        while !is_told(&player) || recorded != [Some(Quarters::new(orientation as u8)), None] {
            publisher.send(&[7; 30]).await;
            player.turn().await;
            while let Some(packet) = recorder.packets.try_next() {
                if packet.flow == Flow::Rtp {
                    recorded[packet.track] = rtp::turn(&packet.payload);
                }
            }
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "{orientation:?}: {recorded:?}"
            );
        }
    }
    publisher
        .until("a keyframe is asked for", |publisher| publisher.keyframes_asked > asked)
        .await;
}
