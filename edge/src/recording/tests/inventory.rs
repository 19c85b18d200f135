use protocol::{Directive, EndCause, InventoryPage, RefusalCode};

use super::bench::*;
use super::samples::*;
use crate::recording::{Effect, Request, Status};

/// `epoch` of n2, which has taken the recording over from n1.
fn taken_over() -> (Bench, u64) {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, telling(0, vec![slice("v", 1, 0), slice("v", 1, 1)]));
    let epoch = placed_epoch(&bench.pass(10_000));
    bench.take(epoch, "n2");
    (bench, epoch)
}

/// The epochs of questions for a node.
fn searches(effects: &[Effect]) -> Vec<u64> {
    let places = effects.iter().filter_map(|effect| match effect {
        Effect::Place { epoch, .. } => Some(*epoch),
        _ => None,
    });
    places.collect()
}

fn page(bench: &mut Bench, node_id: &str, epoch: u64, change: impl FnOnce(&mut protocol::Report)) -> InventoryPage {
    let report = bench.make_report("s1", node_id, epoch, change);
    bench.answer_to(report).0.inventory
}

#[test]
fn each_slice_is_noted_once_whatever_comes_twice_or_late() {
    let mut bench = Bench::started("s1", ticket("a"));
    let told: Vec<_> = (0..4).map(|second| slice("v", 1, second)).collect();
    let first = bench.make_report("s1", "n1", 1, telling(0, told[..2].to_vec()));
    let gap = bench.make_report("s1", "n1", 1, telling(3, told[3..].to_vec()));
    let overlap = bench.make_report("s1", "n1", 1, telling(1, told[1..].to_vec()));
    assert_eq!(
        bench.answer_to(gap).0.inventory.noted,
        0,
        "it has to begin at the beginning"
    );
    assert_eq!(bench.answer_to(first.clone()).0.inventory.noted, 2);
    assert_eq!(bench.answer_to(overlap).0.inventory.noted, 4);
    assert_eq!(bench.answer_to(first).0.inventory.noted, 4);
    let names: Vec<_> = told.into_iter().map(|slice| slice.name).collect();
    assert_eq!(bench.slices.names("s1"), names);
    let page = page(&mut bench, "n1", 1, |_| {});
    assert_eq!((page.last, page.slices.len()), (0, 0), "its own slices are no news");
}

#[test]
fn the_next_node_gets_the_slices_of_the_others_page_by_page() {
    let (mut bench, epoch) = taken_over();
    let told: Vec<_> = (2..12).map(|second| slice("v", 1, second)).collect();
    for (from, part) in [(2, &told[..4]), (6, &told[4..])] {
        bench.report("s1", "n1", 1, telling(from, part.to_vec()));
    }
    bench.report("s1", "n2", epoch, telling(0, vec![slice("v", epoch, 30)]));
    let (mut learned, mut names) = (0, Vec::new());
    loop {
        let page = page(&mut bench, "n2", epoch, |report| report.spool.learned = learned);
        assert_eq!((page.after, page.last, page.noted), (learned, 12, 1));
        names.extend(page.slices.into_iter().map(|slice| slice.name));
        learned = page.next;
        if learned == page.last {
            break;
        }
    }
    let all: Vec<_> = (0..12).map(|second| slice("v", 1, second).name).collect();
    assert_eq!(names, all);
}

#[test]
fn slices_of_a_lost_node_that_come_after_the_end_get_into_the_playlists() {
    let (mut bench, epoch) = taken_over();
    bench.report("s1", "n2", epoch, |report| {
        ended(EndCause::Stopped)(report);
        report.spool.learned = 2;
        report.files = vec![file("v", 5, 5)];
    });
    assert_eq!(bench.view("s1").status, Status::Ended);
    assert_eq!(searches(&bench.pass(MINUTE)), [0; 0]);

    let job = bench.request_job("s1", "n1", 1).unwrap();
    assert_eq!(job.assignment.directive, Some(Directive::Release));
    bench.report("s1", "n1", 1, telling(2, vec![slice("v", 1, 2)]));
    let page = page(&mut bench, "n1", 1, |report| {
        ended(EndCause::LeaseLost)(report);
        telling(3, vec![slice("v", 1, 3)])(report);
    });
    assert_eq!(page.noted, 4);
    let effects = bench.pass(5_000);
    let [closing] = searches(&effects)[..] else {
        panic!("{effects:?}")
    };
    let (job, _) = bench.take(closing, "n3");
    assert_eq!(job.assignment.directive, Some(Directive::Stop(EndCause::Stopped)));
    assert!(job.assignment.takeover);
    let (answer, _) = {
        let report = bench.make_report("s1", "n3", closing, |_| {});
        bench.answer_to(report)
    };
    assert_eq!((answer.inventory.slices.len(), answer.inventory.last), (4, 4));
    bench.report("s1", "n3", closing, |report| {
        ended(EndCause::Stopped)(report);
        report.spool.learned = 4;
        report.files = vec![file("v", 7, 7)];
    });
    let view = bench.view("s1");
    assert_eq!((view.status, view.files), (Status::Ended, vec![file("v", 7, 7)]));
    assert!(bench.state.secrets().is_empty(), "all have told everything");
}

#[test]
fn an_end_that_missed_slices_is_repeated() {
    let (mut bench, epoch) = taken_over();
    let (_, effects) = bench.report("s1", "n2", epoch, |report| {
        ended(EndCause::Stopped)(report);
        report.spool.learned = 1;
    });
    assert_eq!(searches(&effects).len(), 1, "{effects:?}");
}

#[test]
fn what_nobody_needs_any_more_is_forgotten() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, telling(0, vec![slice("v", 1, 0)]));
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert_eq!(bench.slices.names("s1"), [""; 0]);
    assert!(bench.state.secrets().is_empty());
    let late = page(&mut bench, "n1", 1, telling(1, vec![slice("v", 1, 1)]));
    assert_eq!(late.noted, 2, "nobody is kept waiting");

    let (mut bench, _) = taken_over();
    bench.stop("s1", true);
    bench.pass(10 * MINUTE);
    bench.ask(Request::GiveUp { sid: "s1".into() });
    bench.pass(2 * HOUR);
    assert!(bench.state.recordings.is_empty());
    assert_eq!(bench.slices.names("s1"), [""; 0]);
    assert_eq!(bench.request_job("s1", "n1", 1), Err(RefusalCode::UnknownRecording));
    assert_eq!(page(&mut bench, "n1", 1, telling(2, vec![slice("v", 1, 2)])).noted, 3);
}

#[test]
fn spools_without_number_are_forgotten_in_order() {
    let mut bench = Bench::started("s1", ticket("a"));
    for spool in 100..300 {
        bench.report("s1", "n1", spool, |report| {
            telling(0, vec![slice("v", spool, spool)])(report);
        });
    }
    assert_eq!(bench.slices.names("s1").len(), 200);
    assert!(serde_json::to_string(&bench.state).unwrap().len() < 20_000);
    assert_eq!(page(&mut bench, "n1", 1, |_| {}).last, 200);
}
