use protocol::{EndCause, Phase};

use super::bench::*;
use super::samples::*;
use crate::recording::{Effect, Input, Status};

fn published(effects: &[Effect]) -> Vec<(u64, Status)> {
    let published = effects.iter().filter_map(|effect| match effect {
        Effect::Publish { revision, view, .. } => Some((*revision, view.status)),
        _ => None,
    });
    published.collect()
}

#[test]
fn each_change_of_status_is_published_once() {
    let mut bench = Bench::new();
    let (_, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    bench.place("s1", epoch, Ok(node("n1")));
    let report = bench.make_report("s1", "n1", epoch, |report| report.phase = Phase::Starting);
    let effects = bench.job_answered("s1", epoch, crate::recording::NodeAnswer::Report(Box::new(report)));
    assert_eq!(publish(&mut bench, effects), [Status::Started]);

    let media = |report: &mut protocol::Report| report.first_media_ms = Some(T0);
    let (_, effects) = bench.report("s1", "n1", 1, media);
    assert_eq!(publish(&mut bench, effects), [Status::Recording]);
    let (_, effects) = bench.report("s1", "n1", 1, |report| report.files = vec![file("a", 1, 0)]);
    assert_eq!(publish(&mut bench, effects), []);
    let (_, _, effects) = bench.stop("s1", true);
    assert_eq!(publish(&mut bench, effects), [Status::Stopping]);
    let (_, effects) = bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert_eq!(publish(&mut bench, effects), [Status::Ended]);
}

#[test]
fn the_document_outlives_the_resource_by_a_week() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (_, _, effects) = bench.stop("s1", true);
    let effects = [
        bench.step(Input::Published {
            sid: "s1".into(),
            revision: 1,
            ok: true,
        }),
        effects,
    ]
    .concat();
    let [.., Effect::Publish { expires_ms, .. }] = bench_publish(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(*expires_ms, T0 + HOUR + 7 * 24 * HOUR);
}

fn bench_publish(effects: &[Effect]) -> Vec<&Effect> {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Publish { .. }))
        .collect()
}

#[test]
fn one_write_is_under_way_at_a_time() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (_, effects) = bench.report("s1", "n1", 1, |report| report.first_media_ms = Some(T0));
    assert_eq!(published(&effects), []);
    let (_, _, effects) = bench.stop("s1", true);
    assert_eq!(published(&effects), []);
    let effects = bench.step(Input::Published {
        sid: "s1".into(),
        revision: 1,
        ok: true,
    });
    assert_eq!(published(&effects), [(3, Status::Stopping)]);
}

#[test]
fn a_failed_or_lost_write_is_repeated() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.step(Input::Published {
        sid: "s1".into(),
        revision: 1,
        ok: false,
    });
    assert_eq!(published(&bench.pass(1_999)), []);
    assert_eq!(published(&bench.pass(1)), [(1, Status::Started)]);
    bench.crash();
    assert_eq!(published(&bench.pass(15_000)), [(1, Status::Started)]);
}

#[test]
fn late_uploads_of_an_ended_recording_are_published() {
    let mut bench = Bench::started("s1", ticket("a"));
    let effects = bench.pass(31 * MINUTE);
    let last = published(&effects).pop();
    bench.step(Input::Published {
        sid: "s1".into(),
        revision: last.unwrap().0,
        ok: true,
    });
    let (_, effects) = bench.report("s1", "n1", 1, |report| report.files = vec![file("a", 1, 1)]);
    assert_eq!(publish(&mut bench, effects), [Status::Failed]);
}

/// Revisions that are published, and whether with the document, when nothing happens to a recording but time and reports.
fn quiet(bench: &mut Bench, duration_ms: u64) -> Vec<(u64, bool)> {
    let mut seen = Vec::new();
    for _ in 0..duration_ms / 2_000 {
        let mut effects = bench.pass(2_000);
        effects.extend(bench.report("s1", "n1", 1, |report| report.first_media_ms = Some(T0)).1);
        for effect in effects {
            if let Effect::Publish { revision, document, .. } = effect {
                seen.push((revision, document));
                bench.step(Input::Published {
                    sid: "s1".into(),
                    revision,
                    ok: true,
                });
            }
        }
    }
    seen
}

#[test]
fn a_place_among_the_apps_recordings_is_renewed_every_minute() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.step(Input::Published {
        sid: "s1".into(),
        revision: 1,
        ok: true,
    });
    let seen = quiet(&mut bench, 4 * MINUTE + 10_000);
    assert_eq!(seen, [(2, true), (3, false), (4, false), (5, false), (6, false)]);
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    bench.step(Input::Published {
        sid: "s1".into(),
        revision: 7,
        ok: true,
    });
    assert_eq!(
        bench_publish(&bench.pass(HOUR / 2)),
        Vec::<&Effect>::new(),
        "what is over is not renewed"
    );
}

#[test]
fn a_document_that_was_not_written_goes_with_the_next_renewal() {
    let mut bench = Bench::started("s1", ticket("a"));
    let mut failures = 0;
    for effect in bench.pass(80_000) {
        if let Effect::Publish { document, .. } = effect {
            assert!(document);
            failures += 1;
        }
    }
    assert!(failures >= 4, "{failures}");
}

#[test]
fn events_that_are_held_up_are_told_every_minute_until_they_are_not() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.deliveries = Some(Vec::new());
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    let held_up = |effects: &[Effect]| -> Vec<u64> {
        let told = effects.iter().filter_map(|effect| match effect {
            Effect::Publish { held_up, .. } => Some(*held_up),
            _ => None,
        });
        told.collect()
    };
    let mut told = Vec::new();
    for second in 0..5 * 60 {
        let mut effects = bench.pass(1_000);
        // The callback is away for three minutes.
        for (sid, position) in bench.deliveries.replace(Vec::new()).unwrap_or_default() {
            let result = match second < 180 {
                true => crate::recording::Delivery::Failed {
                    status: None,
                    error: "away".into(),
                },
                false => crate::recording::Delivery::Delivered { status: 200 },
            };
            effects.extend(bench.delivered(&sid, position, result));
        }
        told.extend(held_up(&effects));
        publish(&mut bench, effects);
    }
    assert!((3..7).contains(&told.len()), "{told:?}");
    assert!(told.contains(&2), "the recorder left, and it is over: {told:?}");
    assert_eq!(told.last(), Some(&0));
}
