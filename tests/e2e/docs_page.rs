//! The page `/docs` in Chromium: a whole recording is made with what it fills in.

use std::path::Path;

use serde_json::Value;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tokio::process::Command;

pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/try_it_out.cjs");
/// The prefix of the files in the page's first example of a start.
const PREFIX: &str = "lessons/";

pub(crate) async fn a_recording_is_made_on_the_page(stack: &Stack) {
    let (channel, logs) = ("docspage", stack.logs());
    let media = Media::picture_and_tone(320, 180).without_delay();
    let mut user = Publisher::ffmpeg(&stack.publish_url(channel, "1"), &media, Transport::Tcp, logs);
    let said = perform(&stack.info.edge, &logs.join("stack.json"), channel, logs).await;
    user.assert_alive();
    assert_eq!(said["complaints"], Value::Array(vec![]), "errors on the page");
    assert_eq!(said["foreign"], Value::Array(vec![]), "asked of other servers");

    let answer = |call: &str| {
        let answer = &said["answers"][call];
        assert_eq!(answer["status"], 200, "{call}: {answer}");
        answer["body"].clone()
    };
    let started = answer("start");
    assert_eq!(started["resourceId"], answer("acquire")["resourceId"]);
    assert_eq!(started["cname"], channel);
    assert_eq!(answer("query")["serverResponse"]["status"], 5);
    let stopped = answer("stop");
    assert_eq!(stopped["sid"], started["sid"]);
    assert_eq!(stopped["serverResponse"]["uploadingStatus"], "uploaded");

    let keys = stack.bucket().keys(PREFIX).await;
    let files = stopped["serverResponse"]["fileList"].as_array().expect("files").clone();
    assert_eq!(files.len(), 2, "audio and video: {files:?}");
    for file in files {
        let name = file["fileName"].as_str().expect("a name");
        assert!(
            keys.iter().any(|key| key == name),
            "{name} is not in the bucket: {keys:?}"
        );
    }
}

/// What the page answered to acquire, start, query and stop.
async fn perform(edge: &str, stack_json: &Path, channel: &str, pictures: &Path) -> Value {
    let output = Command::new("node")
        .args([SCRIPT, CHROMIUM, edge])
        .arg(stack_json)
        .arg(channel)
        .arg(pictures)
        .kill_on_drop(true)
        .output()
        .await
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}; pictures of the page are in {}",
        String::from_utf8_lossy(&output.stderr),
        pictures.display()
    );
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}
