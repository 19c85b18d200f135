use protocol::{Directive, Fault, Phase, RefusalCode};

use super::bench::*;
use super::samples::*;
use crate::recording::{CallId, Effect, NodeAnswer, Outcome, Status};

/// A start whose job has been offered to n1: its call and its epoch.
fn offered() -> (Bench, CallId, u64) {
    let mut bench = Bench::new();
    let (by, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    bench.place("s1", epoch, Ok(node("n1")));
    (bench, by, epoch)
}

#[test]
fn a_start_is_answered_when_a_node_has_taken_the_job() {
    let mut bench = Bench::new();
    let (by, early, effects) = bench.start("s1", ticket("a"));
    assert_eq!(early, None);
    let epoch = placed_epoch(&effects);
    assert_eq!(bench.view("s1").status, Status::Placing);

    let effects = bench.place("s1", epoch, Ok(node("n1")));
    let [Effect::SendJob { node, job }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((node.id.as_str(), job.epoch, &job.recorder), ("n1", epoch, &key()));
    assert_eq!(job.spec.storage.secret_key.expose(), "storage-secret");

    let report = bench.make_report("s1", "n1", epoch, |report| report.phase = Phase::Starting);
    let effects = bench.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report)));
    assert_eq!(replies_to(&effects, by), [Outcome::Started { sid: "s1".into() }]);
    assert_eq!(bench.view("s1").status, Status::Started);
}

#[test]
fn a_refusal_for_the_nodes_own_reason_leads_to_the_next_node() {
    let codes = [
        RefusalCode::NoCapacity,
        RefusalCode::Draining,
        RefusalCode::Internal,
        RefusalCode::StaleEpoch,
    ];
    for code in codes {
        let (mut bench, _, first) = offered();
        let effects = bench.job_answered("s1", first, NodeAnswer::Refused(refusal(code)));
        let [Effect::Place { epoch, exclude, .. }] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert!(*epoch > first, "epochs grow with each placement");
        assert_eq!(*exclude, ["n1"]);
    }
}

#[test]
fn a_fault_of_the_job_or_the_bucket_is_final_and_spends_no_ticket() {
    for code in [
        RefusalCode::StorageUnusable,
        RefusalCode::StorageUnavailable,
        RefusalCode::BadJob,
    ] {
        let (mut bench, by, epoch) = offered();
        let effects = bench.job_answered("s1", epoch, NodeAnswer::Refused(refusal(code)));
        assert_eq!(replies_to(&effects, by), [Outcome::Refused(refusal(code))]);
        assert!(bench.state.is_empty());
        bench.start_on("s2", ticket("a"), "n1");
    }
}

#[test]
fn when_no_node_takes_it_the_refusal_names_them_all() {
    let mut bench = Bench::new();
    let (by, _, mut effects) = bench.start("s1", ticket("a"));
    for id in ["n1", "n2", "n3"] {
        let epoch = placed_epoch(&effects);
        bench.place("s1", epoch, Ok(node(id)));
        effects = bench.job_answered("s1", epoch, NodeAnswer::Unreachable);
    }
    let [Outcome::Refused(refusal)] = &replies_to(&effects, by)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((refusal.fault, refusal.code), (Fault::Ours, RefusalCode::NoCapacity));
    for id in ["n1", "n2", "n3"] {
        assert!(refusal.reason.contains(id), "{}", refusal.reason);
    }
    assert!(bench.state.is_empty());
}

#[test]
fn without_a_node_the_fleets_reason_is_told() {
    let mut bench = Bench::new();
    let (by, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    let effects = bench.place("s1", epoch, Err("all are full"));
    let [Outcome::Refused(refusal)] = &replies_to(&effects, by)[..] else {
        panic!("{effects:?}")
    };
    assert!(refusal.reason.contains("all are full"), "{}", refusal.reason);
}

#[test]
fn a_slow_start_asks_no_further_node() {
    let (mut bench, by, epoch) = offered();
    bench.now += 15_000;
    let effects = bench.job_answered("s1", epoch, NodeAnswer::Unreachable);
    assert!(
        matches!(replies_to(&effects, by)[..], [Outcome::Refused(_)]),
        "{effects:?}"
    );
}

#[test]
fn an_acceptance_about_something_else_counts_as_a_refusal() {
    for (sid, id, epoch_off) in [("s2", "n1", 0), ("s1", "n2", 0), ("s1", "n1", 1)] {
        let (mut bench, _, epoch) = offered();
        let report = bench.make_report(sid, id, epoch + epoch_off, |_| {});
        let effects = bench.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report)));
        assert!(matches!(effects[..], [Effect::Place { .. }]), "{effects:?}");
    }
}

