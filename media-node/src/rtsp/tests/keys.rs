//! Publish and play keys, in each way in which clients bring them.

use super::support::{Server, ffmpeg_publish, ffprobe, gst_plays, gst_publish, keys, retina, take_packets, tcp};
use crate::hub::Limits;

#[tokio::test]
async fn ffmpeg_brings_keys_in_the_query_or_as_password() {
    let server = Server::start_with(keys("pub-key", "play/key="), Limits::default()).await;
    let by_query = ffmpeg_publish(&server.url("1?key=pub-key"), "tcp");
    let by_login = ffmpeg_publish(&server.url_with_login("me:pub-key", "2"), "udp");
    server.joined(2).await;
    let play = "play%2Fkey%3D";
    for url in [
        server.url(&format!("1?key={play}")),
        server.url_with_login(&format!("me:{play}"), "2"),
    ] {
        for transport in ["tcp", "udp"] {
            assert_eq!(
                ffprobe(&url, transport).await.as_deref(),
                Ok(&["h264".into(), "aac".into()][..]),
                "{url}"
            );
        }
    }
    by_query.kill().await;
    by_login.kill().await;
}

#[tokio::test]
async fn gstreamer_brings_keys_in_the_query_or_as_password() {
    let server = Server::start_with(keys("pub-key", "play-key"), Limits::default()).await;
    let by_query = gst_publish(&server.url("1?key=pub-key"), "tcp", "");
    let by_login = gst_publish(&server.url("2"), "tcp", "user-id=me user-pw=pub-key");
    server.joined(2).await;
    for url in [server.url("1?key=play-key"), server.url_with_login("me:play-key", "2")] {
        gst_plays(&url, "tcp").await;
    }
    by_query.kill().await;
    by_login.kill().await;
}

#[tokio::test]
async fn without_the_right_key_nobody_publishes_or_plays() {
    let server = Server::start_with(keys("pub-key", "play-key"), Limits::default()).await;
    let refused = [
        ffmpeg_publish(&server.url("x"), "tcp"),
        ffmpeg_publish(&server.url("x?key=play-key"), "tcp"),
        ffmpeg_publish(&server.url_with_login("me:wrong", "x"), "tcp"),
        gst_publish(&server.url("x"), "tcp", ""),
    ];
    for publisher in refused {
        assert!(!publisher.ended().await.success());
    }
    assert_eq!(server.registry.snapshot("app", "room").version, 0, "somebody got in");

    let publisher = ffmpeg_publish(&server.url("u?key=pub-key"), "tcp");
    server.joined(1).await;
    for tail in ["u", "u?key=pub-key", "u?key="] {
        let error = ffprobe(&server.url(tail), "tcp").await.unwrap_err();
        assert!(error.contains("401"), "{tail}: {error}");
    }
    let mut recorder = retina(&server.url("u"), tcp(), Some("play-key")).await;
    assert_eq!(take_packets(&mut recorder, 50).await, 0);
    publisher.kill().await;
}
