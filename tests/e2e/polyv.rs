//! Polyv's API with house storage, the whole way: a channel that records itself, a callback that is told of the files, links that are
//! good until they expire, files that are made of others whatever becomes of the node, and a deletion that leaves nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;
use tapedeck_tests::polyv::{Polyv, Told, md5sum};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::wait;

use crate::steps::record_for;
use crate::strangers;

const LIMIT: Duration = Duration::from_secs(120);
/// The shortest life of a link that can be set, in seconds.
const LINK_S: u64 = 60;
const SECONDS: u64 = 20;
/// Of the second recording of the channel,
const MORE_SECONDS: u64 = 8;
/// which is kept for so long after its end.
const KEPT_S: u64 = 40;

async fn fetch(stack: &Stack, url: &str) -> Response {
    let client = stack.customer().client;
    client.get(url).send().await.expect("an answer")
}

async fn await_calls(told: &Told, count: usize) -> Vec<BTreeMap<String, String>> {
    wait::until(&format!("{count} calls"), LIMIT, async || {
        let calls = told.calls();
        (calls.len() >= count).then_some(calls)
    })
    .await
}

pub(crate) async fn a_channel_is_recorded_told_handed_out_and_deleted(stack: &mut Stack) {
    let account = stack.info.polyv.clone();
    let edge = stack.info.edge.clone();
    let settings = json!({ "house_storage": { "retention_days": 1, "link_lifetime_s": LINK_S } });
    let app = format!("apps/{}", account.app_id);
    stack.admin(Method::PATCH, &app, &settings).await.expect(200);
    let [told, states] = [Told::start().await, Told::start().await];
    for (what, told) in [("record", &told), ("stream", &states)] {
        let path = format!("/live/v2/user/{}/set-{what}-callback", account.user_id);
        let answer = account.call(&edge, "POST", &path, &[("url", &told.url())]).await;
        assert_eq!(
            answer,
            json!({"code": 200, "status": "success", "message": "", "data": ""})
        );
    }
    publish(stack, &account, &stack.info.rtmp, SECONDS).await;

    // The first call was answered with an error: it comes again before the second file is told.
    let calls = await_calls(&told, 3).await;
    let formats: Vec<_> = calls.iter().map(|call| call["format"].as_str()).collect();
    assert_eq!(formats, ["m3u8", "m3u8", "mp4"]);
    for call in &calls {
        let signed = md5sum(&format!("{}{}", account.app_secret, call["timestamp"])).await;
        assert_eq!(call["sign"], signed, "{call:?}");
        assert_eq!(
            (call["channelId"].as_str(), call["key"].as_str()),
            (account.channel_id.as_str(), "1")
        );
        assert_eq!((call["origin"].as_str(), call["hasRtcRecord"].as_str()), ("auto", "N"));
        assert_eq!(call["fileId"], calls[0]["fileId"]);
    }
    let (m3u8, mp4) = (&calls[1], &calls[2]);
    let seen = await_calls(&states, 3).await;
    let seen: Vec<_> = seen
        .iter()
        .map(|call| (&*call["status"], call["sessionId"] == mp4["sessionId"]))
        .collect();
    assert_eq!(seen, [("live", true), ("live", true), ("end", true)]);
    let begun = std::time::Instant::now();
    mp4_plays(stack, mp4).await;
    playlist_plays(stack, &m3u8["fileUrl"]).await;

    let sid = mp4["sessionId"].as_str();
    files_are_listed(stack, &account, mp4).await;
    let running = format!("{app}/recordings/{sid}");
    let shown = stack.admin(Method::GET, &running, &json!(null)).await.expect(200);
    assert!(!shown.body.to_string().contains(&stack.info.s3.secret_key));

    // Each link is good until its time is over, and not after.
    assert!(
        begun.elapsed().as_secs() < LINK_S / 2,
        "the machine is too busy to tell"
    );
    assert_eq!(fetch(stack, &mp4["fileUrl"]).await.status(), 200);
    let expiry = async {
        wait::until("the links expire", LIMIT, async || {
            let is_over = fetch(stack, &mp4["fileUrl"]).await.status() == 403;
            (is_over && fetch(stack, &m3u8["fileUrl"]).await.status() == 403).then_some(())
        })
        .await;
        let lived = begun.elapsed().as_secs();
        assert!(
            (LINK_S - 10..LINK_S + 15).contains(&lived),
            "the links lived for {lived} s"
        );
    };
    let ((), made) = tokio::join!(expiry, files_are_made_of_others(stack, &account, &told, mp4));
    stack.runs_again(Part::Node).await;
    strangers::get_at_no_file(stack, &account, mp4).await;

    deletion_leaves_nothing(stack, &account, &[sid, &made]).await;
}

