//! The supervisor with shell scripts in the place of recording processes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use protocol::{EndCause, ProblemCode, Subscription};
use serde_json::json;

use super::*;

const SID: &str = "0123456789abcdef0123456789abcdef";

/// Functions for the scripts: `report PHASE SEQ` and `refuse REASON`. The process's directory is `$4`; `$job` is its first
/// line.
const PRELUDE: &str = r#"#!/bin/bash
dir=$4
read -r job
echo started >>"$dir/starts"
epoch=${job#*\"epoch\":}; epoch=${epoch%%,*}
report() {
  echo "{\"report\":{\"node_id\":\"n\",\"recorder\":{\"app_id\":\"a\",\"channel\":\"c\",\"uid\":\"1\"},\"sid\":\"0123456789abcdef0123456789abcdef\",\"epoch\":$epoch,\"seq\":$2,\"at_ms\":$2,\"phase\":\"$1\",\"files\":[],\"pending_uploads\":0}}"
}
refuse() { echo "{\"refused\":{\"fault\":\"destination\",\"code\":\"storage_unusable\",\"reason\":\"$1\"}}"; }
"#;

struct World {
    dir: tempfile::TempDir,
    supervisor: Supervisor,
}

fn world(script: &str, await_acknowledgement: bool) -> World {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("recorder");
    std::fs::write(&program, format!("{PRELUDE}{script}")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let supervisor = restarted(dir.path(), await_acknowledgement);
    World { dir, supervisor }
}

fn restarted(dir: &Path, await_acknowledgement: bool) -> Supervisor {
    limited(dir, await_acknowledgement, None)
}

fn limited(dir: &Path, await_acknowledgement: bool, spool_bytes: Option<u64>) -> Supervisor {
    supervisor(dir, await_acknowledgement, spool_bytes, Memory::of_processes(1 << 30))
}

fn supervisor(dir: &Path, await_acknowledgement: bool, spool_bytes: Option<u64>, memory: Memory) -> Supervisor {
    std::fs::create_dir_all(dir.join("spool")).unwrap();
    let node = Node {
        node_id: "n".to_owned(),
        rtsp: String::new(),
        roster: String::new(),
        node_token: protocol::Secret::default(),
        roster_key: None,
        play_key: None,
    };
    Supervisor::new(Config {
        spool: dir.join("spool"),
        program: dir.join("recorder"),
        arguments: Vec::new(),
        node,
        capacity: 2,
        space: SpaceLimits {
            spool_bytes,
            reserve_bytes: 0,
        },
        memory: memory.into(),
        await_acknowledgement,
    })
}

impl World {
    fn starts(&self) -> usize {
        let starts = std::fs::read_to_string(self.dir.path().join("spool").join(SID).join("starts"));
        starts.map_or(0, |text| text.lines().count())
    }

    fn spool_exists(&self) -> bool {
        self.dir.path().join("spool").join(SID).exists()
    }
}

fn job(sid: &str, epoch: u64) -> Job {
    serde_json::from_value(json!({
        "sid": sid, "epoch": epoch, "recorder": {"app_id": "a", "channel": "c", "uid": "1"}, "mode": "individual",
        "source": {"type": "builtin"},
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
        "playlist": {"strict_extinf": true},
        "storage": {"kind": "s3", "endpoint": "https://s3", "region": "r", "bucket": "b", "access_key": "ak",
            "secret_key": "hunter2", "prefix": ""},
    }))
    .unwrap()
}

fn stop(epoch: u64) -> Desired {
    let job = job(SID, epoch);
    Desired {
        epoch,
        directive: Directive::Stop(EndCause::Stopped),
        subscription: job.spec.subscription,
        scene: None,
        keys: None,
        terms: Default::default(),
    }
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..400 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

const FOLLOWS_ORDERS: &str = r#"
report starting 1
while read -r line; do
  case $line in
    *stop*) report draining 2; report ended 3; exit 0;;
    *release*) report ended 4; exit 0;;
    *interrupt*) exit 0;;
  esac
done
"#;

