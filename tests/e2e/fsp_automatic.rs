//! Tasks of the FSP dialect that arrange or end themselves: of one user and of nine, in several files, without a layout; and links
//! that expire.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tapedeck_tests::fsp::{Fsp, FspInfo};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::Media;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::fsp::{ACCOUNT, PART, PICTURE, await_status, colours, length, publish, whole_file};
use crate::steps::record_for;
use crate::strangers;

/// The shortest life of a link that can be set, in seconds.
const LINK_S: u64 = 60;

/// Nine users in tiles, in files of both kinds.
pub(crate) async fn nine_users_are_in_one_picture(stack: &Stack) {
    let _account = ACCOUNT.lock().await;
    let group = "nine";
    let fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let media = Media::picture_and_tone(160, 90).without_delay();
    let users: Vec<_> = (0..9)
        .map(|user| publish(stack, &fsp, group, &format!("u{user}"), &media))
        .collect();
    let auto = json!({"group_id": group, "width": 480, "height": 270, "frame_rate": 15, "auto": {}});
    let reply = fsp.done("/v1/record/init", &auto).await;
    let record_id = reply["record_id"].as_str().expect("a record_id").to_owned();
    await_status(&fsp, &record_id, 2).await;
    record_for(3 * PART).await;
    fsp.done("/v1/record/finish", &json!({"record_id": record_id})).await;
    await_status(&fsp, &record_id, 6).await;
    drop(users);
    let query = [("record_id", record_id.as_str())];
    let reply = fsp.get("/v1/record/file/download/url", &query).await;
    let file = whole_file(&fsp, &reply["data_list"][0], stack.logs()).await;
    // No tile of the last picture is empty: each shows the moving test picture, which has many colours.
    for tile in 0..9 {
        let place = format!("160:90:{}:{}", tile % 3 * 160, tile / 3 * 90);
        assert!(colours(&file, &place).await > 20, "tile {tile} shows nothing");
    }
}

/// Files of 15 minutes, the shortest that can be asked for.
pub(crate) async fn a_task_is_in_files_of_the_length_that_is_asked_for(stack: &Stack) {
    const MINUTES: u64 = 15;
    let account = ACCOUNT.lock().await;
    let group = "split";
    let fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let media = Media::picture_and_tone(160, 90).without_delay();
    let mut user = publish(stack, &fsp, group, "u", &media);
    let init =
        json!({"group_id": group, "width": 160, "height": 90, "frame_rate": 15, "file_duration": MINUTES, "auto": {}});
    let reply = fsp.done("/v1/record/init", &init).await;
    let record_id = reply["record_id"].as_str().expect("a record_id").to_owned();
    await_status(&fsp, &record_id, 2).await;
    record_for(MINUTES * 60 + 30).await;
    user.assert_alive();
    fsp.done("/v1/record/finish", &json!({"record_id": record_id})).await;
    await_status(&fsp, &record_id, 6).await;
    let query = [("record_id", record_id.as_str())];
    let reply = fsp.get("/v1/record/file/download/url", &query).await;
    drop(account);
    let [first, second] = reply["data_list"].as_array().expect("files").as_slice() else {
        panic!("{reply}");
    };
    // A mix on a busy machine leaves pictures out.
    let file = whole_file(&fsp, first, stack.logs()).await;
    let lasts = length(&file, 1.0).await;
    assert!((lasts - (MINUTES * 60) as f64).abs() < 1.5 * PICTURE, "{lasts} s");
    let file = whole_file(&fsp, second, stack.logs()).await;
    let lasts = length(&file, 1.0).await;
    assert!((25.0..45.0).contains(&lasts), "{lasts} s");
}

/// Sound alone, handed out by a link that expires, to nobody else.
pub(crate) async fn an_automatic_task_is_alone_in_its_group(stack: &Stack) {
    let account = ACCOUNT.lock().await;
    let group = "automatic";
    let path = format!("apps/{}", stack.info.fsp.app_id);
    let app = stack.admin(Method::GET, &path, &json!(null)).await.expect(200);
    let info = FspInfo::of_app(stack, app.text("tenant"), &stack.info.fsp, LINK_S).await;
    let fsp = Fsp::new(&stack.info.edge, &info).await;
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
    let query = [("record_id", record_id.as_str())];
    let reply = fsp.get("/v1/record/file/download/url", &query).await;
    let begun = Instant::now();
    let file = whole_file(&fsp, &reply["data_list"][0], stack.logs()).await;
    let streams = probe::streams(&file).await;
    let names: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
    assert_eq!(names, ["mp3"]);
    let lasts = probe::duration(&file).await;
    let recorded = PART as f64;
    assert!((recorded - 2.0..recorded + 6.0).contains(&lasts), "{lasts} s");

    strangers::get_at_no_task(stack, &fsp, &record_id).await;
    let reply = fsp.get("/v1/record/file/download/url", &query).await;
    assert_eq!(reply["total_num"], 1, "it is still there: {reply}");
    // Others may sign in while the link is waited for.
    drop(account);
    let url = reply["data_list"][0]["url"].as_str().expect("a link");
    let made = Instant::now();
    wait::until("the link to expire", 2 * Duration::from_secs(LINK_S), async || {
        fsp.download(url).await.is_none().then_some(())
    })
    .await;
    let (longest, shortest) = (begun.elapsed().as_secs(), made.elapsed().as_secs());
    assert!(
        shortest + 10 > LINK_S && longest < LINK_S + 30,
        "the link lived for {shortest} s to {longest} s"
    );
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
