use protocol::line::OLDEST;
use protocol::{
    AudioProfile, Directive, EndCause, Fault, Fill, Layout, Mix, MixOutput, Mode, Phase, ProblemCode, RecordingSpec,
    Refusal, RefusalCode, Scene, Secret, Selection, StorageKeys, StorageKind, StreamKind, StreamTypes, Tiles,
};

use super::bench::*;
use super::samples::*;
use crate::recording::{Command, Effect, Input, NodeAnswer, Outcome, Renewal, Start, Unfit, Update, UpdateLayout};

fn only(uid: &str) -> Option<Selection> {
    Some(Selection::Only(vec![uid.to_owned()]))
}

fn update(
    bench: &mut Bench,
    nonce: &str,
    audio: Option<Selection>,
    video: Option<Selection>,
) -> (Outcome, Vec<Effect>) {
    let command = Command::Update(Update {
        target: target("s1", Some(nonce)),
        audio,
        video,
        keys: None,
    });
    let (_, outcome, effects) = bench.call(command);
    (outcome.unwrap(), effects)
}

fn renew(bench: &mut Bench, keys: Renewal) -> (Outcome, Vec<Effect>) {
    let command = Command::Update(Update {
        target: target("s1", Some("a")),
        audio: None,
        video: None,
        keys: Some(Box::new(keys)),
    });
    let (_, outcome, effects) = bench.call(command);
    (outcome.unwrap(), effects)
}

#[test]
fn new_keys_reach_the_node_until_everything_is_uploaded() {
    let mut bench = Bench::started("s1", ticket("a"));
    let keys = |token: &str, bucket: Option<&str>| Renewal {
        bucket: bucket.map(str::to_owned),
        pair: Some(("AK2".to_owned(), Secret::new("SK2"))),
        session_token: Some(Secret::new(token)),
        session_ends_ms: Some(9),
    };
    let (answer, _) = bench.report("s1", "n1", 1, |_| {});
    assert_eq!(answer.keys, None, "the job's are in force");
    let before = answer.subscription;

    let (outcome, effects) = renew(&mut bench, keys("t2", None));
    assert_eq!(outcome, Outcome::Updated);
    let wanted = Some(StorageKeys {
        access_key: "AK2".to_owned(),
        secret_key: Secret::new("SK2"),
        session_token: Some(Secret::new("t2")),
        session_ends_ms: Some(9),
    });
    assert_eq!(told(&effects)[0].keys, wanted);
    bench.crash();
    let (answer, _) = bench.report("s1", "n1", 1, |report| report.phase = Phase::Recording);
    assert_eq!((answer.keys, answer.subscription), (wanted.clone(), before));
    let job = bench.request_job("s1", "n1", 1).unwrap();
    assert_eq!(
        Some(job.spec.storage.keys()),
        wanted,
        "a restarted node has them with its job"
    );

    let (outcome, _) = renew(&mut bench, keys("t3", Some("elsewhere")));
    assert_eq!(outcome, Outcome::Unfit(Unfit::OtherBucket));
    // A token alone: the pair stays.
    let alone = Renewal {
        pair: None,
        ..keys("t4", None)
    };
    bench.report("s1", "n1", 1, |report| report.phase = Phase::Draining);
    let (outcome, effects) = renew(&mut bench, alone);
    assert_eq!(outcome, Outcome::Updated, "uploads need them still");
    let keys_told = told(&effects)[0].keys.clone().unwrap();
    assert_eq!(keys_told.access_key, "AK2");
    assert_eq!(keys_told.session_token, Some(Secret::new("t4")));
    bench.report("s1", "n1", 1, |report| report.phase = Phase::Ended);
    let (outcome, _) = renew(&mut bench, keys("t5", None));
    assert!(matches!(outcome, Outcome::AlreadyEnded(_)), "{outcome:?}");
}

#[test]
fn keys_that_the_storage_has_not_change_nothing() {
    let token = |token: Option<&str>| Renewal {
        bucket: None,
        pair: Some(("AK2".to_owned(), Secret::new("SK2"))),
        session_token: token.map(Secret::new),
        session_ends_ms: None,
    };
    for (kind, session_token, wanted) in [
        (StorageKind::S3, Some("t"), Outcome::Updated),
        (StorageKind::Azure, None, Outcome::Updated),
        (StorageKind::Azure, Some("t"), Outcome::Unfit(Unfit::SessionToken)),
        (StorageKind::AliyunVod, None, Outcome::Unfit(Unfit::KeysOfVod)),
    ] {
        let (mut bench, mut spec) = (Bench::new(), spec());
        spec.storage.kind = kind;
        bench.start_spec_on("s1", ticket("a"), spec, "n1");
        let (outcome, effects) = renew(&mut bench, token(session_token));
        assert_eq!(outcome, wanted, "{kind:?}");
        let is_told = told(&effects).iter().any(|desired| desired.keys.is_some());
        assert_eq!(is_told, wanted == Outcome::Updated, "{kind:?}");
    }
}

