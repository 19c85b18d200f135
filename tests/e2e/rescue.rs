//! A spool whose journal is damaged while its store is away.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use serde_json::json;
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Stack, node_program};
use tapedeck_tests::{playlist, probe, wait};

use crate::steps::{self, record_for};

/// Seconds that are recorded before the store is away, and while it is.
const BEFORE: u64 = 20;
const AWAY: u64 = 35;
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn a_damaged_journal_costs_no_media(stack: &mut Stack) {
    let customer = stack.customer();
    let proxy = Proxy::before(&stack.info.s3.endpoint).await;
    let media = Media::picture_and_tone(320, 180).without_delay();
    let publisher = Publisher::ffmpeg(&stack.publish_url("damaged", "1"), &media, Transport::Tcp, stack.logs());
    let task = customer
        .record("damaged", |request| {
            request["storageConfig"]["extensionParams"]["endpoint"] = json!(proxy.endpoint());
        })
        .await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(BEFORE).await;
    proxy.refuse();
    record_for(AWAY).await;

    let spool = stack.spool().join(&task.sid);
    let files = count(&spool.join("slices"));
    assert!(files >= 4, "{files} files wait");
    damage_middle(&spool.join("journal"));
    let recorder = stack.recorder(&task.sid).expect("its process");
    kill(recorder, Signal::SIGKILL).expect("it runs");
    let aside = stack.spool().join("aside").join(&task.sid);
    wait::until("the spool is set aside", LIMIT, async || aside.exists().then_some(())).await;
    assert_eq!(count(&aside.join("slices")), files, "nothing is removed");
    wait::until("the node tells of it", LIMIT, async || {
        (stack.node_metric("tapedeck_spools_set_aside").await == 1.0).then_some(())
    })
    .await;
    publisher.leave().await;
    proxy.restore();
    // The recording is placed anew, in another spool, once the node is asked for it, and would write the playlist again.
    customer.stop(&task).await;
    wait::until("the recording is over", LIMIT, async || {
        (customer.query(&task).await.status == 404).then_some(())
    })
    .await;
    let checked = node(&["check"], &stack.spool());
    let told = text(&checked);
    assert_eq!(checked.status.code(), Some(1), "{told}");
    assert!(told.contains("set aside") && told.contains("rescue"), "{told}");

    let listed = node(&["rescue", "--list"], &aside);
    let told = text(&listed);
    assert_eq!(listed.status.code(), Some(3), "{told}");
    assert!(
        told.contains("unreadable: line ") && told.contains("2 playlists"),
        "{told}"
    );
    let unkeyed = node(&["rescue"], &aside);
    assert!(
        text(&unkeyed).contains("TAPEDECK_RESCUE_ACCESS_KEY"),
        "{}",
        text(&unkeyed)
    );
    assert_eq!(count(&aside.join("slices")), files);

    let rescued = rescue(stack, &["rescue", "--remove"], &aside);
    let told = text(&rescued);
    // What could not be read is told, and nothing is missing for it.
    assert_eq!(rescued.status.code(), Some(3), "{told}");
    assert!(
        told.contains("the spool is removed") && !told.contains("missing: "),
        "{told}"
    );
    assert!(!aside.exists());
    assert_eq!(node(&["check"], &stack.spool()).status.code(), Some(0));
    let playlists = told.lines().filter_map(|line| Some(line.split_once(".m3u8 (")?.0));
    let playlists: Vec<_> = playlists.map(|stem| format!("{stem}.m3u8")).collect();
    assert_eq!(playlists.len(), 2, "{told}");
    for name in playlists {
        plays(stack, &task.prefix, &name).await;
    }
}

/// Fetches a playlist with its slices, plays it, and compares what it says with what is there.
async fn plays(stack: &Stack, prefix: &str, key: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let fetch = async |name: &str| {
        let object = stack.bucket().get(&format!("{prefix}{name}")).await;
        let object = object.unwrap_or_else(|| panic!("{name} is not there"));
        std::fs::write(dir.path().join(name), &object.data).expect("a file");
        object
    };
    let name = key.strip_prefix(prefix).expect("it is below the prefix");
    let object = fetch(name).await;
    let parsed = playlist::parse(&String::from_utf8(object.data).expect("text")).expect("a playlist");
    assert!(parsed.ended, "{name}");
    for entry in &parsed.entries {
        fetch(&entry.name).await;
    }
    let said: f64 = parsed.entries.iter().map(|entry| entry.duration).sum();
    let file = dir.path().join(name);
    probe::play_through(&file).await;
    let mut times: Vec<_> = probe::packets(&file).await.iter().map(|packet| packet.pts).collect();
    times.sort_by(f64::total_cmp);
    let played = times.last().expect("packets") - times.first().expect("packets");
    assert!(
        (played - said).abs() < 0.2,
        "{name}: {said} s are said, {played} s are there"
    );
    // The first keyframe may come late, and the last picture or frames of sound are not known to be whole.
    let recorded = (BEFORE + AWAY) as f64;
    assert!(played > recorded - 5.0, "{name}: {played} s of {recorded} s");
}

/// Makes a line in the middle of a journal, whose writer goes on, one that cannot be read.
fn damage_middle(journal: &Path) {
    let mut bytes = std::fs::read(journal).expect("a journal");
    let middle = bytes.len() / 2;
    let begin = bytes[..middle].iter().rposition(|byte| *byte == b'\n').expect("a line") + 1;
    bytes[begin..begin + 5].fill(b'\0');
    let written = std::fs::OpenOptions::new().write(true).open(journal);
    std::os::unix::fs::FileExt::write_all_at(&written.expect("a journal"), &bytes[begin..begin + 5], begin as u64)
        .expect("a write");
}

fn count(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

fn command(words: &[&str], spool: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(node_program());
    command.args(words).arg(spool);
    command
}

fn node(words: &[&str], spool: &Path) -> Output {
    command(words, spool).output().expect("the node's program runs")
}

fn rescue(stack: &Stack, words: &[&str], spool: &Path) -> Output {
    let s3 = &stack.info.s3;
    let mut command = command(words, spool);
    command
        .args(["--endpoint", &s3.endpoint])
        .env("TAPEDECK_RESCUE_ACCESS_KEY", &s3.access_key)
        .env("TAPEDECK_RESCUE_SECRET_KEY", &s3.secret_key);
    command.output().expect("the node's program runs")
}

fn text(output: &Output) -> String {
    let (told, logged) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(told), String::from_utf8_lossy(logged))
}
