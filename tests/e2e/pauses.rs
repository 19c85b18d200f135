//! Recordings that are paused, in both modes.

use nix::sys::signal::{Signal, kill};
use protocol::Phase;
use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Reply, Task};
use tapedeck_tests::mixed::Mixed;
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::{Recording, Track};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps::{self, CAPTURE_LIMIT, record_for};

/// Seconds that are recorded before and behind each pause, and that it lasts.
const PART: u64 = 6;
const PAUSE: u64 = 10;
/// Seconds by which what a call does may come later than its answer.
const LATER: f64 = 1.5;

async fn call(customer: &Customer, task: &Task, what: &str) -> Reply {
    customer.post(&task.path(what), &task.stop_body()).await
}

async fn is_paused(customer: &Customer, task: &Task) -> bool {
    let reply = customer.query(task).await.expect(200);
    assert_eq!(reply.body["serverResponse"]["status"], 5, "{}", reply.body);
    reply.body["serverResponse"]["paused"] == true
}

pub(crate) async fn nothing_of_a_pause_is_in_any_file(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "pauses");
    let media = Media::picture_and_tone(320, 180);
    let _user = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let each = customer.record(cname, |_| {}).await;
    let mix = customer
        .record_as("9001", "pausedmix", "mix", cname, |request| {
            request["recordingFileConfig"]["avFileType"] = json!(["hls", "mp4"]);
        })
        .await;
    steps::await_playlists(&customer, &each, 2).await;
    steps::await_playlists(&customer, &mix, 1).await;
    record_for(PART).await;
    for task in [&each, &mix] {
        call(&customer, task, "pause").await.expect(200);
        assert!(is_paused(&customer, task).await);
        call(&customer, task, "pause").await.expect(200);
    }
    // The recorder of one dies in the pause, and the next one keeps to it.
    record_for(PAUSE / 2).await;
    let recorder = stack.recorder(&each.sid).expect("a recorder");
    kill(recorder, Signal::SIGKILL).expect("it is killed");
    wait::until("another recorder", CAPTURE_LIMIT, async || {
        let is_other = stack.recorder(&each.sid).is_some_and(|other| other != recorder);
        let report = stack.report(&each.sid).await?;
        (is_other && report.phase == Phase::Recording).then_some(())
    })
    .await;
    record_for(PAUSE / 2).await;
    for task in [&each, &mix] {
        let reply = call(&customer, task, "resume").await.expect(200);
        assert_eq!(reply.body["serverResponse"]["paused"], Value::Null);
    }
    record_for(PART).await;
    steps::stop(&customer, &each).await;
    steps::stop(&customer, &mix).await;
    assert_eq!(call(&customer, &mix, "pause").await.expect(404).code(), Some(404));

    let bucket = stack.bucket();
    let recording = Recording::fetch(&bucket, &each).await;
    recording.check().await;
    for track in &recording.tracks {
        assert_holds_no_pause(track.file_name(), track.breaks(), &starts_and_lengths(track));
    }
    let mixed = Mixed::fetch(&bucket, &mix).await;
    mixed.check().await;
    let entries = &mixed.playlist.entries;
    let breaks = entries.iter().skip(1).filter(|entry| entry.discontinuity).count();
    let starts = mixed.slices.iter().map(|(start_ms, _)| *start_ms as f64 / 1000.0);
    let slices: Vec<_> = starts.zip(entries.iter().map(|entry| entry.duration)).collect();
    assert_holds_no_pause("the mix", breaks, &slices);
    let [mp4] = &mixed.mp4[..] else {
        panic!("{:?}", mixed.mp4)
    };
    assert_eq!(probe::warnings(mp4).await, "");
    let mut times: Vec<f64> = probe::packets(mp4).await.iter().map(|packet| packet.pts).collect();
    times.sort_by(f64::total_cmp);
    let (lasts, listed) = (times[times.len() - 1] - times[0], mixed.duration());
    assert!(
        (lasts - listed).abs() < 0.2,
        "{lasts} s in the MP4 file, {listed} s in the playlist"
    );
    let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(widest < 0.1, "a hole of {widest} s in the MP4 file");
}

fn starts_and_lengths(track: &Track) -> Vec<(f64, f64)> {
    let slices = track.slices.iter();
    slices
        .map(|slice| (slice.start_ms as f64 / 1000.0, slice.duration))
        .collect()
}

fn assert_holds_no_pause(name: &str, breaks: usize, slices: &[(f64, f64)]) {
    assert_eq!(breaks, 1, "{name}: one discontinuity, at the pause");
    let gaps = slices.windows(2).map(|pair| pair[1].0 - pair[0].0 - pair[0].1);
    let gaps: Vec<f64> = gaps.filter(|gap| *gap > 0.5).collect();
    assert_eq!(gaps.len(), 1, "{name}: {gaps:?}");
    assert!(gaps[0] > PAUSE as f64 - LATER, "{name}: a pause of {} s", gaps[0]);
}
