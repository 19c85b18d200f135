use std::sync::Arc;

use protocol::{FileFormat, TrackKind};

use super::keeper::{Keeper, Written};
use super::writer::{FileError, Writer};
use crate::container::FileNames;
use crate::media::MuxedTrack;
use crate::spool::{Lone, LoneFile};
use crate::stream::AccessUnit;

/// The longest that written media waits, in media time, until it survives a stop of the machine.
const SYNC_US: i64 = 2_000_000;

/// How long media is dropped after a failure to write, in media time.
const PAUSE_US: i64 = 5_000_000;

/// How much longer than it may be a file gets, in media time, when nothing comes at which it could end well.
const OVERDUE_US: i64 = 15_000_000;

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

impl Limits {
    /// At most so much media in a file.
    pub fn of(max_ms: Option<u64>) -> Self {
        let most = Self::default();
        let asked_us = max_ms.map(|ms| i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX));
        Self {
            duration_us: asked_us.unwrap_or(most.duration_us).clamp(1, most.duration_us),
            ..most
        }
    }
}

/// Whose files they are, and what they are called.
#[derive(Clone, Debug)]
pub struct Target {
    pub format: FileFormat,
    pub uid: String,
    pub track: TrackKind,
    pub names: FileNames,
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With a key frame of the first track, and nothing else.
    AtFirstTrack,
    /// With whatever comes first; of the first track that is a key frame.
    AtAnything,
}

/// Files of one format, one after the other. May wait for the disk.
pub struct Series {
    keeper: Arc<Keeper>,
    target: Target,
    limits: Limits,
    begins: Begins,
    /// The tracks of what comes at present.
    tracks: Vec<MuxedTrack>,
    /// The number of the next file.
    number: usize,
    open: Option<Open>,
    paused_until_us: i64,
}

struct Open {
    writer: Writer,
    /// What is added to the times of units, for what was not recorded in between,
    shift_us: i64,
    /// and where what is written ends by these times.
    end_us: i64,
    /// The next unit goes on there.
    joins: bool,
    /// Of the first track there was a key frame, so that its other units can be decoded.
    leads: bool,
    /// When the last unit of the first track was, or the file began.
    led_us: i64,
    file: LoneFile,
    lone: Lone,
    bytes: u64,
    synced_us: i64,
}

impl Series {
    /// Goes on with the number behind those that the spool has.
    pub fn new(keeper: Arc<Keeper>, target: Target, limits: Limits, begins: Begins) -> Self {
        let name = |number| target.names.whole(number, target.format);
        let number = keeper.spool.next_lone(target.format.into(), &target.uid, name);
        Self {
            keeper,
            target,
            limits,
            begins,
            tracks: Vec::new(),
            number,
            open: None,
            paused_until_us: i64::MIN,
        }
    }

    /// What follows has these tracks. A file begins with it, unless it goes on behind a [pause](Self::pause) as it was before.
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
            if let Err(error) = self.keeper.sync(&path) {
                self.keeper.tell(&error.into());
            }
        }
    }

    /// The next unit, in the order of playing. The first track decides where files end. Returns the wall-clock time of the
    /// start of a file that begins with it, Unix milliseconds.
    pub fn unit(&mut self, track: usize, unit: &AccessUnit) -> Option<u64> {
        if unit.pts_us < self.paused_until_us {
            return None;
        }
        self.take(track, unit).unwrap_or_else(|error| {
            self.paused_until_us = unit.pts_us.saturating_add(PAUSE_US);
            self.close();
            self.keeper.tell(&error);
            None
        })
    }

    fn take(&mut self, track: usize, unit: &AccessUnit) -> Result<Option<u64>, FileError> {
        let mut unit = unit.clone();
        if let Some(open) = &mut self.open {
            if std::mem::take(&mut open.joins) {
                open.shift_us = open.end_us - unit.pts_us;
            }
            unit.pts_us += open.shift_us;
            unit.dts_us += open.shift_us;
        }
        let lasts_us = self.tracks.get(track).map_or(0, |track| track.duration_us);
        let leads = track == 0 && unit.keyframe;
        let limits = self.limits;
        let full = |open: &mut Open| {
            let length_us = unit.pts_us - open.lone.start_us;
            let is_full = length_us >= limits.duration_us || open.bytes >= limits.bytes;
            // Half a unit: times are rounded.
            let is_about = length_us >= limits.duration_us - lasts_us / 2;
            let is_overdue = length_us >= limits.duration_us.saturating_add(OVERDUE_US);
            let is_alone = unit.pts_us - open.led_us >= OVERDUE_US;
            (leads && (is_full || is_about)) || (track > 0 && is_overdue && is_alone)
        };
        if let Some(open) = self.open.take_if(full) {
            unit.pts_us -= open.shift_us;
            unit.dts_us -= open.shift_us;
            self.finish(open);
        }
        let mut begun = None;
        if self.open.is_none() && (leads || (track > 0 && self.begins == Begins::AtAnything)) {
            let open = self.create(unit.pts_us)?;
            begun = Some(open.lone.start_ms);
            self.open = Some(open);
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        open.leads |= leads;
        if track == 0 {
            if !open.leads {
                return Ok(begun);
            }
            open.led_us = unit.pts_us;
        }
        open.end_us = open.end_us.max(unit.pts_us + lasts_us);
        open.writer.write(track, &unit)?;
        open.bytes += unit.data.len() as u64;
        if unit.pts_us - open.synced_us >= SYNC_US {
            open.synced_us = unit.pts_us;
            let path = open.file.path();
            self.keeper.sync(&path)?;
        }
        Ok(begun)
    }

    fn create(&mut self, start_us: i64) -> Result<Open, FileError> {
        let Self {
            keeper, target, tracks, ..
        } = self;
        let lone = Lone {
            kind: target.format.into(),
            uid: target.uid.clone(),
            track: target.track,
            name: target.names.whole(self.number, target.format),
            start_us,
            duration_us: 0,
            start_ms: keeper.wall_ms(start_us),
            bytes: 0,
            md5: None,
        };
        let file = keeper.spool.begin_lone(&lone)?;
        let writer = match Writer::create(target.format, &file.path(), tracks, start_us) {
            Ok(writer) => writer,
            Err(error) => {
                keeper.spool.discard_lone(file)?;
                return Err(error);
            }
        };
        self.number += 1;
        keeper.begun();
        Ok(Open {
            writer,
            shift_us: 0,
            end_us: start_us,
            joins: false,
            leads: false,
            led_us: start_us,
            file,
            lone,
            bytes: 0,
            synced_us: start_us,
        })
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Ends the open file. It is finished while the next one is written.
    pub fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.finish(open);
        }
    }

    fn finish(&self, open: Open) {
        let Open { writer, file, lone, .. } = open;
        // What is in whole fragments is finished all the same.
        if let Err(error) = writer.finish() {
            self.keeper.tell(&error);
        }
        let format = self.target.format;
        self.keeper.finish(Written { format, file, lone });
    }
}
