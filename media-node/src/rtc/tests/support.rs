use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{RtcCall, RtcReply, Secret};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{DatagramRecv, Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, VideoOrientation};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::access::{Gate, Keys, Passes};
use crate::channel::{Limits as ChannelLimits, Registry, StreamPath};
use crate::hub::{Hub, Limits};
use crate::mix::testing::Noise;
use crate::rtc::{self, RtcServer, Settings};
use crate::rtsp::RtspServer;

/// Any port of this machine.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node's servers, of which WebRTC serves.
pub(super) struct Server {
    pub(super) rtc: rtc::Rtc,
    pub(super) hub: Arc<Hub>,
    _server: RtcServer,
    _rtsp: RtspServer,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_with(Keys::default()).await
    }

    pub(super) async fn start_with(keys: Keys) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), keys).await
    }

    pub(super) async fn start_at(listen: SocketAddr, keys: Keys) -> Self {
        Self::start_as(listen, keys, Limits::default(), 0).await
    }

    pub(super) async fn start_within(limits: Limits) -> Self {
        Self::start_as(ANY_PORT, Keys::default(), limits, 0).await
    }

    /// One that encodes so many pictures anew.
    pub(super) async fn start_transcoding(pictures: usize) -> Self {
        Self::start_as(ANY_PORT, Keys::default(), Limits::default(), pictures).await
    }

    async fn start_as(listen: SocketAddr, keys: Keys, limits: Limits, transcoded_pictures: usize) -> Self {
        let registry = Registry::new(ChannelLimits::default(), 0);
        let gate = Arc::new(Gate::new(keys, Passes::default()));
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let rtsp = RtspServer::bind(any, registry, gate, None, limits).await.unwrap();
        let settings = Settings {
            listen,
            advertised: Vec::new(),
            workers: 1,
            stun: vec!["stun:stun.example:3478".to_owned()],
            node_id: "n1".to_owned(),
            transcoded_pictures,
        };
        let server = RtcServer::start(settings, rtsp.hub(), rtsp.streams()).unwrap();
        Self {
            rtc: server.rtc(),
            hub: rtsp.hub(),
            _server: server,
            _rtsp: rtsp,
        }
    }

    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        body: &str,
        change: impl FnOnce(&mut RtcCall),
    ) -> RtcReply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut call = RtcCall {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Secret::new(query),
            content_type: Some("application/sdp".to_owned()),
            body: body.to_owned(),
            ..RtcCall::default()
        };
        change(&mut call);
        self.rtc.answer(&call).await
    }

    pub(super) async fn post(&self, path: &str, offer: &str) -> RtcReply {
        self.call("POST", path, offer, |_| {}).await
    }

    pub(super) async fn patch(&self, session: &str, tag: Option<&str>, fragment: &str) -> RtcReply {
        self.call("PATCH", session, fragment, |call| {
            call.content_type = Some("application/trickle-ice-sdpfrag".to_owned());
            call.if_match = tag.map(str::to_owned);
        })
        .await
    }

    /// Whether somebody publishes the stream.
    pub(super) fn is_live(&self, path: &str) -> bool {
        self.hub.find(&StreamPath::parse(path).unwrap()).is_some()
    }
}

pub(super) fn header<'a>(reply: &'a RtcReply, name: &str) -> &'a str {
    let mut found = reply.headers.iter().filter(|(of, _)| of == name);
    found.next().map_or("", |(_, value)| value)
}

pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}: not in time"));
}

/// A browser, as far as this server sees it.
pub(super) struct Client {
    rtc: Rtc,
    way: Way,
    pub(super) video: Mid,
    pub(super) audio: Mid,
    pending: Option<SdpPendingOffer>,
    pub(super) is_connected: bool,
    pub(super) keyframes_asked: usize,
    /// The names of layers of which keyframes were asked for.
    pub(super) layers_asked: Vec<String>,
    pub(super) received: Vec<RtpPacket>,
    /// Of its sound, in dBov.
    pub(super) level: Option<i8>,
    /// What it says of its picture.
    pub(super) orientation: Option<VideoOrientation>,
    sent: u64,
    answer: String,
    /// Of so many packets one is lost, either way.
    loses: Option<u64>,
    chance: Noise,
    narrow: Option<Narrow>,
    pub(super) lost: usize,
    /// Packets that it has sent, while these are kept.
    pub(super) kept: Vec<Vec<u8>>,
    keeps: bool,
    to: Option<SocketAddr>,
}

/// A way to the client that carries so many bits a second. What is more is lost.
struct Narrow {
    bits_per_second: f64,
    /// What it carries at once,
    room: f64,
    at: Instant,
}

