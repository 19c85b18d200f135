//! Pictures of several sizes or rates that a browser sends at once.

use std::time::Duration;

use protocol::MixCounters;
use protocol::TrackKind::{Audio, Video};
use serde_json::{Value, json};
use tapedeck_tests::customer::Task;
use tapedeck_tests::mixed::Mixed;
use tapedeck_tests::node::Node;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::sync::{beeps, flashes, offsets};
use tapedeck_tests::{probe, wait};

use crate::browsers::Page;
use crate::steps::{self, CAPTURE_LIMIT};

const LIMIT: Duration = Duration::from_secs(60);
/// What a viewer does not notice, in seconds.
const TOGETHER: f64 = 0.080;
/// A picture that stands for so many seconds has stopped: a busy browser sends fewer, but some.
const STANDS: f64 = 1.0;
/// Pixels for each picture of the mix, of all users together: between the small size and the middle one, the largest that a busy browser
/// may send. The other user has 320 × 180.
const SMALL: u64 = 95_000;
const LARGER: u64 = 110_000;

async fn mixed_by(node: &Node, task: &Task) -> MixCounters {
    wait::until("a report of the mix", LIMIT, async || node.report(&task.sid).await?.mix).await
}

/// Waits until the mix decodes so many pixels for each of its pictures.
async fn decodes(what: &str, node: &Node, task: &Task, is_right: impl Fn(u64) -> bool) {
    let mut last = mixed_by(node, task).await;
    wait::until(what, LIMIT, async || {
        let now = mixed_by(node, task).await;
        // Those that a busy machine leaves out were decoded, too.
        let frames = (now.frames + now.frames_shed) - (last.frames + last.frames_shed);
        if frames < 20 {
            return None;
        }
        let pixels = (now.pixels_decoded - last.pixels_decoded) / frames;
        println!("{what}: {pixels} pixels for each picture");
        last = now;
        is_right(pixels).then_some(())
    })
    .await;
}

pub(crate) async fn each_layout_gets_the_size_that_it_shows_from_another_node(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "sizes");
    let recorder = Node::start(&stack.info, stack.logs(), "recorder").await;
    let sizes = Page::open("sizes", &stack.web_url("whip", cname, "1"), "vp8", stack).await;
    let plain = Media::plain_and_tone("blue", 440).without_delay();
    let _plain = Publisher::ffmpeg(&stack.publish_url(cname, "2"), &plain, Transport::Tcp, stack.logs());
    let throttled = Page::open("throttled", &stack.web_url("whip", cname, "3"), "h264", stack).await;
    wait::until("all streams", CAPTURE_LIMIT, async || {
        let streams = stack
            .roster(cname)
            .await
            .users
            .iter()
            .map(|user| user.streams.len())
            .sum::<usize>();
        (streams == 4).then_some(())
    })
    .await;
    let individual = customer
        .record(cname, |request| {
            request["recordingConfig"]["subscribeVideoUids"] = json!(["3"]);
            request["recordingConfig"]["subscribeAudioUids"] = json!(["3"]);
        })
        .await;
    let layout = |large: &str| json!({ "mixedVideoLayout": 2, "maxResolutionUid": large });
    let mix = customer
        .record_as("9001", "sizesmixed", "mix", cname, |request| {
            let config = &mut request["recordingConfig"];
            config["subscribeVideoUids"] = json!(["1", "2"]);
            config["subscribeAudioUids"] = json!(["2"]);
            config["transcodingConfig"] = layout("2");
            for (name, value) in [("width", 640), ("height", 360), ("fps", 25), ("bitrate", 500)] {
                config["transcodingConfig"][name] = json!(value);
            }
        })
        .await;
    let update = async |large: &str| {
        let body = json!({ "cname": mix.cname, "uid": mix.uid, "clientRequest": layout(large) });
        customer.post(&mix.path("updateLayout"), &body).await.expect(200);
    };
    let is_small = |pixels| pixels > 0 && pixels < SMALL;
    decodes("shown small", &recorder, &mix, is_small).await;
    update("1").await;
    decodes("shown large", &recorder, &mix, |pixels| pixels > LARGER).await;
    update("2").await;
    decodes("shown small again", &recorder, &mix, is_small).await;
    customer.stop(&mix).await.expect(200);
    steps::stop(&customer, &individual).await;
    assert!(
        !recorder.log().contains("cannot be played here"),
        "a size was asked for in vain"
    );
    assert_eq!(sizes.close().await["ended"], 200);
    let late = throttled.close().await;

    let mixed = Mixed::fetch(&stack.bucket(), &mix).await;
    mixed.check().await;
    let stands = format!("freezedetect=n=0.00002:d={STANDS},metadata=print:key=lavfi.freezedetect.freeze_start:file=-");
    let into = ["-map", "0:v:0", "-vf", &stands, "-f", "null", "-"];
    let (text, _) = probe::decode(&[], &mixed.file, &into).await;
    let text = String::from_utf8_lossy(&text);
    let stood: Vec<f64> = text
        .lines()
        .filter_map(|line| line.split_once("freeze_start="))
        .map(|(_, at)| at.parse().expect("a number"))
        .collect();
    // Until the first picture of the one that moves has come.
    assert!(stood.iter().all(|at| *at < STANDS), "the picture stands at {stood:?}");
    keeps_time(stack, &individual, &late).await;
}

/// What a page sent that had little of the processor is in time: as late as the page itself drew it.
async fn keeps_time(stack: &Stack, task: &Task, page: &Value) {
    let recording = Recording::fetch(&stack.bucket(), task).await;
    let (audio, video) = (recording.track("3", Audio), recording.track("3", Video));
    for track in [audio, video] {
        assert_eq!(track.breaks(), 0, "{}", track.file_name());
        for slice in &track.slices {
            assert_eq!(probe::warnings(&slice.file).await, "", "{}", slice.file.display());
        }
    }
    assert!((audio.duration() - video.duration()).abs() < 1.0);
    let mut apart = offsets(&flashes(&video.file).await, &beeps(&audio.file).await);
    assert!(apart.len() >= 5, "{apart:?}");
    apart.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let late = page["late"].as_array().expect("a list");
    let late = late.iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    println!("throttled: apart {apart:.3?}, drawn late by {late:.3} s at most");
    let usual = apart[(apart.len() - 1) * 90 / 100].abs();
    assert!(usual <= TOGETHER + late, "{apart:.3?}");
}