#[tokio::test]
async fn a_job_is_answered_with_the_first_report_and_stopped_with_the_last() {
    let world = world(FOLLOWS_ORDERS, false);
    let report = world.supervisor.put(job(SID, 1)).await.unwrap();
    assert_eq!((report.phase, report.epoch), (Phase::Starting, 1));
    assert_eq!(world.supervisor.put(job(SID, 1)).await.unwrap().seq, report.seq);
    assert_eq!(world.starts(), 1);
    assert_eq!(world.supervisor.load(), 0.5);
    let last = world
        .supervisor
        .desire(SID, stop(1), Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(last.phase, Phase::Ended);
    until("the spool is removed", || !world.spool_exists()).await;
    assert_eq!(world.supervisor.report(SID).unwrap().phase, Phase::Ended);
    assert_eq!(world.supervisor.load(), 0.0);
    assert!(world.supervisor.held().is_empty());
}

#[tokio::test]
async fn the_end_stays_in_the_spool_until_it_is_acknowledged() {
    let world = world(FOLLOWS_ORDERS, true);
    world.supervisor.put(job(SID, 1)).await.unwrap();
    world.supervisor.acknowledge(SID);
    world
        .supervisor
        .desire(SID, stop(1), Duration::from_secs(10))
        .await
        .unwrap();
    let recording = world.supervisor.get(SID).unwrap();
    recording
        .status()
        .wait_for(|status| matches!(status.stage, Stage::Ended))
        .await
        .unwrap();
    assert!(world.spool_exists());
    assert_eq!(world.supervisor.held().len(), 1);
    world.supervisor.acknowledge(SID);
    until("the spool is removed", || !world.spool_exists()).await;
    assert!(world.supervisor.held().is_empty());
}

#[tokio::test]
async fn a_refusal_is_the_answer_and_leaves_nothing() {
    let world = world("refuse 'no such bucket'\n", true);
    let refusal = world.supervisor.put(job(SID, 1)).await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (RefusalCode::StorageUnusable, "no such bucket")
    );
    until("the spool is removed", || !world.spool_exists()).await;
    assert!(world.supervisor.held().is_empty());
    // It may be tried again.
    assert!(world.supervisor.put(job(SID, 1)).await.is_err());
}

#[tokio::test]
async fn a_process_that_dies_before_it_begins_is_refused() {
    let world = world("exit 3\n", false);
    let refusal = world.supervisor.put(job(SID, 1)).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Internal);
    assert!(refusal.reason.contains("exit status: 3"), "{}", refusal.reason);
}

#[tokio::test]
async fn a_killed_process_is_started_again_within_a_second_and_told_of() {
    let world = world(&format!("echo $$ >\"$dir/pid\"\n{FOLLOWS_ORDERS}"), false);
    let first = world.supervisor.put(job(SID, 1)).await.unwrap();
    let pid = std::fs::read_to_string(world.dir.path().join("spool").join(SID).join("pid")).unwrap();
    let pid = nix::unistd::Pid::from_raw(pid.trim().parse().unwrap());
    let killed = std::time::Instant::now();
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    until("a second start", || world.starts() == 2).await;
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
    let mut status = world.supervisor.get(SID).unwrap().status();
    let restarted = |status: &Status| status.report.as_ref().is_some_and(|report| report.seq >= first.seq + 2);
    let report = status.wait_for(restarted).await.unwrap().report.clone().unwrap();
    let problem = report.problems.first().unwrap();
    assert_eq!(
        (problem.code.clone(), problem.fault),
        (ProblemCode::RecorderRestarted, Fault::Ours)
    );
    assert!(problem.message.contains("signal: 9"), "{}", problem.message);
    let last = world
        .supervisor
        .desire(SID, stop(1), Duration::from_secs(10))
        .await
        .unwrap();
    assert!(last.phase == Phase::Ended && last.seq > report.seq);
}

