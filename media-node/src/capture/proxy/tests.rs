use bytes::{Bytes, BytesMut};
use protocol::Secret;
use rtsp_types::headers::{AUTHORIZATION, CSEQ, SESSION, TRANSPORT, USER_AGENT};
use rtsp_types::{Method, Request, Response, StatusCode, Version};
use tokio_util::codec::Decoder;
use url::Url;

use super::address::Address;
use super::exchange::{Exchange, Over, Ports};
use super::login::Login;
use super::track::Out;
use crate::hub::{Flow, LeftOut};
use crate::rtsp::wire::{Incoming, Wire};

const PORT: u16 = 4711;
const SDP: &[u8] =
    b"v=0\r\no=camera\r\ns=\r\nc=IN IP4\r\nt=now\r\nb=AS:many\r\nm=video 0 rtp/avp 96\r\na=rtpmap:96 H264/90000\r\n\
    a=control:trackID=1\r\nm=application 0 TCP/XY 99\r\n";

/// The even ports that can be had, the next one last.
struct Free(Vec<u16>);

impl Ports for Free {
    fn open(&mut self) -> Option<u16> {
        self.0.pop()
    }
}

struct Between {
    exchange: Exchange,
    ports: Free,
    out: Out,
    sequence: u32,
}

impl Between {
    fn new(login: Option<Login>) -> Self {
        let address = Address::parse(&Url::parse("rtsp://cam:8554/live?channel=1").unwrap()).unwrap();
        Self {
            exchange: Exchange::new(&address, PORT, "key".to_owned(), login),
            ports: Free(vec![5002, 5000]),
            out: Out::default(),
            sequence: 100,
        }
    }

    /// The client's request as the source sees it.
    fn ask(&mut self, method: Method, path: &str, transport: Option<&str>) -> Request<Vec<u8>> {
        self.sequence += 1;
        let url = Url::parse(&format!("rtsp://127.0.0.1:{PORT}{path}")).unwrap();
        let mut request = Request::builder(method, Version::V1_0)
            .request_uri(url)
            .header(CSEQ, self.sequence.to_string())
            .header(SESSION, "1")
            .header(USER_AGENT, "key");
        if let Some(transport) = transport {
            request = request.header(TRANSPORT, transport);
        }
        let request = request.build(Vec::new());
        self.exchange.request(request, &mut self.ports, &mut self.out).unwrap();
        self.asked()
    }

    fn asked(&mut self) -> Request<Vec<u8>> {
        match decode(&mut self.out.source).pop() {
            Some(Incoming::Request(request)) => *request,
            other => panic!("{other:?}"),
        }
    }

    /// What the client gets when the source sends this.
    fn answer(&mut self, bytes: &[u8]) -> Vec<Incoming> {
        for incoming in decode(&mut BytesMut::from(bytes)) {
            self.exchange
                .incoming(incoming, &mut self.ports, 0, &mut self.out)
                .unwrap();
        }
        decode(&mut self.out.client)
    }

    fn answer_once(&mut self, bytes: &[u8]) -> Response<Vec<u8>> {
        match self.answer(bytes).pop() {
            Some(Incoming::Response(response)) => *response,
            other => panic!("{other:?}"),
        }
    }
}

fn decode(bytes: &mut BytesMut) -> Vec<Incoming> {
    let mut wire = Wire::default();
    std::iter::from_fn(|| wire.decode(bytes).unwrap()).collect()
}

fn header<'a>(response: &'a Response<Vec<u8>>, name: &rtsp_types::HeaderName) -> &'a str {
    response.header(name).unwrap().as_str()
}

fn rtp(channel: u8, ssrc: u8, sequence: u8) -> Vec<u8> {
    vec![
        b'$', channel, 0, 13, 0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, ssrc, sequence,
    ]
}

/// Channels, sources and sequence numbers.
fn packets(got: &[Incoming]) -> Vec<(u8, u8, u8)> {
    let packet = |incoming: &Incoming| match incoming {
        Incoming::Interleaved { channel, payload } => Some((*channel, payload[11], payload[3])),
        _ => None,
    };
    got.iter().filter_map(packet).collect()
}

