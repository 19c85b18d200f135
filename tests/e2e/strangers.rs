//! What other customers get at who know the IDs of somebody's recordings: nothing.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use tapedeck_tests::fsp::{Fsp, FspInfo};
use tapedeck_tests::polyv::Polyv;
use tapedeck_tests::stack::Stack;

/// A developer of another tenant can do nothing with a task whose name is known, by an app of their own or by the task's.
pub(crate) async fn get_at_no_task(stack: &Stack, fsp: &Fsp, record_id: &str) {
    let tenant = json!({"id": "fsp-stranger", "name": "Stranger"});
    stack.admin(Method::POST, "tenants", &tenant).await.expect(201);
    let secret = "sixteen.stranger";
    let credential = json!({"customer_id": "fsp-stranger", "customer_secret": secret});
    let path = "tenants/fsp-stranger/credentials";
    stack.admin(Method::POST, path, &credential).await.expect(201);
    let developer = FspInfo {
        app_id: fsp.info.app_id.clone(),
        dev_id: "fsp-stranger".to_owned(),
        dev_secret: secret.to_owned(),
    };
    let own = FspInfo::of_app(stack, "fsp-stranger", &developer, 60).await;
    for (info, refusal) in [(own, 6_050_030_001_u64), (developer, 6_050_030_007)] {
        let stranger = Fsp::new(&stack.info.edge, &info).await;
        let of_task = json!({"record_id": record_id});
        for call in [
            "suspend",
            "resume",
            "finish",
            "set/layout",
            "set-output-overlay",
            "info",
        ] {
            let reply = stranger.post(&format!("/v1/record/{call}"), &of_task).await;
            assert_eq!(reply["code"], refusal, "{call}: {reply}");
        }
        // What is not there counts as deleted.
        let reply = stranger
            .post("/v1/record/file", &json!({"mode": 1, "record_list": [record_id]}))
            .await;
        assert!(reply["code"] == 0 || reply["code"] == refusal, "{reply}");
        for call in ["task/list", "file/download/url"] {
            let reply = stranger
                .get(&format!("/v1/record/{call}"), &[("record_id", record_id)])
                .await;
            let is_empty = reply["total_num"] == 0 && reply["code"] == 0;
            assert!(is_empty || reply["code"] == refusal, "{call}: {reply}");
        }
    }
}

/// Another account, and another app of the account, can neither list, show, merge nor delete what they know the IDs of.
pub(crate) async fn get_at_no_file(stack: &Stack, account: &Polyv, file: &BTreeMap<String, String>) {
    let (edge, s3) = (&stack.info.edge, &stack.info.s3);
    let store = json!({ "storageConfig": {
        "vendor": 11, "region": 0, "bucket": s3.bucket, "accessKey": s3.access_key, "secretKey": s3.secret_key,
        "extensionParams": { "endpoint": s3.endpoint },
    } });
    let app = async |tenant: &str| {
        let settings = json!({ "tenant": tenant, "dialect": "polyv", "house_storage": store });
        let made = stack.admin(Method::POST, "apps", &settings).await.expect(201);
        made.text("app_id").to_owned()
    };
    stack
        .admin(
            Method::POST,
            "tenants",
            &json!({ "id": "stranger", "name": "Stranger" }),
        )
        .await
        .expect(201);
    let credential = stack
        .admin(Method::POST, "tenants/stranger/credentials", &json!({}))
        .await
        .expect(201);
    let stranger = Polyv {
        app_id: app("stranger").await,
        app_secret: credential.text("customer_secret").to_owned(),
        user_id: "stranger".to_owned(),
        ..account.clone()
    };
    let sister = Polyv {
        app_id: app(&account.user_id).await,
        ..account.clone()
    };
    let channel = account.channel_id.as_str();
    let (id, session) = (file["fileId"].as_str(), file["sessionId"].as_str());
    for other in [&stranger, &sister] {
        let list = format!("/live/v2/channels/{channel}/recordFiles");
        let list = other.call(edge, "GET", &list, &[("userId", &other.user_id)]).await;
        assert_eq!(list["data"], json!([]));
        let delete = format!("/live/v2/channel/recordFile/{channel}/delete-record");
        let convert = format!("/live/v2/channel/recordFile/{channel}/convert");
        for (method, path, params) in [
            (
                "GET",
                "/live/v3/channel/record/get",
                vec![("channelId", channel), ("fileId", id)],
            ),
            (
                "POST",
                "/live/v3/channel/record/merge",
                vec![("channelId", channel), ("fileIds", id)],
            ),
            (
                "POST",
                "/live/v3/channel/record/convert",
                vec![("channelId", channel), ("fileIds", id)],
            ),
            ("POST", &convert, vec![("sessionId", session)]),
            ("POST", &delete, vec![("sessionId", session)]),
        ] {
            let (status, body) = other.try_to_call(edge, method, path, &params).await;
            assert_eq!(
                (status, &body["message"]),
                (400, &json!("record file not found.")),
                "{path}: {body}"
            );
        }
    }
    // With the account's own app, a foreign secret signs nothing.
    let posing = Polyv {
        app_id: account.app_id.clone(),
        ..stranger.clone()
    };
    let params = [("channelId", channel), ("fileId", id)];
    let (status, body) = posing
        .try_to_call(edge, "GET", "/live/v3/channel/record/get", &params)
        .await;
    assert_eq!(
        (status, &body["message"]),
        (403, &json!("invalid signature.")),
        "{body}"
    );
    account.call(edge, "GET", "/live/v3/channel/record/get", &params).await;
}
