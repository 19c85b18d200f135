//! No number of users, and nothing that a node says, makes what is kept too large to be written.

use protocol::{
    ConfirmedSlice, Fault, Happening, InventoryPage, Occurrence, Occurrences, Phase, Problem, ProblemCode, Span,
    SpoolReport, TrackKind, Vod, VodVideo,
};

use super::bench::*;
use super::samples::*;
use crate::object::pieces;
use crate::recording::{Event, Row, fill_page};

/// What a row may have, a fifth less.
const ROW_BYTES: usize = 1_600_000;
/// What the largest state may have, so that an object has the memory for it. No store takes names like those of these tests, which
/// are twice as long in JSON.
const STATE_BYTES: usize = 20_000_000;

/// Texts that JSON writes with twice as many characters.
fn longest(number: usize, bytes: usize) -> String {
    format!("{number:\"<bytes$}")
}

fn row_bytes(row: &Row) -> usize {
    match row {
        Row::Notice { notice, .. } => serde_json::to_string(&notice.event).unwrap().len(),
        Row::Incident { incident, .. } => serde_json::to_string(incident).unwrap().len(),
        _ => 0,
    }
}

fn check(bench: &mut Bench) {
    let state_bytes = bench.storage.state_bytes();
    assert!(state_bytes < STATE_BYTES, "{state_bytes}");
    assert!(bench.storage.ledger_bytes() < ROW_BYTES);
    let largest = bench.storage.rows.drain(..).map(|row| row_bytes(&row)).max();
    assert!(largest < Some(ROW_BYTES), "{largest:?}");
}

#[test]
fn twenty_thousand_users_who_come_and_go_leave_a_state_that_can_be_written() {
    let mut bench = Bench::started("s1", ticket("a"));
    let all: Vec<_> = (0..40_000)
        .map(|number| file(&format!("room_{number:06}.m3u8"), 3, 3))
        .collect();
    // As a node tells them that lists only some of them in each report.
    for some in all.chunks(4_000) {
        bench.report("s1", "n1", 1, |report| report.files = some.to_vec());
    }
    let view = bench.view("s1");
    assert_eq!(view.files, all[..2_000]);
    assert_eq!(view.problems.len(), 1);
    assert_eq!(view.problems[0].code, ProblemCode::TooManyFiles);
    bench.report("s1", "n1", 1, |report| {
        ended(protocol::EndCause::Stopped)(report);
        report.files = all[..3_000].to_vec();
    });
    check(&mut bench);
    bench.crash();
    assert_eq!(bench.view("s1").files.len(), 2_000);
}

#[test]
fn the_longest_names_and_texts_leave_a_state_that_can_be_written() {
    let mut bench = Bench::new();
    let mut spec = spec();
    spec.storage.kind = protocol::StorageKind::AliyunVod;
    bench.start_spec_on("s1", ticket("a"), spec, "n1");
    // One for each of the hundreds of events, and each writes the whole state, would take long.
    bench.deliveries = Some(Vec::new());
    let name = |number| longest(number, 1_024);
    let mut tell = |phase: Phase| {
        let span = |number| Span {
            playlist: name(number),
            from_ms: u64::MAX,
            open: true,
        };
        let video = |number| VodVideo {
            name: name(number),
            video_id: longest(number, 256),
        };
        let happened = |number: usize| Occurrence {
            number: number as u64,
            what: Happening::PlaylistPublished { name: name(number) },
        };
        let slice = |number| ConfirmedSlice {
            playlist: name(1),
            name: name(number),
            uid: longest(2, 500),
            tags: vec![name(3)[..1_000].to_owned()],
            ..slice("a", 1, 1)
        };
        let problem = |number: usize| Problem {
            fault: Fault::Ours,
            code: ProblemCode::Other(longest(number, 50_000)),
            message: longest(number, 50_000),
            at_ms: number as u64,
        };
        bench.report("s1", "n1", 1, |report| {
            report.phase = phase;
            report.files = (0..3_000).map(|number| file(&name(number), 1, 1)).collect();
            report.files.iter_mut().for_each(|file| file.uid = longest(7, 256));
            report.spool.leaving = phase == Phase::Recording;
            report.spool.spans = (0..3_000).map(span).collect();
            report.spool.confirmed = (0..200).map(slice).collect();
            report.vod = Some(Vod {
                videos: (0..3_000).map(video).collect(),
                complete: false,
            });
            report.occurrences = Occurrences {
                log: 1,
                list: (1..101).map(happened).collect(),
            };
            report.problems = (0..16).map(problem).collect();
        });
        let rows = bench.slices.row_bytes();
        assert!(rows < ROW_BYTES, "{rows}");
        check(&mut bench);
    };
    tell(Phase::Recording);
    tell(Phase::Draining);
    tell(Phase::Ended);
    let text = bench.storage.state_text();
    assert!(pieces(&text).iter().all(|piece| piece.len() < ROW_BYTES));
    bench.crash();
    assert_eq!(bench.view("s1").files.len(), 2_000);
}

