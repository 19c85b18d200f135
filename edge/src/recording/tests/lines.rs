//! Recordings that a node holds by the lease of its line, and not by their own.

use protocol::{Directive, Phase, Problem, ProblemCode, RefusalCode, Report, Selection};

use super::bench::*;
use super::samples::*;
use crate::object::Alarm;
use crate::recording::{Command, Effect, Input, Lost, Missing, NodeAnswer, Reply, Request, Status, Update, next_alarm};

/// A recording on `n1`, over this line.
fn over_line(line: u64) -> Bench {
    let mut bench = Bench::new();
    bench.line = Some(line);
    bench.start_on("s1", ticket("a"), "n1");
    let effects = bench.report("s1", "n1", 1, |report| report.first_media_ms = Some(T0)).1;
    publish(&mut bench, effects);
    bench
}

fn lost(node_id: &str, line: u64, reports: Vec<Report>) -> Lost {
    Lost {
        node_id: node_id.to_owned(),
        line,
        heard_ms: T0,
        reports,
    }
}

fn tell(bench: &mut Bench, lost: Lost) -> Vec<Effect> {
    let (_, reply, effects) = bench.ask(Request::Lost(lost));
    assert_eq!(reply, Some(Reply::Noted));
    effects
}

fn has_asked(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Place { .. }))
}

/// Whom the orders go to: the node, the epoch, and what it is to do.
fn orders(effects: &[Effect]) -> Vec<(String, u64, Directive)> {
    let orders = effects.iter().filter_map(|effect| match effect {
        Effect::SendDesired { node, desired, .. } => Some((node.id.clone(), desired.epoch, desired.directive)),
        _ => None,
    });
    orders.collect()
}

/// Lets time pass. Nothing that is published gets lost.
fn pass(bench: &mut Bench, ms: u64) -> Vec<Effect> {
    let end_ms = bench.now + ms;
    let mut all = Vec::new();
    while let Some(due_ms) = next_alarm(&bench.state).filter(|due_ms| *due_ms <= end_ms) {
        bench.now = bench.now.max(due_ms);
        let effects = bench.step(Input::Alarm);
        publish(bench, effects.clone());
        all.extend(effects);
    }
    bench.now = end_ms;
    all
}

fn audio_of_all() -> Command {
    Command::Update(Update {
        target: target("s1", None),
        audio: Some(Selection::All),
        video: None,
        keys: None,
    })
}

#[test]
fn silence_ends_no_lease_of_a_line() {
    let mut bench = over_line(7);
    assert!(!has_asked(&pass(&mut bench, 6 * HOUR)));
    bench.crash();
    assert!(!has_asked(&pass(&mut bench, 6 * HOUR)));
    assert_eq!(bench.view("s1").status, Status::Recording);
}

#[test]
fn a_node_whose_line_is_lost_is_replaced_at_once() {
    let mut bench = over_line(7);
    pass(&mut bench, MINUTE);
    let effects = tell(&mut bench, lost("n1", 7, vec![]));
    assert!(has_asked(&effects), "{effects:?}");
    let codes: Vec<_> = bench
        .view("s1")
        .problems
        .into_iter()
        .map(|problem| problem.code)
        .collect();
    assert_eq!(codes, [ProblemCode::NodeLost]);
    // Told once more, or of a line before, it changes nothing.
    for line in [7, 6] {
        let before = bench.state.clone();
        tell(&mut bench, lost("n1", line, vec![]));
        assert_eq!(bench.state, before);
    }
}

#[test]
fn what_a_lost_node_told_last_is_heard_before() {
    let mut bench = over_line(7);
    let report = bench.make_report("s1", "n1", 1, telling(0, vec![slice("v", 1, 0)]));
    let effects = tell(&mut bench, lost("n1", 7, vec![report]));
    assert!(has_asked(&effects));
    assert_eq!(bench.slices.names("s1").len(), 1);
}