#[test]
fn a_source_that_keeps_few_rules_is_understood() {
    let mut between = Between::new(None);
    let asked = between.ask(Method::Describe, "/live?channel=1", None);
    assert_eq!(asked.request_uri().unwrap().as_str(), "rtsp://cam:8554/live?channel=1");
    assert_eq!(asked.header(&USER_AGENT).unwrap().as_str(), "Tapedeck");
    assert_eq!(asked.header(&SESSION), None, "the source has named none");
    // Without CSeq, and with a session that is none.
    let head = format!(
        "RTSP/1.0 200 OK\r\nSession: null\r\nContent-Length: {}\r\n\r\n",
        SDP.len()
    );
    let described = between.answer_once(&[head.as_bytes(), SDP].concat());
    assert_eq!(header(&described, &CSEQ), "101");
    let sdp = String::from_utf8_lossy(described.body()).into_owned();
    assert!(
        sdp.contains("m=video 0 RTP/AVP 96\r\n") && !sdp.contains("application"),
        "{sdp}"
    );
    assert!(sdp_types::Session::parse(described.body()).is_ok(), "{sdp}");

    let asked = between.ask(
        Method::Setup,
        "/live?channel=1/trackID=1",
        Some("RTP/AVP/TCP;unicast;interleaved=0-1"),
    );
    assert_eq!(
        asked.request_uri().unwrap().as_str(),
        "rtsp://cam:8554/live?channel=1/trackID=1"
    );
    let set_up = between.answer_once(
        b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 55AA;timeout=0\r\nTransport: RTP/AVP/TCP;interleaved=6-7;ssrc=zz\r\n\r\n",
    );
    assert_eq!(header(&set_up, &SESSION), "1;timeout=60");
    assert_eq!(header(&set_up, &TRANSPORT), "RTP/AVP/TCP;unicast;interleaved=0-1");

    let asked = between.ask(Method::Play, "/live?channel=1", None);
    assert_eq!(asked.header(&SESSION).unwrap().as_str(), "55AA");
    let answer = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 55AA\r\nRTP-Info: url=:::;seq=-1\r\n\r\n";
    let got = between.answer(&[&rtp(6, 9, 1)[..], answer, &rtp(6, 9, 2)].concat());
    assert!(matches!(&got[0], Incoming::Response(response) if response.status() == StatusCode::Ok));
    assert_eq!(
        packets(&got),
        [(0, 9, 1), (0, 9, 2)],
        "media before the answer waits for it"
    );

    let kept_alive = {
        between.ask(Method::GetParameter, "/live?channel=1", None);
        between.answer_once(b"RTSP/1.0 405 Method Not Allowed\r\nCSeq: 4\r\n\r\n")
    };
    assert_eq!(kept_alive.status(), StatusCode::Ok, "it was heard, and that is enough");
}

