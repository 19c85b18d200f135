use std::collections::BTreeSet;

use protocol::{
    ConfirmedSlice, Desired, Directive, EndCause, Happening, InventoryPage, Job, JobRequest, Occurrence, Occurrences,
    Phase, Report, ReportAnswer, Span, SpoolReport,
};

use super::super::samples::{T0, file, slice};

pub(super) const PLAYLIST: &str = "v";
/// A slice is closed after so long.
const SLICE_MS: u64 = 4_000;

/// What is on a node's disk of one recording.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    pub(super) id: u64,
    /// In the order of their making.
    pub(super) slices: Vec<ConfirmedSlice>,
    /// Names of those that the store has, in the order of their confirmation.
    pub(super) confirmed: Vec<String>,
    pub(super) learned: BTreeSet<String>,
    learned_to: u64,
    cause: Option<EndCause>,
    occurrences_confirmed: u64,
}

impl Spool {
    /// Each confirmed slice is one.
    fn occurrences(&self) -> Occurrences {
        let told = self
            .confirmed
            .iter()
            .zip(1..)
            .skip(self.occurrences_confirmed as usize)
            .take(4);
        let tell = |(name, number): (&String, u64)| Occurrence {
            number,
            what: Happening::PictureUploaded { name: name.clone() },
        };
        Occurrences {
            log: self.id,
            list: told.map(tell).collect(),
        }
    }
}

/// A recording on a node: its spool, and what the process knows.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) job: Job,
    pub(super) spool: Spool,
    /// `None` while the spool waits for its job.
    pub(super) process: Option<Process>,
    /// What was told last: over which line, and how often it had been asked then.
    pub(super) told: Option<(u64, Report, u64)>,
    /// How often it was told what is wanted.
    pub(super) asked: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) directive: Directive,
    standby: bool,
    cut_ms: Option<u64>,
    pub(super) phase: Phase,
    /// Until when playlists may be written.
    authority_ms: u64,
    /// The line by whose lease it is held.
    by: Option<u64>,
    /// Up to where media has been captured.
    captured_ms: u64,
    /// Since the last slice nothing has been captured, because nothing was wanted.
    paused: bool,
    seq: u64,
    pub(super) answered_seq: u64,
    noted: Option<u64>,
    /// How far the inventory has to be known before playlists are written.
    target: Option<u64>,
    published: Option<(usize, usize, bool)>,
}

/// A playlist as a node writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) names: BTreeSet<String>,
    pub(super) ended: bool,
}

impl Held {
    pub(super) fn new(job: Job, now: u64, seq: u64) -> Self {
        let spool = Spool {
            id: job.epoch,
            slices: Vec::new(),
            confirmed: Vec::new(),
            learned: BTreeSet::new(),
            learned_to: 0,
            cause: None,
            occurrences_confirmed: 0,
        };
        let mut held = Self {
            job: job.clone(),
            spool,
            process: None,
            told: None,
            asked: 0,
        };
        held.begin(job, now, seq);
        held
    }

    /// A process begins, on the spool as it is.
    pub(super) fn begin(&mut self, job: Job, now: u64, seq: u64) {
        if job.epoch > self.job.epoch && self.spool.cause == Some(EndCause::LeaseLost) {
            self.spool.cause = None;
        }
        let assignment = &job.assignment;
        self.process = Some(Process {
            directive: assignment.directive.unwrap_or(Directive::Record),
            standby: assignment.terms.standby,
            cut_ms: assignment.terms.cuts.get(PLAYLIST).copied(),
            phase: Phase::Starting,
            authority_ms: 0,
            by: None,
            captured_ms: now,
            paused: false,
            seq,
            answered_seq: 0,
            noted: None,
            target: (!assignment.takeover).then_some(0),
            published: None,
        });
        self.told = None;
        self.job = job;
    }

    /// An answer says whether the lease of this line counts, which lasts so long.
    pub(super) fn granted(&mut self, by: Option<u64>, until_ms: Option<u64>) {
        if let Some(process) = &mut self.process {
            process.by = by;
        }
        self.renewed(by.unwrap_or_default(), until_ms);
    }

    pub(super) fn renewed(&mut self, line: u64, until_ms: Option<u64>) {
        if let Some(process) = self.process.as_mut().filter(|process| process.by == Some(line)) {
            process.authority_ms = process.authority_ms.max(until_ms.unwrap_or_default());
        }
    }