/// Somebody publishes to the channel by this server's protocol, for so long from when it is recorded.
async fn publish(stack: &Stack, account: &Polyv, server: &str, seconds: u64) {
    let url = format!("{server}/{}/{}/teacher", account.app_id, account.channel_id);
    let media = Media::picture_and_tone(320, 180).without_delay();
    let publisher = match server.starts_with("rtmp") {
        true => Publisher::ffmpeg_by_rtmp(&url, &media, stack.logs()),
        false => Publisher::ffmpeg(&url, &media, Transport::Tcp, stack.logs()),
    };
    wait::until("the channel is recorded", LIMIT, async || {
        let path = format!("apps/{}/recordings", account.app_id);
        let list = stack.admin(Method::GET, &path, &json!(null)).await;
        let first = list.expect(200).body["items"][0].clone();
        (first["status"] == "recording").then_some(())
    })
    .await;
    record_for(seconds).await;
    publisher.leave().await;
}

/// A second recording of the channel, of another size, is put behind the first by a node that is killed meanwhile, and the first made
/// into a lasting one, whose ID is returned. What is not to last is gone by itself when its time is over, from the backup store too.
async fn files_are_made_of_others(
    stack: &Stack,
    account: &Polyv,
    told: &Told,
    first: &BTreeMap<String, String>,
) -> String {
    let (edge, channel) = (&stack.info.edge, account.channel_id.as_str());
    let s3 = &stack.info.s3;
    let settings = json!({
        "house_storage": { "retention_s": KEPT_S, "link_lifetime_s": LINK_S },
        "automatic": { "mode": "mix", "body": { "width": 320, "height": 180, "fps": 15, "bitrate": 300, "maxIdleTime": 5 } },
        "backup": { "storageConfig": {
            "vendor": 11, "region": 0, "bucket": s3.bucket, "accessKey": s3.access_key, "secretKey": s3.secret_key,
            "fileNamePrefix": ["backup"], "extensionParams": { "endpoint": s3.endpoint },
        } },
    });
    stack
        .admin(Method::PATCH, &format!("apps/{}", account.app_id), &settings)
        .await
        .expect(200);
    publish(stack, account, &stack.info.rtsp, MORE_SECONDS).await;
    let calls = await_calls(told, 5).await;
    let second = &calls[4];
    assert_ne!(second["sessionId"], first["sessionId"]);
    // What a backup store has of it goes with it.
    let backup = format!("backup/house/{}/{}/", account.app_id, second["sessionId"]);
    stack.bucket().put(&format!("{backup}slice.ts"), "a slice").await;

    let made = Told::start().await;
    let ids = format!("{},{}", first["fileId"], second["fileId"]);
    let params = [
        ("channelId", channel),
        ("fileIds", &ids),
        ("fileName", "两节课"),
        ("callbackUrl", &made.url()),
    ];
    let answer = account
        .call(edge, "POST", "/live/v3/channel/record/merge", &params)
        .await;
    let id = answer["data"].as_str().expect("an ID");
    let works_in = stack.spool().join(".joining").join(id);
    wait::until("the files to be coded anew", LIMIT, async || {
        works_in.join("joined.making").exists().then_some(())
    })
    .await;
    stack.kill(Part::Node);
    let call = await_calls(&made, 2).await.remove(1);
    let signed = md5sum(&format!("{}{}", account.app_secret, call["timestamp"])).await;
    assert_eq!(
        (&*call["status"], &*call["fileId"], &call["sign"]),
        ("success", id, &signed)
    );
    let shown = format!("apps/{}/recordings/{id}", account.app_id);
    let shown = stack.admin(Method::GET, &shown, &json!(null)).await.expect(200).body;
    let parts = shown["made"]["of"].as_array().map(Vec::len);
    assert_eq!((&shown["status"], parts), (&json!("ended"), Some(2)), "{shown}");
    let calls = await_calls(told, 6).await;
    let merged = &calls[5];
    assert_eq!((&*merged["origin"], &*merged["fileId"]), ("merge", id));
    let lasts = |call: &BTreeMap<String, String>| call["duration"].parse::<f64>().expect("a number");
    let together = lasts(first) + lasts(second);
    assert!(
        (lasts(merged) - together).abs() < 3.0,
        "{} of {together} s",
        lasts(merged)
    );
    let response = fetch(stack, &merged["fileUrl"]).await;
    // The name under which it is downloaded is part of the link.
    let name = percent_encoding::utf8_percent_encode("两节课", percent_encoding::NON_ALPHANUMERIC);
    let link = percent_encoding::percent_decode_str(&merged["fileUrl"]).decode_utf8_lossy();
    assert!(link.contains(&name.to_string()), "{link}");
    let file = stack.logs().join("merged.mp4");
    std::fs::write(&file, response.bytes().await.expect("a whole body")).expect("it is written");
    assert_eq!(probe::warnings(&file).await, "");
    let streams = probe::streams(&file).await;
    let sizes: Vec<_> = streams.iter().map(|stream| (stream.width, stream.height)).collect();
    assert!(sizes.contains(&(640, 360)), "as large as the larger one: {sizes:?}");
    let mut times = probe::picture_times(&file).await;
    times.sort_by(f64::total_cmp);
    let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(widest < 0.3, "a hole of {widest} s");
    assert!(times[times.len() - 1] > together - 3.0);

    let params = [
        ("channelId", channel),
        ("fileIds", &first["fileId"]),
        ("callbackUrl", &made.url()),
    ];
    let answer = account
        .call(edge, "POST", "/live/v3/channel/record/convert", &params)
        .await;
    let vid = answer["data"].as_str().expect("an ID").to_owned();
    let call = await_calls(&made, 3).await.remove(2);
    assert_eq!(
        (&*call["status"], &call["vid"], &call["sessionId"]),
        ("success", &vid, &first["sessionId"])
    );
    wait::until("what was not to last is gone by itself", LIMIT, async || {
        for sid in [second["sessionId"].as_str(), id] {
            let place = format!("house/{}/{sid}/", account.app_id);
            if !stack.bucket().keys(&place).await.is_empty() {
                return None;
            }
        }
        stack.bucket().keys(&backup).await.is_empty().then_some(())
    })
    .await;
    vid
}

