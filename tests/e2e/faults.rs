//! What is killed or cut off comes back, and the recording with it.

use std::time::Duration;

use protocol::TrackKind::{Audio, Video};
use reqwest::Method;
use serde_json::json;
use tapedeck_tests::callback::Server;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::wait;

use crate::steps::{self, now_ms, record_for};

/// What a crash may cost, in seconds.
const LOST_AT_MOST: f64 = 2.0;
const RECOVERY_LIMIT: Duration = Duration::from_secs(60);

fn publish(stack: &Stack, cname: &str) -> Publisher {
    let media = Media::picture_and_tone(320, 180).without_delay();
    Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs())
}

pub(crate) async fn a_crashed_node_goes_on_in_the_same_playlists(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "crash");
    let publisher = publish(stack, cname);
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(20).await;
    let crashed_ms = now_ms();
    stack.crash(Part::Node).await;
    // The channel server was a part of the node.
    drop(publisher);
    let mut publisher = publish(stack, cname);
    wait::until("the recording goes on", RECOVERY_LIMIT, async || {
        stack
            .report(&task.sid)
            .await
            .filter(|report| report.phase == protocol::Phase::Recording)
    })
    .await;
    record_for(10).await;
    publisher.assert_alive();
    steps::stop(&customer, &task).await;

    let recording = Recording::fetch(&stack.bucket(), &task).await;
    assert_eq!(
        recording.names(),
        [("1", Audio), ("1", Video)],
        "no other playlists than before the crash"
    );
    recording.check().await;
    for track in &recording.tracks {
        assert_eq!(track.breaks(), 1, "{}", track.file_name());
        let (before, after) = track.parts();
        let recorded: f64 = before.iter().map(|slice| slice.duration).sum();
        let wanted = (crashed_ms - track.slices[0].start_ms) as f64 / 1000.0;
        assert!(
            recorded >= wanted - LOST_AT_MOST,
            "{}: {recorded} s of {wanted} s before the crash",
            track.file_name()
        );
        assert!(after[0].start_ms > crashed_ms, "{}", track.file_name());
        assert!(
            after.iter().map(|slice| slice.duration).sum::<f64>() > 4.0,
            "{}",
            track.file_name()
        );
    }
}

pub(crate) async fn a_crashed_edge_forgets_nothing(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "edgecrash");
    let mut publisher = publish(stack, cname);
    let path = format!("apps/{}", customer.app_id);
    let mut receiver = Server::start("s").await;
    receiver.go_away().await;
    let settings = json!({ "limits": { "recordings": 1 }, "callback": { "url": receiver.url(), "secret": "s" } });
    stack.admin(Method::PATCH, &path, &settings).await.expect(200);
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 2).await;
    stack.crash(Part::Edge).await;
    receiver.come_back().await;
    steps::await_playlists(&customer, &task, 2).await;
    let full = customer.acquire("another", "1").await;
    assert_eq!((full.status, full.code()), (400, Some(406)), "{}", full.body);
    let again = customer
        .start(&task.resource_id, &customer.start_body(cname, &task.uid, cname))
        .await;
    assert_eq!((again.status, again.code()), (201, Some(7)), "{}", again.body);
    record_for(5).await;
    publisher.assert_alive();
    steps::stop(&customer, &task).await;
    wait::until("the app has room again", RECOVERY_LIMIT, async || {
        (customer.acquire("another", "1").await.status == 200).then_some(())
    })
    .await;
    let told = wait::until("the last event", RECOVERY_LIMIT, async || {
        let told = receiver.arrivals();
        told.iter().any(|event| event.body["eventType"] == 11).then_some(told)
    })
    .await;
    assert_eq!(told[0].body["eventType"], 40, "told while nobody listened");
    let numbers = receiver.sequences().remove(&task.sid).expect("its events");
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "none is lost");
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    recording.check().await;
    assert!(
        recording.tracks.iter().all(|track| track.breaks() == 0),
        "the media plane was not disturbed"
    );
}