#[tokio::test]
async fn a_process_that_needs_too_much_memory_costs_its_own_recording_and_says_so() {
    let script = r#"
echo "$@" >"$dir/arguments"
if [ -e "$dir/../greedy" ]; then rm "$dir/../greedy"; report starting 1; exit 12; fi
report recording 2
while read -r line; do :; done
"#;
    let world = world(script, false);
    let other = "b".repeat(32);
    world.supervisor.put(job(&other, 1)).await.unwrap();
    std::fs::write(world.dir.path().join("spool/greedy"), "").unwrap();
    world.supervisor.put(job(SID, 1)).await.unwrap();
    until("a second start", || world.starts() == 2).await;
    let mut status = world.supervisor.get(SID).unwrap().status();
    let on = |status: &Status| status.phase() == Some(Phase::Recording);
    let report = status.wait_for(on).await.unwrap().report.clone().unwrap();
    let problem = report.problems.first().unwrap();
    assert_eq!(
        (problem.code.clone(), problem.fault),
        (ProblemCode::MemoryExceeded, Fault::Ours)
    );
    assert!(
        problem.message.contains("more memory than the 1024 MiB"),
        "{}",
        problem.message
    );
    let starts = std::fs::read_to_string(world.dir.path().join("spool").join(&other).join("starts"));
    assert_eq!(starts.unwrap().lines().count(), 1, "the other one goes on");
    let arguments = std::fs::read_to_string(world.dir.path().join("spool").join(SID).join("arguments"));
    assert!(arguments.unwrap().contains("--memory-limit 1073741824"));
}

#[tokio::test]
async fn a_recording_that_has_begun_is_never_refused() {
    let script = r#"
case $(wc -l <"$dir/starts") in
  1) report starting 1; exit 1;;
  2) refuse 'the disk is full'; exit 0;;
  *) report recording 2; sleep 100;;
esac
"#;
    let world = world(script, false);
    world.supervisor.put(job(SID, 1)).await.unwrap();
    let mut status = world.supervisor.get(SID).unwrap().status();
    let on = |status: &Status| status.phase() == Some(Phase::Recording);
    let report = status.wait_for(on).await.unwrap().report.clone().unwrap();
    assert_eq!(world.starts(), 3);
    assert!(report.problems[1].message.contains("the disk is full"), "{report:?}");
}

#[tokio::test]
async fn what_was_wanted_is_told_to_the_next_process_too() {
    // The first process dies of the order, the second one carries it out.
    let script = r#"
report starting 1
read -r line
if [ "$(wc -l <"$dir/starts")" = 1 ]; then exit 9; fi
case $line in *stop*) report ended 2;; esac
"#;
    let world = world(script, false);
    world.supervisor.put(job(SID, 1)).await.unwrap();
    let last = world
        .supervisor
        .desire(SID, stop(1), Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!((last.phase, last.problems.len()), (Phase::Ended, 1));
}

