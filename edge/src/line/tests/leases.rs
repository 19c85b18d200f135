//! The leases of lines, and who is told of their end.

use protocol::line::{CLOSED_SILENT, EdgeAnswer, FromEdge, FromNode, NodeAsk, NodeHello, OLDEST, Versions};
use protocol::{HeldRecording, JobRequest, Phase, RecorderKey, Report};

use super::*;
use crate::line::limits::{MARGIN_MS, SETTLE_MS, TELL_A_SECOND};

fn recorder(channel: &str) -> RecorderKey {
    RecorderKey {
        app_id: "a".to_owned(),
        channel: channel.to_owned(),
        uid: "1".to_owned(),
    }
}

fn holding(channel: &str) -> Holding {
    Holding {
        recorder: recorder(channel),
        sid: channel.to_owned(),
    }
}

fn report(channel: &str, seq: u64, phase: Phase) -> Box<Report> {
    let of = JobRequest {
        node_id: "n1".to_owned(),
        recorder: recorder(channel),
        sid: channel.to_owned(),
        epoch: 1,
    };
    Box::new(Report::bare(of, seq, NOW, phase))
}

/// Each loss that is told: of whom, of which line, and of which recordings a report is kept.
fn tells(outputs: &[Output]) -> Vec<(String, LineNumber, Vec<String>)> {
    let tells = outputs.iter().filter_map(|output| match output {
        Output::Effect(Effect::Tell {
            recorder, loss, sids, ..
        }) => Some((recorder.channel.clone(), loss.line, sids.clone())),
        _ => None,
    });
    tells.collect()
}

impl Bench {
    /// A recording that the node holds.
    fn holds(&mut self, socket: SocketId, channel: &str) {
        let (id, ask) = (9_000, NodeAsk::Report(report(channel, 1, Phase::Recording)));
        self.say(socket, &FromNode::Ask { id, ask });
        self.answer(socket, id, true);
    }

    /// The node is asked to take a recording.
    fn offer(&mut self, channel: &str) {
        let request = Request::Ask {
            ask: text(&question(channel)),
            limit_ms: LIMIT_MS,
            holding: Some(holding(channel)),
            oldest: OLDEST,
        };
        self.step(Told::Asked { by: 1, request });
    }

    fn answer(&mut self, socket: SocketId, id: u64, ok: bool) -> Vec<Output> {
        let asked = Asked { socket, id };
        let answer = text(&beaten());
        self.happen(Event::Done { asked, answer, ok })
    }

    /// Lets time pass with the alarms that are due; nothing is pinged but what `pinged` says.
    fn pass(&mut self, ms: u64, pinged: &[SocketId]) -> Vec<Output> {
        let (end_ms, mut outputs, mut alarms) = (self.now_ms + ms, Vec::new(), 0);
        loop {
            let due_ms = self.line.next_alarm().filter(|due_ms| *due_ms <= end_ms);
            alarms += 1;
            assert!(
                alarms < 2 * (10 + ms / 1_000),
                "an alarm that settles nothing: {:?}",
                self.line
            );
            self.now_ms = due_ms.unwrap_or(end_ms).max(self.now_ms);
            for socket in pinged {
                self.pings.insert(*socket, self.now_ms - 1);
            }
            outputs.extend(self.step(Told::Alarm));
            if due_ms.is_none() {
                return outputs;
            }
        }
    }

    fn told(&mut self, channel: &str, line: LineNumber, ok: bool) -> Vec<Output> {
        let (recorder, loss) = (recorder(channel), Loss { line, heard_ms: 0 });
        self.happen(Event::Told { recorder, loss, ok })
    }
}

#[test]
fn a_node_that_pings_keeps_what_it_holds_and_nothing_is_written_for_it() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    let outputs = bench.pass(3_600_000, &[1]);
    assert!(outputs.is_empty(), "{outputs:?}");
}

#[test]
fn what_a_node_held_is_told_when_its_lease_is_over_after_its_line_broke() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    bench.pass(60_000, &[1]);
    let pinged_ms = bench.now_ms - 1;
    bench.happen(Event::Closed { socket: 1 });
    let early = bench.pass(pinged_ms + LEASE_MS + MARGIN_MS - 1 - bench.now_ms, &[]);
    assert_eq!(tells(&early), []);
    assert_eq!(tells(&bench.pass(1, &[])), [("c".to_owned(), NOW, vec![])]);
    bench.told("c", NOW, true);
    assert!(bench.kept.held.is_empty());
    assert_eq!(tells(&bench.pass(600_000, &[])), []);
}

