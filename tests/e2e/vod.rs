//! Recordings into Alibaba Cloud's video-on-demand service.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::callback::Server;
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::playlist::{self, Playlist};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::vod::{ACCESS_KEY, REGION, Refused, SECRET_KEY, Service, TEMPLATE_GROUP, Video};
use tapedeck_tests::wait;

use crate::failover::{self, is_of_second};
use crate::steps::record_for;

const SECRET: &str = "notification-secret";
/// Two slices and what the machine needs for them.
const SLICES_LIMIT: Duration = Duration::from_secs(60);
const END_LIMIT: Duration = Duration::from_secs(60);

/// Puts the service in the bucket's place.
fn use_service(request: &mut Value, service: &Service) {
    let request = request.as_object_mut().expect("an object");
    request.remove("storageConfig");
    request.insert(
        "extensionServiceConfig".to_owned(),
        json!({
            "errorHandlePolicy": "error_abort",
            "extensionServices": [{
                "serviceName": "aliyun_vod_service",
                "serviceParam": {
                    "accessKey": ACCESS_KEY, "secretKey": SECRET_KEY, "regionId": REGION, "endpoint": service.url(),
                    "apiData": { "videoData": {
                        "title": "My Video 视频*~", "description": "a & b", "coverUrl": "http://xxxxx", "tags": "x,y",
                        "templateGroupId": TEMPLATE_GROUP, "userData": "{\"Extend\":{}}",
                    } },
                },
            }],
        }),
    );
    request["recordingConfig"]["transcodingConfig"] =
        json!({ "width": 320, "height": 180, "fps": 15, "bitrate": 300, "mixedVideoLayout": 1 });
}

fn publisher(stack: &Stack, cname: &str) -> Publisher {
    let url = stack.publish_url(cname, "1");
    Publisher::ffmpeg(&url, &Media::picture_and_tone(320, 180), Transport::Tcp, stack.logs())
}

async fn tell(stack: &Stack, server: &Server) {
    let path = format!("apps/{}", stack.info.app_id);
    let callback = json!({ "callback": { "url": server.url(), "secret": SECRET } });
    stack.admin(Method::PATCH, &path, &callback).await.expect(200);
}

/// The payloads of one type of event of a recording.
fn events(server: &Server, task: &Task, event_type: u64) -> Vec<Value> {
    let arrivals = server.arrivals().into_iter().map(|arrival| arrival.body);
    arrivals
        .filter(|body| body["eventType"] == event_type && body["payload"]["sid"] == task.sid)
        .map(|mut body| body["payload"].take())
        .collect()
}

async fn await_slices(service: &Service, count: usize) {
    let what = format!("{count} slices in the service");
    wait::until(&what, SLICES_LIMIT, async || {
        (service.confirmed().len() >= count).then_some(())
    })
    .await;
}

pub(crate) async fn one_video_whatever_ends_meanwhile(stack: &mut Stack) {
    let (service, server) = (Service::start().await, Server::start(SECRET).await);
    tell(stack, &server).await;
    let (customer, cname) = (stack.customer(), "vod");
    let publishing = publisher(stack, cname);
    let task = customer
        .record_in("mix", cname, |request| use_service(request, &service))
        .await;
    assert_eq!(service.calls(), [""; 0], "nothing is made before there is media");
    await_slices(&service, 1).await;
    let video = service.videos().remove(0);
    assert_query(&customer, &task, &video).await;

    service.end_keys();
    await_slices(&service, 2).await;
    // The channel's server is in the node.
    drop(publishing);
    stack.crash(Part::Node).await;
    let _publishing = publisher(stack, cname);
    record_for(8).await;

    let response = customer.stop(&task).await.expect(200).body["serverResponse"].take();
    let file = format!("{}_{cname}.m3u8", task.sid);
    let info = json!([{ "fileName": file, "videoId": video.id }]);
    assert_eq!(response["uploadingStatus"], "uploaded", "{response}");
    assert_eq!(response["fileList"], file, "{response}");
    let payload = json!({ "state": "idle", "videoInfo": info });
    assert_eq!(response["extensionServiceState"][0]["payload"], payload, "{response}");
    assert_eq!(
        response["subServiceStatus"]["recordingService"], "serviceCompleted",
        "{response}"
    );

    let videos = service.videos();
    assert_eq!(videos.len(), 1, "{videos:?}");
    assert_described(&videos[0], &file);
    assert_whole(&service, &videos[0]).await;
    assert_eq!(
        written(&service, &videos[0]),
        1,
        "the playlist goes up when it is complete"
    );
    assert_asked(&service);
    wait::until("events 60 and 61", END_LIMIT, async || {
        (!events(&server, &task, 61).is_empty()).then_some(())
    })
    .await;
    let started = events(&server, &task, 60);
    assert_eq!(started.len(), 1, "{started:?}");
    assert_eq!(started[0]["serviceType"], 4);
    assert_eq!(
        started[0]["details"],
        json!({ "msgName": "vod_started", "aliVodInfo": { "videoId": video.id } })
    );
    let triggered = events(&server, &task, 61);
    assert_eq!(triggered.len(), 1, "{triggered:?}");
    assert_eq!(triggered[0]["details"], json!({ "msgName": "vod_triggered" }));
}