#[test]
fn the_loss_of_a_line_before_the_present_one_ends_nothing() {
    let mut bench = over_line(7);
    bench.line = Some(9);
    bench.report("s1", "n1", 1, |_| {});
    for (node_id, line) in [("n1", 8), ("n2", 99)] {
        assert!(!has_asked(&tell(&mut bench, lost(node_id, line, vec![]))));
    }
    assert!(has_asked(&tell(&mut bench, lost("n1", 9, vec![]))));
}

#[test]
fn what_was_said_over_a_lost_line_brings_nobody_back() {
    let mut bench = over_line(7);
    tell(&mut bench, lost("n1", 7, vec![]));
    let report = bench.make_report("s1", "n1", 1, |_| {});
    let (answer, _) = bench.answer_to(report);
    assert!(!answer.node_lease && answer.lease_ms == Some(0));
    assert_eq!(
        bench.request_job("s1", "n1", 1).unwrap().assignment.directive,
        Some(Directive::Release)
    );
    assert!(bench.state.recordings[0].nodes.lease.is_none());
    // Over its next line it comes back to its lease.
    bench.line = Some(8);
    let report = bench.make_report("s1", "n1", 1, |_| {});
    let (answer, _) = bench.answer_to(report);
    assert!(answer.node_lease);
    assert_eq!(answer.desired.directive, Directive::Record);
    assert!(has_asked(&tell(&mut bench, lost("n1", 8, vec![]))));
}

#[test]
fn the_lease_is_given_over_the_newest_line_only() {
    let mut bench = over_line(7);
    let mut answered = |line: Option<u64>| {
        bench.line = line;
        let report = bench.make_report("s1", "n1", 1, |_| {});
        let answer = bench.answer_to(report).0;
        (answer.node_lease, answer.lease_ms)
    };
    assert_eq!(answered(Some(7)), (true, Some(0)));
    assert_eq!(answered(Some(9)), (true, Some(0)));
    assert_eq!(answered(Some(7)), (false, Some(0)));
    assert_eq!(answered(None), (false, Some(10_000)));
}

#[test]
fn a_node_that_reports_for_itself_again_has_a_lease_of_its_own() {
    let mut bench = over_line(7);
    bench.line = None;
    bench.report("s1", "n1", 1, |_| {});
    pass(&mut bench, 5_000);
    assert!(
        !has_asked(&tell(&mut bench, lost("n1", 7, vec![]))),
        "it may still write"
    );
    assert!(!has_asked(&pass(&mut bench, 4_999)));
    assert!(has_asked(&pass(&mut bench, 1)));
}

#[test]
fn a_node_that_is_lost_while_it_is_offered_the_job_is_passed_over() {
    let mut bench = over_line(7);
    let effects = tell(&mut bench, lost("n1", 7, vec![]));
    bench.place("s1", placed_epoch(&effects), Ok(node("n2")));
    let effects = tell(&mut bench, lost("n2", 3, vec![]));
    assert!(has_asked(&effects), "{effects:?}");
    // Its answer, which was on the way, comes too late.
    bench.line = Some(3);
    let report = bench.make_report("s1", "n2", 2, |report| report.phase = Phase::Starting);
    bench.job_answered("s1", 2, NodeAnswer::Report(Box::new(report)));
    assert!(bench.state.recordings[0].nodes.lease.is_none());
}

#[test]
fn a_loss_that_was_never_told_is_found() {
    let mut bench = over_line(7);
    let looked = |effects: &[Effect]| {
        let look = |effect: &Effect| matches!(effect, Effect::Look { node_id, line: 7, .. } if node_id == "n1");
        effects.iter().filter(|effect| look(effect)).count()
    };
    assert_eq!(looked(&pass(&mut bench, 299_000)), 0);
    assert_eq!(looked(&pass(&mut bench, 1_000)), 1);
    assert_eq!(looked(&pass(&mut bench, 600_000)), 2, "nobody has answered");
    assert!(has_asked(&bench.step(Input::Looked(lost("n1", 7, vec![])))));
}

