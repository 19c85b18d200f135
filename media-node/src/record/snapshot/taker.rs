use std::collections::VecDeque;

use protocol::{Fault, ProblemCode, TrackKind};

use super::gop::Gop;
use super::sink::Snapshots;
use super::timing::{Frame, Take, Timing};
use crate::container::FileNames;
use crate::media::{MediaError, Picture, encode_jpeg};
use crate::record::status::{SharedBoard, problem};
use crate::spool::{Lone, LoneKind, SpoolError};
use crate::stream::{AccessUnit, Clock, Coding};

/// Why there is no picture of an instant.
#[derive(Debug, thiserror::Error)]
enum TakeError {
    #[error("the video cannot be converted to a picture ({0})")]
    Undecodable(String),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// The user whose pictures are taken, and the recording that they belong to.
pub(super) struct Subject {
    pub(super) uid: String,
    pub(super) names: FileNames,
    pub(super) clock: Clock,
    pub(super) board: SharedBoard,
}

/// Takes the pictures of one user from the units of the user's video.
pub(super) struct Taker {
    subject: Subject,
    snapshots: Snapshots,
    timing: Timing,
    gop: Gop,
    /// Due, and not out of the decoder yet: the instant and the time of the frame, in order.
    waiting: VecDeque<(i64, i64)>,
    taken: u64,
}

impl Taker {
    /// Goes on behind the user's latest picture.
    pub(super) fn new(subject: Subject, snapshots: Snapshots) -> Self {
        let latest_us = snapshots.sink.latest_us(&subject.uid);
        Self {
            timing: Timing::new(snapshots.interval_us, latest_us),
            subject,
            gop: Gop::new(snapshots.limit),
            snapshots,
            waiting: VecDeque::new(),
            taken: 0,
        }
    }

    /// How the units that follow are coded; the first of them is a key frame.
    pub(super) fn coding(&mut self, coding: Coding) {
        if coding != self.gop.coding() {
            self.end_gop();
            self.gop.set_coding(coding);
        }
    }

    /// The next unit in decoding order.
    pub(super) fn unit(&mut self, unit: AccessUnit) {
        let mut with_key = Vec::new();
        for take in self.timing.unit(&unit) {
            match take.frame {
                Frame::NextKey => with_key.push(take),
                Frame::LastKey | Frame::At(_) => self.take(take),
            }
        }
        if unit.keyframe {
            self.end_gop();
        }
        if let Err(error) = self.gop.push(unit) {
            self.failed(&TakeError::Undecodable(error.to_string()));
        }
        for take in with_key {
            self.take(take);
        }
        self.serve_waiting();
    }

    /// The user's video has ended, or is not wanted any more. It may begin again.
    pub(super) fn end(&mut self) {
        if let Some(take) = self.timing.end() {
            self.take(take);
        }
        self.end_gop();
        self.gop.clear();
    }

    /// Units that were given to a decoder.
    #[cfg(test)]
    pub(super) fn decoded(&self) -> u64 {
        self.gop.decoded()
    }

    /// Coded bytes that wait to be decoded, or to be forgotten.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.gop.bytes
    }

    fn take(&mut self, take: Take) {
        match take.frame {
            Frame::NextKey | Frame::LastKey => {
                let jpeg = jpeg(self.gop.key_picture().as_ref().map(Option::as_ref));
                self.keep(take.at_us, jpeg);
            }
            Frame::At(frame_us) => self.waiting.push_back((take.at_us, frame_us)),
        }
    }

    /// Takes what the decoder gives away by now.
    fn serve_waiting(&mut self) {
        while let Some((at_us, frame_us)) = self.waiting.front().copied() {
            let found = self.gop.picture(frame_us);
            if matches!(found, Ok(None)) {
                return;
            }
            let jpeg = jpeg(found.as_ref().copied());
            self.waiting.pop_front();
            self.keep(at_us, jpeg);
        }
    }

    /// No more units come that would push pictures out of the decoder.
    fn end_gop(&mut self) {
        while let Some((at_us, frame_us)) = self.waiting.pop_front() {
            let jpeg = jpeg(self.gop.last_picture(frame_us).as_ref().copied());
            self.keep(at_us, jpeg);
        }
    }

    fn keep(&mut self, at_us: i64, jpeg: Result<Vec<u8>, TakeError>) {
        let at_ms = self.subject.clock.wall_ms(at_us);
        let picture = Lone {
            kind: LoneKind::Picture,
            uid: self.subject.uid.clone(),
            track: TrackKind::Video,
            name: self.subject.names.picture(at_ms),
            start_us: at_us,
            duration_us: 0,
            start_ms: at_ms,
            bytes: 0,
            md5: None,
        };
        let kept = jpeg.and_then(|jpeg| Ok(self.snapshots.sink.keep(picture, &jpeg)?));
        match kept {
            Ok(()) => {
                self.taken += 1;
                self.subject.board.lock().recorded(at_ms);
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &TakeError) {
        let uid = &self.subject.uid;
        let (fault, code, message) = match error {
            TakeError::Undecodable(_) => (
                Fault::Destination,
                ProblemCode::SnapshotFailed,
                format!(
                    "snapshots of user {uid} are missing: {error}; other snapshots and the recording continue. Check its publisher's encoder"
                ),
            ),
            TakeError::Spool(_) => (
                Fault::Ours,
                ProblemCode::SpoolFailed,
                format!("snapshots of user {uid} cannot be kept ({error}): is the node's disk full or failing?"),
            ),
        };
        let clock = self.subject.clock;
        self.subject.board.lock().problem_once(
            &format!("{code} {uid} snapshot"),
            problem(fault, code, message, clock.wall_ms(clock.now_us())),
        );
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        tracing::debug!(
            uid = self.subject.uid,
            taken = self.taken,
            units_decoded = self.gop.decoded(),
            "pictures end"
        );
    }
}

fn jpeg(found: Result<Option<&Picture>, &MediaError>) -> Result<Vec<u8>, TakeError> {
    let picture = found
        .map_err(|error| TakeError::Undecodable(error.to_string()))?
        .ok_or_else(|| TakeError::Undecodable("no picture comes out of the decoder".to_owned()))?;
    encode_jpeg(picture).map_err(|error| TakeError::Undecodable(error.to_string()))
}
