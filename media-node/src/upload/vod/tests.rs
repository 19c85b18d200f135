//! What is asked of the service, and when. A server that signs for nothing answers; the end-to-end tests have one that
//! checks every signature.

use std::collections::BTreeMap;
use std::sync::Mutex as Lock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{Addressing, EndCause, Secret, StorageKind, TrackKind};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::outbound::Targets;
use crate::spool::{PlaylistKey, Slice};
use crate::upload::tests::{client, open as open_spool};
use crate::upload::{Formats, Store, Uploader};

const HEADERS: Headers = Headers {
    content_type: "video/mp2t",
    cache_control: "no-cache",
};

#[derive(Default)]
struct Seen {
    /// Parameters of each call.
    calls: Vec<BTreeMap<String, String>>,
    objects: Vec<String>,
    /// So many puts of objects are refused because of ended keys.
    ended: usize,
    /// Answers have no keys.
    keyless: bool,
    /// What calls are answered instead.
    failing: Option<(u16, &'static str)>,
    life_s: u64,
}

struct Service {
    seen: Arc<Lock<Seen>>,
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Lock::new(Seen {
            life_s: 3_000,
            ..Seen::default()
        }));
        let app = Router::new().fallback(answer).with_state((Arc::clone(&seen), port));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { seen, port, task }
    }

    fn storage(&self) -> Storage {
        Storage {
            kind: StorageKind::AliyunVod,
            endpoint: format!("http://127.0.0.1:{}", self.port),
            region: "cn-shanghai".to_owned(),
            addressing: Addressing::Path,
            bucket: String::new(),
            access_key: "k".to_owned(),
            secret_key: Secret::new("hunter2"),
            session_token: None,
            session_ends_ms: None,
            prefix: String::new(),
            encryption: None,
            tags: None,
            video: [("Title", "t"), ("Tags", "a,b")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }

    fn actions(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.calls.iter().map(|call| call["Action"].clone()).collect()
    }

    fn objects(&self) -> Vec<String> {
        self.seen.lock().unwrap().objects.clone()
    }

    /// Empties a spool.
    async fn upload(&self, spool: &Arc<Spool>) {
        let store = Store::new(&self.storage(), &client()).unwrap();
        let formats = Formats {
            render: Box::new(|due| format!("{} {}", due.slices.len(), due.ended)),
            index: Box::new(|_| Default::default()),
            playlist_type: "test/playlist",
            file_type: |_, _| "test/file",
        };
        Uploader::new(Arc::clone(spool), store, None, formats).run().await;
    }
}

async fn answer(
    State((seen, port)): State<(Arc<Lock<Seen>>, u16)>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, String) {
    let mut seen = seen.lock().unwrap();
    if uri.path() != "/" {
        if seen.ended > 0 {
            seen.ended -= 1;
            let error = "<Error><Code>SecurityTokenExpired</Code><Message>over</Message><RequestId>1</RequestId>\
                         <HostId>h</HostId></Error>";
            return (StatusCode::FORBIDDEN, error.to_owned());
        }
        seen.objects.push(format!("{method} {}", uri.path()));
        return (StatusCode::OK, String::new());
    }
    let call: BTreeMap<_, _> = url::form_urlencoded::parse(&body).into_owned().collect();
    if let Some((status, code)) = seen.failing {
        let error = json!({"Code": code, "Message": "no", "RequestId": "1"});
        return (StatusCode::from_u16(status).unwrap(), error.to_string());
    }
    let number = seen.calls.len();
    let name = call.get("FileName").cloned().unwrap_or_else(|| "a.m3u8".to_owned());
    let address = json!({
        "Endpoint": format!("http://127.0.0.1:{port}"), "Bucket": "b", "FileName": format!("sv/{name}"),
        // Another place each time: the first one counts.
        "ObjectPrefix": format!("sv/{number}-"),
    });
    let auth = json!({
        "AccessKeyId": "STS.k", "AccessKeySecret": "s", "SecurityToken": "t", "Expiration": seen.life_s.to_string(),
    });
    let answer = json!({
        "VideoId": call.get("VideoId").cloned().unwrap_or_else(|| format!("video{number}")),
        "UploadAddress": STANDARD.encode(address.to_string()),
        "UploadAuth": if seen.keyless { String::new() } else { STANDARD.encode(auth.to_string()) },
    });
    seen.calls.push(call);
    (StatusCode::OK, answer.to_string())
}

/// A spool whose videos the edge knows at once.
fn open(dir: &std::path::Path) -> Arc<Spool> {
    let spool = open_spool(dir);
    spool.videos_are_known(usize::MAX);
    spool
}

fn add(spool: &Spool, name: &str) {
    let slice = Slice {
        playlist: PlaylistKey {
            uid: "0".to_owned(),
            track: TrackKind::Both,
        },
        name: name.to_owned(),
        start_us: 0,
        duration_us: 1,
        start_ms: 1,
        bytes: 0,
        discontinuity: false,
        tags: Vec::new(),
        form: None,
    };
    let file = spool.begin("a b.m3u8", &slice).unwrap();
    spool.commit(file, slice).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_video_is_made_and_its_playlist_goes_last_and_once() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    for number in 0..6 {
        add(&spool, &format!("{number}.ts"));
    }
    let uploading = {
        let spool = Arc::clone(&spool);
        async move {
            let mut changes = spool.changes();
            while !spool.due_files().is_empty() {
                changes.changed().await.unwrap();
            }
            add(&spool, "6.ts");
            tokio::task::block_in_place(|| spool.finish(EndCause::Stopped)).unwrap();
        }
    };
    tokio::join!(service.upload(&spool), uploading);
    assert_eq!(service.actions(), ["CreateUploadVideo"]);
    let call = service.seen.lock().unwrap().calls[0].clone();
    let told = ["Title", "FileName", "Tags", "Version", "Format"].map(|name| call[name].as_str());
    assert_eq!(told, ["t", "a_b.m3u8", "a,b", "2017-03-21", "JSON"]);
    assert!(!call.contains_key("Description"), "{call:?}");
    let mut objects = service.objects();
    assert_eq!(objects.pop().unwrap(), "PUT /b/sv/a_b.m3u8");
    objects.sort();
    let slices: Vec<_> = (0..7).map(|number| format!("PUT /b/sv/0-{number}.ts")).collect();
    assert_eq!(objects, slices);
    assert!(spool.is_done());
    assert_eq!(spool.videos().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_goes_on_with_the_same_video() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    add(&spool, "0.ts");
    let vod = Vod::new(&service.storage(), &client()).unwrap();
    let due = spool.due_files();
    vod.put_file(&spool, &due[0], HEADERS).await.unwrap();
    drop(spool);
    let spool = open(dir.path());
    spool.finish(EndCause::Stopped).unwrap();
    service.upload(&spool).await;
    assert_eq!(service.actions(), ["CreateUploadVideo", "RefreshUploadVideo"]);
    assert_eq!(service.seen.lock().unwrap().calls[1]["VideoId"], "video0");
    // Not confirmed before, so put again, to the same place.
    assert_eq!(service.objects()[..2], ["PUT /b/sv/0-0.ts", "PUT /b/sv/0-0.ts"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_to_a_video_that_the_edge_does_not_know() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open_spool(dir.path());
    add(&spool, "0.ts");
    let uploading = service.upload(&spool);
    let edge = async {
        let mut changes = spool.changes();
        while spool.videos().is_empty() {
            changes.changed().await.unwrap();
        }
        assert_eq!(service.objects(), [""; 0]);
        spool.videos_are_known(0);
        assert!(!spool.is_video_known("a b.m3u8"));
        spool.videos_are_known(1);
        tokio::task::block_in_place(|| spool.finish(EndCause::Stopped)).unwrap();
    };
    let begin = Instant::now();
    tokio::join!(uploading, edge);
    assert!(begin.elapsed() < KNOWN_TIME, "it is told, not waited for");
    assert_eq!(service.objects(), ["PUT /b/sv/0-0.ts", "PUT /b/sv/a_b.m3u8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_lost_before_it_told_of_its_video_goes_on_with_the_next_ones() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    add(&spool, "0.ts");
    let told = |video_id: &str| protocol::VodVideo {
        name: "a b.m3u8".to_owned(),
        video_id: video_id.to_owned(),
    };
    for own in ["own", "own", "another"] {
        spool.adopt(vec![told(own)]).unwrap();
    }
    drop(spool);
    let spool = open(dir.path());
    spool.finish(EndCause::Stopped).unwrap();
    service.upload(&spool).await;
    assert_eq!(service.actions(), ["RefreshUploadVideo"]);
    assert_eq!(service.seen.lock().unwrap().calls[0]["VideoId"], "another");
    assert!(spool.is_done());
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_keys_are_replaced() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    add(&spool, "0.ts");
    spool.finish(EndCause::Stopped).unwrap();
    service.seen.lock().unwrap().ended = 1;
    service.upload(&spool).await;
    assert_eq!(service.actions(), ["CreateUploadVideo", "RefreshUploadVideo"]);
    assert_eq!(service.objects().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_renewed_before_they_end_and_used_as_long_as_they_live() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    add(&spool, "0.ts");
    let file = spool.due_files().remove(0);
    let vod = Vod::new(&service.storage(), &client()).unwrap();
    // Five sixths of it are over at once.
    service.seen.lock().unwrap().life_s = 6;
    vod.put_file(&spool, &file, HEADERS).await.unwrap();
    for all in vod.videos.lock().await.open.values_mut() {
        all.renew_at = Instant::now();
    }
    service.seen.lock().unwrap().failing = Some((503, "ServiceUnavailable"));
    vod.put_file(&spool, &file, HEADERS).await.unwrap();
    service.seen.lock().unwrap().failing = None;
    for all in vod.videos.lock().await.open.values_mut() {
        all.renew_at = Instant::now();
    }
    vod.put_file(&spool, &file, HEADERS).await.unwrap();
    assert_eq!(service.actions(), ["CreateUploadVideo", "RefreshUploadVideo"]);
    assert_eq!(service.objects().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_is_refused_makes_no_video() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    add(&spool, "0.ts");
    service.seen.lock().unwrap().failing = Some((404, "InvalidTemplateGroupId.NotFound"));
    let vod = Vod::new(&service.storage(), &client()).unwrap();
    let fault = vod.put_file(&spool, &spool.due_files()[0], HEADERS).await.unwrap_err();
    assert!(
        matches!(&fault, UploadFault::Rejected(said) if said == "InvalidTemplateGroupId.NotFound: no"),
        "{fault:?}"
    );
    assert_eq!(spool.videos(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_whose_keys_cannot_be_read_is_made_once() {
    let (service, dir) = (Service::start().await, tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    add(&spool, "0.ts");
    let file = spool.due_files().remove(0);
    let vod = Vod::new(&service.storage(), &client()).unwrap();
    service.seen.lock().unwrap().keyless = true;
    let fault = vod.put_file(&spool, &file, HEADERS).await.unwrap_err();
    assert!(matches!(fault, UploadFault::Unavailable(_)), "{fault:?}");
    service.seen.lock().unwrap().keyless = false;
    vod.put_file(&spool, &file, HEADERS).await.unwrap();
    assert_eq!(service.actions(), ["CreateUploadVideo", "RefreshUploadVideo"]);
    assert_eq!(spool.videos().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_are_proven_without_a_video() {
    let service = Service::start().await;
    for (answer, reason) in [
        ((404, "InvalidVideo.NotFound"), ""),
        ((404, "InvalidAccessKeyId.NotFound"), "InvalidAccessKeyId.NotFound: no"),
        ((403, "Forbidden"), "Forbidden: no"),
        ((503, "ServiceUnavailable"), "ServiceUnavailable: no"),
    ] {
        service.seen.lock().unwrap().failing = Some(answer);
        match check(&service.storage(), &client()).await {
            Ok(()) => assert_eq!(reason, ""),
            Err(refusal) => {
                assert_eq!(
                    (refusal.fault, refusal.code),
                    (Fault::Destination, RefusalCode::StorageUnusable)
                );
                assert!(
                    refusal.reason.ends_with(&format!("cannot be used: {reason}")),
                    "{refusal:?}"
                );
            }
        }
    }
    let guarded = Client::without_redirects(Targets::Public).unwrap();
    let refusal = check(&service.storage(), &guarded).await.unwrap_err();
    assert!(refusal.reason.contains("TAPEDECK_ALLOW_PRIVATE_TARGETS"), "{refusal:?}");
    assert_eq!(service.actions(), [""; 0]);
}
