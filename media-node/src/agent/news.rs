//! What is news about a recording: what the edge has to hear at once, and what can wait. Pure.

use protocol::{BackedUp, EndCause, FileKind, MAX_OCCURRENCES, Phase, Problem, RecordedFile, Report, SpoolReport, Vod};

/// What the newest report of a recording has beyond the one that the edge has heard, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    Nothing,
    /// How far it has come: what only figures show.
    Progress,
    /// Slices in the store, which whoever goes on with the recording has to know.
    Slices,
    /// What is shown to those who ask, what they are told, and what the edge acts on.
    State,
}

/// What `newest` has beyond `told`.
pub(super) fn news(told: &Report, newest: &Report) -> News {
    if is_of_another_process(told, newest) || State::of(told) != State::of(newest) {
        return News::State;
    }
    if last_occurrence(newest) > last_occurrence(told) || newest.occurrences.log != told.occurrences.log {
        return News::State;
    }
    // A process that does not know yet what the edge has tells of nothing, and learns that it has to.
    if newest.spool.from < told.spool.from && !newest.spool.confirmed.is_empty() {
        return News::State;
    }
    let is_full = newest.spool.confirmed.len() >= SpoolReport::MOST_CONFIRMED.min(MAX_OCCURRENCES);
    let has_slices = told_slices(newest) > told_slices(told);
    // Who waits for its end waits for its uploads.
    let is_ending = newest.phase >= Phase::Draining;
    match (has_slices, progress(told) != progress(newest)) {
        (true, _) if is_full || is_ending => News::State,
        (_, true) if is_ending => News::State,
        (true, _) => News::Slices,
        (false, true) => News::Progress,
        (false, false) => News::Nothing,
    }
}

/// How many slices the edge knows when it has heard a report.
pub(super) fn told_slices(report: &Report) -> u64 {
    let spool = &report.spool;
    spool.from.saturating_add(spool.confirmed.len() as u64)
}

/// A process that has begun has been given nothing yet.
fn is_of_another_process(told: &Report, newest: &Report) -> bool {
    // Numbers grow with the spool's openings first.
    let process = |report: &Report| (report.epoch, report.seq >> 32);
    process(told) != process(newest)
}

fn last_occurrence(report: &Report) -> u64 {
    report.occurrences.list.last().map_or(0, |occurrence| occurrence.number)
}

fn progress(report: &Report) -> impl PartialEq + '_ {
    let Report {
        files,
        pictures,
        pending_uploads,
        lost_packets,
        mix,
        ..
    } = report;
    (files, pictures, pending_uploads, lost_packets, mix)
}

#[derive(PartialEq)]
struct State<'a> {
    phase: Phase,
    cause: Option<EndCause>,
    idle_since_ms: Option<u64>,
    first_media_ms: Option<u64>,
    files: Vec<Shown<'a>>,
    backed_up: Option<BackedUp>,
    speaker: Option<&'a str>,
    problems: &'a [Problem],
    vod: Option<&'a Vod>,
    learned: u64,
    leaving: bool,
    spans: Vec<(&'a str, u64, bool)>,
}

/// What is shown of a file: its name, and whether it can be played.
#[derive(PartialEq)]
struct Shown<'a> {
    name: &'a str,
    is_begun: bool,
    is_there: bool,
    /// Of a file that is there only when it is complete.
    complete: Option<(u64, u64)>,
}

impl<'a> State<'a> {
    fn of(report: &'a Report) -> Self {
        let SpoolReport {
            learned,
            leaving,
            spans,
            ..
        } = &report.spool;
        let spans = spans.iter().map(|span| {
            // Whether a slice is open is of interest to the node that is to follow.
            let open = *leaving && span.open;
            (span.playlist.as_str(), span.from_ms, open)
        });
        Self {
            phase: report.phase,
            cause: report.cause,
            idle_since_ms: report.idle_since_ms,
            first_media_ms: report.first_media_ms,
            files: report.files.iter().map(Shown::of).collect(),
            backed_up: report.backed_up,
            speaker: report.speaker.as_deref(),
            problems: &report.problems,
            vod: report.vod.as_ref(),
            learned: *learned,
            leaving: *leaving,
            spans: spans.collect(),
        }
    }
}