#[test]
fn a_silent_line_is_closed_before_its_loss_is_told_and_pings_that_were_answered_meanwhile_count() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    let outputs = bench.pass(LEASE_MS + SETTLE_MS, &[]);
    assert_eq!((closed(&outputs)[0].0, closed(&outputs)[0].1), (1, CLOSED_SILENT));
    assert_eq!(tells(&outputs), []);
    // Answered after the last look, and before the socket was closed.
    let pinged_ms = bench.now_ms + 300;
    bench.pings.insert(1, pinged_ms);
    let early = bench.pass(pinged_ms + LEASE_MS + MARGIN_MS - 1 - bench.now_ms, &[]);
    assert_eq!(tells(&early), []);
    assert_eq!(tells(&bench.pass(1, &[])).len(), 1);
}

#[test]
fn a_machine_that_vanishes_is_lost_within_a_lease_and_some_seconds() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    bench.pass(60_000, &[1]);
    let outputs = bench.pass(LEASE_MS + 3_000, &[]);
    assert_eq!(tells(&outputs).len(), 1, "{outputs:?}");
}

#[test]
fn an_edge_that_stood_still_hears_first_what_came_meanwhile() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    bench.now_ms += 120_000;
    assert!(bench.step(Told::Alarm).is_empty());
    let outputs = bench.pass(60_000, &[1]);
    assert!(outputs.is_empty(), "{outputs:?}");
}

#[test]
fn what_comes_over_the_next_line_is_held_by_that_one() {
    let mut bench = Bench::lined();
    for channel in ["moved", "left"] {
        bench.holds(1, channel);
    }
    bench.happen(Event::Closed { socket: 1 });
    bench.now_ms += 500;
    bench.open(2);
    bench.say(2, &hello());
    bench.holds(2, "moved");
    let outputs = bench.pass(60_000, &[2]);
    assert_eq!(tells(&outputs), [("left".to_owned(), NOW, vec![])]);
}

#[test]
fn no_line_is_lost_before_those_that_came_before_it() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    bench.open(2);
    bench.now_ms += 1;
    bench.say(2, &hello());
    bench.holds(2, "d");
    // The first one is being closed, and is pinged while it is.
    bench.happen(Event::Closed { socket: 2 });
    bench.pings.insert(1, bench.now_ms + 900);
    let early = bench.pass(900 + LEASE_MS + MARGIN_MS - 1, &[]);
    assert_eq!(tells(&early), []);
    let newest = bench.line.memo.newest;
    let told = tells(&bench.pass(1, &[]));
    assert_eq!(
        told,
        [("c".to_owned(), newest, vec![]), ("d".to_owned(), newest, vec![])]
    );
}

#[test]
fn a_restart_forgets_neither_the_lease_nor_whom_to_tell() {
    let mut bench = Bench::lined();
    for channel in ["c", "d"] {
        bench.holds(1, channel);
    }
    bench.now_ms += 5_000;
    // With it the socket has gone: nobody knows when the last ping came.
    bench.kept.sockets.clear();
    bench.wake();
    assert_eq!(tells(&bench.pass(LEASE_MS + MARGIN_MS - 1, &[])), []);
    let told = tells(&bench.pass(1, &[]));
    assert_eq!(told.len(), 2);
    bench.told("c", told[0].1, true);
    bench.wake();
    assert_eq!(tells(&bench.pass(1, &[])), [("d".to_owned(), NOW, vec![])]);
}

#[test]
fn a_line_that_outlives_the_object_keeps_its_lease() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    bench.pass(60_000, &[1]);
    bench.wake();
    let outputs = bench.pass(60_000, &[1]);
    assert!(outputs.is_empty(), "{outputs:?}");
}

#[test]
fn who_could_not_be_told_is_told_again() {
    let mut bench = Bench::lined();
    bench.holds(1, "c");
    bench.happen(Event::Closed { socket: 1 });
    assert_eq!(tells(&bench.pass(30_000, &[])).len(), 1, "one at a time");
    for _ in 0..20 {
        bench.told("c", NOW, false);
        assert_eq!(tells(&bench.pass(30_000, &[])).len(), 1);
    }
}

