//! A node's end of its line: hello, questions and answers both ways, pings. When the line breaks, another one is opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use protocol::line::{
    Beat, EdgeAnswer, EdgeAsk, FromEdge, FromNode, Identity, NODE_PARAMETER, NodeAnswer, NodeAsk, NodeHello, PATH,
    PING, PONG,
};
use protocol::{
    ChannelLease, ChannelNews, Heartbeat, Joined, JoinedFile, PlaybackState, Refusal, Report, ReportAnswer, Roster,
};
use reqwest::header::AUTHORIZATION;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use url::Url;

use super::{CALL_LIMIT, Shared};

const PING_EVERY: Duration = Duration::from_secs(2);
/// Between two tries to open a line.
const PAUSE: Duration = Duration::from_millis(250);
/// For the edge to tell many channels at once, each of which is an object that begins.
const TELL_LIMIT: Duration = Duration::from_secs(60);

/// The line of a fake node, which may be broken at any moment.
pub struct Lined {
    edge: Url,
    token: String,
    state: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// What is sent over the line that is open.
    outgoing: Option<mpsc::UnboundedSender<String>>,
    /// How many lines have been opened.
    lines: u64,
    /// Whether this one has a lease, so that only what has changed is reported.
    has_lease: bool,
    newest: u64,
    asked: HashMap<u64, oneshot::Sender<EdgeAnswer>>,
    refusal: Option<Refusal>,
}

