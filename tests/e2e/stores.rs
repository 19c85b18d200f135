//! A store that takes nothing for a while, or no longer with the keys that it was given: the backup store, new keys, and
//! what the operator and the customer see of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::bucket::Bucket;
use tapedeck_tests::callback::Server;
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::wait;

use crate::steps::{self, record_for};

const LIMIT: Duration = Duration::from_secs(90);
const BACKUP: &str = "backup";
const AFTER_S: u64 = 4;

fn publish(stack: &Stack, cname: &str) -> Publisher {
    let media = Media::picture_and_tone(320, 180).without_delay();
    Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs())
}

async fn record_through(customer: &Customer, proxy: &Proxy, cname: &str) -> Task {
    let endpoint = json!(proxy.endpoint());
    let change = |request: &mut Value| request["storageConfig"]["extensionParams"]["endpoint"] = endpoint;
    customer.record(cname, change).await
}

async fn problem(customer: &Customer, task: &Task, code: &str) -> Value {
    wait::until(code, LIMIT, async || {
        let reply = customer.query(task).await;
        let problems = reply.body["serverResponse"]["problems"].as_array().cloned();
        problems.unwrap_or_default().into_iter().find(|one| one["code"] == code)
    })
    .await
}

pub(crate) async fn a_backup_takes_over_and_gives_back(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "backedup");
    let receiver = Server::start("s").await;
    let path = format!("apps/{}", customer.app_id);
    let config = &customer.start_body(cname, "1", "kept")["clientRequest"]["storageConfig"];
    let mut config = config.clone();
    config["bucket"] = json!(BACKUP);
    let settings = json!({
        "callback": { "url": receiver.url(), "secret": "s" },
        "backup": { "storageConfig": config, "after_s": AFTER_S },
    });
    let shown = stack.admin(Method::PATCH, &path, &settings).await.expect(200);
    assert!(
        !shown.body.to_string().contains(&customer.storage.secret_key),
        "{}",
        shown.body
    );
    let backup = Bucket::other(&stack.info.s3, BACKUP);
    let proxy = Proxy::before(&stack.info.s3.endpoint).await;
    let mut publisher = publish(stack, cname);
    let task = record_through(&customer, &proxy, cname).await;
    steps::await_playlists(&customer, &task, 2).await;
    proxy.answer("503 Service Unavailable", "SlowDown");
    record_for(22).await;
    problem(&customer, &task, "upload_backup").await;
    let held = backup.keys("kept/backedup/").await;
    assert!(held.iter().any(|key| key.ends_with(".m3u8")), "{held:?}");
    // A restart goes on where it was.
    stack.crash(Part::Node).await;
    drop(publisher);
    publisher = publish(stack, cname);
    wait::until("the recording goes on", LIMIT, async || {
        let report = stack.report(&task.sid).await?;
        (report.phase == protocol::Phase::Recording).then_some(())
    })
    .await;
    record_for(5).await;
    publisher.assert_alive();
    let reply = customer.stop(&task).await.expect(200);
    let response = &reply.body["serverResponse"];
    assert_eq!(response["uploadingStatus"], "backuped", "{}", reply.body);
    assert!(response["backedUpFiles"].as_u64() > Some(2), "{}", reply.body);
    assert_eq!(
        stack.node_metric("tapedeck_spool_bytes").await,
        0.0,
        "nothing is on the node alone"
    );

    proxy.restore();
    wait::until("everything in the customer's store", LIMIT, async || {
        (customer.query(&task).await.status == 404).then_some(())
    })
    .await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    recording.check().await;
    for track in &recording.tracks {
        assert_eq!(track.breaks(), 1, "{}: the node's restart", track.file_name());
        assert!(track.duration() > 22.0, "{}", track.file_name());
    }
    assert!(
        backup.keys("kept/backedup/").await.is_empty(),
        "what was moved is removed"
    );
    let told = wait::until("the last event", LIMIT, async || {
        let told = receiver.arrivals();
        told.iter().any(|event| event.body["eventType"] == 11).then_some(told)
    })
    .await;
    let types: Vec<_> = told
        .iter()
        .filter_map(|event| event.body["eventType"].as_u64())
        .collect();
    let place = |number| types.iter().position(|one| *one == number);
    assert!(place(32).is_some() && place(32) < place(31), "{types:?}");
    let path = format!("{path}/recordings/{}", task.sid);
    let recording = stack.admin(Method::GET, &path, &Value::Null).await.expect(200);
    let history = recording.body["history"].to_string();
    assert!(
        history.contains("backup_took_over") && history.contains("backup_emptied"),
        "{history}"
    );
}

pub(crate) async fn ended_keys_are_told_and_renewed(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "renewed");
    let proxy = Proxy::before(&stack.info.s3.endpoint).await;
    let mut publisher = publish(stack, cname);
    let task = record_through(&customer, &proxy, cname).await;
    steps::await_playlists(&customer, &task, 2).await;
    proxy.answer("400 Bad Request", "ExpiredToken");
    let told = problem(&customer, &task, "upload_keys_ended").await;
    assert!(told["message"].to_string().contains("storageConfig"), "{told}");
    let update = async |config: Value| {
        let body = json!({ "cname": cname, "uid": task.uid, "clientRequest": { "storageConfig": config } });
        customer.post(&task.path("update"), &body).await
    };
    let elsewhere = update(json!({ "stsToken": "t", "bucket": "elsewhere" })).await;
    assert_eq!(
        (elsewhere.status, elsewhere.code()),
        (400, Some(2)),
        "{}",
        elsewhere.body
    );
    // The store takes its own keys again, and no others.
    proxy.restore();
    update(json!({ "accessKey": "AKWRONG", "secretKey": "wrong-secret" }))
        .await
        .expect(200);
    problem(&customer, &task, "upload_refused").await;
    let (key, secret) = (&customer.storage.access_key, &customer.storage.secret_key);
    update(json!({ "accessKey": key, "secretKey": secret }))
        .await
        .expect(200);
    let before = stack.bucket().keys(&task.prefix).await.len();
    wait::until("uploads with the new keys", LIMIT, async || {
        (stack.bucket().keys(&task.prefix).await.len() > before).then_some(())
    })
    .await;
    proxy.answer("403 Forbidden", "RequestTimeTooSkewed");
    let told = problem(&customer, &task, "clock_skewed").await;
    assert_eq!(told["fault"], "ours", "{told}");
    proxy.restore();
    publisher.assert_alive();
    steps::stop(&customer, &task).await;
    let recording = Recording::fetch(&stack.bucket(), &task).await;
    recording.check().await;
    assert!(recording.tracks.iter().all(|track| track.breaks() == 0));
    assert_no_secrets(
        stack,
        &["wrong-secret", secret, &customer.secret, &stack.info.node_token],
    );
}

/// None of these is in a log, or on the spool's disk.
fn assert_no_secrets(stack: &Stack, secrets: &[&str]) {
    let mut dirs = vec![stack.logs().join("logs"), stack.logs().join("spool")];
    let mut read = 0;
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
            read += text.len();
            for secret in secrets {
                assert!(!text.contains(secret), "{} holds a secret", path.display());
            }
        }
    }
    assert!(read > 0, "there are logs");
    let log = std::fs::read_to_string(stack.logs().join("logs/node.log")).expect("the node's log");
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_a_recording = lines.iter().filter(|line| line.to_string().contains("upload failed"));
    assert!(
        of_a_recording.clone().count() > 0 && of_a_recording.clone().all(|line| line.to_string().contains("sid")),
        "lines of a recording carry its sid"
    );
}
