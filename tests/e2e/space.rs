//! A spool that fills because a store is away.

use std::time::Duration;

use serde_json::json;
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps;

/// What the spool may hold, as the setting says it and in bytes: the slices that are open for two recordings, and some
/// thirty seconds of one of them.
pub(crate) const LIMIT: (&str, &str) = ("TAPEDECK_SPOOL_LIMIT", "12MB");
const LIMIT_BYTES: f64 = 12e6;
const FULL_WITHIN: Duration = Duration::from_secs(120);

fn publish(stack: &Stack, cname: &str) -> Publisher {
    let media = Media::picture_and_tone(640, 360).without_delay();
    Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs())
}

pub(crate) async fn a_full_spool_ends_what_fills_it_and_loses_nothing(stack: &mut Stack) {
    let customer = stack.customer();
    let proxy = Proxy::before(&stack.info.s3.endpoint).await;
    let endpoint = proxy.endpoint();
    let (mut sound, mut stuck) = (publish(stack, "sound"), publish(stack, "stuck"));
    let healthy = customer.record("sound", |_| {}).await;
    let filling = customer
        .record("stuck", |request| {
            request["storageConfig"]["extensionParams"]["endpoint"] = json!(endpoint)
        })
        .await;
    steps::await_playlists(&customer, &healthy, 2).await;
    steps::await_playlists(&customer, &filling, 2).await;
    proxy.refuse();

    let refused = wait::until("new work is refused", FULL_WITHIN, async || refusal(&customer).await).await;
    assert!(refused.contains("spool is nearly full"), "{refused}");
    wait::until("what fills the spool ends", FULL_WITHIN, async || {
        let report = stack.report(&filling.sid).await?;
        (report.phase == protocol::Phase::Draining).then_some(())
    })
    .await;
    let report = stack.report(&filling.sid).await.expect("its report");
    assert_eq!(report.cause, Some(protocol::EndCause::NoSpace));
    assert!(
        report
            .problems
            .iter()
            .any(|problem| problem.code == protocol::ProblemCode::SpoolFull),
        "{report:?}"
    );
    let held = stack.node_metric("tapedeck_spool_bytes").await;
    assert!(held > LIMIT_BYTES * 0.4, "nothing was deleted for room: {held} bytes");
    assert!(stack.node_metric("tapedeck_upload_failures_total").await > 0.0);
    assert_eq!(stack.node_metric("tapedeck_recordings{state=\"draining\"}").await, 1.0);

    sound.assert_alive();
    stuck.assert_alive();
    proxy.restore();
    let reply = wait::until("the uploads' end", FULL_WITHIN, async || {
        let reply = customer.query(&filling).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert!(
        reply.text("reason").contains("spool"),
        "the reason says why it ended: {}",
        reply.body
    );
    steps::stop(&customer, &healthy).await;
    for (task, seconds) in [(&filling, 15.0), (&healthy, 20.0)] {
        let recording = Recording::fetch(&stack.bucket(), task).await;
        recording.check().await;
        for track in &recording.tracks {
            assert_eq!(track.breaks(), 0, "{}", track.file_name());
            assert!(
                track.duration() > seconds,
                "{}: {} s",
                track.file_name(),
                track.duration()
            );
        }
    }
}

/// Why another recording is not started; `None` when it is, and then it is stopped.
async fn refusal(customer: &Customer) -> Option<String> {
    let (cname, uid) = ("another", "9000");
    let resource_id = customer.resource(cname, uid).await;
    let reply = customer
        .start(&resource_id, &customer.start_body(cname, uid, cname))
        .await;
    if reply.status != 200 {
        return Some(reply.body.to_string());
    }
    let task = Task {
        mode: "individual",
        cname: cname.to_owned(),
        uid: uid.to_owned(),
        sid: reply.text("sid").to_owned(),
        resource_id,
        prefix: format!("{cname}/"),
    };
    customer.stop(&task).await;
    None
}
