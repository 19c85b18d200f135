//! The life of a join: its node is lost, has no room, fails; and what whoever waits is told.

use protocol::{Fault, Joined, JoinedFile, RecordedFile, RecorderKey, Refusal, RefusalCode, Secret};

use super::*;
use crate::access::Callback;
use crate::object::{Input as In, Output as Out};
use crate::recording::{Delivery, House, Pacing, Standing, Status};

const NOW: u64 = 1_700_000_000_000;

fn order(callbacks: usize) -> Order {
    let told = Told {
        callback: Callback {
            url: Secret::new("https://h/"),
            secret: Secret::new("s"),
            events: None,
        },
        form: "f".into(),
    };
    Order {
        key: RecorderKey {
            app_id: "a".into(),
            channel: "c".into(),
            uid: "merge".into(),
        },
        sid: "s".into(),
        nonce: "n".into(),
        parts: vec![Part {
            store: "st".into(),
            key: "k".into(),
            bytes: 1,
        }],
        start_ms: 5,
        place: "house/a/s".into(),
        house: House::default(),
        told: vec![told; callbacks],
        imports: false,
        recording: None,
    }
}

/// A join with its clock.
struct Bench {
    join: Option<Join>,
    now_ms: u64,
}

impl Bench {
    /// Begun, and what that has had done.
    fn begun(callbacks: usize) -> (Self, Vec<Effect>) {
        Self::of(order(callbacks))
    }

    /// Of a file that came in pieces.
    fn importing() -> (Self, Vec<Effect>) {
        Self::of(Order {
            imports: true,
            ..order(0)
        })
    }

    fn of(order: Order) -> (Self, Vec<Effect>) {
        let mut bench = Self {
            join: None,
            now_ms: NOW,
        };
        let request = Request::Begin(Box::new(order));
        let effects = bench.take(In::Asked { by: 1, request });
        (bench, effects)
    }

    /// At a node.
    fn placed(callbacks: usize) -> Self {
        let (mut bench, _) = Self::begun(callbacks);
        bench.event(Event::Placed(Ok("n1".into())));
        bench
    }

    fn take(&mut self, input: Input) -> Vec<Effect> {
        let terms = Terms {
            now_ms: self.now_ms,
            pacing: Pacing::default(),
            chance: u32::MAX,
        };
        let outputs = step(&mut self.join, input, terms);
        let effects = outputs.into_iter().filter_map(|output| match output {
            Out::Effect(Effect::Keep) | Out::Reply { .. } => None,
            Out::Effect(effect) => Some(effect),
        });
        effects.collect()
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        self.take(In::Event(event))
    }

    /// What is done when the alarm that was set rings.
    fn ring(&mut self) -> Vec<Effect> {
        self.now_ms = self.join.as_ref().unwrap().next_alarm();
        self.take(In::Alarm)
    }

    fn answer(&mut self, node_id: &str, answer: Answer) -> Vec<Effect> {
        self.event(Event::Answered {
            node_id: node_id.into(),
            answer,
        })
    }

    fn delivered(&mut self, to: usize, delivery: Delivery) -> Vec<Effect> {
        self.event(Event::Delivered { to, delivery })
    }
}

fn done() -> Answer {
    Answer::Joined(Joined::Done(JoinedFile {
        bytes: 7,
        duration_ms: 8,
        md5: "m".into(),
    }))
}

fn failed(fault: Fault, code: RefusalCode) -> Answer {
    Answer::Joined(Joined::Failed(Refusal {
        fault,
        code,
        reason: "why".into(),
    }))
}

