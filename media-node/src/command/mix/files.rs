//! Mixes files as if their users had been captured live, as fast as the machine can.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use protocol::{Scene, Selection, StreamKind, Subscription, VideoQuality};

use crate::media::{Demuxed, Demuxer, MediaError};
use crate::mix::{Change, Counters, MixError, Mixer, Output, Settings, Shed};
use crate::selection::Views;
use crate::stream::Track;

/// A stream of a user, from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileUser {
    pub uid: String,
    /// What it shows. Only the camera has sound, and is the user's picture.
    pub stream: StreamKind,
    pub path: PathBuf,
    /// The time at which the user joins; the file's own time begins there.
    pub join_us: i64,
    /// The time at which the user leaves, if that is before the end of the file.
    pub leave_us: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("{path}: {source}", path = path.display())]
    Input { path: PathBuf, source: MediaError },
    #[error(transparent)]
    Mix(#[from] MixError),
}

impl From<FilesError> for String {
    fn from(error: FilesError) -> Self {
        error.to_string()
    }
}

struct Reader {
    user: FileUser,
    demuxer: Demuxer,
    /// The next unit, at its time on the recording's timeline.
    next: Option<Demuxed>,
    end_us: i64,
}

impl Reader {
    fn open(user: FileUser) -> Result<Self, FilesError> {
        let failed = |source| FilesError::Input {
            path: user.path.clone(),
            source,
        };
        let demuxer = Demuxer::open(&user.path).map_err(failed)?;
        let end_us = user.join_us;
        let mut reader = Self {
            user,
            demuxer,
            next: None,
            end_us,
        };
        reader.read()?;
        Ok(reader)
    }

    fn read(&mut self) -> Result<(), FilesError> {
        let failed = |source| FilesError::Input {
            path: self.user.path.clone(),
            source,
        };
        self.next = self.demuxer.next_unit().map_err(failed)?.map(|(track, mut unit)| {
            unit.pts_us += self.user.join_us;
            unit.dts_us += self.user.join_us;
            self.end_us = self.end_us.max(unit.pts_us);
            (track, unit)
        });
        let leave_us = self.user.leave_us.unwrap_or(i64::MAX);
        self.next = self.next.take().filter(|(_, unit)| unit.dts_us < leave_us);
        Ok(())
    }

    fn leave_us(&self) -> i64 {
        self.user.leave_us.unwrap_or(self.end_us + 1)
    }
}

/// Files on their way through a mixer.
pub struct FileMix {
    mixer: Mixer,
    readers: Vec<Reader>,
    /// Streams have places of their own in some scene.
    has_streams: bool,
}

impl FileMix {
    /// Feeds the mixer `changes`, each for its time, besides the users' coming and going.
    pub fn open(
        settings: &Settings,
        scene: Scene,
        changes: Vec<(i64, Change)>,
        users: Vec<FileUser>,
    ) -> Result<Self, FilesError> {
        let everybody = Subscription {
            version: 0,
            types: settings.types,
            audio: Selection::All,
            video: Selection::All,
            quality: VideoQuality::High,
        };
        let mut has_streams = Views::of(&scene).have_streams();
        let mut mixer = Mixer::new(settings, scene, everybody)?;
        for (at_us, change) in changes {
            has_streams |= matches!(&change, Change::Scene(scene) if Views::of(scene).have_streams());
            mixer.change(at_us, change);
        }
        let readers = users.into_iter().map(Reader::open).collect::<Result<Vec<_>, _>>()?;
        let mut streams: BTreeMap<&str, BTreeSet<StreamKind>> = BTreeMap::new();
        for reader in &readers {
            streams.entry(&reader.user.uid).or_default().insert(reader.user.stream);
        }
        for reader in &readers {
            let FileUser {
                uid, stream, join_us, ..
            } = &reader.user;
            mixer.change(*join_us, Change::Join { uid: uid.clone() });
            let streams = streams.get(uid.as_str()).cloned().unwrap_or_default();
            let published = Change::Streams {
                uid: uid.clone(),
                streams,
            };
            mixer.change(*join_us, published);
            for (_, format) in reader.demuxer.formats() {
                if *stream == StreamKind::Camera {
                    mixer.format(uid, format);
                }
                if let Some(coding) = format.coding() {
                    mixer.stream_coding(uid, *stream, coding);
                }
            }
        }
        Ok(Self {
            mixer,
            readers,
            has_streams,
        })
    }

    /// Feeds the files in the order of their decoding times and gives what becomes of them. The recording ends with the
    /// last file.
    pub fn run<E: From<FilesError>>(
        mut self,
        mut each: impl FnMut(&Mixer, Output) -> Result<(), E>,
    ) -> Result<Counters, E> {
        let mut end_us = 0;
        let mut made = Vec::new();
        while let Some(now_us) = self.feed(&mut end_us)? {
            self.mixer
                .advance(now_us, Shed::Nothing, |output| made.push(output))
                .map_err(FilesError::from)?;
            made.drain(..).try_for_each(|output| each(&self.mixer, output))?;
        }
        self.mixer
            .finish(end_us, |output| made.push(output))
            .map_err(FilesError::from)?;
        made.drain(..).try_for_each(|output| each(&self.mixer, output))?;
        Ok(*self.mixer.counters())
    }

    /// Takes the earliest unit; its decoding time, or `None` when all files are at their ends.
    fn feed(&mut self, end_us: &mut i64) -> Result<Option<i64>, FilesError> {
        let waiting = self
            .readers
            .iter_mut()
            .filter_map(|reader| Some((reader.next.as_ref()?.1.dts_us, reader)));
        let Some((now_us, reader)) = waiting.min_by_key(|(dts_us, _)| *dts_us) else {
            return Ok(None);
        };
        if let Some((track, unit)) = reader.next.take() {
            let FileUser { uid, stream, .. } = &reader.user;
            if self.has_streams && track == Track::Video {
                self.mixer.stream_unit(uid, *stream, unit.clone());
            }
            if *stream == StreamKind::Camera {
                self.mixer.unit(uid, track, unit);
            }
        }
        reader.read()?;
        if reader.next.is_none() {
            let (uid, leave_us) = (reader.user.uid.clone(), reader.leave_us());
            *end_us = (*end_us).max(leave_us);
            // A user leaves with the last of the user's streams.
            let goes_on = |other: &Reader| other.user.uid == uid && other.next.is_some();
            if !self.readers.iter().any(goes_on) {
                self.mixer.change(leave_us, Change::Leave { uid });
            }
        }
        Ok(Some(now_us))
    }
}
