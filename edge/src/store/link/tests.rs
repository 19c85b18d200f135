//! What the vendors publish, and what their own libraries make of the same requests.

use percent_encoding::percent_decode_str;
use protocol::Secret;

use super::*;

/// 2013-05-24, 00:00.
const AWS_MS: u64 = 1_369_353_600_000;
/// 2026-11-29, 20:00.
const AZURE_MS: u64 = 1_795_982_400_000;

fn storage(kind: StorageKind, endpoint: &str, region: &str, bucket: &str, keys: (&str, &str)) -> Storage {
    Storage {
        kind,
        endpoint: endpoint.into(),
        region: region.into(),
        addressing: Addressing::Virtual,
        bucket: bucket.into(),
        access_key: keys.0.into(),
        secret_key: Secret::new(keys.1),
        session_token: None,
        session_ends_ms: None,
        prefix: "ignored".into(),
        encryption: None,
        tags: None,
        video: Default::default(),
    }
}

fn s3() -> Storage {
    let keys = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    storage(
        StorageKind::S3,
        "https://s3.eu-west-1.amazonaws.com",
        "eu-west-1",
        "records",
        keys,
    )
}

fn oss() -> Storage {
    storage(
        StorageKind::Oss,
        "https://oss-cn-hangzhou.aliyuncs.com",
        "cn-hangzhou",
        "bucket",
        ("ak", "sk"),
    )
}

fn cos() -> Storage {
    let keys = (
        "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q",
        "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz",
    );
    let bucket = "examplebucket-1250000000";
    storage(
        StorageKind::Cos,
        "https://cos.ap-beijing.myqcloud.com",
        "ap-beijing",
        bucket,
        keys,
    )
}

fn azure() -> Storage {
    // The key that Microsoft publishes for its emulator.
    let key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    Storage {
        addressing: Addressing::Path,
        ..storage(
            StorageKind::Azure,
            "https://devstoreaccount1.blob.core.windows.net",
            "",
            "records",
            ("devstoreaccount1", key),
        )
    }
}

/// A parameter of an address, decoded.
fn param(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(known, _)| *known == name).map(|(_, value)| value).unwrap();
    percent_decode_str(value).decode_utf8().unwrap().into_owned()
}

/// The published example of Amazon's documents, "Authenticating Requests: Using Query Parameters".
#[test]
fn amazons_published_link() {
    let storage = Storage {
        endpoint: "https://s3.amazonaws.com".into(),
        region: "us-east-1".into(),
        bucket: "examplebucket".into(),
        access_key: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ..s3()
    };
    let ask = Ask {
        method: "GET",
        key: "test.txt",
        does: Does::Read,
    };
    let url = sign(&storage, &ask, 86_400, AWS_MS);
    let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert_eq!(
        url,
        format!(
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=\
             AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&\
             X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
        )
    );
}

/// As Amazon's library for Python signs the same requests, with each addressing, a session token, and keys of any language.
#[test]
fn s3_is_signed_as_amazons_library_does() {
    let by_path = Storage {
        endpoint: "http://127.0.0.1:9000".into(),
        addressing: Addressing::Path,
        session_token: Some(Secret::new("to/ken+==")),
        ..s3()
    };
    let url = link(&by_path, "a/b c/第一课.mp4", "x.mp4", 3_600, AWS_MS);
    assert!(url.starts_with("http://127.0.0.1:9000/records/a/b%20c/%E7%AC%AC%E4%B8%80%E8%AF%BE.mp4?"));
    assert_eq!(
        param(&url, "response-content-disposition"),
        "attachment; filename=\"x.mp4\""
    );
    assert_eq!(
        param(&url, "X-Amz-Signature"),
        "1e261a5591ab5b3f34dcbabfc9eee1d96a438ab055025b4fbaa7417b9299866a"
    );
    let list = Ask {
        method: "GET",
        key: "",
        does: Does::List {
            prefix: "a/b/",
            most: 7,
        },
    };
    let url = sign(&s3(), &list, 3_600, AWS_MS);
    assert!(url.starts_with("https://records.s3.eu-west-1.amazonaws.com/?"), "{url}");
    assert_eq!(
        param(&url, "X-Amz-Signature"),
        "74844fa570b506c41964a4cd701511329d1626973f470c5e3c8486691d332f5a"
    );
    let delete = Ask {
        method: "DELETE",
        key: "a/b.ts",
        does: Does::Delete,
    };
    assert_eq!(
        param(&sign(&s3(), &delete, 3_600, AWS_MS), "X-Amz-Signature"),
        "f20277e4a4ff98d5693ddd0d220ae7414238e8e92b7ec94d761bb4ed64be4af0"
    );
    let write = Ask {
        method: "PUT",
        key: "a/b.ts",
        does: Does::Write,
    };
    assert_eq!(
        param(&sign(&s3(), &write, 3_600, AWS_MS), "X-Amz-Signature"),
        "253cbe918dae8632879716cc9f82ec18719c51adef3080f7394290eb9d05c42b"
    );
    assert_eq!(writing(&s3(), "a/b.ts", AWS_MS).1, []);
}

