//! From a publisher to playable files in the bucket.

use protocol::TrackKind::{Audio, Video};
use serde_json::{Value, json};
use tapedeck_tests::bucket::Bucket;
use tapedeck_tests::customer::Task;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{playlist, wait};

use crate::steps::{self, CAPTURE_LIMIT, record_for};

pub(crate) async fn ffmpeg_by_tcp_and_udp(stack: &Stack) {
    let (customer, bucket, cname) = (stack.customer(), stack.bucket(), "wholeway");
    let media = Media::picture_and_tone(320, 180);
    let mut users = [("1", Transport::Tcp), ("2", Transport::Udp)]
        .map(|(uid, transport)| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, transport, stack.logs()));
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 4).await;
    await_growing_playlist(&bucket, &task).await;
    record_for(20).await;
    users.iter_mut().for_each(Publisher::assert_alive);

    let files = steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&bucket, &task).await;
    assert_eq!(
        recording.names(),
        [("1", Audio), ("1", Video), ("2", Audio), ("2", Video)]
    );
    assert_listed(&files, &task, &recording);
    recording.check().await;
    for track in &recording.tracks {
        assert!(track.slices.len() >= 2, "{}: one slice only", track.file_name());
        assert!(track.duration() > 30.0, "{}: {} s", track.file_name(), track.duration());
        assert_eq!(track.breaks(), 0, "{}", track.file_name());
        let tags = &track.playlist.entries[0].tags;
        assert!(
            tags.iter().any(|tag| tag.contains("TRACK-EVENT:EVENT=START")),
            "{}: {tags:?}",
            track.file_name()
        );
    }
    let tags = &recording.track("1", Video).playlist.entries[0].tags;
    assert!(
        tags.iter()
            .any(|tag| tag.contains("ROTATE:WIDTH=320,HEIGHT=180,ROTATE=0")),
        "{tags:?}"
    );
}

/// While it is recorded, a playlist names slices that are in the bucket, and is not ended.
async fn await_growing_playlist(bucket: &Bucket, task: &Task) {
    let (key, playlist) = wait::until("a playlist in the bucket", CAPTURE_LIMIT, async || {
        let keys = bucket.keys(&task.prefix).await;
        let key = keys.into_iter().find(|key| key.ends_with(".m3u8"))?;
        let text = String::from_utf8(bucket.get(&key).await?.data).expect("a playlist is text");
        Some((key, playlist::parse(&text).expect("a playlist")))
    })
    .await;
    assert!(!playlist.ended, "{key} is still growing");
    for entry in playlist.entries {
        let slice = format!("{}{}", task.prefix, entry.name);
        assert!(
            bucket.get(&slice).await.is_some(),
            "{key} names {slice} before it is in the bucket"
        );
    }
}

/// The answer of stop names exactly the playlists that are in the bucket.
fn assert_listed(files: &[Value], task: &Task, recording: &Recording) {
    assert_eq!(files.len(), recording.tracks.len());
    for track in &recording.tracks {
        let key = format!("{}{}", task.prefix, track.file_name());
        let file = files.iter().find(|file| file["fileName"] == key.as_str());
        let file = file.unwrap_or_else(|| panic!("{key} is not among {files:?}"));
        assert_eq!(file["filename"], file["fileName"]);
        let kind = if track.name.kind == Audio { "audio" } else { "video" };
        let said = json!([file["uid"], file["trackType"], file["mixedAllUser"], file["isPlayable"]]);
        assert_eq!(said, json!([track.name.uid, kind, false, true]), "{key}");
        assert_eq!(file["sliceStartTime"].as_i64(), Some(track.slices[0].start_ms), "{key}");
    }
}

pub(crate) async fn gstreamer(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "gstreamer");
    let mut users = [("1", Transport::Tcp), ("2", Transport::Udp)]
        .map(|(uid, transport)| Publisher::gstreamer(&stack.publish_url(cname, uid), transport, stack.logs()));
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 4).await;
    record_for(18).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    assert_eq!(
        recording.names(),
        [("1", Audio), ("1", Video), ("2", Audio), ("2", Video)]
    );
    recording.check().await;
    for track in &recording.tracks {
        let (seconds, breaks) = (track.duration(), track.breaks());
        assert!(
            seconds > 15.0 && breaks == 0,
            "{}: {seconds} s, {breaks} breaks",
            track.file_name()
        );
    }
}

pub(crate) async fn an_update_changes_whom_is_recorded(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "updates");
    let media = Media::picture_and_tone(320, 180);
    let _users =
        ["1", "2"].map(|uid| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs()));
    let task = customer
        .record(cname, |request| {
            request["recordingConfig"]["subscribeAudioUids"] = json!(["1"]);
        })
        .await;
    steps::await_playlists(&customer, &task, 1).await;
    let update = json!({ "cname": task.cname, "uid": task.uid, "clientRequest": { "streamSubscribe": {
        "videoUidList": { "subscribeVideoUids": ["2"] },
    }}});
    let reply = customer.post(&task.path("update"), &update).await.expect(200);
    assert_eq!(reply.text("sid"), task.sid);
    steps::await_playlists(&customer, &task, 2).await;
    let files = steps::stop(&customer, &task).await;
    let tracks: Vec<_> = files
        .iter()
        .map(|file| (file["uid"].as_str(), file["trackType"].as_str()))
        .collect();
    assert_eq!(tracks, [(Some("1"), Some("audio")), (Some("2"), Some("video"))]);
}

pub(crate) async fn subscriptions_and_agoras_own_extinf(stack: &Stack) {
    let (customer, bucket, cname) = (stack.customer(), stack.bucket(), "subscriptions");
    let media = Media::picture_and_tone(320, 180);
    let _users = ["1", "2", "3"]
        .map(|uid| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs()));
    let task = customer
        .record(cname, |request| {
            let config = &mut request["recordingConfig"];
            config["subscribeAudioUids"] = json!(["1"]);
            config["unSubscribeVideoUids"] = json!(["1", "3"]);
            config["privateParams"] = json!("{\"correctEXTINF\":false}");
        })
        .await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(5).await;
    let files = steps::stop(&customer, &task).await;
    let mut tracks: Vec<_> = files
        .iter()
        .map(|file| (file["uid"].as_str(), file["trackType"].as_str()))
        .collect();
    tracks.sort_unstable();
    assert_eq!(tracks, [(Some("1"), Some("audio")), (Some("2"), Some("video"))]);
    for file in files {
        let key = file["fileName"].as_str().expect("a name");
        let text = String::from_utf8(bucket.get(key).await.expect("the playlist").data).expect("text");
        let mut lines = text.lines().filter(|line| line.starts_with("#EXTINF:"));
        assert!(lines.all(|line| !line.ends_with(',')), "{key}:\n{text}");
        let strict: String = text
            .lines()
            .map(|line| {
                if line.starts_with("#EXTINF:") {
                    format!("{line},\n")
                } else {
                    format!("{line}\n")
                }
            })
            .collect();
        assert!(
            !playlist::parse(&strict)
                .expect("a playlist but for the commas")
                .entries
                .is_empty()
        );
    }
}
