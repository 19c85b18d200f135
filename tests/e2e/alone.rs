//! The node without an edge: `media-node record`.

use protocol::TrackKind::{Audio, Video};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::{Stack, node_program};
use tapedeck_tests::wait;
use tokio::process::Command;

use crate::steps::CAPTURE_LIMIT;

pub(crate) async fn streams_are_recorded_into_a_directory(stack: &Stack) {
    let urls = ["1", "2"].map(|uid| stack.publish_url("alone", uid));
    let media = Media::picture_and_tone(320, 180);
    let _users = urls
        .each_ref()
        .map(|url| Publisher::ffmpeg(url, &media, Transport::Tcp, stack.logs()));
    for url in &urls {
        await_playable(url).await;
    }
    let out = tempfile::tempdir().expect("a directory");
    let output = Command::new(node_program())
        .args([
            "record",
            "--duration",
            "20s",
            "--url",
            &urls[0],
            "--uid",
            "alice",
            "--url",
            &urls[1],
            "--uid",
            "bob",
        ])
        .arg("--out")
        .arg(out.path())
        .kill_on_drop(true)
        .output()
        .await
        .expect("media-node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let recording = Recording::read(out.path()).await;
    assert_eq!(
        recording.names(),
        [("alice", Audio), ("alice", Video), ("bob", Audio), ("bob", Video)]
    );
    recording.check().await;
    for track in &recording.tracks {
        assert!(
            track.duration() > 15.0 && track.breaks() == 0,
            "{}: {} s",
            track.file_name(),
            track.duration()
        );
    }
}

async fn await_playable(url: &str) {
    wait::until(&format!("{url} can be played"), CAPTURE_LIMIT, async || {
        let probe = Command::new("ffprobe")
            .args(["-v", "quiet", "-rtsp_transport", "tcp", url])
            .status()
            .await;
        probe.expect("ffprobe runs").success().then_some(())
    })
    .await;
}
