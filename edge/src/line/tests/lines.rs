use protocol::line::{CLOSED_REFUSED, CLOSED_REPLACED, EdgeHello, FromEdge, FromNode, Identity, NodeHello, Versions};

use super::*;

fn said(outputs: &[Output]) -> FromEdge {
    let mut sent = sent(outputs);
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0).1
}

fn hello_of(node_id: &str, versions: Versions) -> FromNode {
    FromNode::Hello(NodeHello {
        versions,
        node: identity(node_id),
    })
}

#[test]
fn a_socket_becomes_the_line_with_its_hello() {
    let mut bench = Bench::default();
    bench.open(1);
    assert_eq!(replies(&bench.ask(5, question("c"))), [(5, Reply::NoLine)]);
    let hello = FromEdge::Hello(EdgeHello {
        versions: Versions::OWN,
        lease_ms: Some(LEASE_MS),
    });
    assert_eq!(said(&bench.say(1, &super::hello())), hello);
    assert_eq!(sent(&bench.ask(5, question("c")))[0].0, 1);
}

#[test]
fn the_line_whose_hello_came_last_closes_the_one_before() {
    let mut bench = Bench::lined();
    bench.open(2);
    assert_eq!(
        sent(&bench.ask(5, question("c")))[0].0,
        1,
        "a socket without hello replaces no line"
    );
    let outputs = bench.say(2, &hello());
    let reason = "this node has opened another line".to_owned();
    assert_eq!(closed(&outputs), [(1, CLOSED_REPLACED, reason)]);
    assert_eq!(
        replies(&outputs),
        [(5, Reply::Unreachable)],
        "its answer cannot come any more"
    );
    assert_eq!(sent(&bench.ask(6, question("c")))[0].0, 2);
    let outputs = bench.happen(Event::Closed { socket: 1 });
    assert_eq!((sent(&outputs), closed(&outputs)), (vec![], vec![]), "the line goes on");
    assert_eq!(sent(&bench.ask(7, question("c")))[0].0, 2);
}

#[test]
fn an_older_socket_that_says_hello_last_is_the_line() {
    let mut bench = Bench::default();
    bench.open(1);
    bench.open(2);
    bench.say(2, &hello());
    let outputs = bench.say(1, &hello());
    assert_eq!(closed(&outputs)[0].0, 2);
    assert_eq!(sent(&bench.ask(5, question("c")))[0].0, 1);
}

#[test]
fn a_hello_of_another_node_is_refused_with_the_reason() {
    let mut bench = Bench::default();
    bench.open(1);
    let outputs = bench.say(1, &hello_of("n2", Versions::OWN));
    let FromEdge::Refused(refusal) = said(&outputs) else {
        panic!("{outputs:?}");
    };
    assert!(
        refusal.reason.contains("opened for node n1") && refusal.reason.contains("node n2"),
        "{refusal:?}"
    );
    assert_eq!((closed(&outputs)[0].0, closed(&outputs)[0].1), (1, CLOSED_REFUSED));
    assert_eq!(replies(&bench.ask(5, question("c"))), [(5, Reply::NoLine)]);
}

#[test]
fn versions_that_do_not_fit_are_refused_and_leave_the_line_that_there_is() {
    let mut bench = Bench::lined();
    bench.open(2);
    let other = Versions {
        oldest: Versions::OWN.newest + 1,
        newest: Versions::OWN.newest + 2,
    };
    let outputs = bench.say(2, &hello_of("n1", other));
    let FromEdge::Refused(refusal) = said(&outputs) else {
        panic!("{outputs:?}");
    };
    assert!(
        refusal.reason.contains("node n1 (0.1.0) speaks the versions 4 to 5"),
        "{refusal:?}"
    );
    let closed = closed(&outputs);
    assert_eq!((closed.len(), closed[0].0, closed[0].1), (1, 2, CLOSED_REFUSED));
    assert!(closed[0].2.len() <= protocol::line::MAX_CLOSE_REASON_BYTES);
    assert_eq!(sent(&bench.ask(5, question("c")))[0].0, 1);
}

#[test]
fn a_hello_that_does_not_fit_beside_the_socket_is_refused() {
    let mut bench = Bench::default();
    bench.open(1);
    let mut node = identity("n1");
    node.region = "r".repeat(1_024);
    let versions = Versions::OWN;
    let outputs = bench.say(1, &FromNode::Hello(NodeHello { versions, node }));
    assert!(matches!(said(&outputs), FromEdge::Refused(_)));
    // What is kept of one that fits stays below what the platform keeps beside a socket.
    let mut node = identity("n1");
    node.region = "\u{1}".repeat(Identity::MAX_BYTES - 7);
    bench.open(2);
    let outputs = bench.say(2, &FromNode::Hello(NodeHello { versions, node }));
    let kept = serde_json::to_string(&attached(&outputs)[0].1).unwrap();
    assert!(kept.len() < 8_192, "{}", kept.len());
}

#[test]
fn sockets_that_say_no_hello_are_few() {
    let mut bench = Bench::lined();
    for socket in 2..=5 {
        assert!(closed(&bench.open(socket)).is_empty());
    }
    assert_eq!(closed(&bench.open(6))[0].0, 2, "the oldest one makes room");
    assert_eq!(sent(&bench.ask(5, question("c")))[0].0, 1, "and never the line");
}

#[test]
fn a_node_that_has_to_be_let_in_again_loses_its_line() {
    let mut bench = Bench::lined();
    bench.open(2);
    bench.ask_id(4, question("c"));
    let request = Request::Close {
        reason: "revoked".to_owned(),
    };
    let outputs = bench.step(Told::Asked { by: 5, request });
    let reason = "revoked".to_owned();
    assert_eq!(
        closed(&outputs),
        [(1, CLOSED_REFUSED, reason.clone()), (2, CLOSED_REFUSED, reason)]
    );
    assert_eq!(replies(&outputs), [(4, Reply::Unreachable), (5, Reply::Closed)]);
    assert_eq!(replies(&bench.ask(6, question("c"))), [(6, Reply::NoLine)]);
}

#[test]
fn a_node_that_refuses_the_edge_is_let_go() {
    let mut bench = Bench::default();
    bench.open(1);
    let refusal = Versions::OWN
        .agree(Versions { oldest: 9, newest: 9 }, "the edge")
        .unwrap_err();
    let outputs = bench.say(1, &FromNode::Refused(refusal));
    assert_eq!(closed(&outputs)[0].0, 1);
}

#[test]
fn another_process_of_the_node_is_told_from_another_line() {
    let mut bench = Bench::default();
    let mut hello = |socket, started_ms| {
        bench.open(socket);
        let node = Identity {
            started_ms,
            ..identity("n1")
        };
        let versions = Versions::OWN;
        let outputs = bench.say(socket, &FromNode::Hello(NodeHello { versions, node }));
        // What is known of it outlives the object.
        bench.line = Line::restore(bench.kept.clone(), LEASE_MS, bench.now_ms);
        let restarted = Output::Effect(Effect::Restarted {
            node_id: "n1".into(),
            at_ms: bench.now_ms,
        });
        outputs.contains(&restarted)
    };
    assert!(!hello(1, Some(5)), "nothing is known before");
    assert!(!hello(2, Some(5)), "only the line is new");
    assert!(hello(3, Some(9)));
    assert!(!hello(4, None), "too old to tell");
    assert!(!hello(5, Some(9)));
    assert!(hello(6, Some(3)), "clocks are set");
}
