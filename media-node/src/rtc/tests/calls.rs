//! What is answered to calls, RFC 9725.

use protocol::{RtcReply, Secret};

use super::support::{Client, Server, header};
use crate::access::Keys;
use crate::rtc::offer::tests::CHROMIUM;

fn detail(reply: &RtcReply) -> String {
    assert_eq!(header(reply, "Content-Type"), "application/problem+json");
    let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(body["status"], reply.status);
    body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_offer_is_answered_with_the_session_that_it_began() {
    let server = Server::start().await;
    let reply = server.post("/whip/a/room/u", CHROMIUM).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(header(&reply, "Content-Type"), "application/sdp");
    assert!(header(&reply, "Location").starts_with("/rtc/v1/sessions/n1/"));
    assert!(header(&reply, "ETag").starts_with('"') && header(&reply, "ETag").len() > 16);
    assert_eq!(header(&reply, "Link"), "<stun:stun.example:3478>; rel=\"ice-server\"");
    assert_eq!(header(&reply, "Access-Control-Allow-Origin"), "*");
    for said in [
        "a=ice-lite",
        "typ host",
        "tcptype passive",
        "VP8/90000",
        "opus/48000/2",
        "a=recvonly",
        "a=setup:passive",
    ] {
        assert!(reply.body.contains(said), "{said}: {}", reply.body);
    }
    assert!(reply.body.contains("a=simulcast:recv h;l"), "{}", reply.body);
    assert!(!reply.body.contains("H264"), "{}", reply.body);
    let ended = server.call("DELETE", header(&reply, "Location"), "", |_| {}).await;
    assert_eq!(ended.status, 200);
    let again = server.call("DELETE", header(&reply, "Location"), "", |_| {}).await;
    assert_eq!(again.status, 404);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_the_reason() {
    let server = Server::start().await;
    for (method, path, status) in [
        ("POST", "/whip/a/room", 404),
        ("POST", "/whip/a/room/u/nothing", 404),
        ("POST", "/elsewhere/a/room/u", 404),
        ("GET", "/whip/a/room/u", 405),
        ("PATCH", "/whip/a/room/u", 405),
        ("GET", "/rtc/v1/sessions/n1/x", 405),
        ("DELETE", "/rtc/v1/sessions/n1/x", 404),
        ("DELETE", "/rtc/v1/sessions/n1", 404),
        ("POST", "/whep/a/room/u", 404),
    ] {
        let reply = server.call(method, path, CHROMIUM, |_| {}).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        assert!(!detail(&reply).is_empty());
        assert_eq!(header(&reply, "Access-Control-Allow-Origin"), "*");
    }
    let wrong_type = server.call("POST", "/whip/a/room/u", CHROMIUM, |call| {
        call.content_type = Some("application/json".to_owned());
    });
    assert_eq!(wrong_type.await.status, 415);
    assert_eq!(server.post("/whip/a/room/u", "nonsense").await.status, 400);
    let cut_off = &CHROMIUM[..CHROMIUM.find("a=fingerprint").unwrap()];
    let reply = server.post("/whip/a/room/u", cut_off).await;
    assert_eq!((reply.status, detail(&reply).contains("no sound")), (422, true));
    let unsafe_one: String = CHROMIUM
        .lines()
        .filter(|line| !line.starts_with("a=fingerprint"))
        .flat_map(|line| [line, "\r\n"])
        .collect();
    assert_eq!(server.post("/whip/a/room/u", &unsafe_one).await.status, 400);
    let received = CHROMIUM.replace("a=sendonly", "a=recvonly");
    let reply = server.post("/whip/a/room/u", &received).await;
    assert_eq!((reply.status, detail(&reply).contains("recvonly")), (422, true));
    let preflight = server.call("OPTIONS", "/whip/a/room/u", "", |_| {}).await;
    assert_eq!(
        (preflight.status, header(&preflight, "Accept-Post")),
        (204, "application/sdp")
    );
}

#[tokio::test]
async fn a_key_lets_in_and_nobody_comes_in_without_it() {
    let server = Server::start_with(Keys {
        publish: Some(Secret::new("p+/=")),
        play: Some(Secret::new("q")),
    })
    .await;
    let refused = server.post("/whip/a/room/u", CHROMIUM).await;
    assert_eq!((refused.status, header(&refused, "WWW-Authenticate")), (401, "Bearer"));
    assert_eq!(server.post("/whip/a/room/u?key=q", CHROMIUM).await.status, 401);
    assert_eq!(server.post("/whip/a/room/u?key=p+/=", CHROMIUM).await.status, 201);
    assert_eq!(server.post("/whep/a/room/u?key=p+/=", CHROMIUM).await.status, 401);
    assert_eq!(server.hub.turned_away.read().strangers, 3);
}

#[tokio::test]
async fn a_patch_says_which_connection_it_means() {
    let server = Server::start().await;
    let (mut client, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/u", &offer).await;
    let (session, tag) = (header(&reply, "Location"), header(&reply, "ETag"));
    client.answered(&reply.body);
    let candidate = "a=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=candidate:nonsense\r\n";
    assert_eq!(server.patch(session, None, candidate).await.status, 428);
    assert_eq!(server.patch(session, Some("\"other\""), candidate).await.status, 412);
    assert_eq!(server.patch(session, Some("*"), candidate).await.status, 400);
    assert_eq!(server.patch(session, Some(tag), candidate).await.status, 204);
    let typed = server.call("PATCH", session, candidate, |call| call.if_match = Some(tag.to_owned()));
    assert_eq!(typed.await.status, 415);
    assert_eq!(
        server.patch("/rtc/v1/sessions/n1/x", Some(tag), candidate).await.status,
        404
    );
}
