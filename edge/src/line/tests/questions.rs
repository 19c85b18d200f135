use protocol::RefusalCode;
use protocol::line::{FromEdge, FromNode, NEWEST, NodeAnswer, OLDEST, OUTPUTS};

use super::*;
use crate::line::limits::{LONGEST_WAIT_MS, MAX_QUESTION_BYTES, MAX_QUESTIONS};

fn answer(id: u64, version: u64) -> FromNode {
    let answer = roster(version);
    FromNode::Answer { id, answer }
}

/// The first line begins now.
fn answered_over_line(answer: NodeAnswer) -> Reply {
    Reply::Answer {
        answer,
        line: Some(NOW),
    }
}

fn answered(by: u64, version: u64) -> Vec<(u64, Reply)> {
    vec![(by, answered_over_line(roster(version)))]
}

#[test]
fn answers_reach_who_asked_in_whatever_order_they_come() {
    let mut bench = Bench::lined();
    let ids = [5, 6, 7].map(|by| bench.ask_id(by, question("c")));
    assert_eq!(replies(&bench.say(1, &answer(ids[2], 2))), answered(7, 2));
    assert_eq!(replies(&bench.say(1, &answer(ids[0], 0))), answered(5, 0));
    assert!(
        bench.say(1, &answer(ids[0], 9)).is_empty(),
        "a repeated answer is for nobody"
    );
    assert!(
        bench.say(1, &answer(ids[2] + 1, 9)).is_empty(),
        "nor is one that nobody asked for"
    );
    assert_eq!(replies(&bench.say(1, &answer(ids[1], 1))), answered(6, 1));
    assert_eq!(bench.line.questions.next_ms(), None);
}

#[test]
fn who_waits_when_the_line_breaks_is_told_at_once() {
    let mut bench = Bench::lined();
    let id = bench.ask_id(5, question("c"));
    bench.ask_id(6, question("d"));
    let outputs = bench.happen(Event::Closed { socket: 1 });
    assert_eq!(replies(&outputs), [(5, Reply::Unreachable), (6, Reply::Unreachable)]);
    assert_eq!(replies(&bench.ask(7, question("c"))), [(7, Reply::NoLine)]);
    bench.open(2);
    bench.say(2, &hello());
    assert!(
        bench.say(2, &answer(id, 1)).is_empty(),
        "an answer over another line is for nobody"
    );
}

#[test]
fn a_question_waits_no_longer_than_its_deadline() {
    let mut bench = Bench::lined();
    let id = bench.ask_id(5, question("c"));
    assert_eq!(bench.line.questions.next_ms(), Some(NOW + LIMIT_MS));
    assert!(bench.alarm(NOW + LIMIT_MS - 1).is_empty());
    assert_eq!(replies(&bench.alarm(NOW + LIMIT_MS)), [(5, Reply::Unreachable)]);
    assert!(bench.say(1, &answer(id, 1)).is_empty());
    let request = Request::Ask {
        ask: text(&question("c")),
        limit_ms: u64::MAX,
        holding: None,
        oldest: OLDEST,
    };
    bench.now_ms = NOW;
    bench.step(Told::Asked { by: 6, request });
    assert_eq!(bench.line.questions.next_ms(), Some(NOW + LONGEST_WAIT_MS));
}

#[test]
fn a_node_is_not_asked_more_at_once_than_is_bounded() {
    let refused = |outputs: &[Output]| match &replies(outputs)[..] {
        [
            (
                _,
                Reply::Answer {
                    answer: NodeAnswer::Refused(refusal),
                    ..
                },
            ),
        ] => refusal.reason.clone(),
        other => panic!("{other:?}"),
    };
    let mut bench = Bench::lined();
    let first = bench.ask_id(0, question("c"));
    for by in 1..MAX_QUESTIONS as u64 {
        bench.ask_id(by, question("c"));
    }
    assert!(refused(&bench.ask(999, question("c"))).contains("asked too much at once"));
    bench.say(1, &answer(first, 1));
    bench.ask_id(999, question("c"));

    let mut bench = Bench::lined();
    let large = || question(&"c".repeat(MAX_QUESTION_BYTES / 5));
    for by in 0..4 {
        bench.ask_id(by, large());
    }
    assert!(refused(&bench.ask(4, large())).contains("asked too much at once"));
    bench.ask_id(5, question("small"));
    bench.happen(Event::Closed { socket: 1 });
    bench.open(2);
    bench.say(2, &hello());
    assert!(
        matches!(sent(&bench.ask(6, large()))[..], [(2, FromEdge::Ask { .. })]),
        "there is room again"
    );
    assert!(refused(&bench.ask(7, question(&"c".repeat(5 << 20)))).contains("the line carries"));
}

#[test]
fn a_node_that_is_too_old_for_a_question_is_not_asked_it() {
    let mut bench = Bench::lined();
    let mut ask = |oldest| {
        let request = Request::Ask {
            ask: text(&question("c")),
            limit_ms: LIMIT_MS,
            holding: None,
            oldest,
        };
        bench.step(Told::Asked { by: 5, request })
    };
    assert!(matches!(sent(&ask(OUTPUTS))[..], [(1, FromEdge::Ask { .. })]));
    let outputs = ask(NEWEST + 1);
    let replies = replies(&outputs);
    let [
        (
            5,
            Reply::Answer {
                answer: NodeAnswer::Refused(refusal),
                line: Some(NOW),
            },
        ),
    ] = &replies[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(refusal.code, RefusalCode::NoCapacity, "so that another node is asked");
    assert!(refusal.reason.ends_with("update the node"), "{}", refusal.reason);
}
