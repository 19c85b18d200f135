//! Group recording by the FSP dialect, from the token to the file.

use std::process::Command;

use serde_json::{Value, json};
use tapedeck_tests::fsp::Fsp;
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;
use tokio::sync::Mutex;

use crate::steps::{CAPTURE_LIMIT, record_for};

/// Held by one test at a time: they share an account, which has one access token.
static ACCOUNT: Mutex<()> = Mutex::const_new(());

/// Seconds that are recorded before and behind the pause, and that it lasts.
const PART: u64 = 6;
const PAUSE: u64 = 8;

fn publish(stack: &Stack, fsp: &Fsp, group: &str, user: &str, media: &Media) -> Publisher {
    let url = format!("{}/{}/{group}/{user}", stack.info.rtsp, fsp.info.app_id);
    Publisher::ffmpeg(&url, media, Transport::Tcp, stack.logs())
}

async fn await_status(fsp: &Fsp, record_id: &str, status: i64) {
    let what = format!("status {status}");
    wait::until(&what, CAPTURE_LIMIT, async || {
        (fsp.status(record_id).await == status).then_some(())
    })
    .await;
}

pub(crate) async fn a_manual_task_becomes_a_file(stack: &Stack) {
    let _account = ACCOUNT.lock().await;
    let group = "manual";
    let mut fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let before = fsp.access_token.clone();
    fsp.access_token = fsp.sign_in().await;
    let _jack = publish(stack, &fsp, group, "Jack_ID", &Media::picture_and_tone(320, 180));
    let _paul = publish(stack, &fsp, group, "Paul_ID", &Media::picture_and_tone(320, 180));

    let init =
        json!({"group_id": group, "file_name": "第一课", "width": 640, "height": 360, "frame_rate": 15, "seq": "s"});
    let reply = fsp.done("/v1/record/init", &init).await;
    assert_eq!((&reply["id"], &reply["seq"]), (&json!(8194), &json!("s")));
    let record_id = reply["record_id"].as_str().expect("a record_id").to_owned();
    let of_task = json!({"record_id": record_id});
    assert_eq!(fsp.status(&record_id).await, 1);
    assert_eq!(
        fsp.post("/v1/record/suspend", &of_task).await["code"],
        6_050_030_039_u64
    );

    let layout = |videos: Value| json!({"record_id": record_id, "video_list": videos, "seq": "l"});
    let video =
        |user: &str, x: u32| json!({"user_id": user, "media_id": "0", "media_type": 2, "x": x, "w": 320, "h": 360});
    let first = layout(json!([video("Jack_ID", 0), video("Paul_ID", 320)]));
    fsp.done("/v1/record/set/layout", &first).await;
    await_status(&fsp, &record_id, 2).await;
    record_for(PART).await;

    fsp.done("/v1/record/suspend", &of_task).await;
    assert_eq!(fsp.status(&record_id).await, 7);
    assert_eq!(
        fsp.post("/v1/record/set/layout", &first).await["code"],
        6_050_030_033_u64
    );
    record_for(PAUSE).await;
    fsp.done("/v1/record/resume", &of_task).await;
    fsp.done("/v1/record/set/layout", &layout(json!([video("Paul_ID", 0)])))
        .await;
    record_for(PART).await;

    let finished = fsp.done("/v1/record/finish", &of_task).await;
    await_status(&fsp, &record_id, 6).await;
    assert_eq!(fsp.post("/v1/record/finish", &of_task).await["code"], 6_050_030_001_u64);

    let reply = fsp
        .get("/v1/record/file/download/url", &[("record_id", record_id.as_str())])
        .await;
    assert_eq!((&reply["code"], &reply["total_num"]), (&json!(0), &json!(1)), "{reply}");
    let entry = &reply["data_list"][0];
    assert_eq!(entry["file_name"], "第一课.mp4");
    let url = entry["url"].as_str().expect("a link");
    let bytes = fsp.download(url).await.expect("the link is good");
    let file = stack.logs().join("fsp.mp4");
    std::fs::write(&file, bytes).expect("a file");
    let sum = Command::new("md5sum").arg(&file).output().expect("md5sum");
    let sum = String::from_utf8(sum.stdout).expect("a sum");
    assert_eq!(entry["md5"].as_str(), sum.split(' ').next());
    assert_eq!(probe::warnings(&file).await, "");
    let mut times = probe::picture_times(&file).await;
    times.sort_by(f64::total_cmp);
    let lasts = times[times.len() - 1] - times[0] + 1.0 / 15.0;
    let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(widest < 0.1, "a hole of {widest} s");
    let told = finished["media_duration"].as_f64().expect("a length");
    assert!((lasts - told).abs() < 1.0, "{lasts} s in the file, and {told} s told");
    let most = (2 * PART) as f64 + 3.0;
    assert!(
        (2 * PART) as f64 - 3.0 < lasts && lasts < most,
        "{lasts} s: the pause is not in it"
    );

    fsp.done("/v1/record/file", &json!({"mode": 1, "record_list": [record_id]}))
        .await;
    wait::until("the file to be deleted", CAPTURE_LIMIT, async || {
        fsp.download(url).await.is_none().then_some(())
    })
    .await;
    let list = fsp
        .get("/v1/record/task/list", &[("record_id", record_id.as_str())])
        .await;
    assert_eq!(list["total_num"], 0);

    fsp.access_token = before;
    let reply = fsp.get("/v1/record/task/list", &[]).await;
    assert_eq!(reply["code"], 606_000_001, "{reply}");
}

pub(crate) async fn an_automatic_task_is_alone_in_its_group(stack: &Stack) {
    let _account = ACCOUNT.lock().await;
    let group = "automatic";
    let fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let auto = json!({"group_id": group, "file_type": 1, "auto": {}});
    let reply = fsp.done("/v1/record/init", &auto).await;
    let record_id = reply["record_id"].as_str().expect("a record_id").to_owned();
    assert_eq!(fsp.post("/v1/record/init", &auto).await["code"], 6_050_030_038_u64);
    let layout = json!({"record_id": record_id, "video_list": []});
    assert_eq!(
        fsp.post("/v1/record/set/layout", &layout).await["code"],
        6_050_030_035_u64
    );
    let _user = publish(stack, &fsp, group, "u", &Media::tone_only());
    await_status(&fsp, &record_id, 2).await;
    record_for(PART).await;
    fsp.done("/v1/record/finish", &json!({"record_id": record_id})).await;
    await_status(&fsp, &record_id, 6).await;
    let reply = fsp
        .get("/v1/record/file/download/url", &[("record_id", record_id.as_str())])
        .await;
    let url = reply["data_list"][0]["url"]
        .as_str()
        .unwrap_or_else(|| panic!("{reply}"));
    let file = stack.logs().join("fsp.mp3");
    std::fs::write(&file, fsp.download(url).await.expect("the link is good")).expect("a file");
    let streams = probe::streams(&file).await;
    let names: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
    assert_eq!(names, ["mp3"]);
}

/// A task whose first layout never comes ends by itself.
pub(crate) async fn a_task_that_is_not_begun_ends(stack: &Stack) {
    let _account = ACCOUNT.lock().await;
    let fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let init = json!({"group_id": "nobody", "timeout": 5});
    let reply = fsp.done("/v1/record/init", &init).await;
    let record_id = reply["record_id"].as_str().expect("a record_id");
    assert_eq!(fsp.status(record_id).await, 1);
    await_status(&fsp, record_id, 6).await;
    let reply = fsp
        .get("/v1/record/file/download/url", &[("record_id", record_id)])
        .await;
    assert_eq!(reply["code"], 6_050_030_031_u64);
}
