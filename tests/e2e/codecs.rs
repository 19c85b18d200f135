//! Video codecs beside H.264: recorded by copy, or as H.264, decoded in a mix, and played.

use std::path::{Path, PathBuf};

use serde_json::json;
use tapedeck_tests::bucket::Bucket;
use tapedeck_tests::customer::Task;
use tapedeck_tests::delivery::Delivery;
use tapedeck_tests::mixed::{Colour, Mixed, pictures};
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{playlist, probe};
use tokio::process::Command;

use crate::playing;
use crate::steps::{self, record_for};

/// A user who publishes a colour in a codec, and what becomes of it.
struct Sent {
    uid: &'static str,
    colour: (&'static str, Colour),
    /// In FFmpeg's words.
    coding: &'static str,
    codec: &'static str,
    height: u32,
    extension: &'static str,
    /// It is in a container that HLS knows.
    is_hls: bool,
}

const USERS: [Sent; 4] = [
    Sent {
        uid: "1",
        colour: ("0xff0000", Colour::Red),
        coding: "-c:v libx265 -preset ultrafast -g 15 -bf 2 -pix_fmt yuv420p -x265-params log-level=none:pools=1:open-gop=0",
        codec: "hevc",
        height: 180,
        extension: "ts",
        is_hls: true,
    },
    Sent {
        uid: "2",
        colour: ("0x00ff00", Colour::Green),
        coding: "-c:v libvpx -deadline realtime -cpu-used 8 -g 15 -b:v 200k",
        codec: "vp8",
        height: 180,
        extension: "webm",
        is_hls: false,
    },
    Sent {
        uid: "3",
        colour: ("0x0000ff", Colour::Blue),
        // VP9 over RTP is still an experiment to FFmpeg.
        coding: "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 15 -b:v 200k -pix_fmt yuv420p -strict experimental",
        codec: "vp9",
        height: 180,
        extension: "mp4",
        is_hls: true,
    },
    Sent {
        uid: "4",
        colour: ("0xffff00", Colour::Yellow),
        coding: "-c:v mjpeg -huffman default -pix_fmt yuvj420p -q:v 5",
        codec: "h264",
        // RFC 2435 counts in blocks of eight.
        height: 184,
        extension: "ts",
        is_hls: true,
    },
];

/// The corners of a picture in which four users stand.
const QUARTERS: [(f64, f64); 4] = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];

pub(crate) async fn each_is_recorded_mixed_and_played(stack: &Stack) {
    let (customer, cname) = (stack.customer(), "codecs");
    let mut users = USERS.map(|sent| {
        let media = Media::plain_and_tone(sent.colour.0, 440).with_video(sent.coding);
        Publisher::ffmpeg(
            &stack.publish_url(cname, sent.uid),
            &media,
            Transport::Tcp,
            stack.logs(),
        )
    });
    let copied = customer.record(cname, |_| {}).await;
    let mixed = customer
        .record_as("9001", "codecsmix", "mix", cname, |request| {
            steps::mix_to(
                request,
                json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 300, "mixedVideoLayout": 1 }),
            );
        })
        .await;
    steps::await_playlists(&customer, &copied, 2 * USERS.len()).await;
    record_for(20).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    let stopped = customer.stop(&mixed).await.expect(200);
    assert_eq!(
        stopped.body["serverResponse"]["uploadingStatus"], "uploaded",
        "{}",
        stopped.body
    );
    assert_eq!(steps::stop(&customer, &copied).await.len(), 2 * USERS.len());

    let mix = Mixed::fetch(&stack.bucket(), &mixed).await;
    mix.check().await;
    let pictures = pictures(&mix.file, 1).await;
    let last = &pictures[pictures.len() - 2];
    let seen = QUARTERS.map(|place| last.at(place));
    for Sent { codec, colour, .. } in &USERS {
        assert!(seen.contains(&colour.1), "{codec} is not in the mix: {seen:?}");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let delivery = Delivery::before(stack.bucket()).await;
    for sent in &USERS {
        let list = fetch(&stack.bucket(), &copied, sent, dir.path()).await;
        check(&list, sent).await;
    }
    // The browser has decoders of its own for this one.
    let key = format!("{}{}_{cname}__uid_s_3__uid_e_video.m3u8", copied.prefix, copied.sid);
    let played = playing::play(&delivery.url(&key), stack).await;
    assert_eq!(played["first"]["width"], 320, "{played}");
    // It has played to the end; on a busy machine it may have had to wait for its decoder.
    let errors = played["last"]["errors"].as_array().expect("a list");
    assert!(errors.iter().all(|error| error["fatal"] == false), "{played}");
}

/// A user's video playlist and its slices, in a directory.
async fn fetch(bucket: &Bucket, task: &Task, sent: &Sent, dir: &Path) -> PathBuf {
    let stem = format!("{}_{}__uid_s_{}__uid_e_video", task.sid, task.cname, sent.uid);
    for key in bucket.keys(&task.prefix).await {
        let name = key.strip_prefix(&task.prefix).expect("a listed object");
        if name.starts_with(&stem) {
            let object = bucket.get(&key).await.expect("a listed object");
            object.assert_headers();
            std::fs::write(dir.join(name), &object.data).expect("a file");
        }
    }
    dir.join(format!("{stem}.m3u8"))
}

/// Each slice is in its container, begins with a key frame, is decoded without a word and played by GStreamer; and so is the
/// playlist, where players know the container.
async fn check(list: &Path, sent: &Sent) {
    let text = std::fs::read_to_string(list).expect("a playlist");
    let parsed = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(parsed.ended && parsed.entries.len() >= 2, "{text}");
    assert!(
        parsed.entries.iter().skip(1).all(|entry| !entry.discontinuity),
        "{text}"
    );
    let total: f64 = parsed.entries.iter().map(|entry| entry.duration).sum();
    assert!(total > 16.0, "{text}");
    let mut count = 0;
    for entry in &parsed.entries {
        let slice = list.with_file_name(&entry.name);
        assert_eq!(slice.extension(), Some(sent.extension.as_ref()));
        let streams = probe::streams(&slice).await;
        assert_eq!(streams[0].codec_name, sent.codec);
        assert_eq!((streams[0].width, streams[0].height), (320, sent.height));
        assert_eq!(probe::warnings(&slice).await, "", "{}", slice.display());
        let packets = probe::packets(&slice).await;
        assert!(packets[0].key, "{}", slice.display());
        // A publisher on a busy machine stands still now and then.
        let expected = entry.duration * 15.0;
        let found = packets.len() as f64;
        assert!(
            (expected * 0.8 - 2.0..=expected + 2.0).contains(&found),
            "{found} pictures in {expected}: {text}"
        );
        count += packets.len();
        played_by_gstreamer(&slice).await;
    }
    assert!(count > 200, "{count}");
    if sent.is_hls {
        assert_eq!(probe::warnings(list).await, "", "{text}");
    }
}

async fn played_by_gstreamer(file: &Path) {
    let pipeline = format!("uridecodebin uri=file://{} ! fakesink sync=false", file.display());
    let output = Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .output()
        .await
        .expect("GStreamer runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", file.display());
}
