//! Rooms: the calls of their owners' back ends, their clients' sockets, and recordings.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::uprtc::{RoomClient, UploadClient, Uprtc, UprtcInfo};
use tapedeck_tests::wait;
use tokio_tungstenite::tungstenite::Message;

use crate::room_nodes::media_outlives_crashes_and_a_crowd;
use crate::steps::{self, CAPTURE_LIMIT, record_for};

/// Who says nothing is found out within 30 seconds, and what a busy machine adds.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn customer(stack: &Stack) -> Uprtc {
    Uprtc::new(&stack.info.edge, &stack.info.uprtc)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The status as a path tells it; `None` when the call comes too often.
async fn status(customer: &Uprtc, path: &str) -> Option<u64> {
    let answer = customer.call(Method::GET, path, None).await;
    answer["data"]["status"].as_u64()
}

pub(crate) async fn await_status(customer: &Uprtc, path: &str, wanted: u64) {
    let what = format!("status {wanted} at {path}");
    wait::until(&what, CAPTURE_LIMIT, async || {
        let status = status(customer, path).await;
        assert_ne!(status, Some(7), "the recording has failed");
        (status == Some(wanted)).then_some(())
    })
    .await;
}

/// The file of a recording, under another name.
pub(crate) async fn fetch_record(customer: &Uprtc, stack: &Stack, record_id: &str, name: &str) -> PathBuf {
    let found = customer.get_raw(&format!("/record/download/{record_id}")).await;
    assert_eq!(found.status(), 302);
    let link = found.headers()["location"].to_str().expect("a link").to_owned();
    let file = stack.logs().join(name);
    let bytes = reqwest::Client::builder().no_proxy().build().expect("a client");
    let bytes = bytes.get(link).send().await.expect("the store answers").bytes().await;
    std::fs::write(&file, bytes.expect("a whole file")).expect("a file");
    file
}

pub(crate) async fn clients_meet_by_a_code_and_leave_at_the_end(stack: &Stack) {
    let customer = customer(stack);
    let least = customer.done(Method::GET, "/server/miniLoad", None).await;
    assert_eq!(least["serverAlias"], stack.info.uprtc.server_alias);
    let body = json!({"masterId": "liubei", "memberIds": ["guanyu", "关羽"], "maxMemberNum": 2});
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), room["invitationCode"]);
    let path = |rest: &str| format!("/room/{}{rest}", text(&room["roomId"]));

    let mut liubei = RoomClient::open(&url).await;
    assert!(liubei.pings().await);
    assert_eq!(liubei.join("zhangfei").await["code"], 50_003);
    let joined = liubei.join("liubei").await;
    assert_eq!(
        (&joined["t"], &joined["role"]),
        (&json!("joined"), &json!("master")),
        "{joined}"
    );
    let known = customer.done(Method::GET, &path(""), None).await;
    assert_eq!((&known["total"], &known["memberIds"]), (&json!(1), &json!(["liubei"])));
    // By the address that a room has when it is asked for, and its id.
    let other = format!("{}{}", text(&known["serverUrl"]), text(&room["roomId"]));
    let mut guanyu = RoomClient::open(&other).await;
    assert_eq!(guanyu.join("关羽").await["peers"][0]["peerId"], "liubei");
    assert_eq!(liubei.await_frame("peer").await["peerId"], "关羽");
    assert_eq!(RoomClient::open(&url).await.join("liubei").await["code"], 50_006);
    assert_eq!(RoomClient::open(&url).await.join("guanyu").await["code"], 50_012);

    guanyu.say(&json!({"t": "msg", "data": {"text": "你好"}})).await;
    let message = liubei.await_frame("msg").await;
    assert_eq!(
        (&message["from"], &message["data"]["text"]),
        (&json!("关羽"), &json!("你好"))
    );
    let say = json!({"msg": {"n": 1}, "peers": ["关羽"]});
    customer.done(Method::POST, &path("/peers/message/"), Some(&say)).await;
    assert_eq!(guanyu.await_frame("msg").await["data"], json!({"n": 1}));
    // An offer that is none is refused by its code.
    guanyu
        .say(&json!({"t": "publish", "id": 7, "sdp": "v=0", "sources": {"0": "audio"}}))
        .await;
    let refused = guanyu.await_frame("err").await;
    assert_eq!(
        (&refused["id"], &refused["code"]),
        (&json!(7), &json!(50_005)),
        "{refused}"
    );

    customer
        .done(Method::DELETE, &path("/peer/%E5%85%B3%E7%BE%BD"), None)
        .await;
    assert_eq!(guanyu.await_frame("bye").await["code"], 50_011);
    assert_eq!(guanyu.next().await, None);
    customer.done(Method::DELETE, &path(""), None).await;
    assert_eq!(liubei.await_frame("bye").await["code"], 50_001);
    let mut late = RoomClient::open(&url).await;
    assert_eq!(late.join("liubei").await["code"], 50_001);
    assert_eq!(customer.call(Method::GET, &path(""), None).await["code"], 50_001);
}