    pub(super) fn captures(&self) -> bool {
        let process = self.process.as_ref();
        process.is_some_and(|process| process.directive == Directive::Record && process.phase < Phase::Draining)
    }

    pub(super) fn has_lease(&self, now: u64) -> bool {
        self.process.as_ref().is_some_and(|process| {
            let lets_go = process.directive == Directive::Release || process.phase == Phase::Ended;
            !lets_go && !process.standby && now < process.authority_ms
        })
    }

    pub(super) fn may_write(&self, now: u64) -> bool {
        let target = self.process.as_ref().and_then(|process| process.target);
        self.has_lease(now) && target.is_some_and(|target| self.spool.learned_to >= target)
    }

    /// Captures up to now, closes slices, and ends when it has to.
    pub(super) fn work(&mut self, now: u64) {
        let epoch = self.job.epoch;
        let captures = self.captures();
        let Some(process) = &mut self.process else { return };
        if captures {
            process.phase = Phase::Recording;
            process.paused = false;
            while now - process.captured_ms >= SLICE_MS {
                let from_ms = process.captured_ms;
                process.captured_ms += SLICE_MS;
                self.spool.slices.push(media(epoch, from_ms, process.captured_ms));
            }
            return;
        }
        if process.directive == Directive::Pause && process.phase < Phase::Draining {
            if process.phase == Phase::Recording && now > process.captured_ms && !process.paused {
                self.spool.slices.push(media(epoch, process.captured_ms, now));
            }
            process.paused = true;
            process.captured_ms = now;
            return;
        }
        if process.phase < Phase::Draining {
            if process.directive != Directive::Release
                && !process.paused
                && now > process.captured_ms
                && process.phase == Phase::Recording
            {
                let last = media(epoch, process.captured_ms, now);
                self.spool.slices.push(last);
            }
            process.phase = Phase::Draining;
            let cause = match process.directive {
                Directive::Stop(cause) => cause,
                Directive::Release | Directive::Record | Directive::Pause => EndCause::LeaseLost,
            };
            self.spool.cause.get_or_insert(cause);
        }
        if process.directive == Directive::Release {
            let (standby, cut_ms) = (process.standby, process.cut_ms);
            let confirmed = &self.spool.confirmed;
            self.spool.slices.retain(|slice| {
                let unwanted = standby || cut_ms.is_some_and(|cut_ms| slice.start_ms >= cut_ms);
                confirmed.contains(&slice.name) || !unwanted
            });
        }
    }

    /// What could be uploaded, oldest first.
    pub(super) fn due(&self, leaving: bool) -> Vec<ConfirmedSlice> {
        let Some(process) = &self.process else {
            return Vec::new();
        };
        let held_back = process.standby || (leaving && process.goes_on());
        let slices = self.spool.slices.iter().filter(|_| !held_back);
        slices
            .filter(|slice| !self.spool.confirmed.contains(&slice.name))
            .cloned()
            .collect()
    }

    /// The playlist that it would write, if the store's can be another one.
    pub(super) fn playlist(&self) -> Option<Written> {
        let process = self.process.as_ref()?;
        let ended = process.phase == Phase::Draining && self.due(false).is_empty();
        let state = (self.spool.confirmed.len(), self.spool.learned.len(), ended);
        let names: BTreeSet<_> = self
            .spool
            .confirmed
            .iter()
            .chain(&self.spool.learned)
            .cloned()
            .collect();
        (process.published != Some(state) && !names.is_empty()).then_some(Written { names, ended })
    }

    pub(super) fn has_written(&mut self, ended: bool) {
        let state = (self.spool.confirmed.len(), self.spool.learned.len(), ended);
        if let Some(process) = &mut self.process {
            process.published = Some(state);
        }
    }

    /// Ends when nothing is left to do.
    pub(super) fn finish(&mut self) {
        let is_up = self.due(false).is_empty();
        let pending = self.playlist().is_some();
        let confirmed = self.spool.confirmed.len() as u64;
        let learned_to = self.spool.learned_to;
        let Some(process) = &mut self.process else { return };
        let is_told = process.noted == Some(confirmed);
        let is_written = !pending && process.target.is_some_and(|target| learned_to >= target);
        let has_done_its_part = process.directive == Directive::Release || (is_written && !process.standby);
        if process.phase == Phase::Draining && is_up && is_told && has_done_its_part {
            process.phase = Phase::Ended;
        }
    }

