use std::collections::VecDeque;

use super::decode_times::DecodeTimes;
use super::depacketize::{Depacketizer, FrameFormat, Packet};
use super::held::Held;
use super::intake::Intake;
use super::locked::Unlock;
use super::pace::Pace;
use super::punctuality::{EARLY_US, Patience, Punctuality};
use super::succession::Timed;
use super::timeline::{ClosedWindow, Lateness, Mapping};
use super::{AccessUnit, StreamEvent, Track};

/// From one unit to the next at least, where a sender's timestamps stand still or go back.
const LEAST_STEP_US: i64 = 1_000;
/// So much sound that comes too late to be used is told of.
const TOLD_LATE_US: i64 = 1_000_000;
/// A report farther from the media than this speaks of something else.
const REPORT_RANGE_US: i64 = 60_000_000;
/// A sender's clock that moves by more than this between two reports was set, or its media paused.
const CLOCK_STEP_US: i64 = 200_000;

/// An RTCP sender report: the same moment on the sender's NTP clock and on the track's RTP clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    pub ntp_us: i64,
    pub timestamp: u32,
}

/// One track of a stream: from packets to frames, and from placed frames to events.
pub struct RtpTrack {
    pub(super) kind: Track,
    pub(super) intake: Intake,

    held: Held,
    mapping: Option<Mapping>,
    latest_rtp_us: i64,
    early_report: Option<SenderReport>,
    /// NTP time minus RTP time.
    ntp_offset_us: Option<i64>,
    ever_reported: bool,
    lateness: Lateness,
    punctuality: Punctuality,
    pace: Pace,
    /// The offset that its slow clock calls for, until that is asked for.
    slow_us: Option<i64>,
    patience: Patience,
    /// How much sound came too late to be used, since that was last told.
    too_late_us: i64,
    /// By how much later what follows should be, until that is asked for.
    move_us: Option<i64>,
    /// By how much the track was put off to make room for it, and not yet brought back.
    put_off_us: i64,

    format: Option<FrameFormat>,
    announce: bool,
    /// It was told that frames are left out.
    skips: bool,
    decode_times: Option<DecodeTimes>,
    last_pts_us: Option<i64>,
    end_us: i64,
}

impl RtpTrack {
    /// `end_us`: where what was recorded of this track before ends.
    pub fn new(
        kind: Track,
        clock_rate: u32,
        depacketizer: Box<dyn Depacketizer>,
        lock: Box<dyn Unlock>,
        end_us: i64,
    ) -> Self {
        Self {
            kind,
            intake: Intake::new(kind, clock_rate, depacketizer, lock),
            held: Held::default(),
            mapping: None,
            latest_rtp_us: i64::MIN,
            early_report: None,
            ntp_offset_us: None,
            ever_reported: false,
            lateness: Lateness::default(),
            punctuality: Punctuality::default(),
            pace: Pace::default(),
            slow_us: None,
            patience: Patience::default(),
            too_late_us: 0,
            move_us: None,
            put_off_us: 0,
            format: None,
            announce: true,
            skips: false,
            decode_times: None,
            last_pts_us: None,
            end_us,
        }
    }

    /// Depacketizes; losses go to `events`, whole frames to `frames`.
    pub(super) fn receive(&mut self, packet: &Packet, events: &mut Vec<StreamEvent>, frames: &mut Vec<Timed>) {
        self.intake.receive(packet, events, frames);
        self.place_early(frames);
    }

    /// No more packets come: the last whole frame goes to `frames`.
    pub(super) fn end(&mut self, events: &mut Vec<StreamEvent>, frames: &mut Vec<Timed>) {
        self.intake.end(events, frames);
        self.place_early(frames);
    }

    /// A report that came ahead of the first frame.
    fn place_early(&mut self, frames: &[Timed]) {
        if let Some(report) = self.early_report
            && !frames.is_empty()
        {
            self.early_report = None;
            self.place(report);
        }
    }

    /// Takes a sender report; `true` when the sender's clock moved against the media since the last one.
    pub(super) fn report(&mut self, report: SenderReport) -> bool {
        self.ever_reported = true;
        if self.intake.succession.latest_us().is_none() {
            self.early_report = Some(report);
            return false;
        }
        let before = self.ntp_offset_us;
        self.place(report);
        let step_us = before.zip(self.ntp_offset_us).map_or(0, |(b, n)| n.saturating_sub(b));
        self.punctuality.told(step_us);
        step_us.saturating_abs() > CLOCK_STEP_US
    }

    fn place(&mut self, report: SenderReport) {
        let rtp_us = self.intake.succession.place(report.timestamp);
        let media_us = self.intake.succession.latest_us().unwrap_or(rtp_us);
        if rtp_us.saturating_sub(media_us).saturating_abs() <= REPORT_RANGE_US {
            self.ntp_offset_us = Some(report.ntp_us.saturating_sub(rtp_us));
        }
    }

