use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use protocol::Refusal;
use protocol::line::{
    CLOSED_REFUSED, CLOSED_REPLACED, EdgeAnswer, EdgeHello, FromEdge, FromNode, Identity, NODE_LEASE, NodeAnswer,
    NodeAsk, NodeHello, PING, PONG, Unread, Versions,
};
use serde_json::from_str;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::answers::Answers;
use super::connect::LineError;
use super::lease::{Lease, Ping};
use super::pending::Pending;
use crate::agent::error::EdgeError;
use crate::clock::boot_ms;

/// How often the line is tried while nothing else is said.
const PING_EVERY: Duration = Duration::from_secs(2);
/// A line over which nothing has come for so long does not carry any more.
const SILENCE: Duration = Duration::from_secs(7);
/// How long the edge may take to say hello.
const HELLO_TIME: Duration = Duration::from_secs(10);
/// How long the edge may take to answer a question.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// Messages that wait to be sent. Whoever has another one waits until there is room.
const MAX_QUEUE: usize = 64;

/// A line that is open: both sides have said hello.
#[derive(Debug)]
pub(in crate::agent) struct Session {
    pending: Pending,
    outgoing: mpsc::Sender<String>,
    ping: Ping,
    /// `None` with an edge of a version in which each recording has a lease of its own.
    pub(in crate::agent) lease: Option<Lease>,
}

/// What is left to be done with a line: it carries as long as this runs.
pub(super) struct Running<S> {
    session: Arc<Session>,
    queue: mpsc::Receiver<String>,
    socket: WebSocketStream<S>,
    answers: Answers,
}

impl Session {
    fn ponged(&self) {
        if let (Some(sent_ms), Some(lease)) = (self.ping.answered(), &self.lease) {
            lease.renew(sent_ms);
        }
    }

    /// Asks the edge.
    pub(in crate::agent) async fn ask(&self, ask: NodeAsk) -> Result<EdgeAnswer, EdgeError> {
        let away = |reason: &str| EdgeError::Away {
            base: "the other end of its line".to_owned(),
            reason: reason.to_owned(),
        };
        let mut question = self.pending.ask();
        let id = question.id;
        let asked = async {
            let text = FromNode::Ask { id, ask }.text().map_err(EdgeError::refused)?;
            let sent = self.outgoing.send(text).await;
            sent.map_err(|_| away("the line has broken"))?;
            (&mut question.answer).await.map_err(|_| away("the line has broken"))
        };
        match timeout(ANSWER_TIME, asked).await {
            Ok(Ok(EdgeAnswer::Refused(refusal))) => Err(EdgeError::refused(refusal)),
            Ok(answer) => answer,
            Err(_) => Err(away("it has not answered in time")),
        }
    }
}

/// Says hello, and waits for the edge's. An error says why there is no line.
pub(super) async fn begin<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    node: Identity,
    answers: Answers,
) -> Result<(Arc<Session>, Running<S>), LineError> {
    let versions = Versions::OWN;
    let hello = FromNode::Hello(NodeHello { versions, node });
    // A lease counts from before the edge can have given it.
    let sent_ms = boot_ms();
    send(&mut socket, &hello).await?;
    let greeted = timeout(HELLO_TIME, greeting(&mut socket)).await;
    let theirs = greeted.unwrap_or_else(|_| Err(LineError::broken("the edge says no hello")))?;
    let version = match versions.agree(theirs.versions, "the edge") {
        Ok(version) => version,
        Err(refusal) => {
            let _ = send(&mut socket, &FromNode::Refused(refusal.clone())).await;
            return Err(LineError::Refused(refusal.reason));
        }
    };
    let length_ms = theirs.lease_ms.filter(|_| version >= NODE_LEASE);
    let (outgoing, queue) = mpsc::channel(MAX_QUEUE);
    let pending = Pending::default();
    let session = Arc::new(Session {
        pending,
        outgoing,
        ping: Ping::default(),
        lease: length_ms.map(|length_ms| Lease::new(length_ms, sent_ms)),
    });
    let running = Running {
        session: Arc::clone(&session),
        queue,
        socket,
        answers,
    };
    Ok((session, running))
}