impl Lined {
    pub(super) fn to(edge: &str, token: &str) -> Self {
        Self {
            edge: edge.parse().expect("a URL"),
            token: token.to_owned(),
            state: Mutex::default(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().outgoing.is_some()
    }

    /// The number of the line that is open, if it has a lease.
    pub(super) fn lease(&self) -> Option<u64> {
        let open = self.lock();
        (open.outgoing.is_some() && open.has_lease).then_some(open.lines)
    }

    pub(super) fn refusal(&self) -> Option<String> {
        self.lock().refusal.as_ref().map(|refusal| refusal.reason.clone())
    }

    pub(super) async fn beat(&self, heartbeat: Heartbeat) {
        let Heartbeat {
            load,
            draining,
            spool_full,
            threads,
            recordings,
            ..
        } = heartbeat;
        let beat = Beat {
            load,
            draining,
            spool_full,
            threads,
            recordings,
        };
        self.ask(NodeAsk::Beat(beat)).await;
    }

    pub(super) async fn report(&self, report: &Report) -> Option<ReportAnswer> {
        match self.ask(NodeAsk::Report(Box::new(report.clone()))).await? {
            EdgeAnswer::Report(answer) => Some(*answer),
            _ => None,
        }
    }

    pub(super) async fn tell(&self, news: ChannelNews) -> Option<ChannelLease> {
        match self.ask_within(TELL_LIMIT, NodeAsk::Channels(news)).await? {
            EdgeAnswer::Channels(lease) => Some(lease),
            _ => None,
        }
    }

    /// The edge's answer; `None` when there is no line, or it breaks, or the edge takes too long.
    async fn ask(&self, ask: NodeAsk) -> Option<EdgeAnswer> {
        self.ask_within(CALL_LIMIT, ask).await
    }

    async fn ask_within(&self, limit: Duration, ask: NodeAsk) -> Option<EdgeAnswer> {
        let (answering, answer) = oneshot::channel();
        {
            let mut open = self.lock();
            open.newest += 1;
            let id = open.newest;
            let text = FromNode::Ask { id, ask }
                .text()
                .expect("a message that the line carries");
            open.outgoing.as_ref()?.send(text).ok()?;
            open.asked.insert(id, answering);
        }
        tokio::time::timeout(limit, answer).await.ok()?.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.state.lock().expect("no panic holds it")
    }

    async fn connect(&self, node_id: &str) -> Option<WebSocketStream<TcpStream>> {
        let mut url = self.edge.join(PATH).expect("a URL");
        url.query_pairs_mut().append_pair(NODE_PARAMETER, node_id);
        let address = url.socket_addrs(|| None).expect("an address")[0];
        url.set_scheme("ws").expect("another scheme");
        let mut request = url.as_str().into_client_request().expect("a request");
        let token = format!("Bearer {}", self.token).parse().expect("a header's value");
        request.headers_mut().insert(AUTHORIZATION, token);
        let socket = TcpStream::connect(address).await.ok()?;
        let opened = tokio_tungstenite::client_async(request, socket).await;
        opened.ok().map(|(socket, _)| socket)
    }
}

pub(super) async fn keep(shared: Arc<Shared>) {
    let super::Way::Line(lined) = &shared.way else {
        return;
    };
    loop {
        if let Some(socket) = lined.connect(&shared.id).await {
            run(socket, lined, &shared).await;
            let mut open = lined.lock();
            open.outgoing = None;
            open.asked.clear();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Runs until the line breaks, or is refused.
async fn run(mut socket: WebSocketStream<TcpStream>, lined: &Lined, shared: &Arc<Shared>) {
    let hello = FromNode::Hello(NodeHello {
        versions: shared.traits.versions,
        node: identity(shared),
    });
    let text = hello.text().expect("a hello that the line carries");
    if socket.send(Message::text(text)).await.is_err() {
        return;
    }
    let (outgoing, mut queue) = mpsc::unbounded_channel();
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut is_pinged = false;
    loop {
        let text = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) if text == PONG => {
                    is_pinged = false;
                    continue;
                }
                Some(Ok(Message::Text(text))) => {
                    hear(&text, lined, shared, &outgoing);
                    continue;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            Some(text) = queue.recv() => text,
            // No ping is sent before the last one is answered.
            _ = ping.tick(), if !is_pinged => {
                is_pinged = true;
                PING.to_owned()
            }
        };
        if socket.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

fn identity(shared: &Shared) -> Identity {
    let heartbeat = shared.heartbeat();
    Identity {
        node_id: heartbeat.node_id,
        region: heartbeat.region,
        version: heartbeat.version,
        capacity: heartbeat.capacity,
        url: heartbeat.url,
        started_ms: None,
    }
}

fn hear(text: &str, lined: &Lined, shared: &Arc<Shared>, outgoing: &mpsc::UnboundedSender<String>) {
    let message = serde_json::from_str(text).unwrap_or_else(|error| panic!("no message, {error}: {text}"));
    match message {
        FromEdge::Hello(hello) => {
            let mut open = lined.lock();
            open.outgoing = Some(outgoing.clone());
            open.lines += 1;
            open.has_lease = hello.lease_ms.is_some();
            open.refusal = None;
        }
        FromEdge::Refused(refusal) => lined.lock().refusal = Some(refusal),
        FromEdge::Answer { id, answer } => {
            // Who asked may have given it up.
            let asked = lined.lock().asked.remove(&id);
            let _ = asked.map(|asked| asked.send(answer));
        }
        FromEdge::Ask { id, ask } => {
            let (shared, outgoing) = (Arc::clone(shared), outgoing.clone());
            tokio::spawn(async move {
                let answer = answer(&shared, ask).await;
                let text = FromNode::Answer { id, answer }.text();
                let _ = outgoing.send(text.expect("a message that the line carries"));
            });
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.expect("a clock behind 1970").as_millis()).expect("a present time")
}

async fn answer(shared: &Shared, ask: EdgeAsk) -> NodeAnswer {
    let report = match ask {
        EdgeAsk::Job(job) => shared.take(*job).await,
        EdgeAsk::Desired(desire) => shared.follow(&desire.sid, &desire.desired),
        EdgeAsk::Roster(_) => return NodeAnswer::Roster(Roster::default()),
        EdgeAsk::Elsewhere(_) => return NodeAnswer::Noted,
        EdgeAsk::Live(_) => return NodeAnswer::Live(Vec::new()),
        EdgeAsk::Remove(_) => return NodeAnswer::Removed(0),
        EdgeAsk::Rtc(_) | EdgeAsk::Room(_) => {
            return NodeAnswer::Refused(Refusal::internal("this node serves no WebRTC"));
        }
        EdgeAsk::Join(_) => return NodeAnswer::Refused(Refusal::internal("this node joins nothing")),
        EdgeAsk::Import(_) if shared.traits.files => {
            let file = JoinedFile {
                bytes: 1_000,
                duration_ms: 1_000,
                md5: "0123456789abcdef0123456789abcdef".to_owned(),
            };
            return NodeAnswer::Joined(Box::new(Joined::Done(file)));
        }
        EdgeAsk::Import(_) => return NodeAnswer::Refused(Refusal::internal("this node imports nothing")),
        EdgeAsk::Playback(playback) => {
            let state = match playback.is_over {
                true => PlaybackState::Over,
                false => PlaybackState::Plays {
                    starts_ms: playback.starts_ms.unwrap_or_else(now_ms),
                },
            };
            return NodeAnswer::Playback(Box::new(state));
        }
    };
    NodeAnswer::Report(Box::new(report))
}
