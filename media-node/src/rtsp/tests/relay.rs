//! Two servers: what is published at one is played at the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{CarriedStream, CarriedUser, ChannelCarrier, Elsewhere, RelayKey, Secret, StreamName};

use super::raw::{Client, rtp as packet, sender_report};
use super::support::{Server, ffmpeg_publish, ffprobe, keys, within};
use crate::access::Keys;
use crate::channel::StreamPath;
use crate::hub::rtp::{self, audio_level_extension};
use crate::hub::{Description, Flow, Layer, LayerState, Limits, Manner, Publication};
use crate::layers::testing::{Vp8, width};
use crate::layers::{View, Wish};

const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";
const NOW_S: u64 = 4_000_000_000;

fn key() -> RelayKey {
    RelayKey::derive(b"root", "n1")
}

/// The server's users are known to be at that one, and these tokens open them.
async fn tell(server: &Server, version: u64, there: Option<(&Server, Secret, u64)>) {
    server.registry.roster("app", "room", None, Duration::ZERO).await;
    let streams = |publication| {
        vec![CarriedStream {
            name: StreamName::Camera,
            publication,
            of_camera: false,
        }]
    };
    let carrier = |(at, token, publication): (&Server, Secret, u64)| ChannelCarrier {
        node_id: "n1".to_owned(),
        address: format!("rtsp://{}", at.addr),
        token,
        users: vec![CarriedUser {
            uid: "u".to_owned(),
            joined_at_ms: 1,
            streams: streams(publication),
        }],
    };
    server.registry.learn(Elsewhere {
        app_id: "app".to_owned(),
        channel: "room".to_owned(),
        version,
        heard: u64::MAX,
        carriers: there.into_iter().map(carrier).collect(),
    });
}

/// A server that has a user of the channel, and one that knows it and may play what is there.
async fn two_servers() -> (Server, Server) {
    two_servers_with(Limits::default(), Limits::default()).await
}

/// The same with limits of each.
async fn two_servers_with(limits_there: Limits, limits_here: Limits) -> (Server, Server) {
    let there = Server::start_with(keys("pub", "play"), limits_there).await;
    there.registry.admit_relays(key());
    let here = Server::start_with(Keys::default(), limits_here).await;
    tell(&here, 1, Some((&there, key().token("app", "room", NOW_S), 7))).await;
    (there, here)
}

async fn status(server: &Server, tail: &str, headers: &[(&str, &str)]) -> u16 {
    let mut client = Client::connect(server).await;
    client.ask("DESCRIBE", &server.url(tail), headers, "").await.status
}

#[tokio::test]
async fn a_stream_of_another_node_is_read_once_for_all_who_play_it_here() {
    // Room for the publisher and for one who reads.
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let (there, here) = two_servers_with(limits, Limits::default()).await;

    let mut publisher = Client::connect(&there).await;
    publisher.publish(&there.url("u?key=pub")).await;
    publisher.packet(1, &sender_report(1234)).await.unwrap();
    assert_eq!(publisher.ask("OPTIONS", "*", &[], "").await.status, 200);

    let url = here.url("u");
    let mut players = Vec::new();
    for _ in 0..3 {
        let mut player = Client::connect(&here).await;
        let described = player.ask("DESCRIBE", &url, &[], "").await;
        assert!(described.body.contains("H264/90000"), "{}", described.body);
        player.play(&url, TCP).await;
        players.push(player);
    }
    publisher.packet(0, &packet(5, 60_000)).await.unwrap();
    for player in &mut players {
        assert_eq!(player.next_packet().await.unwrap(), (1, sender_report(1234)));
        assert_eq!(player.next_packet().await.unwrap(), (0, packet(5, 60_000)));
    }
    let roster = here.registry.snapshot("app", "room");
    assert_eq!(roster.users[0].streams[0].url, url.as_str());
    // The publisher leaves: it is over for all of them.
    assert_eq!(publisher.ask("TEARDOWN", "*", &[], "").await.status, 200);
    for player in &mut players {
        assert_eq!(player.next_packet().await, None);
    }
}

