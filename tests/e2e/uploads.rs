//! Files that customers and their clients send become recordings of the app.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::probe;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::uprtc::{RoomClient, UploadClient, Uprtc};
use tapedeck_tests::wait;
use tokio::process::Command;

use crate::rooms::{await_status, customer, fetch_record, text};

const SECONDS: u32 = 3;
/// For a node to make the recording on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);
/// A little more than a gigabyte of plain pictures.
const LONG_SECONDS: u32 = 130;
const BREAKS: u64 = 20;
/// As many bytes as a frame may have, and as may wait for their confirmation.
const LARGEST_FRAME: u64 = 256 << 10;
const ON_THE_WAY: u64 = 6 << 20;
/// Frames of a client.
const FRAME_BYTES: usize = 32 << 10;

pub(crate) async fn files_that_are_sent_become_recordings(stack: &Stack) {
    let customer = customer(stack);
    let (webm, mp4, text_file) = (
        clip(stack, "sent.webm", &["-c:v", "libvpx", "-b:v", "1M", "-c:a", "libopus"]).await,
        clip(
            stack,
            "sent.mp4",
            &["-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac"],
        )
        .await,
        stack.logs().join("sent.txt"),
    );
    std::fs::write(&text_file, "this is no media").expect("a file");
    let by_form = [
        post_form(&customer, stack, &webm).await,
        post_form(&customer, stack, &mp4).await,
    ];
    let refused = post_form(&customer, stack, &text_file).await;
    let by_socket = send(&customer, &std::fs::read(&webm).expect("the file")).await;
    for (number, record_id) in by_form.iter().chain([&by_socket]).enumerate() {
        await_status(&customer, &format!("/record/{record_id}/status"), 6).await;
        let name = format!("upload-{number}.mp4");
        let file = fetch_record(&customer, stack, record_id, &name).await;
        let streams = probe::streams(&file).await;
        let mut codecs: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
        codecs.sort_unstable();
        assert_eq!(codecs, ["aac", "h264"], "{name}");
        let lasts = probe::duration(&file).await;
        assert!((lasts - f64::from(SECONDS)).abs() < 0.3, "{name} lasts {lasts} s");
        assert_eq!(probe::warnings(&file).await, "", "{name}");
    }
    // What was right already is not encoded again: the pictures are the same to the last bit.
    let copy = stack.logs().join("upload-1.mp4");
    assert_eq!(probe::pictures(&copy).await, probe::pictures(&mp4).await);
    shown(&customer, stack, &by_form[1]).await;
    part_of_it(&customer, &by_form[1], &std::fs::read(copy).expect("the file")).await;
    wait::until("what is no media has failed", LIMIT, async || {
        let status = customer
            .call(Method::GET, &format!("/record/{refused}/status"), None)
            .await;
        (status["data"]["status"] == 7).then_some(())
    })
    .await;
    let download = customer.get_raw(&format!("/record/download/{refused}")).await;
    let answer: Value = download.json().await.expect("an answer");
    assert_eq!(answer["code"], 50_019);
    wait::until("nothing is left of the pieces", LIMIT, async || {
        let keys = stack.bucket().keys("").await;
        let pieces = keys
            .iter()
            .filter(|key| key.contains(&customer.info.app_id) && key.contains("/pieces/"));
        (pieces.count() == 0).then_some(())
    })
    .await;
}

/// A clip of a picture that moves and a tone.
async fn clip(stack: &Stack, name: &str, coding: &[&str]) -> PathBuf {
    let path = stack.logs().join(name);
    let picture = format!("testsrc2=size=320x180:rate=25:duration={SECONDS}");
    let tone = format!("sine=frequency=440:duration={SECONDS}");
    let made = Command::new("ffmpeg")
        .args([
            "-loglevel",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            &picture,
            "-f",
            "lavfi",
            "-i",
            &tone,
        ])
        .args(coding)
        .arg(&path)
        .status();
    assert!(made.await.expect("ffmpeg runs").success());
    path
}

/// By a client that nobody here wrote; returns the record's id.
async fn post_form(customer: &Uprtc, stack: &Stack, file: &Path) -> String {
    let posted = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*"])
        .arg("--header")
        .arg(format!("authorization: key={}", customer.info.app_secret))
        .arg("--form")
        .arg(format!("file=@{}", file.display()))
        .arg(format!("{}/uprtc/api/v2/record/upload", stack.info.edge))
        .output();
    let posted = posted.await.expect("curl runs");
    let answer: Value = serde_json::from_slice(&posted.stdout).unwrap_or_else(|error| {
        panic!("{error}: {posted:?}");
    });
    assert_eq!(answer["code"], 0, "{answer}");
    text(&answer["data"]["recordId"]).to_owned()
}

/// By a socket that breaks, and another one; returns the record's id.
async fn send(customer: &Uprtc, file: &[u8]) -> String {
    let given = customer.done(Method::POST, "/record/client/upload", None).await;
    let (url, record_id) = (text(&given["serverUrl"]), text(&given["recordId"]));
    let half = file.len() / 2;
    let mut client = UploadClient::open(url).await;
    assert_eq!(client.next().await, Some(json!({ "ack": 0 })));
    for frame in file[..half].chunks(FRAME_BYTES) {
        client.send(frame).await;
    }
    let ack = client.next().await.expect("what has come is confirmed");
    let stored = usize::try_from(ack["ack"].as_u64().expect("a number")).expect("a length");
    assert_eq!(stored, half, "it is confirmed as one piece");
    drop(client);

    let mut stranger = UploadClient::open(&url.replace("token=", "token=x")).await;
    assert!(stranger.next().await.expect("a reason")["error"].is_string());
    assert_eq!(stranger.next().await, None);
    let mut client = UploadClient::open(&format!("{url}&offset={}", half - 100)).await;
    assert_eq!(client.next().await, Some(json!({ "ack": half })));
    for frame in file[half - 100..].chunks(FRAME_BYTES) {
        client.send(frame).await;
    }
    client.say(&json!({ "end": true })).await;
    assert_eq!(client.next().await, Some(json!({ "ack": file.len() })));
    assert_eq!(client.next().await, Some(json!({ "done": true })));
    assert_eq!(client.next().await, None);
    record_id.to_owned()
}

