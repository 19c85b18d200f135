//! Sessions at Janus, by its interface of HTTP: a room of its plugin for video rooms. Each client has a session of
//! its own, whose events are asked for until the wanted one has come.

use std::net::{IpAddr, UdpSocket};

use serde_json::{Value, json};
use str0m::media::Direction;

use crate::http::call;
use crate::peer::Peer;

/// The room, which the server's configuration has, and who is viewed in it.
const ROOM: u32 = 1;
const VIEWED: u32 = 1;

/// It tells clients the addresses of networks only, not the one by which a machine reaches itself; `None` where there are none.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // An address for documents: nothing is sent there.
    socket.connect("198.51.100.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip())
}

async fn peer() -> Peer {
    Peer::new(own_address().expect("an address in a network")).await
}

pub async fn publish(url: &str, number: usize) -> Peer {
    let mut peer = peer().await;
    let handle = Handle::attach(url).await;
    let offer = peer.offer(Direction::SendOnly);
    let join = json!({ "request": "joinandconfigure", "ptype": "publisher", "room": ROOM, "id": number });
    let answer = handle.ask(join, Some(json!({ "type": "offer", "sdp": offer }))).await;
    peer.answered(&answer);
    peer
}

pub async fn play(url: &str) -> Peer {
    let mut peer = peer().await;
    let handle = Handle::attach(url).await;
    let join = json!({ "request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{ "feed": VIEWED }] });
    // Here the server offers.
    let offer = handle.ask(join, None).await;
    let answer = json!({ "type": "answer", "sdp": peer.answer(&offer) });
    handle.tell(json!({ "request": "start" }), Some(answer)).await;
    peer
}

/// A client's place at the plugin.
struct Handle {
    session: String,
    address: String,
}

impl Handle {
    async fn attach(url: &str) -> Self {
        let id = |answer: Value| answer["data"]["id"].as_u64().expect("an ID");
        let session = format!("{url}/{}", id(post(url, json!({ "janus": "create" })).await));
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        let address = format!("{session}/{}", id(post(&session, attach).await));
        Self { session, address }
    }

    async fn tell(&self, body: Value, sdp: Option<Value>) {
        let mut message = json!({ "janus": "message", "body": body });
        if let Some(sdp) = sdp {
            message["jsep"] = sdp;
        }
        post(&self.address, message).await;
    }

    /// The description that the server answers.
    async fn ask(&self, body: Value, sdp: Option<Value>) -> String {
        self.tell(body, sdp).await;
        loop {
            let (status, text) = call("GET", &format!("{}?maxev=1", self.session), "application/json", "").await;
            assert_eq!(status, 200, "{text}");
            let event: Value = serde_json::from_str(&text).expect("JSON");
            if let Some(sdp) = event["jsep"]["sdp"].as_str() {
                return sdp.to_owned();
            }
            let error = &event["plugindata"]["data"]["error"];
            assert!(error.is_null(), "{event}");
        }
    }
}

async fn post(url: &str, mut body: Value) -> Value {
    body["transaction"] = json!("load");
    let (status, text) = call("POST", url, "application/json", &body.to_string()).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert!(status == 200 && answer["janus"] != "error", "{status} {text}");
    answer
}