/// The news that the index is told, if that is the only effect.
#[track_caller]
fn news(effects: &[Effect]) -> &crate::app::News {
    match effects {
        [Effect::Tell(news)] => news,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn result(effects: &[Effect]) -> &Result<RecordedFile, Refusal> {
    match effects {
        [Effect::Deliver { result, .. }] => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_join_is_placed_asked_for_told_and_forgotten() {
    let (mut bench, effects) = Bench::begun(2);
    let [Effect::Tell(begun), Effect::Place { .. }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!((begun.status, begun.files.len()), (Status::Recording, 0));
    let first = begun.revision;
    let effects = bench.event(Event::Placed(Ok("n1".into())));
    assert!(matches!(&effects[..], [Effect::Ask { node_id, name, .. }] if node_id == "n1" && name == "s_0-0.mp4"));
    let effects = bench.answer("n1", Answer::Joined(Joined::Runs));
    assert!(
        matches!(&effects[..], [Effect::Ask { .. }]),
        "it is asked again at once"
    );
    let effects = bench.answer("n1", done());
    let told = news(&effects);
    assert_eq!((told.status, told.ended_ms), (Status::Ended, Some(NOW)));
    assert!(told.revision > first);
    let [file] = told.files.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((&*file.name, file.start_ms, file.bytes), ("house/a/s/s_0-0.mp4", 5, 7));
    assert_eq!(file.md5.as_deref(), Some("m"));
    assert!(result(&bench.event(Event::Told(true))).is_ok());
    let taken = || Delivery::Delivered { status: 200 };
    assert!(matches!(
        &bench.delivered(0, taken())[..],
        [Effect::Deliver { to: 1, .. }]
    ));
    // A second word of the same delivery changes nothing.
    assert!(bench.delivered(0, taken()).is_empty());
    assert!(bench.delivered(1, taken()).is_empty());
    assert_eq!(bench.join, None);
}

#[test]
fn whoever_begins_twice_begins_once() {
    let (mut bench, _) = Bench::begun(0);
    let before = bench.join.clone();
    let request = Request::Begin(Box::new(order(0)));
    assert!(bench.take(In::Asked { by: 2, request }).is_empty());
    assert_eq!(bench.join, before);
}

#[test]
fn a_silent_node_is_asked_again_and_then_another_one_which_writes_another_object() {
    let mut bench = Bench::placed(0);
    for _ in 1..4 {
        assert!(bench.answer("n1", Answer::Away).is_empty());
        assert!(matches!(&bench.ring()[..], [Effect::Ask { .. }]));
    }
    bench.answer("n1", Answer::Away);
    let effects = bench.ring();
    assert!(matches!(&effects[..], [Effect::Place { exclude, .. }] if exclude == &["n1"]));
    let effects = bench.event(Event::Placed(Ok("n2".into())));
    assert!(matches!(&effects[..], [Effect::Ask { name, .. }] if name == "s_0-1.mp4"));
    // What the first one says after all is not what is waited for.
    assert!(bench.answer("n1", done()).is_empty());
    // The operator is told who works on it, and what has become of the others.
    let told = bench.ring();
    let [Effect::Tell(told), ..] = told.as_slice() else {
        panic!("{told:?}");
    };
    let made = told.made.clone().unwrap();
    assert_eq!((made.node_id.as_deref(), made.failures), (Some("n2"), 1));
    assert_eq!(made.error.as_deref(), Some("its node was lost"));
    assert_eq!(made.of, ["k"]);
    let effects = bench.answer("n2", done());
    let told = news(&effects);
    assert_eq!(told.files[0].name, "house/a/s/s_0-1.mp4");
    assert_eq!(told.made.clone().unwrap().error, None);
}

#[test]
fn an_effect_whose_end_is_not_heard_of_is_repeated() {
    let (mut bench, _) = Bench::begun(1);
    let effects = bench.ring();
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Place { .. })),
        "{effects:?}"
    );
    bench.event(Event::Placed(Ok("n1".into())));
    let effects = bench.ring();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask { .. })));
    // The index takes what it does not hear of for gone.
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Tell(_))));
    bench.answer("n1", done());
    assert_eq!(news(&bench.ring()).status, Status::Ended);
    bench.event(Event::Told(true));
    assert!(matches!(&bench.ring()[..], [Effect::Deliver { to: 0, .. }]));
}

#[test]
fn a_node_without_room_costs_no_try() {
    let mut bench = Bench::placed(0);
    for _ in 0..20 {
        bench.answer(
            "n1",
            Answer::Refused(Refusal {
                fault: Fault::Ours,
                code: RefusalCode::NoCapacity,
                reason: "full".into(),
            }),
        );
        assert!(matches!(
            &bench.ring()[..],
            [Effect::Place { .. }, ..] | [_, Effect::Place { .. }]
        ));
        bench.event(Event::Placed(Err("all are full".into())));
        let effects = bench.ring();
        let free = |effect: &Effect| matches!(effect, Effect::Place { exclude, .. } if exclude.is_empty());
        assert!(effects.iter().any(free), "all are asked again: {effects:?}");
        bench.event(Event::Told(true));
        bench.event(Event::Placed(Ok("n1".into())));
    }
}

