//! Offers as clients make them that are not browsers, or mean no good.

use super::media::assert_publishes;
use super::support::{Client, Server};
use crate::channel::StreamPath;
use crate::hub::Description;
use crate::rtc::offer::tests::CHROMIUM;

const PATH: &str = "/whip/a/room/u";
const GROUP: &str = "a=group:BUNDLE 0 1\r\n";

/// With this line behind the name of each medium.
fn with(line: &str) -> String {
    CHROMIUM
        .lines()
        .flat_map(|of| [of, "\r\n", if of.starts_with("a=mid:") { line } else { "" }])
        .collect()
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_the_reason() {
    let server = Server::start().await;
    let offer = CHROMIUM.replace('\r', "").replace('\n', "\r\n");
    let (session, media) = offer.split_at(offer.find("m=audio").unwrap());
    let (audio, video) = media.split_at(media.find("m=video").unwrap());
    let hundred: String = (0..100)
        .map(|mid| video.replace("a=mid:1", &format!("a=mid:{mid}")))
        .collect();
    let hundred = format!("{}{hundred}", session.replace(" 0 1", ""));
    for (offer, status, said) in [
        (
            format!("{offer}{}", "a=x-long:0123456789\r\n".repeat(50_000)),
            400,
            "longer than",
        ),
        (hundred.chars().take(60_000).collect(), 422, "BUNDLE"),
        (
            format!(
                "{}{video}{}",
                session.replace(" 0 1", " 1 2"),
                video.replace("a=mid:1", "a=mid:2")
            ),
            422,
            "more than one",
        ),
        (offer.replace("a=mid:1", "a=mid:0"), 400, "same a=mid"),
        (offer.replace(GROUP, ""), 422, "a=group:BUNDLE"),
        (offer.replace(GROUP, "a=group:LS 0 1\r\n"), 422, "a=group:BUNDLE"),
        (
            offer.replace(GROUP, "a=group:BUNDLE 0\r\n"),
            422,
            "is not in a=group:BUNDLE",
        ),
        (offer.replace("a=sendonly", "a=inactive"), 422, "sends nothing"),
        (offer.replace("sha-256 D2", "sha-256 ZZ"), 400, "cannot be read"),
        (offer.replace("a=ice-pwd:", "a=ice-pw:"), 400, "cannot be read"),
        (
            format!("{session}{audio}m=message 9 TCP/MSRP *\r\na=mid:1\r\n"),
            422,
            "only audio and video",
        ),
    ] {
        let reply = server.post(PATH, &offer).await;
        assert!(
            reply.status == status && reply.body.contains(said),
            "{said}: {} {}",
            reply.status,
            reply.body
        );
    }
    assert_eq!(server.rtc.figures().publishing, 0);
}

#[tokio::test]
async fn what_clients_say_besides_does_no_harm() {
    let server = Server::start().await;
    for offer in [
        // Names of a browser that hides its addresses, and addresses of which this server has none.
        with(
            "a=candidate:1 1 udp 2113937151 5f1b4d0a-2c1e-4ad5-a7f6-0c61e5ef2f0d.local 54321 typ host generation 0\r\n",
        ),
        with("a=candidate:1 1 udp 2122262783 2001:db8::7 54321 typ host generation 0 network-id 1\r\n"),
        with("a=candidate:nonsense\r\na=end-of-candidates\r\n"),
        // The second medium has no port of its own.
        with("a=bundle-only\r\n").replace("m=video 9", "m=video 0"),
        CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 1 0"),
        CHROMIUM.replace("a=sendonly", "a=sendrecv"),
    ] {
        let reply = server.post(PATH, &offer).await;
        assert_eq!(reply.status, 201, "{}\n{offer}", reply.body);
        assert_eq!(reply.body.matches("a=recvonly").count(), 2, "{}", reply.body);
        assert!(reply.body.contains("a=group:BUNDLE 0 1\r\n"), "{}", reply.body);
    }
}

#[tokio::test]
async fn who_plays_only_receives_whatever_was_offered() {
    let server = Server::start().await;
    let (mut publisher, offer) = Client::publisher().await;
    let reply = server.post(PATH, &offer).await;
    assert_publishes(&server, &mut publisher, &reply).await;
    for way in ["a=sendrecv", "a=recvonly"] {
        let offer = CHROMIUM.replace("a=sendonly", way);
        let reply = server.post("/whep/a/room/u", &offer).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        assert_eq!(reply.body.matches("a=sendonly").count(), 2, "{}", reply.body);
    }
    let reply = server.post("/whep/a/room/u", CHROMIUM).await;
    assert!(
        reply.status == 422 && reply.body.contains("receives nothing"),
        "{}",
        reply.body
    );
    // Of a stream without pictures a picture is not had.
    let described = "v=0\r\nm=audio 0 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n";
    let description = Description::parse(described.as_bytes()).unwrap();
    let path = StreamPath::parse("/a/room/sound").unwrap();
    let _sound = server.hub.publish(&path, description, 0).unwrap();
    let (session, video) = (
        CHROMIUM
            .split_once("m=audio")
            .unwrap()
            .0
            .replace("BUNDLE 0 1", "BUNDLE 1"),
        CHROMIUM
            .split_once("m=video")
            .unwrap()
            .1
            .replace("a=sendonly", "a=recvonly"),
    );
    let reply = server
        .post("/whep/a/room/sound", &format!("{session}m=video{video}"))
        .await;
    assert!(
        reply.status == 422 && reply.body.contains("has sound only"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn who_has_another_certificate_than_was_offered_does_not_come_in() {
    let server = Server::start().await;
    let (mut client, offer) = Client::publisher().await;
    let (before, behind) = offer.split_once("a=fingerprint:sha-256 ").unwrap();
    let own = &behind[..2];
    let other = if own == "00" { "11" } else { "00" };
    let reply = server
        .post(
            PATH,
            &offer.replace(&format!("sha-256 {own}"), &format!("sha-256 {other}")),
        )
        .await;
    assert_eq!(reply.status, 201, "{before}{}", reply.body);
    client.answered(&reply.body);
    let gone = async {
        loop {
            client.turn().await;
            if server.rtc.figures().publishing == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone)
        .await
        .unwrap();
    assert!(!server.is_live("/a/room/u"));
}