#[tokio::test]
async fn a_higher_epoch_replaces_and_a_lower_one_is_stale() {
    let world = world(FOLLOWS_ORDERS, false);
    world.supervisor.put(job(SID, 2)).await.unwrap();
    assert_eq!(
        world.supervisor.put(job(SID, 1)).await.unwrap_err().code,
        RefusalCode::StaleEpoch
    );
    assert_eq!(
        world.supervisor.converge(SID, stop(1)).err().unwrap().code,
        RefusalCode::StaleEpoch
    );
    assert_eq!(world.supervisor.put(job(SID, 3)).await.unwrap().epoch, 3);
    assert_eq!(world.starts(), 2);
    // A lease that went elsewhere releases the recording.
    let last = world
        .supervisor
        .desire(SID, stop(4), Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!((last.phase, last.seq), (Phase::Ended, 4));
}

#[tokio::test]
async fn room_is_bounded_and_sids_are_checked() {
    let world = world(FOLLOWS_ORDERS, false);
    for sid in ["a", "b"] {
        world.supervisor.put(job(&sid.repeat(32), 1)).await.unwrap();
    }
    assert_eq!(
        world.supervisor.put(job(&"c".repeat(32), 1)).await.unwrap_err().code,
        RefusalCode::NoCapacity
    );
    for sid in ["", "../../etc", &"A".repeat(32), &"a".repeat(33)] {
        assert_eq!(
            world.supervisor.put(job(sid, 1)).await.unwrap_err().code,
            RefusalCode::BadJob,
            "{sid}"
        );
    }
    assert_eq!(
        world.supervisor.report(SID).unwrap_err().code,
        RefusalCode::UnknownRecording
    );
}

#[tokio::test]
async fn spools_of_an_earlier_process_wait_for_their_jobs_and_go_on() {
    let world = world(FOLLOWS_ORDERS, true);
    world.supervisor.put(job(SID, 5)).await.unwrap();
    world.supervisor.shut_down(Duration::from_secs(1), None).await;
    assert!(world.spool_exists());
    assert_eq!(
        world.supervisor.put(job(&"c".repeat(32), 1)).await.unwrap_err().code,
        RefusalCode::Draining
    );
    let next = restarted(world.dir.path(), true);
    next.adopt().unwrap();
    let missing = next.missing_jobs();
    assert_eq!((missing.len(), missing[0].epoch, missing[0].sid.as_str()), (1, 5, SID));
    assert_eq!(next.held().len(), 1);
    assert_eq!(next.report(SID).unwrap_err().code, RefusalCode::AwaitsJob);
    assert_eq!(next.put(job(SID, 4)).await.unwrap_err().code, RefusalCode::StaleEpoch);
    assert_eq!(next.put(job(SID, 5)).await.unwrap().phase, Phase::Starting);
    assert!(next.missing_jobs().is_empty());
    assert_eq!(world.starts(), 2);
}

/// Holds as many bytes as the job's channel says; less than 500 since long ago, more since a moment ago.
const FILLS_THE_SPOOL: &str = r#"
bytes=${job#*\"channel\":\"}; bytes=${bytes%%\"*}
sid=${job#*\"sid\":\"}; sid=${sid%%\"*}
tell() { report "$1" "$2" | sed "s/0123456789abcdef0123456789abcdef/$sid/"; }
since=1; [ "$bytes" -lt 500 ] || since=$(date +%s%3N)
tell recording 1
echo "{\"vitals\":{\"spool_bytes\":$bytes,\"unconfirmed_since_ms\":$since,\"uploads\":0,\"upload_failures\":1,\"uploaded_bytes\":0,\"lost_packets\":0}}"
while read -r line; do
  case $line in *no_space*) tell draining 2;; *interrupt*) exit 0;; esac
done
"#;

#[tokio::test]
async fn the_longest_backlog_ends_when_the_spool_is_full_and_no_work_is_taken() {
    let mut world = world(FILLS_THE_SPOOL, false);
    world.supervisor = limited(world.dir.path(), false, Some(1_000));
    tokio::spawn(world.supervisor.clone().watch_space());
    let filling = |sid: &str, bytes: &str| {
        let mut job = job(sid, 1);
        job.recorder.channel = bytes.to_owned();
        job
    };
    let (small, large) = ("a".repeat(32), "b".repeat(32));
    world.supervisor.put(filling(&small, "300")).await.unwrap();
    world.supervisor.put(filling(&large, "700")).await.unwrap();
    until("the one that waits longer ends", || {
        world.supervisor.report(&small).unwrap().phase == Phase::Draining
    })
    .await;
    assert_eq!(world.supervisor.space().unwrap().used, 1_000);
    let told = world.supervisor.report(&small).unwrap().problems;
    assert_eq!(
        told.iter().map(|problem| problem.code.clone()).collect::<Vec<_>>(),
        [ProblemCode::SpoolFull]
    );
    assert_eq!(world.supervisor.report(&large).unwrap().phase, Phase::Recording);
    let refusal = world.supervisor.put(filling(SID, "1")).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NoCapacity);
    assert!(refusal.reason.contains("spool is nearly full"), "{}", refusal.reason);
    assert_eq!(world.supervisor.load(), 1.0);
    assert_eq!(world.supervisor.total().counted.upload_failures, 2);
}

