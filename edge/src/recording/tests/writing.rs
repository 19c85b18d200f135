//! What is written of the state, and what is not.

use protocol::{Directive, Phase, Report};

use super::bench::*;
use super::samples::*;
use crate::recording::Status;

/// A recording with media, whose reports do not change any more.
fn steady(report: &mut Report) {
    report.phase = Phase::Recording;
    report.first_media_ms = Some(T0 + 5);
    report.files = vec![file("a", 4, 3)];
    report.pending_uploads = 2;
    report.spool.spans = vec![span("a", T0 + 5)];
}

fn settled() -> Bench {
    let mut bench = Bench::started("s1", ticket("a"));
    for _ in 0..9 {
        let mut effects = bench.pass(2_000);
        effects.extend(bench.report("s1", "n1", 1, steady).1);
        publish(&mut bench, effects);
    }
    bench
}

#[test]
fn a_report_that_changes_nothing_writes_nothing() {
    let mut bench = settled();
    let empty_since_ms = bench.now;
    let mut before = None;
    for count in 0..14 {
        bench.pass(1_900);
        let (desired, effects) = bench.report("s1", "n1", 1, |report| {
            steady(report);
            report.idle_since_ms = Some(empty_since_ms);
            // Each is under way for another time.
            report.at_ms -= count * 37 % 500;
        });
        assert_eq!((desired.directive, effects.len()), (Directive::Record, 0));
        let writes = bench.storage.writes;
        assert_eq!(*before.get_or_insert(writes), writes, "report {count}");
    }
}

#[test]
fn reports_of_two_nodes_that_change_nothing_write_nothing() {
    let mut bench = settled();
    bench.report("s1", "n2", 9, telling(0, vec![slice("a", 9, 1)]));
    bench.report("s1", "n1", 1, steady);
    let before = bench.storage.writes;
    for _ in 0..10 {
        bench.report("s1", "n2", 9, telling(0, vec![slice("a", 9, 1)]));
        bench.report("s1", "n1", 1, steady);
    }
    assert_eq!(bench.storage.writes, before);
}

#[test]
fn secrets_are_written_when_they_change_and_not_otherwise() {
    let mut bench = settled();
    let before = bench.storage.writes;
    bench.report("s1", "n1", 1, |report| {
        steady(report);
        report.files = vec![file("a", 5, 4)];
    });
    let after = bench.storage.writes;
    assert_eq!((after.state, after.secrets), (before.state + 1, before.secrets));
    bench.report("s1", "n1", 1, ended(protocol::EndCause::Stopped));
    assert_eq!(bench.storage.writes.secrets, before.secrets + 1, "they are gone");
}

#[test]
fn a_restart_costs_no_lease_whose_renewals_were_not_written() {
    let mut bench = settled();
    for _ in 0..30 {
        bench.pass(2_000);
        bench.report("s1", "n1", 1, steady);
    }
    bench.pass(9_000);
    bench.crash();
    bench.pass(9_000);
    assert_eq!(bench.report("s1", "n1", 1, steady).0.directive, Directive::Record);
    assert_eq!(bench.view("s1").status, Status::Recording);
}

#[test]
fn no_number_of_restarts_keeps_the_lease_of_a_node_that_is_silent() {
    let mut bench = settled();
    for _ in 0..10 {
        bench.pass(2_000);
        bench.report("s1", "n1", 1, steady);
    }
    for _ in 0..6 {
        bench.pass(4_000);
        bench.crash();
        // Somebody asks, which wakes the object.
        bench.view("s1");
    }
    assert!(bench.state.recordings[0].nodes.lease.is_none());
}

#[test]
fn a_node_that_is_heard_again_after_a_restart_is_excused_once_more() {
    let mut bench = settled();
    for _ in 0..3 {
        bench.pass(9_000);
        bench.crash();
        bench.view("s1");
        bench.pass(9_000);
        bench.report("s1", "n1", 1, steady);
        bench.report("s1", "n1", 1, steady);
    }
    assert!(bench.state.recordings[0].nodes.lease.is_some());
}
