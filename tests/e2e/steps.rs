//! What many tests do.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Task, send};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

/// The time that media takes from a publisher into a slice of a recording.
pub(crate) const CAPTURE_LIMIT: Duration = Duration::from_secs(30);

/// Lets media flow for a while: the one wait whose length is its purpose.
pub(crate) async fn record_for(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Whether the longer forms of tests are wanted.
pub(crate) fn is_soak() -> bool {
    std::env::var("TAPEDECK_SOAK").is_ok_and(|soak| soak == "1")
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock behind 1970");
    since.as_millis().try_into().expect("a present time")
}

/// Another app of the customer's tenant, that speaks a dialect.
pub(crate) async fn other_app(stack: &Stack, dialect: &str) -> Customer {
    let customer = stack.customer();
    let apps = format!("{}/admin/v1/apps", customer.base);
    let token = &stack.info.admin_token;
    let app = customer
        .client
        .get(format!("{apps}/{}", customer.app_id))
        .bearer_auth(token);
    let tenant = send(app).await.expect(200).text("tenant").to_owned();
    let app = customer
        .client
        .post(apps)
        .bearer_auth(token)
        .json(&json!({ "tenant": tenant, "dialect": dialect }));
    let app_id = send(app).await.expect(201).text("app_id").to_owned();
    Customer { app_id, ..customer }
}

/// Waits until the recording has so many playlists and its query says that it is in progress.
pub(crate) async fn await_playlists(customer: &Customer, task: &Task, count: usize) {
    wait::until(
        &format!("{count} playlists of {}", task.cname),
        CAPTURE_LIMIT,
        async || {
            let reply = customer.query(task).await;
            let response = &reply.body["serverResponse"];
            let files = response["fileList"].as_array().map_or(0, Vec::len);
            (reply.status == 200 && response["status"] == 5 && files >= count).then_some(())
        },
    )
    .await;
}

/// Stops, expects that everything is in the bucket, and returns the answer's list of files.
pub(crate) async fn stop(customer: &Customer, task: &Task) -> Vec<Value> {
    let reply = customer.stop(task).await.expect(200);
    assert_eq!(reply.text("sid"), task.sid, "{}", reply.body);
    assert_eq!(reply.text("resourceId"), task.resource_id, "{}", reply.body);
    let response = &reply.body["serverResponse"];
    assert_eq!(response["uploadingStatus"], "uploaded", "{}", reply.body);
    assert_eq!(response["fileListMode"], "json", "{}", reply.body);
    response["fileList"].as_array().expect("a list of files").clone()
}

/// Runs FFmpeg to make a file for a publisher; `options` are the words between `-v error` and the file's name.
pub(crate) async fn make_media(dir: &Path, name: &str, options: &str) -> PathBuf {
    let options: Vec<_> = options.split_whitespace().map(str::to_owned).collect();
    make_file(dir, name, &options).await
}

/// The same with options that have white space in them.
pub(crate) async fn make_file(dir: &Path, name: &str, options: &[String]) -> PathBuf {
    make_file_by("ffmpeg".as_ref(), dir, name, options).await
}

/// The same by another FFmpeg.
pub(crate) async fn make_file_by(ffmpeg: &Path, dir: &Path, name: &str, options: &[String]) -> PathBuf {
    let file = dir.join(name);
    let output = tokio::process::Command::new(ffmpeg)
        .args(["-nostdin", "-y", "-v", "error"])
        .args(options)
        .arg(&file)
        .output()
        .await
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

/// Makes the request for a mixed recording, of this picture, out of one for an individual recording.
pub(crate) fn mix_to(request: &mut Value, picture: Value) {
    let config = request["recordingConfig"].as_object_mut().expect("an object");
    config.remove("subscribeUidGroup");
    config.insert("transcodingConfig".to_owned(), picture);
}
