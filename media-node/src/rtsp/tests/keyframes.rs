//! The way back to publishers. GStreamer's makes a keyframe when it is asked, and hardly one by itself.

use std::time::Duration;

use bytes::Bytes;
use protocol::Secret;

use super::raw::{Client, rtp as media, sender_report};
use super::support::{Process, Server, keys, within};
use crate::capture::tests::request;
use crate::capture::{CaptureRequest, KeyframeWish, open};
use crate::channel::StreamPath;
use crate::hub::{Description, Flow, Limits, Overflow, rtp};
use crate::stream::{StreamEvent, Track};

/// Whether an RTP packet of H.264 has the beginning of a keyframe in it.
fn begins_keyframe(packet: &[u8]) -> bool {
    match rtp::payload(packet) {
        Some([first, ..]) if first & 0x1f == 5 => true,
        Some([first, second, ..]) if first & 0x1f == 28 => second & 0x9f == 0x85,
        _ => false,
    }
}

/// By TCP it passes over what this server tells it.
#[tokio::test]
async fn gstreamer_by_udp_is_asked_for_a_keyframe() {
    let server = Server::start().await;
    let publisher = Process::spawn(
        "gst-launch-1.0",
        &format!(
            "-q rtspclientsink name=sink location={} protocols=udp videotestsrc is-live=true \
             ! video/x-raw,width=320,height=180,framerate=15/1 \
             ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=100000 threads=1 ! h264parse ! sink.sink_0",
            server.url("alice")
        ),
    );
    server.joined(1).await;
    let hub = server.figures.0.hub.clone();
    let publication = hub.find(&StreamPath::parse("/app/room/alice").unwrap()).unwrap();
    let mut player = publication.subscribe(&[0], 1 << 22, Overflow::Drop, true).unwrap();
    let (mut keyframes, mut since) = (0, 0);
    let asking = async {
        while keyframes < 3 {
            let packet = player.packets.next().await.expect("a packet");
            since += 1;
            if packet.flow == Flow::Rtp && begins_keyframe(&packet.payload) {
                (keyframes, since) = (keyframes + 1, 0);
            } else if since > 30 {
                since = 0;
                publication.keyframes.ask();
            }
        }
    };
    within("three keyframes", asking).await;
    publisher.kill().await;
    server.joined(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_publisher_is_told_what_was_lost_and_asked_by_a_player() {
    let server = Server::start().await;
    let url = server.url("u");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    publisher.packet(1, &sender_report(9)).await.unwrap();
    for sequence in [1, 2, 4] {
        publisher.packet(0, &media(sequence, 40)).await.unwrap();
    }
    let mut player = Client::connect(&server).await;
    player.play(&url, "RTP/AVP/TCP;unicast;interleaved=0-1").await;
    let (channel, first) = publisher
        .next_packet()
        .await
        .expect("it is asked because somebody joins");
    assert!(channel == 1 && rtp::wants_keyframe(&first), "{first:?}");
    player.packet(1, &rtp::keyframe_wish(5, 7)).await.unwrap();
    let (mut wishes, mut report) = (0, None);
    while wishes == 0 || report.is_none() {
        let (channel, packet) = publisher.next_packet().await.expect("a packet");
        assert_eq!(channel, 1);
        match rtp::wants_keyframe(&packet) {
            true => wishes += 1,
            false => report = Some(packet),
        }
    }
    let report = report.expect("a report");
    assert_eq!(&report[..2], &[0x81, 201]);
    assert_eq!(&report[8..12], &[0, 0, 0, 7], "of its own source");
    assert_eq!(&report[13..16], &[0, 0, 1], "one packet is lost");
    assert_eq!(&report[24..28], &[0, 9, 0, 0], "it names the sender report");
}

/// A picture each 40 ms, of an encoder that makes a keyframe when it is asked for one and none by itself.
struct Encoder {
    number: u16,
    /// What its clock is ahead by, in ticks.
    ahead: u32,
    asked: bool,
}

impl Encoder {
    const SDP: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2QADazZQUGfnwEQAAADABAAAAMDwPFCmWA=,aOvjyyLA\r\n";

    fn next(&mut self) -> Bytes {
        let mut packet = media(self.number, 12);
        let timestamp = u32::from(self.number) * 3_600 + self.ahead;
        packet[1] |= 0x80;
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        // The beginnings of slices of a whole picture: IDR and P.
        packet.extend(match std::mem::take(&mut self.asked) {
            true => [0x65, 0x88, 0x80, 1],
            false => [0x41, 0x9a, 0x80, 1],
        });
        self.number += 1;
        packet.into()
    }
}

#[tokio::test]
async fn a_recorder_that_leaves_pictures_out_asks_for_a_keyframe() {
    let server = Server::start_with(keys("pub", "play"), Limits::default()).await;
    let hub = server.figures.0.hub.clone();
    let path = StreamPath::parse("/app/room/u").unwrap();
    let description = Description::parse(Encoder::SDP.as_bytes()).unwrap();
    let published = hub.publish(&path, description, 0).unwrap();
    let publication = published.publication.clone();
    let keyframes = KeyframeWish::default();
    let mut events = open(CaptureRequest {
        password: Some(Secret::new("play")),
        keyframes: keyframes.clone(),
        ..request(&server.url("u"), Duration::from_secs(60))
    });
    let mut encoder = Encoder {
        number: 0,
        ahead: 0,
        asked: false,
    };
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    // Each keyframe that is recorded, with whether pictures were left out in front of it.
    let (mut recorded, mut skipped) = (Vec::new(), false);
    let mut since = 0;
    let course = async {
        while recorded.len() < 3 {
            tokio::select! {
                _ = pace.tick() => publication.relay(0, Flow::Rtp, encoder.next()),
                () = publication.keyframes.due() => encoder.asked = true,
                event = events.recv() => match event.unwrap() {
                    StreamEvent::Skipped(Track::Video) => skipped = true,
                    StreamEvent::Unit(Track::Video, picture) => {
                        since += 1;
                        if picture.keyframe {
                            recorded.push(std::mem::take(&mut skipped));
                            since = 0;
                        }
                        match (recorded.len(), since) {
                            // The clock is set anew.
                            (1, 10) => encoder.ahead += 900_000,
                            // Whoever gets the pictures has missed one.
                            (2, 10) => keyframes.ask(),
                            _ => {}
                        }
                    }
                    StreamEvent::Ended(end) => panic!("{end:?}"),
                    _ => {}
                }
            }
        }
    };
    within("three keyframes", course).await;
    assert_eq!(recorded, [false, true, false]);
    // Of a picture that is cut into slices, one more would be asked for by the end of the first.
    assert!(encoder.number < 15 * 25, "{} pictures", encoder.number);
    server.stop().await;
}
