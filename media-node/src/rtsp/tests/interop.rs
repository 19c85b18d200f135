//! Publishers and players of other makers, over TCP and UDP.

use protocol::StreamName;
use retina::client::{Transport, UdpTransportOptions};

use super::support::{Process, Server, ffmpeg_publish, ffprobe, gst_plays, gst_publish, retina, take_packets, tcp};

/// Every player plays what `publisher` sends to `uid`.
async fn everybody_plays(server: Server, publisher: Process, uid: &str) {
    let roster = server.joined(1).await;
    assert_eq!(roster.users[0].uid, uid);
    assert_eq!(roster.users[0].streams[0].name, StreamName::Camera);
    let url = server.url(uid);
    assert_eq!(roster.users[0].streams[0].url, url);

    let mut by_tcp = retina(&url, tcp(), None).await;
    assert_eq!(take_packets(&mut by_tcp, 100).await, 0, "packets were lost over TCP");
    let mut by_udp = retina(&url, Transport::Udp(UdpTransportOptions::default()), None).await;
    take_packets(&mut by_udp, 100).await;
    drop(by_udp);

    for transport in ["tcp", "udp"] {
        let mut codecs = ffprobe(&url, transport)
            .await
            .unwrap_or_else(|error| panic!("{transport}: {error}"));
        codecs.sort();
        assert_eq!(codecs, ["aac", "h264"], "{transport}");
        gst_plays(&url, transport).await;
    }
    assert_eq!(take_packets(&mut by_tcp, 100).await, 0, "packets were lost over TCP");
    publisher.kill().await;
    server.joined(0).await;
    server.stop().await;
}

#[tokio::test]
async fn ffmpeg_publishes_by_tcp() {
    let server = Server::start().await;
    let publisher = ffmpeg_publish(&server.url("1001"), "tcp");
    everybody_plays(server, publisher, "1001").await;
}

#[tokio::test]
async fn ffmpeg_publishes_by_udp() {
    let server = Server::start().await;
    let publisher = ffmpeg_publish(&server.url("1001"), "udp");
    everybody_plays(server, publisher, "1001").await;
}

#[tokio::test]
async fn gstreamer_publishes_by_tcp() {
    let server = Server::start().await;
    let publisher = gst_publish(&server.url("alice"), "tcp", "");
    everybody_plays(server, publisher, "alice").await;
}

#[tokio::test]
async fn gstreamer_publishes_by_udp() {
    let server = Server::start().await;
    let publisher = gst_publish(&server.url("alice"), "udp", "");
    everybody_plays(server, publisher, "alice").await;
}

#[tokio::test]
async fn other_codecs_are_played_as_they_come() {
    for (coding, codec) in [
        (
            "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:pools=1",
            "hevc",
        ),
        ("-c:v libvpx -deadline realtime -cpu-used 8", "vp8"),
        (
            "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -pix_fmt yuv420p -strict experimental",
            "vp9",
        ),
        ("-c:v mjpeg -huffman default -pix_fmt yuvj420p", "mjpeg"),
    ] {
        let server = Server::start().await;
        let url = server.url("1001");
        let arguments = format!(
            "-nostdin -v error -re -f lavfi -i testsrc2=size=320x176:rate=15 -g 15 {coding} -f rtsp -rtsp_transport tcp {url}"
        );
        let publisher = Process::spawn("ffmpeg", &arguments);
        server.joined(1).await;
        let mut player = retina(&url, tcp(), None).await;
        assert_eq!(take_packets(&mut player, 50).await, 0, "{codec}: packets were lost");
        assert_eq!(ffprobe(&url, "tcp").await, Ok(vec![codec.to_owned()]));
        publisher.kill().await;
        server.stop().await;
    }
}
