//! What is answered to calls, RFC 9725.

use protocol::{RtcReply, Secret};

use super::support::{Client, Server, header};
use crate::access::Keys;
use crate::hub::Limits;
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
    assert_eq!(header(&reply, "Accept-Patch"), "application/trickle-ice-sdpfrag");
    assert_eq!(header(&reply, "Link"), "<stun:stun.example:3478>; rel=\"ice-server\"");
    let exposed = header(&reply, "Access-Control-Expose-Headers");
    for name in ["Location", "ETag", "Link", "Accept-Patch"] {
        assert!(exposed.contains(name), "a page reads {name}: {exposed}");
    }
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
        ("POST", "/whep/a/room/u", 409),
        ("PUT", "/whep/a/room/u", 405),
        ("HEAD", "/whip/a/room/u", 405),
        ("POST", "/rtc/v1/sessions/n1/x", 405),
    ] {
        let reply = server.call(method, path, CHROMIUM, |_| {}).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        assert!(!detail(&reply).is_empty());
        // Whoever waits for a publisher is told when to ask again, and whoever uses the wrong method which ones there are.
        assert_eq!(
            header(&reply, "Retry-After").is_empty(),
            status != 409,
            "{method} {path}"
        );
        assert_eq!(header(&reply, "Allow").is_empty(), status != 405, "{method} {path}");
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
    for (path, accepts, wanted, allowed) in [
        ("/whip/a/room/u", "Accept-Post", "application/sdp", "POST, OPTIONS"),
        ("/whep/a/room/u", "Accept-Post", "application/sdp", "POST, OPTIONS"),
        (
            "/rtc/v1/sessions/n1/x",
            "Accept-Patch",
            "application/trickle-ice-sdpfrag",
            "PATCH, DELETE, OPTIONS",
        ),
    ] {
        let preflight = server.call("OPTIONS", path, "", |_| {}).await;
        assert_eq!(preflight.status, 204, "{path}");
        assert_eq!(header(&preflight, accepts), wanted, "{path}");
        assert_eq!(header(&preflight, "Allow"), allowed, "{path}");
        assert_eq!(header(&preflight, "Access-Control-Allow-Origin"), "*");
    }
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
    for another in ["*", "\"*\""] {
        assert_eq!(server.patch(session, Some(another), candidate).await.status, 400);
    }
    assert_eq!(server.patch(session, Some(tag), candidate).await.status, 204);
    let typed = server.call("PATCH", session, candidate, |call| call.if_match = Some(tag.to_owned()));
    assert_eq!(typed.await.status, 415);
    assert_eq!(
        server.patch("/rtc/v1/sessions/n1/x", Some(tag), candidate).await.status,
        404
    );
    client.connect().await;
    let offer = client.moves().await;
    let restarted = server.patch(session, Some("*"), &offer).await;
    assert_eq!(
        (restarted.status, header(&restarted, "Content-Type")),
        (200, "application/trickle-ice-sdpfrag")
    );
    let other_tag = header(&restarted, "ETag");
    assert!(!other_tag.is_empty() && other_tag != tag);
    assert_eq!(
        server.patch(session, Some(tag), candidate).await.status,
        412,
        "it was replaced"
    );
    let trickled = server.patch(session, Some(other_tag), candidate).await;
    assert_eq!((trickled.status, trickled.body.as_str()), (204, ""));
    assert_eq!(server.call("DELETE", session, "", |_| {}).await.status, 200);
    assert_eq!(server.patch(session, Some(other_tag), candidate).await.status, 404);
}

#[tokio::test]
async fn a_session_is_changed_by_nobody_who_only_guesses_its_address() {
    let server = Server::start().await;
    let (mut client, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/u", &offer).await;
    client.answered(&reply.body);
    client.connect().await;
    let other = server.post("/whip/b/room/u", CHROMIUM).await;
    let [session, other] = [&reply, &other].map(|reply| header(reply, "Location"));
    let (_, id) = session.rsplit_once('/').unwrap();
    let (base, other_id) = other.rsplit_once('/').unwrap();
    // 128 bits of chance.
    assert!(id.len() == 32 && id != other_id, "{id} {other_id}");
    let listed = format!("{:?}{:?}", server.rtc.sessions("a", None), server.rtc.figures());
    assert!(listed.contains("room") && !listed.contains(id), "{listed}");
    let mixed = format!("{}{}", &id[..id.len() / 2], &other_id[other_id.len() / 2..]);
    for guess in [
        &id[..id.len() - 1],
        &id[1..],
        &mixed,
        "",
        "*",
        "%2e%2e",
        &id.to_uppercase(),
    ] {
        if guess == id {
            continue;
        }
        let guess = format!("{base}/{guess}");
        for method in ["DELETE", "PATCH"] {
            let reply = server.call(method, &guess, "a=ice-ufrag:x", |call| {
                call.content_type = Some("application/trickle-ice-sdpfrag".to_owned());
                call.if_match = Some("*".to_owned());
            });
            assert_eq!(reply.await.status, 404, "{method} {guess}");
        }
    }
    client.send(b"picture").await;
    assert!(server.is_live("/a/room/u"));
}

#[tokio::test]
async fn one_app_leaves_places_to_others() {
    let limits = Limits {
        connections: 10,
        ..Limits::default()
    };
    let server = Server::start_within(limits).await;
    for number in 0..9 {
        let reply = server.post(&format!("/whip/a/room/{number}"), CHROMIUM).await;
        assert_eq!(reply.status, 201, "{number}: {}", reply.body);
    }
    let refused = server.post("/whip/a/room/9", CHROMIUM).await;
    assert_eq!((refused.status, header(&refused, "Retry-After")), (503, "5"));
    assert!(detail(&refused).contains("This app has 9 sessions"), "{}", refused.body);
    assert_eq!(server.post("/whip/b/room/0", CHROMIUM).await.status, 201);
}

#[tokio::test]
async fn one_address_has_so_many_sessions() {
    let limits = Limits {
        connections_of_an_address: 2,
        ..Limits::default()
    };
    let server = Server::start_within(limits).await;
    let from = |number: u8, source: [u8; 4]| {
        let path = format!("/whip/a{number}/room/u");
        let server = &server;
        async move {
            let reply = server.call("POST", &path, CHROMIUM, |call| call.source = Some(source.into()));
            reply.await.status
        }
    };
    assert_eq!(from(0, [198, 51, 100, 1]).await, 201);
    assert_eq!(from(1, [198, 51, 100, 1]).await, 201);
    assert_eq!(from(2, [198, 51, 100, 1]).await, 503);
    assert_eq!(from(3, [198, 51, 100, 2]).await, 201);
}
