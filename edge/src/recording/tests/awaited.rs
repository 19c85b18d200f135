//! Media that is still on a node when nobody can ask about its recording any more, and who is given the job that uploads it.

use protocol::{Directive, EndCause, Phase, RefusalCode, StorageKeys};

use super::bench::*;
use super::samples::*;
use crate::recording::{
    Awaited, Command, Effect, Input, NodeAnswer, Outcome, Policy, Renewal, Reply, Request, Ticket, Update, What,
};

const DAY: u64 = 24 * HOUR;

/// A recording on n1 that has media, was lost, and is over because nobody went on with it. Its resource lasts so many hours.
fn lost(bench: &mut Bench, sid: &str, expires_hours: u32) -> u64 {
    let ticket = Ticket {
        issued_ms: bench.now,
        expires_hours,
        ..ticket(sid)
    };
    let epoch = bench.start_on(sid, ticket, "n1");
    bench.report(sid, "n1", epoch, |report| {
        report.first_media_ms = Some(T0);
        report.files = vec![file("a", 4, 1)];
        report.pending_uploads = 3;
    });
    pass(bench, bench.state.policy.lost_ms + MINUTE);
    let recording = bench.state.recordings.last().unwrap();
    assert_eq!((&*recording.sid, recording.is_over()), (sid, true));
    epoch
}

/// Lets time pass, and all that is to be told arrives.
fn pass(bench: &mut Bench, duration_ms: u64) -> Vec<Vec<Awaited>> {
    let mut told = Vec::new();
    let mut effects = bench.pass(duration_ms);
    while let Some(effect) = effects.pop() {
        if let Effect::Publish {
            revision,
            view,
            awaited,
            ..
        } = effect
        {
            told.push(awaited);
            let published = Input::Published {
                sid: view.sid,
                revision,
                ok: true,
            };
            effects.extend(bench.step(published));
        }
    }
    told
}

