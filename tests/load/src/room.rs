//! A room with many peers: their sockets at the edge, their media at a node.
//!
//! usage: tapedeck-load room URL PEERS PUBLISHERS SUBSCRIBERS SECONDS PID PID
//! URL: the room's, for clients. The first peers publish, and the first ones subscribe to them all. PID: those of the edge and of the
//! node. Prints a line of JSON: how long it took to join, to connect, and until the first picture, in milliseconds, at the median and
//! for the slowest of 20; and what that and the time after it cost.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use str0m::media::Direction;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::node::HERE;
use crate::peer::Peer;
use crate::usage::usage;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Peers that come at a time.
const AT_ONCE: usize = 50;
/// Packets of a picture: with one each 40 ms, 440 kbit/s.
const PACKETS: usize = 2;
/// The code of the refusal, and how long the next try is waited for.
const THERE_ALREADY: u16 = 50_006;
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// That of a node which takes no connection at the moment.
const NO_ROOM_NOW: u16 = 50_018;
const ASK_NODE_AGAIN: Duration = Duration::from_secs(1);
const PING_EVERY: Duration = Duration::from_secs(5);

/// How a peer enters a room.
#[derive(Clone)]
pub struct Entry {
    /// The room's, for clients.
    pub url: String,
    pub name: String,
    /// Whether it sends a picture,
    pub publishes: bool,
    /// and how many it can receive,
    pub slots: usize,
    /// the first of which it waits for.
    pub waits: bool,
    /// Packets are counted while this is true.
    pub phases: watch::Receiver<bool>,
}

/// What has come of one peer. It is gone when this is dropped, without a word.
pub struct Entered {
    /// How long it took to join,
    pub joined: Duration,
    /// to have the connection by which it receives,
    pub connected: Option<Duration>,
    /// and to have the first picture.
    pub shown: Option<Duration>,
    sending: Option<JoinHandle<u64>>,
    receiving: Option<JoinHandle<u64>>,
    socket: JoinHandle<()>,
}

pub async fn run(words: &[String]) {
    let [url, numbers @ ..] = words else {
        panic!("usage: tapedeck-load room URL PEERS PUBLISHERS SUBSCRIBERS SECONDS PID PID");
    };
    let [peers, publishers, subscribers, seconds, edge, node] = numbers else {
        panic!("there are six numbers behind the URL");
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let (phase, phases) = watch::channel(false);
    let (publishers, subscribers) = (number(publishers), number(subscribers));
    let enter = |number: usize| {
        let others = publishers - usize::from(number < publishers);
        let entry = Entry {
            url: url.clone(),
            name: format!("p{number}"),
            publishes: number < publishers,
            slots: if number < subscribers { others } else { 0 },
            // The first has nobody to look at yet.
            waits: number > 0,
            phases: phases.clone(),
        };
        entry.enter()
    };
    let before = [usage(edge), usage(node)];
    let mut entered = Vec::new();
    let (began, peers) = (Instant::now(), number(peers));
    // A live room is entered after its master.
    entered.push(enter(0).await);
    while entered.len() < peers {
        let come = (entered.len()..peers).take(AT_ONCE).map(enter);
        entered.extend(futures_util::future::join_all(come).await);
    }
    let all_in = began.elapsed();
    let come = [usage(edge), usage(node)];
    phase.send_replace(true);
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(number(seconds) as u64)).await;
    phase.send_replace(false);
    let passed = began.elapsed().as_secs_f64();
    let after = [usage(edge), usage(node)];
    let times = |of: &dyn Fn(&Entered) -> Option<Duration>| slow(entered.iter().filter_map(of).collect());
    let told = json!({
        "peers": peers,
        "all_in_s": all_in.as_secs_f64(),
        "joined": times(&|peer| Some(peer.joined)),
        "connected": times(&|peer| peer.connected),
        "shown": times(&|peer| peer.shown),
        "edge_joining_s": come[0].cpu_s - before[0].cpu_s,
        "edge_cores": (after[0].cpu_s - come[0].cpu_s) / passed,
        "node_cores": (after[1].cpu_s - come[1].cpu_s) / passed,
        "edge_kb": after[0].resident_kb.saturating_sub(before[0].resident_kb),
        "node_kb": after[1].resident_kb.saturating_sub(before[1].resident_kb),
    });
    let (mut sent, mut received) = (0, 0);
    for mut peer in entered {
        if let Some(sending) = peer.sending.take() {
            sent += sending.await.expect("a publisher");
        }
        if let Some(receiving) = peer.receiving.take() {
            received += receiving.await.expect("a subscriber");
        }
    }
    let mut told = told;
    told["sent"] = json!(sent);
    told["received"] = json!(received);
    println!("{told}");
}

