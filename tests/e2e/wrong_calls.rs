//! Calls that must fail, each as the vendor documents it, with a reason.

use reqwest::{Method, Url};
use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Reply, send};
use tapedeck_tests::stack::Stack;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer of the gateway: only a message.
fn assert_gateway(reply: &Reply, status: u16, message: &str) {
    assert_eq!((reply.status, &reply.body), (status, &json!({ "message": message })));
    assert_request_id(reply);
}

/// An answer of the service: a code and a reason.
fn assert_service(what: &str, reply: &Reply, status: u16, code: i64) {
    assert_eq!(
        (reply.status, reply.code()),
        (status, Some(code)),
        "{what}: {}",
        reply.body
    );
    assert!(!reply.text("reason").is_empty(), "{what}: {}", reply.body);
    assert_request_id(reply);
}

fn assert_request_id(reply: &Reply) {
    assert!(
        reply.request_id.as_ref().is_some_and(|id| id.len() >= 16),
        "{:?}",
        reply.request_id
    );
}

fn acquire_body() -> Value {
    json!({ "cname": "wrong", "uid": "1", "clientRequest": {} })
}

pub(crate) async fn credentials(stack: &Stack) {
    let customer = stack.customer();
    let url = format!("{}/v1/apps/{}/cloud_recording/acquire", customer.base, customer.app_id);
    let post = || customer.client.post(&url).json(&acquire_body());
    assert_gateway(&send(post()).await, 401, "Unauthorized");

    let invalid = "Invalid authentication credentials";
    assert_gateway(
        &send(post().basic_auth(&customer.id, Some("wrong"))).await,
        401,
        invalid,
    );
    assert_gateway(
        &send(post().basic_auth("nobody", Some(&customer.secret))).await,
        401,
        invalid,
    );
    assert_gateway(&send(post().bearer_auth(&customer.secret)).await, 401, invalid);
    assert_gateway(&send(post().header("Authorization", "Basic ???")).await, 401, invalid);

    let foreign = Customer {
        app_id: "0".repeat(32),
        ..customer.clone()
    };
    assert_gateway(&foreign.acquire("wrong", "1").await, 400, "invalid appid");
    assert_gateway(&other_tenant(stack).await.acquire("wrong", "1").await, 401, invalid);
}

/// The credentials of another tenant, with the app of the stack's own.
async fn other_tenant(stack: &Stack) -> Customer {
    let customer = stack.customer();
    let admin = |path: &str, body: Value| {
        let url = format!("{}/admin/v1/{path}", customer.base);
        send(
            customer
                .client
                .post(url)
                .bearer_auth(&stack.info.admin_token)
                .json(&body),
        )
    };
    let tenant = admin("tenants", json!({ "name": "another" })).await.expect(201);
    let path = format!("tenants/{}/credentials", tenant.text("id"));
    let credential = admin(&path, json!({})).await.expect(201);
    let (id, secret) = (
        credential.text("customer_id").to_owned(),
        credential.text("customer_secret").to_owned(),
    );
    Customer {
        id,
        secret,
        ..customer.clone()
    }
}

pub(crate) async fn routes(stack: &Stack) {
    let customer = stack.customer();
    let calls = [
        (Method::GET, "acquire"),
        (Method::PUT, "acquire"),
        (Method::POST, "acquires"),
        (Method::POST, ""),
        (Method::GET, "resourceid/r/mode/individual/start"),
        (Method::POST, "resourceid/r/sid/s/mode/individual/query"),
        (Method::GET, "resourceid/r/sid/s/mode/individual/stop"),
        (Method::POST, "resourceid/r/sid/s/mode/individual/begin"),
    ];
    for (method, path) in calls {
        let reply = send(customer.request(method, path)).await;
        assert_gateway(&reply, 404, "no Route matched with those values");
    }
    let elsewhere = send(customer.client.get(format!("{}/v2/somewhere", customer.base))).await;
    assert_gateway(&elsewhere, 404, "no Route matched with those values");
}

