use std::collections::{BTreeMap, VecDeque};

use protocol::{Happening, MAX_OCCURRENCES, Occurrence, Occurrences, TrackKind};
use serde::{Deserialize, Serialize};

use super::{Slice, object_key};

/// Occurrences that wait for the edge; the oldest make room.
const MAX_WAITING: usize = 20_000;
/// A slice that begins so shortly behind the end of the one before follows no interruption.
const SEAM_MS: u64 = 100;

/// What has happened in the recording and the edge has not confirmed. It follows from the journal's entries alone, so that
/// it survives the process. Names are without the storage's prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Log {
    /// The number of the newest occurrence.
    newest: u64,
    waiting: VecDeque<Occurrence>,
    /// What was last told of each user's tracks.
    streams: BTreeMap<String, StreamsOfUser>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct StreamsOfUser {
    audio: bool,
    video: bool,
}

impl Log {
    /// A slice has begun; `before` is the one that its playlist ends with.
    pub(super) fn slice_begun(&mut self, slice: &Slice, before: Option<&Slice>) {
        let end_ms = before.map(|before| {
            let duration_ms = u64::try_from(before.duration_us / 1_000).unwrap_or_default();
            before.start_ms.saturating_add(duration_ms)
        });
        let interrupted = end_ms.is_none_or(|end_ms| slice.start_ms > end_ms.saturating_add(SEAM_MS));
        if slice.discontinuity && interrupted {
            self.push(Happening::SliceStarted {
                uid: slice.playlist.uid.clone(),
                track: slice.playlist.track,
                start_ms: slice.start_ms,
                interrupted_ms: end_ms,
            });
        }
    }

    pub(super) fn published(&mut self, name: &str) {
        let name = name.to_owned();
        self.push(Happening::PlaylistPublished { name });
    }

    pub(super) fn picture_uploaded(&mut self, name: &str) {
        let name = name.to_owned();
        self.push(Happening::PictureUploaded { name });
    }

    pub(super) fn stream(&mut self, uid: &str, track: TrackKind, receiving: bool, at_ms: u64) {
        let told = self.streams.entry(uid.to_owned()).or_default();
        *told.of(track) = receiving;
        if *told == StreamsOfUser::default() {
            self.streams.remove(uid);
        }
        self.push(Happening::StreamChanged {
            uid: uid.to_owned(),
            track,
            receiving,
            at_ms,
        });
    }

    /// The tracks that have been told to be received.
    pub(super) fn received(&self) -> Vec<(String, TrackKind)> {
        let of_user = |(uid, told): (&String, &StreamsOfUser)| {
            let audio = told.audio.then(|| (uid.clone(), TrackKind::Audio));
            let video = told.video.then(|| (uid.clone(), TrackKind::Video));
            [audio, video]
        };
        self.streams.iter().flat_map(of_user).flatten().collect()
    }

    pub(super) fn confirmed(&mut self, through: u64) {
        while self.is_news(through) {
            self.waiting.pop_front();
        }
    }

    /// Whether what is confirmed up to here was not before.
    pub(super) fn is_news(&self, through: u64) -> bool {
        self.waiting.front().is_some_and(|first| first.number <= through)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What one report carries. `log` names this log.
    pub(super) fn occurrences(&self, log: u64, prefix: &str) -> Occurrences {
        let list = self
            .waiting
            .iter()
            .take(MAX_OCCURRENCES)
            .cloned()
            .map(|mut occurrence| {
                if let Happening::PlaylistPublished { name } | Happening::PictureUploaded { name } =
                    &mut occurrence.what
                {
                    *name = object_key(prefix, name);
                }
                occurrence
            });
        Occurrences {
            log,
            list: list.collect(),
        }
    }

    fn push(&mut self, what: Happening) {
        self.newest += 1;
        self.waiting.push_back(Occurrence {
            number: self.newest,
            what,
        });
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
        }
    }
}

impl StreamsOfUser {
    fn of(&mut self, track: TrackKind) -> &mut bool {
        match track {
            TrackKind::Audio => &mut self.audio,
            TrackKind::Video | TrackKind::Both => &mut self.video,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::PlaylistKey;

    fn slice(start_ms: u64, discontinuity: bool) -> Slice {
        Slice {
            playlist: PlaylistKey {
                uid: "7".to_owned(),
                track: TrackKind::Video,
            },
            name: "s.ts".to_owned(),
            start_us: 0,
            duration_us: 15_000_000,
            start_ms,
            bytes: 1,
            discontinuity,
            tags: Vec::new(),
            form: None,
        }
    }

    fn told(log: &Log) -> Vec<Happening> {
        let list = log.occurrences(1, "p").list;
        list.into_iter().map(|occurrence| occurrence.what).collect()
    }

    #[test]
    fn a_slice_is_told_at_the_beginning_and_behind_an_interruption() {
        let mut log = Log::default();
        log.slice_begun(&slice(1_000, true), None);
        log.slice_begun(&slice(16_000, false), Some(&slice(1_000, true)));
        log.slice_begun(&slice(31_040, true), Some(&slice(16_000, false)));
        log.slice_begun(&slice(50_000, true), Some(&slice(31_040, true)));
        let begun = |start_ms, interrupted_ms| Happening::SliceStarted {
            uid: "7".to_owned(),
            track: TrackKind::Video,
            start_ms,
            interrupted_ms,
        };
        assert_eq!(told(&log), [begun(1_000, None), begun(50_000, Some(46_040))]);
    }

    #[test]
    fn what_is_confirmed_is_told_no_more() {
        let mut log = Log::default();
        log.published("a.m3u8");
        log.picture_uploaded("b.jpg");
        log.confirmed(1);
        let name = "p/b.jpg".to_owned();
        assert_eq!(told(&log), [Happening::PictureUploaded { name }]);
        assert_eq!(log.occurrences(1, "").list[0].number, 2);
        log.confirmed(9);
        assert_eq!(log.waiting(), 0);
        log.published("c.m3u8");
        assert_eq!(log.occurrences(1, "").list[0].number, 3);
    }

    #[test]
    fn a_report_and_the_log_have_limits() {
        let mut log = Log::default();
        for _ in 0..MAX_WAITING + 5 {
            log.published("a");
        }
        assert_eq!((log.waiting(), log.occurrences(1, "").list.len()), (MAX_WAITING, 100));
        assert_eq!(log.occurrences(1, "").list[0].number, 6);
    }

    #[test]
    fn streams_are_remembered_while_they_are_received() {
        let mut log = Log::default();
        log.stream("7", TrackKind::Audio, true, 1);
        log.stream("7", TrackKind::Video, true, 1);
        log.stream("7", TrackKind::Audio, false, 2);
        assert_eq!(log.received(), [("7".to_owned(), TrackKind::Video)]);
        log.stream("7", TrackKind::Video, false, 3);
        assert_eq!((log.received().len(), log.waiting()), (0, 4));
    }
}
