//! How recordings end without being asked, and those that cannot begin or hold nothing.

use std::time::Duration;

use protocol::TrackKind::{Audio, Video};
use serde_json::{Value, json};
use tapedeck_tests::customer::Reply;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps::{self, record_for};

pub(crate) async fn idleness_ends_a_recording(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "idle");
    let media = Media::picture_and_tone(320, 180).without_delay();
    let publisher = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let task = customer
        .record(cname, |request| request["recordingConfig"]["maxIdleTime"] = json!(5))
        .await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(7).await;
    assert_eq!(
        customer.query(&task).await.expect(200).body["serverResponse"]["status"],
        5,
        "somebody publishes"
    );
    publisher.leave().await;

    let reply = wait::until("the idle recording's end", Duration::from_secs(30), async || {
        let reply = customer.query(&task).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert_eq!((reply.status, reply.code()), (404, Some(404)), "{}", reply.body);
    assert!(
        reply.text("reason").contains("maxIdleTime"),
        "the reason says why it ended: {}",
        reply.body
    );
    let reply = customer.stop(&task).await;
    assert_eq!((reply.status, reply.code()), (400, Some(49)), "{}", reply.body);
    assert!(
        reply.text("reason").contains("maxIdleTime"),
        "the reason says why it ended: {}",
        reply.body
    );

    let recording = Recording::fetch(&stack.bucket(), &task).await;
    assert_eq!(recording.names(), [("1", Audio), ("1", Video)]);
    recording.check().await;
}

pub(crate) async fn nothing_was_recorded(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "nobody");
    let task = customer.record(cname, |_| {}).await;
    let reply = customer.query(&task).await.expect(200);
    assert!(reply.body["serverResponse"]["status"].is_number(), "{}", reply.body);
    let reply = customer.stop(&task).await;
    assert_eq!((reply.status, reply.code()), (206, Some(435)), "{}", reply.body);
    assert!(reply.text("reason").contains("no recorded data"), "{}", reply.body);
    assert_eq!(reply.text("sid"), task.sid);
    assert!(stack.bucket().keys(&task.prefix).await.is_empty());
}

pub(crate) async fn a_wrong_bucket_is_refused(stack: &Stack) {
    // The stack's server makes a bucket of any name that S3 allows; this one it does not.
    let reply = refused(stack, "wrongbucket", |storage| storage["bucket"] = json!("No-Bucket")).await;
    assert!(reply.text("reason").contains("No-Bucket"), "{}", reply.body);
}

pub(crate) async fn a_store_that_does_not_answer_is_refused(stack: &Stack) {
    let nobody = "http://127.0.0.1:1";
    let reply = refused(stack, "nostore", |storage| {
        storage["extensionParams"]["endpoint"] = json!(nobody)
    })
    .await;
    assert!(reply.text("reason").contains(nobody), "{}", reply.body);
}

pub(crate) async fn wrong_keys_are_refused(stack: &Stack) {
    let secret = "not-the-secret-of-this-key";
    let reply = refused(stack, "wrongkeys", |storage| storage["secretKey"] = json!(secret)).await;
    assert!(!reply.body.to_string().contains(secret), "{}", reply.body);
}

/// Starts with a changed storageConfig, which must fail with a reason and leave nothing behind.
async fn refused(stack: &Stack, cname: &str, change: impl FnOnce(&mut Value)) -> Reply {
    let customer = stack.customer();
    let resource = customer.resource(cname, "9000").await;
    let mut body = customer.start_body(cname, "9000", cname);
    change(&mut body["clientRequest"]["storageConfig"]);
    let reply = customer.start(&resource, &body).await.expect(400);
    assert_eq!(reply.code(), Some(2), "{}", reply.body);
    assert!(!reply.text("reason").is_empty(), "{}", reply.body);
    // The recorder is free for a start that is right.
    let task = customer.record(cname, |_| {}).await;
    customer.stop(&task).await.expect(206);
    reply
}
