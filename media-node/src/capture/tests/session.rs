//! Sessions against a scripted RTSP source.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::Secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::capture::{CaptureRequest, open};
use crate::stream::{StreamEnd, StreamEvent, Track};

const VIDEO: &str = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:0\r\n\
    a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2QADazZQUGfnwEQAAADABAAAAMDwPFCmWA=,aOvjyyLA\r\n";
const SPEEX: &str = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 speex/16000\r\na=control:1\r\n";

/// What a source does.
#[derive(Clone, Default)]
struct Script {
    media: String,
    /// Pictures, and the bytes of each.
    pictures: usize,
    picture_bytes: usize,
    /// From one picture to the next.
    pause: Duration,
    /// Bytes behind each picture.
    spoils: Option<fn(usize) -> Vec<u8>>,
    /// Leaves the connection open behind the last picture.
    stays: bool,
    /// The value of the Authorization header that it asks for.
    authorization: Option<&'static str>,
    /// What it answers to DESCRIBE instead of a description.
    refusal: Option<&'static str>,
}

#[derive(Clone, Default)]
struct Source {
    url: String,
    /// Methods of the requests, with the path's last part.
    requests: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
}

impl Source {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rtsp://{}/app/channel/1?key=hunter2", listener.local_addr().unwrap());
        let source = Self { url, ..Self::default() };
        tokio::spawn(source.clone().serve(listener, script));
        source
    }

    async fn serve(self, listener: TcpListener, script: Script) {
        let (socket, _) = listener.accept().await.unwrap();
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut request: Vec<String> = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            if !line.is_empty() {
                request.push(line);
                continue;
            }
            let header = |name: &str| {
                let mut headers = request.iter().filter_map(|line| line.split_once(": "));
                headers
                    .find(|(n, _)| n.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_owned())
            };
            let method = request[0].split(' ').next().unwrap().to_owned();
            let path = request[0]
                .split(' ')
                .nth(1)
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned();
            self.requests.lock().unwrap().push(format!("{method} {path}"));
            let (status, headers, body) = match method.as_str() {
                _ if script.authorization.is_some() && header("authorization").as_deref() != script.authorization => (
                    "401 Unauthorized",
                    "WWW-Authenticate: Basic realm=\"r\"\r\n".to_owned(),
                    String::new(),
                ),
                "DESCRIBE" if script.refusal.is_some() => (script.refusal.unwrap(), String::new(), String::new()),
                "DESCRIBE" => {
                    let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{}", script.media);
                    ("200 OK", "Content-Type: application/sdp\r\n".to_owned(), sdp)
                }
                "SETUP" => (
                    "200 OK",
                    format!("Transport: {}\r\n", header("transport").unwrap()),
                    String::new(),
                ),
                _ => ("200 OK", String::new(), String::new()),
            };
            let (cseq, length) = (header("cseq").unwrap(), body.len());
            let answer = format!(
                "RTSP/1.0 {status}\r\nCSeq: {cseq}\r\nSession: 7\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
            );
            write.write_all(answer.as_bytes()).await.unwrap();
            if method == "PLAY" {
                for n in 0..script.pictures {
                    if n > 0 {
                        tokio::time::sleep(script.pause).await;
                    }
                    let spoils = script.spoils.map(|spoils| spoils(n)).unwrap_or_default();
                    let sent = [picture(n, script.picture_bytes), spoils].concat();
                    if write.write_all(&sent).await.is_err() {
                        return;
                    }
                    self.sent.store(n + 1, Ordering::SeqCst);
                }
                if !script.stays {
                    return;
                }
            }
            request.clear();
        }
    }

    /// As a camera.
    fn foreign(&self) -> CaptureRequest {
        CaptureRequest {
            foreign: true,
            ..self.request()
        }
    }

    fn request(&self) -> CaptureRequest {
        super::request(&self.url, Duration::from_millis(1500))
    }
}

/// An interleaved RTP packet with one picture, each tenth an IDR picture.
fn picture(n: usize, bytes: usize) -> Vec<u8> {
    let slice: [u8; 3] = if n.is_multiple_of(10) {
        [0x65, 0x88, 0x80]
    } else {
        [0x41, 0x9a, 0x20]
    };
    let rtp = [
        &[0x80, 0x80 | 96][..],
        &(n as u16).to_be_bytes(),
        &(n as u32 * 3000).to_be_bytes(),
        &[0, 0, 0, 9],
        &slice,
        &vec![7; bytes],
    ];
    let rtp = rtp.concat();
    [&[b'$', 0][..], &(rtp.len() as u16).to_be_bytes(), &rtp].concat()
}

async fn all(mut events: mpsc::Receiver<StreamEvent>) -> Vec<StreamEvent> {
    let mut all = Vec::new();
    let drained = timeout(Duration::from_secs(20), async {
        while let Some(event) = events.recv().await {
            all.push(event);
        }
    });
    drained.await.expect("the session ends");
    all
}