#[test]
fn a_loss_is_told_to_some_recorders_in_each_second() {
    let mut bench = Bench::lined();
    for channel in 0..50 {
        bench.holds(1, &channel.to_string());
    }
    bench.happen(Event::Closed { socket: 1 });
    bench.pass(LEASE_MS, &[]);
    let mut counts = Vec::new();
    for _ in 0..7 {
        let told = tells(&bench.pass(1_000, &[]));
        counts.push(told.len());
        for (channel, line, _) in told {
            bench.told(&channel, line, true);
        }
    }
    assert_eq!(counts.iter().sum::<usize>(), 50, "{counts:?}");
    assert!(counts.iter().all(|count| *count <= TELL_A_SECOND), "{counts:?}");
}

#[test]
fn a_report_that_is_kept_goes_with_the_loss_unless_a_newer_one_was_given() {
    let mut bench = Bench::lined();
    for channel in ["given", "kept"] {
        bench.holds(1, channel);
        let ask = NodeAsk::Keep(report(channel, 2, Phase::Recording));
        let outputs = bench.say(1, &FromNode::Ask { id: 4, ask });
        let answer = EdgeAnswer::Kept;
        assert_eq!(sent(&outputs), [(1, FromEdge::Answer { id: 4, answer })]);
        assert!(
            matches!(&outputs[0], Output::Effect(Effect::Hold { report: Some(_), .. })),
            "before it is answered: {outputs:?}"
        );
    }
    let ask = NodeAsk::Report(report("given", 3, Phase::Recording));
    bench.say(1, &FromNode::Ask { id: 5, ask });
    bench.answer(1, 5, true);
    let ask = NodeAsk::Report(report("kept", 3, Phase::Recording));
    bench.say(1, &FromNode::Ask { id: 6, ask });
    bench.answer(1, 6, false);
    bench.wake();
    bench.happen(Event::Closed { socket: 1 });
    let told = tells(&bench.pass(30_000, &[]));
    let kept = vec!["kept".to_owned()];
    assert_eq!(
        told,
        [("given".to_owned(), NOW, vec![]), ("kept".to_owned(), NOW, kept)]
    );
}

fn beat(channels: &[&str]) -> NodeAsk {
    let named = |channel: &&str| HeldRecording {
        recorder: recorder(channel),
        sid: (*channel).to_owned(),
        epoch: 1,
    };
    NodeAsk::Beat(protocol::line::Beat {
        load: 0.0,
        draining: false,
        spool_full: false,
        threads: Vec::new(),
        recordings: channels.iter().map(named).collect(),
    })
}

/// Each recording that a recorder is asked about, and whether a report of it is kept.
fn misses(outputs: &[Output]) -> Vec<(String, bool)> {
    let misses = outputs.iter().filter_map(|output| match output {
        Output::Effect(Effect::Miss { holding, kept, .. }) => Some((holding.sid.clone(), *kept)),
        _ => None,
    });
    misses.collect()
}

fn held(bench: &Bench) -> Vec<&str> {
    let held = bench.kept.held.iter();
    let mut sids: Vec<_> = held.map(|(holding, _)| holding.sid.as_str()).collect();
    sids.sort_unstable();
    sids
}

#[test]
fn what_has_ended_is_held_no_longer() {
    let mut bench = Bench::lined();
    for channel in ["ended", "stays"] {
        bench.holds(1, channel);
    }
    let ask = NodeAsk::Report(report("ended", 2, Phase::Ended));
    bench.say(1, &FromNode::Ask { id: 5, ask });
    bench.answer(1, 5, true);
    assert_eq!(held(&bench), ["stays"]);
}

#[test]
fn recorders_are_asked_about_what_a_beat_leaves_out() {
    let mut bench = Bench::lined();
    for channel in ["gone", "kept", "stays"] {
        bench.holds(1, channel);
    }
    let ask = NodeAsk::Keep(report("kept", 2, Phase::Recording));
    bench.say(1, &FromNode::Ask { id: 5, ask });
    let expected = [("gone".to_owned(), false), ("kept".to_owned(), true)];
    let outputs = bench.say(
        1,
        &FromNode::Ask {
            id: 6,
            ask: beat(&["stays"]),
        },
    );
    assert_eq!(misses(&outputs), expected);
    // Until the recorder has heard, or asked the node, nothing is given up.
    let missed = |bench: &mut Bench, sid: &str, is_with_node| {
        let sid = sid.to_owned();
        bench.happen(Event::Missed { sid, is_with_node })
    };
    missed(&mut bench, "gone", None);
    missed(&mut bench, "kept", Some(true));
    assert_eq!(held(&bench), ["gone", "kept", "stays"]);
    bench.pass(1_000, &[1]);
    let outputs = bench.say(
        1,
        &FromNode::Ask {
            id: 7,
            ask: beat(&["stays"]),
        },
    );
    assert_eq!(misses(&outputs), expected);
    missed(&mut bench, "gone", Some(false));
    assert_eq!(held(&bench), ["kept", "stays"]);
    let outputs = bench.say(
        1,
        &FromNode::Ask {
            id: 8,
            ask: beat(&["stays", "kept"]),
        },
    );
    assert_eq!(misses(&outputs), []);
}