impl Narrow {
    /// How much of a second's media fits at once.
    const DEPTH_S: f64 = 0.1;

    fn passes(&mut self, bytes: usize) -> bool {
        let passed = self.at.elapsed().as_secs_f64();
        self.at = Instant::now();
        self.room = (self.room + passed * self.bits_per_second).min(Self::DEPTH_S * self.bits_per_second);
        let bits = bytes as f64 * 8.0;
        let passes = self.room >= bits;
        self.room -= if passes { bits } else { 0.0 };
        passes
    }
}

enum Way {
    Udp(UdpSocket),
    /// Connected when the first packet is sent.
    Tcp(SocketAddr, Option<TcpStream>, BytesMut),
}

impl Client {
    /// With the offer that it makes.
    pub(super) async fn publisher() -> (Self, String) {
        Self::publisher_at(ANY_PORT).await
    }

    pub(super) async fn publisher_at(address: SocketAddr) -> (Self, String) {
        Self::offering(Direction::SendOnly, Some(address), &[]).await
    }

    pub(super) async fn player() -> (Self, String) {
        Self::offering(Direction::RecvOnly, Some(ANY_PORT), &[]).await
    }

    /// One that takes no picture but H.264.
    pub(super) async fn player_of_h264() -> (Self, String) {
        let config = RtcConfig::new()
            .clear_codecs()
            .enable_h264(true)
            .enable_opus(true, false);
        Self::offering_as(config, Direction::RecvOnly, Some(ANY_PORT), &[]).await
    }

    /// A player of several pictures and sounds: the media of each.
    pub(super) async fn player_of(count: usize) -> (Self, String, Vec<(Mid, Mid)>) {
        let (mut client, _) = Self::player().await;
        // The offer before is never made.
        let mut changes = client.rtc.sdp_api();
        let mut add = |kind| changes.add_media(kind, Direction::RecvOnly, None, None, None);
        let media: Vec<_> = (0..count)
            .map(|_| (add(MediaKind::Video), add(MediaKind::Audio)))
            .collect();
        let (offer, pending) = changes.apply().unwrap();
        client.pending = Some(pending);
        (client, offer.to_sdp_string(), media)
    }

    /// A publisher whose picture comes in layers of these names.
    pub(super) async fn publisher_of_layers(layers: &[&str]) -> (Self, String) {
        Self::offering(Direction::SendOnly, Some(ANY_PORT), layers).await
    }

    /// A publisher whose network lets no datagrams through.
    pub(super) async fn publisher_by_tcp() -> (Self, String) {
        Self::offering(Direction::SendOnly, None, &[]).await
    }

    /// `address`: for datagrams; without one, it comes by TCP.
    async fn offering(direction: Direction, address: Option<SocketAddr>, layers: &[&str]) -> (Self, String) {
        Self::offering_as(RtcConfig::new(), direction, address, layers).await
    }

    async fn offering_as(
        config: RtcConfig,
        direction: Direction,
        address: Option<SocketAddr>,
        layers: &[&str],
    ) -> (Self, String) {
        let mut rtc = config.set_rtp_mode(true).build(Instant::now());
        let way = if let Some(address) = address {
            let socket = UdpSocket::bind(address).await.unwrap();
            rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
            Way::Udp(socket)
        } else {
            let own = SocketAddr::from(([127, 0, 0, 1], 9));
            let candidate = Candidate::builder()
                .tcp()
                .host(own)
                .tcptype(TcpType::Active)
                .build()
                .unwrap();
            rtc.add_local_candidate(candidate);
            Way::Tcp(own, None, BytesMut::new())
        };
        let mut changes = rtc.sdp_api();
        let simulcast = (!layers.is_empty()).then(|| Simulcast {
            send: layers.iter().map(|name| SimulcastLayer::new(name)).collect(),
            recv: Vec::new(),
        });
        let video = changes.add_media(MediaKind::Video, direction, None, None, simulcast);
        let audio = changes.add_media(MediaKind::Audio, direction, None, None, None);
        let (offer, pending) = changes.apply().unwrap();
        let client = Self {
            rtc,
            way,
            video,
            audio,
            pending: Some(pending),
            is_connected: false,
            keyframes_asked: 0,
            layers_asked: Vec::new(),
            received: Vec::new(),
            level: None,
            orientation: None,
            sent: 0,
            answer: String::new(),
            loses: None,
            chance: Noise(1),
            narrow: None,
            lost: 0,
            kept: Vec::new(),
            keeps: false,
            to: None,
        };
        (client, offer.to_sdp_string())
    }

