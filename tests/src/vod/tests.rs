use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::*;

/// Runs the vendor's clients, which `scripts/setup` installs.
async fn vendor(service: &Service, steps: &Value) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(root.join("../target/python/bin/python3"))
        .arg(root.join("vendor_vod.py"))
        .args([
            &service.address.to_string(),
            ACCESS_KEY,
            SECRET_KEY,
            REGION,
            &steps.to_string(),
        ])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await
        .expect("scripts/setup installs Python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/setup installs the clients: {errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn the_vendors_clients_upload_a_video() {
    let service = Service::start().await;
    let steps = json!([
        { "create": { "Title": "My Video 视频*~", "FileName": "a b.m3u8", "Tags": "x,y", "TemplateGroupId": TEMPLATE_GROUP } },
        { "put": { "name": "0 é+.ts", "version": 1, "text": "zero" } },
        { "refresh": {} },
        { "put": { "name": "1.ts", "version": 4, "text": "one" } },
        { "parts": { "name": "2.ts", "version": 4, "bytes": 250_000 } },
        { "put": { "version": 1, "text": "#EXTM3U" } },
    ]);
    let told = vendor(&service, &steps).await;
    let videos = service.videos();
    assert_eq!(videos.len(), 1, "{told}");
    let video = &videos[0];
    assert_eq!(told, json!([video.id, "ok", video.id, "ok", "ok", "ok"]));
    assert_eq!(video.parameters["Title"], "My Video 视频*~");
    let keys = ["0 é+.ts", "1.ts", "2.ts"].map(|name| format!("{}{name}", video.object_prefix));
    assert_eq!(service.confirmed()[..3], keys);
    assert_eq!(service.confirmed()[3], video.file_name);
    assert_eq!(service.object(&keys[0]).expect("an object").data, b"zero");
    assert_eq!(service.object(&keys[2]).expect("an object").data.len(), 250_000);
    assert_eq!(service.calls(), ["CreateUploadVideo", "RefreshUploadVideo"]);
    assert_eq!(service.refused(), []);
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_the_documented_code() {
    let service = Service::start().await;
    let create = json!({ "create": { "Title": "t", "FileName": "a.m3u8" } });
    let changed = |change: Value| {
        let mut step = create.clone();
        for (name, value) in change.as_object().expect("an object") {
            step["create"][name] = value.clone();
        }
        step
    };
    let steps = json!([
        changed(json!({ "FileName": "a.exe" })),
        changed(json!({ "Title": "x".repeat(129) })),
        changed(json!({ "Tags": "a,".repeat(17) })),
        changed(json!({ "TemplateGroupId": "other" })),
        changed(json!({ "StorageLocation": "other" })),
        { "create": { "FileName": "a.m3u8" } },
        { "refresh": { "VideoId": "0".repeat(32) } },
        { "tamper": "Title" },
        { "tamper": "SignatureNonce" },
        { "tamper": "Signature" },
        { "tamper": "AccessKeyId" },
        { "repeat": 1 },
        { "late": 1 },
        create,
        { "put": { "name": "1.ts", "version": 1, "text": "x", "secret": "other" } },
        { "put": { "name": "1.ts", "version": 4, "text": "x", "secret": "other" } },
        { "put": { "name": "1.ts", "version": 4, "text": "x", "token": "other" } },
        { "put": { "key": "elsewhere/1.ts", "version": 1, "text": "x" } },
        { "get": { "version": 4 } },
    ]);
    let told = vendor(&service, &steps).await;
    let id = service.videos().last().expect("a video").id.clone();
    assert_eq!(
        told,
        json!([
            "InvalidFileName.Extension",
            "LengthExceededMax",
            "TagsExceededMax",
            "InvalidTemplateGroupId.NotFound",
            "InvalidStorage.NotFound",
            "MissingParameter",
            "InvalidVideo.NotFound",
            "SignatureDoesNotMatch",
            "SignatureDoesNotMatch",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId.NotFound",
            "SignatureNonceUsed",
            "InvalidTimeStamp.Expired",
            id,
            "SignatureDoesNotMatch",
            "SignatureDoesNotMatch",
            "InvalidSecurityToken",
            "AccessDenied",
            "AccessDenied",
        ])
    );
}

#[tokio::test]
async fn keys_end() {
    let service = Service::start().await;
    service.let_keys_live(std::time::Duration::ZERO);
    let put = json!({ "put": { "name": "1.ts", "version": 4, "text": "x" } });
    let steps = json!([{ "create": { "Title": "t", "FileName": "a.m3u8" } }, put]);
    assert_eq!(vendor(&service, &steps).await[1], "SecurityTokenExpired");
}