#[test]
fn what_a_node_is_just_being_asked_to_take_need_not_be_in_its_beat() {
    let mut bench = Bench::lined();
    bench.offer("c");
    let outputs = bench.say(1, &FromNode::Ask { id: 6, ask: beat(&[]) });
    assert_eq!(misses(&outputs), []);
    let (sid, is_with_node) = ("c".to_owned(), Some(false));
    bench.happen(Event::Missed { sid, is_with_node });
    assert_eq!(held(&bench), ["c"], "an answer from before the question");
    bench.holds(1, "c");
    let outputs = bench.say(1, &FromNode::Ask { id: 7, ask: beat(&[]) });
    assert_eq!(misses(&outputs), [("c".to_owned(), false)]);
}

#[test]
fn many_recorders_are_not_asked_at_once() {
    let mut bench = Bench::lined();
    let channels: Vec<_> = (0..3 * TELL_A_SECOND).map(|number| format!("c{number:02}")).collect();
    for channel in &channels {
        bench.holds(1, channel);
    }
    let mut asked = misses(&bench.say(1, &FromNode::Ask { id: 6, ask: beat(&[]) }));
    assert_eq!(asked.len(), TELL_A_SECOND);
    asked.extend(misses(&bench.pass(3_000, &[1])));
    let expected: Vec<_> = channels.into_iter().map(|channel| (channel, false)).collect();
    assert_eq!(asked, expected);
}

#[test]
fn a_job_that_is_sent_may_be_held_whatever_the_node_answers() {
    let mut bench = Bench::lined();
    bench.offer("c");
    bench.happen(Event::Closed { socket: 1 });
    assert_eq!(tells(&bench.pass(30_000, &[])).len(), 1);
}

#[test]
fn who_asks_after_a_line_hears_of_its_loss_and_is_told_later_otherwise() {
    let mut bench = Bench::lined();
    let look = |bench: &mut Bench, line| {
        let request = Request::Look {
            line,
            holding: holding("c"),
        };
        let outputs = bench.step(Told::Asked { by: 1, request });
        match &replies(&outputs)[..] {
            [(1, Reply::Looked { loss })] => *loss,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(look(&mut bench, NOW), None);
    bench.happen(Event::Closed { socket: 1 });
    assert_eq!(look(&mut bench, NOW), None);
    let outputs = bench.pass(30_000, &[]);
    assert_eq!(tells(&outputs).len(), 1, "it is known since it asked");
    assert_eq!(look(&mut bench, NOW).map(|loss| loss.line), Some(NOW));
    // One that nothing is known of, since everything that was kept has been lost.
    let mut bench = Bench::default();
    assert_eq!(look(&mut bench, NOW - 5_000), None);
    assert_eq!(tells(&bench.pass(30_000, &[])).len(), 1);
}

#[test]
fn a_node_of_the_version_before_has_no_lease_on_its_line() {
    let mut bench = Bench::default();
    bench.open(1);
    let versions = Versions { oldest: 1, newest: 1 };
    let node = identity("n1");
    let outputs = bench.say(1, &FromNode::Hello(NodeHello { versions, node }));
    assert!(
        matches!(&sent(&outputs)[..], [(1, FromEdge::Hello(hello))] if hello.lease_ms.is_none()),
        "{outputs:?}"
    );
    let ask = NodeAsk::Report(report("c", 1, Phase::Recording));
    let outputs = bench.say(1, &FromNode::Ask { id: 4, ask });
    assert!(
        matches!(&outputs[..], [Output::Effect(Effect::Report { line: None, .. })]),
        "{outputs:?}"
    );
    let ask = NodeAsk::Keep(report("c", 1, Phase::Recording));
    let outputs = bench.say(1, &FromNode::Ask { id: 5, ask });
    assert!(
        matches!(
            &sent(&outputs)[..],
            [(
                1,
                FromEdge::Answer {
                    answer: EdgeAnswer::Refused(_),
                    ..
                }
            )]
        ),
        "{outputs:?}"
    );
    bench.happen(Event::Closed { socket: 1 });
    assert_eq!(bench.line.next_alarm(), None);
}