async fn mp4_plays(stack: &Stack, call: &BTreeMap<String, String>) {
    let response = fetch(stack, &call["fileUrl"]).await;
    assert_eq!(response.status(), 200);
    let data = response.bytes().await.expect("a whole body");
    assert_eq!(data.len().to_string(), call["fileSize"]);
    let file = stack.logs().join("told.mp4");
    std::fs::write(&file, &data).expect("it is written");
    assert_eq!(probe::streams(&file).await.len(), 2);
    let mut times: Vec<f64> = probe::packets(&file).await.iter().map(|packet| packet.pts).collect();
    times.sort_by(f64::total_cmp);
    let lasts = times[times.len() - 1] - times[0];
    let told: f64 = call["duration"].parse().expect("a number");
    assert!((lasts - told).abs() < 2.0, "{lasts} s, {told} s were told");
    assert!(lasts > SECONDS as f64 - 3.0, "{lasts} s");
}

/// As a player does: the playlist from the edge, its slices from the store.
async fn playlist_plays(stack: &Stack, url: &str) {
    assert!(url.starts_with(&stack.info.edge), "{url}");
    let response = fetch(stack, url).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/vnd.apple.mpegurl");
    let playlist = response.text().await.expect("text");
    assert!(playlist.trim_end().ends_with("#EXT-X-ENDLIST"), "{playlist}");
    let mut whole = Vec::new();
    let slices: Vec<_> = playlist.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(slices.len() >= 2, "{playlist}");
    for slice in slices {
        let response = fetch(stack, slice).await;
        assert_eq!(response.status(), 200, "{slice}");
        whole.extend_from_slice(&response.bytes().await.expect("a whole body"));
    }
    let file = stack.logs().join("told.ts");
    std::fs::write(&file, &whole).expect("it is written");
    assert_eq!(probe::streams(&file).await.len(), 2);
}

