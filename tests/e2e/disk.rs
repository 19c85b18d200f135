//! A disk that is full all of a sudden: no write succeeds any more.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use protocol::{EndCause, Phase, ProblemCode, Report};
use serde_json::json;
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps::{self, now_ms, record_for};

/// Of the spool's disk, in bytes.
pub(crate) const BYTES: u64 = 64 << 20;
/// Nothing is kept free: the disk is full before anybody looks.
pub(crate) const SETTINGS: [(&str, &str); 1] = [("TAPEDECK_DISK_RESERVE", "0")];
const LIMIT: Duration = Duration::from_secs(60);
/// What is on its way from a publisher to the disk, in seconds.
const IN_FLIGHT: f64 = 2.0;

pub(crate) async fn a_full_disk_loses_nothing(stack: &mut Stack) {
    let customer = stack.customer();
    let proxy = Proxy::before(&stack.info.s3.endpoint).await;
    let media = Media::picture_and_tone(320, 180).without_delay();
    let names = ["full", "fullstuck"];
    let publish = |cname| Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let _publishers = names.map(publish);
    let plain = customer.record(names[0], |_| {}).await;
    let stuck = customer
        .record(names[1], |request| {
            request["storageConfig"]["extensionParams"]["endpoint"] = json!(proxy.endpoint())
        })
        .await;
    for task in [&plain, &stuck] {
        steps::await_playlists(&customer, task, 2).await;
    }
    proxy.refuse();
    record_for(18).await;
    let filler = stack.spool().join("filler");
    let full_ms = now_ms();
    fill(&filler);
    let report = wait::until("the recording without a store ends", LIMIT, async || {
        let report = stack.report(&stuck.sid).await?;
        (report.phase >= Phase::Draining).then_some(report)
    })
    .await;
    assert_eq!(report.cause, Some(EndCause::NoSpace), "{report:?}");
    assert!(has_problem(&report, &ProblemCode::SpoolFull), "{report:?}");
    // Its own uploads may give the other one room to go on: it ends as it likes, and tells what it could not write.
    wait::until("the other recording tells of the disk", LIMIT, async || {
        let report = stack.report(&plain.sid).await?;
        has_problem(&report, &ProblemCode::SpoolFailed).then_some(())
    })
    .await;
    customer.stop(&plain).await;
    // What has a store leaves a disk on which nothing can be written.
    await_end(stack, &plain.sid).await;
    proxy.restore();
    await_end(stack, &stuck.sid).await;
    let reply = wait::until("its end at the edge", LIMIT, async || {
        let reply = customer.query(&stuck).await;
        (reply.status == 404).then_some(reply)
    })
    .await;
    assert!(reply.text("reason").contains("spool"), "{}", reply.body);
    for task in [&plain, &stuck] {
        let recording = Recording::fetch(&stack.bucket(), task).await;
        recording.check().await;
        assert_eq!(recording.tracks.len(), 2);
        for track in &recording.tracks {
            let wanted = (full_ms - track.slices[0].start_ms) as f64 / 1000.0 - IN_FLIGHT;
            let (name, seconds) = (track.file_name(), track.duration());
            assert!(
                seconds >= wanted,
                "{name}: {seconds} s of {wanted} s before the disk was full"
            );
        }
    }
    // The node has survived, and works again when there is room.
    std::fs::remove_file(&filler).expect("the filler");
    let again = wait::until("room for a recording", LIMIT, async || {
        let resource = customer.resource("full", "7").await;
        let reply = customer
            .start(&resource, &customer.start_body("full", "7", "again"))
            .await;
        (reply.status == 200).then(|| reply.text("sid").to_owned())
    })
    .await;
    wait::until("media of it", LIMIT, async || {
        let report = stack.report(&again).await?;
        (report.phase == Phase::Recording).then_some(())
    })
    .await;
}

fn fill(path: &std::path::Path) {
    let mut file = File::create(path).expect("a file on the spool's disk");
    let block = vec![0; 64 << 10];
    while file.write_all(&block).is_ok() {}
    // The last bytes that a whole block did not fit into.
    while file.write_all(&block[..512]).is_ok() {}
}

fn has_problem(report: &Report, code: &ProblemCode) -> bool {
    report.problems.iter().any(|problem| problem.code == *code)
}

async fn await_end(stack: &Stack, sid: &str) {
    wait::until("the end of its uploads", LIMIT, async || {
        let report = stack.report(sid).await?;
        (report.phase == Phase::Ended && report.pending_uploads == 0).then_some(())
    })
    .await;
}