async fn assert_query(customer: &Customer, task: &Task, video: &Video) {
    let response = wait::until("the video in the query", END_LIMIT, async || {
        let response = customer.query(task).await.expect(200).body["serverResponse"].take();
        let videos = response["extensionServiceState"][0]["payload"]["videoInfo"]
            .as_array()
            .map(Vec::len);
        (videos == Some(1)).then_some(response)
    })
    .await;
    let info = json!([{ "fileName": format!("{}_{}.m3u8", task.sid, task.cname), "videoId": video.id }]);
    let states =
        json!([{ "payload": { "state": "inProgress", "videoInfo": info }, "serviceName": "aliyun_vod_service" }]);
    assert_eq!(response["extensionServiceState"], states, "{response}");
    assert_eq!(
        response["subServiceStatus"],
        json!({ "recordingService": "serviceInProgress" })
    );
    assert_eq!(response["status"], 5, "{response}");
    assert!(response.get("fileListMode").is_none(), "{response}");
}

fn assert_described(video: &Video, file: &str) {
    let told = serde_json::to_value(&video.parameters).expect("JSON");
    assert_eq!(
        told,
        json!({
            "Title": "My Video 视频*~", "Description": "a & b", "CoverURL": "http://xxxxx", "Tags": "x,y",
            "TemplateGroupId": TEMPLATE_GROUP, "UserData": "{\"Extend\":{}}", "FileName": file,
        })
    );
}

/// How often the video's playlist was written.
fn written(service: &Service, video: &Video) -> usize {
    let confirmed = service.confirmed();
    confirmed.iter().filter(|key| **key == video.file_name).count()
}

/// `None` before it is written.
fn playlist_of(service: &Service, video: &Video) -> Option<(String, Playlist)> {
    let stored = service.object(&video.file_name)?;
    assert_eq!(stored.content_type, "application/vnd.apple.mpegurl");
    let text = String::from_utf8(stored.data).expect("UTF-8");
    let playlist = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(playlist.ended, "{text}");
    Some((text, playlist))
}

/// The playlist came last, names by their bare names the slices that are there, and plays.
async fn assert_whole(service: &Service, video: &Video) -> Playlist {
    let mut confirmed = service.confirmed();
    assert_eq!(confirmed.last(), Some(&video.file_name));
    confirmed.retain(|key| *key != video.file_name);
    let (text, playlist) = playlist_of(service, video).expect("the playlist");
    assert!(playlist.entries.len() >= 3, "{text}");
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("video.m3u8"), &text).expect("a file");
    let mut named: Vec<_> = playlist
        .entries
        .iter()
        .map(|entry| {
            assert!(!entry.name.contains('/'), "{}", entry.name);
            let key = format!("{}{}", video.object_prefix, entry.name);
            let slice = service.object(&key).unwrap_or_else(|| panic!("{key} is not there"));
            assert_eq!(slice.content_type, "video/mp2t");
            std::fs::write(dir.path().join(&entry.name), slice.data).expect("a file");
            key
        })
        .collect();
    named.sort();
    confirmed.sort();
    confirmed.dedup();
    assert_eq!(confirmed, named, "nothing else is there");
    assert_plays(dir.path(), &playlist).await;
    playlist
}

