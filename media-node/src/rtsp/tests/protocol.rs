//! What the server answers, request by request.

use super::raw::{Client, SDP, rtp, sender_report};
use super::support::Server;

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

#[tokio::test]
async fn a_player_learns_the_time_and_the_place_before_the_first_packet() {
    let server = Server::start().await;
    let url = server.url("u");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    publisher.packet(0, &rtp(65_535, 100)).await.unwrap();
    publisher.packet(1, &sender_report(1234)).await.unwrap();
    // Requests and packets come in order: behind this answer both packets have been relayed.
    assert_eq!(publisher.ask("GET_PARAMETER", &url, &[], "").await.status, 200);

    let mut player = Client::connect(&server).await;
    let described = player.ask("DESCRIBE", &url, &[("Accept", "application/sdp")], "").await;
    assert_eq!(described.headers["content-base"], format!("{url}/"));
    assert!(described.body.contains("a=control:trackID=0\r\n"), "{}", described.body);
    let played = player.play(&url, "RTP/AVP/TCP;unicast;interleaved=4-5").await;
    assert_eq!(
        played.headers["rtp-info"],
        format!("url={url}/trackID=0;seq=65535;rtptime={}", 65_535 * 3_000)
    );
    publisher.packet(0, &rtp(0, 60_000)).await.unwrap();
    assert_eq!(player.next_packet().await.unwrap(), (5, sender_report(1234)));
    // The player came just behind the publisher, and gets all from its beginning, each packet once.
    assert_eq!(player.next_packet().await.unwrap(), (4, rtp(65_535, 100)));
    assert_eq!(player.next_packet().await.unwrap(), (4, rtp(0, 60_000)));

    assert_eq!(player.ask("PAUSE", &url, &[], "").await.status, 200);
    publisher.packet(0, &rtp(1, 100)).await.unwrap();
    assert_eq!(publisher.ask("OPTIONS", "*", &[], "").await.status, 200);
    assert_eq!(
        player.ask("PLAY", &url, &[], "").await.headers["rtp-info"]
            .matches("seq=2;")
            .count(),
        1
    );
    publisher.packet(0, &rtp(2, 100)).await.unwrap();
    assert_eq!(player.next_packet().await.unwrap(), (5, sender_report(1234)));
    assert_eq!(player.next_packet().await.unwrap(), (4, rtp(2, 100)));

    assert_eq!(publisher.ask("TEARDOWN", &url, &[], "").await.status, 200);
    server.joined(0).await;
    assert_eq!(player.next_packet().await, None);
}

#[tokio::test]
async fn a_teardown_leaves_the_connection_free_for_another_stream() {
    let server = Server::start().await;
    let mut client = Client::connect(&server).await;
    for uid in ["a", "b/screen"] {
        let url = server.url(uid);
        client.publish(&url).await;
        server.joined(1).await;
        assert_eq!(client.ask("TEARDOWN", &url, &[], "").await.status, 200);
        server.joined(0).await;
    }
}

