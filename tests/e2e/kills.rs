//! Processes of recordings that are killed at random times: the supervisor brings each back on its spool.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use protocol::Phase;
use protocol::TrackKind::{Audio, Video};
use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::dice::Dice;
use tapedeck_tests::playlist::{self, Playlist};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::{Recording, parse_utc};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps;

const SEED: u64 = 5;
/// What a kill may cost, in seconds of media.
const LOST_AT_MOST: f64 = 2.0;
/// How long it takes until another process is there.
const BACK_WITHIN: Duration = Duration::from_secs(1);
/// The time between two kills of one recording: a process that has not recorded anything leaves no trace to count.
const APART_MS: u64 = 4_000;
const ASK_EVERY: Duration = Duration::from_millis(300);
const POLL: Duration = Duration::from_millis(5);

pub(crate) async fn recorders_come_back(stack: &mut Stack) {
    let _turn = crate::TURN.lock().await;
    let (recordings, kills_each, seconds) = if steps::is_soak() { (10, 10, 400) } else { (4, 3, 30) };
    let customer = stack.customer();
    let media = Media::picture_and_tone(320, 180).without_delay();
    let (mut publishers, mut tasks) = (Vec::new(), Vec::new());
    for index in 0..recordings {
        let cname = format!("kills{index}");
        let url = stack.publish_url(&cname, "1");
        publishers.push(Publisher::ffmpeg(&url, &media, Transport::Tcp, stack.logs()));
        // One of four recordings is a mix.
        tasks.push(if index % 4 == 3 {
            customer.record_in("mix", &cname, as_mix).await
        } else {
            customer.record(&cname, |_| {}).await
        });
    }
    for task in &tasks {
        wait::until("media of the recording", steps::CAPTURE_LIMIT, async || {
            let report = stack.report(&task.sid).await?;
            let playlists = if task.mode == "mix" { 1 } else { 2 };
            (report.phase == Phase::Recording && report.files.len() == playlists).then_some(())
        })
        .await;
    }

    let refused = Arc::<Mutex<Vec<String>>>::default();
    let asking = tokio::spawn(keep_asking(customer.clone(), tasks.clone(), Arc::clone(&refused)));
    let mut dice = Dice::new(SEED);
    let mut plan: Vec<_> = (0..tasks.len())
        .flat_map(|index| {
            let moments = dice.moments(kills_each, seconds * 1000, APART_MS);
            moments.into_iter().map(move |moment| (moment, index))
        })
        .collect();
    plan.sort_unstable();
    let mut confirmed = vec![BTreeSet::new(); tasks.len()];
    let mut absences = Vec::new();
    let begin = Instant::now();
    for (moment, index) in &plan {
        tokio::time::sleep(Duration::from_millis(*moment).saturating_sub(begin.elapsed())).await;
        confirmed[*index].extend(stack.bucket().keys(&tasks[*index].prefix).await);
        absences.push(kill_recorder(stack, &tasks[*index].sid).await);
    }
    steps::record_for(5).await;
    asking.abort();
    assert_eq!(
        *refused.lock().expect("no panic holds it"),
        [""; 0],
        "a query was refused"
    );
    publishers.iter_mut().for_each(Publisher::assert_alive);
    let restarts = stack.node_metric("tapedeck_recorder_restarts_total").await;
    assert_eq!(restarts as usize, plan.len(), "each death is counted");

    let mut losses = Vec::new();
    for (task, confirmed) in tasks.iter().zip(&confirmed) {
        if task.mode == "mix" {
            customer.stop(task).await.expect(200);
            losses.extend(check_mix(stack, task, kills_each, confirmed).await);
        } else {
            steps::stop(&customer, task).await;
            losses.extend(check_individual(stack, task, kills_each, confirmed).await);
        }
    }
    absences.sort_unstable();
    losses.sort_by(f64::total_cmp);
    let (absent, lost) = (absences.last(), losses.last());
    println!(
        "{} kills of {recordings} recordings, seed {SEED}: away for {:?} in the middle and {absent:?} at most; lost {:?} s in \
         the middle and {lost:?} s at most",
        plan.len(),
        absences.get(absences.len() / 2),
        losses.get(losses.len() / 2),
    );
    assert!(absent <= Some(&BACK_WITHIN), "{absences:?}");
    assert!(lost.is_some_and(|lost| *lost <= LOST_AT_MOST), "{losses:?}");
}

