//! A finished individual recording, and the promises that each of its playlists has to keep.

mod names;
mod pictures;
mod promises;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use protocol::TrackKind;

use crate::bucket::Bucket;
use crate::customer::Task;
use crate::playlist::{self, Playlist};
use crate::probe::{self, Packet};

pub use names::{Name, parse_utc, slice_ms};
pub use pictures::{Snapshot, snapshots};

/// Everything that one recording left behind.
pub struct Recording {
    /// The playlists in the order of their names.
    pub tracks: Vec<Track>,
    // The files that were fetched live as long as this.
    _dir: Option<tempfile::TempDir>,
}

/// One playlist with its slices.
pub struct Track {
    pub name: Name,
    /// The playlist, next to its slices.
    pub file: PathBuf,
    pub playlist: Playlist,
    pub slices: Vec<Slice>,
}

/// One slice, measured.
pub struct Slice {
    pub file: PathBuf,
    /// `#EXTINF`, in seconds.
    pub duration: f64,
    /// The time in its name: that of the first media, Unix milliseconds.
    pub start_ms: i64,
    pub discontinuity: bool,
    pub packets: Vec<Packet>,
}

impl Recording {
    /// Fetches everything but pictures below the task's prefix, which must be its own.
    ///
    /// # Panics
    /// When an object is not a playlist or a slice with the headers of one, or as [`Self::read`].
    pub async fn fetch(bucket: &Bucket, task: &Task) -> Self {
        let (recording, unnamed) = Self::fetch_all(bucket, task).await;
        assert_eq!(unnamed, BTreeSet::new(), "slices that no playlist names");
        recording
    }

    /// As [`Self::fetch`], with what no playlist names: where two nodes have captured at the same time, slices of one of them.
    pub async fn fetch_all(bucket: &Bucket, task: &Task) -> (Self, BTreeSet<PathBuf>) {
        let dir = tempfile::tempdir().expect("a directory");
        let keys = bucket.keys(&task.prefix).await;
        for key in keys.into_iter().filter(|key| !key.ends_with(".jpg")) {
            let object = bucket.get(&key).await.expect("a listed object");
            assert!(key.ends_with(".m3u8") || key.ends_with(".ts"), "{key}");
            object.assert_headers();
            let name = key.strip_prefix(&task.prefix).expect("a listed object");
            std::fs::write(dir.path().join(name), &object.data).expect("a file");
        }
        let (recording, unnamed) = Self::read_all(dir.path()).await;
        for Track { name, .. } in &recording.tracks {
            assert_eq!((&name.sid, &name.channel), (&task.sid, &task.cname));
        }
        let recording = Self {
            _dir: Some(dir),
            ..recording
        };
        (recording, unnamed)
    }

    /// Reads a directory that holds nothing but recordings.
    ///
    /// # Panics
    /// When a playlist names what is not there, a slice is in no playlist, or a name is not formed as documented.
    pub async fn read(dir: &Path) -> Self {
        let (recording, unnamed) = Self::read_all(dir).await;
        assert_eq!(unnamed, BTreeSet::new(), "slices that no playlist names");
        recording
    }

    async fn read_all(dir: &Path) -> (Self, BTreeSet<PathBuf>) {
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir(dir).expect("a directory") {
            found.insert(entry.expect("an entry").path());
        }
        let mut named = BTreeSet::new();
        let mut tracks = Vec::new();
        for file in found
            .iter()
            .filter(|file| file.extension().is_some_and(|extension| extension == "m3u8"))
        {
            let track = Track::read(file).await;
            named.insert(file.clone());
            named.extend(track.slices.iter().map(|slice| slice.file.clone()));
            tracks.push(track);
        }
        assert!(
            named.is_subset(&found),
            "what playlists name is there: {named:?} in {found:?}"
        );
        (Self { tracks, _dir: None }, &found - &named)
    }

    /// # Panics
    /// When there is no such playlist.
    pub fn track(&self, uid: &str, kind: TrackKind) -> &Track {
        let found = self
            .tracks
            .iter()
            .find(|track| track.name.uid == uid && track.name.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind:?} playlist of {uid}"))
    }

    /// (uid, kind) of each playlist, in order.
    pub fn names(&self) -> Vec<(&str, TrackKind)> {
        let mut names: Vec<_> = self
            .tracks
            .iter()
            .map(|track| (track.name.uid.as_str(), track.name.kind))
            .collect();
        names.sort_unstable();
        names
    }
}

impl Track {
    async fn read(file: &Path) -> Self {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8");
        let name = Name::parse(stem).unwrap_or_else(|| panic!("not the name of a playlist: {stem}"));
        let text = std::fs::read_to_string(file).expect("a playlist");
        let playlist = playlist::parse(&text).unwrap_or_else(|error| panic!("{stem}: {error}\n{text}"));
        let mut slices = Vec::new();
        for entry in &playlist.entries {
            let start_ms = slice_ms(&entry.name, stem);
            let file = file.with_file_name(&entry.name);
            assert!(file.exists(), "{stem} names {}, which is not there", entry.name);
            slices.push(Slice {
                duration: entry.duration,
                start_ms: start_ms.unwrap_or_else(|| panic!("not the name of a slice: {}", entry.name)),
                discontinuity: entry.discontinuity,
                packets: probe::packets(&file).await,
                file,
            });
        }
        Self {
            name,
            file: file.to_owned(),
            playlist,
            slices,
        }
    }

    /// The playlist's name without the directories in front.
    pub fn file_name(&self) -> &str {
        self.file.file_name().and_then(|name| name.to_str()).expect("UTF-8")
    }

    /// Sum of the slices' `#EXTINF`, in seconds.
    pub fn duration(&self) -> f64 {
        self.slices.iter().map(|slice| slice.duration).sum()
    }

    /// Discontinuities inside: the one in front of the first slice is not counted.
    pub fn breaks(&self) -> usize {
        self.slices.iter().skip(1).filter(|slice| slice.discontinuity).count()
    }

    /// The slices before and behind the first discontinuity.
    ///
    /// # Panics
    /// When there is none.
    pub fn parts(&self) -> (&[Slice], &[Slice]) {
        let at = self.slices.iter().skip(1).position(|slice| slice.discontinuity);
        self.slices.split_at(at.expect("a discontinuity") + 1)
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A track of 25 frames a second with a slice of one second for each given second's start.
    fn track(starts: &[f64]) -> Track {
        let slice = |&start: &f64| Slice {
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
            event: false,
        };
        let slices = starts.iter().map(slice).collect();
        let name = Name {
            sid: "0".into(),
            channel: "c".into(),
            uid: "1".into(),
            kind: TrackKind::Video,
        };
        Track {
            name,
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