impl<'a> Shown<'a> {
    fn of(file: &'a RecordedFile) -> Self {
        Self {
            name: &file.name,
            is_begun: file.slices > 0,
            is_there: file.uploaded_slices > 0,
            complete: (file.kind != FileKind::Playlist).then_some((file.slices, file.uploaded_slices)),
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{
        ConfirmedSlice, Fault, Happening, JobRequest, MixCounters, Occurrence, ProblemCode, RecorderKey, Span,
        TrackKind,
    };

    use super::*;

    type Change = Box<dyn FnOnce(&mut Report)>;

    fn slice(number: u64) -> ConfirmedSlice {
        ConfirmedSlice {
            playlist: "v.m3u8".to_owned(),
            uid: "7".to_owned(),
            track: TrackKind::Video,
            epoch: 1,
            name: format!("{number}.ts"),
            start_us: 0,
            duration_us: 15_000_000,
            start_ms: 1,
            bytes: 1,
            discontinuity: false,
            tags: Vec::new(),
        }
    }

    /// A recording that has one playlist with some slices in the store.
    fn report() -> Report {
        let recorder = RecorderKey {
            app_id: "a".to_owned(),
            channel: "c".to_owned(),
            uid: "1".to_owned(),
        };
        let of = JobRequest {
            node_id: "n".to_owned(),
            recorder,
            sid: "s".to_owned(),
            epoch: 1,
        };
        let file = RecordedFile {
            name: "v.m3u8".to_owned(),
            track: TrackKind::Video,
            kind: FileKind::Playlist,
            uid: "7".to_owned(),
            start_ms: 1,
            duration_ms: 30_000,
            slices: 2,
            bytes: 2,
            uploaded_slices: 2,
            md5: None,
        };
        Report {
            files: vec![file],
            first_media_ms: Some(1),
            spool: SpoolReport {
                spool: 1,
                from: 2,
                ..SpoolReport::default()
            },
            ..Report::bare(of, 1 << 32, 1, Phase::Recording)
        }
    }

    fn after(change: impl FnOnce(&mut Report)) -> News {
        let mut newest = report();
        newest.seq += 1;
        newest.at_ms += 2_000;
        change(&mut newest);
        news(&report(), &newest)
    }

    #[test]
    fn that_it_is_alive_is_no_news() {
        assert_eq!(after(|_| {}), News::Nothing);
    }

    #[test]
    fn a_slice_that_is_being_written_or_uploaded_is_progress() {
        assert_eq!(after(|report| report.files[0].bytes += 1), News::Progress);
        assert_eq!(after(|report| report.files[0].slices += 1), News::Progress);
        assert_eq!(after(|report| report.pending_uploads = 1), News::Progress);
        assert_eq!(after(|report| report.lost_packets = 1), News::Progress);
        assert_eq!(
            after(|report| report.mix = Some(MixCounters::default())),
            News::Progress
        );
    }

    #[test]
    fn a_slice_in_the_store_is_told_once() {
        assert_eq!(
            after(|report| {
                report.spool.confirmed.push(slice(3));
                report.files[0].uploaded_slices += 1;
            }),
            News::Slices
        );
        let mut told = report();
        told.spool.confirmed.push(slice(3));
        // The edge has noted it.
        let mut newest = told.clone();
        newest.spool.from += 1;
        newest.spool.confirmed.clear();
        assert_eq!(news(&told, &newest), News::Nothing);
    }

    #[test]
    fn slices_of_before_what_was_told_are_told_at_once() {
        let behind = |report: &mut Report| {
            report.spool.from -= 2;
            report.spool.confirmed.extend([slice(1), slice(2)]);
        };
        assert_eq!(after(behind), News::State);
        assert_eq!(after(|report| report.spool.from -= 2), News::Nothing);
    }

    #[test]
    fn slices_that_fill_a_report_are_told_at_once() {
        let many = (0..SpoolReport::MOST_CONFIRMED as u64).map(slice);
        assert_eq!(after(|report| report.spool.confirmed.extend(many)), News::State);
    }

    #[test]
    fn what_is_shown_or_acted_on_is_told_at_once() {
        let problem = Problem {
            fault: Fault::Ours,
            code: ProblemCode::Overloaded,
            message: "m".to_owned(),
            at_ms: 1,
        };
        let changes: [Change; 11] = [
            Box::new(|report| report.phase = Phase::Draining),
            Box::new(|report| report.idle_since_ms = Some(1)),
            Box::new(|report| report.speaker = Some("u".to_owned())),
            Box::new(|report| report.problems.push(problem)),
            Box::new(|report| report.files[0].name.push('x')),
            Box::new(|report| report.files[0].uploaded_slices = 0),
            Box::new(|report| report.spool.learned = 5),
            Box::new(|report| report.spool.leaving = true),
            Box::new(|report| {
                report.spool.spans.push(Span {
                    playlist: "v".to_owned(),
                    from_ms: 1,
                    open: true,
                })
            }),
            Box::new(|report| report.seq += 1 << 32),
            Box::new(|report| {
                report.occurrences.list.push(Occurrence {
                    number: 1,
                    what: Happening::PlaylistPublished { name: "v".to_owned() },
                })
            }),
        ];
        for (place, change) in changes.into_iter().enumerate() {
            assert_eq!(after(change), News::State, "{place}");
        }
    }

    #[test]
    fn an_mp4_file_can_be_played_once_it_is_complete() {
        let mut told = report();
        told.files[0].kind = FileKind::Mp4;
        told.files[0].uploaded_slices = 1;
        let mut newest = told.clone();
        newest.files[0].uploaded_slices = 2;
        assert_eq!(news(&told, &newest), News::State);
    }

    #[test]
    fn once_capture_has_ended_each_upload_is_told() {
        let mut told = report();
        told.phase = Phase::Draining;
        told.pending_uploads = 2;
        let mut newest = told.clone();
        newest.pending_uploads = 1;
        assert_eq!(news(&told, &newest), News::State);
    }

    #[test]
    fn an_occurrence_that_is_confirmed_is_no_news() {
        let mut told = report();
        told.occurrences.list.push(Occurrence {
            number: 1,
            what: Happening::PlaylistPublished { name: "v".to_owned() },
        });
        assert_eq!(news(&told, &report()), News::Nothing);
    }
}