#[test]
fn without_a_node_it_fails_after_an_hour() {
    let (mut bench, _) = Bench::begun(1);
    bench.event(Event::Placed(Err("none".into())));
    bench.now_ms = NOW + 3_600_000;
    let effects = bench.event(Event::Placed(Err("none".into())));
    assert_eq!(news(&effects).status, Status::Failed);
    let error = result(&bench.event(Event::Told(true))).clone().unwrap_err();
    assert_eq!((error.code, &*error.reason), (RefusalCode::NoCapacity, "none"));
}

#[test]
fn only_faults_that_may_pass_are_tried_again() {
    for (fault, code, is_final) in [
        (Fault::Caller, RefusalCode::BadJob, true),
        (Fault::Destination, RefusalCode::StorageUnusable, true),
        (Fault::Destination, RefusalCode::StorageUnavailable, false),
        (Fault::Ours, RefusalCode::Internal, false),
    ] {
        let mut bench = Bench::placed(0);
        let effects = bench.answer("n1", failed(fault, code));
        assert_eq!(!effects.is_empty(), is_final, "{code:?}");
        if is_final {
            assert_eq!(news(&effects).status, Status::Failed);
            continue;
        }
        // Not for ever.
        let mut tries = 1;
        while tries < 20 {
            bench.ring();
            bench.event(Event::Placed(Ok("n2".into())));
            tries += 1;
            if !bench.answer("n2", failed(fault, code)).is_empty() {
                break;
            }
        }
        assert_eq!(tries, 6);
    }
}

#[test]
fn a_callback_is_tried_for_as_long_as_others_are() {
    let mut bench = Bench::placed(2);
    bench.answer("n1", done());
    bench.event(Event::Told(true));
    let refused = || Delivery::Failed {
        status: Some(500),
        error: "it answered with status 500".into(),
    };
    assert!(bench.delivered(0, refused()).is_empty());
    let pause_ms = bench.join.as_ref().unwrap().next_alarm() - bench.now_ms;
    assert_eq!(pause_ms, Pacing::default().first_pause_ms);
    assert!(matches!(&bench.ring()[..], [Effect::Deliver { to: 0, .. }]));
    bench.now_ms = NOW + Pacing::default().give_up_ms;
    assert!(matches!(
        &bench.delivered(0, refused())[..],
        [Effect::Deliver { to: 1, .. }]
    ));
}

#[test]
fn the_pieces_of_an_imported_file_are_deleted_when_all_is_told() {
    let (mut bench, effects) = Bench::importing();
    let standing = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Tell(news) => Some(news.standing),
            _ => None,
        })
    };
    assert_eq!(standing(&effects), Some(Standing::Finishing));
    let effects = bench.event(Event::Placed(Ok("n1".into())));
    assert_eq!(standing(&effects), Some(Standing::Uploading));
    let done = Answer::Joined(Joined::Done(JoinedFile {
        bytes: 1,
        duration_ms: 2,
        md5: "m".into(),
    }));
    let effects = bench.answer("n1", done);
    assert_eq!(standing(&effects), Some(Standing::Done));
    let effects = bench.event(Event::Told(true));
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Clear {
                waste: Waste::Pieces,
                ..
            }]
        ),
        "{effects:?}"
    );
    let effects = bench.event(Event::Cleared(Ok(false)));
    assert!(
        matches!(effects.as_slice(), [Effect::Clear { .. }]),
        "there may be more: {effects:?}"
    );
    assert_eq!(bench.event(Event::Cleared(Err("refused".into()))), []);
    assert!(matches!(bench.ring().as_slice(), [Effect::Clear { .. }]));
    assert_eq!(bench.event(Event::Cleared(Ok(true))), []);
    assert_eq!(bench.join, None);
}

#[test]
fn what_cannot_be_deleted_for_long_is_left_to_the_end_of_the_recording() {
    let (mut bench, _) = Bench::importing();
    bench.event(Event::Placed(Ok("n1".into())));
    let refusal = Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason: "no media".into(),
    };
    bench.answer("n1", Answer::Refused(refusal));
    bench.event(Event::Told(true));
    for _ in 0..1_000 {
        bench.event(Event::Cleared(Err("refused".into())));
        if bench.join.is_none() {
            return;
        }
        bench.ring();
    }
    panic!("it goes on for ever");
}