    pub(super) fn answered(&mut self, answer: &str) {
        answer.clone_into(&mut self.answer);
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    /// Goes to another network: the credentials of the new connection.
    pub(super) async fn moves(&mut self) -> String {
        self.way = Way::Udp(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(false);
        let (offer, pending) = changes.apply().unwrap();
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// What the server says to that: its first answer with another connection.
    pub(super) fn moved(&mut self, fragment: &str) {
        let value = |text: &str, name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap()
                .to_owned()
        };
        let mut answer = self.answer.clone();
        for name in ["a=ice-ufrag:", "a=ice-pwd:"] {
            answer = answer.replace(&value(&answer, name), &value(fragment, name));
        }
        self.answered(&answer);
        if let Way::Udp(socket) = &self.way {
            self.rtc
                .add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        }
    }

    /// Lives for one turn.
    pub(super) async fn turn(&mut self) {
        self.step().await;
    }

    /// An offer with one picture more; its medium.
    pub(super) fn adds_picture(&mut self) -> (Mid, String) {
        let mut changes = self.rtc.sdp_api();
        let picture = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, pending) = changes.apply().unwrap();
        self.pending = Some(pending);
        (picture, offer.to_sdp_string())
    }

    /// Numbers, times and payloads of what a track got.
    pub(super) fn payloads_of(&mut self, mid: Mid) -> Vec<(u64, u32, Vec<u8>)> {
        let mut of_track = Vec::new();
        for packet in &self.received {
            let mut api = self.rtc.direct_api();
            if api.stream_rx(&packet.header.ssrc).map(|stream| stream.mid()) == Some(mid) {
                of_track.push((*packet.seq_no, packet.header.timestamp, packet.payload.to_vec()));
            }
        }
        of_track
    }

    /// Numbers and first bytes of what a track got.
    pub(super) fn packets_of(&mut self, mid: Mid) -> Vec<(u64, u8)> {
        let mut of_track = Vec::new();
        for packet in &self.received {
            let stream_mid = self
                .rtc
                .direct_api()
                .stream_rx(&packet.header.ssrc)
                .map(|stream| stream.mid());
            if stream_mid == Some(mid) {
                of_track.push((*packet.seq_no, packet.payload[0]));
            }
        }
        of_track
    }

    /// Lives until something is so.
    pub(super) async fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let living = async {
            while !is_so(self) {
                self.step().await;
            }
        };
        let lived = timeout(PATIENCE, living).await;
        lived.unwrap_or_else(|_| panic!("{what}: not in time"));
    }

    pub(super) async fn connect(&mut self) {
        self.until("connected", |client| client.is_connected).await;
    }

    /// From now on the network loses one of so many packets, either way.
    pub(super) fn lose(&mut self, one_of: u64) {
        self.loses = Some(one_of);
    }

    /// From now on the way to it carries so many bits a second.
    pub(super) fn narrow(&mut self, bits_per_second: u32) {
        self.narrow = Some(Narrow {
            bits_per_second: f64::from(bits_per_second),
            room: 0.0,
            at: Instant::now(),
        });
    }

    /// From now on it loses none.
    pub(super) fn lose_none(&mut self) {
        self.loses = None;
    }

    fn is_lost(&mut self) -> bool {
        let is_lost = self
            .loses
            .is_some_and(|one_of| self.chance.next().is_multiple_of(one_of));
        self.lost += usize::from(is_lost);
        is_lost
    }

    /// Connects, and keeps what it sends from its first packet on: where the server is.
    pub(super) async fn connect_and_keep(&mut self) -> SocketAddr {
        self.keeps = true;
        self.connect().await;
        self.destination()
    }

    /// Where its packets go.
    pub(super) fn destination(&self) -> SocketAddr {
        self.to.unwrap()
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        match &self.way {
            Way::Udp(socket) => socket,
            Way::Tcp(..) => panic!("it has none"),
        }
    }

    /// Sends one packet of the picture and one of the sound.
    pub(super) async fn send(&mut self, payload: &[u8]) {
        self.write(payload, payload);
        self.step().await;
    }

    /// The same without looking for anything that comes.
    pub(super) async fn put(&mut self, payload: &[u8]) {
        self.write(payload, payload);
        self.flush().await;
    }

    /// The same with different ones for picture and sound.
    pub(super) async fn put_both(&mut self, picture: &[u8], sound: &[u8]) {
        self.write(picture, sound);
        self.flush().await;
    }

