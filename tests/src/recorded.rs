//! A finished individual recording, fetched from the bucket, and the promises that each of its playlists has to keep.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use protocol::TrackKind;

use crate::bucket::Bucket;
use crate::customer::Task;
use crate::playlist::{self, Playlist};
use crate::probe::{self, Packet};

/// Rounding of the formats: 90 kHz in the slices, milliseconds in the names.
const TICK: f64 = 0.001;

/// All that a recording left in the bucket.
pub struct Recording {
    /// In the order of their names.
    pub tracks: Vec<Track>,
    // The files live as long as this.
    _dir: tempfile::TempDir,
}

/// One playlist with its slices.
pub struct Track {
    pub uid: String,
    pub kind: TrackKind,
    /// Object key of the playlist.
    pub key: String,
    pub playlist: Playlist,
    /// The playlist as a local file next to its slices.
    pub file: PathBuf,
    pub slices: Vec<Slice>,
}

/// One slice, measured.
pub struct Slice {
    pub name: String,
    pub file: PathBuf,
    /// `#EXTINF`, in seconds.
    pub duration: f64,
    /// Of the name: Unix milliseconds of the first media.
    pub start_ms: i64,
    pub discontinuity: bool,
    pub packets: Vec<Packet>,
}

impl Recording {
    /// Fetches everything below the task's prefix that bears its sid.
    ///
    /// # Panics
    /// When a playlist names what is not there, a slice is in no playlist, a content type is wrong or a name is not formed
    /// as documented.
    pub async fn fetch(bucket: &Bucket, task: &Task) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let keys = bucket.keys(&task.prefix).await;
        let mut named = BTreeSet::new();
        let mut tracks = Vec::new();
        for key in keys.iter().filter(|key| key.ends_with(".m3u8")) {
            let track = fetch_track(bucket, task, key, dir.path()).await;
            named.extend(
                track
                    .slices
                    .iter()
                    .map(|slice| format!("{}{}", task.prefix, slice.name)),
            );
            named.insert(key.clone());
            tracks.push(track);
        }
        let found: BTreeSet<_> = keys.into_iter().collect();
        assert_eq!(
            named, found,
            "the bucket holds the playlists and the slices they name, and nothing else"
        );
        Self { tracks, _dir: dir }
    }

    /// # Panics
    /// When there is no such playlist.
    pub fn track(&self, uid: &str, kind: TrackKind) -> &Track {
        let found = self.tracks.iter().find(|track| track.uid == uid && track.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind:?} playlist of {uid}"))
    }

    /// (uid, kind) of each playlist, in order.
    pub fn names(&self) -> Vec<(&str, TrackKind)> {
        let mut names: Vec<_> = self
            .tracks
            .iter()
            .map(|track| (track.uid.as_str(), track.kind))
            .collect();
        names.sort_unstable();
        names
    }

    /// Checks all that must hold for each recording.
    ///
    /// # Panics
    /// With the first promise that is broken.
    pub async fn check(&self) {
        for track in &self.tracks {
            track.check().await;
        }
    }
}

async fn fetch_track(bucket: &Bucket, task: &Task, key: &str, dir: &Path) -> Track {
    let object = bucket.get(key).await.expect("a listed object");
    assert_eq!(object.content_type.as_deref(), Some("application/x-mpegURL"), "{key}");
    let text = String::from_utf8(object.data).expect("a playlist is text");
    let playlist = playlist::parse(&text).unwrap_or_else(|error| panic!("{key}: {error}\n{text}"));
    let name = key.strip_prefix(&task.prefix).expect("a listed object");
    let file = dir.join(name);
    std::fs::write(&file, &text).expect("a file");
    let (uid, kind) = parse_name(task, name.strip_suffix(".m3u8").expect("a playlist"));
    let stem = name.trim_end_matches(".m3u8");
    let mut slices = Vec::new();
    for entry in &playlist.entries {
        let key = format!("{}{}", task.prefix, entry.name);
        let object = bucket
            .get(&key)
            .await
            .unwrap_or_else(|| panic!("{name} names {key}, which is not in the bucket"));
        assert_eq!(object.content_type.as_deref(), Some("video/MP2T"), "{key}");
        let file = dir.join(&entry.name);
        std::fs::write(&file, &object.data).expect("a file");
        let utc = entry
            .name
            .strip_prefix(&format!("{stem}_"))
            .and_then(|rest| rest.strip_suffix(".ts"));
        slices.push(Slice {
            name: entry.name.clone(),
            duration: entry.duration,
            start_ms: parse_utc(utc.unwrap_or_else(|| panic!("not the name of a slice: {}", entry.name))),
            discontinuity: entry.discontinuity,
            packets: probe::packets(&file).await,
            file,
        });
    }
    Track {
        uid,
        kind,
        key: key.to_owned(),
        playlist,
        file,
        slices,
    }
}