#[tokio::test]
async fn requests_that_cannot_be_granted_say_why() {
    let server = Server::start().await;
    let url = server.url("u");
    let mut client = Client::connect(&server).await;
    let status = async |client: &mut Client, method: &str, url: &str, headers: &[(&str, &str)]| {
        client.ask(method, url, headers, "").await.status
    };
    let options = client.ask("OPTIONS", &url, &[], "").await;
    assert!(options.headers["public"].contains("ANNOUNCE"));
    assert_eq!(status(&mut client, "DESCRIBE", &url, &[]).await, 404);
    assert_eq!(
        status(&mut client, "DESCRIBE", &server.url("u/nonsense"), &[]).await,
        404
    );
    assert_eq!(
        status(&mut client, "DESCRIBE", &url, &[("Accept", "text/plain")]).await,
        406
    );
    assert_eq!(
        status(&mut client, "SETUP", &format!("{url}/trackID=0"), &[("Transport", TCP)]).await,
        404
    );
    assert_eq!(status(&mut client, "PLAY", &url, &[]).await, 455);
    assert_eq!(status(&mut client, "RECORD", &url, &[]).await, 455);
    assert_eq!(status(&mut client, "TEARDOWN", &url, &[]).await, 454);
    assert_eq!(
        status(&mut client, "GET_PARAMETER", &url, &[("Session", "nope")]).await,
        454
    );
    assert_eq!(status(&mut client, "OPTIONS", &url, &[("Require", "magic")]).await, 551);
    assert_eq!(status(&mut client, "FROBNICATE", &url, &[]).await, 501);

    assert_eq!(
        client
            .ask("ANNOUNCE", &url, &[("Content-Type", "text/plain")], SDP)
            .await
            .status,
        415
    );
    assert_eq!(client.announce(&url, "no description").await.status, 400);
    assert_eq!(client.announce(&server.url(""), SDP).await.status, 404);
    assert_eq!(
        client
            .announce(&url, &SDP.replace("m=video", "m=audio 0 RTP/AVP 0\r\nm=video"))
            .await
            .status,
        200
    );
    assert_eq!(client.announce(&url, SDP).await.status, 455);
    assert_eq!(status(&mut client, "RECORD", &url, &[]).await, 455);
    assert_eq!(
        status(
            &mut client,
            "SETUP",
            &format!("{url}/streamid=7"),
            &[("Transport", TCP)]
        )
        .await,
        404
    );
    let track = format!("{url}/streamid=0");
    assert_eq!(status(&mut client, "SETUP", &track, &[]).await, 461);
    assert_eq!(
        status(&mut client, "SETUP", &track, &[("Transport", "RTP/AVP;multicast")]).await,
        461
    );
    assert_eq!(status(&mut client, "SETUP", &track, &[("Transport", TCP)]).await, 200);
    assert_eq!(
        status(&mut client, "RECORD", &url, &[]).await,
        455,
        "one track is not set up"
    );
    assert_eq!(status(&mut client, "PAUSE", &url, &[]).await, 455);
    assert_eq!(
        server.registry.snapshot("app", "room").version,
        0,
        "only RECORD publishes"
    );
}

#[tokio::test]
async fn an_announcement_alone_does_not_take_a_live_path() {
    let server = Server::start().await;
    let url = server.url("u");
    let mut live = Client::connect(&server).await;
    live.publish(&url).await;
    let before = server.joined(1).await;
    let mut other = Client::connect(&server).await;
    assert_eq!(other.announce(&url, SDP).await.status, 200);
    assert_eq!(live.ask("GET_PARAMETER", &url, &[], "").await.status, 200);
    assert_eq!(server.registry.snapshot("app", "room"), before);
}

#[tokio::test]
async fn each_stream_of_a_user_has_its_place() {
    let server = Server::start().await;
    let mut publishers = Vec::new();
    for tail in ["u/screen", "u", "u/audio", "v%20w/low"] {
        let mut client = Client::connect(&server).await;
        client.publish(&server.url(tail)).await;
        publishers.push(client);
    }
    let roster = server.joined(2).await;
    let urls: Vec<_> = roster
        .users
        .iter()
        .flat_map(|user| &user.streams)
        .map(|stream| stream.url.clone())
        .collect();
    assert_eq!(
        urls,
        ["u", "u/screen", "u/audio", "v%20w/low"].map(|tail| server.url(tail))
    );
    assert_eq!(roster.users[1].uid, "v w");
}

#[tokio::test]
async fn a_session_that_is_named_before_there_is_one_is_taken_for_none() {
    let server = Server::start().await;
    let url = server.url("u");
    for name in ["null", "", "0"] {
        let mut client = Client::connect(&server).await;
        assert_eq!(client.announce(&url, SDP).await.status, 200);
        let headers = [
            ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"),
            ("Session", name),
        ];
        let track = format!("{url}/streamid=0");
        assert_eq!(client.ask("SETUP", &track, &headers, "").await.status, 200, "{name}");
        assert_eq!(client.ask("RECORD", &url, &[], "").await.status, 200, "{name}");
    }
}