#[tokio::test]
async fn an_order_to_record_does_not_bring_back_what_there_is_no_room_for() {
    let world = world(
        r#"
report recording 1
while read -r line; do
  echo "$line" >>"$dir/orders"
  case $line in *interrupt*) exit 0;; esac
done
"#,
        false,
    );
    world.supervisor.put(job(SID, 1)).await.unwrap();
    let recording = world.supervisor.get(SID).unwrap();
    recording.order(Order::EndForSpace("full".to_owned())).unwrap();
    let desired = Desired {
        directive: Directive::Record,
        ..stop(1)
    };
    let newer = Desired {
        subscription: Subscription {
            version: 2,
            ..desired.subscription.clone()
        },
        ..desired.clone()
    };
    world.supervisor.converge(SID, desired).unwrap();
    world.supervisor.converge(SID, newer).unwrap();
    let orders =
        || std::fs::read_to_string(world.dir.path().join("spool").join(SID).join("orders")).unwrap_or_default();
    until("both orders are there", || orders().lines().count() == 2).await;
    assert!(
        orders()
            .lines()
            .all(|line| line.contains("no_space") && !line.contains("\"record\"")),
        "{}",
        orders()
    );
}

#[tokio::test]
async fn a_recording_that_has_ended_here_goes_on_under_a_higher_epoch_in_a_new_spool() {
    let world = world(FOLLOWS_ORDERS, true);
    world.supervisor.put(job(SID, 1)).await.unwrap();
    let wait = Duration::from_secs(10);
    let last = world.supervisor.desire(SID, stop(1), wait).await.unwrap();
    assert_eq!(last.phase, Phase::Ended);
    let first = world.supervisor.get(SID).unwrap();
    let ended = |status: &Status| matches!(status.stage, Stage::Ended);
    first.status().wait_for(ended).await.unwrap();
    assert_eq!(world.supervisor.put(job(SID, 1)).await.unwrap().phase, Phase::Ended);
    let report = world.supervisor.put(job(SID, 2)).await.unwrap();
    assert_eq!((report.epoch, report.phase), (2, Phase::Starting));
    assert_eq!(world.starts(), 1, "the spool is another one");
    // That the first end was learnt of says nothing about the second.
    world.supervisor.acknowledge(SID);
    assert!(world.spool_exists());
    assert_eq!(world.supervisor.recordings().len(), 1);
    world.supervisor.desire(SID, stop(2), wait).await.unwrap();
    let second = world.supervisor.get(SID).unwrap();
    second.status().wait_for(ended).await.unwrap();
    world.supervisor.acknowledge(SID);
    assert!(!world.spool_exists());
}

/// Writes down what it is told, and ends when it is released or interrupted.
const NOTES_ORDERS: &str = r#"
report recording 1
while read -r line; do
  echo "$line" >>"$dir/../orders"
  case $line in
    *release*) report draining 2; report ended 3; exit 0;;
    *interrupt*) exit 0;;
  esac
done
"#;

