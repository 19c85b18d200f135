//! Stores that are away, or refuse, while channels are recorded.

use std::time::Duration;

use protocol::TrackKind::{Audio, Video};
use serde_json::json;
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::wait;

use crate::steps::{self, record_for};

const RECORDINGS: usize = 5;
const RECOVERY_LIMIT: Duration = Duration::from_secs(90);

/// How long the store is away, in seconds: longer than a slice.
fn outage() -> u64 {
    if steps::is_soak() { 180 } else { 24 }
}

pub(crate) async fn a_refusing_store_costs_nothing(stack: &mut Stack) {
    through_an_outage(stack, false).await;
}

pub(crate) async fn a_restart_in_an_outage_costs_nothing(stack: &mut Stack) {
    through_an_outage(stack, true).await;
}

async fn through_an_outage(stack: &mut Stack, restarts: bool) {
    let customer = stack.customer();
    let proxy = Proxy::before(&stack.info.s3.endpoint).await;
    let mut publishers = publish(stack);
    let mut tasks = Vec::new();
    for index in 0..RECORDINGS {
        let endpoint = json!(proxy.endpoint());
        let change = |request: &mut serde_json::Value| {
            request["storageConfig"]["extensionParams"]["endpoint"] = endpoint;
        };
        tasks.push(customer.record(&cname(index), change).await);
    }
    for task in &tasks {
        steps::await_playlists(&customer, task, 2).await;
    }
    proxy.refuse();
    let before = objects(stack).await;
    record_for(outage() / 2).await;
    if restarts {
        stack.crash(Part::Node).await;
        // The channel server was a part of the node.
        publishers = publish(stack);
        for task in &tasks {
            await_recording(stack, task).await;
        }
    }
    proxy.answer("503 Service Unavailable", "SlowDown");
    record_for(outage() - outage() / 2).await;
    for task in &tasks {
        await_told(&customer, task).await;
    }
    assert_eq!(objects(stack).await, before, "the store takes nothing");
    assert!(stack.node_metric("tapedeck_upload_failures_total").await > 0.0);
    assert!(stack.node_metric("tapedeck_oldest_unconfirmed_seconds").await > 5.0);
    assert!(stack.node_metric("tapedeck_spool_bytes").await > 0.0);
    proxy.restore();
    for task in &tasks {
        // Each recording asks again after a pause of its own; a stop does not wait as long as that may be.
        wait::until("the slices arrive", RECOVERY_LIMIT, async || {
            let report = stack.report(&task.sid).await?;
            let is_uploaded = report.files.iter().all(|file| file.uploaded_slices == file.slices);
            is_uploaded.then_some(())
        })
        .await;
    }
    assert!(objects(stack).await > before);
    publishers.iter_mut().for_each(Publisher::assert_alive);
    for task in &tasks {
        steps::stop(&customer, task).await;
    }
    let breaks = usize::from(restarts);
    for task in &tasks {
        let recording = Recording::fetch(&stack.bucket(), task).await;
        assert_eq!(recording.names(), [("1", Audio), ("1", Video)]);
        recording.check().await;
        for track in &recording.tracks {
            let (name, seconds) = (track.file_name(), track.duration());
            assert_eq!(track.breaks(), breaks, "{name}");
            // A new node, its channel server and new publishers take some seconds.
            let least = outage() as f64 - if restarts { 5.0 } else { 0.0 };
            assert!(seconds > least, "{name}: {seconds} s");
        }
    }
    wait::until("an empty spool", RECOVERY_LIMIT, async || {
        let left = tasks.iter().any(|task| stack.spool().join(&task.sid).exists());
        (!left).then_some(())
    })
    .await;
}

fn cname(index: usize) -> String {
    format!("outage{index}")
}

fn publish(stack: &Stack) -> Vec<Publisher> {
    let media = Media::picture_and_tone(320, 180).without_delay();
    let publish = |index| {
        let url = stack.publish_url(&cname(index), "1");
        Publisher::ffmpeg(&url, &media, Transport::Tcp, stack.logs())
    };
    (0..RECORDINGS).map(publish).collect()
}

async fn objects(stack: &Stack) -> usize {
    stack.bucket().keys("").await.len()
}

async fn await_recording(stack: &Stack, task: &Task) {
    wait::until("the recording goes on", RECOVERY_LIMIT, async || {
        let report = stack.report(&task.sid).await?;
        (report.phase == protocol::Phase::Recording).then_some(())
    })
    .await;
}

/// The recording goes on, and the customer can see that its store is away.
async fn await_told(customer: &Customer, task: &Task) {
    wait::until("the problem upload_failing", RECOVERY_LIMIT, async || {
        let reply = customer.query(task).await.expect(200);
        let response = &reply.body["serverResponse"];
        assert_eq!(response["status"], 5, "{}", reply.body);
        let problems = response["problems"].as_array()?;
        problems.iter().find(|problem| problem["code"] == "upload_failing")?;
        Some(())
    })
    .await;
}
