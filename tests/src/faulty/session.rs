//! A publisher's session of RTSP, up to the packets.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use super::Fault;
use super::clip::{Clip, PPS, RATE, SPS, kind};
use crate::publisher::Transport;

pub(super) struct Session {
    write: OwnedWriteHalf,
    url: String,
    sequence: u32,
    session: String,
    /// For each track the sockets of RTP and RTCP, and the server's first port; none where packets are interleaved.
    sockets: Vec<([UdpSocket; 2], u16)>,
    /// Reads what the server says, so that it can say more.
    heard: Option<JoinHandle<()>>,
}

impl Session {
    /// # Panics
    /// When the server refuses anything.
    pub(super) async fn open(url: &str, clip: &Clip, transport: Transport, fault: Fault) -> Self {
        let address = url.trim_start_matches("rtsp://").split('/').next().expect("a host");
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        let (read, write) = stream.into_split();
        let mut read = BufReader::new(read);
        let mut session = Self {
            write,
            url: url.to_owned(),
            sequence: 0,
            session: String::new(),
            sockets: Vec::new(),
            heard: None,
        };
        session
            .ask(&mut read, "ANNOUNCE", "", "", &description(clip, fault))
            .await;
        for track in 0..2 {
            let mut headers = match transport {
                Transport::Tcp => {
                    let (rtp, rtcp) = (2 * track, 2 * track + 1);
                    format!("Transport: RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp};mode=record\r\n")
                }
                Transport::Udp => {
                    let (sockets, port) = pair().await;
                    session.sockets.push((sockets, 0));
                    format!(
                        "Transport: RTP/AVP;unicast;client_port={port}-{};mode=record\r\n",
                        port + 1
                    )
                }
            };
            if fault == Fault::Description && track == 0 {
                headers.push_str("Session: null\r\n");
            }
            let answer = session
                .ask(&mut read, "SETUP", &format!("/trackID={track}"), &headers, "")
                .await;
            if let Some((_, server)) = session.sockets.last_mut() {
                let port = answer
                    .split("server_port=")
                    .nth(1)
                    .and_then(|rest| rest.split('-').next());
                *server = port.expect("the server's ports").parse().expect("a port");
            }
        }
        session.ask(&mut read, "RECORD", "", "Range: npt=0.000-\r\n", "").await;
        session.heard = Some(tokio::spawn(async move {
            let mut heard = [0; 4096];
            while read.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {}
        }));
        session
    }

    async fn ask(
        &mut self,
        read: &mut BufReader<OwnedReadHalf>,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> String {
        self.write(method, path, headers, body).await;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let bytes = read.read_line(&mut head).await.expect("an answer");
            assert!(bytes > 0, "the server hangs up at {method}: {head}");
        }
        assert!(head.starts_with("RTSP/1.0 200 "), "{method}: {head}");
        let session = head
            .lines()
            .find_map(|line| line.strip_prefix("Session: "))
            .and_then(|session| session.split(';').next());
        if let Some(session) = session {
            self.session = format!("Session: {session}\r\n");
        }
        head
    }

    async fn write(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        self.sequence += 1;
        let (url, sequence, session) = (&self.url, self.sequence, &self.session);
        let length = body.len();
        let request = format!(
            "{method} {url}{path} RTSP/1.0\r\nCSeq: {sequence}\r\n{session}{headers}Content-Type: application/sdp\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.write.write_all(request.as_bytes()).await.expect("it is taken");
    }

    /// A packet of a track's RTP or RTCP.
    pub(super) async fn send(&mut self, track: usize, is_rtcp: bool, packet: &[u8]) {
        let flow = usize::from(is_rtcp);
        if let Some((sockets, port)) = self.sockets.get(track) {
            let to = ("127.0.0.1", port + u16::from(is_rtcp));
            sockets[flow].send_to(packet, to).await.expect("a datagram");
        } else {
            let channel = u8::try_from(2 * track + flow).expect("a channel");
            let length = u16::try_from(packet.len()).expect("a packet").to_be_bytes();
            let framed = [&[b'$', channel, length[0], length[1]][..], packet].concat();
            self.write.write_all(&framed).await.expect("the server reads on");
        }
    }

    pub(super) async fn end(mut self) {
        self.write("TEARDOWN", "", "", "").await;
        if let Some(heard) = self.heard.take() {
            heard.await.expect("it is read to the end");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(heard) = &self.heard {
            heard.abort();
        }
    }
}

/// Two sockets with ports that follow one another, and the first of these.
async fn pair() -> ([UdpSocket; 2], u16) {
    loop {
        let first = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let port = first.local_addr().expect("an address").port();
        if port.is_multiple_of(2)
            && let Ok(second) = UdpSocket::bind(("127.0.0.1", port + 1)).await
        {
            return ([first, second], port);
        }
    }
}

fn description(clip: &Clip, fault: Fault) -> String {
    let is_odd = fault == Fault::Description;
    let (odd, right) = match is_odd {
        true => ("o=Camera 1 2 IN IP4\r\ns=x\r\nc=IN\r\nt=0 0.0\r\n", "rtp/avp"),
        false => (
            "o=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n",
            "RTP/AVP",
        ),
    };
    let sets = clip.pictures[0].iter().filter(|nal| matches!(kind(nal), SPS | PPS));
    let sets: Vec<_> = sets.map(|nal| STANDARD.encode(nal)).collect();
    let sets = match is_odd {
        true => String::new(),
        false => format!(";sprop-parameter-sets={}", sets.join(",")),
    };
    let [high, low] = clip.config;
    let mode = if is_odd { "" } else { ";mode=AAC-hbr" };
    let mut sdp = format!("v=0\r\n{odd}m=video 0 {right} 96\r\n");
    if is_odd {
        sdp.push_str("b=AS:1.5\r\n");
    }
    write!(
        sdp,
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1{sets}\r\na=control:trackID=0\r\n\
         m=audio 0 {right} 97\r\na=rtpmap:97 MPEG4-GENERIC/{RATE}/1\r\na=fmtp:97 streamtype=5;profile-level-id=1{mode};\
         sizelength=13;indexlength=3;indexdeltalength=3;config={high:02x}{low:02x}\r\na=control:trackID=1\r\n"
    )
    .expect("a text");
    if is_odd {
        sdp.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=control:trackID=9\r\n");
    }
    sdp
}
