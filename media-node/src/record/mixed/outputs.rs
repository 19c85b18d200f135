//! What becomes of the mixed units: slices of a playlist, and MP4 files where they are asked for.

use std::sync::Arc;

use protocol::{Fault, ProblemCode, TrackKind};

use super::everybody::playlist_key;
use super::feeder::Made;
use super::mp4::Mp4Files;
use crate::container::FileNames;
use crate::mix::Output;
use crate::record::sink::SliceSink;
use crate::record::slicer::{SliceError, Slicer};
use crate::record::status::{SharedBoard, problem};
use crate::stream::{AccessUnit, Clock, Format};

/// Writes a mix. May wait for the disk.
pub struct Outputs<S: SliceSink> {
    slicer: Slicer<S>,
    mp4: Option<Mp4Files>,
    /// The first track is video.
    has_video: bool,
    clock: Clock,
    board: SharedBoard,
}

impl<S: SliceSink> Outputs<S> {
    pub fn new(
        sink: Arc<S>,
        clock: Clock,
        board: SharedBoard,
        names: FileNames,
        track: TrackKind,
        mp4: Option<Mp4Files>,
    ) -> Self {
        Self {
            slicer: Slicer::new(sink, clock, names, playlist_key(track)),
            mp4,
            has_video: track != TrackKind::Audio,
            clock,
            board,
        }
    }

    pub fn take(&mut self, made: Made) {
        // First, as the end of a slice waits for the disk.
        self.take_into_mp4(&made);
        let result = match &made {
            Made::Begin(tracks) => {
                let mut formats = tracks.iter().map(|track| track.format.clone());
                formats.next().map_or(Ok(()), |first| {
                    self.slicer.formats(first, formats.collect::<Vec<Format>>())
                })
            }
            Made::Unit(Output::Audio(unit)) if self.has_video => self.slicer.companion(0, unit),
            Made::Unit(Output::Video(unit) | Output::Audio(unit)) => self.lead(unit),
            Made::Pause | Made::End => self.slicer.interrupt(),
            Made::Failed(_) | Made::Overload(_) => Ok(()),
        };
        if let Err(error) = result {
            self.tell(&error);
        }
    }

    fn take_into_mp4(&mut self, made: &Made) {
        let Some(mp4) = &mut self.mp4 else { return };
        match made {
            Made::Begin(tracks) => mp4.begin(tracks.clone()),
            Made::Unit(Output::Audio(unit)) if self.has_video => mp4.unit(1, unit),
            Made::Unit(Output::Video(unit) | Output::Audio(unit)) => mp4.unit(0, unit),
            Made::Pause => mp4.pause(),
            Made::End => mp4.close(),
            Made::Failed(_) | Made::Overload(_) => {}
        }
    }

    /// Commits what is open. When this returns all files are whole.
    pub fn end(mut self) {
        self.take(Made::End);
        if let Some(mp4) = self.mp4 {
            mp4.end();
        }
    }

    fn lead(&mut self, unit: &AccessUnit) -> Result<(), SliceError> {
        if let Some(start_ms) = self.slicer.unit(unit)? {
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

const UNWRITTEN: &str = "unwritten";
