//! The same packets at the same times become the same files, byte for byte.

use std::collections::BTreeMap;

use protocol::{FileFormat, FileStyle, Layout, Selection, StreamName, Subscription, TrackKind};

use super::super::everybody::playlist_key;
use super::super::feeder::{Feeder, Wishes};
use super::super::outputs::{Outputs, Wanted};
use super::super::testing::{Script, Step, open_spool, spec, wishes};
use crate::container::playlist;
use crate::mix::mp3_track;
use crate::mix::testing::{BLUE, GREEN, RED, WHITE, everybody, plain, tone, video};
use crate::record::files::{Keeper, Limits};
use crate::record::status::{Board, SharedBoard};
use crate::record::testing::file_names;
use crate::stream::Clock;

const SECOND: i64 = 1_000_000;

/// Three users who come and go, an image, another layout, another subscription.
fn script() -> Script {
    let mut script = Script::default();
    let users = [
        ("1", RED, 400.0, 0, 22),
        ("2", GREEN, 700.0, 3, 22),
        ("3", BLUE, 1100.0, 5, 12),
    ];
    for (uid, colour, frequency, from, to) in users {
        let (from_us, to_us) = (from * SECOND, to * SECOND);
        script.stream(uid, StreamName::Camera, video(from_us, to_us, 15, |_| colour));
        script.stream(uid, StreamName::Audio, tone(from_us, to_us, frequency, |_| 0.1));
    }
    let with_image = |present: &[&str]| {
        let mut wishes = wishes(present);
        wishes.scene.background_image = Some("u".into());
        wishes
    };
    script.at(0, Step::Wish(with_image(&["1"])));
    script.at(2 * SECOND, Step::Image("u", plain(64, 36, WHITE)));
    script.at(3 * SECOND, Step::Wish(with_image(&["1", "2"])));
    script.at(5 * SECOND, Step::Wish(with_image(&["1", "2", "3"])));
    script.at(12 * SECOND, Step::Wish(with_image(&["1", "2"])));
    let mut large = wishes(&["1", "2"]);
    large.scene.layout = Layout::Vertical {
        large_uid: Some("2".to_owned()),
        large_speaker: false,
    };
    script.at(15 * SECOND, Step::Wish(large.clone()));
    let only = Subscription {
        audio: Selection::Only(vec!["2".to_owned()]),
        ..everybody()
    };
    script.at(
        18 * SECOND,
        Step::Wish(Wishes {
            subscription: only,
            ..large
        }),
    );
    script
}

/// Every file of the recording by its name.
fn record() -> BTreeMap<String, Vec<u8>> {
    let mut busy = spec();
    busy.options.workers = 2;
    busy.options.video_encoder.threads = 2;
    busy.mp3 = true;
    let busy_output = busy.output.audio;
    let mut feeder = Feeder::new(busy, wishes(&[]), i64::MIN);
    let made = script().play(&mut feeder, 22 * SECOND);

    let dir = tempfile::tempdir().unwrap();
    let spool = open_spool(dir.path());
    let (clock, board) = (Clock::new(1_700_000_000_000), SharedBoard::new(Board::new(0, None)));
    let (names, track) = (file_names().mix(), TrackKind::Both);
    let files = Wanted {
        keeper: Keeper::new(spool.clone(), clock, board.clone()),
        formats: vec![FileFormat::Mp4, FileFormat::Mp3],
        limits: Limits {
            duration_us: 10 * SECOND,
            ..Limits::default()
        },
        mp3: mp3_track(busy_output),
    };
    let mut outputs = Outputs::new(Some(spool.clone()), clock, board, names, track, Some(files));
    made.into_iter().for_each(|made| outputs.take(made));
    outputs.end();

    let style = FileStyle::default();
    let slices = spool.slices(&playlist_key(track));
    let text = playlist::complete(&slices, &style);
    let due = spool.due_files().into_iter();
    let files = due.map(|due| (due.name, std::fs::read(due.path).unwrap()));
    files.chain([("playlist".to_owned(), text.into())]).collect()
}

#[test]
fn slices_playlist_and_whole_files_are_the_same_twice() {
    let (once, again) = (record(), record());
    let of_kind = |extension: &str| once.keys().filter(|name| name.ends_with(extension)).count();
    assert_eq!(
        (of_kind(".ts"), of_kind(".mp4"), of_kind(".mp3"), once.len()),
        (2, 2, 3, 8),
        "{:?}",
        once.keys()
    );
    for (name, bytes) in &once {
        assert!(again.get(name) == Some(bytes), "{name}");
        assert!(
            name == "playlist" || bytes.len() > 10_000,
            "{name}: {} bytes",
            bytes.len()
        );
    }
}
