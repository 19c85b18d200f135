use protocol::{Directive, Phase, ProblemCode, Refusal};

use super::bench::*;
use super::samples::*;
use crate::recording::{Command, Effect, Event, Input, NodeAnswer, Outcome, Status};

fn pause(bench: &mut Bench) -> (Outcome, Vec<Effect>) {
    let (_, outcome, effects) = bench.call(Command::Pause(target("s1", Some("a"))));
    (outcome.unwrap(), effects)
}

fn resume(bench: &mut Bench) -> (Outcome, Vec<Effect>) {
    let (_, outcome, effects) = bench.call(Command::Resume(target("s1", Some("a"))));
    (outcome.unwrap(), effects)
}

fn is_paused(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::State(view) => view.paused,
        other => panic!("{other:?}"),
    }
}

fn directives(effects: &[Effect]) -> Vec<Directive> {
    told(effects).iter().map(|desired| desired.directive).collect()
}

#[test]
fn the_node_is_told_at_once_and_events_tell_of_it_once() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (outcome, effects) = pause(&mut bench);
    assert!(is_paused(&outcome));
    assert_eq!(directives(&effects), [Directive::Pause]);
    let (again, effects) = pause(&mut bench);
    assert!(is_paused(&again));
    assert_eq!(directives(&effects), []);
    bench.crash();
    let (desired, _) = bench.report("s1", "n1", 1, |report| report.phase = Phase::Recording);
    assert_eq!(desired.directive, Directive::Pause, "it is kept");
    assert_eq!(
        bench.request_job("s1", "n1", 1).unwrap().assignment.directive,
        Some(Directive::Pause)
    );

    let (outcome, effects) = resume(&mut bench);
    assert!(!is_paused(&outcome));
    assert_eq!(directives(&effects), [Directive::Record]);
    assert!(!is_paused(&resume(&mut bench).0));
    let events = bench.events("s1");
    let told: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, Event::Paused | Event::Resumed))
        .collect();
    assert_eq!(told, [&Event::Paused, &Event::Resumed]);
}

#[test]
fn paused_time_is_not_idle_time() {
    let mut bench = Bench::started("s1", ticket("a"));
    let since = bench.now;
    bench.report("s1", "n1", 1, |report| report.idle_since_ms = Some(since));
    pause(&mut bench);
    for _ in 0..60 {
        bench.pass(MINUTE / 10);
        bench.report("s1", "n1", 1, |_| {});
    }
    assert_ne!(bench.view("s1").status, Status::Stopping);
}

#[test]
fn another_node_goes_on_with_the_pause() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| report.first_media_ms = Some(T0));
    pause(&mut bench);
    let effects = bench.pass(20_000);
    let epoch = asked(&effects).0;
    let (job, _) = bench.take(epoch, "n2");
    assert_eq!(job.assignment.directive, Some(Directive::Pause));
    assert!(bench.view("s1").paused);
}

#[test]
fn a_pause_that_comes_while_a_node_is_asked_reaches_it() {
    let mut bench = Bench::new();
    let (_, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    bench.place("s1", epoch, Ok(node("n1")));
    pause(&mut bench);
    let report = bench.make_report("s1", "n1", epoch, |_| {});
    let effects = bench.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report)));
    assert_eq!(directives(&effects), [Directive::Pause]);
}

#[test]
fn a_node_that_cannot_pause_does_not_pass_for_one_that_has() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (_, effects) = pause(&mut bench);
    let desired = Box::new(told(&effects).remove(0));
    bench.step(Input::DesiredAnswered {
        sid: "s1".to_owned(),
        desired,
        answer: NodeAnswer::Refused(Refusal::internal("the node does not understand it")),
    });
    let view = bench.view("s1");
    assert!(!view.paused);
    let problem = view.problems.last().unwrap();
    assert_eq!(problem.code, ProblemCode::NotPaused);
    assert!(
        problem.message.contains("n1") && problem.message.contains("update"),
        "{problem:?}"
    );
    let events = bench.events("s1");
    assert!(events.contains(&Event::Paused) && events.contains(&Event::Resumed));
}

#[test]
fn a_stop_that_waits_for_a_node_is_not_undone() {
    let mut bench = Bench::new();
    bench.start("s1", ticket("a"));
    bench.stop("s1", false);
    for command in [Command::Pause(target("s1", None)), Command::Resume(target("s1", None))] {
        let (_, outcome, _) = bench.call(command);
        assert!(matches!(outcome, Some(Outcome::AlreadyEnded(_))), "{outcome:?}");
    }
}

#[test]
fn a_paused_recording_is_stopped_and_an_ending_one_is_not_paused() {
    let mut bench = Bench::started("s1", ticket("a"));
    pause(&mut bench);
    let (_, outcome, effects) = bench.stop("s1", true);
    assert!(matches!(outcome, Some(Outcome::Stopping(view)) if !view.paused));
    assert!(matches!(directives(&effects)[..], [Directive::Stop(_)]));
    let ended = |outcome: Outcome| matches!(outcome, Outcome::AlreadyEnded(view) if view.status == Status::Stopping);
    assert!(ended(pause(&mut bench).0));
    assert!(ended(resume(&mut bench).0));
}