    pub(super) fn forget_report(&mut self) {
        self.early_report = None;
        self.ntp_offset_us = None;
    }

    pub(super) fn ntp_offset_us(&self) -> Option<i64> {
        self.ntp_offset_us
    }

    pub(super) fn ever_reported(&self) -> bool {
        self.ever_reported
    }

    pub(super) fn hold(&mut self, timed: Timed) {
        self.held.push(timed);
    }

    /// The frames that wait until the track has its place.
    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// How long before the recording's beginning the last held picture lies, with this offset, with which decoding can begin
    /// there.
    pub(super) fn entry_before_beginning(&self, offset_us: i64) -> Option<i64> {
        self.held.entry_before(offset_us.saturating_neg())
    }

    /// Leaves out what was sent more than `before_us` before the recording began, with this offset, and sound that was sent too
    /// long before it came.
    pub(super) fn leave_out_before_beginning(&mut self, before_us: i64, offset_us: i64) {
        let from_us = offset_us.saturating_neg().saturating_sub(before_us);
        let held = !self.held.is_empty();
        let format = self.held.leave_out_before(from_us, self.patience, self.kind);
        self.format = format.or(self.format.take());
        if self.format.is_some() {
            self.intake.enter();
        }
        if held && self.held.is_empty() && self.kind == Track::Video {
            self.intake.enter_anywhere();
        }
    }

    /// How much later than at `offset_us` the held frames have to be, so that neither their presentation nor their
    /// decoding precedes what was delivered.
    pub(super) fn shortfall_us(&self, offset_us: i64) -> i64 {
        let Some(first_us) = self.held.first_us() else {
            return 0;
        };
        let lead_us = self.held.formats().chain(&self.format).map(lead_us).max().unwrap_or(0);
        self.end_us
            .saturating_add(lead_us)
            .saturating_sub(first_us.saturating_add(offset_us))
            .max(0)
    }

    /// Gives the track its place; returns the frames that waited for it. Where there is no room for them yet they are put off by
    /// `shift_us`.
    pub(super) fn run(&mut self, offset_us: i64, shift_us: i64) -> VecDeque<Timed> {
        self.mapping = Some(Mapping::new(offset_us.saturating_add(shift_us)));
        self.put_off_us = shift_us;
        self.latest_rtp_us = i64::MIN;
        self.held.take()
    }

    /// Media time minus RTP time behind the latest frame; `None` while the track has no place.
    pub(super) fn offset_us(&self) -> Option<i64> {
        self.mapping
            .as_ref()
            .map(|mapping| mapping.offset_behind(self.latest_rtp_us))
    }

    /// Whether the track is being brought to an earlier place.
    pub(super) fn hastens(&self) -> bool {
        self.ahead_us() > 0
    }

    fn ahead_us(&self) -> i64 {
        self.mapping
            .as_ref()
            .map_or(0, |mapping| mapping.ahead_us(self.latest_rtp_us))
    }

    pub(super) fn glide_to(&mut self, offset_us: i64) {
        if let Some(mapping) = &mut self.mapping {
            mapping.glide_to(self.latest_rtp_us, offset_us);
        }
    }

    /// Whether the track is being brought to a later place, bit by bit.
    pub(super) fn spreads(&self) -> bool {
        let mapping = self.mapping.as_ref();
        mapping.is_some_and(|mapping| mapping.spreads(self.latest_rtp_us))
    }

    /// By how much the track's slow clock calls for a later place than it has; told once a second.
    pub(super) fn take_slow_us(&mut self) -> Option<i64> {
        let offset_us = self.slow_us.take()?;
        Some(offset_us.saturating_sub(self.offset_us()?))
    }

    /// Brings what follows later by this much, bit by bit.
    pub(super) fn spread_by(&mut self, by_us: i64) {
        if let Some(mapping) = &mut self.mapping {
            let offset_us = mapping.offset_behind(self.latest_rtp_us);
            mapping.spread_to(self.latest_rtp_us, offset_us.saturating_add(by_us));
        }
    }

    /// Brings the track back by `late_us`, as slowly as its sender's clock drifts.
    pub(super) fn catch_up(&mut self, late_us: i64) {
        if self.hastens() || self.spreads() {
            return;
        }
        if let Some(mapping) = &mut self.mapping {
            let offset_us = mapping.offset_at(self.latest_rtp_us);
            mapping.drift_to(self.latest_rtp_us, offset_us.saturating_add(late_us));
        }
    }

    pub(super) fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// See [`Punctuality`]; told once. And whether the sender's clock makes it necessary, not what the track was put off by to
    /// make room for it.
    pub(super) fn take_move_us(&mut self) -> Option<(i64, bool)> {
        let move_us = self.move_us.take()?;
        let own_us = self.put_off_us.min(move_us.saturating_neg()).max(0);
        self.put_off_us -= own_us;
        Some((move_us, own_us.saturating_add(move_us).abs() >= EARLY_US))
    }

