//! The pages `/`, `/publish` and `/docs` in Chromium: who can read them, what they show, and that a whole recording is made with what
//! `/docs` fills in.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tokio::process::Command;

pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser");
/// The prefix of the files in the page's first example of a start.
const PREFIX: &str = "lessons/";

pub(crate) async fn a_recording_is_made_on_the_page(stack: &Stack) {
    let (channel, logs) = ("docspage", stack.logs());
    let media = Media::picture_and_tone(320, 180).without_delay();
    let mut user = Publisher::ffmpeg(&stack.publish_url(channel, "1"), &media, Transport::Tcp, logs);
    let file = logs.join("stack.json");
    let said = run("try_it_out.cjs", stack, &[file.as_os_str(), channel.as_ref()]).await;
    user.assert_alive();
    assert_eq!(said["complaints"], Value::Array(vec![]), "errors on the page");
    assert_eq!(said["foreign"], Value::Array(vec![]), "asked of other servers");
    assert_eq!(said["shown"], Value::Array(vec![]), "secrets that the page shows");

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

pub(crate) async fn no_reader_is_shut_out(stack: &Stack) {
    let views = run("pages.cjs", stack, &[]).await;
    let views = views.as_array().expect("views");
    assert_eq!(views.len(), 8, "{views:?}");
    for view in views {
        let name = view["name"].as_str().expect("a name");
        assert_eq!(
            view["faults"],
            Value::Array(vec![]),
            "{name} cannot be read by everybody"
        );
        assert_eq!(
            view["complaints"],
            Value::Array(vec![]),
            "{name}: errors in the browser"
        );
        assert_eq!(view["isDark"], name.ends_with("dark"), "{view}");
        let calls: Vec<_> = view["calls"].as_array().expect("calls").iter().collect();
        let is_customers = |call: &Value| call.as_str().is_some_and(|path| path.starts_with("/v1/apps/"));
        match name.split_once('-').expect("a colour scheme").0 {
            "customer" => assert!(
                calls.len() == 8 && calls.iter().all(|call| is_customers(call)),
                "{calls:?}"
            ),
            "operator" => assert!(
                calls.len() > 20 && !calls.iter().any(|call| is_customers(call)),
                "{calls:?}"
            ),
            "publish" => {}
            _ => assert_eq!(
                view["links"],
                serde_json::json!(["/docs", "/publish", "/room", "/openapi.json", "/healthz"])
            ),
        }
    }
}

pub(crate) async fn no_page_can_be_framed(stack: &Stack) {
    for path in ["/", "/docs", "/docs/page.js", "/publish", "/room", "/openapi.json"] {
        let client = stack.customer().client;
        let response = client.get(format!("{}{path}", stack.info.edge)).send().await;
        let response = response.expect("the edge answers");
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map_or("", |value| value.to_str().expect("printable")).to_owned()
        };
        let policy = header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {part} is not in {policy:?}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        if path == "/" {
            assert_eq!(header("content-type"), "text/html; charset=utf-8");
        }
    }
}

/// What a script of the browser says of the edge's pages. It gets the browser, the edge, `words`, and a directory for pictures.
pub(crate) async fn run(script: &str, stack: &Stack, words: &[&OsStr]) -> Value {
    let pictures = stack.logs();
    let output = Command::new("node")
        .arg(Path::new(SCRIPTS).join(script))
        .args([CHROMIUM, &stack.info.edge])
        .args(words)
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