pub(crate) async fn bodies(stack: &Stack) {
    let customer = stack.customer();
    let broken = customer
        .request(Method::POST, "acquire")
        .header("Content-Type", "application/json");
    assert_service("broken JSON", &send(broken.body("{\"cname\":")).await, 400, 8);
    let cases = [
        ("no cname", json!({ "uid": "1", "clientRequest": {} })),
        ("no uid", json!({ "cname": "c", "clientRequest": {} })),
        ("uid 0", json!({ "cname": "c", "uid": "0", "clientRequest": {} })),
        (
            "uid over 32 bits",
            json!({ "cname": "c", "uid": "4294967296", "clientRequest": {} }),
        ),
        (
            "uid not a number",
            json!({ "cname": "c", "uid": "joe", "clientRequest": {} }),
        ),
        (
            "hours",
            json!({ "cname": "c", "uid": "1", "clientRequest": { "resourceExpiredHour": 721 } }),
        ),
    ];
    for (what, body) in cases {
        assert_service(what, &customer.post("acquire", &body).await, 400, 2);
    }

    let resource = customer.resource("wrongbodies", "1").await;
    let good = customer.start_body("wrongbodies", "1", "wrongbodies");
    let cases = [
        ("/clientRequest/recordingConfig/maxIdleTime", json!(4)),
        ("/clientRequest/recordingConfig/streamTypes", json!(3)),
        ("/clientRequest/storageConfig/vendor", json!(99)),
        ("/clientRequest/storageConfig/bucket", Value::Null),
        ("/clientRequest/storageConfig/fileNamePrefix", json!(["not_allowed"])),
        ("/clientRequest/recordingFileConfig/avFileType", json!(["mp4"])),
    ];
    for (pointer, value) in cases {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("a field of the body") = value;
        assert_service(pointer, &customer.start(&resource, &body).await, 400, 2);
    }
}

pub(crate) async fn resource_ids(stack: &Stack) {
    let customer = stack.customer();
    let resource = customer.resource("ids", "1").await;
    assert!(resource.len() >= 200, "{resource}");
    assert!(
        resource
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'),
        "{resource}"
    );
    let body = customer.start_body("ids", "1", "ids");

    let middle = resource.len() / 2;
    let other = if resource.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let tampered = format!("{}{other}{}", &resource[..middle], &resource[middle + 1..]);
    assert_service("tampered", &customer.start(&tampered, &body).await, 400, 1001);
    assert_service("not one", &customer.start("nonsense", &body).await, 400, 1001);

    let foreign_channel = customer.start_body("others", "1", "ids");
    assert_service(
        "foreign channel",
        &customer.start(&resource, &foreign_channel).await,
        400,
        432,
    );
    let foreign_uid = customer.start_body("ids", "2", "ids");
    assert_service("foreign uid", &customer.start(&resource, &foreign_uid).await, 400, 432);
}

/// A body that does not say how long it is, and is longer than any may be.
pub(crate) async fn a_body_without_a_length(stack: &Stack) {
    let customer = stack.customer();
    let answer = answer_to_chunks(&customer).await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("the body is larger than 4 MiB"),
        "{answer}"
    );
}

async fn answer_to_chunks(customer: &Customer) -> String {
    const CHUNK: usize = 64 << 10;
    const CHUNKS: usize = 80;
    let url: Url = customer.base.parse().expect("the edge's URL");
    let address = (url.host_str().expect("a host"), url.port().expect("a port"));
    let (mut read, mut write) = TcpStream::connect(address).await.expect("the edge").into_split();
    let head = format!(
        "POST /v1/apps/{}/cloud_recording/acquire HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        customer.app_id, address.0
    );
    let sending = async move {
        write.write_all(head.as_bytes()).await?;
        let chunk = [format!("{CHUNK:x}\r\n").as_bytes(), &vec![b' '; CHUNK], b"\r\n"].concat();
        for _ in 0..CHUNKS {
            write.write_all(&chunk).await?;
        }
        write.write_all(b"0\r\n\r\n").await?;
        std::io::Result::Ok(write)
    };
    // The server may hang up as soon as it has read too much.
    let sending = tokio::spawn(sending);
    let mut answer = Vec::new();
    drop(read.read_to_end(&mut answer).await);
    drop(sending.await.expect("the sender ends"));
    String::from_utf8_lossy(&answer).into_owned()
}
