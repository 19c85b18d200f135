//! `storageConfig`: vendors, regions, and where a customer's bucket may be.

use protocol::{Addressing, Encryption, Storage, StorageKind};
use serde_json::json;

use super::*;
use crate::recording::Command;

const STORAGE: &str = "/clientRequest/storageConfig";
const ENDPOINT: &str = "/clientRequest/storageConfig/extensionParams/endpoint";

/// The regions of the vendors' documents: vendor, number, host, signing region.
const PLACES: &str = include_str!("storage_places.txt");

/// As a start that only names the place.
fn at(vendor: u64, region: u64) -> Value {
    json!({"vendor": vendor, "region": region, "bucket": "bucket-1250", "accessKey": "AK", "secretKey": "c2VjcmV0"})
}

fn started_with(service: &Service, storage: Value) -> Storage {
    let body = set(start_body(), STORAGE, Some(storage));
    let pending = service.pending(&post(&start_path(&service.resource_id()), &body));
    let Command::Start(start) = &pending.call.command else {
        panic!("{pending:?}")
    };
    start.spec.storage.clone()
}

#[test]
fn every_region_of_every_vendor_has_its_endpoint() {
    let service = Service::new();
    let places: Vec<Vec<_>> = PLACES
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|place| !place.is_empty())
        .collect();
    assert_eq!(places.len(), 5 + 27 + 28 + 20 + 10 + 2 + 16 + 8);
    for place in &places {
        let (vendor, region) = (place[0].parse().unwrap(), place[1].parse().unwrap());
        let storage = started_with(&service, at(vendor, region));
        assert_eq!(
            (storage.endpoint.as_str(), storage.region.as_str()),
            (format!("https://{}", place[2]).as_str(), place[3]),
            "{place:?}"
        );
        let (kind, addressing) = match vendor {
            2 => (StorageKind::Oss, Addressing::Virtual),
            3 => (StorageKind::Cos, Addressing::Virtual),
            0 | 6 => (StorageKind::S3, Addressing::Path),
            _ => (StorageKind::S3, Addressing::Virtual),
        };
        assert_eq!((storage.kind, storage.addressing), (kind, addressing), "{place:?}");
    }
    let resource_id = service.resource_id();
    for vendor in [0, 1, 2, 3, 4, 7, 8] {
        for region in 0..40 {
            let known = places
                .iter()
                .any(|place| place[0] == vendor.to_string() && place[1] == region.to_string());
            if !known {
                let body = set(start_body(), STORAGE, Some(at(vendor, region)));
                let response = service.answer(&post(&start_path(&resource_id), &body));
                assert_error(
                    &response,
                    400,
                    2,
                    "clientRequest.storageConfig.region must be one of the numbers of ",
                );
            }
        }
    }
}

#[test]
fn azure_is_addressed_by_the_account() {
    let service = Service::new();
    let azure = set(at(5, 0), "/accessKey", Some(json!("myaccount")));
    for region in [None, Some(json!(7))] {
        let storage = started_with(&service, set(azure.clone(), "/region", region));
        assert_eq!(storage.endpoint, "https://myaccount.blob.core.windows.net");
        assert_eq!(
            (storage.kind, storage.addressing),
            (StorageKind::Azure, Addressing::Path)
        );
    }
    let china = "https://myaccount.blob.core.chinacloudapi.cn";
    let storage = set(azure, "/extensionParams", Some(json!({ "endpoint": china })));
    assert_eq!(started_with(&service, storage).endpoint, china);
}

#[test]
fn keys_that_end_tags_and_encryption() {
    let service = Service::new();
    let ends = START_MS / 1000 + 3600;
    let storage = json!({
        "vendor": 1, "region": 7, "bucket": "b-1", "accessKey": "A", "secretKey": "S", "stsToken": "T",
        "stsExpiration": ends, "extensionParams": {"sse": "kms", "tag": "team=a%20b&raw"},
    });
    let read = started_with(&service, storage.clone());
    assert_eq!(read.session_token, Some(Secret::new("T")));
    assert_eq!(read.session_ends_ms, Some(ends * 1000));
    assert_eq!(read.encryption, Some(Encryption::Kms));
    assert_eq!(read.tags.as_deref(), Some("team=a%20b&raw="));
    for past in [0, 3600, START_MS / 1000] {
        let storage = set(storage.clone(), "/stsExpiration", Some(json!(past)));
        assert_eq!(started_with(&service, storage).session_ends_ms, None, "{past}");
    }
    let plain = started_with(
        &service,
        set(
            storage,
            "/extensionParams",
            Some(json!({"sse": "", "tag": "", "endpoint": ""})),
        ),
    );
    assert_eq!((plain.encryption, plain.tags), (None, None));
    let oss = set(
        at(2, 0),
        "/extensionParams",
        Some(json!({"sse": "aes256", "tag": "a=b"})),
    );
    let oss = started_with(&service, oss);
    assert_eq!(
        (oss.encryption, oss.tags.as_deref()),
        (Some(Encryption::Aes256), Some("a=b"))
    );
}

