//! Clients that are slow, silent, too many, or talk nonsense.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::net::UdpSocket;

use super::raw::{Client, SDP, rtp};
use super::support::{Server, within};
use crate::access::Keys;
use crate::hub::Limits;

const BRIEF: Duration = Duration::from_millis(300);

async fn with_limits(change: impl FnOnce(&mut Limits)) -> Server {
    let mut limits = Limits::default();
    change(&mut limits);
    Server::start_with(Keys::default(), limits).await
}

#[tokio::test]
async fn a_silent_publisher_is_gone() {
    let server = with_limits(|limits| limits.publisher_silence = BRIEF).await;
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&server.url("u")).await;
    server.joined(1).await;
    server.joined(0).await;
    publisher.end().await;
}

/// One that publishes by datagrams from this port of its own, and the server's port for them.
async fn publish_by_udp(server: &Server, port: u16) -> (Client, u16) {
    let url = server.url("u");
    let mut publisher = Client::connect(server).await;
    assert_eq!(publisher.announce(&url, SDP).await.status, 200);
    let transport = format!(
        "RTP/AVP;unicast;client_port={port}-{};mode=record",
        port.wrapping_add(1).max(1)
    );
    let set_up = publisher
        .ask("SETUP", &format!("{url}/streamid=0"), &[("Transport", &transport)], "")
        .await;
    let ports = set_up.headers["transport"].split("server_port=").nth(1).unwrap();
    let to = ports.split('-').next().unwrap().parse().unwrap();
    assert_eq!(publisher.ask("RECORD", &url, &[], "").await.status, 200);
    (publisher, to)
}

#[tokio::test]
async fn what_a_publisher_over_udp_sends_at_once_and_leaves_is_played_to_the_end() {
    /// More than are read in one go.
    const PACKETS: u16 = 400;
    let server = Server::start().await;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut publisher, to) = publish_by_udp(&server, socket.local_addr().unwrap().port()).await;
    let mut player = Client::connect(&server).await;
    player
        .play(&server.url("u"), "RTP/AVP/TCP;unicast;interleaved=0-1")
        .await;
    let sent: Vec<_> = (0..PACKETS).map(|sequence| rtp(sequence, 50)).collect();
    for packet in &sent {
        socket.send_to(packet, ("127.0.0.1", to)).unwrap();
    }
    assert_eq!(publisher.ask("TEARDOWN", &server.url("u"), &[], "").await.status, 200);
    for packet in sent {
        assert_eq!(player.next_packet().await, Some((0, packet)));
    }
}

#[tokio::test]
async fn what_waits_for_a_lost_packet_is_played_when_its_publisher_leaves() {
    let server = Server::start().await;
    let url = server.url("u");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    let mut player = Client::connect(&server).await;
    player.play(&url, "RTP/AVP/TCP;unicast;interleaved=0-1").await;
    let sent = [0, 1, 3].map(|sequence| rtp(sequence, 50));
    for packet in &sent {
        publisher.packet(0, packet).await.unwrap();
    }
    assert_eq!(publisher.ask("TEARDOWN", &url, &[], "").await.status, 200);
    for packet in sent {
        assert_eq!(player.next_packet().await, Some((0, packet)));
    }
    player.end().await;
}

#[tokio::test]
async fn a_publisher_over_udp_lives_by_its_packets() {
    let server = with_limits(|limits| limits.publisher_silence = BRIEF).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (_publisher, to) = publish_by_udp(&server, socket.local_addr().unwrap().port()).await;
    let joined = server.joined(1).await;
    for sequence in 0..10 {
        socket.send_to(&rtp(sequence, 50), ("127.0.0.1", to)).await.unwrap();
        tokio::time::sleep(BRIEF / 4).await;
    }
    assert_eq!(
        server.registry.snapshot("app", "room"),
        joined,
        "it was heard all the time"
    );
    server.joined(0).await;
}

#[tokio::test]
async fn a_player_over_udp_that_is_never_heard_is_gone() {
    let server = with_limits(|limits| limits.session = BRIEF).await;
    let url = server.url("u");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    let mut player = Client::connect(&server).await;
    player.play(&url, "RTP/AVP;unicast;client_port=9-10").await;
    player.end().await;
    server.joined(1).await;
}

#[tokio::test]
async fn a_player_over_udp_is_told_the_end_and_closed_if_it_does_not_go() {
    let server = Server::start().await;
    let url = server.url("u");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    publisher.packet(0, &rtp(1, 50)).await.unwrap();
    let (media, reports) = (
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
    );
    let ports = [&media, &reports].map(|socket| socket.local_addr().unwrap().port());
    let mut player = Client::connect(&server).await;
    player
        .play(&url, &format!("RTP/AVP;unicast;client_port={}-{}", ports[0], ports[1]))
        .await;
    assert_eq!(publisher.ask("TEARDOWN", &url, &[], "").await.status, 200);
    let mut buffer = [0; 64];
    let length = within("a BYE", reports.recv(&mut buffer)).await.unwrap();
    assert_eq!(buffer[..length], crate::hub::bye(7));
    assert_eq!(
        player.ask("PAUSE", &url, &[], "").await.status,
        200,
        "it may still end its session in order"
    );
    player.end().await;
}