async fn files_are_listed(stack: &Stack, account: &Polyv, call: &BTreeMap<String, String>) {
    let edge = &stack.info.edge;
    let path = format!("/live/v2/channels/{}/recordFiles", account.channel_id);
    let list = account.call(edge, "GET", &path, &[("userId", &account.user_id)]).await;
    let [file] = list["data"].as_array().expect("a list").as_slice() else {
        panic!("{list}");
    };
    assert_eq!(file["fileId"], call["fileId"]);
    assert_eq!(file["fileSize"].to_string(), call["fileSize"]);
    assert_eq!(file["resolution"], "640x360");
    assert_eq!(fetch(stack, file["url"].as_str().expect("a link")).await.status(), 200);
    let params = [("channelId", account.channel_id.as_str()), ("fileId", &call["fileId"])];
    let one = account.call(edge, "GET", "/live/v3/channel/record/get", &params).await;
    assert_eq!(one["data"]["daysLeft"], 1);
    for format in ["mp4", "m3u8"] {
        let url = one["data"][format].as_str().expect("a link");
        assert_eq!(fetch(stack, url).await.status(), 200, "{url}");
    }
}

async fn deletion_leaves_nothing(stack: &Stack, account: &Polyv, sids: &[&str]) {
    let edge = &stack.info.edge;
    let path = format!("/live/v2/channel/recordFile/{}/delete-record", account.channel_id);
    for sid in sids {
        let place = format!("house/{}/{sid}/", account.app_id);
        assert!(!stack.bucket().keys(&place).await.is_empty(), "{place}");
        account.call(edge, "POST", &path, &[("sessionId", sid)]).await;
        // It is found no more at once,
        let (status, body) = account.try_to_call(edge, "POST", &path, &[("sessionId", sid)]).await;
        assert_eq!(
            (status, body["message"].as_str()),
            (400, Some("record file not found."))
        );
    }
    let list = format!("/live/v2/channels/{}/recordFiles", account.channel_id);
    let list = account.call(edge, "GET", &list, &[("userId", &account.user_id)]).await;
    assert_eq!(list["data"], json!([]));
    // and gone soon after.
    wait::until("every object is gone", LIMIT, async || {
        let place = format!("house/{}/", account.app_id);
        stack.bucket().keys(&place).await.is_empty().then_some(())
    })
    .await;
    let path = format!("apps/{}/recordings", account.app_id);
    wait::until("the index forgets them", LIMIT, async || {
        let list = stack.admin(Method::GET, &path, &json!(null)).await.expect(200);
        (list.body["items"] == json!([])).then_some(())
    })
    .await;
    wait::until("the figures tell", LIMIT, async || {
        let metrics = stack.metrics().await;
        let deleted = metrics.get("tapedeck_edge_recordings_deleted_total").copied();
        (deleted == Some(4.0)).then_some(())
    })
    .await;
}
