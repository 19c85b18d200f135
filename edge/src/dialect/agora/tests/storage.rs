//! `storageConfig`: vendors, regions, and where a customer's bucket may be.

use protocol::{Addressing, Encryption, Storage, StorageKind};
use serde_json::json;

use super::*;
use crate::recording::Command;

const STORAGE: &str = "/clientRequest/storageConfig";
const ENDPOINT: &str = "/clientRequest/storageConfig/extensionParams/endpoint";

/// The regions of the vendors' documents: vendor, number, host, signing region.
const PLACES: &str = "
    0 0 s3.cn-east-1.qiniucs.com cn-east-1
    0 1 s3.cn-north-1.qiniucs.com cn-north-1
    0 2 s3.cn-south-1.qiniucs.com cn-south-1
    0 3 s3.us-north-1.qiniucs.com us-north-1
    0 4 s3.ap-southeast-1.qiniucs.com ap-southeast-1
    1 0 s3.us-east-1.amazonaws.com us-east-1
    1 1 s3.us-east-2.amazonaws.com us-east-2
    1 2 s3.us-west-1.amazonaws.com us-west-1
    1 3 s3.us-west-2.amazonaws.com us-west-2
    1 4 s3.eu-west-1.amazonaws.com eu-west-1
    1 5 s3.eu-west-2.amazonaws.com eu-west-2
    1 6 s3.eu-west-3.amazonaws.com eu-west-3
    1 7 s3.eu-central-1.amazonaws.com eu-central-1
    1 8 s3.ap-southeast-1.amazonaws.com ap-southeast-1
    1 9 s3.ap-southeast-2.amazonaws.com ap-southeast-2
    1 10 s3.ap-northeast-1.amazonaws.com ap-northeast-1
    1 11 s3.ap-northeast-2.amazonaws.com ap-northeast-2
    1 12 s3.sa-east-1.amazonaws.com sa-east-1
    1 13 s3.ca-central-1.amazonaws.com ca-central-1
    1 14 s3.ap-south-1.amazonaws.com ap-south-1
    1 15 s3.cn-north-1.amazonaws.com.cn cn-north-1
    1 16 s3.cn-northwest-1.amazonaws.com.cn cn-northwest-1
    1 17 s3.us-gov-west-1.amazonaws.com us-gov-west-1
    1 18 s3.af-south-1.amazonaws.com af-south-1
    1 19 s3.ap-east-1.amazonaws.com ap-east-1
    1 20 s3.ap-northeast-3.amazonaws.com ap-northeast-3
    1 21 s3.eu-north-1.amazonaws.com eu-north-1
    1 22 s3.me-south-1.amazonaws.com me-south-1
    1 23 s3.us-gov-east-1.amazonaws.com us-gov-east-1
    1 24 s3.ap-southeast-3.amazonaws.com ap-southeast-3
    1 25 s3.eu-south-1.amazonaws.com eu-south-1
    1 28 s3.il-central-1.amazonaws.com il-central-1
    2 0 oss-cn-hangzhou.aliyuncs.com cn-hangzhou
    2 1 oss-cn-shanghai.aliyuncs.com cn-shanghai
    2 2 oss-cn-qingdao.aliyuncs.com cn-qingdao
    2 3 oss-cn-beijing.aliyuncs.com cn-beijing
    2 4 oss-cn-zhangjiakou.aliyuncs.com cn-zhangjiakou
    2 5 oss-cn-huhehaote.aliyuncs.com cn-huhehaote
    2 6 oss-cn-shenzhen.aliyuncs.com cn-shenzhen
    2 7 oss-cn-hongkong.aliyuncs.com cn-hongkong
    2 8 oss-us-west-1.aliyuncs.com us-west-1
    2 9 oss-us-east-1.aliyuncs.com us-east-1
    2 10 oss-ap-southeast-1.aliyuncs.com ap-southeast-1
    2 11 oss-ap-southeast-2.aliyuncs.com ap-southeast-2
    2 12 oss-ap-southeast-3.aliyuncs.com ap-southeast-3
    2 13 oss-ap-southeast-5.aliyuncs.com ap-southeast-5
    2 14 oss-ap-northeast-1.aliyuncs.com ap-northeast-1
    2 15 oss-ap-south-1.aliyuncs.com ap-south-1
    2 16 oss-eu-central-1.aliyuncs.com eu-central-1
    2 17 oss-eu-west-1.aliyuncs.com eu-west-1
    2 18 oss-me-east-1.aliyuncs.com me-east-1
    2 19 oss-ap-southeast-6.aliyuncs.com ap-southeast-6
    2 20 oss-cn-heyuan.aliyuncs.com cn-heyuan
    2 21 oss-cn-guangzhou.aliyuncs.com cn-guangzhou
    2 22 oss-cn-chengdu.aliyuncs.com cn-chengdu
    2 23 oss-cn-nanjing.aliyuncs.com cn-nanjing
    2 24 oss-cn-fuzhou.aliyuncs.com cn-fuzhou
    2 25 oss-cn-wulanchabu.aliyuncs.com cn-wulanchabu
    2 26 oss-ap-northeast-2.aliyuncs.com ap-northeast-2
    2 27 oss-ap-southeast-7.aliyuncs.com ap-southeast-7
    3 0 cos.ap-beijing-1.myqcloud.com ap-beijing-1
    3 1 cos.ap-beijing.myqcloud.com ap-beijing
    3 2 cos.ap-shanghai.myqcloud.com ap-shanghai
    3 3 cos.ap-guangzhou.myqcloud.com ap-guangzhou
    3 4 cos.ap-chengdu.myqcloud.com ap-chengdu
    3 5 cos.ap-chongqing.myqcloud.com ap-chongqing
    3 6 cos.ap-shenzhen-fsi.myqcloud.com ap-shenzhen-fsi
    3 7 cos.ap-shanghai-fsi.myqcloud.com ap-shanghai-fsi
    3 8 cos.ap-beijing-fsi.myqcloud.com ap-beijing-fsi
    3 9 cos.ap-hongkong.myqcloud.com ap-hongkong
    3 10 cos.ap-singapore.myqcloud.com ap-singapore
    3 11 cos.ap-mumbai.myqcloud.com ap-mumbai
    3 12 cos.ap-seoul.myqcloud.com ap-seoul
    3 13 cos.ap-bangkok.myqcloud.com ap-bangkok
    3 14 cos.ap-tokyo.myqcloud.com ap-tokyo
    3 15 cos.na-siliconvalley.myqcloud.com na-siliconvalley
    3 16 cos.na-ashburn.myqcloud.com na-ashburn
    3 17 cos.na-toronto.myqcloud.com na-toronto
    3 18 cos.eu-frankfurt.myqcloud.com eu-frankfurt
    3 19 cos.eu-moscow.myqcloud.com eu-moscow
    4 0 kss.ksyun.com HANGZHOU
    4 1 ks3-cn-shanghai.ksyuncs.com SHANGHAI
    4 2 ks3-cn-qingdao.ksyun.com QINGDAO
    4 3 ks3-cn-beijing.ksyuncs.com BEIJING
    4 4 ks3-cn-guangzhou.ksyuncs.com GUANGZHOU
    4 5 ks3-cn-hk-1.ksyuncs.com HONGKONG
    4 6 ks3-jr-beijing.ksyuncs.com JR_BEIJING
    4 7 ks3-jr-shanghai.ksyuncs.com JR_SHANGHAI
    4 8 ks3-rus.ksyuncs.com RUSSIA
    4 9 ks3-sgp.ksyuncs.com SINGAPORE
    6 0 storage.googleapis.com auto
    6 99 storage.googleapis.com auto
    7 0 obs.cn-north-1.myhuaweicloud.com cn-north-1
    7 1 obs.cn-north-4.myhuaweicloud.com cn-north-4
    7 2 obs.cn-east-2.myhuaweicloud.com cn-east-2
    7 3 obs.cn-east-3.myhuaweicloud.com cn-east-3
    7 4 obs.cn-south-1.myhuaweicloud.com cn-south-1
    7 5 obs.cn-southwest-2.myhuaweicloud.com cn-southwest-2
    7 6 obs.ap-southeast-1.myhuaweicloud.com ap-southeast-1
    7 7 obs.ap-southeast-2.myhuaweicloud.com ap-southeast-2
    7 8 obs.ap-southeast-3.myhuaweicloud.com ap-southeast-3
    7 9 obs.af-south-1.myhuaweicloud.com af-south-1
    7 10 obs.sa-argentina-1.myhuaweicloud.com sa-argentina-1
    7 11 obs.sa-peru-1.myhuaweicloud.com sa-peru-1
    7 12 obs.na-mexico-1.myhuaweicloud.com na-mexico-1
    7 13 obs.sa-brazil-1.myhuaweicloud.com sa-brazil-1
    7 14 obs.la-south-2.myhuaweicloud.com la-south-2
    7 15 obs.sa-chile-1.myhuaweicloud.com sa-chile-1
    8 0 s3.bj.bcebos.com bj
    8 1 s3.bd.bcebos.com bd
    8 2 s3.su.bcebos.com su
    8 3 s3.gz.bcebos.com gz
    8 4 s3.hkg.bcebos.com hkg
    8 5 s3.sin.bcebos.com sin
    8 6 s3.fwh.bcebos.com fwh
    8 7 s3.fsh.bcebos.com fsh
