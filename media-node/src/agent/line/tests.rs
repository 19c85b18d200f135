//! The line against an edge's end of a few lines.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::{SinkExt, StreamExt};
use protocol::line::{
    Beat, CLOSED_REPLACED, EdgeAnswer, EdgeAsk, EdgeHello, FromEdge, FromNode, Identity, NodeAnswer, NodeAsk, PING,
    PONG, RosterQuestion, Versions,
};
use protocol::{HeartbeatAnswer, Secret};
use serde_json::{from_str, json, to_string};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::answers::Answers;
use super::*;
use crate::access::Passes;
use crate::agent::Services;
use crate::agent::error::EdgeError;
use crate::agent::http::Http;
use crate::channel::{Limits, Registry, StreamPath};
use crate::clock::boot_ms;
use crate::joiner::{self, Joiner};
use crate::playback::{self, Player};
use crate::supervisor::{Config, Memory, Node, SpaceLimits, Supervisor};

const LIMIT: Duration = Duration::from_secs(20);
const LEASE_MS: u64 = 10_000;

pub(in crate::agent) fn services() -> Services {
    let joiner = Joiner::new(joiner::Config {
        program: "/bin/false".into(),
        arguments: Vec::new(),
        dir: std::env::temp_dir().join("tapedeck-joins-nothing"),
        reserve_bytes: 0,
        memory: Memory::of_processes(1 << 30).into(),
    });
    let player = Player::new(playback::Config {
        program: "/bin/false".into(),
        arguments: Vec::new(),
        dir: std::env::temp_dir().join("tapedeck-plays-nothing"),
        reserve_bytes: 0,
        rtsp: "rtsp://127.0.0.1:9".to_owned(),
        passes: Passes::default(),
    });
    Services {
        rtc: None,
        joiner,
        player,
    }
}

/// The edge's end of a line.
struct End(WebSocketStream<TcpStream>);

impl End {
    /// The next message that is no ping. Pings are answered, as the platform does.
    async fn hear(&mut self) -> Option<FromNode> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) if text == PING => self.write(PONG).await,
                Ok(Message::Text(text)) => return Some(from_str(&text).unwrap()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    async fn write(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn say(&mut self, message: FromEdge) {
        self.write(&to_string(&message).unwrap()).await;
    }

    async fn answer_beat(&mut self, id: u64) {
        let answer = EdgeAnswer::Beat(HeartbeatAnswer { interval_ms: id });
        self.say(FromEdge::Answer { id, answer }).await;
    }
}

/// Looks at the request that opens a line.
struct Check;

impl Callback for Check {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        assert_eq!(request.uri(), "/base/node/v1/line?node=n+1");
        assert_eq!(request.headers()["authorization"], "Bearer token");
        Ok(response)
    }
}

struct World {
    listener: TcpListener,
    line: Line,
    channels: Registry,
    _dir: tempfile::TempDir,
}

impl World {
    /// A node that keeps a line to an edge that accepts no socket yet.
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/base", listener.local_addr().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new(Config {
            spool: dir.path().to_owned(),
            program: "/bin/false".into(),
            arguments: Vec::new(),
            node: Node {
                node_id: "n".to_owned(),
                rtsp: String::new(),
                roster: String::new(),
                node_token: Secret::default(),
                play_key: None,
                pass_secret: Secret::default(),
                roster_key: None,
            },
            capacity: 1,
            memory: Memory::new(None).into(),
            space: SpaceLimits {
                spool_bytes: None,
                reserve_bytes: 0,
            },
            await_acknowledgement: false,
        });
        let (line, channels) = (Line::new(), Registry::new(Limits::default(), 1));
        let node = Identity {
            node_id: "n 1".to_owned(),
            region: "here".to_owned(),
            version: "0".to_owned(),
            capacity: 4,
            url: None,
            started_ms: None,
        };
        let http = Http::new(&base, Secret::new("token")).unwrap();
        let (kept, answers) = (line.clone(), Answers::new(supervisor, channels.clone(), services()));
        tokio::spawn(async move { keep(&kept, http, node, answers).await });
        Self {
            listener,
            line,
            channels,
            _dir: dir,
        }
    }

    /// Accepts the next socket, and hears its hello.
    async fn accept(&self) -> End {
        let (stream, _) = timeout(LIMIT, self.listener.accept()).await.unwrap().unwrap();
        let mut end = End(tokio_tungstenite::accept_hdr_async(stream, Check).await.unwrap());
        let Some(FromNode::Hello(hello)) = end.hear().await else {
            panic!("no hello");
        };
        assert_eq!((hello.versions, hello.node.node_id.as_str()), (Versions::OWN, "n 1"));
        end
    }

    async fn open(&self) -> End {
        let mut end = self.accept().await;
        let versions = Versions::OWN;
        let lease_ms = Some(LEASE_MS);
        end.say(FromEdge::Hello(EdgeHello { versions, lease_ms })).await;
        end
    }

    async fn session(&self) -> Arc<Session> {
        match timeout(LIMIT, self.line.way()).await.unwrap() {
            Way::Line(session) => session,
            Way::Http => panic!("no line"),
        }
    }

    /// Waits until there is no line, and says why.
    async fn away(&self) -> String {
        let mut state = self.line.state.subscribe();
        let away = |state: &State| matches!(state, State::Away(reason) if !reason.contains("being opened"));
        timeout(LIMIT, state.wait_for(away)).await.unwrap().unwrap();
        self.line.why_none()
    }
}

