//! A bare RTSP client: it says what it is told to say.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::support::{Server, within};

/// One video track, named as FFmpeg names it.
pub(super) const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n";

pub(super) struct Client {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    cseq: u32,
    session: Option<String>,
    /// Interleaved packets that came before an answer.
    pub(super) packets: Vec<(u8, Vec<u8>)>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    /// By lower-case name.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

enum Heard {
    Packet(u8, Vec<u8>),
    Answer(Answer),
    End,
}

impl Client {
    pub(super) async fn connect(server: &Server) -> Self {
        let (read, write) = TcpStream::connect(server.addr).await.unwrap().into_split();
        Self {
            read: BufReader::new(read),
            write,
            cseq: 0,
            session: None,
            packets: Vec::new(),
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.write.write_all(bytes).await
    }

    pub(super) async fn ask(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.cseq += 1;
        let mut request = format!("{method} {url} RTSP/1.0\r\nCSeq: {}\r\n", self.cseq);
        if let Some(session) = &self.session {
            request += &format!("Session: {session}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        self.send(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
        let answer = loop {
            match within(method, self.hear()).await {
                Heard::Packet(channel, payload) => self.packets.push((channel, payload)),
                Heard::Answer(answer) => break answer,
                Heard::End => panic!("the server hung up on {method}"),
            }
        };
        assert_eq!(
            answer.headers.get("cseq").map(String::as_str),
            Some(self.cseq.to_string().as_str())
        );
        if method == "TEARDOWN" {
            self.session = None;
        } else if let Some(session) = answer.headers.get("session") {
            self.session = Some(session.split(';').next().unwrap().to_owned());
        }
        answer
    }

    pub(super) async fn publish(&mut self, url: &str) {
        assert_eq!(self.announce(url, SDP).await.status, 200);
        let transport = [("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")];
        assert_eq!(
            self.ask("SETUP", &format!("{url}/streamid=0"), &transport, "")
                .await
                .status,
            200
        );
        assert_eq!(self.ask("RECORD", url, &[], "").await.status, 200);
    }

    pub(super) async fn announce(&mut self, url: &str, sdp: &str) -> Answer {
        self.ask("ANNOUNCE", url, &[("Content-Type", "application/sdp")], sdp)
            .await
    }

    pub(super) async fn play(&mut self, url: &str, transport: &str) -> Answer {
        let set_up = self
            .ask("SETUP", &format!("{url}/trackID=0"), &[("Transport", transport)], "")
            .await;
        assert_eq!(set_up.status, 200);
        let played = self.ask("PLAY", url, &[], "").await;
        assert_eq!(played.status, 200);
        played
    }

    /// Sends an interleaved packet.
    pub(super) async fn packet(&mut self, channel: u8, payload: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        self.send(&[&[b'$', channel, length[0], length[1]], payload].concat())
            .await
    }

    /// The next interleaved packet; `None` at the end of the connection.
    pub(super) async fn next_packet(&mut self) -> Option<(u8, Vec<u8>)> {
        if !self.packets.is_empty() {
            return Some(self.packets.remove(0));
        }
        match within("a packet", self.hear()).await {
            Heard::Packet(channel, payload) => Some((channel, payload)),
            Heard::Answer(answer) => panic!("an unasked answer: {}", answer.status),
            Heard::End => None,
        }
    }

    /// Reads until the connection ends.
    pub(super) async fn end(&mut self) {
        let end = async { while !matches!(self.hear().await, Heard::End) {} };
        within("the end of the connection", end).await;
    }

    /// The status of an answer that was not asked for by [`Self::ask`].
    pub(super) async fn status(&mut self) -> u16 {
        match within("an answer", self.hear()).await {
            Heard::Answer(answer) => answer.status,
            Heard::Packet(..) | Heard::End => panic!("no answer"),
        }
    }

    /// Whether an answer comes rather than the end of the connection.
    pub(super) async fn answered(&mut self) -> bool {
        matches!(within("an answer", self.hear()).await, Heard::Answer(_))
    }

    async fn hear(&mut self) -> Heard {
        let Ok(first) = self.read.read_u8().await else {
            return Heard::End;
        };
        if first == b'$' {
            let (Ok(channel), Ok(length)) = (self.read.read_u8().await, self.read.read_u16().await) else {
                return Heard::End;
            };
            let mut payload = vec![0; usize::from(length)];
            return match self.read.read_exact(&mut payload).await {
                Ok(_) => Heard::Packet(channel, payload),
                Err(_) => Heard::End,
            };
        }
        let mut head = vec![first];
        while !head.ends_with(b"\r\n\r\n") {
            match self.read.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return Heard::End,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> = lines
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.read.read_exact(&mut body).await.unwrap();
        Heard::Answer(Answer {
            status,
            headers,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

/// An RTP packet of track 0 with this sequence number.
pub(super) fn rtp(sequence: u16, size: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 3_000).to_be_bytes());
    packet.resize(size.max(12), 0);
    packet
}

/// A sender report with this NTP second.
pub(super) fn sender_report(second: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 200, 0, 6, 0, 0, 0, 7];
    packet.extend(second.to_be_bytes());
    packet.resize(28, 0);
    packet
}