";

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
fn what_is_wrong_is_named() {
    let service = Service::new();
    let prefix = "fileNamePrefix must hold elements of a-z A-Z 0-9 only, at most 128 characters";
    let azure = |pointer: &str, value: Value| {
        let azure = set(at(5, 0), "/accessKey", Some(json!("myaccount")));
        set(azure, pointer, Some(value))
    };
    let extended = |vendor: u64, extension: Value| set(at(vendor, 0), "/extensionParams", Some(extension));
    let table = [
        (STORAGE, None, "clientRequest.storageConfig is required"),
        ("/vendor", None, "storageConfig.vendor is required"),
        (
            "/vendor",
            Some(json!("1")),
            "storageConfig.vendor must be a whole number",
        ),
        ("/vendor", Some(json!(9)), "storageConfig.vendor must be 0 to 8, or 11"),
        ("/vendor", Some(json!(100)), "storageConfig.vendor must not be 100"),
        (
            "/region",
            Some(json!(1)),
            "storageConfig.region must be 0 with vendor 11",
        ),
        (
            "/region",
            Some(json!("0")),
            "storageConfig.region must be a whole number",
        ),
        (
            "",
            Some(set(at(1, 0), "/region", None)),
            "storageConfig.region is required",
        ),
        (
            "",
            Some(at(1, 26)),
            "storageConfig.region must be one of the numbers of Amazon S3: 0 to 25, or 28",
        ),
        ("/bucket", None, "storageConfig.bucket is required"),
        ("/bucket", Some(json!("a/b")), "storageConfig.bucket must have 3 to 255"),
        ("/bucket", Some(json!("...")), "storageConfig.bucket must have"),
        (
            "",
            Some(set(at(2, 0), "/bucket", Some(json!("my.bucket")))),
            "storageConfig.bucket must have 3 to 63 of a-z 0-9 -",
        ),
        ("/accessKey", Some(json!("")), "storageConfig.accessKey is required"),
        (
            "/accessKey",
            Some(json!("a\r\nb")),
            "storageConfig.accessKey must have at most 256",
        ),
        (
            "",
            Some(azure("/accessKey", json!("evil.example/#"))),
            "storageConfig.accessKey must be the storage account's name",
        ),
        (
            "",
            Some(azure("/secretKey", json!("hunter2!"))),
            "storageConfig.secretKey must be one of the account's keys, in base64",
        ),
        (
            "",
            Some(azure("/stsToken", json!("T"))),
            "storageConfig.stsToken must not be set",
        ),
        ("/secretKey", None, "storageConfig.secretKey is required"),
        (
            "/secretKey",
            Some(json!("hunter2 hunter2")),
            "storageConfig.secretKey must have at most 256",
        ),
        ("/stsToken", Some(json!("a b")), "storageConfig.stsToken must have"),
        (
            "/stsExpiration",
            Some(json!(-1)),
            "storageConfig.stsExpiration must be a whole",
        ),
        (
            "/fileNamePrefix",
            Some(json!("a")),
            "storageConfig.fileNamePrefix must be a list",
        ),
        (
            "/fileNamePrefix",
            Some(json!([""])),
            "storageConfig.fileNamePrefix must be a list",
        ),
        ("/fileNamePrefix", Some(json!(["a_b"])), prefix),
        ("/fileNamePrefix", Some(json!(["a/b"])), prefix),
        ("/fileNamePrefix", Some(json!(["é"])), prefix),
        ("/fileNamePrefix", Some(json!(["x".repeat(64), "y".repeat(64)])), prefix),
        (
            "/extensionParams",
            None,
            "storageConfig.extensionParams is required with vendor 11",
        ),
        (
            "/extensionParams/endpoint",
            Some(json!("")),
            "extensionParams.endpoint is required",
        ),
        (
            "/extensionParams/endpoint",
            Some(json!("ftp://h")),
            "extensionParams.endpoint must be a host, host:port or URL",
        ),
        (
            "/extensionParams/endpoint",
            Some(json!("https://h/bucket")),
            "extensionParams.endpoint must be",
        ),
        (
            "/extensionParams/region",
            Some(json!("a b")),
            "extensionParams.region must be a region's name",
        ),
        (
            "/extensionParams/addressingStyle",
            Some(json!("auto")),
            "extensionParams.addressingStyle must be",
        ),
        (
            "/extensionParams/addressingStyle",
            Some(json!("cname")),
            "extensionParams.addressingStyle is not one that the vendor has",
        ),
        (
            "",
            Some(extended(3, json!({"endpoint": "http://127.0.0.1"}))),
            "extensionParams.endpoint must be a name with vendor 3",
        ),
        (
            "/extensionParams/sse",
            Some(json!("aws:kms")),
            "extensionParams.sse must be \"aes256\" or \"kms\"",
        ),
        (
            "",
            Some(extended(3, json!({"sse": "kms"}))),
            "extensionParams.sse must not be set unless the vendor is 1, 2 or 11",
        ),
        (
            "",
            Some(extended(7, json!({"tag": "a=b"}))),
            "extensionParams.tag must not be set unless the vendor is 1, 2 or 11",
        ),
        (
            "/extensionParams/tag",
            Some(json!("a b")),
            "extensionParams.tag must be",
        ),
        (
            "/extensionParams/tag",
            Some(json!("a=b=c")),
            "extensionParams.tag must be",
        ),
        ("/extensionParams/tag", Some(json!("=b")), "extensionParams.tag must be"),
        (
            "/extensionParams/tag",
            Some(json!("a=b&")),
            "extensionParams.tag must be",
        ),
        (
            "/extensionParams/tag",
            Some(json!(["a=b&"; 11].concat() + "c=d")),
            "extensionParams.tag must be",
        ),
    ];
    let resource_id = service.resource_id();
    for (pointer, value, part) in table {
        let pointer = match pointer {
            STORAGE => pointer.to_owned(),
            _ => format!("{STORAGE}{pointer}"),
        };
        let body = set(start_body(), &pointer, value);
        let response = service.answer(&post(&start_path(&resource_id), &body));
        assert_error(&response, 400, 2, part);
        let text = String::from_utf8_lossy(&response.body);
        assert!(!text.contains("hunter2") && !text.contains("verysecret"), "{text}");
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