async fn assert_plays(dir: &Path, playlist: &Playlist) {
    let streams = probe::streams(&dir.join("video.m3u8")).await;
    let mut sizes: Vec<_> = streams.iter().map(|stream| (stream.width, stream.height)).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [(0, 0), (320, 180)], "audio and video");
    let duration: f64 = playlist.entries.iter().map(|entry| entry.duration).sum();
    assert!(duration > 34.0, "{duration} s");
}

/// The service has refused nothing but the start's question whether it knows the keys, and keys that had ended.
fn assert_asked(service: &Service) {
    let calls = service.calls();
    let made = calls.iter().filter(|call| *call == "CreateUploadVideo").count();
    assert_eq!(made, 1, "{calls:?}");
    assert!(
        calls.len() >= 3,
        "keys are renewed when they have ended, and by the next process: {calls:?}"
    );
    let refused = service.refused();
    let of = |what: &str, code: &str| Refused {
        what: what.to_owned(),
        code: code.to_owned(),
    };
    assert_eq!(refused[0], of("RefreshUploadVideo", "InvalidVideo.NotFound"));
    let ended = of("PUT", "SecurityTokenExpired");
    assert!(
        refused.len() > 1 && refused[1..].iter().all(|one| *one == ended),
        "{refused:?}"
    );
}

pub(crate) async fn a_video_outlives_its_node(stack: &mut Stack) {
    let (service, customer, cname) = (Service::start().await, stack.customer(), "vodfailover");
    let nodes = failover::two_nodes(stack).await;
    let _publishing = publisher(stack, cname);
    let task = customer
        .record_in("mix", cname, |request| use_service(request, &service))
        .await;
    let (mut lost, _next) = failover::holder(nodes, &task.sid).await;
    await_slices(&service, 1).await;
    record_for(8).await;
    lost.kill();
    wait::until("a slice of the other node", SLICES_LIMIT, async || {
        service.confirmed().iter().any(|key| is_of_second(key)).then_some(())
    })
    .await;
    customer.stop(&task).await.expect(200);
    let videos = service.videos();
    assert_eq!(videos.len(), 1, "{videos:?}");
    let video = &videos[0];
    let (_, before) = wait::until("the playlist", END_LIMIT, async || playlist_of(&service, video)).await;

    // The recording is over; what the lost node has is written into its place all the same.
    lost.restart().await;
    let first = |playlist: &Playlist| {
        playlist
            .entries
            .iter()
            .filter(|entry| !is_of_second(&entry.name))
            .count()
    };
    wait::until("the lost node's slices in the playlist", END_LIMIT, async || {
        let (_, playlist) = playlist_of(&service, video)?;
        (first(&playlist) > first(&before)).then_some(())
    })
    .await;
    let playlist = assert_whole(&service, video).await;
    let breaks = playlist.entries.iter().filter(|entry| entry.discontinuity).count();
    assert_eq!(breaks, 1, "where the node changes");
    assert!(
        playlist.entries[..first(&playlist)]
            .iter()
            .all(|entry| !is_of_second(&entry.name))
    );
    assert_eq!(service.videos().len(), 1);
    wait::until("nothing is left on a disk", END_LIMIT, async || {
        lost.spools().is_empty().then_some(())
    })
    .await;
}

