//! The life of a mixed recording as the API tells it, in both dialects.

use std::time::Duration;

use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Reply, Task};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps::{self, CAPTURE_LIMIT};

pub(crate) async fn agoras_playlist_is_told_by_name(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "mixagora");
    let _user = publisher(stack, &customer, cname);
    let task = start(&customer, cname, &["hls"], false).await;
    let name = format!("{}{}_{cname}.m3u8", task.prefix, task.sid);
    await_list(&customer, &task, |list| *list == json!(name)).await;
    change(&customer, &task).await;

    let reply = customer.stop(&task).await.expect(200);
    let response = &reply.body["serverResponse"];
    assert_eq!(response["fileListMode"], "string", "{}", reply.body);
    assert_eq!(
        (&response["fileList"], &response["uploadingStatus"]),
        (&json!(name), &json!("uploaded"))
    );
    assert!(stack.bucket().get(&name).await.is_some(), "{name} is in the bucket");
    assert_over(&customer, &task).await;
}

pub(crate) async fn anyrtcs_files_are_listed(stack: &Stack) {
    let (customer, cname) = (steps::other_app(stack, "anyrtc").await, "mixanyrtc");
    let _user = publisher(stack, &customer, cname);
    let task = start(&customer, cname, &["hls", "mp4"], true).await;
    await_list(&customer, &task, |list| {
        list.as_array()
            .is_some_and(|files| files.iter().any(|file| file["isPlayable"] == true))
    })
    .await;
    change(&customer, &task).await;

    let reply = customer.stop(&task).await.expect(200);
    assert!(reply.enveloped, "{}", reply.body);
    let response = &reply.body["serverResponse"];
    assert_eq!(response["fileListMode"], "json", "{}", reply.body);
    let files = response["fileList"].as_array().expect("a list of files");
    let kinds: Vec<_> = files
        .iter()
        .map(|file| text(file, "filename").rsplit('.').next())
        .collect();
    assert_eq!(kinds, [Some("mp4"), Some("m3u8")], "{}", reply.body);
    for file in files {
        let said = json!([file["uid"], file["trackType"], file["mixedAllUser"], file["isPlayable"]]);
        assert_eq!(said, json!(["0", "audio_and_video", true, true]), "{file}");
        assert!(stack.bucket().get(text(file, "filename")).await.is_some(), "{file}");
    }
    assert_over(&customer, &task).await;
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn publisher(stack: &Stack, customer: &Customer, cname: &str) -> Publisher {
    let url = stack
        .publish_url(cname, "1")
        .replace(&stack.info.app_id, &customer.app_id);
    Publisher::ffmpeg(&url, &Media::picture_and_tone(320, 180), Transport::Tcp, stack.logs())
}

/// Starts, and starts again, which tells of the recording that runs.
async fn start(customer: &Customer, cname: &str, types: &[&str], enveloped: bool) -> Task {
    let mut again = Value::Null;
    let task = customer
        .record_in("mix", cname, |request| {
            steps::mix_to(
                request,
                json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 300, "mixedVideoLayout": 1 }),
            );
            request["recordingFileConfig"]["avFileType"] = json!(types);
            again = request.clone();
        })
        .await;
    let body = json!({ "cname": task.cname, "uid": task.uid, "clientRequest": again });
    let reply = customer.start_in("mix", &task.resource_id, &body).await;
    assert_eq!(
        (reply.status, reply.code(), reply.enveloped),
        (201, Some(7), enveloped),
        "{}",
        reply.body
    );
    assert_eq!(reply.text("sid"), task.sid);
    task
}

async fn await_list(customer: &Customer, task: &Task, is_complete: impl Fn(&Value) -> bool) {
    wait::until("the files of the mix", CAPTURE_LIMIT, async || {
        let reply = customer.query(task).await;
        let response = &reply.body["serverResponse"];
        (reply.status == 200 && response["status"] == 5 && is_complete(&response["fileList"])).then_some(())
    })
    .await;
}

async fn call(customer: &Customer, task: &Task, call: &str, client_request: &Value) -> Reply {
    let body = json!({ "cname": task.cname, "uid": task.uid, "clientRequest": client_request });
    customer.post(&task.path(call), &body).await
}

fn lists() -> Value {
    json!({ "streamSubscribe": {
        "audioUidList": { "subscribeAudioUids": ["#allstream#"] },
        "videoUidList": { "subscribeVideoUids": ["1"] },
    }})
}

/// Changes subscription and layout while it runs.
async fn change(customer: &Customer, task: &Task) {
    let vertical = json!({ "mixedVideoLayout": 2, "maxResolutionUid": "1", "backgroundColor": "#FF0000" });
    for (what, request) in [("update", lists()), ("updateLayout", vertical)] {
        let reply = call(customer, task, what, &request).await.expect(200);
        assert_eq!(
            (reply.text("sid"), reply.text("resourceId")),
            (&*task.sid, &*task.resource_id)
        );
    }
    let wrong = call(customer, task, "updateLayout", &json!({ "mixedVideoLayout": 3 })).await;
    assert_eq!((wrong.status, wrong.code()), (400, Some(1028)), "{}", wrong.body);
    assert!(wrong.text("reason").contains("layoutConfig"), "{}", wrong.body);
}

/// What is over can be asked about and is not changed any more.
async fn assert_over(customer: &Customer, task: &Task) {
    let query = wait::until("the end of the mix", Duration::from_secs(20), async || {
        let reply = customer.query(task).await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    assert_eq!((query.status, query.code()), (404, Some(404)), "{}", query.body);
    assert_eq!(query.body["serverResponse"]["status"], 8, "{}", query.body);
    let again = customer.stop(task).await;
    assert_eq!((again.status, again.code()), (400, Some(49)), "{}", again.body);
    assert_eq!(
        again.body["serverResponse"]["fileList"],
        query.body["serverResponse"]["fileList"]
    );
    for (what, request) in [("update", lists()), ("updateLayout", json!({}))] {
        let reply = call(customer, task, what, &request).await;
        assert_eq!((reply.status, reply.code()), (404, Some(404)), "{what}: {}", reply.body);
    }
}