#[test]
fn one_recording_at_a_time() {
    let mut bench = Bench::started("s1", ticket("a"));
    assert_eq!(
        bench.start("s2", ticket("b")).1,
        Some(Outcome::Conflict { sid: "s1".into() })
    );
    assert_eq!(
        bench.start("s2", ticket("a")).1,
        Some(Outcome::AlreadyStarted { sid: "s1".into() })
    );
}

#[test]
fn a_ticket_serves_one_recording() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.stop("s1", true);
    assert_eq!(bench.start("s2", ticket("a")).1, Some(Outcome::TicketSpent));
    bench.report("s1", "n1", 1, ended(protocol::EndCause::Stopped));
    assert_eq!(bench.start("s2", ticket("a")).1, Some(Outcome::TicketSpent));
    bench.start_on("s2", ticket("b"), "n1");
}

#[test]
fn a_new_recording_need_not_wait_for_the_last_ones_uploads() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.stop("s1", true);
    assert_eq!(
        bench.start("s2", ticket("b")).1,
        Some(Outcome::Conflict { sid: "s1".into() })
    );
    bench.report("s1", "n1", 1, |report| report.phase = Phase::Draining);
    let epoch = bench.start_on("s2", ticket("b"), "n2");
    assert!(epoch > 1);
    bench.report("s1", "n1", 1, ended(protocol::EndCause::Stopped));
    assert_eq!(bench.view("s1").status, Status::Ended);
    assert_eq!(bench.view("s2").status, Status::Started);
}

#[test]
fn starts_with_the_same_ticket_wait_for_the_same_node() {
    let mut bench = Bench::new();
    let (first, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    let (second, early, effects) = bench.start("s2", ticket("a"));
    assert_eq!((early, effects.len()), (None, 0));
    bench.place("s1", epoch, Ok(node("n1")));
    let report = bench.make_report("s1", "n1", epoch, |_| {});
    let effects = bench.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report)));
    assert_eq!(replies_to(&effects, first), [Outcome::Started { sid: "s1".into() }]);
    assert_eq!(
        replies_to(&effects, second),
        [Outcome::AlreadyStarted { sid: "s1".into() }]
    );
}

#[test]
fn an_old_ticket_is_refused_even_when_the_dialect_lets_it_through() {
    let mut bench = Bench::new();
    bench.now += 6 * MINUTE;
    assert!(
        matches!(bench.start("s1", ticket("a")).1, Some(Outcome::Refused(refusal)) if refusal.fault == Fault::Caller)
    );
}

#[test]
fn a_lost_acceptance_is_made_good_by_the_nodes_report() {
    let (mut bench, by, epoch) = offered();
    let report = bench.make_report("s1", "n1", epoch, |_| {});
    let (_, reply, effects) = bench.ask(crate::recording::Request::Report {
        report: Box::new(report),
        line: None,
    });
    assert!(
        matches!(reply, Some(crate::recording::Reply::Desired(answer)) if answer.desired.directive == Directive::Record)
    );
    assert_eq!(replies_to(&effects, by), [Outcome::Started { sid: "s1".into() }]);
}

#[test]
fn a_node_that_took_the_job_unheard_is_released() {
    let (mut bench, _, first) = offered();
    let effects = bench.job_answered("s1", first, NodeAnswer::Unreachable);
    let second = placed_epoch(&effects);
    bench.place("s1", second, Ok(node("n2")));
    let report = bench.make_report("s1", "n2", second, |_| {});
    bench.job_answered("s1", second, NodeAnswer::Report(Box::new(report)));

    let (desired, _) = bench.report("s1", "n1", first, |_| {});
    assert_eq!((desired.directive, desired.epoch), (Directive::Release, first));
    let (desired, _) = bench.report("s1", "n2", second, |_| {});
    assert_eq!((desired.directive, desired.epoch), (Directive::Record, second));
}

#[test]
fn a_start_that_a_crash_interrupted_is_given_up_and_can_be_repeated() {
    for offered in [false, true] {
        let mut bench = Bench::new();
        let (_, _, effects) = bench.start("s1", ticket("a"));
        let epoch = placed_epoch(&effects);
        if offered {
            bench.place("s1", epoch, Ok(node("n1")));
        }
        bench.crash();
        bench.pass(30_000);
        assert!(matches!(bench.query("s1", Some("a")), Outcome::NotFound { .. }));
        assert!(bench.start_on("s2", ticket("a"), "n1") > epoch);
        let (desired, _) = bench.report("s1", "n1", epoch, |_| {});
        assert_eq!(desired.directive, Directive::Release);
    }
}
