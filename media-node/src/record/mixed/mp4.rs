//! The mix in MP4 files: written in fragments, which can be read after any stop, then finished without encoding anew.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use protocol::{Fault, ProblemCode, TrackKind};

use super::everybody::EVERYBODY;
use crate::container::{FileNames, FinishError, finish_mp4};
use crate::media::{MediaError, Mp4Muxer, MuxedTrack};
use crate::record::status::{SharedBoard, problem};
use crate::spool::{Lone, LoneFile, LoneKind, Spool, SpoolError};
use crate::stream::{AccessUnit, Clock};

/// The longest that written media waits, in media time, until it survives a stop of the machine.
const SYNC_US: i64 = 2_000_000;

/// How long media is dropped after a failure to write, in media time.
const PAUSE_US: i64 = 5_000_000;

/// The most files that wait to be finished; each is hours, or a pause of the channel, behind the one before.
const WAITING: usize = 16;

const UNWRITTEN: &str = "mp4";

/// The size from which on a file ends, at the next key frame.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub duration_us: i64,
    /// The size of the coded media.
    pub bytes: u64,
}

impl Default for Limits {
    /// Two hours or two gigabytes. The limit leaves room for what comes up to the next key frame, and for the index.
    fn default() -> Self {
        Self {
            duration_us: 2 * 3600 * 1_000_000,
            bytes: 1_950_000_000,
        }
    }
}

