//! Group recording by the FSP dialect, from the token to the file.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use tapedeck_tests::fsp::{Fsp, Listener};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::wait;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::Mutex;

use crate::docs_page::CHROMIUM;
use crate::steps::{CAPTURE_LIMIT, record_for};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/listen.cjs");

/// Held by one test at a time: they share an account, which has one access token.
pub(crate) static ACCOUNT: Mutex<()> = Mutex::const_new(());

/// What a picture of the tasks lasts, in seconds.
pub(crate) const PICTURE: f64 = 1.0 / 15.0;
/// Seconds that are recorded before and behind the pause, and that it lasts.
pub(crate) const PART: u64 = 6;
const PAUSE: u64 = 8;

pub(crate) fn publish(stack: &Stack, fsp: &Fsp, group: &str, user: &str, media: &Media) -> Publisher {
    let url = format!("{}/{}/{group}/{user}", stack.info.rtsp, fsp.info.app_id);
    Publisher::ffmpeg(&url, media, Transport::Tcp, stack.logs())
}

pub(crate) async fn await_status(fsp: &Fsp, record_id: &str, status: i64) {
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
    let file = whole_file(&fsp, entry, stack.logs()).await;
    let lasts = length(&file, 1.5 * PICTURE).await;
    let whole = probe::duration(&file).await;
    assert!(
        (lasts - whole).abs() < PICTURE + 0.025,
        "{lasts} s of pictures, and {whole} s in all"
    );
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

/// The file that a link leads to, which has the MD5 that is told.
pub(crate) async fn whole_file(fsp: &Fsp, entry: &Value, logs: &Path) -> PathBuf {
    let url = entry["url"].as_str().expect("a link");
    let bytes = fsp.download(url).await.expect("the link is good");
    let name = entry["file_name"].as_str().expect("a name");
    let file = logs.join(format!("fsp.{}", name.rsplit('.').next().expect("an ending")));
    std::fs::write(&file, bytes).expect("a file");
    let sum = Command::new("md5sum").arg(&file).output().expect("md5sum");
    let sum = String::from_utf8(sum.stdout).expect("a sum");
    assert_eq!(entry["md5"].as_str(), sum.split(' ').next());
    assert_eq!(probe::warnings(&file).await, "");
    file
}

/// How long a file of 15 pictures a second lasts, in seconds. No picture in it lasts longer than `longest`.
pub(crate) async fn length(file: &Path, longest: f64) -> f64 {
    let mut times = probe::picture_times(file).await;
    times.sort_by(f64::total_cmp);
    let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(widest < longest, "a hole of {widest} s");
    times[times.len() - 1] - times[0] + PICTURE
}

/// What the vendor's demonstration page does.
pub(crate) async fn a_page_listens_and_makes_a_task(stack: &Stack) {
    let _account = ACCOUNT.lock().await;
    let group = "page";
    let fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let media = Media::picture_and_tone(320, 180).without_delay();
    let mut first = publish(stack, &fsp, group, "first", &media);
    wait::until("the first user", CAPTURE_LIMIT, async || {
        let mut listener = fsp.listener().await;
        users(&mut listener, &fsp, group)
            .await
            .contains(&"first".to_owned())
            .then_some(())
    })
    .await;
    let mut page = tokio::process::Command::new("node")
        .args([
            SCRIPT,
            CHROMIUM,
            &stack.info.edge,
            &fsp.info.app_id,
            group,
            &fsp.authorization(),
        ])
        .arg(stack.logs())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut lines = BufReader::new(page.stdout.take().expect("a pipe")).lines();
    let line = lines.next_line().await.expect("a pipe");
    let mut second = None;
    let mut seen: Vec<Value> = Vec::new();
    if let Some(line) = line {
        second = Some(publish(stack, &fsp, group, "second", &media));
        seen.push(serde_json::from_str(&line).expect("a line of JSON"));
        let rest = lines.next_line().await.expect("a pipe");
        seen.extend(rest.map(|line| serde_json::from_str::<Value>(&line).expect("a line of JSON")));
    }
    let output = page.wait_with_output().await.expect("it ends");
    let [listening, made] = &seen[..] else {
        panic!("{seen:?} {}", String::from_utf8_lossy(&output.stderr));
    };
    first.assert_alive();
    second.expect("another user").assert_alive();

    for (answer, message) in [
        (&listening["login"], "login successful"),
        (&listening["sync"], "synchronize all data successful"),
        (&listening["subscribed"], "subscribe successful"),
        (&listening["beat"], "heartbeat successful"),
        (&made["logout"], "logout successful"),
    ] {
        assert_eq!(
            (&answer["result"], &answer["message"]),
            (&json!(0), &json!(message)),
            "{answer}"
        );
    }
    let media = json!([{"media_id": "appdef_mic", "media_type": 1}, {"media_id": "LocalCam_0", "media_type": 2}]);
    let groups = json!([{
        "group_id": group,
        "group_media_list": [],
        "user_list": [{"user_id": "first", "media_info": media}],
    }]);
    assert_eq!(listening["sync"]["group_list"], groups);
    assert_eq!(
        (&made["layout"]["code"], &made["finish"]["code"]),
        (&json!(0), &json!(0)),
        "{made}"
    );
    assert_eq!(made["width"], 320, "the file plays");
    assert!(made["lasts"].as_f64().is_some_and(|lasts| lasts > 3.0), "{made}");

    let pushes = made["pushes"].as_array().expect("pushes");
    assert_numbered(pushes);
    let of_second: Vec<_> = pushes.iter().filter(|push| push["user_id"] == "second").collect();
    let kinds: Vec<_> = of_second
        .iter()
        .map(|push| (&push["id"], &push["media_type"]))
        .collect();
    let null = Value::Null;
    assert_eq!(
        kinds,
        [
            (&json!(20_100), &null),
            (&json!(20_102), &json!(1)),
            (&json!(20_102), &json!(2))
        ],
        "{of_second:?}"
    );
    assert_eq!(statuses(pushes, &made["record_id"]), [1, 2, 3, 4, 5, 6]);
}

/// Who is in a group.
async fn users(listener: &mut Listener, fsp: &Fsp, group: &str) -> Vec<String> {
    let wish = json!({"app_list": [{"app_id": fsp.info.app_id, "group_list": [group]}]});
    let state = listener.ask(20_008, &wish).await;
    assert_eq!(state["result"], 0, "{state}");
    let users = state["group_list"][0]["user_list"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    users
        .iter()
        .map(|user| user["user_id"].as_str().expect("an id").to_owned())
        .collect()
}

/// The versions of pushes grow by one.
fn assert_numbered(pushes: &[Value]) {
    let versions: Vec<_> = pushes
        .iter()
        .map(|push| push["version"].as_u64().expect("a version"))
        .collect();
    assert!(versions.windows(2).all(|pair| pair[1] == pair[0] + 1), "{versions:?}");
}

/// How a task was told to stand, one after the other; what is passed fast may be left out, so it is put in.
fn statuses(pushes: &[Value], record_id: &Value) -> Vec<i64> {
    let of_task = pushes.iter().filter(|push| push["record_id"] == *record_id);
    let mut told: Vec<i64> = of_task
        .map(|push| push["record_statue"].as_i64().expect("a status"))
        .collect();
    assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
    for passed in [3, 4, 5] {
        if !told.contains(&passed) {
            let place = told.iter().position(|status| *status == passed + 1 || *status == 6);
            told.insert(place.expect("the end"), passed);
        }
    }
    told
}

/// The processes that record and the edge are killed in the pause and out of it.
pub(crate) async fn a_task_and_its_listeners_survive_kills(stack: &mut Stack) {
    let group = "kills";
    let fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let app_list = |version: Option<u64>| json!({"app_list": [{"app_id": fsp.info.app_id, "version": version}]});
    let mut listener = strangers_hear_nothing(stack, &fsp).await;
    assert_eq!(listener.ask(20_004, &app_list(None)).await["result"], 0);
    let media = Media::picture_and_tone(320, 180).without_delay();
    let mut user = publish(stack, &fsp, group, "u", &media);
    let joined = listener.until(|push| push["id"] == 20_100).await;
    assert_eq!((&joined["group_id"], &joined["user_id"]), (&json!(group), &json!("u")));

    let init = json!({"group_id": group, "width": 320, "height": 180, "frame_rate": 15});
    let reply = fsp.done("/v1/record/init", &init).await;
    let record_id = reply["record_id"].as_str().expect("a record_id").to_owned();
    let of_task = json!({"record_id": record_id});
    let video = json!({"user_id": "u", "media_id": "0", "media_type": 2, "w": 320, "h": 180});
    let layout = json!({"record_id": record_id, "video_list": [video]});
    fsp.done("/v1/record/set/layout", &layout).await;
    listener.until_status(&record_id, 2).await;
    record_for(PART).await;
    kill_recorder(stack, &record_id).await;
    record_for(PART).await;
    fsp.done("/v1/record/suspend", &of_task).await;
    let paused = listener.until_status(&record_id, 7).await;
    kill_recorder(stack, &record_id).await;
    stack.crash(Part::Edge).await;
    listener.end().await;

    // Nobody listens while it goes on.
    wait::until("the task to be resumed", CAPTURE_LIMIT, async || {
        (fsp.post("/v1/record/resume", &of_task).await["code"] == 0).then_some(())
    })
    .await;
    let left = json!({"user_id": "u", "media_id": "0", "media_type": 2, "w": 160, "h": 180});
    let layout = json!({"record_id": record_id, "video_list": [left]});
    fsp.done("/v1/record/set/layout", &layout).await;
    let mut pushes = std::mem::take(&mut listener.pushes);
    let mut listener = fsp.listener().await;
    let version = paused["version"].as_u64();
    pushes.retain(|push| push["version"].as_u64() <= version);
    assert_eq!(listener.ask(20_004, &app_list(version)).await["result"], 0);
    record_for(PART).await;
    user.assert_alive();
    fsp.done("/v1/record/finish", &of_task).await;
    listener.until_status(&record_id, 6).await;
    pushes.append(&mut listener.pushes);
    assert_numbered(&pushes);
    assert_eq!(statuses(&pushes, &json!(record_id)), [1, 2, 7, 2, 3, 4, 5, 6]);
    assert_eq!(users(&mut listener, &fsp, group).await, ["u"]);

    let query = [("record_id", record_id.as_str())];
    let reply = fsp.get("/v1/record/file/download/url", &query).await;
    let (mut lasts, mut halves) = (0.0, [0, 0]);
    for entry in reply["data_list"].as_array().unwrap_or_else(|| panic!("{reply}")) {
        let file = whole_file(&fsp, entry, stack.logs()).await;
        // A mix that begins anew on a busy machine leaves pictures out; the pause is longer.
        lasts += length(&file, 1.0).await;
        halves = [
            colours(&file, "160:180:0:0").await,
            colours(&file, "160:180:160:0").await,
        ];
    }
    assert!(
        halves[0] > 20 && halves[1] < 5,
        "the second layout holds to the end: {halves:?}"
    );
    let recorded = (3 * PART) as f64;
    assert!(
        (recorded - 5.0..recorded + 4.0).contains(&lasts),
        "{lasts} s: two kills cost two seconds each at most, and the pause is not in it"
    );
    user.leave().await;
    let left = listener.until(|push| push["id"] == 20_101).await;
    assert_eq!((&left["group_id"], &left["user_id"]), (&json!(group), &json!("u")));
}

/// A connection that is logged in, after some that may not hear anything.
async fn strangers_hear_nothing(stack: &Stack, fsp: &Fsp) -> Listener {
    let mut listener = fsp.listen().await;
    let app_list = json!({"app_list": [{"app_id": fsp.info.app_id}]});
    assert_eq!(listener.ask(20_004, &app_list).await["result"], 6_050_030_006_u64);
    let wrong = json!({"dev_id": fsp.info.dev_id, "token": "0".repeat(32)});
    assert_eq!(listener.ask(20_000, &wrong).await["result"], 606_000_000);
    let nobodys = json!({"dev_id": "nobody", "token": fsp.access_token});
    assert_eq!(listener.ask(20_000, &nobodys).await["result"], 606_000_000);
    // An app of the same customer in another API, and one that nobody has.
    let mut listener = fsp.listener().await;
    for app_id in [stack.info.app_id.as_str(), "0"] {
        let foreign = json!({"app_list": [{"app_id": fsp.info.app_id}, {"app_id": app_id}]});
        for request in [20_004, 20_008] {
            assert_eq!(listener.ask(request, &foreign).await["result"], 6_050_030_007_u64);
        }
    }
    listener
}

/// Kills the process that records a task, and waits for the next one.
async fn kill_recorder(stack: &Stack, record_id: &str) {
    let sid = record_id.split_once('_').expect("a sid").1;
    let killed = stack.recorder(sid).expect("a recorder");
    kill(killed, Signal::SIGKILL).expect("it is killed");
    wait::until("another recorder", CAPTURE_LIMIT, async || {
        stack.recorder(sid).filter(|pid| *pid != killed)
    })
    .await;
}

/// How many greys a part of one of a file's last pictures has.
pub(crate) async fn colours(file: &Path, place: &str) -> usize {
    let filter = format!("crop={place},format=gray");
    let into = ["-vf", filter.as_str(), "-frames:v", "1", "-f", "rawvideo", "-"];
    let (pixels, complaints) = probe::decode(&["-sseof", "-1"], file, &into).await;
    assert!(!pixels.is_empty(), "{complaints}");
    let kinds: std::collections::BTreeSet<u8> = pixels.into_iter().collect();
    kinds.len()
}