fn playing() -> Between {
    let mut between = Between::new(None);
    between.ask(Method::Setup, "/live/1", Some("RTP/AVP/TCP;unicast;interleaved=0-1"));
    between.answer(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    between.ask(Method::Play, "/live", None);
    between.answer(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n");
    between
}

#[test]
fn the_client_sees_clean_packets_of_one_source() {
    let mut between = playing();
    let sent = [(1, 9), (3, 9), (2, 9), (2, 9), (4, 8), (5, 8), (6, 8)].map(|(sequence, ssrc)| rtp(0, ssrc, sequence));
    let rubbish = [b'$', 0, 0, 2, 1, 2, b'$', 1, 0, 4, 0x80, 200, 0, 6, b'$', 5, 0, 1, 7];
    let mut got = between.answer(&[sent.concat(), rubbish.to_vec()].concat());
    let told = got.pop();
    assert!(
        matches!(&told, Some(Incoming::Interleaved { channel: 1, payload }) if LeftOut::read(payload) == Some(LeftOut::NoRtp)),
        "that something is left out is told"
    );
    assert_eq!(packets(&got), [1, 2, 3, 4, 5, 6].map(|sequence| (0, 9, sequence)));
    between.answer(&rtp(0, 8, 8));
    between.exchange.release(200, &mut between.out);
    let late = decode(&mut between.out.client);
    assert_eq!(packets(&late), [(0, 9, 8)], "what is lost is not waited for");
}

#[test]
fn a_source_that_listens_is_asked_for_keyframes_in_the_way_that_its_packets_take() {
    for by_datagrams in [false, true] {
        let mut between = Between::new(None);
        between.ask(Method::Describe, "/live?channel=1", None);
        let head = format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: {}\r\n\r\n", SDP.len());
        between.answer(&[head.as_bytes(), SDP].concat());
        between.ask(Method::Setup, "/live?channel=1/trackID=1", Some(BY_CHANNELS[0]));
        if by_datagrams {
            between.answer(b"RTSP/1.0 461 Unsupported Transport\r\nCSeq: 2\r\n\r\n");
            between.asked();
            between.answer(b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;server_port=9000-9001\r\n\r\n");
        } else {
            between.answer(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;interleaved=6-7\r\n\r\n");
        }
        between.ask(Method::Play, "/live?channel=1", None);
        let played = if by_datagrams { 4 } else { 3 };
        between.answer(format!("RTSP/1.0 200 OK\r\nCSeq: {played}\r\n\r\n").as_bytes());
        let mut report = [0; 28];
        report[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, 9]);
        let packet = |flow, sequence| match flow {
            Flow::Rtp => Bytes::copy_from_slice(&rtp(0, 9, sequence)[4..]),
            Flow::Rtcp => Bytes::copy_from_slice(&report),
        };
        for (flow, sequence, now_ms) in [
            (Flow::Rtp, 1, 0),
            (Flow::Rtcp, 0, 10),
            (Flow::Rtp, 2, 20),
            (Flow::Rtp, 4, 2_000),
            (Flow::Rtp, 5, 2_200),
        ] {
            let payload = packet(flow, sequence);
            if by_datagrams {
                between.exchange.datagram(0, flow, payload, now_ms, &mut between.out);
            } else {
                let channel = if flow == Flow::Rtp { 6 } else { 7 };
                let incoming = Incoming::Interleaved { channel, payload };
                let (exchange, ports, out) = (&mut between.exchange, &mut between.ports, &mut between.out);
                exchange.incoming(incoming, ports, now_ms, out).unwrap();
            }
        }
        // Whoever makes pictures of them has left some out.
        between.exchange.want_keyframe(4_000, &mut between.out);
        let told: Vec<Vec<u8>> = match by_datagrams {
            true => between
                .out
                .reports
                .drain(..)
                .map(|(pair, told)| [vec![pair as u8], told].concat())
                .collect(),
            false => decode(&mut between.out.source)
                .into_iter()
                .map(|incoming| match incoming {
                    Incoming::Interleaved { channel, payload } => [vec![channel], payload.to_vec()].concat(),
                    other => panic!("{other:?}"),
                })
                .collect(),
        };
        let wishes = told.iter().filter(|told| crate::hub::rtp::wants_keyframe(&told[1..]));
        assert_eq!(
            wishes.count(),
            3,
            "at the beginning, behind what is lost, and for the client: {told:?}"
        );
        assert!(
            told.iter().all(|told| told[0] == if by_datagrams { 0 } else { 7 }),
            "{told:?}"
        );
    }
}

#[test]
fn a_source_that_asks_for_credentials_gets_them_and_the_client_hears_nothing_of_it() {
    let mut between = Between::new(Some(Login::new("admin".to_owned(), Secret::new("hunter2"))));
    let asked = between.ask(Method::Describe, "/live?channel=1", None);
    assert_eq!(asked.header(&AUTHORIZATION), None);
    let challenge = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"n1\"\r\n\
        WWW-Authenticate: Basic realm=\"cam\"\r\n\r\n";
    assert!(between.answer(challenge).is_empty());
    let again = between.asked();
    let authorization = again.header(&AUTHORIZATION).unwrap().as_str();
    assert!(
        authorization.starts_with("Digest username=\"admin\""),
        "{authorization}"
    );
    assert!(
        authorization.contains("uri=\"rtsp://cam:8554/live?channel=1\""),
        "{authorization}"
    );
    assert_eq!(
        between.answer_once(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n").status(),
        StatusCode::Ok
    );
    // A nonce may end in the middle of a session.
    between.ask(Method::Play, "/live?channel=1", None);
    let stale = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 3\r\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"n2\", stale=true\r\n\r\n";
    assert!(between.answer(stale).is_empty());
    assert!(
        between
            .asked()
            .header(&AUTHORIZATION)
            .unwrap()
            .as_str()
            .contains("nonce=\"n2\"")
    );
    // Wrong ones are asked for once.
    let refused =
        between.answer_once(b"RTSP/1.0 401 Unauthorized\r\nCSeq: 4\r\nWWW-Authenticate: Basic realm=\"c\"\r\n\r\n");
    assert_eq!(refused.status(), StatusCode::Unauthorized);
}

const BY_CHANNELS: [&str; 2] = [
    "RTP/AVP/TCP;unicast;interleaved=0-1",
    "RTP/AVP/TCP;unicast;interleaved=2-3",
];

#[test]
fn a_source_that_has_datagrams_only_gets_ports_and_the_client_channels() {
    let mut between = Between::new(None);
    between.ask(Method::Setup, "/live/1", Some(BY_CHANNELS[0]));
    let refused = between.answer(b"RTSP/1.0 461 Unsupported Transport\r\nCSeq: 1\r\n\r\n");
    assert!(refused.is_empty());
    let again = between.asked();
    let asked = again.header(&TRANSPORT).unwrap().as_str();
    assert_eq!(asked, "RTP/AVP;unicast;client_port=5000-5001");
    let answer = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 7\r\n\
        Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=9000-9001\r\n\r\n";
    let set_up = between.answer_once(answer);
    assert_eq!(
        (header(&set_up, &CSEQ), header(&set_up, &TRANSPORT)),
        ("101", BY_CHANNELS[0])
    );
    assert_eq!(between.out.met, [(0, (9000, 9001))]);
    // What it has refused once is not asked again.
    let asked = between.ask(Method::Setup, "/live/2", Some(BY_CHANNELS[1]));
    let asked = asked.header(&TRANSPORT).unwrap().as_str();
    assert_eq!(asked, "RTP/AVP;unicast;client_port=5002-5003");
    let answer = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7\r\nTransport: RTP/AVP;unicast\r\n\r\n";
    assert_eq!(header(&between.answer_once(answer), &TRANSPORT), BY_CHANNELS[1]);

    between.ask(Method::Play, "/live", None);
    let mut send = |pair, sequence| {
        let payload = Bytes::copy_from_slice(&rtp(0, 9, sequence)[4..]);
        between.exchange.datagram(pair, Flow::Rtp, payload, 0, &mut between.out);
    };
    send(0, 1);
    send(1, 50);
    let got = between.answer(b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n");
    assert_eq!(packets(&got), [(0, 9, 1), (2, 9, 50)], "behind the answer");
    for sequence in [3, 2, 2] {
        let payload = Bytes::copy_from_slice(&rtp(0, 9, sequence)[4..]);
        between.exchange.datagram(0, Flow::Rtp, payload, 0, &mut between.out);
    }
    assert_eq!(packets(&decode(&mut between.out.client)), [(0, 9, 2), (0, 9, 3)]);
}

#[test]
fn a_source_is_refused_as_it_refuses_when_there_are_no_ports() {
    let mut between = Between::new(None);
    between.ports.0.clear();
    between.ask(Method::Setup, "/live/1", Some(BY_CHANNELS[0]));
    let refused = between.answer_once(b"RTSP/1.0 461 Unsupported Transport\r\nCSeq: 1\r\n\r\n");
    assert_eq!(refused.status(), StatusCode::UnsupportedTransport);
}

#[test]
fn nobody_else_gets_the_stream() {
    let mut between = Between::new(None);
    let request = Request::builder(Method::Describe, Version::V1_0)
        .request_uri(Url::parse("rtsp://127.0.0.1:4711/live").unwrap())
        .header(USER_AGENT, "curl")
        .build(Vec::new());
    let asked = between.exchange.request(request, &mut between.ports, &mut between.out);
    assert_eq!(asked, Err(Over::Stranger));
    assert!(between.out.source.is_empty());
}

#[test]
fn a_source_may_ask_as_well() {
    let mut between = playing();
    assert!(between.answer(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n").is_empty());
    let Some(Incoming::Response(response)) = decode(&mut between.out.source).pop() else {
        panic!("no answer");
    };
    assert_eq!((response.status(), header(&response, &CSEQ)), (StatusCode::Ok, "7"));
    let goodbye = decode(&mut BytesMut::from(
        &b"TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 8\r\n\r\n"[..],
    ))
    .remove(0);
    let told = between
        .exchange
        .incoming(goodbye, &mut between.ports, 0, &mut between.out);
    assert_eq!(told, Err(Over::Source));
}

#[test]
fn what_comes_before_the_client_listens_is_bounded() {
    let mut between = Between::new(None);
    for bytes in std::iter::repeat_n(60_000, 40).chain(std::iter::repeat_n(0, 40_000)) {
        let payload = Bytes::from(vec![0; bytes]);
        let early = Incoming::Interleaved { channel: 0, payload };
        between
            .exchange
            .incoming(early, &mut between.ports, 0, &mut between.out)
            .unwrap();
    }
    assert!(between.exchange.early_bytes() <= 1 << 20);
}
