use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

/// A picture each 40 ms of so many packets: 250 packets of 1,100 bytes a second.
const PICTURE_EVERY: Duration = Duration::from_millis(40);
const PACKETS: usize = 10;
const BYTES: usize = 1_100;
const RECEIVE_BUFFER: usize = 4 << 20;

/// A client with one track of VP8, sent or received.
pub struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    mid: Option<Mid>,
    /// Of a picture.
    pub packets: usize,
    is_connected: bool,
    received: u64,
}

impl Peer {
    /// `at`: one of this machine's addresses, from which the server is reached.
    pub async fn new(at: IpAddr) -> Self {
        Self::begin(at, false).await
    }

    /// One that receives what browsers send.
    pub async fn viewer(at: IpAddr) -> Self {
        Self::begin(at, true).await
    }

    async fn begin(at: IpAddr, takes_h264: bool) -> Self {
        let socket = UdpSocket::bind((at, 0)).await.expect("a free port");
        // The system may allow less.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
        let local = socket.local_addr().expect("a bound address");
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_vp8(true)
            .enable_h264(takes_h264)
            .set_rtp_mode(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").expect("a candidate"));
        Self {
            rtc,
            socket,
            local,
            pending: None,
            mid: None,
            packets: PACKETS,
            is_connected: false,
            received: 0,
        }
    }

    pub fn offer(&mut self, direction: Direction) -> String {
        let mut changes = self.rtc.sdp_api();
        self.mid = Some(changes.add_media(MediaKind::Video, direction, None, None, None));
        let (offer, pending) = changes.apply().expect("a change");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// The track that it sends or receives.
    pub fn mid(&self) -> String {
        self.mid.expect("a track").to_string()
    }

    /// An offer to receive so many pictures.
    pub fn offer_slots(&mut self, count: usize) -> String {
        let mut changes = self.rtc.sdp_api();
        for _ in 0..count {
            changes.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = changes.apply().expect("a change");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Takes an offer of the server's.
    pub fn answer(&mut self, offer: &str) -> String {
        let offer = SdpOffer::from_sdp_string(offer).expect("an offer");
        let answer = self.rtc.sdp_api().accept_offer(offer);
        answer.expect("it can be taken").to_sdp_string()
    }

    pub fn answered(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).expect("an answer");
        let pending = self.pending.take().expect("an offer");
        self.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .expect("it fits the offer");
    }

    pub async fn connected(&mut self, limit: Duration) {
        let began = Instant::now();
        while !self.is_connected {
            assert!(began.elapsed() < limit, "a client does not connect");
            let due = self.drain().min(Instant::now() + Duration::from_millis(50));
            self.receive(due).await;
        }
    }

    /// Waits for its first packet.
    pub async fn has_received(&mut self, limit: Duration) {
        let began = Instant::now();
        while self.received == 0 {
            assert!(began.elapsed() < limit, "a client gets nothing");
            let due = self.drain().min(Instant::now() + Duration::from_millis(50));
            self.receive(due).await;
        }
    }

    /// Sends pictures; returns how many packets it sent while `counts` was true, when it is false again.
    pub async fn publish(mut self, mut counts: watch::Receiver<bool>) -> u64 {
        let mut pictures = interval(PICTURE_EVERY);
        pictures.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut sequence, mut picture, mut sent, mut has_counted) = (1_u64, 0_u32, 0, false);
        loop {
            let due = self.drain();
            tokio::select! {
                () = self.receive(due) => {}
                _ = pictures.tick() => {
                    picture = picture.wrapping_add(1);
                    self.send_picture(&mut sequence, picture.wrapping_mul(3_600));
                    if has_counted { sent += self.packets as u64; }
                }
                Ok(()) = counts.changed() => {
                    if has_counted { return sent; }
                    has_counted = true;
                }
            }
        }
    }

    fn send_picture(&mut self, sequence: &mut u64, time: u32) {
        let mid = self.mid.expect("a track");
        let payload_type = self.rtc.media(mid).expect("a medium").remote_pts()[0];
        for number in 0..self.packets {
            let mut payload = vec![0; BYTES];
            // The head of VP8: its first packet begins a picture, each of which is a keyframe.
            payload[0] = if number == 0 { 0x10 } else { 0 };
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(mid, None).expect("a stream");
            let write = RtpWrite::new(payload_type, (*sequence).into(), time, Instant::now(), payload);
            stream.write_rtp(write.marker(number + 1 == self.packets).nackable(true));
            *sequence += 1;
        }
        self.pass_time();
    }

    /// Receives; returns how many packets came while `counts` was true, when it is false again.
    pub async fn play(mut self, mut counts: watch::Receiver<bool>) -> u64 {
        let mut begun = None;
        loop {
            let due = self.drain();
            tokio::select! {
                () = self.receive(due) => {}
                Ok(()) = counts.changed() => match begun {
                    Some(begun) => return self.received - begun,
                    None => begun = Some(self.received),
                },
            }
        }
    }

    /// Does all that is due; the answer is when there will be more.
    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().expect("a session") {
                Output::Timeout(due) => return due,
                // What the system has no room for is lost, as in a network.
                Output::Transmit(transmit) => {
                    drop(self.socket.try_send_to(&transmit.contents, transmit.destination));
                }
                Output::Event(Event::Connected) => self.is_connected = true,
                Output::Event(Event::RtpPacket(packet)) => self.received += u64::from(!packet.payload.is_empty()),
                Output::Event(_) => {}
            }
        }
    }

    async fn receive(&mut self, due: Instant) {
        tokio::select! {
            readable = self.socket.readable() => readable.expect("a socket"),
            () = sleep_until(due.into()) => return self.pass_time(),
        }
        let mut buffer = [0; 2_048];
        while let Ok((length, source)) = self.socket.try_recv_from(&mut buffer) {
            let Ok(contents) = DatagramRecv::try_from(&buffer[..length]) else {
                continue;
            };
            let receive = Receive {
                proto: Protocol::Udp,
                source,
                destination: self.local,
                contents,
            };
            // What comes after the end of something is for nobody.
            let _ = self.rtc.handle_input(Input::Receive(Instant::now(), receive));
            self.drain();
        }
    }

    fn pass_time(&mut self) {
        self.rtc
            .handle_input(Input::Timeout(Instant::now()))
            .expect("a session");
    }
}
