//! Cameras of others' making, in each way that they are reached, and a server that passes one on.

use std::path::Path;

use protocol::TrackKind::{Audio, Video};
use serde_json::json;
use tapedeck_tests::bucket::Bucket;
use tapedeck_tests::camera::{self, Asks, Camera};
use tapedeck_tests::customer::Task;
use tapedeck_tests::mediamtx::{Mediamtx, path};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;
use tokio::process::{Child, Command};

use crate::steps::{self, CAPTURE_LIMIT, record_for};

pub(crate) async fn each_way_to_a_camera_is_taken(stack: &Stack) {
    let dir = tempfile::tempdir().expect("a directory");
    let (certificate, fingerprint) = camera::self_signed(dir.path()).await;
    let login = Some("admin:hunter2");
    let certificate = Some(certificate.as_path());
    let open = Camera::start(Asks {
        rare: true,
        ..Asks::default()
    })
    .await;
    let plain = Camera::start(Asks {
        login,
        ..Asks::default()
    })
    .await;
    let secure = Camera::start(Asks {
        login,
        certificate,
        also: Some("/rooms/served/1"),
        ..Asks::default()
    })
    .await;
    let datagrams = Camera::start(Asks {
        udp: true,
        rare: true,
        ..Asks::default()
    })
    .await;
    // Whoever comes when a camera has begun gets no picture, unless it is asked for a key frame.
    let _watchers = [
        watch(&open, "tcp", dir.path()).await,
        watch(&datagrams, "udp", dir.path()).await,
    ];
    let streams = json!({
        "plain": format!("rtsp://admin:hunter2@127.0.0.1:{}/live", plain.port),
        "secure": format!("rtsps://admin:hunter2@127.0.0.1:{}/live#sha256={fingerprint}", secure.port),
        "tunnel": format!("rtsp+http://127.0.0.1:{}/live", open.port),
        "datagrams": format!("rtsp://127.0.0.1:{}/live", datagrams.port),
        "stranger": format!("rtsps://admin:hunter2@127.0.0.1:{}/live", secure.port),
    });
    let customer = stack
        .new_app(&json!({ "source": { "type": "static", "streams": streams } }))
        .await;
    let task = customer.record("cameras", |_| {}).await;
    let server = Mediamtx::start("admin:hunter2").await;
    let now = Some("2024-03-01T09:00:05Z");
    server.set(vec![
        path("rooms/served/1", now),
        path("rooms/served/nobody", None),
        path("rooms/other/2", now),
    ]);
    let source = json!({
        "type": "mediamtx", "api": server.url, "credentials": "admin:hunter2", "path": "rooms/{channel}",
        "rtsp": format!("rtsps://127.0.0.1:{}#sha256={fingerprint}", secure.port),
    });
    let served_customer = stack.new_app(&json!({ "source": source })).await;
    let served = served_customer.record("served", |_| {}).await;
    steps::await_playlists(&customer, &task, 8).await;
    steps::await_playlists(&served_customer, &served, 2).await;
    let told = wait::until("what is wrong with the certificate", CAPTURE_LIMIT, async || {
        let problems = stack.report(&task.sid).await?.problems;
        problems
            .into_iter()
            .find(|problem| problem.message.contains("stranger"))
    })
    .await;
    assert!(told.message.contains(&format!("#sha256={fingerprint}")), "{told:?}");
    assert!(!told.message.contains("hunter2"), "{told:?}");
    record_for(10).await;
    steps::stop(&customer, &task).await;
    steps::stop(&served_customer, &served).await;

    check(&stack.bucket(), &task, &["plain", "secure", "tunnel", "datagrams"]).await;
    check(&stack.bucket(), &served, &["1"]).await;
}

/// Each of these users, and nobody else, is in whole files.
async fn check(bucket: &Bucket, task: &Task, uids: &[&str]) {
    let recording = Recording::fetch(bucket, task).await;
    recording.check().await;
    assert_eq!(recording.tracks.len(), 2 * uids.len());
    for uid in uids {
        for kind in [Audio, Video] {
            let track = recording.track(uid, kind);
            assert!(
                track.duration() > 8.0 && track.breaks() == 0,
                "{}: {} s",
                track.file_name(),
                track.duration()
            );
        }
    }
}

/// Somebody who gets a camera's media.
async fn watch(camera: &Camera, transport: &str, dir: &Path) -> Child {
    let file = dir.join(format!("{}.ts", camera.port));
    let url = format!("rtsp://127.0.0.1:{}/live", camera.port);
    let child = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-rtsp_transport", transport, "-i", &url])
        .args(["-c", "copy", "-flush_packets", "1", "-f", "mpegts"])
        .arg(&file)
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg runs");
    wait::until("the camera is watched", CAPTURE_LIMIT, async || {
        file.metadata().is_ok_and(|file| file.len() > 0).then_some(())
    })
    .await;
    child
}