async fn greeting<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> Result<EdgeHello, LineError> {
    while let Some(frame) = socket.next().await {
        match frame.map_err(LineError::broken)? {
            Message::Text(text) => match from_str(&text) {
                Ok(FromEdge::Hello(hello)) => return Ok(hello),
                Ok(FromEdge::Refused(refusal)) => return Err(LineError::Refused(refusal.reason)),
                // Nothing else is taken before the hello.
                Ok(_) | Err(_) => {}
            },
            Message::Close(frame) => return Err(closed(frame)),
            _ => {}
        }
    }
    Err(LineError::broken("the edge has closed it without a hello"))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Running<S> {
    /// Runs until the line breaks, and says why it has.
    pub(super) async fn run(self) -> LineError {
        let Self {
            session,
            queue,
            socket,
            answers,
        } = self;
        let (sink, stream) = socket.split();
        let (heard, silence) = watch::channel(Instant::now());
        let ended = tokio::select! {
            error = write(sink, queue, &session.ping) => error,
            error = read(stream, &session, &answers, &heard) => error,
            error = watch_silence(silence) => error,
        };
        session.pending.end();
        ended
    }
}

/// Sends what is queued, and pings.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    mut queue: mpsc::Receiver<String>,
    ping: &Ping,
) -> LineError {
    let mut pings = tokio::time::interval(PING_EVERY);
    // After a machine has slept, one ping is as good as many.
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let text = tokio::select! {
            text = queue.recv() => match text {
                Some(text) => text,
                None => return LineError::broken("nobody uses it any more"),
            },
            _ = pings.tick() => match ping.send(boot_ms()) {
                true => PING.to_owned(),
                false => continue,
            },
        };
        if let Err(error) = sink.send(Message::text(text)).await {
            return LineError::broken(error);
        }
    }
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: SplitStream<WebSocketStream<S>>,
    session: &Arc<Session>,
    answers: &Answers,
    heard: &watch::Sender<Instant>,
) -> LineError {
    while let Some(frame) = stream.next().await {
        heard.send_replace(Instant::now());
        match frame {
            Ok(Message::Text(text)) if text == PONG => session.ponged(),
            Ok(Message::Text(text)) => match from_str(&text) {
                Ok(FromEdge::Ask { id, ask }) => answer(id, ask, session, answers),
                Ok(FromEdge::Answer { id, answer }) => session.pending.answered(id, answer),
                Ok(FromEdge::Refused(refusal)) => return LineError::Refused(refusal.reason),
                Ok(FromEdge::Hello(_)) => {}
                Err(error) => unread(&text, &error, session),
            },
            Ok(Message::Close(frame)) => return closed(frame),
            Ok(_) => {}
            Err(error) => return LineError::broken(error),
        }
    }
    LineError::broken("the edge has closed it")
}

async fn watch_silence(mut heard: watch::Receiver<Instant>) -> LineError {
    loop {
        let until = *heard.borrow_and_update() + SILENCE;
        tokio::select! {
            // Who tells of it runs as long as this does.
            _ = heard.changed() => {}
            () = sleep_until(until) => return LineError::broken("the edge is silent"),
        }
    }
}

/// Answers a question of the edge in a task of its own: what it asks for is done even if nobody waits any more.
fn answer(id: u64, ask: protocol::line::EdgeAsk, session: &Arc<Session>, answers: &Answers) {
    let (outgoing, answers) = (session.outgoing.clone(), answers.clone());
    tokio::spawn(async move {
        let answer = match answers.turn() {
            Ok(_turn) => answers.answer(ask).await,
            Err(refusal) => NodeAnswer::Refused(refusal),
        };
        reply(&outgoing, id, answer).await;
    });
}

/// A message that this version does not know: whoever waits for something because of it is told.
fn unread(message: &str, error: &serde_json::Error, session: &Arc<Session>) {
    // What has no id is none.
    let Ok(unread) = from_str::<Unread>(message) else {
        return;
    };
    let refusal = Refusal::internal(format!("the node does not understand it: {error}"));
    if let Some(part) = unread.ask {
        let outgoing = session.outgoing.clone();
        tokio::spawn(async move { reply(&outgoing, part.id, NodeAnswer::Refused(refusal)).await });
    } else if let Some(part) = unread.answer {
        session.pending.answered(part.id, EdgeAnswer::Refused(refusal));
    }
}

/// A line that has broken needs no answer.
async fn reply(outgoing: &mpsc::Sender<String>, id: u64, answer: NodeAnswer) {
    let text = FromNode::Answer { id, answer }.text().or_else(|refusal| {
        let answer = NodeAnswer::Refused(refusal);
        FromNode::Answer { id, answer }.text()
    });
    if let Ok(text) = text {
        let _ = outgoing.send(text).await;
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    message: &FromNode,
) -> Result<(), LineError> {
    let text = message.text().map_err(|refusal| LineError::Refused(refusal.reason))?;
    socket.send(Message::text(text)).await.map_err(LineError::broken)
}

fn closed(frame: Option<CloseFrame>) -> LineError {
    let Some(CloseFrame { code, reason }) = frame else {
        return LineError::broken("the edge has closed it");
    };
    match code {
        CloseCode::Library(CLOSED_REPLACED) => LineError::Refused(
            "another line was opened in the name of this node: give each node a TAPEDECK_NODE_ID of its own, or none"
                .to_owned(),
        ),
        CloseCode::Library(CLOSED_REFUSED) => LineError::Refused(reason.to_string()),
        code => LineError::Broken(format!("the edge has closed it: {reason} ({code})")),
    }
}