pub(crate) async fn an_mp4_file_is_a_video_of_its_own(stack: &Stack) {
    let (service, customer, cname) = (Service::start().await, stack.customer(), "vodmp4");
    let _publishing = publisher(stack, cname);
    let task = customer
        .record_in("mix", cname, |request| {
            use_service(request, &service);
            request["recordingFileConfig"] = json!({ "avFileType": ["hls", "mp4"] });
        })
        .await;
    await_slices(&service, 1).await;
    let response = customer.stop(&task).await.expect(200).body["serverResponse"].take();
    let mut videos = service.videos();
    videos.sort_by_key(|video| video.file_name.ends_with(".mp4"));
    let names = [
        format!("{}_{cname}.m3u8", task.sid),
        format!("{}_{cname}_0.mp4", task.sid),
    ];
    let info: BTreeMap<_, _> = names.iter().zip(&videos).collect();
    let told = response["extensionServiceState"][0]["payload"]["videoInfo"].as_array();
    let told: BTreeMap<_, _> = told
        .into_iter()
        .flatten()
        .map(|one| (one["fileName"].as_str(), one["videoId"].as_str()))
        .collect();
    let wanted = info
        .iter()
        .map(|(name, video)| (Some(name.as_str()), Some(video.id.as_str())))
        .collect();
    assert_eq!(told, wanted, "{response}");
    for (name, video) in info {
        assert_described(video, name);
    }
    let file = service.object(&videos[1].file_name).expect("the file");
    assert_eq!(file.content_type, "video/mp4");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("video.mp4");
    std::fs::write(&path, file.data).expect("a file");
    assert_eq!(probe::streams(&path).await.len(), 2, "audio and video");
    let (_, playlist) = playlist_of(&service, &videos[0]).expect("the playlist");
    let listed: f64 = playlist.entries.iter().map(|entry| entry.duration).sum();
    let times = probe::packets(&path).await.into_iter().map(|packet| packet.pts);
    let (first, last) = times.fold((f64::MAX, f64::MIN), |(first, last), pts| {
        (first.min(pts), last.max(pts))
    });
    let lasts = last - first;
    assert!(
        (lasts - listed).abs() < 0.2,
        "{lasts} s in the file, {listed} s in the playlist"
    );
}

pub(crate) async fn a_service_that_refuses_ends_the_recording(stack: &Stack) {
    let (service, cname) = (Service::start().await, "vodabort");
    let customer = stack.customer();
    assert_refused_at_the_start(&customer, &service, cname).await;

    service.fail("CreateUploadVideo", 404, "InvalidTemplateGroupId.NotFound");
    let _publishing = publisher(stack, cname);
    let task = customer
        .record_in("mix", cname, |request| use_service(request, &service))
        .await;
    let response = wait::until("the recording's end", SLICES_LIMIT, async || {
        let response = customer.query(&task).await.expect(200).body["serverResponse"].take();
        (response["status"] == 6).then_some(response)
    })
    .await;
    assert_eq!(
        response["subServiceStatus"]["recordingService"], "serviceValidationFailed",
        "{response}"
    );
    // A mix on a busy machine may have told of that before.
    let mut problems = response["problems"].as_array().into_iter().flatten();
    let problem = problems
        .find(|problem| problem["code"] == "vod_refused")
        .unwrap_or_else(|| panic!("no vod_refused: {response}"));
    assert_eq!(problem["fault"], "caller", "{problem}");
    assert!(
        problem["message"]
            .to_string()
            .contains("InvalidTemplateGroupId.NotFound"),
        "{problem}"
    );
    let stop = customer.stop(&task).await;
    assert_eq!((stop.status, stop.code()), (400, Some(49)), "{}", stop.body);

    // What was captured is kept until the service takes it.
    service.recover();
    let end = wait::until("the end of its uploads", END_LIMIT, async || {
        let reply = customer.query(&task).await;
        (reply.status == 404).then_some(reply)
    })
    .await;
    let response = &end.body["serverResponse"];
    assert_eq!(response["status"], 20, "{}", end.body);
    assert_eq!(service.videos().len(), 1);
    assert_eq!(service.confirmed().last(), Some(&service.videos()[0].file_name));
}

async fn assert_refused_at_the_start(customer: &Customer, service: &Service, cname: &str) {
    for (field, value, code) in [
        ("accessKey", "LTAIother", "InvalidAccessKeyId.NotFound"),
        ("secretKey", "other", "SignatureDoesNotMatch"),
    ] {
        let resource = customer.resource(cname, "9000").await;
        let mut body = customer.start_body(cname, "9000", cname);
        use_service(&mut body["clientRequest"], service);
        body["clientRequest"]["extensionServiceConfig"]["extensionServices"][0]["serviceParam"][field] = json!(value);
        let reply = customer.start_in("mix", &resource, &body).await;
        assert_eq!((reply.status, reply.code()), (400, Some(2)), "{}", reply.body);
        assert!(reply.text("reason").contains(code), "{}", reply.body);
        assert!(
            !reply.text("reason").contains(value) || field == "accessKey",
            "{}",
            reply.body
        );
    }
    assert_eq!(service.calls(), [""; 0]);
}
