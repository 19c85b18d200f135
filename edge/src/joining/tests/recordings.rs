//! The files of one recording, which a lost node has left in parts.

use super::*;

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