#[tokio::test]
async fn who_speaks_at_another_node_is_known_where_the_stream_is_read() {
    let (there, here) = two_servers().await;
    let mut publisher = Client::connect(&there).await;
    publisher.publish(&there.url("u?key=pub")).await;
    let mut player = Client::connect(&here).await;
    player.play(&here.url("u"), TCP).await;
    let speaks = async {
        for sequence in 0.. {
            let mut packet = packet(sequence, 40);
            packet[0] |= 0x10;
            packet.splice(12..12, audio_level_extension(-10));
            publisher.packet(0, &packet).await.unwrap();
            if here.registry.snapshot("app", "room").speaker.as_deref() == Some("u") {
                return;
            }
            // That is how browsers send sound.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("u speaks", speaks).await;
}

#[tokio::test]
async fn what_nobody_plays_here_is_read_no_more() {
    let limits_there = Limits {
        connections: 2,
        ..Limits::default()
    };
    let limits_here = Limits {
        relay_linger: Duration::from_millis(10),
        ..Limits::default()
    };
    let (there, here) = two_servers_with(limits_there, limits_here).await;
    let publisher = ffmpeg_publish(&there.url("u?key=pub"), "tcp");
    there.joined(1).await;
    ffprobe(&here.url("u"), "tcp").await.unwrap();
    // There is room for one who reads, and it is free again.
    let free = async { while ffprobe(&there.url("u?key=play"), "tcp").await.is_err() {} };
    within("the place of the relay", free).await;
    publisher.kill().await;
}

#[tokio::test]
async fn nobody_plays_as_another_node_but_who_has_a_token_of_the_channel() {
    let there = Server::start_with(keys("pub", "play"), Limits::default()).await;
    let mut publisher = Client::connect(&there).await;
    publisher.publish(&there.url("u?key=pub")).await;
    let good = key().token("app", "room", NOW_S);
    let with = |token: &Secret| vec![("Tapedeck-Relay".to_owned(), token.expose().to_owned())];
    let ask = async |token: &Secret, tail: &str| {
        let headers = with(token);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        status(&there, tail, &headers).await
    };
    assert_eq!(ask(&good, "u").await, 401, "the edge has given no key");
    there.registry.admit_relays(key());
    assert_eq!(ask(&good, "u").await, 200);
    for wrong in [
        key().token("app", "other", NOW_S),
        key().token("other", "room", NOW_S),
        key().token("app", "room", 1),
        RelayKey::derive(b"root", "n2").token("app", "room", NOW_S),
        Secret::new("play"),
        Secret::default(),
    ] {
        assert_eq!(ask(&wrong, "u").await, 401);
    }
    // A wrong token is not made good by a key, and a token does not let anybody publish.
    assert_eq!(ask(&Secret::new("x"), "u?key=play").await, 401);
    let mut client = Client::connect(&there).await;
    let headers = [("Content-Type", "application/sdp"), ("Tapedeck-Relay", good.expose())];
    let announced = client.ask("ANNOUNCE", &there.url("v"), &headers, super::raw::SDP).await;
    assert_eq!(announced.status, 401);

    let here = Server::start().await;
    tell(&here, 1, Some((&there, key().token("app", "room", 1), 7))).await;
    assert_eq!(status(&here, "u", &[]).await, 502, "its token has run out");
}

#[tokio::test]
async fn no_node_reads_from_another_what_that_one_reads_from_it() {
    let [one, two] = [Server::start().await, Server::start().await];
    for (server, other) in [(&one, &two), (&two, &one)] {
        server.registry.admit_relays(key());
        tell(server, 1, Some((other, key().token("app", "room", NOW_S), 7))).await;
    }
    assert_eq!(status(&one, "u", &[]).await, 502);
    assert_eq!(status(&two, "u", &[]).await, 502);
}

#[tokio::test]
async fn a_user_who_moves_here_is_played_from_here() {
    let there = Server::start().await;
    there.registry.admit_relays(key());
    let here = Server::start().await;
    tell(&here, 1, Some((&there, key().token("app", "room", NOW_S), 7))).await;
    let mut first = Client::connect(&there).await;
    first.publish(&there.url("u")).await;
    let mut player = Client::connect(&here).await;
    player.play(&here.url("u"), TCP).await;

    let mut second = Client::connect(&here).await;
    second.publish(&here.url("u")).await;
    tell(&here, 2, None).await;
    let mut later = Client::connect(&here).await;
    later.play(&here.url("u"), TCP).await;
    second.packet(0, &packet(9, 100)).await.unwrap();
    assert_eq!(later.next_packet().await.unwrap(), (0, packet(9, 100)));
    // Who has played since before goes on until the former publication ends.
    first.packet(0, &packet(1, 100)).await.unwrap();
    assert_eq!(player.next_packet().await.unwrap(), (0, packet(1, 100)));
    // It is there again under another number, and read anew.
    drop(second);
    here.joined(0).await;
    tell(&here, 3, Some((&there, key().token("app", "room", NOW_S), 8))).await;
    let mut last = Client::connect(&here).await;
    last.play(&here.url("u"), TCP).await;
    assert_eq!(player.next_packet().await, None);
    first.packet(0, &packet(2, 100)).await.unwrap();
    // A publication that has just begun is played from its beginning.
    let mut next = last.next_packet().await.unwrap();
    if next == (0, packet(1, 100)) {
        next = last.next_packet().await.unwrap();
    }
    assert_eq!(next, (0, packet(2, 100)));
}

/// Publishes a camera that comes in pictures of these heights, each of them a keyframe, for as long as the server lives.
fn publish_in_sizes(server: &Server, heights: &[u16]) {
    let describe = || Description::parse(b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n").unwrap();
    let path = StreamPath::parse("/app/room/u").unwrap();
    let published = server.hub.publish(&path, describe(), 1).unwrap();
    let layer = |height: &u16| {
        let (width, height) = (u32::from(*height) * 16 / 9, u32::from(*height));
        let layer = Layer::new(Arc::new(Publication::new(path.clone(), describe(), Manner::Once)));
        layer.set(LayerState {
            size: Some((width, height)),
            bits_per_second: 1_000,
            is_sending: true,
        });
        Arc::new(layer)
    };
    let layers: Vec<_> = heights.iter().map(layer).collect();
    published.publication.set_layers(layers.clone());
    let sender = |(ssrc, height): (u32, &u16)| Vp8::new(ssrc, *height * 16 / 9, *height);
    let mut senders: Vec<_> = (1..).zip(heights).map(sender).collect();
    tokio::spawn(async move {
        while !published.publication.ended.is_cancelled() {
            for (layer, sender) in layers.iter().zip(&mut senders) {
                for picture in sender.picture(true, 1) {
                    layer.publication.relay(0, Flow::Rtp, picture.payload);
                }
            }
            // That is how cameras send pictures.
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
}

#[tokio::test]
async fn a_picture_of_another_node_is_played_in_each_of_its_sizes() {
    let (there, here) = two_servers().await;
    publish_in_sizes(&there, &[180, 360, 720]);
    let mut players = Vec::new();
    for (query, expected) in [
        ("?fill=320x100", 320),
        ("?fill=330x100", 640),
        ("?fit=640x720", 640),
        ("?fill=640x720", 1_280),
        // Two who ask for the same.
        ("?fill=320x100", 320),
    ] {
        let url = here.url(&format!("u{query}"));
        let mut player = Client::connect(&here).await;
        assert_eq!(player.ask("DESCRIBE", &url, &[], "").await.status, 200, "{query}");
        player.play(&url, TCP).await;
        let played = async {
            loop {
                let (_, picture) = player.next_packet().await.unwrap();
                if let Some(width) = rtp::payload(&picture).and_then(width) {
                    return width;
                }
            }
        };
        assert_eq!(within(query, played).await, expected, "{query}");
        players.push(player);
    }
    assert_eq!(here.figures.relayed_streams(), 4, "each size is read once");
}

#[tokio::test]
async fn who_may_change_the_size_has_all_of_them_from_another_node() {
    let (there, here) = two_servers().await;
    publish_in_sizes(&there, &[180, 360, 720]);
    let path = StreamPath::parse("/app/room/u").unwrap();
    let stream = here.streams.play(&path).await.unwrap().unwrap();
    assert_eq!((stream.layers().len(), stream.description.track_count()), (3, 1));
    let known = async {
        while stream.layers().iter().any(|layer| layer.state().size.is_none()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("the sizes are known", known).await;
    let (mut view, began) = (View::new(&stream, 1 << 20, 1).unwrap(), Instant::now());
    for (height, expected) in [(180, 320), (400, 1_280), (300, 640)] {
        view.set_wish(Wish {
            height: Some(height),
            ..Wish::default()
        });
        view.look(began.elapsed()).unwrap();
        let shown = async {
            loop {
                let (layer, packet) = std::future::poll_fn(|context| view.poll_next(context)).await.unwrap();
                let mut last = None;
                view.take(layer, &packet, began.elapsed(), |packet, _| {
                    last = rtp::payload(&packet.payload).and_then(width);
                });
                if last == Some(expected) {
                    return;
                }
            }
        };
        within(&format!("{height} lines"), shown).await;
    }
    assert_eq!(here.figures.relayed_streams(), 1, "all sizes are read together");
    there.hub.find(&path).unwrap().end();
    within("it is over", stream.ended.cancelled()).await;
}

#[tokio::test]
async fn a_picture_of_another_node_that_comes_in_one_size_is_not_found_in_others() {
    let (there, here) = two_servers().await;
    let mut publisher = Client::connect(&there).await;
    publisher.publish(&there.url("u?key=pub")).await;
    assert_eq!(status(&here, "u?fill=320x180", &[]).await, 404);
    assert_eq!(status(&here, "u", &[]).await, 200);
}