fn give_up(bench: &mut Bench, sid: &str) -> Result<(), String> {
    match bench.ask(Request::GiveUp { sid: sid.to_owned() }).1 {
        Some(Reply::GaveUp(gave_up)) => gave_up,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_that_comes_back_after_the_resource_has_expired_uploads_what_it_has() {
    let mut bench = Bench::new();
    let epoch = lost(&mut bench, "s1", 1);
    pass(&mut bench, 20 * DAY);
    let gone = bench.query("s1", Some("s1"));
    assert!(
        matches!(gone, Outcome::NotFound { .. }),
        "nobody asks any more: {gone:?}"
    );
    bench.crash();
    let job = bench.request_job("s1", "n1", epoch).unwrap();
    assert_eq!(job.assignment.directive, Some(Directive::Stop(EndCause::NodeLost)));
    let expected = spec();
    assert_eq!((job.spec.storage, job.spec.files), (expected.storage, expected.files));
    bench.report("s1", "n1", epoch, ended(EndCause::NodeLost));
    pass(&mut bench, MINUTE);
    assert_eq!(bench.state.recordings, [], "nothing is kept for longer than it takes");
    assert_eq!(bench.request_job("s1", "n1", epoch), Err(RefusalCode::UnknownRecording));
}

#[test]
fn what_is_awaited_is_told_with_its_node_and_its_end_and_ends_then() {
    let mut bench = Bench::new();
    lost(&mut bench, "s1", 1);
    let recording = &bench.state.recordings[0];
    let awaited = recording.awaited(Policy::default());
    let until_ms = awaited[0].until_ms;
    assert_eq!(
        awaited,
        [Awaited {
            node: "n1".into(),
            since_ms: T0,
            until_ms
        }]
    );
    let left = until_ms - bench.now;
    assert!((29 * DAY..30 * DAY).contains(&left), "{left}");
    pass(&mut bench, left - 1);
    assert!(bench.state.recordings[0].away);
    let told = pass(&mut bench, 1);
    assert_eq!(told, [Vec::new()], "its app hears of it");
    assert_eq!(bench.state.recordings, []);
    assert_eq!(bench.state.secrets(), Default::default());
}

#[test]
fn what_waits_makes_no_more_than_its_room() {
    let mut bench = Bench::new();
    // So that those before are not looked after for half an hour more with each recording.
    bench.state.policy.lost_ms = MINUTE;
    let first = lost(&mut bench, "s0", 720);
    for number in 1..=110 {
        lost(&mut bench, &format!("s{number}"), 720);
    }
    let away = bench.state.recordings.iter().filter(|recording| recording.away).count();
    assert!(away <= 64 && bench.state.recordings.len() <= 97, "{away}");
    // More than 32 later recordings of the same recorder keep no media from its bucket.
    let kept = bench.state.recordings[0].clone();
    assert!(kept.away && kept.sid != "s0");
    assert!(
        bench
            .request_job(&kept.sid, "n1", kept.nodes.last.unwrap().lease.epoch)
            .is_ok()
    );
    assert_eq!(bench.request_job("s0", "n1", first), Err(RefusalCode::UnknownRecording));
    let told = What::MediaGivenUp {
        nodes: vec!["n1".into()],
    };
    assert!(bench.what("s0").contains(&told), "{:?}", bench.what("s0"));
}

#[test]
fn the_operator_gives_up_what_no_node_will_bring() {
    let mut bench = Bench::new();
    assert!(give_up(&mut bench, "s1").is_err());
    let epoch = lost(&mut bench, "s1", 1);
    pass(&mut bench, 20 * DAY);
    assert_eq!(give_up(&mut bench, "s1"), Ok(()));
    assert!(give_up(&mut bench, "s1").is_err(), "once");
    let given_up = What::MediaGivenUp {
        nodes: vec!["n1".into()],
    };
    assert!(bench.what("s1").contains(&given_up));
    assert_eq!(bench.state.secrets(), Default::default());
    let told = pass(&mut bench, MINUTE);
    assert_eq!(told.last(), Some(&Vec::new()), "{told:?}");
    assert_eq!(bench.request_job("s1", "n1", epoch), Err(RefusalCode::UnknownRecording));
}

#[test]
fn what_its_app_does_not_hear_of_is_not_kept_for_ever() {
    let mut bench = Bench::new();
    lost(&mut bench, "s1", 1);
    let left = bench.state.recordings[0].awaited(Policy::default())[0].until_ms - bench.now;
    bench.pass(left);
    assert!(!bench.state.recordings[0].awaits_media(), "the app has not heard of it");
    bench.pass(10 * MINUTE);
    assert_eq!(bench.state.recordings, []);
}

#[test]
fn what_runs_or_has_ended_in_order_awaits_nothing() {
    let mut bench = Bench::started("s1", ticket("a"));
    assert!(give_up(&mut bench, "s1").is_err());
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert_eq!(bench.state.recordings[0].awaited(Policy::default()), []);
    assert!(give_up(&mut bench, "s1").is_err());
    pass(&mut bench, 2 * DAY);
    assert_eq!(bench.state.recordings, []);
}

#[test]
fn what_is_kept_for_uploads_alone_holds_no_secret_of_the_source() {
    let mut spec = spec();
    spec.source = protocol::Source::Static {
        streams: [("7".to_owned(), "rtsp://cam/hunter2".into())].into(),
    };
    let mut bench = Bench::new();
    bench.start_spec_on("s1", ticket("a"), spec, "n1");
    pass(&mut bench, 31 * MINUTE);
    pass(&mut bench, DAY);
    let kept = serde_json::to_string(&bench.state.secrets()).unwrap();
    assert!(!kept.contains("hunter2") && kept.contains("storage-secret"), "{kept}");
}

#[test]
fn a_node_that_was_never_sent_the_job_is_told_no_secret() {
    let mut bench = Bench::started("s1", ticket("a"));
    let renewal = Renewal {
        bucket: None,
        pair: Some(("ak2".into(), protocol::Secret::new("renewed"))),
        session_token: None,
        session_ends_ms: None,
    };
    let update = Update {
        target: target("s1", Some("a")),
        audio: None,
        video: None,
        keys: Some(Box::new(renewal)),
    };
    bench.call(Command::Update(update));
    let keys = |bench: &mut Bench, node: &str| bench.report("s1", node, 1, |_| {}).0.keys;
    assert!(matches!(keys(&mut bench, "n1"), Some(StorageKeys { .. })));
    for stranger in ["n2", "N1", "n", ""] {
        for epoch in [0, 1] {
            let refused = bench.request_job("s1", stranger, epoch);
            assert_eq!(refused, Err(RefusalCode::UnknownRecording), "{stranger} {epoch}");
        }
        assert_eq!(keys(&mut bench, stranger), None);
    }
    // Nor does one get it for having told of slices.
    bench.report("s1", "n2", 0, |report| {
        report.phase = Phase::Draining;
        telling(0, vec![slice("v", 0, 1)])(report);
    });
    assert_eq!(bench.request_job("s1", "n2", 0), Err(RefusalCode::UnknownRecording));
}

/// `n1` has refused the job, and `n2` has taken it; the epochs under which they were asked.
fn refused_by_one_and_taken_by_another() -> (Bench, u64, u64) {
    let mut bench = Bench::new();
    let (_, _, effects) = bench.start("s1", ticket("a"));
    let first = placed_epoch(&effects);
    bench.place("s1", first, Ok(node("n1")));
    let effects = bench.job_answered("s1", first, NodeAnswer::Refused(refusal(RefusalCode::NoCapacity)));
    let second = placed_epoch(&effects);
    bench.take(second, "n2");
    (bench, first, second)
}

#[test]
fn a_node_that_has_refused_the_job_is_not_given_it() {
    let (mut bench, first, second) = refused_by_one_and_taken_by_another();
    assert_eq!(bench.request_job("s1", "n1", first), Err(RefusalCode::UnknownRecording));
    assert!(bench.request_job("s1", "n2", second).is_ok());
}

#[test]
fn what_a_node_has_that_took_the_job_after_it_had_refused_it_is_not_lost() {
    let (mut bench, first, second) = refused_by_one_and_taken_by_another();
    // The job has reached it twice.
    let (desired, _) = bench.report("s1", "n1", first, telling(0, vec![slice("v", first, 1)]));
    assert_eq!(desired.directive, Directive::Release);
    assert!(
        bench.request_job("s1", "n1", first).is_ok(),
        "it can upload what it has"
    );
    let report = bench.make_report("s1", "n2", second, |_| {});
    let (answer, _) = bench.answer_to(report);
    assert_eq!(answer.inventory.last, 1, "the holder of the lease is told");
}
