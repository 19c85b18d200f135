use protocol::{Directive, EndCause, Phase, Report};

use super::bench::*;
use super::samples::*;
use crate::recording::{Effect, Status};

fn leaving(report: &mut Report) {
    report.spool.leaving = true;
    report.spool.spans = vec![span("a", T0), span("v", T0)];
}

/// n1 leaves; n2 has taken the job beside it. The epoch of n2.
fn joined() -> (Bench, u64) {
    let mut bench = Bench::started("s1", ticket("a"));
    let (desired, effects) = bench.report("s1", "n1", 1, leaving);
    assert_eq!((desired.directive, desired.terms.alone), (Directive::Record, false));
    let [Effect::Place { epoch, exclude, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(*exclude, ["n1"]);
    let (job, _) = bench.take(*epoch, "n2");
    assert!(job.assignment.terms.standby && job.assignment.takeover);
    assert_eq!(job.assignment.directive, Some(Directive::Record));
    (bench, job.epoch)
}

fn relieved() -> (Bench, u64) {
    let (mut bench, epoch) = joined();
    let begin = |playlists: &'static [&str]| {
        move |report: &mut Report| {
            report.spool.spans = playlists.iter().map(|name| span(name, T0 + 3_000)).collect();
        }
    };
    let (_, effects) = bench.report("s1", "n2", epoch, begin(&["v"]));
    assert_eq!(effects, [], "the audio is still missing");
    let (desired, _) = bench.report("s1", "n1", 1, leaving);
    assert_eq!(desired.directive, Directive::Record);
    let (desired, effects) = bench.report("s1", "n2", epoch, begin(&["v", "a"]));
    assert_eq!((desired.directive, desired.terms.standby), (Directive::Record, true));
    let [Effect::SendDesired { node, desired, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (node.id.as_str(), desired.directive, desired.epoch),
        ("n1", Directive::Release, 1)
    );
    assert_eq!(
        desired.terms.cuts,
        [("a".to_owned(), T0 + 3_000), ("v".to_owned(), T0 + 3_000)].into()
    );
    (bench, epoch)
}

#[test]
fn a_node_that_leaves_is_relieved_once_the_other_has_what_it_has() {
    let (mut bench, epoch) = relieved();
    // A report that was under way when the lease went over.
    assert_eq!(bench.report("s1", "n1", 1, leaving).0.directive, Directive::Release);
    let (desired, _) = bench.report("s1", "n2", epoch, |_| {});
    assert!(desired.terms.standby, "n1 may still write a playlist");
    bench.report("s1", "n1", 1, |report| report.phase = Phase::Draining);
    let report = bench.make_report("s1", "n2", epoch, |_| {});
    let (answer, _) = bench.answer_to(report);
    assert!(!answer.desired.terms.standby);
    assert_eq!(answer.lease_ms, Some(10_000));
    assert!(bench.view("s1").problems.is_empty());
}

#[test]
fn a_relieved_node_that_dies_keeps_the_playlists_for_a_lease_only() {
    let (mut bench, epoch) = relieved();
    for _ in 0..2 {
        bench.pass(4_900);
        assert!(bench.report("s1", "n2", epoch, |_| {}).0.terms.standby);
    }
    bench.pass(200);
    assert!(!bench.report("s1", "n2", epoch, |_| {}).0.terms.standby);
}

#[test]
fn a_successor_that_does_not_find_everything_is_waited_for_only_so_long() {
    let (mut bench, epoch) = joined();
    for _ in 0..3 {
        bench.pass(3_000);
        bench.report("s1", "n1", 1, leaving);
        bench.report("s1", "n2", epoch, |_| {});
    }
    let effects = bench.pass(1_000);
    assert!(matches!(effects[..], [Effect::SendDesired { .. }]), "{effects:?}");
    assert_eq!(bench.report("s1", "n1", 1, leaving).0.directive, Directive::Release);
}

#[test]
fn with_nobody_to_relieve_it_a_node_is_told_so() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (_, effects) = bench.report("s1", "n1", 1, leaving);
    bench.place("s1", placed_epoch(&effects), Err("none"));
    let (desired, effects) = bench.report("s1", "n1", 1, leaving);
    assert_eq!((desired.directive, desired.terms.alone), (Directive::Record, true));
    assert_eq!(effects, []);
    assert!(
        matches!(bench.pass(1_000)[..], [Effect::Place { .. }]),
        "somebody may come"
    );
    // It has been started again.
    let (desired, _) = bench.report("s1", "n1", 1, |_| {});
    assert!(!desired.terms.alone);
    assert_eq!(bench.pass(9_000), []);
}

#[test]
fn when_the_leaving_node_dies_its_successor_has_the_lease() {
    let (mut bench, epoch) = joined();
    bench.pass(5_000);
    bench.report("s1", "n2", epoch, |report| {
        report.spool.spans = vec![span("v", T0 + 4_000)]
    });
    bench.pass(5_000);
    let (desired, _) = bench.report("s1", "n2", epoch, |_| {});
    assert_eq!((desired.directive, desired.terms.standby), (Directive::Record, false));
    let (desired, _) = bench.report("s1", "n1", 1, leaving);
    assert_eq!(desired.directive, Directive::Release);
    assert_eq!(desired.terms.cuts.get("v"), Some(&(T0 + 4_000)));
}

#[test]
fn a_successor_that_falls_silent_is_replaced() {
    let (mut bench, epoch) = joined();
    bench.pass(5_000);
    bench.report("s1", "n1", 1, leaving);
    let effects = bench.pass(5_000);
    let next = placed_epoch(&effects);
    assert!(next > epoch);
    assert_eq!(bench.report("s1", "n1", 1, leaving).0.directive, Directive::Record);
    assert_eq!(bench.report("s1", "n2", epoch, |_| {}).0.directive, Directive::Release);
}

#[test]
fn a_stop_ends_it_where_it_is() {
    let (mut bench, epoch) = joined();
    let (_, _, effects) = bench.stop("s1", true);
    assert!(
        matches!(&effects[..], [Effect::SendDesired { node, .. }] if node.id == "n1"),
        "{effects:?}"
    );
    assert_eq!(bench.report("s1", "n2", epoch, |_| {}).0.directive, Directive::Release);
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert_eq!(bench.view("s1").status, Status::Ended);
}

#[test]
fn a_restarted_successor_goes_on_beside_the_holder() {
    let (mut bench, epoch) = joined();
    let job = bench.request_job("s1", "n2", epoch).unwrap();
    assert!(job.assignment.terms.standby);
    assert_eq!(
        (job.assignment.directive, job.assignment.lane),
        (Some(Directive::Record), 1)
    );
}

#[test]
fn a_second_relief_waits_until_the_first_one_is_over() {
    let (mut bench, epoch) = relieved();
    // n1 has not been heard since, and may still write for a lease; n2 is shut down as well.
    let (_, effects) = bench.report("s1", "n2", epoch, leaving);
    let next = placed_epoch(&effects);
    bench.take(next, "n3");
    let covers = |report: &mut Report| report.spool.spans = vec![span("a", T0), span("v", T0)];
    let (desired, effects) = bench.report("s1", "n3", next, covers);
    assert_eq!((desired.terms.standby, effects), (true, vec![]));
    let mut told = Vec::new();
    for _ in 0..10 {
        told.extend(bench.pass(1_000));
        bench.report("s1", "n2", epoch, leaving);
        told.extend(bench.report("s1", "n3", next, covers).1);
    }
    let released = |effect: &Effect| matches!(effect, Effect::SendDesired { node, .. } if node.id == "n2");
    assert!(told.iter().any(released), "{told:?}");
}
