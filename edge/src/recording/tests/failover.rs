use protocol::{Directive, EndCause, Phase, ProblemCode, RefusalCode};

use super::bench::*;
use super::samples::*;
use crate::recording::{Effect, NodeAnswer, Outcome, RecordingView, Status, next_alarm};

const LOST: u64 = 30 * MINUTE;

fn codes(bench: &mut Bench) -> Vec<ProblemCode> {
    let problems = bench.view("s1").problems;
    problems.into_iter().map(|problem| problem.code).collect()
}

fn has_asked(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Place { .. }))
}

/// A recording whose node n1 has been silent for a lease, and the epoch of the search for another one.
fn lost() -> (Bench, u64) {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| report.first_media_ms = Some(T0));
    let early = bench.pass(9_999);
    assert!(!has_asked(&early), "{early:?}");
    let (epoch, spared) = asked(&bench.pass(1));
    assert_eq!(spared, ["n1"]);
    (bench, epoch)
}

/// Nobody is free, with and without n1.
fn in_vain(bench: &mut Bench, epoch: u64) {
    let (again, spared) = asked(&bench.place("s1", epoch, Err("none")));
    assert_eq!(spared, [""; 0], "the lost node may be back");
    assert_eq!(bench.place("s1", again, Err("none")), []);
}

#[test]
fn a_lost_node_is_replaced_and_released() {
    let (mut bench, epoch) = lost();
    assert_eq!(codes(&mut bench), [ProblemCode::NodeLost]);
    assert_eq!(bench.view("s1").status, Status::Recording);
    let (job, _) = bench.take(epoch, "n2");
    let assignment = job.assignment;
    assert_eq!(assignment.directive, Some(Directive::Record));
    assert!(assignment.takeover && assignment.leased && !assignment.terms.standby);
    assert_eq!((assignment.started_ms, assignment.lane), (Some(T0), 1));
    assert_eq!(codes(&mut bench), [ProblemCode::FailedOver]);
    assert_eq!(bench.view("s1").status, Status::Recording);

    bench.report("s1", "n2", epoch, |report| {
        report.spool.spans = vec![span("v", T0 + 12_345)]
    });
    let report = bench.make_report("s1", "n1", 1, |_| {});
    let (answer, _) = bench.answer_to(report);
    assert_eq!(answer.desired.directive, Directive::Release);
    assert_eq!((answer.desired.epoch, answer.lease_ms), (1, Some(0)));
    assert_eq!(answer.desired.terms.cuts.get("v"), Some(&(T0 + 12_345)));
    let job = bench.request_job("s1", "n1", 1).unwrap();
    assert_eq!((job.epoch, job.assignment.directive), (1, Some(Directive::Release)));

    let report = bench.make_report("s1", "n2", epoch, |_| {});
    let (answer, _) = bench.answer_to(report);
    assert_eq!(
        (answer.desired.directive, answer.lease_ms),
        (Directive::Record, Some(10_000))
    );
}

#[test]
fn without_another_node_the_search_goes_on_and_the_lost_one_comes_back_to_its_lease() {
    let (mut bench, epoch) = lost();
    in_vain(&mut bench, epoch);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let (before, mut effects) = (bench.now, Vec::new());
        while !has_asked(&effects) {
            effects = bench.pass(100);
        }
        pauses.push(bench.now - before);
        let (epoch, spared) = asked(&effects);
        assert_eq!(spared, ["n1"]);
        in_vain(&mut bench, epoch);
    }
    assert_eq!(pauses, [1_000, 2_000, 4_000, 4_000, 4_000]);
    let (desired, _) = bench.report("s1", "n1", 1, |_| {});
    assert_eq!((desired.directive, desired.epoch), (Directive::Record, 1));
    assert_eq!(codes(&mut bench), [ProblemCode::NodeReturned]);
    assert!(!has_asked(&bench.pass(9_000)));
}

#[test]
fn a_lost_node_that_restarts_gets_its_job_back() {
    let (mut bench, epoch) = lost();
    in_vain(&mut bench, epoch);
    let job = bench.request_job("s1", "n1", 1).unwrap();
    assert_eq!((job.epoch, job.assignment.directive), (1, Some(Directive::Record)));
    assert_eq!(bench.report("s1", "n1", 1, |_| {}).0.directive, Directive::Record);
}

