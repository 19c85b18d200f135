//! A client of the FSP dialect: its token by OpenSSL, its calls as the vendor's own client makes them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::customer::send;
use crate::stack::Stack;

/// For something to be told, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What `stack.json` says of the app.
#[derive(Clone, Debug, Deserialize)]
pub struct FspInfo {
    pub app_id: String,
    pub dev_id: String,
    pub dev_secret: String,
}

impl FspInfo {
    /// Another app with the stack's own bucket as its store, which makes links that live for so long.
    pub async fn of_app(stack: &Stack, tenant: &str, developer: &FspInfo, link_lifetime_s: u64) -> Self {
        let s3 = &stack.info.s3;
        let settings = json!({ "tenant": tenant, "dialect": "fsp", "house_storage": {
            "storageConfig": {
                "vendor": 11, "region": 0, "bucket": s3.bucket, "accessKey": s3.access_key, "secretKey": s3.secret_key,
                "extensionParams": { "endpoint": s3.endpoint },
            },
            "link_lifetime_s": link_lifetime_s,
        } });
        let app = stack.admin(Method::POST, "apps", &settings).await.expect(201);
        Self {
            app_id: app.text("app_id").to_owned(),
            ..developer.clone()
        }
    }
}

/// Who calls, with the access token that they have.
pub struct Fsp {
    client: Client,
    edge: String,
    pub info: FspInfo,
    pub access_token: String,
}

impl Fsp {
    /// Signs in.
    pub async fn new(edge: &str, info: &FspInfo) -> Self {
        let mut fsp = Self {
            client: Client::builder().no_proxy().build().expect("a client"),
            edge: edge.to_owned(),
            info: info.clone(),
            access_token: String::new(),
        };
        fsp.access_token = fsp.sign_in().await;
        fsp
    }

    /// What is shown for an access token.
    pub fn authorization(&self) -> String {
        let FspInfo { dev_id, dev_secret, .. } = &self.info;
        format!("{dev_id}.{}", developers_token(dev_id, dev_secret))
    }

    /// Another access token.
    pub async fn sign_in(&self) -> String {
        let request = self.client.get(format!("{}/access/token", self.edge));
        let request = request.header("Authorization", self.authorization());
        let reply = send(request).await.expect(200);
        assert_eq!(reply.body["code"], 0, "{}", reply.body);
        let token = reply.body["result"]["access_token"].as_str();
        token.expect("an access token").to_owned()
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let request = self.client.get(format!("{}{path}", self.edge));
        let request = request.query(&[("app_id", self.info.app_id.as_str())]).query(query);
        send(request.header("Authorization", &self.access_token))
            .await
            .expect(200)
            .body
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let mut whole = json!({"app_id": self.info.app_id});
        let fields = whole.as_object_mut().expect("an object");
        fields.extend(body.as_object().expect("an object").clone());
        let request = self.client.request(Method::POST, format!("{}{path}", self.edge));
        let request = request.header("Authorization", &self.access_token).json(&whole);
        send(request).await.expect(200).body
    }

    /// A call that has to succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn done(&self, path: &str, body: &Value) -> Value {
        let reply = self.post(path, body).await;
        assert_eq!(reply["code"], 0, "{path}: {reply}");
        reply
    }

    /// Opens a connection to the event gateway, at the address that is told.
    pub async fn listen(&self) -> Listener {
        let reply = self.get("/server/address", &[("appType", "8")]).await;
        let url = reply["result"].as_str().unwrap_or_else(|| panic!("{reply}"));
        let address = url.split('/').nth(2).expect("a host");
        let socket = TcpStream::connect(address).await.expect("the edge is there");
        let opened = tokio_tungstenite::client_async(url, socket).await;
        Listener {
            socket: opened.expect("a WebSocket").0,
            pushes: Vec::new(),
        }
    }

    /// The same, logged in.
    pub async fn listener(&self) -> Listener {
        let mut listener = self.listen().await;
        let login = json!({"dev_id": self.info.dev_id, "token": self.access_token});
        let answer = listener.ask(20_000, &login).await;
        assert_eq!(answer["result"], 0, "{answer}");
        listener
    }

    /// How a task stands.
    pub async fn status(&self, record_id: &str) -> i64 {
        let list = self.get("/v1/record/task/list", &[("record_id", record_id)]).await;
        list["record_list"][0]["status"]
            .as_i64()
            .unwrap_or_else(|| panic!("{list}"))
    }

    /// What a link leads to; `None` when the store refuses.
    pub async fn download(&self, url: &str) -> Option<Vec<u8>> {
        let answer = self.client.get(url).send().await.expect("the store answers");
        match answer.status().as_u16() {
            200 => Some(answer.bytes().await.expect("the file").to_vec()),
            _ => None,
        }
    }
}

/// A connection to the event gateway.
pub struct Listener {
    socket: WebSocketStream<TcpStream>,
    /// All that was pushed.
    pub pushes: Vec<Value>,
}

impl Listener {
    /// The answer to a request, whose fields are `more`.
    pub async fn ask(&mut self, id: u64, more: &Value) -> Value {
        let mut message = json!({"business": "EGW", "id": id});
        let fields = message.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        let text = message.to_string();
        self.socket.send(Message::text(text)).await.expect("the socket is open");
        self.until(|message| message["id"] == id + 1).await
    }

    /// The first message from here on that fits.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let message = self.next().await.expect("the socket is open");
                if fits(&message) {
                    return message;
                }
            }
        };
        let found = tokio::time::timeout(LIMIT, found).await;
        found.unwrap_or_else(|_| panic!("nothing fits of {:?}", self.pushes))
    }

    /// Waits until a task is told to stand so.
    pub async fn until_status(&mut self, record_id: &str, status: i64) -> Value {
        let fits =
            |push: &Value| push["id"] == 20_104 && push["record_id"] == record_id && push["record_statue"] == status;
        match self.pushes.iter().find(|push| fits(push)) {
            Some(push) => push.clone(),
            None => self.until(fits).await,
        }
    }

    /// Waits until the socket is closed.
    pub async fn end(&mut self) {
        while tokio::time::timeout(LIMIT, self.next())
            .await
            .expect("it ends")
            .is_some()
        {}
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["id"].as_u64() >= Some(20_100) {
                        self.pushes.push(message.clone());
                    }
                    return Some(message);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// The token by which a developer signs in.
pub fn developers_token(dev_id: &str, secret: &str) -> String {
    let text = format!(r#"{{"aid":"{dev_id}","gid":"null","uid":"null","ts":1600000000000,"r":12345}}"#);
    token(&text, secret)
}

/// The vendor's token of a text, made by OpenSSL.
fn token(text: &str, secret: &str) -> String {
    let key = hex::encode(secret);
    let mut openssl = Command::new("openssl")
        .args(["enc", "-aes-128-cbc", "-nopad", "-a", "-A", "-K", &key])
        .args(["-iv", "000102030405060708090a0b0c0d0e0f"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    let mut padded = text.to_owned();
    while !padded.len().is_multiple_of(16) {
        padded.push(' ');
    }
    let mut stdin = openssl.stdin.take().expect("its standard input");
    stdin.write_all(padded.as_bytes()).expect("it reads");
    drop(stdin);
    let output = openssl.wait_with_output().expect("it ends");
    format!("001{}", String::from_utf8(output.stdout).expect("Base64"))
}