fn part(number: u64) -> RecordedFile {
    RecordedFile {
        name: format!("house/a/s/r{number}.mp4"),
        track: protocol::TrackKind::Video,
        kind: protocol::FileKind::Mp4,
        uid: "0".into(),
        start_ms: NOW + number,
        duration_ms: 1_000,
        slices: 1,
        bytes: 9,
        uploaded_slices: 1,
        md5: None,
    }
}

/// A recording of two files, which are joined.
fn recording() -> Bench {
    let order = Order {
        recording: Some(Box::new(Recorded {
            mode: protocol::Mode::Mix,
            started_ms: NOW - 60_000,
            ended_ms: Some(NOW - 1_000),
            cause: Some(protocol::EndCause::Stopped),
            files: vec![part(1), part(2)],
        })),
        ..order(0)
    };
    let (bench, effects) = Bench::of(order);
    let told = [Effect::Tell(Box::new(news(&effects[..1]).clone()))];
    let first = news(&told);
    assert_eq!((first.status, first.standing), (Status::Ended, Standing::Finishing));
    assert!(
        first.amends && first.revision > u64::from(u32::MAX),
        "whatever its recorder tells"
    );
    bench
}

#[test]
fn the_files_of_a_recording_become_one_and_go_when_that_is_told() {
    let mut bench = recording();
    let effects = bench.event(Event::Placed(Ok("n1".into())));
    let uploading = news(&effects[..1]);
    assert_eq!((uploading.standing, uploading.files.len()), (Standing::Uploading, 2));
    let effects = bench.answer("n1", done());
    let told = news(&effects);
    assert_eq!((told.status, told.standing), (Status::Ended, Standing::Done));
    assert_eq!((told.files.len(), told.files[0].bytes), (1, 7));
    assert_eq!(
        (told.started_ms, told.ended_ms),
        (NOW - 60_000, Some(NOW - 1_000)),
        "it is the same recording"
    );
    // The index does not hear at first: until it has, nothing is deleted.
    assert_eq!(bench.event(Event::Told(false)), []);
    assert!(matches!(bench.ring().as_slice(), [Effect::Tell(_)]));
    let effects = bench.event(Event::Told(true));
    assert!(matches!(
        effects.as_slice(),
        [Effect::Clear {
            waste: Waste::Parts,
            ..
        }]
    ));
    assert_eq!(bench.event(Event::Cleared(Err("refused".into()))), []);
    assert!(matches!(bench.ring().as_slice(), [Effect::Clear { .. }]));
    assert_eq!(bench.event(Event::Cleared(Ok(true))), []);
    assert_eq!(bench.join, None);
}

#[test]
fn the_files_of_a_recording_that_cannot_be_joined_stay() {
    let mut bench = recording();
    bench.event(Event::Placed(Ok("n1".into())));
    let effects = bench.answer("n1", failed(Fault::Caller, RefusalCode::BadJob));
    let told = news(&effects);
    assert_eq!((told.status, told.standing), (Status::Ended, Standing::Done));
    assert_eq!(told.files, [part(1), part(2)]);
    assert_eq!(told.made.as_ref().unwrap().error.as_deref(), Some("why"));
    assert_eq!(bench.event(Event::Told(true)), [], "nothing is deleted");
    assert_eq!(bench.join, None);
}

#[test]
fn of_a_recording_that_is_deleted_while_its_files_are_joined_nothing_is_left() {
    let mut bench = recording();
    bench.event(Event::Placed(Ok("n1".into())));
    assert_eq!(bench.event(Event::Gone), [], "the node writes its file yet");
    let effects = bench.answer("n1", done());
    assert!(matches!(effects.as_slice(), [Effect::Tell(_)]));
    let effects = bench.event(Event::Gone);
    assert!(matches!(
        effects.as_slice(),
        [Effect::Clear {
            waste: Waste::Everything,
            ..
        }]
    ));
    assert!(matches!(
        bench.event(Event::Cleared(Ok(false))).as_slice(),
        [Effect::Clear { .. }]
    ));
    assert_eq!(bench.event(Event::Cleared(Ok(true))), []);
    assert_eq!(bench.join, None);
}

#[test]
fn a_join_of_a_recording_goes_on_after_its_object_was_restarted() {
    let mut bench = recording();
    bench.event(Event::Placed(Ok("n1".into())));
    let kept = serde_json::to_string(&bench.join).unwrap();
    bench.join = serde_json::from_str(&kept).unwrap();
    let effects = bench.ring();
    assert!(matches!(effects.last(), Some(Effect::Ask { node_id, .. }) if node_id == "n1"));
}
