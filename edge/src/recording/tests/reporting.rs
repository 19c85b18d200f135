use protocol::{Directive, EndCause, Fault, Phase, Problem, ProblemCode, RefusalCode, Selection};

use super::bench::*;
use super::samples::*;
use crate::recording::Status;

fn problem(code: &str) -> Problem {
    Problem {
        fault: Fault::Destination,
        code: ProblemCode::from(code.to_owned()),
        message: "m".into(),
        at_ms: T0,
    }
}

#[test]
fn every_report_is_answered_and_an_unknown_one_with_release() {
    let mut bench = Bench::new();
    let (desired, effects) = bench.report("nobody", "n1", 7, |_| {});
    assert_eq!((desired.directive, desired.epoch), (Directive::Release, 7));
    assert_eq!((desired.subscription.audio, effects), (Selection::None, vec![]));
    assert!(bench.state.is_empty());
}

#[test]
fn media_makes_it_recording() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| report.first_media_ms = Some(T0 + 5));
    let view = bench.view("s1");
    assert_eq!((view.status, view.first_media_ms), (Status::Recording, Some(T0 + 5)));
}

#[test]
fn late_and_repeated_reports_change_nothing_but_are_answered() {
    let mut bench = Bench::started("s1", ticket("a"));
    let old = bench.make_report("s1", "n1", 1, |report| report.pending_uploads = 9);
    let new = bench.make_report("s1", "n1", 1, |report| report.pending_uploads = 1);
    bench.send_report(new.clone());
    let before = bench.state.clone();
    for report in [old, new] {
        let (desired, _) = bench.send_report(report);
        assert_eq!(desired.directive, Directive::Record);
        assert_eq!(bench.state, before);
    }
}

#[test]
fn an_impostor_is_released_and_not_believed() {
    let mut bench = Bench::started("s1", ticket("a"));
    let before = bench.state.clone();
    for (id, epoch) in [("n2", 1), ("n1", 0), ("n1", 2)] {
        let (desired, _) = bench.report("s1", id, epoch, ended(EndCause::Stopped));
        assert_eq!(desired.directive, Directive::Release, "{id} {epoch}");
    }
    assert_eq!(bench.state, before);
}

#[test]
fn files_are_replaced_as_they_grow_and_never_shrink() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| {
        report.files = vec![file("a", 1, 0), file("b", 4, 4)]
    });
    bench.report("s1", "n1", 1, |report| report.files = vec![file("b", 4, 3)]);
    bench.report("s1", "n1", 1, |report| {
        report.files = vec![file("a", 2, 1), file("b", 3, 3), file("c", 1, 1)]
    });
    bench.report("s1", "n1", 1, |_| {});
    assert_eq!(
        bench.view("s1").files,
        [file("a", 2, 1), file("b", 4, 4), file("c", 1, 1)]
    );
}

#[test]
fn an_ended_recording_does_not_come_back() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, ended(EndCause::Failed));
    let (desired, _) = bench.report("s1", "n1", 1, |report| report.files = vec![file("late", 1, 1)]);
    assert_ne!(desired.directive, Directive::Record);
    let view = bench.view("s1");
    assert_eq!((view.status, view.files.len()), (Status::Failed, 1));
}

#[test]
fn problems_are_bounded_and_the_nodes_own_come_first() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| {
        report.problems = (0..40).map(|i| problem(&i.to_string())).collect()
    });
    let problems = bench.view("s1").problems;
    assert_eq!(
        (problems.len(), problems[0].code.as_str(), problems[15].code.as_str()),
        (16, "24", "39")
    );
    bench.report("s1", "n1", 1, |report| {
        ended(EndCause::Failed)(report);
        report.problems = vec![problem("source_unreachable")];
    });
    let problems = bench.view("s1").problems;
    assert_eq!(problems, [problem("source_unreachable")]);
}

#[test]
fn too_many_playlists_are_counted_not_kept() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| {
        report.files = (0..2_010).map(|i| file(&i.to_string(), 1, 1)).collect()
    });
    let view = bench.view("s1");
    assert_eq!(view.files.len(), 2_000);
    assert!(
        view.problems[0].message.starts_with("10 playlists"),
        "{:?}",
        view.problems
    );
}

#[test]
fn a_restarted_node_gets_its_job_again() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.crash();
    let job = bench.request_job("s1", "n1", 1).unwrap();
    assert_eq!((job.epoch, job.spec.storage.secret_key.expose()), (1, "storage-secret"));
    for (sid, id, epoch) in [("s2", "n1", 1), ("s1", "n2", 1), ("s1", "n1", 2)] {
        assert_eq!(
            bench.request_job(sid, id, epoch),
            Err(RefusalCode::UnknownRecording),
            "{sid} {id} {epoch}"
        );
    }
}

#[test]
fn secrets_are_forgotten_once_everything_is_uploaded() {
    let mut bench = Bench::started("s1", ticket("a"));
    assert_eq!(bench.state.secrets().len(), 1);
    assert!(!serde_json::to_string(&bench.state).unwrap().contains("storage-secret"));
    bench.report("s1", "n1", 1, |report| report.phase = Phase::Draining);
    assert!(bench.request_job("s1", "n1", 1).is_ok());
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert!(bench.state.secrets().is_empty());
    assert_eq!(bench.request_job("s1", "n1", 1), Err(RefusalCode::UnknownRecording));
}

#[test]
fn without_its_sealing_key_a_recording_goes_on_but_hands_out_no_job() {
    let mut bench = Bench::started("s1", ticket("a"));
    bench.state.restore_secrets(Default::default());
    assert_eq!(bench.report("s1", "n1", 1, |_| {}).0.directive, Directive::Record);
    assert_eq!(bench.request_job("s1", "n1", 1), Err(RefusalCode::Internal));
}

#[test]
fn the_whole_url_that_an_older_node_tells_of_a_camera_is_told_to_nobody() {
    let told = "the camera of user 7 at rtsp://me:hunter2@cam/user=hunter2 cannot be captured (no); it is tried again";
    let mut bench = Bench::started("s1", ticket("a"));
    bench.report("s1", "n1", 1, |report| {
        report.problems = vec![Problem {
            fault: Fault::Destination,
            code: ProblemCode::SourceUnreachable,
            message: told.to_owned(),
            at_ms: T0,
        }];
    });
    let message = bench.view("s1").problems[0].message.clone();
    assert_eq!(
        message,
        "the camera of user 7 at rtsp://cam/… cannot be captured (no); it is tried again"
    );
    let everything = format!("{:?}", bench.state);
    assert!(!everything.contains("hunter2"), "{everything}");
}
