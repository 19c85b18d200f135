//! Users come, go, break off and change while they are recorded.

use protocol::TrackKind::{self, Audio, Video};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::{Recording, Track};
use tapedeck_tests::stack::Stack;

use crate::steps::{self, now_ms, record_for};

/// What may wait in a publisher and on its way to the node when the machine is busy, in seconds.
const IN_FLIGHT: f64 = 1.5;

pub(crate) async fn a_killed_publisher_comes_back(stack: &Stack) {
    let cname = "killed";
    let (recording, killed_ms) = interrupted(stack, cname, async |publisher| {
        publisher.kill().await;
        now_ms()
    })
    .await;
    for kind in [Audio, Video] {
        let track = recording.track("1", kind);
        let before = assert_two_parts(track);
        let wanted = (killed_ms - track.slices[0].start_ms) as f64 / 1000.0;
        assert!(
            before >= wanted - IN_FLIGHT,
            "{}: {before} s recorded of {wanted} s before the kill",
            track.file_name()
        );
    }
}

pub(crate) async fn a_user_leaves_and_returns(stack: &Stack) {
    let (recording, ()) = interrupted(stack, "returns", Publisher::leave).await;
    for kind in [Audio, Video] {
        assert_two_parts(recording.track("1", kind));
    }
}

/// Records a user for some seconds, interrupts it, and records it again.
async fn interrupted<T>(stack: &Stack, cname: &str, end: impl AsyncFnOnce(Publisher) -> T) -> (Recording, T) {
    let customer = stack.customer();
    let media = Media::picture_and_tone(320, 180).without_delay();
    let publish = || Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let publisher = publish();
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(6).await;
    let ended = end(publisher).await;
    record_for(3).await;
    let mut publisher = publish();
    record_for(8).await;
    publisher.assert_alive();
    steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    assert_eq!(recording.names(), [("1", Audio), ("1", Video)]);
    recording.check().await;
    (recording, ended)
}

/// The track has a first part without a hole and a second behind a discontinuity, each begun by an event. Gives the first
/// part's duration in seconds.
fn assert_two_parts(track: &Track) -> f64 {
    assert_eq!(track.breaks(), 1, "{}", track.file_name());
    let (before, after) = track.parts();
    let starts = |index: usize| {
        track.playlist.entries[index]
            .tags
            .iter()
            .any(|tag| tag.contains("TRACK-EVENT:EVENT=START"))
    };
    assert!(
        starts(0) && starts(before.len()),
        "{}: {:?}",
        track.file_name(),
        track.playlist
    );
    assert_without_holes(track);
    let sum = |slices: &[tapedeck_tests::recorded::Slice]| slices.iter().map(|slice| slice.duration).sum::<f64>();
    assert!(
        sum(after) > 4.0,
        "{}: {} s after the return",
        track.file_name(),
        sum(after)
    );
    sum(before)
}

fn assert_without_holes(track: &Track) {
    let frame = track.frame();
    let worst = track.steps().into_iter().fold(0.0, f64::max);
    assert!(
        worst < 1.5 * frame,
        "{}: {worst} s from one frame to the next, of {frame} s each",
        track.file_name()
    );
}

pub(crate) async fn a_user_joins_late(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "late");
    let media = Media::picture_and_tone(320, 180).without_delay();
    let publish = |uid| Publisher::ffmpeg(&stack.publish_url(cname, uid), &media, Transport::Tcp, stack.logs());
    let _first = publish("1");
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(4).await;
    let joined_ms = now_ms();
    let _second = publish("2");
    steps::await_playlists(&customer, &task, 4).await;
    record_for(5).await;
    steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    recording.check().await;
    for kind in [Audio, Video] {
        let (first, second) = (recording.track("1", kind), recording.track("2", kind));
        assert!(second.slices[0].start_ms >= joined_ms, "{}", second.file_name());
        assert!(
            first.duration() > second.duration() + 3.0,
            "{} s, {} s",
            first.duration(),
            second.duration()
        );
        assert_eq!(
            first.breaks(),
            0,
            "{}: another's joining is no interruption",
            first.file_name()
        );
    }
}

pub(crate) async fn the_resolution_changes(stack: &Stack) {
    let (customer, cname, dir) = (
        stack.customer(),
        "resolution",
        tempfile::tempdir().expect("a directory"),
    );
    // Two coded streams behind one another in one transport stream: the parameter sets change in-band.
    let mut whole = Vec::new();
    for (size, offset, duration) in [("320x180", 0, 10), ("640x360", 10, 30)] {
        let options = format!(
            "-f lavfi -i testsrc2=size={size}:rate=25:duration={duration} -c:v libx264 -preset ultrafast -g 25 \
             -output_ts_offset {offset} -muxdelay 0 -f mpegts"
        );
        let file = steps::make_media(dir.path(), size, &options).await;
        whole.extend(std::fs::read(file).expect("a file"));
    }
    let file = dir.path().join("whole.ts");
    std::fs::write(&file, whole).expect("a file");
    let media = Media::file(file.to_str().expect("UTF-8"));
    let mut publisher = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 1).await;
    record_for(15).await;
    publisher.assert_alive();
    steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    recording.check().await;
    assert_eq!(recording.names(), [("1", Video)]);
    let track = recording.track("1", Video);
    let mut sizes = Vec::new();
    for slice in &track.slices {
        let streams = probe::streams(&slice.file).await;
        sizes.push((streams[0].width, streams[0].height));
    }
    assert_eq!(sizes.first(), Some(&(320, 180)), "{sizes:?}");
    let change = sizes
        .iter()
        .position(|size| *size == (640, 360))
        .expect("the second size is recorded");
    let entry = &track.playlist.entries[change];
    assert!(entry.discontinuity, "{entry:?}");
    assert!(
        entry.tags.iter().any(|tag| tag.contains("ROTATE:WIDTH=640,HEIGHT=360")),
        "{entry:?}"
    );
}

pub(crate) async fn audio_only_and_video_only(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "halves");
    let users: [(&str, Media, TrackKind); 2] = [
        ("1", Media::tone_only(), Audio),
        ("2", Media::picture_only(320, 180), Video),
    ];
    let _publishers = users
        .each_ref()
        .map(|(uid, media, _)| Publisher::ffmpeg(&stack.publish_url(cname, uid), media, Transport::Tcp, stack.logs()));
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(6).await;
    steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    assert_eq!(recording.names(), users.map(|(uid, _, kind)| (uid, kind)));
    recording.check().await;
    assert!(recording.tracks.iter().all(|track| track.duration() > 4.0));
}