/// A file of a gigabyte by a socket that breaks again and again, at whatever place that is.
pub(crate) async fn a_gigabyte_comes_by_a_socket_that_breaks(stack: &Stack) {
    let customer = customer(stack);
    let path = stack.logs().join("gigabyte.avi");
    let picture = format!("testsrc2=size=640x360:rate=25:duration={LONG_SECONDS}");
    let made = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-y", "-f", "lavfi", "-i", &picture])
        .args(["-c:v", "rawvideo", "-pix_fmt", "yuv420p"])
        .arg(&path)
        .status();
    assert!(made.await.expect("ffmpeg runs").success());
    let mut file = std::fs::File::open(&path).expect("the file");
    let bytes = file.metadata().expect("its length").len();
    assert!(bytes > 1 << 30, "{bytes}");
    let given = customer.done(Method::POST, "/record/client/upload", None).await;
    let (url, record_id) = (text(&given["serverUrl"]), text(&given["recordId"]));
    let begin = std::time::Instant::now();
    let mut stored = 0;
    for part in 1..=BREAKS + 1 {
        let until = bytes * part / (BREAKS + 1);
        let mut client = UploadClient::open(&format!("{url}&offset={stored}")).await;
        let mut sent = acknowledged(&mut client).await;
        assert!(sent >= stored, "what was confirmed is kept");
        stored = sent;
        file.seek(SeekFrom::Start(sent)).expect("a place in the file");
        while sent < until {
            let length = (until - sent).min(LARGEST_FRAME);
            let mut frame = vec![0; usize::try_from(length).expect("a length")];
            file.read_exact(&mut frame).expect("bytes of the file");
            client.send(&frame).await;
            sent += length;
            while sent - stored > ON_THE_WAY {
                stored = acknowledged(&mut client).await;
            }
        }
        if part > BREAKS {
            client.say(&json!({ "end": true })).await;
            while acknowledged(&mut client).await < bytes {}
            assert_eq!(client.next().await, Some(json!({ "done": true })));
        }
    }
    println!("{bytes} bytes with {BREAKS} breaks took {:?}", begin.elapsed());
    wait::until("the file is a recording", 5 * LIMIT, async || {
        let status = customer
            .call(Method::GET, &format!("/record/{record_id}/status"), None)
            .await;
        (status["data"]["status"] == 6).then_some(())
    })
    .await;
    let file = fetch_record(&customer, stack, record_id, "gigabyte.mp4").await;
    let lasts = probe::duration(&file).await;
    assert!((lasts - f64::from(LONG_SECONDS)).abs() < 0.3, "it lasts {lasts} s");
    println!("it was there after {:?}", begin.elapsed());
}

/// How much is stored, as the next frame says.
async fn acknowledged(client: &mut UploadClient) -> u64 {
    let frame = client.next().await.expect("the socket is open");
    frame["ack"]
        .as_u64()
        .unwrap_or_else(|| panic!("no confirmation: {frame}"))
}

/// In a room of its own: to a client who is there before it begins, and to a player of the channel.
async fn shown(customer: &Uprtc, stack: &Stack, record_id: &str) {
    let ends = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock") + LIMIT;
    let ends = u64::try_from(ends.as_millis()).expect("a time");
    let body = json!({"recordId": record_id, "loopPlay": true, "endTime": ends});
    let room = customer.done(Method::POST, "/record/playback", Some(&body)).await;
    let room_id = text(&room["roomId"]);
    let mut viewer = RoomClient::open(&format!("{}{room_id}", text(&room["serverUrl"]))).await;
    let joined = viewer.join("viewer").await;
    assert_eq!((&joined["t"], &joined["role"]), (&json!("joined"), &json!("audience")));
    let url = format!("{}/{}/{room_id}/{record_id}", stack.info.rtsp, customer.info.app_id);
    let streams = wait::until("the recording is played", LIMIT, async || probe::played(&url).await).await;
    assert!(
        streams.iter().any(|stream| (stream.width, stream.height) == (320, 180)),
        "{streams:?}"
    );
    customer.done(Method::DELETE, &format!("/room/{room_id}"), None).await;
    assert_eq!(viewer.await_frame("bye").await["code"], 50_001);
    // One that is not repeated ends with its last picture, and the room with it.
    let body = json!({ "recordId": record_id });
    let room = customer.done(Method::POST, "/record/playback", Some(&body)).await;
    let path = format!("/room/{}/exist", text(&room["roomId"]));
    wait::until("the room has ended", LIMIT, async || {
        let answer = customer.call(Method::GET, &path, None).await;
        (answer["data"]["exist"] == false).then_some(())
    })
    .await;
}

/// A part of a file is to be had alone.
async fn part_of_it(customer: &Uprtc, record_id: &str, whole: &[u8]) {
    let found = customer.get_raw(&format!("/record/download/{record_id}")).await;
    let link = found.headers().get("location").cloned();
    let Some(link) = link.as_ref().and_then(|link| link.to_str().ok()) else {
        panic!("no link: {:?}", found.text().await);
    };
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let part = client
        .get(link)
        .header("Range", "bytes=10-19")
        .send()
        .await
        .expect("an answer");
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.expect("ten bytes"), whole[10..20]);
}
