//! Pictures of users, beside a recording and alone.

use protocol::TrackKind::{Audio, Video};
use serde_json::json;
use tapedeck_tests::frames;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::{Recording, Snapshot, Track, snapshots};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps::{self, CAPTURE_LIMIT, now_ms, record_for};

const INTERVAL_MS: i64 = 5_000;
const FRAME_MS: i64 = 1000 / frames::RATE;
/// Times in names are whole milliseconds, and so are those that they are compared with.
const ROUNDING_MS: i64 = 2;

pub(crate) async fn beside_a_recording(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "beside");
    let _users = [("1", Media::numbered_frames()), ("2", Media::tone_only())]
        .map(|(uid, media)| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs()));
    let task = customer
        .record(cname, |request| {
            request["snapshotConfig"] = json!({ "captureInterval": INTERVAL_MS / 1000, "fileType": ["jpg"] });
        })
        .await;
    steps::await_playlists(&customer, &task, 3).await;
    record_for(17).await;
    let report = stack.report(&task.sid).await.expect("a running recording");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let files = steps::stop(&customer, &task).await;
    assert_eq!(files.len(), 3, "pictures are not among {files:?}");

    let bucket = stack.bucket();
    let pictures = snapshots(&bucket, &task).await;
    let report = stack.report(&task.sid).await.expect("an ended recording");
    let told = report.pictures.expect("pictures are told of");
    assert_eq!(
        (told.taken, told.uploaded),
        (pictures.len() as u64, pictures.len() as u64)
    );
    assert_eq!(told.last.as_ref(), pictures.last().map(|picture| &picture.key));
    assert!(pictures.iter().all(|picture| picture.uid == "1"), "{pictures:?}");
    assert_regular(&pictures);

    let recording = Recording::fetch(&bucket, &task).await;
    recording.check().await;
    assert_eq!(recording.names(), [("1", Audio), ("1", Video), ("2", Audio)]);
    assert_shown(&pictures, recording.track("1", Video)).await;
}

pub(crate) async fn alone_and_only_while_there_is_video(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "alonepictures");
    let media = Media::numbered_frames().without_delay();
    let publish = |uid| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs());
    let (_stays, leaves) = (publish("1"), publish("2"));
    let task = customer
        .record(cname, |request| {
            request
                .as_object_mut()
                .expect("an object")
                .remove("recordingFileConfig");
            request["snapshotConfig"] = json!({ "captureInterval": INTERVAL_MS / 1000, "fileType": ["jpg"] });
        })
        .await;
    let taken = async || stack.report(&task.sid).await?.pictures.map(|pictures| pictures.taken);
    // Each user's first and second one.
    wait::until("four pictures", CAPTURE_LIMIT, async || {
        taken().await.filter(|taken| *taken >= 4).map(|_| ())
    })
    .await;
    let reply = customer.query(&task).await.expect(200);
    let response = &reply.body["serverResponse"];
    assert_eq!(response["status"], 5, "{}", reply.body);
    assert!(
        response["fileList"].is_null() && response["fileListMode"].is_null(),
        "{}",
        reply.body
    );
    leaves.leave().await;
    let left_ms = now_ms();
    record_for(7).await;
    let back_ms = now_ms();
    let _returns = publish("2");
    let bucket = stack.bucket();
    wait::until("two pictures of the new stay", CAPTURE_LIMIT, async || {
        let pictures = snapshots(&bucket, &task).await;
        let new = pictures
            .iter()
            .filter(|picture| picture.uid == "2" && picture.at_ms >= back_ms);
        (new.count() >= 2).then_some(())
    })
    .await;
    let reply = customer.stop(&task).await.expect(200);
    let response = &reply.body["serverResponse"];
    assert_eq!(response["uploadingStatus"], "uploaded", "{}", reply.body);
    assert!(
        response["fileList"].is_null() && response["fileListMode"].is_null(),
        "{}",
        reply.body
    );

    let pictures = snapshots(&bucket, &task).await;
    assert_eq!(
        bucket.keys(&task.prefix).await.len(),
        pictures.len(),
        "nothing but pictures"
    );
    let (stays, leaves): (Vec<_>, Vec<_>) = pictures.into_iter().partition(|picture| picture.uid == "1");
    assert!(stays.len() >= 4, "{stays:?}");
    assert_regular(&stays);
    let (before, after): (Vec<_>, Vec<_>) = leaves.into_iter().partition(|picture| picture.at_ms < back_ms);
    assert_regular(&before);
    assert!(
        before.iter().all(|picture| picture.at_ms <= left_ms),
        "{before:?}, and left at {left_ms}"
    );
    assert_regular(&after);
    // The first one of the new stay shows its first frame, or nearly so.
    assert!(after[0].frame <= 2, "{after:?}");
}

/// One user's pictures without a pause follow at the interval, and so do the frames in them.
fn assert_regular(pictures: &[Snapshot]) {
    for pair in pictures.windows(2) {
        assert_eq!(pair[1].at_ms - pair[0].at_ms, INTERVAL_MS, "{pictures:?}");
    }
    // How late each picture's frame is, with the first one's as the measure.
    let late = |picture: &Snapshot| picture.at_ms - picture.frame * FRAME_MS;
    for picture in pictures {
        let off = (late(picture) - late(&pictures[0])).abs();
        assert!(
            off <= 2 * FRAME_MS + ROUNDING_MS,
            "{picture:?} is {off} ms off: {pictures:?}"
        );
    }
}

/// Each picture is of the frame, or the one next to it, that the recording shows at the time in the picture's name.
async fn assert_shown(pictures: &[Snapshot], video: &Track) {
    assert_eq!(video.breaks(), 0);
    let numbers = frames::numbers(&video.file).await;
    let first_pts = video.slices[0]
        .packets
        .iter()
        .map(|packet| packet.pts)
        .fold(f64::MAX, f64::min);
    let mut times: Vec<_> = video
        .slices
        .iter()
        .flat_map(|slice| &slice.packets)
        .map(|packet| video.slices[0].start_ms + ((packet.pts - first_pts) * 1000.0) as i64)
        .collect();
    times.sort_unstable();
    assert_eq!(times.len(), numbers.len());
    let recorded = times[0]..times[times.len() - 1];
    assert!(
        pictures
            .iter()
            .filter(|picture| recorded.contains(&picture.at_ms))
            .count()
            >= 3
    );
    for picture in pictures.iter().filter(|picture| recorded.contains(&picture.at_ms)) {
        let shown = times
            .partition_point(|time| *time <= picture.at_ms + ROUNDING_MS)
            .saturating_sub(1);
        let off = (picture.frame - numbers[shown]).abs();
        assert!(
            off <= 1,
            "{picture:?} shows frame {}, the recording {}",
            picture.frame,
            numbers[shown]
        );
    }
}