/// Why media is missing in the files.
#[derive(Debug, thiserror::Error)]
enum Mp4Error {
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("it cannot be written: {0}")]
    Write(#[from] std::io::Error),
    #[error(transparent)]
    Finish(#[from] FinishError),
}

/// The MP4 files of one recording, one after the other. May wait for the disk.
pub struct Mp4Files {
    spool: Arc<Spool>,
    names: FileNames,
    track: TrackKind,
    limits: Limits,
    teller: Teller,
    /// The tracks of the present mix.
    tracks: Vec<MuxedTrack>,
    /// The number of the next file.
    number: usize,
    open: Option<Open>,
    paused_until_us: i64,
    /// Files that shall survive a stop of the machine: a disk may take its time, in which pictures would wait.
    due: SyncSender<File>,
    syncer: JoinHandle<()>,
    closed: SyncSender<(LoneFile, Lone)>,
    finisher: JoinHandle<()>,
}

struct Open {
    muxer: Mp4Muxer,
    /// What is added to the times of units, for what was not recorded in between,
    shift_us: i64,
    /// and where what is written ends by these times.
    end_us: i64,
    /// The next unit goes on there.
    joins: bool,
    file: LoneFile,
    lone: Lone,
    bytes: u64,
    synced_us: i64,
}

impl Mp4Files {
    /// Goes on with the number behind those that the spool has.
    pub fn new(
        spool: Arc<Spool>,
        names: FileNames,
        track: TrackKind,
        limits: Limits,
        clock: Clock,
        board: SharedBoard,
    ) -> Self {
        let number = spool.lone_files(LoneKind::Mp4);
        let teller = Teller { clock, board };
        let (closed, waiting) = sync_channel(WAITING);
        let (due, files) = sync_channel::<File>(1);
        let syncer = {
            let teller = teller.clone();
            std::thread::spawn(move || {
                while let Ok(file) = files.recv() {
                    if let Err(error) = file.sync_data() {
                        teller.tell(&error.into());
                    }
                }
            })
        };
        let finisher = {
            let (spool, teller) = (spool.clone(), teller.clone());
            std::thread::spawn(move || finish_all(&spool, &teller, &waiting))
        };
        Self {
            spool,
            names,
            track,
            limits,
            teller,
            tracks: Vec::new(),
            number,
            open: None,
            paused_until_us: i64::MIN,
            due,
            syncer,
            closed,
            finisher,
        }
    }

    /// A mix begins, and with it a file, unless it goes on behind a [pause](Self::pause) as it was before.
    pub fn begin(&mut self, tracks: Vec<MuxedTrack>) {
        let goes_on = self.open.as_ref().is_some_and(|open| open.joins) && self.tracks == tracks;
        if !goes_on {
            self.close();
        }
        self.tracks = tracks;
    }

    /// Nothing is recorded for a while. What follows then joins what is there without a hole.
    pub fn pause(&mut self) {
        if let Some(open) = &mut self.open {
            open.joins = true;
            let path = open.file.path();
            if let Err(error) = self.sync(&path) {
                self.teller.tell(&error.into());
            }
        }
    }

    /// The next unit of the mix, in the order of playing. The first track decides where files begin and end.
    pub fn unit(&mut self, track: usize, unit: &AccessUnit) {
        if unit.pts_us < self.paused_until_us {
            return;
        }
        if let Err(error) = self.take(track, unit) {
            self.paused_until_us = unit.pts_us.saturating_add(PAUSE_US);
            self.close();
            self.teller.tell(&error);
        }
    }

    fn take(&mut self, track: usize, unit: &AccessUnit) -> Result<(), Mp4Error> {
        let mut unit = unit.clone();
        if let Some(open) = &mut self.open {
            if std::mem::take(&mut open.joins) {
                open.shift_us = open.end_us - unit.pts_us;
            }
            unit.pts_us += open.shift_us;
            unit.dts_us += open.shift_us;
        }
        let may_cut = track == 0 && unit.keyframe;
        let full = |open: &Open| {
            unit.pts_us - open.lone.start_us >= self.limits.duration_us || open.bytes >= self.limits.bytes
        };
        if may_cut && let Some(open) = self.open.take_if(|open| full(open)) {
            unit.pts_us -= open.shift_us;
            unit.dts_us -= open.shift_us;
            self.finish(open);
        }
        if may_cut && self.open.is_none() {
            self.open = Some(self.create(unit.pts_us)?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let lasts_us = self.tracks.get(track).map_or(0, |track| track.duration_us);
        open.end_us = open.end_us.max(unit.pts_us + lasts_us);
        open.muxer.write(track, &unit)?;
        open.bytes += unit.data.len() as u64;
        if may_cut && unit.pts_us - open.synced_us >= SYNC_US {
            open.synced_us = unit.pts_us;
            let path = open.file.path();
            self.sync(&path)?;
        }
        Ok(())
    }

    fn sync(&self, path: &Path) -> std::io::Result<()> {
        // While the disk is at it, the next time will do.
        let _ = self.due.try_send(File::open(path)?);
        Ok(())
    }

    fn create(&mut self, start_us: i64) -> Result<Open, Mp4Error> {
        let lone = Lone {
            kind: LoneKind::Mp4,
            uid: EVERYBODY.to_owned(),
            track: self.track,
            name: self.names.mp4(self.number),
            start_us,
            duration_us: 0,
            start_ms: self.teller.clock.wall_ms(start_us),
            bytes: 0,
        };
        let file = self.spool.begin_lone(&lone)?;
        let muxer = match Mp4Muxer::create(&file.path(), &self.tracks, start_us) {
            Ok(muxer) => muxer,
            Err(error) => {
                self.spool.discard_lone(file)?;
                return Err(error.into());
            }
        };
        self.number += 1;
        self.teller.board.lock().over(UNWRITTEN);
        Ok(Open {
            muxer,
            shift_us: 0,
            end_us: start_us,
            joins: false,
            file,
            lone,
            bytes: 0,
            synced_us: start_us,
        })
    }

    /// Ends the open file. It is finished while the next one is written.
    pub fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.finish(open);
        }
    }

    fn finish(&self, open: Open) {
        let Open { muxer, file, lone, .. } = open;
        // What is in whole fragments is finished all the same.
        if let Err(error) = muxer.finish() {
            self.teller.tell(&error.into());
        }
        // Without a finisher the spool's next opening finishes the file.
        let _ = self.closed.send((file, lone));
    }

    /// Waits until all files are finished.
    pub fn end(mut self) {
        self.close();
        drop((self.closed, self.due));
        for thread in [self.syncer, self.finisher] {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn finish_all(spool: &Spool, teller: &Teller, waiting: &Receiver<(LoneFile, Lone)>) {
    while let Ok((file, lone)) = waiting.recv() {
        if let Err(error) = finish(spool, file, lone) {
            teller.tell(&error);
        }
    }
}

fn finish(spool: &Spool, file: LoneFile, lone: Lone) -> Result<(), Mp4Error> {
    match finish_mp4(&file.path(), &file.scratch_path())? {
        Some(probe) => spool.commit_lone(
            file,
            Lone {
                duration_us: probe.duration_us,
                bytes: probe.bytes,
                ..lone
            },
        )?,
        None => spool.discard_lone(file)?,
    }
    Ok(())
}

#[derive(Clone)]
struct Teller {
    clock: Clock,
    board: SharedBoard,
}

impl Teller {
    fn tell(&self, error: &Mp4Error) {
        let message =
            format!("an MP4 file of the mix is not whole ({error}): is the node's disk full or failing? HLS continues");
        let at_ms = self.clock.wall_ms(self.clock.now_us());
        let told = problem(Fault::Ours, ProblemCode::SpoolFailed, message, at_ms);
        self.board.lock().problem_once(UNWRITTEN, told);
    }
}

#[cfg(test)]
mod tests;
