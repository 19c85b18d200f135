//! The server over sockets: what publishers are told, and what becomes of their media.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::support::{AUDIO, VIDEO, commands, information, message, opening, publish};
use crate::access::{Gate, Keys, Passes};
use crate::channel::{Limits as ChannelLimits, Registry, StreamPath};
use crate::hub::{Flow, Hub, Limits, Overflow, Publication, Receiver};
use crate::rtmp::{Certificate, RtmpServer};

/// No step takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(90);

const AVC: &[u8] = b"\x17\x00\x00\x00\x00\x01\x64\x00\x0b\xff\xe1\x00\x04\x67\x64\x00\x0b\x01\x00\x02\x68\xee";
const PICTURE: &[u8] = b"\x17\x01\x00\x00\x50\x00\x00\x00\x02\x65\x09";
const AAC: &[u8] = b"\xaf\x00\x11\x90";
const SOUND: &[u8] = b"\xaf\x01\x01\x02\x03";

pub(super) struct Server {
    hub: Arc<Hub>,
    registry: Registry,
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(Keys::default(), Limits::default()).await
    }

    async fn start_with(keys: Keys, limits: Limits) -> Self {
        Self::start_as(keys, limits, None).await
    }

    pub(super) async fn start_in_tls(certificate: Arc<Certificate>) -> Self {
        Self::start_as(Keys::default(), Limits::default(), Some(certificate)).await
    }

    async fn start_as(keys: Keys, limits: Limits, certificate: Option<Arc<Certificate>>) -> Self {
        let registry = Registry::new(ChannelLimits::default(), 0);
        let gate = Arc::new(Gate::new(keys, Passes::default()));
        let hub = Arc::new(Hub::new(registry.clone(), gate, "rtsp://h:1".to_owned(), limits));
        let server = RtmpServer::bind("127.0.0.1:0".parse().unwrap(), hub.clone(), certificate)
            .await
            .unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self {
            hub,
            registry,
            address,
            stop,
            task,
        }
    }

    async fn client(&self, app: &str, key: &str) -> Client {
        let mut client = Client(TcpStream::connect(self.address).await.unwrap());
        client.say(&opening(app, key)).await;
        client
    }

    /// The publication of a path, once the roster shows another one than `former`.
    pub(super) async fn published(&self, uid: &str, former: Option<&Arc<Publication>>) -> Arc<Publication> {
        let path = StreamPath::parse(&format!("/app/room/{uid}")).unwrap();
        let mut changes = self.registry.changes();
        let found = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = self.hub.find(&path)
                    && !former.is_some_and(|former| Arc::ptr_eq(former, &found))
                {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, found).await.expect("a publication")
    }
}

struct Client(TcpStream);

impl Client {
    async fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    async fn media(&mut self, timestamp: u32, tags: &[(u8, &[u8])]) {
        for (kind, tag) in tags {
            self.say(&message(4 + kind % 2, *kind, 1, timestamp, tag)).await;
        }
    }

    /// What it is told last, once its connection is closed.
    async fn told(mut self) -> (String, String) {
        let mut answers = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut answers)).await;
        read.expect("the connection is closed").unwrap();
        information(&commands(&answers).last().expect("an answer").1)
    }
}

fn play(publication: &Publication) -> Receiver {
    let tracks: Vec<usize> = (0..publication.description.track_count()).collect();
    publication
        .subscribe(&tracks, 1 << 20, Overflow::CutOff, true)
        .unwrap()
        .packets
}

/// So many packets: track, flow, and what stands behind the head of those of RTP.
async fn packets(receiver: &mut Receiver, count: usize) -> Vec<(usize, Flow, Bytes)> {
    let mut packets = Vec::new();
    while packets.len() < count {
        let packet = timeout(PATIENCE, receiver.next())
            .await
            .expect("a packet")
            .expect("no end");
        let head = if packet.flow == Flow::Rtp {
            12
        } else {
            packet.payload.len()
        };
        packets.push((packet.track, packet.flow, packet.payload.slice(head..)));
    }
    packets
}