/// The vectors that all of Alibaba's libraries test themselves with, without and with a session token.
#[test]
fn alibabas_published_signatures() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let params = vec![
        pair("param1", "value1"),
        pair("+param1", "value3"),
        pair("|param1", "value4"),
        pair("+param2", ""),
        pair("|param2", ""),
        pair("param2", ""),
    ];
    let headers = "content-type:application/octet-stream\nx-oss-head1:value\n";
    let signed = |storage: &Storage, now_ms| {
        let params = oss::signed(storage, "PUT", "1234+-/123/1.txt", params.clone(), headers, 599, now_ms);
        params.join("&")
    };
    let url = signed(&oss(), 1_702_781_677_000);
    assert!(
        url.ends_with("x-oss-signature=a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe"),
        "{url}"
    );
    let with_token = Storage {
        session_token: Some(Secret::new("token")),
        ..oss()
    };
    let url = signed(&with_token, 1_702_785_388_000);
    assert!(
        url.ends_with("x-oss-signature=3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5"),
        "{url}"
    );
}

#[test]
fn the_bucket_is_signed_whatever_the_address_of_oss() {
    let signature = |addressing, endpoint: &str| {
        let storage = Storage {
            addressing,
            endpoint: endpoint.into(),
            ..oss()
        };
        let url = link(&storage, "a/b.mp4", "b.mp4", 60, AWS_MS);
        (
            url.split_once('?').unwrap().0.to_owned(),
            param(&url, "x-oss-signature"),
        )
    };
    let (virtual_url, first) = signature(Addressing::Virtual, "https://oss-cn-hangzhou.aliyuncs.com");
    let (bound_url, second) = signature(Addressing::Cname, "https://files.example.com");
    assert_eq!(virtual_url, "https://bucket.oss-cn-hangzhou.aliyuncs.com/a/b.mp4");
    assert_eq!(bound_url, "https://files.example.com/a/b.mp4");
    assert_eq!(first, second);
}

/// The example of Tencent's documents, "Request Signature: Downloading an object".
#[test]
fn tencents_published_signature() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let params = [
        pair("response-content-type", "application/octet-stream"),
        pair("response-cache-control", "max-age=600"),
    ];
    let headers = [
        ("date", "Thu, 16 May 2019 06:55:53 GMT"),
        ("host", "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"),
    ];
    let ask = Ask {
        method: "GET",
        key: "exampleobject(腾讯云)",
        does: Does::Read,
    };
    let signed = cos::signed(&cos(), &ask, &params, &headers, "1557989753;1557996953");
    assert_eq!(
        signed.last().unwrap(),
        "q-signature=01681b8c9d798a678e43b685a9f1bba0f6c0e012"
    );
    let url = link(&cos(), "a/课.mp4", "a.mp4", 60, AWS_MS);
    assert!(url.starts_with("https://examplebucket-1250000000.cos.ap-beijing.myqcloud.com/a/%E8%AF%BE.mp4?"));
    assert_eq!(param(&url, "q-sign-time"), "1369353540;1369353660");
    assert_eq!(param(&url, "q-header-list"), "host");
    assert_eq!(param(&url, "q-url-param-list"), "response-content-disposition");
}

/// As Microsoft's library for Python signs the same requests.
#[test]
fn azure_is_signed_as_microsofts_library_does() {
    let url = link(&azure(), "a/b c/第一课.mp4", "x.mp4", 3_600, AZURE_MS);
    assert!(url.starts_with("https://devstoreaccount1.blob.core.windows.net/records/a/b%20c/%E7%AC%AC"));
    assert_eq!(param(&url, "se"), "2026-11-29T21:00:00Z");
    assert_eq!(param(&url, "sig"), "xnVbIxjTohXmgYb70pMExgVbf0pjSISyq6ZcFfJQEjM=");
    let signature = |ask: &Ask<'_>| param(&sign(&azure(), ask, 3_600, AZURE_MS), "sig");
    let delete = Ask {
        method: "DELETE",
        key: "a/b.ts",
        does: Does::Delete,
    };
    assert_eq!(signature(&delete), "9ToHbsA5j0ebVzZebHT8x4rfXz2nJgxHgHtpkqO1wXw=");
    let write = Ask {
        method: "PUT",
        key: "a/b.ts",
        does: Does::Write,
    };
    assert_eq!(signature(&write), "iNJLjoIKra/ynTNrNAgfwlCYI52ck7ZK0c4dVIZvhRU=");
    assert_eq!(
        writing(&azure(), "a/b.ts", AZURE_MS).1,
        [("x-ms-blob-type", "BlockBlob")]
    );
    let list = Ask {
        method: "GET",
        key: "",
        does: Does::List {
            prefix: "a/",
            most: 100,
        },
    };
    assert_eq!(signature(&list), "INNdPCDa9pi4Y3iz+6obvjNHeQcyjh/Ldje00jJ/wr8=");
    let url = sign(&azure(), &list, 3_600, AZURE_MS);
    assert!(
        url.starts_with("https://devstoreaccount1.blob.core.windows.net/records?"),
        "{url}"
    );
}

#[test]
fn no_link_is_good_for_longer_than_its_vendor_lets_it() {
    let url = link(&s3(), "a", "a", u64::MAX, AWS_MS);
    assert_eq!(param(&url, "X-Amz-Expires"), "604800");
}

#[test]
fn an_endpoint_may_have_a_path() {
    let storage = Storage {
        endpoint: "https://h/s3/".into(),
        addressing: Addressing::Path,
        ..s3()
    };
    assert!(reading(&storage, "a.ts", AWS_MS).starts_with("https://h/s3/records/a.ts?"));
}
