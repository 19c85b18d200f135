//! What becomes of the mixed units: slices of a playlist, and whole files, as far as either is asked for.

use std::sync::Arc;

use protocol::{Fault, FileFormat, ProblemCode, TrackKind};

use super::everybody::{EVERYBODY, playlist_key};
use super::feeder::Made;
use crate::container::FileNames;
use crate::media::MuxedTrack;
use crate::mix::Output;
use crate::record::files::{Begins, Keeper, Limits, Series, Target};
use crate::record::sink::SliceSink;
use crate::record::slicer::{SliceError, Slicer};
use crate::record::status::{SharedBoard, problem};
use crate::stream::{AccessUnit, Clock, Format};

/// The whole files that are asked for.
pub struct Wanted {
    pub keeper: Arc<Keeper>,
    pub formats: Vec<FileFormat>,
    pub limits: Limits,
    /// What the sound is as MP3.
    pub mp3: MuxedTrack,
}

/// Writes a mix. May wait for the disk.
pub struct Outputs<S: SliceSink> {
    slicer: Option<Slicer<S>>,
    files: Option<Files>,
    /// The first track is video.
    has_video: bool,
    clock: Clock,
    board: SharedBoard,
}

/// The whole files of the mix, by format.
struct Files {
    keeper: Arc<Keeper>,
    series: Vec<(FileFormat, Series)>,
    mp3: MuxedTrack,
}

impl<S: SliceSink> Outputs<S> {
    /// `hls`: where slices go, if any are wanted.
    pub fn new(
        hls: Option<Arc<S>>,
        clock: Clock,
        board: SharedBoard,
        names: FileNames,
        track: TrackKind,
        files: Option<Wanted>,
    ) -> Self {
        Self {
            files: files.map(|wanted| Files::new(wanted, &names, track)),
            slicer: hls.map(|sink| Slicer::new(sink, clock, names, playlist_key(track))),
            has_video: track != TrackKind::Audio,
            clock,
            board,
        }
    }

    pub fn take(&mut self, made: Made) {
        // First, as the end of a slice waits for the disk.
        if let Some(files) = &mut self.files
            && let Some(start_ms) = files.take(&made, self.has_video)
        {
            self.board.lock().recorded(start_ms);
        }
        if let Err(error) = self.slice(&made) {
            self.tell(&error);
        }
    }

    fn slice(&mut self, made: &Made) -> Result<(), SliceError> {
        let Some(slicer) = &mut self.slicer else { return Ok(()) };
        match made {
            Made::Begin(tracks) => {
                let mut formats = tracks.iter().map(|track| track.format.clone());
                formats
                    .next()
                    .map_or(Ok(()), |first| slicer.formats(first, formats.collect::<Vec<Format>>()))
            }
            Made::Unit(Output::Audio(unit)) if self.has_video => slicer.companion(0, unit),
            Made::Unit(Output::Video(unit) | Output::Audio(unit)) => self.lead(unit),
            Made::Pause | Made::End => slicer.interrupt(),
            Made::Unit(Output::Mp3(_)) | Made::Failed(_) | Made::Overload(_) => Ok(()),
        }
    }

    /// Commits what is open. When this returns all files are whole.
    pub fn end(mut self) {
        self.take(Made::End);
        if let Some(files) = self.files {
            files.keeper.end();
        }
    }

    fn lead(&mut self, unit: &AccessUnit) -> Result<(), SliceError> {
        let Some(slicer) = &mut self.slicer else { return Ok(()) };
        if let Some(start_ms) = slicer.unit(unit)? {
            self.board.lock().recorded(start_ms);
            self.board.lock().over(UNWRITTEN);
        }
        Ok(())
    }

    fn tell(&self, error: &SliceError) {
        let message = format!("some of the mix cannot be kept ({error}): is the node's disk full or failing?");
        let told = problem(
            Fault::Ours,
            ProblemCode::SpoolFailed,
            message,
            self.clock.wall_ms(self.clock.now_us()),
        );
        self.board.lock().problem_once(UNWRITTEN, told);
    }
}

impl Files {
    fn new(wanted: Wanted, names: &FileNames, track: TrackKind) -> Self {
        let Wanted {
            keeper,
            formats,
            limits,
            mp3,
        } = wanted;
        let series = |format| {
            let target = Target {
                format,
                uid: EVERYBODY.to_owned(),
                track: match format {
                    FileFormat::Mp4 => track,
                    FileFormat::M4a | FileFormat::Mp3 => TrackKind::Audio,
                },
                names: names.clone(),
            };
            (
                format,
                Series::new(keeper.clone(), target, limits, Begins::AtFirstTrack),
            )
        };
        Self {
            series: formats.into_iter().map(series).collect(),
            keeper,
            mp3,
        }
    }

    /// Returns the wall-clock time of a file's start when one begins with it, Unix milliseconds.
    fn take(&mut self, made: &Made, has_video: bool) -> Option<u64> {
        let mut begun = None;
        for (format, series) in &mut self.series {
            let started = match (made, *format) {
                (Made::Begin(tracks), format) => {
                    series.begin(match format {
                        FileFormat::Mp4 => tracks.clone(),
                        FileFormat::M4a => tracks.last().cloned().into_iter().collect(),
                        FileFormat::Mp3 => vec![self.mp3.clone()],
                    });
                    None
                }
                (Made::Unit(Output::Audio(unit)), FileFormat::Mp4) if has_video => series.unit(1, unit),
                (Made::Unit(Output::Video(unit) | Output::Audio(unit)), FileFormat::Mp4)
                | (Made::Unit(Output::Audio(unit)), FileFormat::M4a)
                | (Made::Unit(Output::Mp3(unit)), FileFormat::Mp3) => series.unit(0, unit),
                (Made::Unit(_) | Made::Failed(_) | Made::Overload(_), _) => None,
                (Made::Pause, _) => {
                    series.pause();
                    None
                }
                (Made::End, _) => {
                    series.close();
                    None
                }
            };
            begun = begun.or(started);
        }
        begun
    }
}

const UNWRITTEN: &str = "unwritten";