#[tokio::test]
async fn media_becomes_packets_with_a_description() {
    let server = Server::start().await;
    let mut client = server.client("app/room", "7").await;
    client
        .media(1_000, &[(VIDEO, AVC), (AUDIO, AAC), (VIDEO, PICTURE), (AUDIO, SOUND)])
        .await;
    client.media(1_021, &[(AUDIO, SOUND)]).await;
    let publication = server.published("7", None).await;
    let sdp = std::str::from_utf8(publication.description.for_players()).unwrap();
    assert!(
        sdp.contains("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"),
        "{sdp}"
    );
    assert!(sdp.contains("sprop-parameter-sets=Z2QACw==,aO4="), "{sdp}");
    assert!(sdp.contains("a=rtpmap:97 MPEG4-GENERIC/48000/2\r\n"), "{sdp}");
    let got = packets(&mut play(&publication), 7).await;
    let sets: &[u8] = b"\x67\x64\x00\x0b";
    let rtp = |track, payload: &'static [u8]| (track, Flow::Rtp, Bytes::from_static(payload));
    assert_eq!(
        got.iter()
            .filter(|(_, flow, _)| *flow == Flow::Rtp)
            .cloned()
            .collect::<Vec<_>>(),
        [
            rtp(0, sets),
            rtp(0, b"\x68\xee"),
            rtp(0, b"\x65\x09"),
            rtp(1, b"\x00\x10\x00\x18\x01\x02\x03"),
            rtp(1, b"\x00\x10\x00\x18\x01\x02\x03"),
        ]
    );
    assert!(
        got[..2].iter().all(|(_, flow, _)| *flow == Flow::Rtcp),
        "reports stand ahead"
    );
    let live = server.registry.live("app", Some("room"), 9);
    assert_eq!(live.len(), 1);
    drop(client);
    timeout(PATIENCE, publication.ended.cancelled()).await.unwrap();
    assert!(server.registry.snapshot("app", "room").users.is_empty());
}

#[tokio::test]
async fn the_enhanced_form_and_sound_without_a_configuration_are_described() {
    let server = Server::start().await;
    let record = [&[1; 21][..], &[0xff, 1, 0xa1, 0, 1, 0, 3, 0x42, 1, 7]].concat();
    let hevc = [b"\x90hvc1", &record[..]].concat();
    let picture = b"\x91hvc1\x00\x00\x28\x00\x00\x00\x03\x26\x01\x09";
    let mp3 = b"\x2f\xff\xfb\x94\x00";
    let mut client = server.client("app/room", "7").await;
    client.media(0, &[(VIDEO, &hevc), (VIDEO, picture), (AUDIO, mp3)]).await;
    client.media(24, &[(AUDIO, mp3)]).await;
    let publication = server.published("7", None).await;
    let sdp = std::str::from_utf8(publication.description.for_players()).unwrap();
    assert!(
        sdp.contains("a=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-sps=QgEH\r\n"),
        "{sdp}"
    );
    assert!(
        sdp.contains("a=rtpmap:97 MPA/90000\r\n") && !sdp.contains("fmtp:97"),
        "{sdp}"
    );
    let got = packets(&mut play(&publication), 6).await;
    let sound = (1, Flow::Rtp, Bytes::from_static(b"\x00\x00\x00\x00\xff\xfb\x94\x00"));
    assert_eq!(got.iter().filter(|packet| **packet == sound).count(), 2, "{got:?}");
    assert!(got.contains(&(0, Flow::Rtp, Bytes::from_static(b"\x26\x01\x09"))));
}

#[tokio::test]
async fn a_track_that_comes_later_begins_a_new_publication() {
    let server = Server::start().await;
    let mut client = server.client("app/room", "7").await;
    // Sound does not come for so long that it is not waited for.
    client.media(0, &[(VIDEO, AVC), (VIDEO, PICTURE)]).await;
    client.media(1_500, &[(VIDEO, PICTURE)]).await;
    let first = server.published("7", None).await;
    assert_eq!(first.description.track_count(), 1);
    client
        .media(1_540, &[(AUDIO, AAC), (AUDIO, SOUND), (VIDEO, PICTURE)])
        .await;
    let second = server.published("7", Some(&first)).await;
    assert_eq!(second.description.track_count(), 2);
    assert!(first.ended.is_cancelled());
    assert_eq!(server.registry.snapshot("app", "room").users.len(), 1);
    // Another sample rate, again and again.
    for n in 0..40u8 {
        let configuration = if n % 2 == 0 {
            b"\xaf\x00\x12\x10"
        } else {
            b"\xaf\x00\x11\x90"
        };
        let _ = client.0.write_all(&message(4, AUDIO, 1, 1_600, configuration)).await;
    }
    let (code, description) = client.told().await;
    assert_eq!(code, "NetStream.Failed");
    assert!(description.contains("again and again"), "{description}");
}