fn beat() -> NodeAsk {
    NodeAsk::Beat(Beat {
        load: 0.0,
        draining: false,
        spool_full: false,
        threads: Vec::new(),
        recordings: Vec::new(),
    })
}

async fn ask(session: &Arc<Session>) -> tokio::task::JoinHandle<Result<EdgeAnswer, EdgeError>> {
    let session = Arc::clone(session);
    tokio::spawn(async move { session.ask(beat()).await })
}

async fn asked(end: &mut End) -> u64 {
    match end.hear().await {
        Some(FromNode::Ask { id, .. }) => id,
        other => panic!("{other:?}"),
    }
}

fn beaten(answer: Result<EdgeAnswer, EdgeError>) -> u64 {
    match answer {
        Ok(EdgeAnswer::Beat(answer)) => answer.interval_ms,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answers_reach_who_asked_in_whatever_order_they_come() {
    let world = World::new().await;
    let mut end = world.open().await;
    let session = world.session().await;
    let first = ask(&session).await;
    let first_id = asked(&mut end).await;
    let second = ask(&session).await;
    let second_id = asked(&mut end).await;
    end.answer_beat(second_id).await;
    end.answer_beat(first_id).await;
    end.answer_beat(first_id).await;
    assert_eq!(beaten(first.await.unwrap()), first_id);
    assert_eq!(beaten(second.await.unwrap()), second_id);
}

#[tokio::test]
async fn a_line_that_breaks_fails_who_waits_and_is_opened_again_within_a_second() {
    let world = World::new().await;
    let mut end = world.open().await;
    let waiting = ask(&world.session().await).await;
    asked(&mut end).await;
    drop(end);
    let broken = std::time::Instant::now();
    assert!(matches!(waiting.await.unwrap(), Err(EdgeError::Away { .. })));
    let mut end = world.open().await;
    assert!(broken.elapsed() < Duration::from_secs(1), "{:?}", broken.elapsed());
    let waiting = ask(&world.session().await).await;
    let id = asked(&mut end).await;
    end.answer_beat(id).await;
    assert_eq!(beaten(waiting.await.unwrap()), id);
}

#[tokio::test]
async fn a_line_over_which_no_pong_comes_is_given_up() {
    let world = World::new().await;
    let mut end = world.open().await;
    world.session().await;
    // It takes everything and answers nothing, as a connection does whose other end has lost its power.
    let swallowing = tokio::spawn(async move { while let Some(Ok(_)) = end.0.next().await {} });
    assert_eq!(world.away().await, "the edge is silent");
    swallowing.await.unwrap();
    let _end = world.open().await;
    world.session().await;
}

#[tokio::test]
async fn the_edge_s_questions_are_answered() {
    let world = World::new().await;
    let path = StreamPath::parse("/a/c/7").unwrap();
    let _listing = world.channels.publish(&path, "rtsp://here".to_owned(), 5).unwrap();
    let mut end = world.open().await;
    let question = RosterQuestion {
        app_id: "a".to_owned(),
        channel: "c".to_owned(),
        version: None,
        wait_ms: 0,
    };
    let ask = EdgeAsk::Roster(question);
    end.say(FromEdge::Ask { id: 77, ask }).await;
    let Some(FromNode::Answer {
        id: 77,
        answer: NodeAnswer::Roster(roster),
    }) = end.hear().await
    else {
        panic!("no roster");
    };
    assert_eq!(roster.users[0].uid, "7");
    let desire = json!({"ask": {"id": 78, "ask": {"desired": {"sid": "none", "wait_ms": 0, "desired": {
        "epoch": 1, "directive": "record", "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
    }}}}});
    end.write(&desire.to_string()).await;
    let answer = end.hear().await;
    assert!(
        matches!(&answer, Some(FromNode::Answer { id: 78, answer: NodeAnswer::Refused(refusal) })
            if refusal.code == protocol::RefusalCode::UnknownRecording),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_unknown_kind_of_message_is_answered_and_breaks_nothing() {
    let world = World::new().await;
    let mut end = world.open().await;
    end.write("{}").await;
    end.write("no message").await;
    end.0.send(Message::binary(vec![0, 1])).await.unwrap();
    end.write(r#"{"ask": {"id": 5, "ask": {"dance": {}}}}"#).await;
    let answer = end.hear().await;
    assert!(
        matches!(&answer, Some(FromNode::Answer { id: 5, answer: NodeAnswer::Refused(refusal) })
            if refusal.reason.contains("unknown variant `dance`")),
        "{answer:?}"
    );
    let waiting = ask(&world.session().await).await;
    let id = asked(&mut end).await;
    end.write(&format!(r#"{{"answer": {{"id": {id}, "answer": {{"dance": {{}}}}}}}}"#))
        .await;
    assert!(matches!(waiting.await.unwrap(), Err(EdgeError::Refused { .. })));
}

#[tokio::test]
async fn an_edge_of_another_version_is_refused_with_the_reason() {
    let world = World::new().await;
    let mut end = world.accept().await;
    let versions = Versions {
        oldest: Versions::OWN.newest + 1,
        newest: Versions::OWN.newest + 1,
    };
    end.say(FromEdge::Hello(EdgeHello {
        versions,
        lease_ms: None,
    }))
    .await;
    let Some(FromNode::Refused(refusal)) = end.hear().await else {
        panic!("not refused");
    };
    let told = format!(
        "the edge speaks the versions {} to {}",
        versions.oldest, versions.newest
    );
    assert!(refusal.reason.contains(&told), "{refusal:?}");
    assert!(world.away().await.contains(&told));
}

#[tokio::test]
async fn the_lease_lasts_from_the_hello_and_each_ping_that_is_answered_renews_it() {
    let world = World::new().await;
    let before_ms = boot_ms();
    let mut end = world.open().await;
    let session = world.session().await;
    let mut until_ms = session.lease.as_ref().unwrap().until_ms();
    let first_ms = *until_ms.borrow_and_update();
    assert!((before_ms..=boot_ms()).contains(&(first_ms - LEASE_MS)));
    // A pong to nothing renews nothing.
    end.write(PONG).await;
    let hearing = tokio::spawn(async move { end.hear().await });
    timeout(LIMIT, until_ms.changed()).await.unwrap().unwrap();
    let renewed_ms = *until_ms.borrow_and_update();
    assert!(renewed_ms > first_ms && renewed_ms <= boot_ms() + LEASE_MS);
    hearing.abort();
}

#[tokio::test]
async fn an_edge_of_the_version_before_gives_no_lease() {
    let world = World::new().await;
    let mut end = world.accept().await;
    let versions = Versions { oldest: 1, newest: 1 };
    let lease_ms = None;
    end.say(FromEdge::Hello(EdgeHello { versions, lease_ms })).await;
    assert!(world.session().await.lease.is_none());
}

#[tokio::test]
async fn two_nodes_of_one_name_are_told_of_each_other() {
    let world = World::new().await;
    let mut end = world.open().await;
    world.session().await;
    let frame = CloseFrame {
        code: CLOSED_REPLACED.into(),
        reason: "this node has opened another line".into(),
    };
    end.0.close(Some(frame)).await.unwrap();
    let why = world.away().await;
    assert!(why.contains("TAPEDECK_NODE_ID"), "{why}");
}

#[tokio::test]
async fn an_edge_without_lines_is_called_by_http_and_a_token_that_is_wrong_is_told() {
    for (status, offers) in [(StatusCode::NOT_FOUND, false), (StatusCode::UNAUTHORIZED, true)] {
        let world = World::new().await;
        let World { listener, line, .. } = world;
        let refusal = json!({"fault": "caller", "code": "unauthorized", "reason": "the node token is wrong"});
        let router = axum::Router::new().fallback(move || async move { (status, axum::Json(refusal)) });
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut state = line.state.subscribe();
        let decided = |state: &State| match state {
            State::Away(reason) => !reason.contains("being opened"),
            State::Http | State::Up(_) => true,
        };
        timeout(LIMIT, state.wait_for(decided)).await.unwrap().unwrap();
        match offers {
            false => assert!(matches!(line.way().await, Way::Http)),
            true => assert_eq!(
                line.why_none(),
                "it refuses the line: the node token is wrong (status 401)"
            ),
        }
    }
}

#[tokio::test]
async fn reports_wait_for_the_line_and_are_few_at_once() {
    let world = World::new().await;
    let turns = Arc::new(std::sync::Mutex::new(Vec::new()));
    let waiting: Vec<_> = (0..MAX_REPORTS + 1)
        .map(|_| {
            let (line, turns) = (world.line.clone(), Arc::clone(&turns));
            tokio::spawn(async move {
                let turn = line.turn().await;
                turns.lock().unwrap().push(turn);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(turns.lock().unwrap().is_empty());
    let _end = world.open().await;
    world.session().await;
    let had = async || {
        while turns.lock().unwrap().len() < MAX_REPORTS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, had()).await.unwrap();
    assert_eq!(
        waiting.iter().filter(|task| !task.is_finished()).count(),
        1,
        "the last one waits for its turn"
    );
    turns.lock().unwrap().pop();
    for task in waiting {
        timeout(LIMIT, task).await.unwrap().unwrap();
    }
}
