//! The object is put to sleep, or ends, between two messages.

use protocol::line::{CLOSED_REPLACED, FromNode};

use super::*;

/// The state as an object finds it that wakes up.
fn woken(sockets: &[(SocketId, Attachment)]) -> Bench {
    // As the shell keeps it.
    let sockets = sockets.iter().map(|(socket, attachment)| {
        let text = serde_json::to_string(attachment).unwrap();
        (*socket, serde_json::from_str(&text).unwrap())
    });
    let kept = Kept {
        sockets: sockets.collect(),
        ..Kept::default()
    };
    Bench {
        line: Line::restore(kept, LEASE_MS, NOW),
        ..Bench::default()
    }
}

fn attachment(bench: &mut Bench, socket: SocketId) -> (SocketId, Attachment) {
    bench.open(socket);
    attached(&bench.say(socket, &hello())).remove(0)
}

#[test]
fn a_node_that_wakes_up_has_its_line() {
    let line = attachment(&mut Bench::default(), 1);
    let mut bench = woken(&[line]);
    assert_eq!(sent(&bench.ask(5, question("c")))[0].0, 1);
}

#[test]
fn a_beat_after_the_sleep_is_that_of_the_same_node() {
    let line = attachment(&mut Bench::default(), 1);
    let mut bench = woken(&[line]);
    let ask = protocol::line::NodeAsk::Beat(protocol::line::Beat {
        load: 0.0,
        draining: false,
        spool_full: false,
        threads: Vec::new(),
        recordings: Vec::new(),
    });
    let outputs = bench.say(1, &FromNode::Ask { id: 1, ask });
    let [Output::Effect(Effect::Beat { heartbeat, .. }), ..] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!((heartbeat.node_id.as_str(), heartbeat.capacity), ("n1", 4));
}

#[test]
fn an_answer_to_a_question_of_before_reaches_no_later_one() {
    let mut bench = Bench::default();
    let line = attachment(&mut bench, 1);
    let before = bench.ask_id(5, question("before"));
    let mut bench = woken(&[line]);
    bench.now_ms = NOW + 1;
    bench.ask_id(5, question("after"));
    let late = FromNode::Answer {
        id: before,
        answer: roster(1),
    };
    assert!(bench.say(1, &late).is_empty());
}

#[test]
fn of_two_lines_the_newer_one_is_kept_also_if_the_object_ended_in_between() {
    let mut bench = Bench::default();
    let older = attachment(&mut bench, 1);
    let newer = attachment(&mut bench, 2);
    assert!(older.1.number < newer.1.number);
    let mut bench = woken(&[newer, older]);
    let outputs = bench.ask(5, question("c"));
    assert_eq!(sent(&outputs)[0].0, 2);
    assert_eq!((closed(&outputs)[0].0, closed(&outputs)[0].1), (1, CLOSED_REPLACED));
}

#[test]
fn a_socket_that_had_not_said_hello_still_can() {
    let mut bench = Bench::default();
    let opened = attached(&bench.open(1)).remove(0);
    let mut bench = woken(&[opened]);
    assert_eq!(replies(&bench.ask(5, question("c"))), [(5, Reply::NoLine)]);
    bench.say(1, &hello());
    assert_eq!(sent(&bench.ask(6, question("c")))[0].0, 1);
}