#[tokio::test]
async fn the_last_publisher_of_a_path_has_it_and_an_operator_can_remove_it() {
    let server = Server::start().await;
    let mut first = server.client("app/room", "7/screen").await;
    first.media(0, &[(VIDEO, AVC), (AUDIO, AAC)]).await;
    let before = server.published("7/screen", None).await;
    let mut second = server.client("app", "room/7/screen").await;
    second.media(0, &[(VIDEO, AVC), (AUDIO, AAC)]).await;
    server.published("7/screen", Some(&before)).await;
    let (code, description) = first.told().await;
    assert_eq!(code, "NetStream.Failed");
    assert!(description.contains("taken this stream over"), "{description}");
    assert_eq!(server.registry.remove_user("app", "room", "7"), 1);
    assert!(second.told().await.1.contains("its user was removed"));
}

#[tokio::test]
async fn keys_are_shown_in_either_query_and_what_is_wrong_is_told() {
    let keys = Keys {
        publish: Some(Secret::new("a+b/c=")),
        play: None,
    };
    let server = Server::start_with(keys, Limits::default()).await;
    for (app, key) in [
        ("app/room?key=a+b/c=", "1"),
        ("app/room?key=a%2Bb%2Fc%3D/", "1"),
        ("app/room?key=wrong", "1?key=a+b/c="),
        ("app/room", "1?user=me&pass=a+b/c="),
    ] {
        let mut client = server.client(app, key).await;
        client.media(0, &[(VIDEO, AVC), (AUDIO, AAC)]).await;
        let publication = server.published("1", None).await;
        drop(client);
        timeout(PATIENCE, publication.ended.cancelled()).await.unwrap();
    }
    for (app, key, said) in [
        ("app/room", "1", "The key is missing or wrong"),
        ("app/room?key=wrong", "1", "The key is missing or wrong"),
        ("app/room", "1?user=me&pass=wrong", "The key is missing or wrong"),
        ("app", "1", "rtmp://host/{app}/{channel}"),
        ("app/room", "1/nothing", "camera, low, screen"),
        ("app/..", "1", "rtmp://host/{app}/{channel}"),
    ] {
        let (code, description) = server.client(app, key).await.told().await;
        assert_eq!(code, "NetStream.Publish.BadName");
        assert!(description.contains(said), "{app} {key}: {description}");
    }
    assert_eq!(server.hub.turned_away.read().strangers, 3);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_with_its_name() {
    let server = Server::start().await;
    let mut client = server.client("app/room", "7").await;
    client.media(0, &[(VIDEO, AVC), (AUDIO, b"\xb2\xff")]).await;
    let (code, description) = client.told().await;
    assert_eq!(code, "NetStream.Failed");
    assert!(description.starts_with("Speex cannot be taken"), "{description}");
    assert!(server.registry.snapshot("app", "room").users.is_empty());
}

#[tokio::test]
async fn whoever_does_nothing_is_told_and_cut_off() {
    let limits = Limits {
        setup: Duration::from_millis(300),
        publisher_silence: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Server::start_with(Keys::default(), limits).await;
    let whole = opening("app/room", "7");
    let mut idle = Client(TcpStream::connect(server.address).await.unwrap());
    idle.say(&whole[..whole.len() - publish("7").len()]).await;
    assert!(idle.told().await.1.contains("Nothing has been published"));
    let silent = server.client("app/room", "7").await;
    assert!(silent.told().await.1.contains("Nothing that can be recorded has come"));
    let mut live = server.client("app/room", "7").await;
    live.media(0, &[(VIDEO, AVC), (AUDIO, AAC)]).await;
    assert!(live.told().await.1.contains("Nothing that can be recorded has come"));
}

#[tokio::test]
async fn the_server_says_goodbye() {
    let server = Server::start().await;
    let mut client = server.client("app/room", "7").await;
    client.media(0, &[(VIDEO, AVC), (AUDIO, AAC)]).await;
    let publication = server.published("7", None).await;
    server.stop.send(()).unwrap();
    assert!(client.told().await.1.contains("This server ends"));
    timeout(PATIENCE, server.task).await.unwrap().unwrap();
    assert!(publication.ended.is_cancelled());
}