fn as_mix(request: &mut Value) {
    let picture = json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 300, "mixedVideoLayout": 1 });
    steps::mix_to(request, picture);
}

/// Asks for the state of all recordings again and again, and notes what is no good answer.
async fn keep_asking(customer: Customer, tasks: Vec<Task>, refused: Arc<Mutex<Vec<String>>>) {
    loop {
        for task in &tasks {
            let reply = customer.query(task).await;
            if reply.status != 200 {
                let what = format!("{} {}: {}", reply.status, task.cname, reply.body);
                refused.lock().expect("no panic holds it").push(what);
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Kills the process that records, and waits until another is there. Returns how long that took.
async fn kill_recorder(stack: &Stack, sid: &str) -> Duration {
    let process = stack.recorder(sid).expect("a process records");
    kill(process, Signal::SIGKILL).expect("it runs");
    let begin = Instant::now();
    while stack.recorder(sid).is_none_or(|present| present == process) {
        assert!(begin.elapsed() < 10 * BACK_WITHIN, "no process for {sid}");
        tokio::time::sleep(POLL).await;
    }
    begin.elapsed()
}

/// Returns what is missing at each kill, in seconds.
async fn check_individual(stack: &Stack, task: &Task, kills: u64, confirmed: &BTreeSet<String>) -> Vec<f64> {
    let bucket = stack.bucket();
    assert_kept(&bucket.keys(&task.prefix).await, confirmed);
    let recording = Recording::fetch(&bucket, task).await;
    assert_eq!(
        recording.names(),
        [("1", Audio), ("1", Video)],
        "one playlist for each track"
    );
    recording.check().await;
    let mut losses = Vec::new();
    for track in &recording.tracks {
        probe::play_through(&track.file).await;
        let found = losses_in(&track.playlist);
        assert_eq!(
            found.len() as u64,
            kills,
            "{}: a break for each kill",
            track.file_name()
        );
        losses.extend(found);
    }
    losses
}

async fn check_mix(stack: &Stack, task: &Task, kills: u64, confirmed: &BTreeSet<String>) -> Vec<f64> {
    let bucket = stack.bucket();
    let keys = bucket.keys(&task.prefix).await;
    assert_kept(&keys, confirmed);
    let dir = tempfile::tempdir().expect("a directory");
    for key in &keys {
        let object = bucket.get(key).await.expect("a listed object");
        let name = Path::new(key).file_name().expect("a name");
        std::fs::write(dir.path().join(name), object.data).expect("a file");
    }
    let file = dir.path().join(format!("{}_{}.m3u8", task.sid, task.cname));
    let text = std::fs::read_to_string(&file).expect("the mix's playlist");
    let playlist = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(playlist.ended, "{text}");
    assert_eq!(
        keys.len(),
        playlist.entries.len() + 1,
        "one playlist, and the slices that it names"
    );
    probe::play_through(&file).await;
    let losses = losses_in(&playlist);
    assert_eq!(losses.len() as u64, kills, "{text}");
    losses
}

fn assert_kept(keys: &[String], confirmed: &BTreeSet<String>) {
    let lost: Vec<_> = confirmed.iter().filter(|key| !keys.contains(key)).collect();
    assert!(lost.is_empty(), "was in the bucket before a kill: {lost:?}");
}

/// Each break inside, from the end of the media before it to the beginning of the media behind it.
fn losses_in(playlist: &Playlist) -> Vec<f64> {
    let start = |name: &str| {
        let utc = name.strip_suffix(".ts").and_then(|stem| stem.rsplit('_').next());
        let start_ms = utc.and_then(parse_utc).unwrap_or_else(|| panic!("no time in {name}"));
        start_ms as f64 / 1000.0
    };
    let pairs = playlist.entries.windows(2);
    pairs
        .filter(|pair| pair[1].discontinuity)
        .map(|pair| start(&pair[1].name) - start(&pair[0].name) - pair[0].duration)
        .collect()
}