    /// Puts what follows this much later, behind a hole of that length; or earlier, which takes twenty times as long.
    pub(super) fn move_by(&mut self, by_us: i64) {
        // From where it is being brought.
        let by_us = by_us.saturating_sub(self.ahead_us());
        let Some(mapping) = &mut self.mapping else { return };
        if by_us > 0 {
            mapping.put_off(self.latest_rtp_us, by_us);
        } else {
            let offset_us = mapping.offset_at(self.latest_rtp_us);
            mapping.hasten_to(self.latest_rtp_us, offset_us.saturating_add(by_us));
        }
        self.punctuality.moved();
        self.move_us = None;
        self.lateness = Lateness::default();
    }

    /// The least delay of the last window, see [`Lateness`].
    pub(super) fn lateness_us(&self) -> Option<i64> {
        self.lateness.least_us()
    }

    pub(super) fn end_us(&self) -> i64 {
        self.end_us
    }

    /// Takes the track's place away; what follows is announced as a new piece.
    pub(super) fn restart(&mut self) {
        self.mapping = None;
        self.lateness = Lateness::default();
        (self.punctuality, self.move_us) = (Punctuality::default(), None);
        (self.pace, self.slow_us) = (Pace::default(), None);
        self.forget_report();
        self.announce = true;
    }

    /// The next frame is announced with its format again.
    pub(super) fn announce(&mut self) {
        self.announce = true;
    }

    /// Places a frame and tells of it.
    pub(super) fn emit(&mut self, timed: Timed, events: &mut Vec<StreamEvent>) -> Option<ClosedWindow> {
        let mapping = self.mapping.as_ref()?;
        let Timed {
            rtp_us,
            frame,
            restamped,
            ..
        } = timed;
        let pts_us = mapping.media_us(rtp_us);
        self.latest_rtp_us = self.latest_rtp_us.max(rtp_us);
        // Where it is being brought is its place: that it is not there yet is not its sender's doing.
        let due_us = pts_us.saturating_sub(mapping.ahead_us(rtp_us));
        let window = self.lateness.observe(frame.arrival_us, due_us);
        let move_us = self.punctuality.observe(frame.arrival_us, due_us, self.patience);
        self.move_us = move_us.or(self.move_us);
        self.slow_us = self.pace.observe(frame.arrival_us, rtp_us).or(self.slow_us);
        if let Some(format) = frame.format {
            self.format = Some(format);
            self.intake.enter();
            self.announce = true;
        }
        let Some(FrameFormat { format, frame_us }) = &self.format else {
            return window;
        };
        if self.announce && !frame.keyframe {
            if self.last_pts_us.is_some() && !std::mem::replace(&mut self.skips, true) {
                events.push(StreamEvent::Skipped(self.kind));
            }
            return window;
        }
        self.skips = false;
        let depth = format.reorder_depth();
        let (pts_us, dts_us) = match self.kind {
            Track::Audio => {
                let pts_us = match self.last_pts_us {
                    Some(last_us) if pts_us <= last_us => {
                        events.push(StreamEvent::Restamped(Track::Audio));
                        // Half of its length behind the one before: what follows comes back to its own time.
                        last_us.saturating_add((frame_us / 2).max(LEAST_STEP_US))
                    }
                    _ => pts_us,
                };
                (pts_us, pts_us)
            }
            Track::Video => {
                let times = self
                    .decode_times
                    .get_or_insert_with(|| DecodeTimes::new(depth, *frame_us));
                if (frame.keyframe && self.intake.take_damage()) || self.announce {
                    times.restart(depth, *frame_us);
                }
                times.next(pts_us)
            }
        };
        if std::mem::take(&mut self.announce) {
            events.push(StreamEvent::Format(self.kind, format.clone()));
        }
        if self.kind == Track::Audio && self.patience.is_over(frame.arrival_us.saturating_sub(pts_us)) {
            self.too_late_us = self.too_late_us.saturating_add(*frame_us);
            if self.too_late_us >= TOLD_LATE_US {
                self.too_late_us = 0;
                events.push(StreamEvent::TooLate(self.kind));
            }
        }
        self.intake.is_used();
        if restamped {
            events.push(StreamEvent::Restamped(self.kind));
        }
        self.last_pts_us = Some(pts_us);
        self.end_us = self.end_us.max(pts_us.saturating_add(*frame_us));
        let unit = AccessUnit {
            pts_us,
            dts_us,
            data: frame.data,
            keyframe: frame.keyframe,
        };
        events.push(StreamEvent::Unit(self.kind, unit));
        window
    }
}

fn lead_us(format: &FrameFormat) -> i64 {
    DecodeTimes::lead_us(format.format.reorder_depth(), format.frame_us)
}
