//! What a node says over its line.

use protocol::line::{Beat, EdgeAnswer, FromEdge, FromNode, NodeAnswer, NodeAsk};
use protocol::{EntryQuestion, Heartbeat, JobRequest, Phase, RecorderKey, Report};
use serde_json::json;

use super::*;
use crate::line::limits::MAX_ASKED;

fn entry(node_id: &str) -> EntryQuestion {
    EntryQuestion {
        node_id: node_id.to_owned(),
        app_id: "a".into(),
        channel: "c".into(),
        uid: "1".into(),
        own_uid: None,
        token: Some(protocol::Secret::new("t")),
    }
}

fn request(node_id: &str) -> JobRequest {
    JobRequest {
        node_id: node_id.to_owned(),
        recorder: RecorderKey {
            app_id: "a".into(),
            channel: "c".into(),
            uid: "1".into(),
        },
        sid: "s".repeat(32),
        epoch: 3,
    }
}

fn beat() -> NodeAsk {
    NodeAsk::Beat(Beat {
        load: 0.5,
        draining: true,
        spool_full: false,
        threads: Vec::new(),
        recordings: Vec::new(),
    })
}

fn report(node_id: &str) -> NodeAsk {
    NodeAsk::Report(Box::new(Report::bare(request(node_id), 1, NOW, Phase::Starting)))
}

fn asking(id: u64, ask: NodeAsk) -> FromNode {
    FromNode::Ask { id, ask }
}