#[tokio::test]
async fn a_player_over_tcp_that_does_not_read_is_disconnected_and_disturbs_nobody() {
    let server = with_limits(|limits| limits.player_queue_bytes = 200_000).await;
    let url = server.url("u");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    let mut slow = Client::connect(&server).await;
    slow.play(&url, "RTP/AVP/TCP;interleaved=0-1").await;
    let mut good = Client::connect(&server).await;
    good.play(&url, "RTP/AVP/TCP;interleaved=0-1").await;
    // More than the kernel's buffers on both ends can hold besides the queue.
    for sequence in 0..1_000 {
        publisher.packet(0, &rtp(sequence, 30_000)).await.unwrap();
        assert_eq!(good.next_packet().await.unwrap(), (0, rtp(sequence, 30_000)));
    }
    let mut whole = 0;
    while let Some((_, packet)) = slow.next_packet().await {
        assert_eq!(packet, rtp(whole, 30_000), "a hole in what the slow player got");
        whole += 1;
    }
    assert!(whole < 1_000, "the slow player got everything");
}

#[tokio::test]
async fn a_client_that_only_asks_is_closed_and_too_many_are_refused() {
    let server = with_limits(|limits| {
        limits.connections = 1;
        limits.setup = BRIEF;
    })
    .await;
    let mut first = Client::connect(&server).await;
    first.publish(&server.url("u")).await;
    let mut second = Client::connect(&server).await;
    assert_eq!(second.announce(&server.url("v"), SDP).await.status, 200);
    let transport = [("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")];
    let track = format!("{}/streamid=0", server.url("v"));
    assert_eq!(second.ask("SETUP", &track, &transport, "").await.status, 200);
    assert_eq!(second.ask("RECORD", &server.url("v"), &[], "").await.status, 503);
    // Its requests do not prolong its time.
    let asking = async {
        while second.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n").await.is_ok() && second.answered().await {}
    };
    within("the end of a connection that only asks", asking).await;
    assert_eq!(first.ask("TEARDOWN", &server.url("u"), &[], "").await.status, 200);
    first.end().await;
    let again = async {
        loop {
            let mut client = Client::connect(&server).await;
            if client.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").await.is_ok() && client.answered().await {
                return;
            }
        }
    };
    within("a free place", again).await;
}

#[tokio::test]
async fn idle_clients_do_not_keep_a_recorder_out() {
    let server = with_limits(|limits| limits.setup = Duration::from_secs(600)).await;
    let url = server.url("u");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    let mut idle = Vec::new();
    for _ in 0..Limits::default().connections {
        idle.push(Client::connect(&server).await);
    }
    let mut recorder = Client::connect(&server).await;
    recorder.play(&url, "RTP/AVP/TCP;interleaved=0-1").await;
    publisher.packet(0, &rtp(1, 50)).await.unwrap();
    assert_eq!(recorder.next_packet().await.unwrap(), (0, rtp(1, 50)));
    idle.first_mut().unwrap().end().await;
}

#[tokio::test]
async fn an_unreadable_request_is_answered_and_ends_the_connection() {
    let server = Server::start().await;
    for (bytes, status) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), 400),
        (b"OPTIONS relative RTSP/1.0\r\n\r\n".to_vec(), 400),
        (vec![b'x'; 20_000], 413),
    ] {
        let mut client = Client::connect(&server).await;
        client.send(&bytes).await.unwrap();
        assert_eq!(client.status().await, status);
        client.end().await;
    }
}

/// Whole sessions with bytes changed, cut out and put in; the server must live on and answer the next client.
#[tokio::test]
async fn mutated_sessions_hurt_nobody() {
    let server = with_limits(|limits| limits.setup = BRIEF).await;
    let url = server.url("u");
    let session = format!(
        "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n\
         ANNOUNCE {url}?key=k RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}\
         SETUP {url}/streamid=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=\"record\"\r\n\r\n\
         RECORD {url} RTSP/1.0\r\nCSeq: 4\r\nAuthorization: Basic YTpi\r\n\r\n\
         $\0\0\x0c............$\x01\0\x04....\
         TEARDOWN {url} RTSP/1.0\r\nCSeq: 5\r\n\r\n\
         DESCRIBE {url} RTSP/1.0\r\nCSeq: 6\r\nAccept: application/sdp\r\n\r\n",
        SDP.len()
    );
    let mut runner = TestRunner::deterministic();
    let mutation = (
        0..session.len(),
        0..session.len(),
        proptest::collection::vec(any::<u8>(), 0..6),
    );
    for _ in 0..200 {
        let (at, length, inserted) = mutation.new_tree(&mut runner).unwrap().current();
        let mut bytes = session.clone().into_bytes();
        let end = (at + length % 8).min(bytes.len());
        bytes.splice(at..end, inserted);
        let mut client = Client::connect(&server).await;
        // The server may hang up in the midst of it.
        drop(client.send(&bytes).await);
    }
    let mut client = Client::connect(&server).await;
    client.publish(&url).await;
    server.joined(1).await;
    server.stop().await;
    client.end().await;
}