#[tokio::test]
async fn a_session_from_setup_to_the_publishers_leaving() {
    let media = format!("{SPEEX}{VIDEO}");
    let source = Source::start(Script {
        media,
        pictures: 25,
        ..Script::default()
    })
    .await;
    let events = all(open(source.request())).await;
    assert_eq!(events[0], StreamEvent::Unsupported(Track::Audio, "speex".to_owned()));
    assert!(matches!(events[1], StreamEvent::Format(Track::Video, _)));
    assert_eq!(
        events[2..]
            .iter()
            .filter(|e| matches!(e, StreamEvent::Unit(Track::Video, _)))
            .count(),
        25
    );
    assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Finished)));
    let requests = source.requests.lock().unwrap().clone();
    assert_eq!(
        requests.iter().filter(|request| request.starts_with("SETUP")).count(),
        1,
        "{requests:?}"
    );
}

/// An interleaved packet on a channel.
fn interleaved(channel: u8, packet: &[u8]) -> Vec<u8> {
    [&[b'$', channel][..], &(packet.len() as u16).to_be_bytes(), packet].concat()
}

#[tokio::test]
async fn a_bad_packet_is_left_out_and_the_session_goes_on() {
    type Spoils = fn(usize) -> Vec<u8>;
    let spoils: [(&str, Spoils); 5] = [
        ("each packet comes twice", |n| picture(n, 0)),
        ("padding of no length", |n| {
            let mut rtp = picture(n, 0).split_off(4);
            rtp[0] |= 0x20;
            rtp.push(0);
            interleaved(0, &rtp)
        }),
        ("no RTP", |_| interleaved(0, b"hello, world")),
        ("a report with bytes too many", |n| {
            let mut report = vec![0x80, 200, 0, 6, 0, 0, 0, 9];
            report.extend([0; 20]);
            report[15] = n as u8;
            report.extend([0; 4]);
            interleaved(1, &report)
        }),
        ("a report that says it is longer than it is", |_| {
            let mut report = vec![0x80, 200, 0, 14, 0, 0, 0, 9];
            report.extend([0; 20]);
            interleaved(1, &report)
        }),
    ];
    for (what, spoils) in spoils {
        let script = Script {
            media: VIDEO.to_owned(),
            pictures: 25,
            spoils: Some(spoils),
            ..Script::default()
        };
        let source = Source::start(script.clone()).await;
        let events = all(open(source.request())).await;
        assert_whole(&events, what);
        let source = Source::start(script).await;
        let events = all(open(source.foreign())).await;
        assert_whole(&events, what);
        assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Finished)), "{what}");
    }
}

/// All 25 pictures, and none lost.
fn assert_whole(events: &[StreamEvent], what: &str) {
    let units = events.iter().filter(|event| matches!(event, StreamEvent::Unit(..)));
    assert_eq!(units.count(), 25, "{what}: {events:?}");
    assert!(
        !events.iter().any(|event| matches!(event, StreamEvent::Lost(..))),
        "{what}"
    );
}

#[tokio::test]
async fn bytes_between_packets_of_a_camera_are_skipped() {
    let source = Source::start(Script {
        media: VIDEO.to_owned(),
        pictures: 25,
        spoils: Some(|n| vec![n as u8 & 0x0f; n]),
        ..Script::default()
    })
    .await;
    assert_whole(&all(open(source.foreign())).await, "bytes between packets");
}

#[tokio::test]
async fn another_source_on_the_same_track_is_opened_again() {
    let script = Script {
        media: VIDEO.to_owned(),
        pictures: 25,
        spoils: Some(|n| {
            let mut other = picture(n, 0);
            other[15] = 10;
            if n < 20 { Vec::new() } else { other.repeat(4) }
        }),
        stays: true,
        ..Script::default()
    };
    let source = Source::start(script.clone()).await;
    let events = all(open(source.foreign())).await;
    // Behind the proxy two sources in turn are one that counts anew.
    assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Silent)));
    let source = Source::start(script).await;
    let events = all(open(source.request())).await;
    let Some(StreamEvent::Ended(StreamEnd::Failed(reason))) = events.last() else {
        panic!("{:?}", events.last());
    };
    assert!(reason.contains("ssrc"), "{reason}");
}

#[tokio::test]
async fn a_source_that_falls_silent() {
    let source = Source::start(Script {
        media: VIDEO.to_owned(),
        pictures: 3,
        stays: true,
        ..Script::default()
    })
    .await;
    let events = all(open(source.request())).await;
    assert_eq!(events.len(), 5);
    assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Silent)));
}

#[tokio::test]
async fn a_source_that_is_slow_is_not_silent() {
    let source = Source::start(Script {
        media: VIDEO.to_owned(),
        pictures: 2,
        pause: Duration::from_secs(2),
        ..Script::default()
    })
    .await;
    let request = CaptureRequest {
        silence_timeout: Duration::from_secs(60),
        ..source.request()
    };
    assert!(request.first_media_timeout < Duration::from_secs(2));
    let events = all(open(request)).await;
    let pictures = events
        .iter()
        .filter(|event| matches!(event, StreamEvent::Unit(Track::Video, _)));
    assert_eq!(pictures.count(), 2);
    assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Finished)));
}

