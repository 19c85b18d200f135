use protocol::{Directive, EndCause, ProblemCode};

use super::bench::*;
use super::samples::*;
use crate::recording::{Effect, NodeAnswer, Outcome, Status, next_alarm};

fn codes(bench: &mut Bench) -> Vec<ProblemCode> {
    bench
        .view("s1")
        .problems
        .into_iter()
        .map(|problem| problem.code)
        .collect()
}

#[test]
fn nothing_is_due_when_nothing_is_known() {
    assert_eq!(next_alarm(&Bench::new().state), None);
}

#[test]
fn reports_extend_the_lease() {
    let mut bench = Bench::started("s1", ticket("a"));
    for _ in 0..60 {
        bench.pass(9_000);
        bench.report("s1", "n1", 1, |_| {});
        assert!(codes(&mut bench).is_empty());
    }
}

#[test]
fn a_stop_ends_even_when_the_node_never_comes_back() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (by, _, _) = bench.stop("s1", false);
    let effects = bench.pass(2 * MINUTE);
    assert!(
        matches!(replies_to(&effects, by)[..], [Outcome::Stopping(_)]),
        "{effects:?}"
    );
    let view = bench.view("s1");
    assert_eq!((view.status, view.cause), (Status::Failed, Some(EndCause::NodeLost)));
}

#[test]
fn idleness_ends_a_recording_at_its_time() {
    let mut bench = Bench::started("s1", ticket("a"));
    let mut orders = Vec::new();
    let since = bench.now;
    while orders.is_empty() && bench.now < since + MINUTE {
        bench.report("s1", "n1", 1, |report| report.idle_since_ms = Some(since));
        orders = bench.pass(7_000);
        orders.retain(|effect| matches!(effect, Effect::SendDesired { .. }));
    }
    let [
        Effect::SendDesired {
            desired, wait_ms: 0, ..
        },
    ] = &orders[..]
    else {
        panic!("{orders:?}")
    };
    assert_eq!(desired.directive, Directive::Stop(EndCause::Idle));
    assert_eq!(
        bench.now,
        since + 35_000,
        "the alarm rang in the fifth interval, at 30 s"
    );
    let (desired, effects) = bench.report("s1", "n1", 1, |report| report.idle_since_ms = Some(since));
    assert_eq!(desired.directive, Directive::Stop(EndCause::Idle));
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::SendDesired { .. })),
        "the order is sent once"
    );
    let (_, outcome, _) = bench.stop("s1", false);
    assert!(matches!(outcome, Some(Outcome::AlreadyEnded(_))));
    bench.report("s1", "n1", 1, ended(EndCause::Idle));
    let view = bench.view("s1");
    assert_eq!((view.status, view.cause), (Status::Ended, Some(EndCause::Idle)));
}

#[test]
fn idleness_is_measured_by_the_nodes_own_clock() {
    for skew in [-HOUR.cast_signed(), HOUR.cast_signed()] {
        let mut bench = Bench::started("s1", ticket("a"));
        let at_ms = bench.now.checked_add_signed(skew).unwrap();
        let tell = |idle_for: u64| {
            move |report: &mut protocol::Report| {
                report.at_ms = at_ms;
                report.idle_since_ms = Some(at_ms - idle_for);
            }
        };
        assert_eq!(
            bench.report("s1", "n1", 1, tell(MAX_IDLE - 1)).0.directive,
            Directive::Record
        );
        assert_eq!(
            bench.report("s1", "n1", 1, tell(MAX_IDLE)).0.directive,
            Directive::Record
        );
        assert_eq!(
            bench.report("s1", "n1", 1, tell(MAX_IDLE)).0.directive,
            Directive::Stop(EndCause::Idle)
        );
    }
}

#[test]
fn a_silent_node_is_not_judged_idle() {
    let mut bench = Bench::started("s1", ticket("a"));
    let since = bench.now;
    bench.report("s1", "n1", 1, |report| report.idle_since_ms = Some(since));
    let effects = bench.pass(60_000);
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::SendDesired { .. })),
        "{effects:?}"
    );
    assert_eq!(bench.report("s1", "n1", 1, |_| {}).0.directive, Directive::Record);
}

#[test]
fn after_its_resource_has_expired_a_recording_goes_on_out_of_the_callers_reach() {
    let mut bench = Bench::started("s1", ticket("a"));
    while bench.now < T0 + HOUR + MINUTE {
        bench.pass(5_000);
        bench.report("s1", "n1", 1, |_| {});
    }
    let Outcome::NotFound { reason } = bench.query("s1", Some("a")) else {
        panic!()
    };
    assert!(reason.contains("expired"), "{reason}");
    assert_eq!(bench.view("s1").status, Status::Started);
    let (by, _, effects) = bench.stop("s1", false);
    assert!(matches!(effects[..], [Effect::SendDesired { .. }]), "{effects:?}");
    let report = bench.make_report("s1", "n1", 1, ended(EndCause::Stopped));
    let effects = bench.desired_answered("s1", 1, NodeAnswer::Report(Box::new(report)));
    assert!(matches!(replies_to(&effects, by)[..], [Outcome::State(_)]));
    bench.pass(10 * MINUTE);
    assert!(bench.state.find("s1").is_none());
}

#[test]
fn an_ended_recording_is_kept_until_its_resource_expires() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| report.files = vec![file("a", 1, 1)]);
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    bench.pass(HOUR - 1);
    let view = bench.view("s1");
    assert_eq!((view.cause, view.files.len()), (Some(EndCause::Stopped), 1));
    bench.pass(1);
    assert!(matches!(bench.query("s1", None), Outcome::NotFound { .. }));
    assert_eq!(
        next_alarm(&bench.state),
        Some(T0 + HOUR + 7 * 24 * HOUR),
        "its log is kept as long as its document"
    );
    bench.pass(7 * 24 * HOUR);
    assert!(bench.state.is_empty());
    assert_eq!(next_alarm(&bench.state), None);
}

#[test]
fn used_resource_ids_are_remembered_while_they_would_be_good() {
    let mut bench = Bench::new();
    for i in 0..40_u64 {
        let epoch = bench.start_on(&format!("s{i}"), ticket(&format!("t{i}")), "n1");
        bench.report(&format!("s{i}"), "n1", epoch, ended(EndCause::Stopped));
    }
    assert!(
        matches!(bench.query("s0", None), Outcome::NotFound { .. }),
        "made room for newer ones"
    );
    assert_eq!(bench.start("x", ticket("t0")).1, Some(Outcome::TicketSpent));
    bench.pass(5 * MINUTE);
    assert_eq!(bench.start("x", ticket("t0")).1, Some(Outcome::TicketSpent));
}
