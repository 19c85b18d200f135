//! The page `/publish` in Chromium: a person publishes there, and watches somebody who comes by RTSP.

use serde_json::json;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;

use crate::channel_tokens::App;
use crate::docs_page::run;

pub(crate) async fn a_person_publishes_and_watches(stack: &Stack) {
    let app = App::new(stack, &json!({})).await;
    let token = |uid: &str, can: &[&str]| app.token("lobby", uid, can);
    let url = format!("{}/{}/lobby/1", stack.info.rtsp, app.app_id());
    let media = Media::plain_and_tone("red", 440).in_opus().without_delay();
    let other = format!("{url}?token={}", token("1", &["publish"]));
    let mut other = Publisher::ffmpeg(&other, &media, Transport::Tcp, stack.logs());
    let words = [app.app_id(), "lobby", &token("*", &["publish", "play"]), "1"];
    let said = run("publish.cjs", stack, &words.map(AsRef::as_ref)).await;
    other.assert_alive();
    let refused = said["refused"].as_str().unwrap_or_default();
    assert!(refused.starts_with("401: "), "{said}");
    assert_eq!(
        said["sizes"],
        json!({ "own": [1280, 720], "others": [320, 180] }),
        "{said}"
    );
    assert_eq!(
        said["width"], 360,
        "a phone shows it without scrolling sideways: {said}"
    );
    assert_eq!(said["faults"], json!([]), "somebody cannot use the page");
    assert_eq!(said["complaints"], json!([]));
}