#[test]
fn once_another_node_was_asked_the_lost_one_gets_a_new_lease_only() {
    for answer in [None, Some(NodeAnswer::Unreachable)] {
        let (mut bench, epoch) = lost();
        bench.place("s1", epoch, Ok(node("n2")));
        let effects = answer.map_or(Vec::new(), |answer| bench.job_answered("s1", epoch, answer));
        assert_eq!(bench.report("s1", "n1", 1, |_| {}).0.directive, Directive::Release);
        if effects.is_empty() {
            continue;
        }
        let (epoch, spared) = asked(&effects);
        assert_eq!(spared, ["n1", "n2"]);
        let (epoch, spared) = asked(&bench.place("s1", epoch, Err("none")));
        assert_eq!(spared, ["n2"]);
        let (job, _) = bench.take(epoch, "n1");
        assert_eq!(job.assignment.lane, 2, "n2 may have captured with 1");
        assert_eq!(bench.report("s1", "n1", epoch, |_| {}).0.directive, Directive::Record);
    }
}

#[test]
fn a_node_that_refuses_leaves_the_lost_one_its_lease() {
    let (mut bench, epoch) = lost();
    bench.place("s1", epoch, Ok(node("n2")));
    bench.job_answered("s1", epoch, NodeAnswer::Refused(refusal(RefusalCode::StorageUnusable)));
    assert_eq!(bench.report("s1", "n1", 1, |_| {}).0.directive, Directive::Record);
}

#[test]
fn a_lost_acceptance_is_made_good_by_the_new_nodes_report() {
    let (mut bench, epoch) = lost();
    bench.place("s1", epoch, Ok(node("n2")));
    assert_eq!(bench.report("s1", "n2", epoch, |_| {}).0.directive, Directive::Record);
    assert_eq!(codes(&mut bench), [ProblemCode::FailedOver]);
}

#[test]
fn a_lost_question_is_asked_again() {
    for offered in [false, true] {
        let (mut bench, epoch) = lost();
        if offered {
            bench.place("s1", epoch, Ok(node("n2")));
        }
        bench.crash();
        let (again, _) = asked(&bench.pass(20_000));
        assert!(again > epoch);
        bench.take(again, "n3");
        assert_eq!(bench.report("s1", "n2", epoch, |_| {}).0.directive, Directive::Release);
    }
}

#[test]
fn there_is_no_limit_to_the_number_of_failovers() {
    let (mut bench, mut epoch) = lost();
    for round in 0..300_u64 {
        let id = format!("n{}", 2 + round % 5);
        let (job, _) = bench.take(epoch, &id);
        assert_eq!(job.assignment.lane, round + 1);
        bench.report("s1", &id, epoch, telling(0, vec![slice("v", epoch, round)]));
        let (next, spared) = asked(&bench.pass(10_000));
        assert_eq!(spared, [id]);
        epoch = next;
    }
    assert_eq!(bench.slices.names("s1").len(), 300);
    assert!(bench.view("s1").problems.len() <= 17);
}

#[test]
fn nobody_for_a_long_time_ends_the_recording_and_its_playlists_are_ended_later() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, telling(0, vec![slice("v", 1, 0)]));
    let mut effects = bench.pass(10_000);
    while bench.now < T0 + 10_000 + LOST - 1 {
        while has_asked(&effects) {
            effects = bench.place("s1", asked(&effects).0, Err("none"));
        }
        let due = next_alarm(&bench.state).unwrap();
        effects = bench.pass(due - bench.now);
    }
    let view = bench.view("s1");
    assert_eq!((view.status, view.cause), (Status::Failed, Some(EndCause::NodeLost)));
    assert_eq!(codes(&mut bench), [ProblemCode::NodeLost]);
    while !has_asked(&effects) {
        effects = bench.pass(1_000);
    }
    let (job, _) = bench.take(asked(&effects).0, "n2");
    assert_eq!(job.assignment.directive, Some(Directive::Stop(EndCause::NodeLost)));
    bench.report("s1", "n2", job.epoch, |report| {
        ended(EndCause::NodeLost)(report);
        report.spool.learned = 1;
        report.files = vec![file("v", 1, 1)];
    });
    let view = bench.view("s1");
    assert_eq!((view.status, view.files.len()), (Status::Failed, 1));
    assert!(
        bench.request_job("s1", "n1", 1).is_ok(),
        "what it has not told may still come"
    );
}

