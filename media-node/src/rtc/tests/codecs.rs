//! What players get of streams whose codecs browsers do not take.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use protocol::RoomSource;

use super::rooms::{map, slot, viewing};
use super::support::{Client, Server, until};
use crate::channel::StreamPath;
use crate::hub::{Description, Flow, Published};
use crate::rtc::offer::tests::CHROMIUM;
use crate::stream::testing::SpsBits;

const PATH: &str = "/a/room/u";

fn publish(server: &Server, media: &str) -> Published {
    crate::media::init().unwrap();
    let description = Description::parse(format!("v=0\r\n{media}").as_bytes()).unwrap();
    server
        .hub
        .publish(&StreamPath::parse(PATH).unwrap(), description, 0)
        .unwrap()
}

fn sound(payload_type: u8, sequence: u16) -> bytes::Bytes {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend([0, 0, 0, 9]);
    packet.extend([0x55; 160]);
    packet.into()
}

#[tokio::test]
async fn sound_in_another_codec_is_opus_for_a_browser() {
    let server = Server::start().await;
    let published = publish(&server, "m=audio 0 RTP/AVP 9\r\n");
    let (mut player, offer) = Client::player().await;
    let reply = server.post("/whep/a/room/u", &offer).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert!(reply.body.contains("opus/48000/2"), "{}", reply.body);
    assert_eq!(server.rtc.figures().transcoded_sounds, 1);
    player.answered(&reply.body);
    player.connect().await;
    let (began, mut sequence) = (Instant::now(), 0);
    while player.received.len() < 20 {
        published.publication.relay(0, Flow::Rtp, sound(9, sequence));
        sequence += 1;
        player.turn().await;
        assert!(began.elapsed() < Duration::from_secs(20), "nothing is heard");
    }
    let mid = player.audio;
    assert!(player.packets_of(mid).len() >= 20);
}

#[tokio::test]
async fn sound_that_a_browser_takes_as_it_is_stays_as_it_is() {
    let server = Server::start().await;
    let _published = publish(&server, "m=audio 0 RTP/AVP 0\r\n");
    let offer = CHROMIUM.replace("a=sendonly", "a=recvonly");
    let reply = server.post("/whep/a/room/u", &offer).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert!(
        reply.body.contains("PCMU/8000") && !reply.body.contains("opus"),
        "{}",
        reply.body
    );
    assert_eq!(server.rtc.figures().transcoded_sounds, 0);
}

/// What describes a picture that has B-frames, and a sound.
fn with_b_frames() -> String {
    let mut sps = SpsBits::new(320, 192, 2);
    sps.reorder_frames = Some(2);
    let sets = STANDARD.encode(sps.nal());
    format!(
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets={sets},aO8=\r\n\
         m=audio 0 RTP/AVP 0\r\n"
    )
}

#[tokio::test]
async fn pictures_with_b_frames_are_encoded_anew_where_the_operator_says_so() {
    let server = Server::start_transcoding(1).await;
    let published = publish(&server, &with_b_frames());
    let offer = CHROMIUM.replace("a=sendonly", "a=recvonly");
    for _ in 0..2 {
        let reply = server.post("/whep/a/room/u", &offer).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        assert!(reply.body.contains("H264/90000"), "{}", reply.body);
    }
    assert_eq!(server.rtc.figures().transcoded_pictures, 1, "both see the same");
    let other = StreamPath::parse("/a/room/other").unwrap();
    let description = Description::parse(format!("v=0\r\n{}", with_b_frames()).as_bytes()).unwrap();
    let _other = server.hub.publish(&other, description, 0).unwrap();
    let busy = server.post("/whep/a/room/other", &offer).await;
    assert_eq!(busy.status, 503, "{}", busy.body);
    drop(published);
    until("it has ended", || server.rtc.figures().transcoded_pictures == 0).await;
}

#[tokio::test]
async fn a_room_shows_pictures_with_b_frames_where_the_operator_says_so() {
    let server = Server::start_transcoding(1).await;
    let published = publish(&server, &with_b_frames());
    let viewer = viewing(&server, "3").await;
    map(&server, "3", &[(viewer.video, Some(slot("u", RoomSource::Camera)))]).await;
    until("it is encoded anew", || server.rtc.figures().transcoded_pictures == 1).await;
    drop(published);
    until("it has ended", || server.rtc.figures().transcoded_pictures == 0).await;
}