/// `<sid>_<cname>__uid_s_<uid>__uid_e_<type>`
fn parse_name(task: &Task, stem: &str) -> (String, TrackKind) {
    let parsed = stem
        .strip_prefix(&format!("{}_{}__uid_s_", task.sid, task.cname))
        .and_then(|rest| rest.split_once("__uid_e_"))
        .and_then(|(uid, kind)| match kind {
            "audio" => Some((uid.to_owned(), TrackKind::Audio)),
            "video" => Some((uid.to_owned(), TrackKind::Video)),
            _ => None,
        });
    parsed.unwrap_or_else(|| panic!("not the name of a playlist of {}: {stem}", task.sid))
}

/// `YYYYMMDDHHMMSSmmm`, UTC, as Unix milliseconds.
fn parse_utc(text: &str) -> i64 {
    assert!(
        text.len() == 17 && text.bytes().all(|c| c.is_ascii_digit()),
        "not a time: {text}"
    );
    let field = |from: usize, to: usize| text[from..to].parse::<i64>().expect("digits");
    let (year, month, day) = (field(0, 4), field(4, 6), field(6, 8));
    // Days of the proleptic Gregorian calendar, years beginning in March.
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    ((days * 24 + field(8, 10)) * 60 + field(10, 12)) * 60_000 + field(12, 17)
}

impl Track {
    /// Sum of the slices' `#EXTINF`, in seconds.
    pub fn duration(&self) -> f64 {
        self.slices.iter().map(|slice| slice.duration).sum()
    }

    /// Discontinuities inside: the one in front of the first slice is not counted.
    pub fn breaks(&self) -> usize {
        self.slices.iter().skip(1).filter(|slice| slice.discontinuity).count()
    }

    /// Times between neighbouring presentation times inside the slices and across their borders, except where the
    /// playlist announces a discontinuity. In seconds.
    pub fn steps(&self) -> Vec<f64> {
        let mut steps = Vec::new();
        let mut last = None;
        for slice in &self.slices {
            let mut times: Vec<_> = slice.packets.iter().map(|packet| packet.pts).collect();
            times.sort_by(f64::total_cmp);
            last = last.filter(|_| !slice.discontinuity);
            for time in times {
                steps.extend(last.map(|last: f64| time - last));
                last = Some(time);
            }
        }
        steps
    }

    /// The usual time from one frame to the next, in seconds.
    pub fn frame(&self) -> f64 {
        let mut steps = self.steps();
        steps.sort_by(f64::total_cmp);
        steps.get(steps.len() / 2).copied().unwrap_or_default()
    }

    async fn check(&self) {
        let key = &self.key;
        assert!(!self.slices.is_empty(), "{key}: no slices");
        assert!(
            self.playlist.ended,
            "{key}: an ended recording's playlist has #EXT-X-ENDLIST"
        );
        let longest = self.slices.iter().map(|slice| slice.duration).fold(0.0, f64::max);
        assert!(
            f64::from(self.playlist.target_duration) >= longest.round(),
            "{key}: target duration below {longest}"
        );
        let frame = self.frame();
        let mut last_dts = f64::NEG_INFINITY;
        for slice in &self.slices {
            slice.check(self.kind, frame).await;
            assert!(
                slice.packets[0].dts > last_dts,
                "{}: its dts do not follow the slice before",
                slice.name
            );
            last_dts = slice.packets[slice.packets.len() - 1].dts;
        }
        for pair in self.slices.windows(2).filter(|pair| !pair[1].discontinuity) {
            let gap = pair[1].start_ms as f64 / 1000.0 - pair[0].start_ms as f64 / 1000.0 - pair[0].duration;
            assert!(
                gap.abs() <= TICK + 1e-6,
                "{}: {gap:.6} s behind the slice before by its name",
                pair[1].name
            );
        }
    }
}