#[test]
fn an_event_lists_as_many_files_as_a_row_has_room_for() {
    let mut bench = Bench::started("s1", ticket("a"));
    let files: Vec<_> = (0..2_000).map(|number| file(&longest(number, 1_024), 1, 1)).collect();
    bench.report("s1", "n1", 1, |report| {
        ended(protocol::EndCause::Stopped)(report);
        report.files = files.clone();
    });
    let told = bench.storage.rows.iter().find_map(|row| match row {
        Row::Notice { notice, .. } => match &notice.event {
            Event::Uploaded { files } => Some(files),
            _ => None,
        },
        _ => None,
    });
    let told = told.unwrap();
    assert!((100..2_000).contains(&told.len()), "{}", told.len());
    assert_eq!(*told, files[..told.len()]);
    check(&mut bench);
}

#[test]
fn what_is_too_long_to_be_kept_is_passed_over() {
    let mut bench = Bench::started("s1", ticket("a"));
    let long = "x".repeat(3_000_000);
    bench.report("s1", "n1", 1, |report| {
        report.files = vec![file(&long, 1, 1), file("a", 1, 1)];
        report.spool.spans = vec![span(&long, 1)];
        report.spool.confirmed = vec![slice("a", 1, 1), slice(&long, 1, 2), slice("a", 1, 3)];
        let happened = |number, name: &str| Occurrence {
            number,
            what: Happening::SliceStarted {
                uid: name.to_owned(),
                track: TrackKind::Video,
                start_ms: 1,
                interrupted_ms: None,
            },
        };
        report.occurrences.list = vec![happened(1, &long), happened(2, "7")];
    });
    assert_eq!(bench.view("s1").files, [file("a", 1, 1)]);
    // Those behind it are counted by their places.
    assert_eq!(bench.slices.names("s1").len(), 1);
    assert!(bench.storage.state_bytes() < 10_000);
    check(&mut bench);
}

#[test]
fn a_page_of_the_inventory_is_read_to_where_it_is_full() {
    type Read = Result<Vec<(u64, String)>, serde_json::Error>;
    let rows = |slices_each: usize, name: String| {
        move |after: u64| -> Read {
            let row = |number: u64| {
                let slices = vec![slice(&name, 1, 1); slices_each];
                Ok((number, serde_json::to_string(&slices)?))
            };
            (after + 1..(after + 9).min(3_001)).map(row).collect()
        }
    };
    let begin = || InventoryPage {
        last: 3_000,
        next: 3_000,
        ..InventoryPage::default()
    };
    let mut page = begin();
    fill_page(&mut page, rows(1, "a".to_owned())).unwrap();
    assert_eq!((page.slices.len(), page.next), (1_000, 1_000));
    page.after = 2_990;
    (page.next, page.slices) = (3_000, Vec::new());
    fill_page(&mut page, rows(1, "a".to_owned())).unwrap();
    assert_eq!((page.slices.len(), page.next), (10, 3_000));
    // With long names, by its bytes.
    let mut page = begin();
    fill_page(&mut page, rows(SpoolReport::MOST_CONFIRMED, longest(1, 1_000))).unwrap();
    assert!(page.slices.len() < 1_000);
    assert!(serde_json::to_string(&page).unwrap().len() < protocol::MAX_MESSAGE_BYTES / 2);
    assert_eq!(page.slices.len() as u64, page.next * SpoolReport::MOST_CONFIRMED as u64);
}