#[tokio::test]
async fn pictures_with_b_frames_are_refused_with_the_reason() {
    let server = Server::start().await;
    let _published = publish(&server, &with_b_frames());
    let offer = CHROMIUM.replace("a=sendonly", "a=recvonly");
    let reply = server.post("/whep/a/room/u", &offer).await;
    assert!(reply.status == 422 && reply.body.contains("B-frames"), "{}", reply.body);
    assert_eq!(server.rtc.figures().refused_offers, 1);
    let (sound, _) = offer.split_once("m=video").unwrap();
    let heard = server
        .post("/whep/a/room/u", &sound.replace("BUNDLE 0 1", "BUNDLE 0"))
        .await;
    assert_eq!(heard.status, 201, "its sound can be played: {}", heard.body);
}

#[tokio::test]
async fn h264_of_any_profile_is_published_and_played_as_what_it_is() {
    let server = Server::start().await;
    let others = ["VP8/", "VP9/", "AV1/"];
    let h264 = others
        .iter()
        .fold(CHROMIUM.to_owned(), |offer, other| offer.replace(other, "X/"));
    for (number, profile) in ["42e01f", "42001f", "4d001f", "64001F", "640c1f"]
        .into_iter()
        .enumerate()
    {
        let path = format!("/a/room/{number}");
        let own = format!("packetization-mode=1;profile-level-id={profile}");
        let offer = h264.replace("packetization-mode=1;profile-level-id=42001f", &own);
        let reply = server.post(&format!("/whip{path}"), &offer).await;
        assert_eq!(reply.status, 201, "{profile}: {}", reply.body);
        assert!(
            reply.body.to_lowercase().contains(&profile.to_lowercase()),
            "{}",
            reply.body
        );

        let media = format!("v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {own}\r\n");
        let description = Description::parse(media.as_bytes()).unwrap();
        let played = StreamPath::parse(&format!("/a/played/{number}")).unwrap();
        let _published = server.hub.publish(&played, description, 0).unwrap();
        // Of the profiles that a browser takes, it gets the stream's own.
        let (first, second) = ("a=rtpmap:103 H264/90000\r\n", "a=rtpmap:107 H264/90000\r\n");
        let both = CHROMIUM
            .replace("a=sendonly", "a=recvonly")
            .replace("packetization-mode=0;profile-level-id=42001f", &own);
        assert!(both.contains(first) && both.contains(second));
        let reply = server.post(&format!("/whep{played}"), &both).await;
        assert_eq!(reply.status, 201, "{profile}: {}", reply.body);
        assert!(reply.body.contains("H264/90000"), "{}", reply.body);
        let is_own = reply.body.to_lowercase().contains(&profile[..4].to_lowercase());
        assert!(is_own, "{profile}: {}", reply.body);
    }
}

#[tokio::test]
async fn vp9_and_av1_of_any_profile_are_played_as_what_they_are() {
    let server = Server::start().await;
    let offer = |codec: &str, profiles: [&str; 2]| {
        let [first, second] = profiles;
        format!(
            "{}m=video 9 UDP/TLS/RTP/SAVPF 35 36\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:AbCd\r\na=ice-pwd:0123456789abcdefghijklmn\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:0\r\na=rtcp-mux\r\na=recvonly\r\n\
             a=rtpmap:35 {codec}/90000\r\na=fmtp:35 {first}\r\na=rtpmap:36 {codec}/90000\r\na=fmtp:36 {second}\r\n",
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n",
            ["AB"; 32].join(":"),
        )
    };
    for (codec, published, expected) in [
        ("VP9", "profile-id=2", "36 VP9"),
        ("VP9", "profile-id=0", "35 VP9"),
        ("VP9", "", "35 VP9"),
        ("AV1", "profile=1", "36 AV1"),
        ("AV1", "level-idx=5", "35 AV1"),
    ] {
        let fmtp = if published.is_empty() {
            String::new()
        } else {
            format!("a=fmtp:96 {published}\r\n")
        };
        let _published = publish(
            &server,
            &format!("m=video 0 RTP/AVP 96\r\na=rtpmap:96 {codec}/90000\r\n{fmtp}"),
        );
        let profiles = match codec {
            "VP9" => ["profile-id=0", "profile-id=2"],
            _ => ["level-idx=5;profile=0;tier=0", "level-idx=5;profile=1;tier=0"],
        };
        let reply = server.post("/whep/a/room/u", &offer(codec, profiles)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        assert!(
            reply.body.contains(&format!("a=rtpmap:{expected}/90000")),
            "{published}: {}",
            reply.body
        );
    }
}