/// Somebody who has joined, and somebody who has not, say nothing, not even `ping`.
async fn two_are_silent(customer: &Uprtc) -> [RoomClient; 2] {
    let body = json!({"masterId": "liubei", "memberIds": []});
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), room["invitationCode"]);
    let stranger = RoomClient::open(&url).await;
    let mut member = RoomClient::open(&url).await;
    assert_eq!(member.join("liubei").await["t"], "joined");
    [stranger, member]
}

pub(crate) async fn a_live_room_is_recorded_connected_and_separated(stack: &Stack) {
    let customer = customer(stack);
    let silent = two_are_silent(&customer).await;
    let create = async |master: &str| {
        let room = customer
            .done(Method::POST, "/room/live", Some(&json!({ "masterId": master })))
            .await;
        text(&room["roomId"]).to_owned()
    };
    let (room, other) = (create("liubei").await, create("caocao").await);
    let url = format!("{}/{}/{room}/liubei", stack.info.rtsp, customer.info.app_id);
    let _liubei = Publisher::ffmpeg(&url, &Media::picture_and_tone(320, 180), Transport::Tcp, stack.logs());

    let start = json!({"roomId": room, "resolution": "480p"});
    let record = customer.done(Method::POST, "/record/start", Some(&start)).await;
    let of_record = format!("/record/{}/status", text(&record["recordId"]));
    let of_room = format!("/room/{room}/record/status");
    await_status(&customer, &of_record, 2).await;
    assert_eq!(
        customer.call(Method::POST, "/record/start", Some(&start)).await["code"],
        50_020
    );

    // Meanwhile the room is connected with another one.
    let body = json!({ "roomId": other });
    let merge = format!("/room/{room}/live/merge");
    customer.done(Method::POST, &merge, Some(&body)).await;
    assert_eq!(customer.call(Method::POST, &merge, Some(&body)).await["code"], 50_014);
    let merged = customer
        .done(Method::GET, &format!("/room/{other}/live/merge"), None)
        .await;
    assert_eq!(merged[0]["roomId"], json!(room), "{merged}");
    let leave = format!("/room/{other}/live/master/:caocao/separate");
    customer.done(Method::POST, &leave, None).await;
    assert_eq!(customer.done(Method::GET, &merge, None).await, json!([]));

    record_for(5).await;
    assert_eq!(status(&customer, &of_room).await, Some(2));
    customer.done(Method::POST, &format!("/record/stop/{room}"), None).await;
    await_status(&customer, &of_record, 6).await;
    let file = fetch_record(&customer, stack, text(&record["recordId"]), "room.mp4").await;
    assert_eq!(probe::warnings(&file).await, "");
    let lasts = probe::duration(&file).await;
    assert!((3.0..30.0).contains(&lasts), "{lasts} s");
    for room in [room, other] {
        customer.done(Method::DELETE, &format!("/room/{room}"), None).await;
    }
    for mut client in silent {
        assert_eq!(client.closed(SILENCE_LIMIT).await, Some(4_003));
    }
}