#[test]
fn a_node_that_comes_back_to_an_ended_recording_ends_its_playlists() {
    let (mut bench, epoch) = lost();
    in_vain(&mut bench, epoch);
    bench.stop("s1", true);
    for _ in 0..95 {
        let effects = bench.pass(1_000);
        if has_asked(&effects) {
            in_vain(&mut bench, asked(&effects).0);
        }
    }
    assert_eq!(bench.view("s1").cause, Some(EndCause::NodeLost));
    bench.start_on("s2", ticket("b"), "n2");
    let (desired, _) = bench.report("s1", "n1", 1, |report| report.files = vec![file("a", 4, 3)]);
    assert_eq!(
        (desired.directive, desired.epoch),
        (Directive::Stop(EndCause::NodeLost), 1)
    );
    bench.report("s1", "n1", 1, |report| {
        ended(EndCause::NodeLost)(report);
        report.files = vec![file("a", 4, 4)];
    });
    assert_eq!(bench.view("s1").files, [file("a", 4, 4)]);
    assert_eq!(bench.request_job("s1", "n1", 1), Err(RefusalCode::UnknownRecording));
}

fn stopping(outcomes: &[Outcome]) -> &RecordingView {
    match outcomes {
        [Outcome::Stopping(view)] => view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stop_during_the_search_reaches_the_next_node_at_once() {
    let (mut bench, epoch) = lost();
    in_vain(&mut bench, epoch);
    let (by, _, effects) = bench.stop("s1", false);
    let (epoch, _) = asked(&effects);
    let (job, effects) = bench.take(epoch, "n2");
    assert_eq!(job.assignment.directive, Some(Directive::Stop(EndCause::Stopped)));
    assert_eq!(replies_to(&effects, by), []);
    let (_, effects) = bench.report("s1", "n2", epoch, ended(EndCause::Stopped));
    let [Outcome::State(view)] = &replies_to(&effects, by)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((view.status, view.cause), (Status::Ended, Some(EndCause::Stopped)));
}

#[test]
fn a_stop_that_finds_no_node_is_answered_in_time_and_ends() {
    let (mut bench, epoch) = lost();
    bench.place("s1", epoch, Ok(node("n2")));
    let (by, _, _) = bench.stop("s1", false);
    let effects = bench.pass(20_000);
    assert_eq!(stopping(&replies_to(&effects, by)).status, Status::Stopping);
    bench.pass(70_000);
    let view = bench.view("s1");
    assert_eq!((view.status, view.cause), (Status::Failed, Some(EndCause::NodeLost)));
}

#[test]
fn a_node_lost_while_it_ends_is_replaced_by_one_that_ends() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| {
        report.phase = Phase::Draining;
        report.cause = Some(EndCause::Idle);
    });
    let (epoch, _) = asked(&bench.pass(10_000));
    assert_eq!(bench.view("s1").status, Status::Stopping);
    let (job, _) = bench.take(epoch, "n2");
    assert_eq!(job.assignment.directive, Some(Directive::Stop(EndCause::Idle)));
}

#[test]
fn time_in_which_the_object_slept_is_excused_once() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.now += HOUR / 2;
    bench.crash();
    assert!(!has_asked(&bench.pass(9_999)));
    bench.crash();
    let (_, spared) = asked(&bench.pass(1));
    assert_eq!(spared, ["n1"], "the second sleep is no excuse");
    bench.report("s1", "n1", 1, |_| {});
    bench.now += MINUTE;
    bench.crash();
    assert_eq!(bench.report("s1", "n1", 1, |_| {}).0.directive, Directive::Record);
    assert!(!has_asked(&bench.pass(9_999)));
}