#[test]
fn what_a_node_has_not_heard_is_told_again_until_it_has() {
    let mut bench = over_line(7);
    let update = |bench: &mut Bench| bench.call(audio_of_all()).2;
    let told = orders(&update(&mut bench));
    assert_eq!(told, [("n1".to_owned(), 1, Directive::Record)]);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let (before, mut effects) = (bench.now, Vec::new());
        while orders(&effects).is_empty() {
            effects = pass(&mut bench, 1_000);
        }
        pauses.push((bench.now - before) / 1_000);
    }
    assert_eq!(pauses, [6, 12, 24, 48, 60, 60]);
    bench.crash();
    bench.report("s1", "n1", 1, |_| {});
    assert_eq!(orders(&pass(&mut bench, 10 * MINUTE)), []);
}

#[test]
fn an_answer_to_an_order_shows_that_it_was_heard() {
    let mut bench = over_line(7);
    let effects = bench.call(audio_of_all()).2;
    let Some(Effect::SendDesired { desired, .. }) =
        effects.into_iter().find(|it| matches!(it, Effect::SendDesired { .. }))
    else {
        panic!("no order");
    };
    let answer = NodeAnswer::Report(Box::new(bench.make_report("s1", "n1", 1, |_| {})));
    bench.step(Input::DesiredAnswered {
        sid: "s1".to_owned(),
        desired,
        answer,
    });
    assert_eq!(orders(&pass(&mut bench, 10 * MINUTE)), []);
}

#[test]
fn slices_that_a_lost_node_brings_later_are_told_to_the_one_that_goes_on() {
    let mut bench = over_line(7);
    let effects = tell(&mut bench, lost("n1", 7, vec![]));
    bench.line = Some(3);
    let epoch = placed_epoch(&effects);
    bench.take(epoch, "n2");
    bench.report("s1", "n2", epoch, |_| {});
    bench.line = Some(8);
    let (_, effects) = bench.report("s1", "n1", 1, telling(0, vec![slice("v", 1, 0)]));
    assert_eq!(orders(&effects), [("n2".to_owned(), epoch, Directive::Record)]);
}

#[test]
fn a_node_that_was_to_follow_is_told_that_it_does_not() {
    let mut bench = over_line(7);
    let (_, effects) = bench.report("s1", "n1", 1, |report| {
        report.spool.leaving = true;
        report.spool.spans = vec![span("v", T0)];
    });
    let epoch = placed_epoch(&effects);
    bench.line = Some(3);
    bench.take(epoch, "n2");
    bench.report("s1", "n2", epoch, |_| {});
    let (_, _, effects) = bench.stop("s1", true);
    let told = orders(&effects);
    assert!(told.contains(&("n2".to_owned(), epoch, Directive::Release)), "{told:?}");
    let (desired, _) = bench.report("s1", "n2", epoch, |_| {});
    assert_eq!(desired.directive, Directive::Release);
    let again = pass(&mut bench, MINUTE);
    assert!(orders(&again).iter().all(|(node, ..)| node == "n1"), "{again:?}");
}

#[test]
fn who_has_not_heard_of_its_relief_is_waited_for_also_when_that_is_lost() {
    let mut bench = over_line(7);
    let (_, effects) = bench.report("s1", "n1", 1, |report| report.spool.leaving = true);
    let epoch = placed_epoch(&effects);
    bench.line = Some(3);
    let (_, effects) = bench.take(epoch, "n2");
    assert_eq!(orders(&effects), [("n1".to_owned(), 1, Directive::Release)]);
    let effects = tell(&mut bench, lost("n2", 3, vec![]));
    let epoch = placed_epoch(&effects);
    bench.line = Some(4);
    let (job, _) = bench.take(epoch, "n3");
    assert!(job.assignment.terms.standby, "n1 may still write");
    let (desired, _) = bench.report("s1", "n3", epoch, |_| {});
    assert!(desired.terms.standby);
    bench.line = Some(7);
    let (_, effects) = bench.report("s1", "n1", 1, |report| report.phase = Phase::Draining);
    assert_eq!(orders(&effects), [("n3".to_owned(), epoch, Directive::Record)]);
}