#[test]
fn an_update_replaces_the_lists_and_is_told_at_once_and_with_each_report() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (outcome, effects) = update(&mut bench, "a", only("7"), Some(Selection::All));
    assert_eq!(outcome, Outcome::Updated);
    let [desired] = &told(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(desired.directive, Directive::Record);
    let subscription = &desired.subscription;
    assert_eq!((subscription.version, subscription.types), (2, StreamTypes::Both));
    assert_eq!(
        (&subscription.audio, &subscription.video),
        (&only("7").unwrap(), &Selection::All)
    );

    bench.crash();
    let (answer, _) = bench.report("s1", "n1", 1, |report| report.phase = Phase::Recording);
    assert_eq!(&answer.subscription, subscription);
    assert_eq!(
        bench.request_job("s1", "n1", 1).unwrap().spec.subscription,
        *subscription
    );

    // What is not listed is subscribed to no longer.
    let (_, effects) = update(&mut bench, "a", None, only("8"));
    let subscription = &told(&effects)[0].subscription;
    assert_eq!((subscription.version, &subscription.audio), (3, &Selection::None));
}

#[test]
fn an_update_before_the_node_is_found_goes_with_the_job() {
    let mut bench = Bench::new();
    let (_, _, effects) = bench.start("s1", ticket("a"));
    let epoch = placed_epoch(&effects);
    assert_eq!(update(&mut bench, "a", only("7"), None).0, Outcome::Updated);
    let effects = bench.place("s1", epoch, Ok(node("n1")));
    let job = effects.iter().find_map(|effect| match effect {
        Effect::SendJob { job, .. } => Some(job),
        _ => None,
    });
    assert_eq!(job.unwrap().spec.subscription.version, 2);
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut bench = Bench::started("s1", ticket("a"));
    assert!(matches!(update(&mut bench, "b", only("7"), None).0, Outcome::Mismatch));
    let (outcome, effects) = update(&mut bench, "a", Some(Selection::None), None);
    assert_eq!(outcome, Outcome::Unfit(Unfit::Empty));
    assert_eq!(told(&effects), []);
    let (answer, _) = bench.report("s1", "n1", 1, |_| ());
    assert_eq!(answer.subscription.version, 1);

    let command = Command::UpdateLayout(Box::new(UpdateLayout::new(target("s1", Some("a")), Scene::default())));
    assert_eq!(bench.call(command).1, Some(Outcome::Unfit(Unfit::NotMixed)));

    bench.stop("s1", true);
    assert!(matches!(
        update(&mut bench, "a", only("7"), None).0,
        Outcome::AlreadyEnded(_)
    ));
    bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert!(matches!(
        update(&mut bench, "a", only("7"), None).0,
        Outcome::AlreadyEnded(_)
    ));
}

#[test]
fn a_late_answer_to_an_update_ends_no_wait_for_a_stop() {
    let mut bench = Bench::started("s1", ticket("a"));
    let (_, effects) = update(&mut bench, "a", only("7"), None);
    let desired = told(&effects).remove(0);
    let (by, early, _) = bench.stop("s1", false);
    assert_eq!(early, None);
    let answer = Input::DesiredAnswered {
        sid: "s1".to_owned(),
        desired: Box::new(desired),
        answer: NodeAnswer::Unreachable,
    };
    assert_eq!(replies_to(&bench.step(answer), by), []);
    let (_, effects) = bench.report("s1", "n1", 1, ended(EndCause::Stopped));
    assert!(matches!(replies_to(&effects, by)[..], [Outcome::State(_)]));
}

pub(super) fn mixed_spec() -> RecordingSpec {
    let output = MixOutput {
        width: 360,
        height: 640,
        fps: 15,
        bitrate_kbps: 500,
        audio: AudioProfile::Mono48,
        in_order: false,
    };
    let scene = Scene {
        version: 1,
        ..Scene::default()
    };
    let mp4 = true;
    RecordingSpec {
        mode: Mode::Mix,
        mix: Some(Mix { output, scene, mp4 }),
        ..spec()
    }
}

fn update_layout(bench: &mut Bench, nonce: &str, layout: Layout) -> (Outcome, Vec<Effect>) {
    let scene = Scene {
        layout,
        ..Scene::default()
    };
    let target = target("s1", Some(nonce));
    let (_, outcome, effects) = bench.call(Command::UpdateLayout(Box::new(UpdateLayout::new(target, scene))));
    (outcome.unwrap(), effects)
}

/// A mixed recording that was started, with the epoch of its first lease.
fn mix_to_be_placed() -> (Bench, u64) {
    let mut bench = Bench::new();
    let start = Start {
        spec: mixed_spec(),
        ..start("s1", ticket("a"))
    };
    let (_, _, effects) = bench.call(Command::Start(Box::new(start)));
    (bench, placed_epoch(&effects))
}