    fn write(&mut self, picture: &[u8], sound: &[u8]) {
        self.sent += 1;
        let levels = ExtensionValues {
            audio_level: self.level,
            voice_activity: self.level.map(|_| true),
            video_orientation: self.orientation,
            ..ExtensionValues::default()
        };
        for (mid, ticks, payload) in [(self.video, 3_000, picture), (self.audio, 960, sound)] {
            let media = self.rtc.media(mid).unwrap();
            let payload_type = media.remote_pts()[0];
            let time = (self.sent * ticks) as u32;
            let write = RtpWrite::new(payload_type, self.sent.into(), time, Instant::now(), payload);
            self.rtc
                .direct_api()
                .stream_tx_by_mid(mid, None)
                .unwrap()
                .write_rtp(write.marker(true).nackable(true).ext_vals(levels.clone()));
        }
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
    }

    /// Sends a packet of RTP as one of a layer.
    pub(super) async fn send_layer(&mut self, name: &str, packet: &[u8]) {
        let head = crate::hub::rtp::rtp_head(packet).unwrap();
        let payload = crate::hub::rtp::payload(packet).unwrap();
        let payload_type = self.rtc.media(self.video).unwrap().remote_pts()[0];
        let write = RtpWrite::new(
            payload_type,
            u64::from(head.sequence).into(),
            head.timestamp,
            Instant::now(),
            payload,
        );
        let write = write.marker(crate::hub::rtp::is_marked(packet)).nackable(true);
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.video, Some(Rid::from(name))).unwrap();
        stream.write_rtp(write);
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
        self.step().await;
    }

    pub(super) fn ask_for_keyframe(&mut self) {
        let mid = self.video;
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx_by_mid(mid, None).unwrap();
        stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
    }

    /// Sends what is due; the answer is when there will be more.
    async fn flush(&mut self) -> Instant {
        let mut out = VecDeque::new();
        let due = loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(due) => break due,
                Output::Transmit(transmit) => out.push_back(transmit),
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::RtpPacket(packet)) => self.received.push(packet),
                Output::Event(Event::KeyframeRequest(request)) => {
                    self.keyframes_asked += 1;
                    self.layers_asked.extend(request.rid.map(|rid| rid.to_string()));
                }
                Output::Event(_) => {}
            }
        };
        for transmit in out {
            self.to = Some(transmit.destination);
            if self.keeps {
                self.kept.push(transmit.contents.to_vec());
            }
            if self.is_lost() {
                continue;
            }
            self.way.send(transmit.destination, &transmit.contents).await;
        }
        due
    }

    async fn step(&mut self) {
        let due = self.flush().await;
        let wait = due
            .saturating_duration_since(Instant::now())
            .min(Duration::from_millis(20));
        let received = timeout(wait, self.way.receive()).await;
        if let Ok((from, bytes)) = received {
            let is_too_much = self.narrow.as_mut().is_some_and(|narrow| !narrow.passes(bytes.len()));
            if self.is_lost() || is_too_much {
                return;
            }
            let (protocol, destination) = match &self.way {
                Way::Udp(socket) => (Protocol::Udp, socket.local_addr().unwrap()),
                Way::Tcp(own, ..) => (Protocol::Tcp, *own),
            };
            let receive = Receive {
                proto: protocol,
                source: from,
                destination,
                contents: DatagramRecv::try_from(&bytes[..]).unwrap(),
            };
            let _ = self.rtc.handle_input(Input::Receive(Instant::now(), receive));
        } else {
            self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
        }
    }
}

impl Way {
    async fn send(&mut self, to: SocketAddr, packet: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send_to(packet, to).await),
            Self::Tcp(_, stream, _) => {
                let stream = match stream {
                    Some(stream) => stream,
                    None => stream.insert(TcpStream::connect(to).await.unwrap()),
                };
                let frame = [&(packet.len() as u16).to_be_bytes()[..], packet].concat();
                stream.write_all(&frame).await.unwrap();
            }
        }
    }

    async fn receive(&mut self) -> (SocketAddr, Vec<u8>) {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; 2_000];
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                buffer.truncate(length);
                (from, buffer)
            }
            Self::Tcp(_, None, _) => std::future::pending().await,
            Self::Tcp(_, Some(stream), buffer) => loop {
                if let Some(&[high, low]) = buffer.first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    if buffer.len() >= 2 + length {
                        let frame = buffer.split_to(2 + length);
                        return (stream.peer_addr().unwrap(), frame[2..].to_vec());
                    }
                }
                assert!(
                    stream.read_buf(buffer).await.unwrap() > 0,
                    "the server has closed the connection"
                );
            },
        }
    }
}
