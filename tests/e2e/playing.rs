//! Recordings in a browser: hls.js plays them from another origin, while they are recorded and after.

use serde_json::{Value, json};
use tapedeck_tests::delivery::Delivery;
use tapedeck_tests::playlist;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;
use tokio::process::Command;

use crate::docs_page::CHROMIUM;
use crate::steps::{self, CAPTURE_LIMIT};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/play.cjs");

pub(crate) async fn a_browser_plays_a_mix_from_another_origin(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "played");
    let media = Media::picture_and_tone(320, 180).without_delay();
    let mut user = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let task = customer
        .record_in("mix", cname, |request| {
            steps::mix_to(
                request,
                json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 200 }),
            );
        })
        .await;
    let bucket = stack.bucket();
    let key = format!("{}{}_{cname}.m3u8", task.prefix, task.sid);
    wait::until("a playlist", CAPTURE_LIMIT, async || bucket.get(&key).await.map(drop)).await;

    let delivery = Delivery::before(bucket.clone()).await;
    let playing = play(&delivery.url(&key), stack).await;
    user.assert_alive();
    assert_eq!(playing["first"]["ended"], false, "{playing}");
    assert_eq!(playing["first"]["width"], 320, "{playing}");
    assert_eq!(playing["last"]["errors"], json!([]), "{playing}");

    let stopped = customer.stop(&task).await.expect(200);
    assert_eq!(
        stopped.body["serverResponse"]["uploadingStatus"], "uploaded",
        "{}",
        stopped.body
    );
    let object = bucket.get(&key).await.expect("a playlist");
    let text = String::from_utf8(object.data).expect("a text");
    let whole = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(whole.event && whole.ended, "{text}");
    let played = play(&delivery.url(&key), stack).await;
    assert_eq!(played["last"]["ended"], true, "{played}");
    assert_eq!(played["last"]["slices"], whole.entries.len(), "{played}");
    assert_eq!(played["last"]["errors"], json!([]), "{played}");
}

/// What the player saw.
pub(crate) async fn play(playlist: &str, stack: &Stack) -> Value {
    play_with(playlist, stack, None).await
}

/// The same of one that plays on for so many seconds.
pub(crate) async fn play_on(playlist: &str, stack: &Stack, seconds: f64) -> Value {
    play_with(playlist, stack, Some(seconds.to_string())).await
}

async fn play_with(playlist: &str, stack: &Stack, seconds: Option<String>) -> Value {
    let output = Command::new("node")
        .args([SCRIPT, CHROMIUM, playlist])
        .arg(stack.logs())
        .args(seconds)
        .kill_on_drop(true)
        .output()
        .await
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}; pictures of the page are in {}",
        String::from_utf8_lossy(&output.stderr),
        stack.logs().display()
    );
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}