#[test]
fn a_node_that_is_too_old_for_a_layout_keeps_its_own_and_is_told_the_rest() {
    let (mut bench, epoch) = mix_to_be_placed();
    bench.place("s1", epoch, Ok(node("n1")));
    let report = bench.make_report("s1", "n1", epoch, |report| report.phase = Phase::Starting);
    bench.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report)));

    let tiles = Tiles {
        most: 4,
        fill: Fill::Crop,
        order: vec![StreamKind::Screen],
    };
    let (_, effects) = update_layout(&mut bench, "a", Layout::Even { tiles });
    let desired = Box::new(told(&effects).remove(0));
    assert!(desired.oldest_version() > OLDEST);
    let refusal = Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason: "it is too old".to_owned(),
    };
    let effects = bench.step(Input::DesiredAnswered {
        sid: "s1".to_owned(),
        desired,
        answer: NodeAnswer::Refused(refusal),
    });
    assert_eq!(told(&effects)[0].scene, None, "what it keeps is its own scene");
    let problem = bench.view("s1").problems.pop().unwrap();
    assert_eq!(problem.code, ProblemCode::NotArranged);
    assert!(problem.message.contains("n1") && problem.message.contains("update"));
    let (_, effects) = update_layout(&mut bench, "a", Layout::BestFit);
    let scene = told(&effects).remove(0).scene.unwrap();
    assert_eq!(scene.layout, Layout::BestFit, "a layout that it knows is shown");
}

#[test]
fn a_layout_replaces_the_scene_and_is_told_at_once_and_with_each_report_and_job() {
    let (mut bench, epoch) = mix_to_be_placed();
    // Before the node is found, it goes with the job.
    assert_eq!(update_layout(&mut bench, "a", Layout::BestFit).0, Outcome::Updated);
    let effects = bench.place("s1", epoch, Ok(node("n1")));
    let job = effects.iter().find_map(|effect| match effect {
        Effect::SendJob { job, .. } => job.spec.mix.clone(),
        _ => None,
    });
    let mix = job.unwrap();
    assert_eq!(
        (mix.scene.version, mix.scene.layout, mix.mp4),
        (2, Layout::BestFit, true)
    );
    let report = bench.make_report("s1", "n1", epoch, |report| report.phase = Phase::Starting);
    bench.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report)));

    assert_eq!(update_layout(&mut bench, "b", Layout::Floating).0, Outcome::Mismatch);
    let vertical = Layout::Vertical {
        large_uid: None,
        large_speaker: false,
    };
    let (outcome, effects) = update_layout(&mut bench, "a", vertical.clone());
    assert_eq!(outcome, Outcome::Updated);
    let [desired] = &told(&effects)[..] else {
        panic!("{effects:?}")
    };
    let scene = desired.scene.clone().unwrap();
    assert_eq!((scene.version, &scene.layout), (3, &vertical));
    assert_eq!(desired.subscription.version, 1);

    bench.crash();
    let (answer, _) = bench.report("s1", "n1", epoch, |_| ());
    assert_eq!(answer.scene.as_ref(), Some(&scene));
    assert_eq!(
        bench.request_job("s1", "n1", epoch).unwrap().spec.mix.unwrap().scene,
        scene
    );

    bench.stop("s1", true);
    let (outcome, effects) = update_layout(&mut bench, "a", Layout::Floating);
    assert!(matches!(outcome, Outcome::AlreadyEnded(_)), "{outcome:?}");
    assert_eq!(told(&effects), []);
}

#[test]
fn no_address_of_an_image_is_kept_outside_of_what_is_sealed() {
    let scene = |version: u64, url: &str| Scene {
        version,
        background_image: Some(format!("https://me:hunter2@h/{url}?sign=hunter2").into()),
        ..Scene::default()
    };
    let mut spec = mixed_spec();
    if let Some(mix) = &mut spec.mix {
        mix.scene = scene(1, "first");
    }
    let mut bench = Bench::new();
    let epoch = bench.start_spec_on("s1", ticket("a"), spec, "n1");
    let kept = serde_json::to_string(&bench.state).unwrap();
    assert!(!kept.contains("hunter2"), "{kept}");
    let update = UpdateLayout::new(target("s1", Some("a")), scene(0, "second"));
    bench.call(Command::UpdateLayout(Box::new(update)));
    let after = serde_json::to_string(&bench.state).unwrap();
    assert!(!after.contains("hunter2"), "{after}");
    // What is sealed is written together with a state that has changed.
    assert_ne!(kept, after);
    bench.crash();
    let (answer, _) = bench.report("s1", "n1", epoch, |_| ());
    assert_eq!(answer.scene, Some(scene(2, "second")));
}
