//! The uploader against a real S3 server, behind a proxy that breaks what can break on the way.

mod backup;
mod proxy;
mod recorder;
mod request;
mod rescue;
mod signatures;
mod vendors;

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Addressing, EndCause, Fault, ProblemCode, RefusalCode, Secret, Storage, StorageKind, TrackKind};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::*;
use crate::outbound::{Client, Targets};
use crate::spool::{Content, DuePlaylist, Finish, Lone, LoneKind, Opening, PlaylistKey, Remains, Slice, Spool};
use proxy::{Answer, Disturbance, Proxy};

const SECRET: &str = "very-secret";
const PREFIX: &str = "some/where";
const IMMUTABLE: &str = "max-age=31536000, immutable";

/// A real S3 server on a port of its own, with one bucket.
struct Server {
    _process: Child,
    dir: tempfile::TempDir,
    port: u16,
}

impl Server {
    async fn start() -> Self {
        Self::start_below(None).await
    }

    /// `domain`: buckets are parts of the host's name below it.
    async fn start_below(domain: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("bucket")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new("s3s-fs")
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--access-key",
                "AK",
                "--secret-key",
                SECRET,
            ])
            .args(domain.map(|domain| format!("--domain={domain}:{port}")))
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("s3s-fs is installed by scripts/setup");
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Self {
                    _process: process,
                    dir,
                    port,
                };
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("s3s-fs does not listen");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        let path = self.dir.path().join("bucket").join(PREFIX).join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

fn storage(port: u16) -> Storage {
    Storage {
        kind: StorageKind::S3,
        addressing: Addressing::Path,
        session_ends_ms: None,
        encryption: None,
        tags: None,
        endpoint: format!("http://127.0.0.1:{port}"),
        region: "us-east-1".to_owned(),
        bucket: "bucket".to_owned(),
        access_key: "AK".to_owned(),
        secret_key: Secret::new(SECRET),
        session_token: None,
        prefix: PREFIX.to_owned(),
        video: Default::default(),
    }
}

pub(in crate::upload) fn client() -> Client {
    Client::without_redirects(Targets::Any).unwrap()
}

pub(in crate::upload) fn open(dir: &Path) -> Arc<Spool> {
    let nothing = Finish {
        slice: &|_| Remains::Nothing,
        lone: &|_, _| Remains::Nothing,
    };
    Arc::new(Spool::open(dir, Opening { epoch: 1, at_ms: 1 }, nothing).unwrap())
}

fn content(uid: &str, index: usize) -> Vec<u8> {
    format!("{uid} {index} ").repeat(200 + index * 50).into_bytes()
}

fn commit(spool: &Spool, uid: &str, index: usize) {
    let slice = Slice {
        playlist: PlaylistKey {
            uid: uid.to_owned(),
            track: TrackKind::Video,
        },
        name: format!("{uid} é_{index}.ts"),
        start_us: 0,
        duration_us: 1,
        start_ms: 0,
        bytes: 0,
        discontinuity: false,
        tags: Vec::new(),
        form: None,
    };
    let mut file = spool.begin(&format!("{uid} é.m3u8"), &slice).unwrap();
    file.write_all(&content(uid, index)).unwrap();
    spool.commit(file, slice).unwrap();
}

fn commit_lone(spool: &Spool, kind: LoneKind, name: &str, content: &[u8]) {
    let lone = Lone {
        kind,
        uid: "1".to_owned(),
        track: TrackKind::Video,
        name: name.to_owned(),
        start_us: 0,
        duration_us: 0,
        start_ms: 0,
        bytes: 0,
        md5: None,
    };
    let mut file = spool.begin_lone(&lone).unwrap();
    file.write_all(content).unwrap();
    spool.commit_lone(file, lone).unwrap();
}

/// A playlist of nothing but names.
fn render(playlist: &DuePlaylist) -> String {
    let names = playlist.slices.iter().map(|slice| format!("{}\n", slice.name));
    let mut text: String = names.collect();
    if playlist.ended {
        text.push_str("END\n");
    }
    text
}