fn refusal(outputs: &[Output]) -> (u64, String) {
    match &sent(outputs)[..] {
        [
            (
                1,
                FromEdge::Answer {
                    id,
                    answer: EdgeAnswer::Refused(refusal),
                },
            ),
        ] => (*id, refusal.reason.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_beat_becomes_the_heartbeat_of_the_node_that_said_hello() {
    let mut bench = Bench::lined();
    let asked = Asked { socket: 1, id: 7 };
    let heartbeat = Heartbeat {
        node_id: "n1".into(),
        url: None,
        region: "here".into(),
        version: "0.1.0".into(),
        capacity: 4,
        load: 0.5,
        draining: true,
        spool_full: false,
        threads: Vec::new(),
        recordings: Vec::new(),
    };
    let outputs = bench.say(1, &asking(7, beat()));
    let told = Effect::Beat {
        asked,
        heartbeat,
        every_ms: Some(60_000),
    };
    assert_eq!(outputs[0], Output::Effect(told));
    let answer = beaten();
    let outputs = bench.happen(Event::Done {
        asked,
        answer: text(&answer),
        ok: true,
    });
    assert_eq!(sent(&outputs), [(1, FromEdge::Answer { id: 7, answer })]);
    let answer = text(&beaten());
    assert!(
        bench
            .happen(Event::Done {
                asked,
                answer,
                ok: true
            })
            .is_empty(),
        "it is answered once"
    );
}

#[test]
fn reports_and_requests_for_jobs_go_to_their_recorder() {
    let mut bench = Bench::lined();
    let outputs = bench.say(1, &asking(1, report("n1")));
    assert!(
        matches!(
            outputs[..],
            [
                Output::Effect(Effect::Hold { .. }),
                Output::Effect(Effect::Report { .. })
            ]
        ),
        "{outputs:?}"
    );
    let outputs = bench.say(1, &asking(2, NodeAsk::Job(request("n1"))));
    let asked = Asked { socket: 1, id: 2 };
    let (request, line) = (request("n1"), Some(NOW));
    assert_eq!(outputs, [Output::Effect(Effect::Job { asked, request, line })]);
}

#[test]
fn a_node_asks_who_may_enter_a_channel() {
    let mut bench = Bench::lined();
    let outputs = bench.say(1, &asking(3, NodeAsk::Entry(entry("n1"))));
    let (asked, question) = (Asked { socket: 1, id: 3 }, entry("n1"));
    assert_eq!(outputs, [Output::Effect(Effect::Entry { asked, question })]);
}

#[test]
fn a_node_speaks_for_itself_alone() {
    let mut bench = Bench::lined();
    for ask in [report("n2"), NodeAsk::Job(request("n2")), NodeAsk::Entry(entry("n2"))] {
        let (id, reason) = refusal(&bench.say(1, &asking(4, ask)));
        assert_eq!((id, reason.as_str()), (4, "this is the line of node n1"));
    }
}

#[test]
fn a_question_that_is_repeated_while_it_is_answered_is_answered_once() {
    let mut bench = Bench::lined();
    bench.say(1, &asking(1, beat()));
    assert!(bench.say(1, &asking(1, beat())).is_empty());
}

#[test]
fn an_answer_for_a_line_that_has_broken_is_for_nobody() {
    let mut bench = Bench::lined();
    bench.say(1, &asking(1, beat()));
    bench.happen(Event::Closed { socket: 1 });
    bench.open(2);
    bench.say(2, &hello());
    let asked = Asked { socket: 1, id: 1 };
    let answer = text(&beaten());
    assert!(
        bench
            .happen(Event::Done {
                asked,
                answer,
                ok: true
            })
            .is_empty()
    );
}

#[test]
fn questions_that_are_being_answered_are_bounded() {
    let mut bench = Bench::lined();
    for id in 0..MAX_ASKED as u64 {
        assert_eq!(sent(&bench.say(1, &asking(id, beat()))), []);
    }
    let (id, reason) = refusal(&bench.say(1, &asking(9_999, beat())));
    assert!(id == 9_999 && reason.contains("ask again later"), "{reason}");
    let asked = Asked { socket: 1, id: 0 };
    bench.happen(Event::Done {
        asked,
        answer: text(&beaten()),
        ok: true,
    });
    assert_eq!(sent(&bench.say(1, &asking(9_999, beat()))), []);
}

#[test]
fn nothing_is_asked_before_the_hello() {
    let mut bench = Bench::default();
    bench.open(1);
    let (id, reason) = refusal(&bench.say(1, &asking(3, beat())));
    assert_eq!((id, reason.as_str()), (3, "the first message has to be a hello"));
}

#[test]
fn an_unknown_kind_of_message_is_answered_and_breaks_nothing() {
    let mut bench = Bench::lined();
    let unknown = json!({"ask": {"id": 7, "ask": {"dance": {}}}}).to_string();
    let (id, reason) = refusal(&bench.hear(1, &unknown));
    assert!(id == 7 && reason.contains("unknown variant `dance`"), "{reason}");
    let long = format!("\"{}\"", "x".repeat(5 << 20));
    let deep = "[".repeat(100_000);
    let odd = [
        "",
        "ping",
        "{}",
        "null",
        "[]",
        "{\"ask\":{}}",
        "{\"bye\":{}}",
        "\u{0}",
        "7",
        &long,
        &deep,
    ];
    for text in odd {
        assert!(bench.hear(1, text).is_empty(), "{}", &text[..text.len().min(40)]);
    }
    let asked = bench.ask_id(5, question("c"));
    let unknown = json!({"answer": {"id": asked, "answer": {"dance": {}}}}).to_string();
    let replies = replies(&bench.hear(1, &unknown));
    assert!(
        matches!(
            &replies[..],
            [(
                5,
                Reply::Answer {
                    answer: NodeAnswer::Refused(_),
                    ..
                }
            )]
        ),
        "{replies:?}"
    );
    assert_eq!(sent(&bench.ask(6, question("c")))[0].0, 1, "the line is what it was");
}

#[test]
fn a_socket_that_is_not_known_is_passed_over() {
    let mut bench = Bench::default();
    assert!(bench.say(9, &hello()).is_empty());
    assert!(bench.happen(Event::Closed { socket: 9 }).is_empty());
}
