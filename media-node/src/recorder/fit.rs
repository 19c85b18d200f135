//! Keeps a report within one message, however many users a recording has had.

use protocol::{MAX_MESSAGE_BYTES, Report};
use serde::Serialize;

/// For what the supervisor adds: problems of its own, and the line around the report.
const MARGIN_BYTES: usize = 256 << 10;

/// Cuts the lists that grow with the number of users, so that the report fits into a message. Returns how many files are
/// not listed.
pub(super) fn fit(report: &mut Report) -> usize {
    let videos = report.vod.as_mut().map(|vod| std::mem::take(&mut vod.videos));
    let spans = std::mem::take(&mut report.spool.spans);
    let files = std::mem::take(&mut report.files);
    let mut room = Room((MAX_MESSAGE_BYTES - MARGIN_BYTES).saturating_sub(length(report)));
    // Of a video that the edge does not know, the next node makes another one. Without a span, two nodes have some seconds of
    // media twice, which playlists name once. A file that is not listed is only not shown: it goes last.
    if let (Some(vod), Some(videos)) = (&mut report.vod, videos) {
        vod.videos = room.take(videos);
    }
    report.spool.spans = room.take(spans);
    let all = files.len();
    report.files = room.take(files);
    all - report.files.len()
}

/// Bytes that are left.
struct Room(usize);

impl Room {
    /// The first ones of a list, as many as there is room for.
    fn take<T: Serialize>(&mut self, mut list: Vec<T>) -> Vec<T> {
        let fitting = list.iter().take_while(|item| {
            // With the comma behind it.
            let left = self.0.checked_sub(length(item).saturating_add(1));
            self.0 = left.unwrap_or(self.0);
            left.is_some()
        });
        let count = fitting.count();
        list.truncate(count);
        list
    }
}

/// Bytes of a value's JSON; what cannot be written takes all the room there is.
fn length(value: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use protocol::{FileKind, JobRequest, Phase, RecordedFile, RecorderKey, Span, TrackKind, Vod, VodVideo};

    use super::*;
    use crate::supervisor::{FromProcess, encode, next};

    fn report() -> Report {
        let recorder = RecorderKey {
            app_id: "app".into(),
            channel: "room".into(),
            uid: "1".into(),
        };
        let of = JobRequest {
            node_id: "n".into(),
            recorder,
            sid: "s".into(),
            epoch: 1,
        };
        Report::bare(of, 1, 1_700_000_000_000, Phase::Recording)
    }

    fn file(number: usize, name_bytes: usize) -> RecordedFile {
        RecordedFile {
            name: format!("{number:0>name_bytes$}"),
            track: TrackKind::Video,
            kind: FileKind::Playlist,
            uid: number.to_string(),
            start_ms: 1_700_000_000_000,
            duration_ms: 86_400_000,
            slices: 5_760,
            bytes: 12_345_678_901,
            uploaded_slices: 5_760,
            md5: None,
        }
    }

    #[test]
    fn the_files_of_two_thousand_users_are_listed() {
        let mut report = report();
        report.files = (0..4_000).map(|number| file(number, 500)).collect();
        assert_eq!(fit(&mut report), 0);
        assert_eq!(report.files.len(), 4_000);
    }

    #[tokio::test]
    async fn no_number_of_users_makes_a_report_too_long_for_the_supervisor() {
        let mut report = report();
        report.files = (0..40_000).map(|number| file(number, 900)).collect();
        let name = |number: usize| format!("{number:0>500}.m3u8");
        let span = |number| Span {
            playlist: name(number),
            from_ms: 1,
            open: true,
        };
        report.spool.spans = (0..3_000).map(span).collect();
        let video = |number| VodVideo {
            name: name(number),
            video_id: "v".repeat(32),
        };
        report.vod = Some(Vod {
            videos: (0..3_000).map(video).collect(),
            complete: false,
        });
        let left_out = fit(&mut report);
        // Those that were made first.
        let expected: Vec<_> = (0..40_000 - left_out).map(|number| file(number, 900)).collect();
        assert_eq!(report.files, expected);
        assert!(report.files.len() > 100, "{left_out}");
        let vod = report.vod.as_ref().unwrap();
        assert_eq!((report.spool.spans.len(), vod.videos.len()), (3_000, 3_000));
        let line = encode(&FromProcess::Report(Box::new(report))).unwrap();
        assert!(line.len() <= MAX_MESSAGE_BYTES - MARGIN_BYTES + 100, "{}", line.len());
        let told: Option<FromProcess> = next(&mut &line[..]).await.unwrap();
        assert!(matches!(told, Some(FromProcess::Report(told)) if told.files == expected));
    }
}