    pub(super) fn report(&mut self, node_id: &str, leaving: bool, now: u64) -> Report {
        let (job, spool) = (&self.job, &self.spool);
        let process = self.process.as_mut().unwrap();
        process.seq += 1;
        let from = process.noted.unwrap_or(spool.confirmed.len() as u64);
        let told = spool.confirmed.iter().skip(from as usize).take(3);
        let by_name = |name: &String| spool.slices.iter().find(|slice| slice.name == *name).cloned();
        let own = spool.slices.iter().filter(|slice| slice.epoch == job.epoch);
        let begun = own.map(|slice| slice.start_ms).min();
        let open = process.directive == Directive::Record;
        let begun = begun.or(open.then_some(process.captured_ms));
        let span = |from_ms| Span {
            playlist: PLAYLIST.to_owned(),
            from_ms,
            open,
        };
        let names = spool.slices.len() + spool.learned.len();
        let of = JobRequest {
            node_id: node_id.to_owned(),
            recorder: job.recorder.clone(),
            sid: job.sid.clone(),
            epoch: job.epoch,
        };
        Report {
            cause: spool.cause.filter(|_| process.phase >= Phase::Draining),
            first_media_ms: (names > 0).then_some(T0),
            files: (names > 0)
                .then(|| {
                    file(
                        PLAYLIST,
                        names as u64,
                        (spool.confirmed.len() + spool.learned.len()) as u64,
                    )
                })
                .into_iter()
                .collect(),
            occurrences: self.spool.occurrences(),
            spool: SpoolReport {
                spool: spool.id,
                from,
                confirmed: told.filter_map(by_name).collect(),
                learned: spool.learned_to,
                leaving: leaving && process.goes_on(),
                spans: begun
                    .filter(|_| leaving || job.assignment.takeover)
                    .map(span)
                    .into_iter()
                    .collect(),
            },
            ..Report::bare(of, process.seq, now, process.phase)
        }
    }

    /// `sent_ms`: when the report was sent that is answered.
    pub(super) fn answered(&mut self, answer: &ReportAnswer, sent_ms: u64) {
        self.told(&answer.desired);
        let running = self.process.as_mut().filter(|process| process.phase < Phase::Ended);
        let Some(process) = running else { return };
        if let Some(confirmed) = answer.confirmed.filter(|confirmed| confirmed.log == self.spool.id) {
            assert!(
                confirmed.through <= self.spool.confirmed.len() as u64,
                "only what was told is confirmed"
            );
            self.spool.occurrences_confirmed = self.spool.occurrences_confirmed.max(confirmed.through);
        }
        if let Some(lease_ms) = answer.lease_ms {
            process.authority_ms = process.authority_ms.max(sent_ms + lease_ms);
        }
        let InventoryPage {
            noted,
            after,
            slices,
            next,
            last,
        } = &answer.inventory;
        process.noted = Some(*noted);
        process.target = process.target.max(Some(*last));
        if *after <= self.spool.learned_to {
            self.spool.learned.extend(slices.iter().map(|slice| slice.name.clone()));
            self.spool.learned_to = self.spool.learned_to.max(*next);
        }
    }

    pub(super) fn told(&mut self, desired: &Desired) {
        let Some(process) = &mut self.process else { return };
        let is_released = process.directive == Directive::Release;
        if desired.epoch != self.job.epoch || is_released {
            return;
        }
        if desired.directive == Directive::Release {
            // What it was when it is released decides what becomes of its media.
            process.directive = Directive::Release;
            process.cut_ms = desired.terms.cuts.get(PLAYLIST).copied();
        } else {
            process.directive = desired.directive;
            process.standby = desired.terms.standby;
        }
    }

    pub(super) fn is_alone(&self, answer: &ReportAnswer) -> bool {
        answer.desired.terms.alone && answer.desired.epoch == self.job.epoch
    }
}

/// One slice for each stretch of time and epoch.
fn media(epoch: u64, from_ms: u64, to_ms: u64) -> ConfirmedSlice {
    let duration_us = (to_ms - from_ms).cast_signed() * 1_000;
    ConfirmedSlice {
        start_us: (from_ms - T0).cast_signed() * 1_000,
        start_ms: from_ms,
        duration_us,
        ..slice(PLAYLIST, epoch, from_ms - T0)
    }
}

impl Process {
    /// Whether the recording shall go on here, if only later.
    fn goes_on(&self) -> bool {
        matches!(self.directive, Directive::Record | Directive::Pause)
    }
}