/// Frames of a client that means harm, or knows nothing.
fn nonsense() -> Vec<Message> {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let huge = json!({"t": "msg", "data": "x".repeat(300_000)}).to_string();
    let texts = [
        "",
        "\u{0}",
        "{",
        "null",
        "[]",
        "pingping",
        r#"{"t":"join"}"#,
        r#"{"t":"join","id":-1,"peerId":7}"#,
        r#"{"t":"join","peerId":"a/b"}"#,
        r#"{"t":"publish","id":1,"sdp":"","sources":{"0":"smell"}}"#,
        r#"{"t":"resume"}"#,
        &deep,
        &huge,
    ];
    let texts = texts.map(|text| Message::text(text.to_owned()));
    let binary = Message::binary(vec![0xff; 100_000]);
    texts.into_iter().chain([binary]).collect()
}

pub(crate) async fn a_room_withstands_strangers(stack: &Stack) {
    const MESSAGES: usize = 10_000;
    let customer = customer(stack);
    let body = json!({"masterId": "liubei", "memberIds": ["guanyu"]});
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), room["invitationCode"]);
    let (mut liubei, mut guanyu) = (RoomClient::open(&url).await, RoomClient::open(&url).await);
    liubei.join("liubei").await;
    guanyu.join("guanyu").await;
    // Whoever knows the code alone, and says whatever they like.
    for message in nonsense() {
        let mut stranger = RoomClient::open(&url).await;
        stranger.say_raw(message).await;
        let taken = stranger.join("guanyu").await;
        assert!(taken["t"] == "err", "{taken}");
    }
    let mut thief = RoomClient::open(&url).await;
    let resume = json!({"t": "join", "id": 1, "peerId": "guanyu", "resume": "0123456789abcdef0123456789abcdef"});
    thief.say(&resume).await;
    assert_eq!(thief.next().await.expect("an answer")["code"], 50_006);
    // A member who says what no client says is told so, and stays.
    for message in nonsense() {
        guanyu.say_raw(message).await;
    }
    // The key of another app of this server opens nothing.
    let other = steps::other_app(stack, "uprtc").await;
    let info = UprtcInfo {
        app_secret: format!("{}.{}", other.app_id, other.secret),
        app_id: other.app_id.clone(),
        ..customer.info.clone()
    };
    let other = Uprtc::new(&stack.info.edge, &info);
    let path = format!("/room/{}", text(&room["roomId"]));
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::DELETE, format!("{path}/peer/guanyu")),
    ] {
        assert_eq!(other.call(method, &path, None).await["code"], 50_001, "{path}");
    }
    let taken = json!({"masterId": "thief", "roomId": room["roomId"]});
    let created = other.done(Method::POST, "/room/live", Some(&taken)).await;
    assert_ne!(created["roomId"], room["roomId"], "an ID stays its app's");
    // One who says more than anybody hears is cut off; the others stay.
    for number in 0..MESSAGES {
        let message = json!({"t": "msg", "to": ["liubei"], "data": number}).to_string();
        if !guanyu.try_say(&message).await {
            break;
        }
    }
    let mut heard = 0;
    loop {
        match liubei.next().await.expect("the socket stays open") {
            frame if frame["t"] == "msg" => {
                assert_eq!(frame["data"], heard, "in their order");
                heard += 1;
            }
            frame if frame["t"] == "peer" && frame["state"] == "left" => break,
            _ => {}
        }
    }
    assert!(heard < MESSAGES, "{heard}");
    customer
        .done(Method::POST, &format!("{path}/message"), Some(&json!("still here")))
        .await;
    assert_eq!(liubei.await_frame("msg").await["data"], "still here");
    customer.done(Method::DELETE, &path, None).await;
}