/// The median, and what all but the slowest of 20 stay below, in milliseconds.
fn slow(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 20).map(Duration::as_millis);
    json!([at(10), at(19)])
}

impl Entry {
    /// # Panics
    /// When the room does not let it in, or anything takes too long.
    pub async fn enter(self) -> Entered {
        let began = Instant::now();
        let mut socket = Socket::open(&self.url).await;
        socket.join(&self.name).await;
        let joined = began.elapsed();
        let mut sending = None;
        if self.publishes {
            let mut peer = Peer::new(HERE).await;
            peer.packets = PACKETS;
            let offer = peer.offer(Direction::SendOnly);
            let sources = json!({ peer.mid(): "camera" });
            let asked = json!({ "t": "publish", "sdp": offer, "sources": sources });
            peer.answered(&socket.answer(asked).await);
            peer.connected(LIMIT).await;
            sending = Some(tokio::spawn(peer.publish(self.phases.clone())));
        }
        let (mut connected, mut shown, mut receiving) = (None, None, None);
        if self.slots > 0 {
            let mut peer = self.subscribe(&mut socket).await;
            peer.connected(LIMIT).await;
            connected = Some(began.elapsed());
            if self.waits {
                peer.has_received(LIMIT).await;
                shown = Some(began.elapsed());
            }
            receiving = Some(tokio::spawn(peer.play(self.phases.clone())));
        }
        Entered {
            joined,
            connected,
            shown,
            sending,
            receiving,
            socket: tokio::spawn(socket.stay()),
        }
    }
}

impl Entry {
    /// A node that has too much to do at the moment is asked again, as clients do.
    async fn subscribe(&self, socket: &mut Socket) -> Peer {
        let began = Instant::now();
        loop {
            let mut peer = Peer::viewer(HERE).await;
            let offer = peer.offer_slots(self.slots);
            let answer = socket.try_asking(json!({ "t": "subscribe", "sdp": offer })).await;
            if let Some(sdp) = answer["sdp"].as_str() {
                peer.answered(sdp);
                return peer;
            }
            assert!(
                answer["code"] == json!(NO_ROOM_NOW) && began.elapsed() < LIMIT,
                "{answer}"
            );
            tokio::time::sleep(ASK_NODE_AGAIN).await;
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.socket.abort();
        for media in [self.sending.take(), self.receiving.take()].into_iter().flatten() {
            media.abort();
        }
    }
}

struct Socket {
    socket: WebSocketStream<TcpStream>,
    asked: u64,
}

impl Socket {
    async fn open(url: &str) -> Self {
        let rest = url.strip_prefix("ws://").expect("a URL of ws");
        let host = rest.split('/').next().expect("a host");
        let stream = TcpStream::connect(host).await.expect("the edge listens");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a socket");
        Self { socket, asked: 0 }
    }

    /// Who was there just now may have to wait until the room knows that they have gone.
    async fn join(&mut self, name: &str) {
        let began = Instant::now();
        loop {
            let answer = self.try_asking(json!({ "t": "join", "peerId": name })).await;
            if answer["code"] != json!(THERE_ALREADY) {
                assert_ne!(answer["t"], "err", "{answer}");
                return;
            }
            assert!(began.elapsed() < LIMIT, "{name} is there already");
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Says something, and returns what is answered to it.
    async fn ask(&mut self, frame: Value) -> Value {
        let answer = self.try_asking(frame).await;
        assert_ne!(answer["t"], "err", "{answer}");
        answer
    }

    async fn try_asking(&mut self, mut frame: Value) -> Value {
        self.asked += 1;
        frame["id"] = json!(self.asked);
        let said = self.socket.send(Message::text(frame.to_string())).await;
        said.expect("the socket is open");
        loop {
            let heard = tokio::time::timeout(LIMIT, self.socket.next()).await.expect("in time");
            let Some(Ok(Message::Text(text))) = heard else {
                panic!("the socket is closed: {heard:?}");
            };
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if frame["id"] == json!(self.asked) {
                return frame;
            }
        }
    }

    /// The description in the answer.
    async fn answer(&mut self, frame: Value) -> String {
        self.ask(frame).await["sdp"].as_str().expect("a description").to_owned()
    }

    /// Hears whatever comes.
    async fn stay(mut self) {
        let mut pings = interval(PING_EVERY);
        loop {
            tokio::select! {
                heard = self.socket.next() => if !matches!(heard, Some(Ok(_))) { return },
                _ = pings.tick() => if self.socket.send(Message::text("ping")).await.is_err() { return },
            }
        }
    }
}
