//! Processes that mix are killed at any time, and go on in the same playlist.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::signal::{Signal, kill};
use protocol::Phase;
use serde_json::json;
use tapedeck_tests::customer::Task;
use tapedeck_tests::dice::Dice;
use tapedeck_tests::mixed::Mixed;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{frames, probe, wait};

use crate::composed::{counters, verdict};
use crate::steps::{self, CAPTURE_LIMIT, now_ms, record_for};

const SEED: u64 = 3;
/// What a killed process may cost, in seconds.
const LOST_AT_MOST: f64 = 2.0;

/// Recordings that are killed, and how often each.
const VICTIMS: u64 = 5;
const KILLS: u64 = 2;

pub(crate) async fn killed_processes_cost_two_seconds_at_most(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "mixedkills");
    let media = Media::numbered_frames().without_delay();
    let mut publisher = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let mut dice = Dice::new(SEED);
    // From one to six seconds and a half behind the second with which each process begins.
    let mut pause = || Duration::from_millis(1_000 + dice.roll() % 5_500);
    let victims: Vec<_> = (0..VICTIMS)
        .map(|number| (number, (0..KILLS).map(|_| pause()).collect::<Vec<_>>()))
        .collect();
    let customer = &customer;
    let victims = victims.into_iter().map(async |(number, pauses)| {
        let (uid, prefix) = ((9000 + number).to_string(), format!("{cname}{number}"));
        let task = customer
            .record_as(&uid, &prefix, "mix", cname, |request| {
                let config = &mut request["recordingConfig"];
                config["transcodingConfig"] = json!({ "width": 320, "height": 180, "mixedVideoLayout": 1 });
                request["recordingFileConfig"]["avFileType"] = json!(["hls", "mp4"]);
            })
            .await;
        let mut kills_ms = Vec::new();
        let (mut killed, mut before) = (None, None);
        for pause in pauses {
            let pid = wait::until("a process that records", CAPTURE_LIMIT, async || {
                stack.recorder(&task.sid).filter(|pid| Some(*pid) != killed)
            })
            .await;
            await_second(stack, &task, before).await;
            tokio::time::sleep(pause).await;
            before = Some(counters(stack, &task).await.frames);
            kills_ms.push(now_ms());
            kill(pid, Signal::SIGKILL).expect("the process records");
            killed = Some(pid);
        }
        await_second(stack, &task, before).await;
        record_for(1).await;
        let verdict = verdict(&counters(stack, &task).await);
        let files = steps::stop(customer, &task).await;
        (task, kills_ms, files, verdict)
    });
    let victims = join_all(victims).await;
    publisher.assert_alive();
    let mut lost = Vec::new();
    for (task, kills_ms, files, verdict) in victims {
        let mixed = Mixed::fetch(&stack.bucket(), &task).await;
        mixed.check().await;
        let starts: Vec<_> = mixed.playlist.entries.iter().map(|entry| entry.discontinuity).collect();
        let mut hls: Vec<Vec<(f64, i64)>> = Vec::new();
        for ((start_ms, slice), discontinuity) in mixed.slices.iter().zip(starts) {
            let pictures = numbered(slice, *start_ms).await;
            match hls.last_mut() {
                Some(run) if !discontinuity => run.extend(pictures),
                _ => hls.push(pictures),
            }
        }
        let mut mp4 = Vec::new();
        for (path, file) in mixed.mp4.iter().zip(&files) {
            mp4.push(numbered(path, file["sliceStartTime"].as_i64().expect("a time")).await);
        }
        for (what, runs) in [("HLS", hls), ("MP4", mp4)] {
            assert_eq!(
                runs.len(),
                kills_ms.len() + 1,
                "{what} of {}: {kills_ms:?}\n{verdict}",
                task.sid
            );
            // When the publisher's frame 0 was made, by what is seen.
            let mut begun: Vec<_> = runs
                .iter()
                .flatten()
                .map(|(at, number)| at - *number as f64 / frames::RATE as f64)
                .collect();
            begun.sort_by(f64::total_cmp);
            let begun = begun[begun.len() / 2];
            for (run, killed_ms) in runs.iter().zip(&kills_ms) {
                let killed = *killed_ms as f64 / 1000.0;
                let (at, number) = run.last().expect("pictures");
                let by_number = begun + *number as f64 / frames::RATE as f64;
                lost.push((what, killed - at, killed - by_number));
                assert!(
                    killed - at <= LOST_AT_MOST && killed - by_number <= LOST_AT_MOST,
                    "{what} of {}: the last picture is of {:.3} s before the kill by its timestamp, {:.3} s by what it shows\n{verdict}",
                    task.sid,
                    killed - at,
                    killed - by_number
                );
                assert!(*at < killed, "nothing is recorded that had not come");
            }
        }
    }
    for what in ["HLS", "MP4"] {
        let of_kind = || lost.iter().filter(|(kind, ..)| *kind == what);
        let worst = of_kind().map(|(_, at, number)| at.max(*number)).fold(0.0, f64::max);
        println!("{what}: {} kills, at most {worst:.3} s lost", of_kind().count());
    }
    assert_eq!(lost.len() as u64, 2 * VICTIMS * KILLS);
}

/// Waits until a process has mixed a second. A report stays the killed process's until its successor has told one, which
/// counts anew; so the count has to be below `before` first.
async fn await_second(stack: &Stack, task: &Task, before: Option<u64>) {
    let mut is_new = before.is_none();
    wait::until(&format!("a second of {}", task.sid), CAPTURE_LIMIT, async || {
        let report = stack.report(&task.sid).await?;
        let frames = report.mix.filter(|_| report.phase == Phase::Recording)?.frames;
        is_new |= before.is_some_and(|before| frames < before);
        (is_new && frames >= 15).then_some(())
    })
    .await;
}

/// When each picture of a file was taken, in Unix seconds by its timestamp, and the number that it shows.
async fn numbered(file: &Path, start_ms: i64) -> Vec<(f64, i64)> {
    let mut times = probe::picture_times(file).await;
    times.sort_by(f64::total_cmp);
    let numbers = frames::numbers(file).await;
    assert_eq!(times.len(), numbers.len(), "{}", file.display());
    let first = times.first().copied().unwrap_or_default();
    let times = times.into_iter().map(|time| start_ms as f64 / 1000.0 + time - first);
    times.zip(numbers).collect()
}