impl World {
    fn orders(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("spool/orders")).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_node_that_ends_leaves_its_recordings_to_another_one() {
    let world = world(NOTES_ORDERS, true);
    world.supervisor.put(job(SID, 1)).await.unwrap();
    let (_heard, edge_heard) = watch::channel(true);
    let supervisor = world.supervisor.clone();
    let shut_down = tokio::spawn(async move { supervisor.shut_down(Duration::from_secs(60), Some(edge_heard)).await });
    until("it is told to leave", || world.orders().contains("leave")).await;
    let release = Desired {
        directive: Directive::Release,
        ..stop(1)
    };
    world.supervisor.converge(SID, release).unwrap();
    let recording = world.supervisor.get(SID).unwrap();
    let ended = |status: &Status| matches!(status.stage, Stage::Ended);
    recording.status().wait_for(ended).await.unwrap();
    assert!(!shut_down.is_finished(), "somebody has to learn of the end");
    world.supervisor.acknowledge(SID);
    shut_down.await.unwrap();
    assert!(!world.spool_exists() && !world.orders().contains("interrupt"));
}

#[tokio::test]
async fn where_no_other_node_is_free_captures_end_and_spools_stay() {
    for edge_answers in [true, false] {
        let world = world(NOTES_ORDERS, true);
        world.supervisor.put(job(SID, 1)).await.unwrap();
        let (heard, edge_heard) = watch::channel(true);
        let supervisor = world.supervisor.clone();
        let shut_down =
            tokio::spawn(async move { supervisor.shut_down(Duration::from_secs(60), Some(edge_heard)).await });
        until("it is told to leave", || world.orders().contains("leave")).await;
        if edge_answers {
            let mut alone = Desired {
                directive: Directive::Record,
                ..stop(1)
            };
            alone.terms.alone = true;
            world.supervisor.converge(SID, alone).unwrap();
        } else {
            heard.send_replace(false);
        }
        shut_down.await.unwrap();
        assert!(world.spool_exists() && world.orders().contains(r#""drain_ms":60000"#));
    }
}

#[tokio::test]
async fn an_answer_is_heard_under_its_own_lease_only() {
    let world = world(NOTES_ORDERS, true);
    world.supervisor.put(job(SID, 4)).await.unwrap();
    let answered = |lease_until_ms| Answered {
        videos: 0,
        lease_until_ms: Some(lease_until_ms),
        inventory: Default::default(),
    };
    world.supervisor.answered(SID, 3, answered(111)).unwrap();
    world.supervisor.answered(SID, 4, answered(222)).unwrap();
    until("the answer", || world.orders().contains("222")).await;
    assert!(!world.orders().contains("111"));
}

/// A spool that a former version or a failing disk has left: media, and a journal with a line in its middle that is none.
fn damaged_spool(root: &Path, sid: &str, epoch: u64) -> PathBuf {
    let dir = root.join("spool").join(sid);
    crate::spool::store_job(&dir, &job(sid, epoch)).unwrap();
    std::fs::create_dir_all(dir.join("slices")).unwrap();
    std::fs::write(dir.join("slices/00000000.ts"), b"media").unwrap();
    damage(&dir);
    dir
}

fn damage(dir: &Path) {
    std::fs::write(
        dir.join("journal"),
        "{\"opened\":{\"epoch\":1,\"at_ms\":5}}\n\u{0}\u{0}\u{0}\n{\"finished\":{\"cause\":\"stopped\"}}\n",
    )
    .unwrap();
}

#[tokio::test]
async fn a_damaged_journal_never_deletes_its_spool() {
    let world = world(FOLLOWS_ORDERS, true);
    let dir = damaged_spool(world.dir.path(), SID, 3);
    let aside = world.dir.path().join("spool/aside").join(SID);
    let refusal = world.supervisor.put(job(SID, 3)).await.unwrap_err();
    assert!(
        refusal.reason.contains("set aside") && refusal.reason.contains("line 2"),
        "{refusal:?}"
    );
    assert!(!dir.exists(), "it is out of the way");
    assert_eq!(std::fs::read(aside.join("slices/00000000.ts")).unwrap(), b"media");
    assert_eq!((world.supervisor.load(), world.supervisor.held().len()), (0.0, 0));
    // Under the same lease the playlists would begin anew; under another one they are learnt first.
    let refusal = world.supervisor.put(job(SID, 3)).await.unwrap_err();
    assert!(refusal.reason.contains("aside"), "{refusal:?}");
    assert_eq!(world.supervisor.put(job(SID, 4)).await.unwrap().epoch, 4);
    assert!(aside.join("slices/00000000.ts").exists());
}

#[tokio::test]
async fn a_start_sets_aside_what_it_cannot_go_on_with() {
    let world = world(FOLLOWS_ORDERS, true);
    damaged_spool(world.dir.path(), SID, 3);
    let nameless = world.dir.path().join("spool").join("b".repeat(32));
    std::fs::create_dir_all(nameless.join("slices")).unwrap();
    std::fs::write(nameless.join("slices/00000000.part"), b"more").unwrap();
    std::fs::create_dir(world.dir.path().join("spool").join("c".repeat(32))).unwrap();
    std::fs::create_dir(world.dir.path().join("spool/of an operator")).unwrap();
    world.supervisor.adopt().unwrap();
    assert_eq!(
        (world.supervisor.load(), world.supervisor.missing_jobs().len()),
        (0.0, 0)
    );
    assert_eq!(world.supervisor.kept_aside(), KeptAside { spools: 2, bytes: 9 });
    let left = std::fs::read_dir(world.dir.path().join("spool")).unwrap();
    let mut left: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["aside", "of an operator"]);
}

#[tokio::test]
async fn a_recording_whose_journal_breaks_is_set_aside_and_not_started_again_for_ever() {
    let world = world(
        "mkdir \"$dir/slices\"; echo media >\"$dir/slices/00000000.ts\"\nreport recording 1\nread -r line\n",
        true,
    );
    world.supervisor.put(job(SID, 1)).await.unwrap();
    damage(&world.dir.path().join("spool").join(SID));
    let recording = world.supervisor.get(SID).unwrap();
    recording.order(Order::Leave(Duration::ZERO)).unwrap();
    let refused = |status: &Status| matches!(status.stage, Stage::Refused(_));
    recording.status().wait_for(refused).await.unwrap();
    let aside = world.dir.path().join("spool/aside").join(SID);
    assert_eq!(std::fs::read(aside.join("slices/00000000.ts")).unwrap(), b"media\n");
    assert_eq!(
        std::fs::read_to_string(aside.join("starts")).unwrap().lines().count(),
        1
    );
    assert!(world.supervisor.held().is_empty());
    // Whoever still takes it to be here learns that it is not.
    let refusal = world.supervisor.desire(SID, stop(1), Duration::ZERO).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::UnknownRecording, "{refusal:?}");
    assert!(refusal.reason.contains("aside"), "{refusal:?}");
}

#[tokio::test]
async fn a_spool_that_nobody_claims_takes_no_room_and_waits_for_its_job_all_the_same() {
    let world = world(FOLLOWS_ORDERS, true);
    for sid in [SID, &"b".repeat(32)] {
        let dir = world.dir.path().join("spool").join(sid);
        crate::spool::store_job(&dir, &job(sid, 5)).unwrap();
        std::fs::create_dir_all(dir.join("slices")).unwrap();
        std::fs::write(dir.join("journal"), "{\"opened\":{\"epoch\":1,\"at_ms\":5}}\n").unwrap();
        std::fs::write(dir.join("journal"), concat!(
            "{\"opened\":{\"epoch\":5,\"at_ms\":5}}\n",
            "{\"begun\":{\"number\":0,\"playlist_name\":\"p.m3u8\",\"slice\":{\"playlist\":{\"uid\":\"1\",\"track\":\"audio\"},",
            "\"name\":\"s.ts\",\"start_us\":0,\"duration_us\":0,\"start_ms\":0,\"bytes\":0,\"discontinuity\":false}}}\n",
        )).unwrap();
    }
    world.supervisor.adopt().unwrap();
    assert_eq!(world.supervisor.load(), 1.0);
    world.supervisor.disown(SID, "forgotten").await;
    assert_eq!((world.supervisor.load(), world.supervisor.held().len()), (0.5, 2));
    assert_eq!(world.supervisor.missing_jobs().len(), 2, "it is asked for further");
    assert!(world.supervisor.report(SID).unwrap_err().reason.contains("rescue"));
    // The next start knows it from the beginning.
    let next = restarted(world.dir.path(), true);
    next.adopt().unwrap();
    assert_eq!(next.load(), 0.5);
    assert_eq!(next.put(job(SID, 5)).await.unwrap().phase, Phase::Starting);
    assert_eq!(next.load(), 1.0);
    // Another start has it wait with the others.
    let later = restarted(world.dir.path(), true);
    later.adopt().unwrap();
    assert_eq!(later.load(), 1.0);
    // Whoever has rescued it has removed it.
    std::fs::remove_dir_all(world.dir.path().join("spool").join("b".repeat(32))).unwrap();
    later.disown(&"b".repeat(32), "forgotten").await;
    assert_eq!(later.held().len(), 1);
}
