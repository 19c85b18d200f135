//! What each vendor's store sees: addresses, signatures, headers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use protocol::{Addressing, Encryption, Secret, Storage, StorageKind};

use super::recorder::Recorder;
use super::request::Request;
use super::signatures::{is_aws, is_azure, is_cos, is_oss};
use super::*;
use crate::upload::headers::Headers;

/// Above what travels whole.
const LONG: usize = (64 << 20) + 3;
const NAME: &str = "a b+é_0.ts";
const ENCODED: &str = "a%20b%2B%C3%A9_0.ts";

fn place(kind: StorageKind, addressing: Addressing, endpoint: String) -> Storage {
    Storage {
        kind,
        endpoint,
        region: "cn-hangzhou".to_owned(),
        addressing,
        bucket: "bucket-1250".to_owned(),
        access_key: "account".to_owned(),
        secret_key: Secret::new("c2VjcmV0"),
        session_token: None,
        session_ends_ms: None,
        prefix: "pre/fix".to_owned(),
        encryption: None,
        tags: None,
        video: Default::default(),
    }
}

/// What a store sees of a small object, a long one, and the small one's removal.
async fn seen(storage: &Storage, recorder: &Recorder) -> Vec<Request> {
    let bucket = Bucket::new(storage, &client()).unwrap();
    let headers = Headers::changing("video/mp2t");
    bucket.put(NAME, headers, b"small".to_vec()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long");
    std::fs::write(&path, vec![7; LONG]).unwrap();
    bucket
        .put_file("long.mp4", Headers::immutable("video/mp4"), &path, LONG as u64)
        .await
        .unwrap();
    bucket.delete(NAME).await.unwrap();
    let seen = recorder.take();
    let [small, .., removal] = &seen[..] else {
        panic!("{} requests", seen.len())
    };
    assert_eq!((small.method.as_str(), small.body.as_slice()), ("PUT", &b"small"[..]));
    assert_eq!(small.header("content-type"), "video/mp2t");
    let azure = storage.kind == StorageKind::Azure;
    let cache_control = if azure {
        "x-ms-blob-cache-control"
    } else {
        "cache-control"
    };
    assert_eq!(small.header(cache_control), "no-cache");
    // What makes an object of parts: the first request to it, but for Azure the last.
    let making = |request: &&Request| request.query.starts_with("uploads") || request.query.contains("blocklist");
    let making = seen.iter().find(making).expect("an object of parts");
    assert_eq!(making.header(cache_control), IMMUTABLE, "{making:?}");
    assert_eq!(removal.method, "DELETE");
    let sent: usize = seen
        .iter()
        .filter(|request| request.method == "PUT")
        .map(|put| put.body.len())
        .sum();
    assert!(sent >= LONG + 5, "{sent} bytes in {} requests", seen.len());
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn amazons_interface() {
    let recorder = Recorder::start().await;
    for (addressing, below, host, path) in [
        (Addressing::Virtual, "", "bucket-1250.s3.localhost", "/pre/fix"),
        (Addressing::Path, "", "s3.localhost", "/bucket-1250/pre/fix"),
        (
            Addressing::Path,
            "/storage/v1/s3",
            "s3.localhost",
            "/storage/v1/s3/bucket-1250/pre/fix",
        ),
    ] {
        let mut storage = place(
            StorageKind::S3,
            addressing,
            format!("http://s3.localhost:{}{below}", recorder.port),
        );
        storage.session_token = Some(Secret::new("TOKEN"));
        storage.encryption = Some(Encryption::Kms);
        storage.tags = Some("team=a%20b&class=".to_owned());
        for request in seen(&storage, &recorder).await {
            assert!(is_aws(&request, "account", "c2VjcmV0", "cn-hangzhou"), "{request:?}");
            let signed = request.header("authorization");
            assert_eq!(request.header("host"), format!("{host}:{}", recorder.port));
            assert_eq!(request.header("x-amz-security-token"), "TOKEN");
            assert!(signed.contains("x-amz-security-token"), "{signed}");
            let making = request.query.starts_with("uploads") || (request.method == "PUT" && request.query.is_empty());
            for (name, value) in [
                ("x-amz-tagging", "team=a%20b&class="),
                ("x-amz-server-side-encryption", "aws:kms"),
            ] {
                assert_eq!(request.header(name), if making { value } else { "" }, "{request:?}");
                assert_eq!(signed.contains(name), making, "{signed}");
            }
            if request.body == b"small" {
                assert_eq!(request.path, format!("{path}/{ENCODED}"));
            }
            if request.query.starts_with("uploads") {
                assert_eq!(request.header("content-type"), "video/mp4");
            }
            // Of an object and of each part.
            if request.method == "PUT" {
                let digest = STANDARD.encode(Md5::digest(&request.body));
                assert_eq!(request.header("content-md5"), digest, "{request:?}");
                assert!(signed.contains("content-md5"), "{signed}");
            }
            assert!(request.body.len() <= 16 << 20, "a part of {} bytes", request.body.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alibabas_interface() {
    let recorder = Recorder::start().await;
    for (addressing, host, prefix) in [
        (Addressing::Virtual, "bucket-1250.oss-cn-hangzhou.localhost", ""),
        (Addressing::Path, "oss-cn-hangzhou.localhost", "/bucket-1250"),
        (Addressing::Cname, "oss-cn-hangzhou.localhost", ""),
    ] {
        let endpoint = format!("http://oss-cn-hangzhou.localhost:{}", recorder.port);
        let mut storage = place(StorageKind::Oss, addressing, endpoint);
        storage.session_token = Some(Secret::new("TOKEN"));
        storage.encryption = Some(Encryption::Aes256);
        storage.tags = Some("team=a".to_owned());
        for request in seen(&storage, &recorder).await {
            let path = request.path.strip_prefix(prefix).unwrap();
            assert!(
                is_oss(&request, path, "bucket-1250", "account", "c2VjcmV0", "cn-hangzhou"),
                "{addressing:?} {request:?}"
            );
            assert_eq!(request.header("host"), format!("{host}:{}", recorder.port));
            assert_eq!(request.header("x-oss-security-token"), "TOKEN");
            let making = request.query.starts_with("uploads") || (request.method == "PUT" && request.query.is_empty());
            assert_eq!(request.header("x-oss-tagging"), if making { "team=a" } else { "" });
            assert_eq!(
                request.header("x-oss-server-side-encryption"),
                if making { "AES256" } else { "" }
            );
            if request.body == b"small" {
                assert_eq!(path, format!("/pre/fix/{ENCODED}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tencents_interface() {
    let recorder = Recorder::start().await;
    let endpoint = format!("http://cos.ap-beijing.localhost:{}", recorder.port);
    let mut storage = place(StorageKind::Cos, Addressing::Virtual, endpoint);
    storage.session_token = Some(Secret::new("TOKEN"));
    for request in seen(&storage, &recorder).await {
        assert!(is_cos(&request, "account", "c2VjcmV0"), "{request:?}");
        assert_eq!(
            request.header("host"),
            format!("bucket-1250.cos.ap-beijing.localhost:{}", recorder.port)
        );
        assert_eq!(request.header("x-cos-security-token"), "TOKEN");
        if request.body == b"small" {
            assert_eq!(request.path, format!("/pre/fix/{ENCODED}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn microsofts_interface() {
    let recorder = Recorder::start().await;
    let endpoint = format!("http://account.blob.localhost:{}", recorder.port);
    let storage = place(StorageKind::Azure, Addressing::Path, endpoint);
    for request in seen(&storage, &recorder).await {
        assert!(is_azure(&request, "account", "c2VjcmV0"), "{request:?}");
        if request.body == b"small" {
            assert_eq!(request.path, format!("/bucket-1250/pre/fix/{ENCODED}"));
            assert_eq!(request.header("x-ms-blob-type"), "BlockBlob");
        }
        if request.query.contains("blocklist") {
            assert_eq!(request.header("x-ms-blob-content-type"), "video/mp4");
        }
    }
}

#[tokio::test]
async fn a_bucket_is_a_part_of_the_host_where_the_vendor_asks_for_it() {
    let server = Server::start_below(Some("s3.localhost")).await;
    let storage = Storage {
        addressing: Addressing::Virtual,
        endpoint: format!("http://s3.localhost:{}", server.port),
        ..storage(server.port)
    };
    let bucket = Bucket::new(&storage, &client()).unwrap();
    let headers = Headers::immutable("video/mp2t");
    bucket.put("x.ts", headers, b"x".to_vec()).await.unwrap();
    assert_eq!(server.read("x.ts"), b"x");
}

#[test]
fn keys_of_this_machine_are_never_used() {
    for kind in [StorageKind::S3, StorageKind::Oss, StorageKind::Cos, StorageKind::Azure] {
        let storage = Storage {
            access_key: String::new(),
            ..place(kind, Addressing::Virtual, "https://h".to_owned())
        };
        assert_eq!(Bucket::new(&storage, &client()).unwrap_err(), "its keys are missing");
    }
}