impl Slice {
    async fn check(&self, kind: TrackKind, frame: f64) {
        let name = &self.name;
        let streams = probe::streams(&self.file).await;
        let codecs: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
        assert_eq!(
            codecs,
            [if kind == TrackKind::Audio { "aac" } else { "h264" }],
            "{name}"
        );
        let warnings = probe::warnings(&self.file).await;
        assert!(warnings.is_empty(), "{name}: {warnings}");
        assert!(
            self.packets.first().is_some_and(|packet| packet.key),
            "{name} does not begin with a key frame"
        );
        assert!(
            self.packets.windows(2).all(|pair| pair[0].dts < pair[1].dts),
            "{name}: dts do not grow"
        );
        let measured = self.measured(frame);
        let error = self.duration - measured;
        assert!(
            error.abs() <= frame + TICK,
            "{name}: #EXTINF {} but {measured:.6} measured",
            self.duration
        );
    }

    /// From the first presentation time to the end of the last frame, in seconds.
    fn measured(&self, frame: f64) -> f64 {
        let times = self.packets.iter().map(|packet| packet.pts);
        let (first, last) = times.fold((f64::MAX, f64::MIN), |(first, last), pts| {
            (first.min(pts), last.max(pts))
        });
        last - first + frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let sid = "0123456789abcdef0123456789abcdef".to_owned();
        let (cname, uid) = ("room_1".to_owned(), "9".to_owned());
        Task {
            cname,
            uid,
            resource_id: String::new(),
            sid,
            prefix: String::new(),
        }
    }

    #[test]
    fn reads_names() {
        let name = "0123456789abcdef0123456789abcdef_room_1__uid_s_42__uid_e_video";
        assert_eq!(parse_name(&task(), name), ("42".to_owned(), TrackKind::Video));
    }

    #[test]
    #[should_panic(expected = "not the name of a playlist")]
    fn refuses_a_foreign_name() {
        parse_name(
            &task(),
            "0123456789abcdef0123456789abcdef_room_2__uid_s_42__uid_e_video",
        );
    }

    #[test]
    fn reads_utc() {
        assert_eq!(parse_utc("19700101000000000"), 0);
        assert_eq!(parse_utc("20000229123456789"), 951_827_696_789);
        assert_eq!(parse_utc("20260401000000001"), 1_775_001_600_001);
    }

    /// A track of 25 frames a second with a slice of one second for each given second's start.
    fn track(starts: &[f64]) -> Track {
        let slice = |&start: &f64| Slice {
            name: String::new(),
            file: PathBuf::new(),
            duration: 1.0,
            start_ms: (start * 1000.0) as i64,
            discontinuity: false,
            packets: (0..25)
                .map(|frame| start + f64::from(frame) / 25.0)
                .map(|at| Packet {
                    pts: at,
                    dts: at,
                    key: true,
                })
                .collect(),
        };
        let playlist = Playlist {
            version: 3,
            target_duration: 1,
            media_sequence: 0,
            entries: Vec::new(),
            ended: true,
        };
        let slices = starts.iter().map(slice).collect();
        Track {
            uid: "1".into(),
            kind: TrackKind::Video,
            key: "k".into(),
            playlist,
            file: PathBuf::new(),
            slices,
        }
    }

    #[test]
    fn a_hole_between_slices_is_a_step_unless_announced() {
        let mut track = track(&[0.0, 1.0, 3.0]);
        assert!((track.frame() - 0.04).abs() < 1e-9);
        assert_eq!(track.steps().iter().filter(|&&step| step > 1.0).count(), 1);
        track.slices[2].discontinuity = true;
        assert!(track.steps().iter().all(|&step| step < 0.05));
        assert_eq!(track.breaks(), 1);
    }
}