/// Two live rooms that are connected.
async fn connected_rooms(customer: &Uprtc) -> (String, String) {
    let mut rooms = Vec::new();
    for master in ["liubei", "caocao"] {
        let body = json!({ "masterId": master });
        let room = customer.done(Method::POST, "/room/live", Some(&body)).await;
        rooms.push(text(&room["roomId"]).to_owned());
    }
    let (room, other) = (rooms.remove(0), rooms.remove(0));
    let merge = format!("/room/{room}/live/merge");
    customer
        .done(Method::POST, &merge, Some(&json!({ "roomId": other })))
        .await;
    (room, other)
}

/// As much of a file as is stored at once; returns how much that is.
async fn half_an_upload(url: &str) -> usize {
    const FRAME_BYTES: usize = 256 << 10;
    let mut client = UploadClient::open(url).await;
    assert_eq!(client.next().await, Some(json!({ "ack": 0 })));
    for _ in 0..16 {
        client.send(&[7; FRAME_BYTES]).await;
    }
    let stored = 16 * FRAME_BYTES;
    assert_eq!(client.next().await, Some(json!({ "ack": stored })));
    stored
}

/// It continues behind what was stored, in another life of the edge.
async fn finish_upload(url: &str, stored: usize) {
    let mut client = UploadClient::open(&format!("{url}&offset={stored}")).await;
    assert_eq!(client.next().await, Some(json!({ "ack": stored })));
    client.send(b"the end").await;
    client.say(&json!({ "end": true })).await;
    assert_eq!(client.next().await, Some(json!({ "ack": stored + 7 })));
    assert_eq!(client.next().await, Some(json!({ "done": true })));
}

pub(crate) async fn clients_come_back_after_the_edge_has_crashed(stack: &mut Stack) {
    media_outlives_crashes_and_a_crowd(stack).await;
    let customer = customer(stack);
    let body = json!({"masterId": "liubei", "memberIds": ["guanyu"]});
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), room["invitationCode"]);
    let mut clients = Vec::new();
    for peer_id in ["liubei", "guanyu"] {
        let mut client = RoomClient::open(&url).await;
        let joined = client.join(peer_id).await;
        clients.push((peer_id, joined["resume"].clone(), client));
    }
    let (connected, with) = connected_rooms(&customer).await;
    let upload = customer.done(Method::POST, "/record/client/upload", None).await;
    let upload = text(&upload["serverUrl"]);
    let stored = half_an_upload(upload).await;
    stack.crash(Part::Edge).await;
    finish_upload(upload, stored).await;
    let merged = customer
        .done(Method::GET, &format!("/room/{connected}/live/merge"), None)
        .await;
    assert_eq!(merged[0]["roomId"], json!(with), "{merged}");
    let mut back = Vec::new();
    for (peer_id, resume, mut client) in clients {
        while client.next().await.is_some() {}
        let mut client = RoomClient::open(&url).await;
        client
            .say(&json!({"t": "join", "id": 2, "peerId": peer_id, "resume": resume}))
            .await;
        let joined = client.await_frame("joined").await;
        assert_eq!(
            (&joined["resumed"], &joined["resume"]),
            (&json!(true), &resume),
            "{joined}"
        );
        back.push(client);
    }
    let path = format!("/room/{}/message", text(&room["roomId"]));
    customer.done(Method::POST, &path, Some(&json!("still here"))).await;
    for client in &mut back {
        assert_eq!(client.await_frame("msg").await["data"], "still here");
    }
    // One that breaks and does not come back is gone for the other within 15 seconds, and some.
    drop(back.remove(0));
    let left = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let frame = back[0].await_frame("peer").await;
            if frame["state"] == "left" {
                return frame;
            }
        }
    });
    assert_eq!(left.await.expect("it is gone in time")["peerId"], "liubei");
}