fn formats() -> Formats {
    Formats {
        render: Box::new(render),
        index: Box::new(|index| {
            let of = index.uid.as_deref().unwrap_or("all");
            let names = index.renditions.iter().map(|rendition| format!("{}\n", rendition.name));
            (format!("{of} index.m3u8"), names.collect())
        }),
        playlist_type: "test/playlist",
        file_type: |content, _| match content {
            Content::Slice => "test/slice",
            Content::Lone(LoneKind::Mp4 | LoneKind::M4a | LoneKind::Mp3) => "test/mp4",
            Content::Lone(LoneKind::Picture) => "test/picture",
        },
    }
}

fn uploader(spool: &Arc<Spool>, port: u16) -> Uploader {
    let store = Store::Bucket(Bucket::new(&storage(port), &client()).unwrap());
    Uploader::new(Arc::clone(spool), store, None, formats())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disturbed_line_and_restarts_lose_nothing_and_keep_the_order() {
    const SLICES: usize = 8;
    let server = Server::start().await;
    for seed in [1, 7] {
        let proxy = Proxy::start(server.port, Disturbance::random(seed)).await;
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        let uids = [format!("a{seed}"), format!("b{seed}")];
        let mut upload = tokio::spawn(uploader(&spool, proxy.port).run());
        for index in 0..SLICES {
            for uid in &uids {
                tokio::task::block_in_place(|| commit(&spool, uid, index));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            if index % 3 == 2 {
                // A process that dies in the middle of its requests.
                upload.abort();
                upload = tokio::spawn(uploader(&spool, proxy.port).run());
            }
        }
        spool.finish(EndCause::Stopped).unwrap();
        tokio::time::timeout(Duration::from_secs(90), upload)
            .await
            .expect("the uploads end")
            .unwrap();
        assert!(spool.is_done());
        assert_eq!(std::fs::read_dir(dir.path().join("slices")).unwrap().count(), 0);
        for uid in &uids {
            let mut names = String::new();
            for index in 0..SLICES {
                let name = format!("{uid} é_{index}.ts");
                assert_eq!(server.read(&name), content(uid, index), "{name}");
                names += &format!("{name}\n");
            }
            assert_eq!(
                String::from_utf8(server.read(&format!("{uid} é.m3u8"))).unwrap(),
                names + "END\n"
            );
        }
        let seen = proxy.seen();
        assert!(seen.disturbed >= 5, "only {} requests were disturbed", seen.disturbed);
        assert_eq!(seen.violations, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_and_caching_are_set_and_growing_playlists_are_told_again() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port, Disturbance::none()).await;
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let upload = tokio::spawn(uploader(&spool, proxy.port).run());
    for index in 0..2 {
        tokio::task::block_in_place(|| commit(&spool, "1", index));
        let mut changes = spool.changes();
        while spool.pending() > 0 {
            changes.changed().await.unwrap();
        }
        assert_eq!(
            server.read("1 é.m3u8").iter().filter(|byte| **byte == b'\n').count(),
            index + 1
        );
    }
    // One part of a long file is not full.
    let long: Vec<u8> = (0..(70 << 20) + 5_u32).map(|at| (at / 1000) as u8).collect();
    tokio::task::block_in_place(|| {
        commit_lone(&spool, LoneKind::Picture, "1.jpg", b"picture");
        commit_lone(&spool, LoneKind::Mp4, "0.mp4", &long);
    });
    spool.finish(EndCause::Idle).unwrap();
    upload.await.unwrap();
    assert_eq!(server.read("1.jpg"), b"picture");
    assert!(server.read("0.mp4") == long);
    assert_eq!(std::fs::read_dir(dir.path().join("slices")).unwrap().count(), 0);
    let seen = proxy.seen();
    for (name, content_type, cache_control) in [
        ("1.jpg", "test/picture", IMMUTABLE),
        ("0.mp4", "test/mp4", IMMUTABLE),
        ("1 é_0.ts", "test/slice", IMMUTABLE),
        ("1 é.m3u8", "test/playlist", "no-cache"),
    ] {
        assert_eq!(seen.headers[name], [content_type, cache_control], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_told_with_its_reason_and_the_slice_stays() {
    let skewed = Answer {
        date: "Sat, 01 Jan 2000 00:00:00 GMT",
        ..Answer::new("403 Forbidden", "RequestTimeTooSkewed")
    };
    let server = Server::start().await;
    for (answer, code, fault, said) in [
        (
            Answer::MISSING_BUCKET,
            ProblemCode::UploadRefused,
            Fault::Destination,
            "NoSuchBucket",
        ),
        (
            Answer::new("403 Forbidden", "InvalidAccessKeyId"),
            ProblemCode::UploadRefused,
            Fault::Destination,
            "InvalidAccessKeyId",
        ),
        (
            Answer::new("400 Bad Request", "ExpiredToken"),
            ProblemCode::UploadKeysEnded,
            Fault::Destination,
            "an update with a new storageConfig renews them",
        ),
        (skewed, ProblemCode::ClockSkewed, Fault::Ours, "s ahead of the store's"),
        (
            Answer::new("403 Forbidden", "RequestTimeTooSkewed"),
            ProblemCode::ClockSkewed,
            Fault::Ours,
            "differ too much",
        ),
    ] {
        // After some attempts what is wrong has been put right.
        let proxy = Proxy::start(server.port, Disturbance::answers(answer, 3)).await;
        let refusal = check(&storage(proxy.port), &client()).await.unwrap_err();
        assert!(refusal.reason.contains(said), "{}", refusal.reason);
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path());
        let uploader = uploader(&spool, proxy.port);
        let mut problems = uploader.problems();
        let upload = tokio::spawn(uploader.run());
        commit(&spool, "1", 0);
        let told = problems.wait_for(|told| !told.is_empty()).await.unwrap()[0].clone();
        assert_eq!((told.code.clone(), told.fault), (code, fault));
        assert!(
            told.message.contains("\"bucket\"") && told.message.contains(said),
            "{told:?}"
        );
        assert!(std::fs::exists(&spool.due_files()[0].path).unwrap());
        problems.wait_for(Vec::is_empty).await.unwrap();
        spool.finish(EndCause::Stopped).unwrap();
        upload.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_go_on_with_new_keys_at_once() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let bucket = |secret: &str| {
        let storage = Storage {
            secret_key: Secret::new(secret),
            ..storage(server.port)
        };
        Store::Bucket(Bucket::new(&storage, &client()).unwrap())
    };
    let uploader = Uploader::new(Arc::clone(&spool), bucket("ended"), None, formats());
    let (store, mut problems) = (uploader.store(), uploader.problems());
    let upload = tokio::spawn(uploader.run());
    commit(&spool, "1", 0);
    problems.wait_for(|told| !told.is_empty()).await.unwrap();
    // The pauses have grown.
    tokio::time::sleep(Duration::from_secs(4)).await;
    spool.finish(EndCause::Stopped).unwrap();
    store.send_replace(bucket(SECRET));
    tokio::time::timeout(Duration::from_secs(1), upload)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(server.read("1 é_0.ts"), content("1", 0));
}

#[tokio::test]
async fn the_check_passes_where_it_can_write_and_leaves_nothing_behind() {
    let server = Server::start().await;
    check(&storage(server.port), &client()).await.unwrap();
    let left: Vec<_> = std::fs::read_dir(server.dir.path().join("bucket").join(PREFIX))
        .map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect())
        .unwrap_or_default();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}

#[tokio::test]
async fn a_store_that_asks_to_come_later_is_asked_again_and_then_it_is_its_trouble() {
    let server = Server::start().await;
    let slow_down = Answer::new("429 Too Many Requests", "TooManyRequests");
    for answer in [Answer::UNAVAILABLE, slow_down] {
        let proxy = Proxy::start(server.port, Disturbance::answers(answer, 2)).await;
        check(&storage(proxy.port), &client()).await.unwrap();
        let proxy = Proxy::start(server.port, Disturbance::answers(answer, u32::MAX)).await;
        let refusal = check(&storage(proxy.port), &client()).await.unwrap_err();
        assert_eq!(
            (refusal.code, refusal.fault),
            (RefusalCode::StorageUnavailable, Fault::Destination)
        );
        assert!(refusal.reason.contains(answer.code), "{}", refusal.reason);
    }
}

#[tokio::test]
async fn the_check_says_what_is_wrong_without_the_secret() {
    let server = Server::start().await;
    let good = storage(server.port);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let missing = Proxy::start(server.port, Disturbance::answers(Answer::MISSING_BUCKET, 9)).await;
    let silent_port = silent.local_addr().unwrap().port();
    for (storage, said) in [
        (
            Storage {
                secret_key: Secret::new("other-secret"),
                ..good.clone()
            },
            "SignatureDoesNotMatch",
        ),
        (storage(missing.port), "NoSuchBucket"),
        (
            Storage {
                endpoint: "http://127.0.0.1:1".to_owned(),
                ..good.clone()
            },
            "refused",
        ),
        (
            Storage {
                endpoint: format!("http://127.0.0.1:{silent_port}"),
                ..good.clone()
            },
            "no answer within 5 s",
        ),
        (
            Storage {
                endpoint: "http://".to_owned(),
                ..good.clone()
            },
            "cannot be written to",
        ),
    ] {
        let refusal = check(&storage, &client()).await.unwrap_err();
        let code = match said {
            "no answer within 5 s" => RefusalCode::StorageUnavailable,
            _ => RefusalCode::StorageUnusable,
        };
        assert_eq!((refusal.code, refusal.fault), (code, Fault::Destination));
        let reason = &refusal.reason;
        assert!(reason.contains(said), "{said}: {reason}");
        assert!(
            reason.contains(&storage.bucket) && reason.contains(&storage.endpoint),
            "{reason}"
        );
        assert!(!reason.contains(SECRET) && !reason.contains("other-secret"), "{reason}");
    }
}

#[tokio::test]
async fn a_store_at_a_private_address_is_refused() {
    let server = Server::start().await;
    for host in ["127.0.0.1", "localhost"] {
        let storage = Storage {
            endpoint: format!("http://{host}:{}", server.port),
            ..storage(server.port)
        };
        let public_only = Client::without_redirects(Targets::Public).unwrap();
        let refusal = check(&storage, &public_only).await.unwrap_err();
        assert_eq!(
            (refusal.code, refusal.fault),
            (RefusalCode::StorageUnusable, Fault::Destination)
        );
        assert!(
            refusal
                .reason
                .contains(&format!("{host} is at the private address 127.0.0.1")),
            "{}",
            refusal.reason
        );
        check(&storage, &client()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_a_store_too() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    commit(&spool, "1", 0);
    spool.finish(EndCause::Stopped).unwrap();
    let store = Store::Directory(out.path().to_owned());
    Uploader::new(Arc::clone(&spool), store, None, formats()).run().await;
    assert_eq!(std::fs::read(out.path().join("1 é_0.ts")).unwrap(), content("1", 0));
    assert_eq!(
        std::fs::read_to_string(out.path().join("1 é.m3u8")).unwrap(),
        "1 é_0.ts\nEND\n"
    );
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn playlists_wait_until_they_may_be_written_and_slices_do_not() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spool = open(dir.path());
    let (writing, allowed) = tokio::sync::watch::channel(Writing::Not);
    let store = Store::Directory(out.path().to_owned());
    let uploader = Uploader::new(Arc::clone(&spool), store, None, formats()).while_allowed(allowed);
    let serving = tokio::spawn(async move { uploader.serve().await });
    tokio::task::block_in_place(|| commit(&spool, "a", 0));
    let mut changes = spool.changes();
    while spool.confirmed() == 0 {
        changes.changed().await.unwrap();
    }
    // A lease that has run out gives nothing.
    writing.send_replace(Writing::Until(crate::clock::boot_ms() - 1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let playlist = out.path().join("a é.m3u8");
    assert!(out.path().join("a é_0.ts").exists() && !playlist.exists());
    writing.send_replace(Writing::Until(crate::clock::boot_ms() + 60_000));
    while spool.pending() > 0 {
        changes.changed().await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(&playlist).unwrap(), "a é_0.ts\n");
    assert!(!serving.is_finished());
    serving.abort();
}

#[tokio::test]
async fn a_store_whose_answers_never_end_is_told_and_costs_no_memory() {
    let endless = || async {
        let parts = futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(vec![b' '; 1 << 16]));
        (http::StatusCode::FORBIDDEN, axum::body::Body::from_stream(parts))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = axum::Router::new().fallback(endless);
    let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let refusal = check(&storage(port), &client()).await.unwrap_err();
    assert!(
        refusal.reason.contains("longer than 1048576 bytes"),
        "{}",
        refusal.reason
    );
    serving.abort();
}
