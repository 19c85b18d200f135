//! Audio and video of one user keep together.

use protocol::TrackKind::{Audio, Video};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::{Recording, Track};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::sync::{beeps, flashes, offsets};

use crate::steps::{self, record_for};

/// What a viewer does not notice, in seconds.
const TOGETHER: f64 = 0.080;
/// One AAC frame: what becomes of Opus is not further off than that.
const TOGETHER_IN_OPUS: f64 = 1024.0 / 48_000.0;

pub(crate) async fn audio_and_video_keep_together(stack: &Stack) {
    let seconds = if steps::is_soak() { 180 } else { 40 };
    let (customer, cname) = (stack.customer(), "flashandbeep");
    let (aac, opus) = (Media::flash_and_beep(), Media::flash_and_opus_beep());
    let dir = tempfile::tempdir().expect("a directory");
    let file = steps::make_file(dir.path(), "opus.mkv", &opus.file_options(seconds + 60)).await;
    let url = |uid| stack.publish_url(cname, uid);
    let mut users = [
        Publisher::ffmpeg(&url("1"), &aac, Transport::Tcp, stack.logs()),
        Publisher::ffmpeg(&url("2"), &aac, Transport::Udp, stack.logs()),
        Publisher::ffmpeg(&url("3"), &opus, Transport::Tcp, stack.logs()),
        Publisher::gstreamer_file(&url("4"), &file, Transport::Tcp, stack.logs()),
    ];
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 8).await;
    record_for(seconds).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    recording.check().await;
    let limits = [
        ("1", TOGETHER),
        ("2", TOGETHER),
        ("3", TOGETHER_IN_OPUS),
        ("4", TOGETHER_IN_OPUS),
    ];
    for (uid, limit) in limits {
        let (audio, video) = (recording.track(uid, Audio), recording.track(uid, Video));
        let apart = epoch(audio) - epoch(video);
        assert!(
            apart.abs() < 0.003,
            "{uid}: by names and timestamps the tracks' time lines are {apart:.6} s apart"
        );
        let offsets = offsets(&flashes(&video.file).await, &beeps(&audio.file).await);
        assert!(
            offsets.len() as u64 + 3 >= seconds,
            "{uid}: {} events in {seconds} s",
            offsets.len()
        );
        let worst = offsets
            .iter()
            .copied()
            .max_by(|a, b| a.abs().total_cmp(&b.abs()))
            .unwrap_or_default();
        println!(
            "uid {uid}: {} events, worst offset {:.1} ms",
            offsets.len(),
            worst * 1000.0
        );
        assert!(worst.abs() <= limit, "{uid}: {offsets:?}");
    }
}

/// The wall-clock time at which the timestamps inside the slices are 0, in seconds.
fn epoch(track: &Track) -> f64 {
    let slice = &track.slices[0];
    let first = slice.packets.iter().map(|packet| packet.pts).fold(f64::MAX, f64::min);
    slice.start_ms as f64 / 1000.0 - first
}