/// A recording with slices in the store every 15 s, which its node gathers for a minute.
#[test]
fn a_quiet_hour_costs_a_recorder_less_than_a_hundred_requests() {
    let mut bench = over_line(7);
    pass(&mut bench, 10 * MINUTE);
    let (mut alarm, mut rings, mut reports, mut slices) = (Alarm::default(), 0, 0, 0);
    let mut rings_ms = None;
    let writes = bench.storage.writes.state;
    for second in 1..=3_600 {
        bench.now += 1_000;
        let mut effects = Vec::new();
        if rings_ms.is_some_and(|at_ms| bench.now >= at_ms) {
            rings += 1;
            alarm.rang(bench.now);
            effects.extend(bench.step(Input::Alarm));
            alarm.handled();
        }
        if second % 60 == 0 {
            reports += 1;
            let told: Vec<_> = (0..4).map(|more| slice("v", 1, slices + more)).collect();
            effects.extend(bench.report("s1", "n1", 1, telling(slices, told)).1);
            slices += 4;
        }
        // As the host does: when something is asked of the platform, it is there at once.
        let mut order = |alarm: &mut Alarm, bench: &Bench| {
            alarm.want(next_alarm(&bench.state));
            if let Some(crate::object::Order::Set { at_ms }) = alarm.order(bench.now) {
                rings_ms = Some(at_ms);
            }
        };
        order(&mut alarm, &bench);
        publish(&mut bench, effects);
        order(&mut alarm, &bench);
    }
    assert!(reports + rings <= 70, "{reports} reports, {rings} alarms");
    assert!(
        bench.storage.writes.state - writes <= 2 * 70,
        "{:?}",
        bench.storage.writes
    );
    assert_eq!(bench.view("s1").status, Status::Recording);
    let problems: Vec<Problem> = bench.view("s1").problems;
    assert_eq!(problems, []);
}

fn miss(bench: &mut Bench, node_id: &str, sid: &str, report: Option<Report>) -> (bool, Vec<Effect>) {
    let missing = Missing {
        node_id: node_id.to_owned(),
        sid: sid.to_owned(),
        report: report.map(Box::new),
    };
    let (_, reply, effects) = bench.ask(Request::Missing(missing));
    let Some(Reply::Missed { is_with_node }) = reply else {
        panic!("{reply:?}");
    };
    (is_with_node, effects)
}

#[test]
fn a_recording_that_its_node_has_lost_goes_to_another_one_at_once() {
    let mut bench = over_line(7);
    assert!(!miss(&mut bench, "n2", "s1", None).0, "it is not there");
    assert!(!miss(&mut bench, "n1", "none", None).0);
    let (is_with_node, effects) = miss(&mut bench, "n1", "s1", None);
    assert!(is_with_node);
    assert_eq!(orders(&effects), [("n1".to_owned(), 1, Directive::Record)]);
    let refused = NodeAnswer::Refused(refusal(RefusalCode::UnknownRecording));
    let effects = bench.desired_answered("s1", 1, refused);
    assert!(has_asked(&effects), "{effects:?}");
    assert!(!miss(&mut bench, "n1", "s1", None).0);
}

#[test]
fn a_recording_that_its_node_has_all_the_same_stays() {
    let mut bench = over_line(7);
    miss(&mut bench, "n1", "s1", None);
    let answer = NodeAnswer::Report(Box::new(bench.make_report("s1", "n1", 1, |_| {})));
    let effects = bench.desired_answered("s1", 1, answer);
    assert!(!has_asked(&effects) && orders(&effects).is_empty(), "{effects:?}");
    assert!(!has_asked(&pass(&mut bench, 60_000)));
    assert!(miss(&mut bench, "n1", "s1", None).0);
}
