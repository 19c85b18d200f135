//! Publishers that leave, die, or come back.

use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::support::{Server, ffmpeg_publish_file, ffprobe, gst_play, retina, sample, take_packets, tcp, within};

/// From the publisher's death to the player's end; far below any time-out of either side.
const PROMPTLY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn players_get_the_end_when_the_publisher_dies() {
    let server = Server::start().await;
    let publisher = ffmpeg_publish_file(sample().await, &server.url("u"));
    server.joined(1).await;
    let mut player = retina(&server.url("u"), tcp(), None).await;
    let mut by_udp = gst_play(&server.url("u"), "udp");
    by_udp.says(&[("(video:sink)", 30), ("(audio:sink)", 60)]).await;

    let died = Instant::now();
    publisher.kill().await;
    server.joined(0).await;
    let end = async { while player.next().await.is_some_and(|item| item.is_ok()) {} };
    within("the end of the stream", end).await;
    let by_udp = by_udp.output().await;
    assert!(
        by_udp.status.success(),
        "over UDP: {}",
        String::from_utf8_lossy(&by_udp.stderr)
    );
    assert!(died.elapsed() < PROMPTLY, "the end took {:?}", died.elapsed());
    let error = ffprobe(&server.url("u"), "tcp").await.unwrap_err();
    assert!(error.contains("404"), "{error}");
}

#[tokio::test]
async fn who_comes_back_takes_over() {
    let server = Server::start().await;
    let first = ffmpeg_publish_file(sample().await, &server.url("u"));
    let before = server.joined(1).await;
    let mut player = retina(&server.url("u"), tcp(), None).await;
    take_packets(&mut player, 20).await;

    let second = ffmpeg_publish_file(sample().await, &server.url("u"));
    let after = server.roster(|roster| roster.version != before.version).await;
    assert_eq!(after.users.len(), 1);
    assert_eq!(
        after.users[0].joined_at_ms, before.users[0].joined_at_ms,
        "the user never left"
    );
    assert_ne!(
        after.users[0].streams[0].publication,
        before.users[0].streams[0].publication
    );
    assert!(!first.ended().await.success(), "the first publisher was not told");
    let end = async { while player.next().await.is_some_and(|item| item.is_ok()) {} };
    within("the end of the first publication", end).await;

    let mut again = retina(&server.url("u"), tcp(), None).await;
    assert_eq!(take_packets(&mut again, 50).await, 0);
    assert_eq!(server.registry.snapshot("app", "room"), after);
    second.kill().await;
    server.joined(0).await;
}