#[test]
fn the_customer_may_name_the_endpoint_and_how_the_bucket_is_addressed() {
    use Addressing::{Cname, Path, Virtual};
    let service = Service::new();
    for (vendor, bucket, extension, endpoint, region, addressing) in [
        (
            11,
            "b_1",
            json!({"endpoint": "minio"}),
            "https://minio",
            "us-east-1",
            Path,
        ),
        (
            11,
            "b-1",
            json!({"endpoint": "https://project.example.com/storage/v1/s3/"}),
            "https://project.example.com/storage/v1/s3",
            "us-east-1",
            Path,
        ),
        (
            11,
            "b-1",
            json!({"endpoint": "http://h:9", "region": "garage", "addressingStyle": "virtual"}),
            "http://h:9",
            "garage",
            Virtual,
        ),
        (
            1,
            "b-1",
            json!({"endpoint": "vpce-1.s3.us-east-1.vpce.amazonaws.com"}),
            "https://vpce-1.s3.us-east-1.vpce.amazonaws.com",
            "us-east-1",
            Virtual,
        ),
        (
            1,
            "b-1",
            json!({"endpoint": "http://127.0.0.1:9000"}),
            "http://127.0.0.1:9000",
            "us-east-1",
            Path,
        ),
        (
            1,
            "my.bucket",
            json!({}),
            "https://s3.us-east-1.amazonaws.com",
            "us-east-1",
            Path,
        ),
        (
            1,
            "Old_Bucket",
            json!({}),
            "https://s3.us-east-1.amazonaws.com",
            "us-east-1",
            Path,
        ),
        (
            2,
            "b-1",
            json!({"endpoint": "files.example.com", "addressingStyle": "cname"}),
            "https://files.example.com",
            "cn-hangzhou",
            Cname,
        ),
        (
            2,
            "b-1",
            json!({"endpoint": "http://127.0.0.1:1"}),
            "http://127.0.0.1:1",
            "cn-hangzhou",
            Path,
        ),
        (
            3,
            "b-1250",
            json!({"endpoint": "cos-internal.example.com:8443"}),
            "https://cos-internal.example.com:8443",
            "ap-beijing-1",
            Virtual,
        ),
    ] {
        let storage = json!({
            "vendor": vendor, "region": 0, "bucket": bucket, "accessKey": "A", "secretKey": "S", "extensionParams": extension,
        });
        let read = started_with(&service, storage);
        assert_eq!(
            (read.endpoint.as_str(), read.region.as_str(), read.addressing),
            (endpoint, region, addressing),
            "{vendor} {extension}"
        );
    }
}

#[test]
fn an_endpoint_has_a_path_only_where_buckets_are_addressed_by_path() {
    let service = Service::new();
    for (vendor, style) in [(11, "virtual"), (2, "path"), (1, "virtual")] {
        let storage = json!({
            "vendor": vendor, "region": 0, "bucket": "b-1", "accessKey": "A", "secretKey": "S",
            "extensionParams": {"endpoint": "https://h/s3", "addressingStyle": style},
        });
        let body = set(start_body(), STORAGE, Some(storage));
        let response = service.answer(&post(&start_path(&service.resource_id()), &body));
        assert_error(&response, 400, 2, "extensionParams.endpoint may have a path only");
    }
}

#[test]
fn a_refusal_shows_no_keys() {
    let service = Service::new();
    let azure = set(at(5, 0), "/accessKey", Some(json!("myaccount")));
    for storage in [
        set(at(1, 0), "/secretKey", Some(json!("hunter2 hunter2"))),
        set(at(1, 0), "/stsToken", Some(json!("hunter2 hunter2"))),
        set(azure, "/secretKey", Some(json!("hunter2!"))),
    ] {
        let body = set(start_body(), STORAGE, Some(storage));
        let response = service.answer(&post(&start_path(&service.resource_id()), &body));
        assert_error(&response, 400, 2, "clientRequest.storageConfig.");
        let text = String::from_utf8_lossy(&response.body);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn prefixes_are_joined() {
    let service = Service::new();
    for (elements, prefix) in [
        (json!([]), String::new()),
        (json!(["a", "B", "9"]), "a/B/9".to_owned()),
        (json!(["x".repeat(128)]), "x".repeat(128)),
    ] {
        let storage = set(at(1, 0), "/fileNamePrefix", Some(elements));
        assert_eq!(started_with(&service, storage).prefix, prefix);
    }
}

#[test]
fn a_bucket_at_a_private_address_is_refused_unless_the_operator_allows_it() {
    let mut service = Service::new();
    for (endpoint, public) in [
        ("s3.example.com", true),
        ("http://1.1.1.1:9000", true),
        ("http://127.0.0.1:9000", false),
        ("10.0.0.1", false),
        ("[::1]:9000", false),
        ("http://LOCALHOST:9000", false),
        ("https://169.254.169.254", false),
    ] {
        let resource_id = service.resource_id();
        for vendor in [1, 2, 11] {
            let body = set(start_body(), ENDPOINT, Some(json!(endpoint)));
            let body = set(body, &format!("{STORAGE}/vendor"), Some(json!(vendor)));
            let start = post(&start_path(&resource_id), &body);
            service.targets = Targets::Any;
            service.pending(&start);
            service.targets = Targets::Public;
            match public {
                true => drop(service.pending(&start)),
                false => assert_error(
                    &service.answer(&start),
                    400,
                    2,
                    "extensionParams.endpoint must not lead to a private, loopback or link-local address",
                ),
            }
        }
    }
}
