//! Recordings that wait for their first layout, and how recordings stand.

use protocol::{Directive, EndCause, FileKind, Phase, Scene, Selection};

use super::bench::*;
use super::samples::*;
use super::updating::mixed_spec;
use crate::recording::{Command, Effect, Outcome, ScenePart, Standing, Start, Status, Unfit, UpdateLayout};

/// Shorter than the lease of a node that is not heard of.
const WAIT: u64 = 8_000;

fn waiting() -> Bench {
    let mut bench = Bench::new();
    let start = Start {
        spec: mixed_spec(),
        waits_ms: Some(WAIT),
        ..start("s1", ticket("a"))
    };
    bench.run_on(start, "n1");
    bench
}

fn lay_out(bench: &mut Bench, audio: Option<Selection>) -> (Outcome, Vec<Effect>) {
    let update = UpdateLayout {
        audio,
        begins: true,
        ..UpdateLayout::new(target("s1", Some("a")), Scene::default())
    };
    let (_, outcome, effects) = bench.call(Command::UpdateLayout(Box::new(update)));
    (outcome.unwrap(), effects)
}

fn standing(bench: &mut Bench) -> Standing {
    bench.view("s1").standing
}

#[test]
fn the_first_layout_begins_it() {
    let mut bench = waiting();
    assert_eq!(standing(&mut bench), Standing::Waiting);
    assert_eq!(
        bench.request_job("s1", "n1", 1).unwrap().assignment.directive,
        Some(Directive::Pause)
    );
    bench.crash();
    let only = Selection::Only(vec!["7".into()]);
    let (outcome, effects) = lay_out(&mut bench, Some(only.clone()));
    assert_eq!(outcome, Outcome::Updated);
    let desired = told(&effects).remove(0);
    assert_eq!(
        (desired.directive, desired.subscription.audio),
        (Directive::Record, only)
    );
    assert_eq!(desired.scene.map(|scene| scene.version), Some(2));
    assert_eq!(standing(&mut bench), Standing::Capturing, "though no media has come");
    bench.pass(2 * WAIT);
    assert_ne!(bench.view("s1").status, Status::Stopping);
}

#[test]
fn it_ends_when_none_comes() {
    let mut bench = waiting();
    bench.pass(WAIT - 1);
    assert_eq!(bench.view("s1").status, Status::Started);
    let effects = bench.pass(1);
    let directives: Vec<_> = told(&effects).iter().map(|desired| desired.directive).collect();
    assert_eq!(directives, [Directive::Stop(EndCause::Idle)]);
    assert_eq!(bench.view("s1").cause, Some(EndCause::Idle));
}

#[test]
fn a_layout_leaves_a_pause_as_it_is() {
    let mut bench = waiting();
    lay_out(&mut bench, None);
    bench.call(Command::Pause(target("s1", Some("a"))));
    assert_eq!(standing(&mut bench), Standing::Paused);
    let (outcome, effects) = lay_out(&mut bench, None);
    assert_eq!(outcome, Outcome::Unfit(Unfit::Paused));
    assert_eq!(told(&effects), []);
    bench.pass(10 * WAIT);
    assert_eq!(
        standing(&mut bench),
        Standing::Paused,
        "a pause is no wait for a layout"
    );
    bench.call(Command::Resume(target("s1", Some("a"))));
    assert_eq!(lay_out(&mut bench, None).0, Outcome::Updated);
}

#[test]
fn a_resume_begins_it_as_well() {
    let mut bench = waiting();
    bench.call(Command::Resume(target("s1", Some("a"))));
    bench.pass(2 * WAIT);
    assert_eq!(standing(&mut bench), Standing::Capturing);
}

#[test]
fn a_part_of_the_scene_leaves_the_other_as_it_was() {
    let mut bench = waiting();
    let text = |content: &str| protocol::Text {
        x: 0.0,
        y: 0.0,
        content: protocol::TextContent::Fixed(content.into()),
        colour: Default::default(),
        size_px: 30,
        opacity: 1.0,
    };
    let mut update = |layout: protocol::Layout, content: &str, part| {
        let scene = Scene {
            layout,
            texts: vec![text(content)],
            ..Scene::default()
        };
        let update = UpdateLayout {
            part,
            ..UpdateLayout::new(target("s1", Some("a")), scene)
        };
        let (_, _, effects) = bench.call(Command::UpdateLayout(Box::new(update)));
        let scene = told(&effects).remove(0).scene.unwrap();
        (scene.layout, scene.texts)
    };
    let floating = || protocol::Layout::Floating;
    let grid = || protocol::Layout::BestFit;
    assert_eq!(update(grid(), "a", ScenePart::Whole), (grid(), vec![text("a")]));
    assert_eq!(update(floating(), "b", ScenePart::Texts), (grid(), vec![text("b")]));
    assert_eq!(
        update(floating(), "c", ScenePart::ButTexts),
        (floating(), vec![text("b")])
    );
    assert_eq!(update(grid(), "d", ScenePart::Nothing), (floating(), vec![text("b")]));
}

#[test]
fn it_stands_as_it_goes_on_in_order() {
    let mut bench = Bench::started("s1", ticket("a"));
    let mut stood = vec![standing(&mut bench)];
    bench.report("s1", "n1", 1, |report| report.first_media_ms = Some(T0));
    stood.push(standing(&mut bench));
    bench.stop("s1", true);
    stood.push(standing(&mut bench));
    for (slices, uploaded, pending, phase) in [
        (0, 0, 1, Phase::Draining),
        (1, 0, 1, Phase::Draining),
        (1, 1, 0, Phase::Ended),
    ] {
        bench.report("s1", "n1", 1, |report| {
            report.phase = phase;
            report.cause = Some(EndCause::Stopped);
            report.files = vec![protocol::RecordedFile {
                kind: FileKind::Mp4,
                ..file("a.mp4", slices, uploaded)
            }];
            report.pending_uploads = pending;
        });
        stood.push(standing(&mut bench));
    }
    let expected = [
        Standing::Waiting,
        Standing::Capturing,
        Standing::Closing,
        Standing::Finishing,
        Standing::Uploading,
        Standing::Done,
    ];
    assert_eq!(stood, expected);
}
