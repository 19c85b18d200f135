//! A customer of the Agora dialect: its calls as a client library makes them, and whatever answer comes.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::bucket::S3Access;
use crate::stack::Info;

/// workerd closes a connection that has been idle for 5 s. A POST that meets the close is not repeated by the client, since
/// it may have been carried out.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(2);

/// A call may take as long as a synchronous stop.
const TIMEOUT: Duration = Duration::from_secs(40);

/// An answer of the edge.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub request_id: Option<String>,
    /// It came in anyRTC's envelope, out of which the body is taken.
    pub enveloped: bool,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> Option<i64> {
        self.body["code"].as_i64()
    }

    /// A string of the body; empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }

    /// # Panics
    /// When the status is another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// Who calls, and for which app.
#[derive(Clone, Debug)]
pub struct Customer {
    pub client: Client,
    pub base: String,
    pub app_id: String,
    pub id: String,
    pub secret: String,
    pub storage: S3Access,
}

/// The recording that a customer has started.
#[derive(Clone, Debug)]
pub struct Task {
    /// `individual` or `mix`.
    pub mode: &'static str,
    pub cname: String,
    pub uid: String,
    pub resource_id: String,
    pub sid: String,
    /// Where its objects are in the bucket, with a slash at the end.
    pub prefix: String,
}

impl Customer {
    pub fn new(info: &Info) -> Self {
        Self {
            client: Client::builder()
                .no_proxy()
                .timeout(TIMEOUT)
                .pool_idle_timeout(IDLE_CONNECTION)
                .build()
                .expect("an HTTP client"),
            base: info.edge.clone(),
            app_id: info.app_id.clone(),
            id: info.customer_id.clone(),
            secret: info.customer_secret.clone(),
            storage: info.s3.clone(),
        }
    }

    /// A request with this customer's credentials to a path below `/v1/apps/{app}/cloud_recording/`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/apps/{}/cloud_recording/{path}", self.base, self.app_id);
        self.client
            .request(method, url)
            .basic_auth(&self.id, Some(&self.secret))
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn acquire(&self, cname: &str, uid: &str) -> Reply {
        self.post(
            "acquire",
            &json!({ "cname": cname, "uid": uid, "clientRequest": { "resourceExpiredHour": 24 } }),
        )
        .await
    }

    /// A resource ID.
    pub async fn resource(&self, cname: &str, uid: &str) -> String {
        self.acquire(cname, uid).await.expect(200).text("resourceId").to_owned()
    }

    /// The body of an ordinary start: everybody's audio and video into the stack's bucket below `prefix`.
    pub fn start_body(&self, cname: &str, uid: &str, prefix: &str) -> Value {
        json!({ "cname": cname, "uid": uid, "clientRequest": {
            "recordingConfig": { "channelType": 0, "streamTypes": 2, "maxIdleTime": 60, "subscribeUidGroup": 0 },
            "recordingFileConfig": { "avFileType": ["hls"] },
            "storageConfig": {
                "vendor": 11,
                "region": 0,
                "bucket": self.storage.bucket,
                "accessKey": self.storage.access_key,
                "secretKey": self.storage.secret_key,
                "fileNamePrefix": [prefix],
                "extensionParams": { "endpoint": self.storage.endpoint },
            },
        }})
    }

    pub async fn start(&self, resource_id: &str, body: &Value) -> Reply {
        self.start_in("individual", resource_id, body).await
    }

    pub async fn start_in(&self, mode: &str, resource_id: &str, body: &Value) -> Reply {
        self.post(&format!("resourceid/{resource_id}/mode/{mode}/start"), body)
            .await
    }

    /// [`Self::record_in`] mode individual.
    pub async fn record(&self, cname: &str, change: impl FnOnce(&mut Value)) -> Task {
        self.record_in("individual", cname, change).await
    }

    /// Acquires and starts with a body that `change` may have changed. The channel's name is the objects' prefix, so it
    /// has letters and digits only.
    ///
    /// # Panics
    /// When the edge does not start it.
    pub async fn record_in(&self, mode: &'static str, cname: &str, change: impl FnOnce(&mut Value)) -> Task {
        self.record_as("9000", cname, mode, cname, change).await
    }

    /// The same as the recorder `uid`, with a prefix of its own: a channel may have several recordings.
    ///
    /// # Panics
    /// When the edge does not start it.
    pub async fn record_as(
        &self,
        uid: &str,
        prefix: &str,
        mode: &'static str,
        cname: &str,
        change: impl FnOnce(&mut Value),
    ) -> Task {
        let resource_id = self.resource(cname, uid).await;
        let mut body = self.start_body(cname, uid, prefix);
        change(&mut body["clientRequest"]);
        let reply = self.start_in(mode, &resource_id, &body).await.expect(200);
        let sid = reply.text("sid").to_owned();
        assert!(
            sid.len() == 32 && sid.bytes().all(|c| c.is_ascii_hexdigit()),
            "{}",
            reply.body
        );
        Task {
            mode,
            cname: cname.to_owned(),
            uid: uid.to_owned(),
            resource_id,
            sid,
            prefix: format!("{prefix}/"),
        }
    }

    pub async fn query(&self, task: &Task) -> Reply {
        send(self.request(Method::GET, &task.path("query"))).await
    }

    pub async fn stop(&self, task: &Task) -> Reply {
        self.post(&task.path("stop"), &task.stop_body()).await
    }
}

impl Task {
    pub fn path(&self, call: &str) -> String {
        format!(
            "resourceid/{}/sid/{}/mode/{}/{call}",
            self.resource_id, self.sid, self.mode
        )
    }

    pub fn stop_body(&self) -> Value {
        json!({ "cname": self.cname, "uid": self.uid, "clientRequest": {} })
    }
}

/// Sends any request. Each answer carries a JSON body, whatever was asked, and an envelope tells its status; only one of status
/// 204 has none, which is `null` here.
pub async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("the edge answers");
    let status = response.status().as_u16();
    let header = response.headers().get("x-request-id");
    let request_id = header.map(|value| value.to_str().expect("printable").to_owned());
    let text = response.text().await.expect("a whole body");
    let mut body: Value = match status {
        204 => Value::Null,
        _ => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status}, not JSON ({error}): {text}")),
    };
    let inner = body.get_mut("Body").map(Value::take);
    assert!(inner.is_none() || body["Code"] == status, "{status}: {text}");
    Reply {
        status,
        request_id,
        enveloped: inner.is_some(),
        body: inner.unwrap_or(body),
    }
}