#[tokio::test]
async fn dropping_the_receiver_tears_the_session_down() {
    let source = Source::start(Script {
        media: VIDEO.to_owned(),
        pictures: 30,
        stays: true,
        ..Script::default()
    })
    .await;
    let mut events = open(source.request());
    assert!(events.recv().await.is_some());
    drop(events);
    let torn_down = timeout(Duration::from_secs(5), async {
        while !source
            .requests
            .lock()
            .unwrap()
            .iter()
            .any(|request| request.starts_with("TEARDOWN"))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    torn_down.await.expect("TEARDOWN");
}

#[tokio::test]
async fn nothing_that_can_be_recorded() {
    let source = Source::start(Script {
        media: SPEEX.to_owned(),
        ..Script::default()
    })
    .await;
    let events = all(open(source.request())).await;
    assert_eq!(events[0], StreamEvent::Unsupported(Track::Audio, "speex".to_owned()));
    let [_, StreamEvent::Ended(StreamEnd::Failed(reason))] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(reason.contains("speex") && !reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn credentials_are_used_and_their_lack_is_told() {
    // user:pass
    let script = Script {
        media: VIDEO.to_owned(),
        pictures: 1,
        ..Script::default()
    };
    let script = Script {
        authorization: Some("Basic dXNlcjpwYXNz"),
        ..script
    };
    let source = Source::start(script.clone()).await;
    let (username, password) = (Some("user".to_owned()), Some(Secret::new("pass")));
    let events = all(open(CaptureRequest {
        username,
        password,
        ..source.request()
    }))
    .await;
    assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Finished)));

    let source = Source::start(script.clone()).await;
    let url = source.url.replace("rtsp://", "rtsp://user:pass@").into();
    let events = all(open(CaptureRequest {
        url,
        ..source.request()
    }))
    .await;
    assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Finished)));

    let source = Source::start(script).await;
    let events = all(open(source.request())).await;
    let [StreamEvent::Ended(StreamEnd::Failed(reason))] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(
        reason.contains("credentials") && !reason.contains("hunter2"),
        "{reason}"
    );
}

#[tokio::test]
async fn no_reason_tells_the_path_in_which_a_camera_takes_its_password() {
    let script = Script {
        refusal: Some("500 no user=admin_password=hunter2 at rtsp://cam/user=admin_password=hunter2"),
        ..Script::default()
    };
    let source = Source::start(script).await;
    let url = source.url.replace("app/channel/1", "user=admin_password=hunter2");
    let request = CaptureRequest {
        url: url.into(),
        ..source.request()
    };
    assert!(!format!("{request:?}").contains("hunter2"), "{request:?}");
    let events = all(open(request)).await;
    let [StreamEvent::Ended(StreamEnd::Failed(reason))] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(reason.contains("DESCRIBE failed") && reason.contains("500"), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn a_slow_receiver_holds_the_source_back_and_loses_nothing() {
    const PICTURES: usize = 1500;
    let script = Script {
        media: VIDEO.to_owned(),
        pictures: PICTURES,
        picture_bytes: 60_000,
        ..Script::default()
    };
    let source = Source::start(script).await;
    let events = open(source.request());
    let mut sent = 0;
    loop {
        // Longer than the silence time-out: the receiver's slowness is not the source's silence.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = source.sent.load(Ordering::SeqCst);
        if now == sent && now > 0 {
            break;
        }
        sent = now;
    }
    assert!(sent < PICTURES, "the source is held back");
    let events = all(events).await;
    assert_eq!(
        events.iter().filter(|e| matches!(e, StreamEvent::Unit(..))).count(),
        PICTURES
    );
    assert!(!events.iter().any(|e| matches!(e, StreamEvent::Lost(..))));
    assert_eq!(events.last(), Some(&StreamEvent::Ended(StreamEnd::Finished)));
}

#[tokio::test]
async fn a_source_that_cannot_be_reached_or_does_not_answer() {
    let reason = async |url: String| {
        let request = CaptureRequest {
            url: url.into(),
            ..Source::default().request()
        };
        match &all(open(request)).await[..] {
            [StreamEvent::Ended(StreamEnd::Failed(reason))] => reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(
        reason(format!("rtsp://{address}/a")).await,
        "the source did not answer DESCRIBE within 5 s"
    );
    drop(listener);
    assert!(
        reason(format!("rtsp://{address}/a"))
            .await
            .starts_with("DESCRIBE failed: Unable to connect")
    );
    assert!(reason("http://127.0.0.1/a".to_owned()).await.contains("rtsp://"));
    assert!(reason("camera one".to_owned()).await.contains("cannot be read"));
}
