use super::depacketize::Packet;
use super::held::Held;
use super::punctuality::Patience;
use super::succession::{Continuity, Timed};
use super::timeline::ClosedWindow;
use super::track::{RtpTrack, SenderReport};
use super::user_clock::UserStream;
use super::{Quarters, StreamEvent, Track};

/// How long the first frames wait for sender reports of all tracks.
const HOLD_US: i64 = 600_000;
/// How long they wait in any case, and behind what comes faster than it is sent: whoever joins may first get what was sent before.
const BURST_US: i64 = 150_000;
/// For how long that is waited for.
const LONGEST_BURST_US: i64 = 3_000_000;
/// Media from before the recording's beginning is left out, unless there is a picture no longer than this before it with which
/// decoding can begin.
const BEFORE_US: i64 = 500_000;
/// Encoders begin sound so long before its first picture.
const PRIMING_US: i64 = 40_000;
/// Where sender reports and arrivals disagree by more than this, the reports are wrong.
const PLAUSIBLE_US: i64 = 5_000_000;
/// Without sender reports, tracks that arrive this much apart from one another are brought together.
const ARRIVAL_TOLERANCE_US: i64 = 40_000;
/// What a slow clock has come to is spread up to this, and beyond it becomes a hole.
const HOLE_US: i64 = 60_000;
/// A stream that stays this much later than before has paused without its RTP clock going on.
const PAUSE_US: i64 = 2_000_000;

/// The tracks of one stream on the recording's timeline. Pure: packets and reports with arrival times in, events out.
///
/// The first frames are held until each track has a sender report, at most [`HOLD_US`]; then the stream is anchored so
/// that the frame with the least delay keeps the time of its arrival. A track without a report is placed by its own
/// arrivals. From then on the leader, the audio track if there is one, is kept where it arrives: a clock that drifts is
/// followed bit by bit, and behind a stall, or where it runs faster or slower than clocks do, all tracks get another place
/// ([`Punctuality`](super::punctuality::Punctuality)). The other tracks glide to where the sender reports put them beside
/// the leader. So reports that come late correct the picture.
pub struct RtpStream {
    tracks: Vec<RtpTrack>,
    user: UserStream,
    frames: Vec<Timed>,
}

impl RtpStream {
    pub fn new(mut tracks: Vec<RtpTrack>, user: UserStream) -> Self {
        tracks.iter_mut().for_each(|track| track.set_patience(user.patience()));
        Self {
            tracks,
            user,
            frames: Vec::new(),
        }
    }

    /// The sender says how the picture has to be turned that the next packet of the track is of. It counts from a keyframe on.
    pub fn turned(&mut self, index: usize, quarters: Quarters) {
        if let Some(track) = self.tracks.get_mut(index) {
            track.intake.turned(quarters);
        }
    }

    /// The next packet of the track with this index.
    pub fn packet(&mut self, index: usize, packet: &Packet, events: &mut Vec<StreamEvent>) {
        let mut frames = std::mem::take(&mut self.frames);
        if let Some(track) = self.tracks.get_mut(index) {
            track.receive(packet, events, &mut frames);
        }
        for timed in frames.drain(..) {
            self.frame(index, timed, events);
        }
        self.frames = frames;
        self.tick(packet.arrival_us, events);
    }

    /// A packet of the track with this index has come whose payload is none of its media.
    pub fn pass_over(&mut self, index: usize, sequence: u16, events: &mut Vec<StreamEvent>) {
        if let Some(track) = self.tracks.get_mut(index) {
            track.intake.pass_over(sequence, events);
        }
    }

    /// Packets of the track with this index have come that are of no use, for this reason.
    pub fn left_out(&mut self, index: usize, why: &'static str, now_us: i64, events: &mut Vec<StreamEvent>) {
        if let Some(track) = self.tracks.get_mut(index) {
            track.intake.left_out(why, now_us, events);
        }
    }

    /// By a sender report of the track with this index, so many packets were sent.
    pub fn sent(&mut self, index: usize, packets: u32, now_us: i64, events: &mut Vec<StreamEvent>) {
        if let Some(track) = self.tracks.get_mut(index) {
            track.intake.sent(packets, now_us, events);
        }
    }

    fn frame(&mut self, index: usize, timed: Timed, events: &mut Vec<StreamEvent>) {
        let Some(track) = self.tracks.get(index) else {
            return;
        };
        let continuity = timed.continuity;
        if continuity == Continuity::Restart && track.held().since_us().is_some() {
            // What is held belongs to the clock before.
            self.settle(events);
        }
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        match continuity {
            Continuity::Continuous => {}
            Continuity::Gap => track.announce(),
            Continuity::Restart => track.restart(),
        }
        if track.offset_us().is_none() {
            track.hold(timed);
        } else {
            if let Some(window) = track.emit(timed, events) {
                self.window_closed(index, window);
            }
            self.keep_in_time(index, events);
            self.follow_slow(index, events);
        }
    }

    /// A sender that stood still, or whose clock is wrong, is placed anew: the hole is as long as it stood still. All tracks
    /// together, so that they stay beside one another.
    fn keep_in_time(&mut self, index: usize, events: &mut Vec<StreamEvent>) {
        let Some((by_us, is_told)) = self.tracks.get_mut(index).and_then(RtpTrack::take_move_us) else {
            return;
        };
        if self.leader_index() != Some(index) || !self.sets_the_users_time(index) {
            return;
        }
        if by_us > PAUSE_US {
            self.tracks.iter_mut().for_each(RtpTrack::restart);
        } else {
            self.tracks.iter_mut().for_each(|track| track.move_by(by_us));
            self.align();
        }
        if is_told {
            events.push(StreamEvent::Moved(by_us));
        }
    }

    /// A clock that is slow by more than clocks drift is followed second by second, all tracks side by side. What it came to before
    /// that showed becomes a hole. Not where late media is lost: there a mixer would have to stretch the sound.
    fn follow_slow(&mut self, index: usize, events: &mut Vec<StreamEvent>) {
        let Some(by_us) = self.tracks.get_mut(index).and_then(RtpTrack::take_slow_us) else {
            return;
        };
        if by_us <= 0
            || self.user.patience() != Patience::Endless
            || self.leader_index() != Some(index)
            || !self.sets_the_users_time(index)
        {
            return;
        }
        if by_us > HOLE_US {
            self.tracks.iter_mut().for_each(|track| track.move_by(by_us));
            events.push(StreamEvent::Moved(by_us));
        } else {
            self.tracks.iter_mut().for_each(|track| track.spread_by(by_us));
        }
    }

    /// Whether this track is kept where it arrives: in a stream without sound, the user's stream that has it is.
    fn sets_the_users_time(&self, index: usize) -> bool {
        self.tracks.get(index).is_some_and(|track| track.kind == Track::Audio) || self.user.anchor_of_others().is_none()
    }

    /// A sender report of the track with this index, received at `now_us`.
    pub fn report(&mut self, index: usize, report: SenderReport, now_us: i64, events: &mut Vec<StreamEvent>) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        if track.report(report) {
            // The reports of the other tracks are from before the sender's clock moved.
            let others = self.tracks.iter_mut().enumerate().filter(|(other, _)| *other != index);
            others.for_each(|(_, track)| track.forget_report());
        }
        self.tick(now_us, events);
        self.align();
    }

    /// When [`Self::tick`] has to be called, if nothing comes before.
    pub fn deadline_us(&self) -> Option<i64> {
        let since_us = self.tracks.iter().filter_map(|track| track.held().since_us()).min()?;
        let known = |track: &RtpTrack| {
            track.offset_us().is_some() || (track.held().since_us().is_some() && track.ntp_offset_us().is_some())
        };
        let is_known = self.tracks.iter().all(known) && self.reports_agree_with_arrivals();
        let due_us = since_us.saturating_add(if is_known { BURST_US } else { HOLD_US });
        // Only the end of a burst shows when it was sent.
        let over = |held: &Held| {
            let after_us = BURST_US.saturating_add(held.packet_us());
            held.burst_us().map(|us| us.saturating_add(after_us))
        };
        let over_us = self.tracks.iter().filter_map(|track| over(track.held())).max();
        let over_us = over_us.unwrap_or(due_us);
        Some(due_us.max(over_us.min(since_us.saturating_add(LONGEST_BURST_US))))
    }

    /// Releases held frames once all is known or their time is over.
    pub fn tick(&mut self, now_us: i64, events: &mut Vec<StreamEvent>) {
        let Some(deadline_us) = self.deadline_us() else { return };
        if now_us >= deadline_us || self.tracks.iter().any(|track| track.held().is_full()) {
            self.settle(events);
        }
    }

    /// Media may come in bursts, long after its time: then only the end of a burst, which comes at once, shows that what the
    /// reports say is true.
    fn reports_agree_with_arrivals(&self) -> bool {
        let anchor = self.anchor_us();
        self.tracks.iter().all(|track| {
            let by_report = by_report_us(track, anchor).zip(track.held().lag_us());
            by_report.is_none_or(|(offset, lag)| differ_by(offset, lag) <= PLAUSIBLE_US)
        })
    }

    /// The stream is over: releases what is held.
    pub fn finish(&mut self, events: &mut Vec<StreamEvent>) {
        for index in 0..self.tracks.len() {
            let mut frames = Vec::new();
            if let Some(track) = self.tracks.get_mut(index) {
                track.end(events, &mut frames);
            }
            frames.into_iter().for_each(|timed| self.frame(index, timed, events));
        }
        self.settle(events);
        for track in &self.tracks {
            self.user.set_end_us(track.kind, track.end_us());
        }
    }

    /// Places all tracks that hold frames.
    fn settle(&mut self, events: &mut Vec<StreamEvent>) {
        let anchor = self.anchor_us();
        let place = |track: &RtpTrack| {
            let lag_us = track.held().lag_us()?;
            Some(
                by_report_us(track, anchor)
                    .filter(|offset| differ_by(*offset, lag_us) <= PLAUSIBLE_US)
                    .unwrap_or(lag_us),
            )
        };
        let offsets: Vec<Option<i64>> = self.tracks.iter().map(place).collect();
        self.leave_out_before_beginning(&offsets);
        // A track of which nothing is left waits for what follows.
        let offsets = self.tracks.iter().zip(offsets);
        let offsets: Vec<Option<i64>> = offsets
            .map(|(track, offset)| offset.filter(|_| !track.held().is_empty()))
            .collect();
        // All by the same amount, so that they keep together.
        let shortfalls = self
            .tracks
            .iter()
            .zip(&offsets)
            .filter_map(|(t, o)| o.map(|offset| t.shortfall_us(offset)));
        let shift_us = shortfalls.max().unwrap_or(0);
        let mut released: Vec<(usize, Timed)> = Vec::new();
        for (index, (track, offset)) in self.tracks.iter_mut().zip(offsets).enumerate() {
            if let Some(offset_us) = offset {
                let frames = track.run(offset_us, shift_us);
                released.extend(frames.into_iter().map(|timed| (index, timed)));
            }
        }
        released.sort_by_key(|(_, timed)| timed.frame.arrival_us);
        for (index, timed) in released {
            if let Some(window) = self.tracks.get_mut(index).and_then(|track| track.emit(timed, events)) {
                self.window_closed(index, window);
            }
        }
        self.align();
    }

    /// What was sent before the recording began is no part of it, though who joins may get it: for the tracks of which nothing
    /// is recorded yet.
    fn leave_out_before_beginning(&mut self, offsets: &[Option<i64>]) {
        let new = |track: &RtpTrack, offset: &Option<i64>| offset.filter(|_| track.end_us() == 0);
        let entries = self.tracks.iter().zip(offsets).filter_map(|(track, offset)| {
            let offset_us = new(track, offset).filter(|_| track.kind == Track::Video)?;
            track.entry_before_beginning(offset_us)
        });
        let before_us = entries.min().filter(|us| *us <= BEFORE_US).unwrap_or(0);
        for (track, offset) in self.tracks.iter_mut().zip(offsets) {
            if let Some(offset_us) = new(track, offset) {
                track.leave_out_before_beginning(before_us + PRIMING_US, offset_us);
            }
        }
    }

    /// Media time minus NTP time, as far as it is known.
    fn anchor_us(&self) -> Option<i64> {
        let running = self.leader().and_then(anchor_us);
        running
            .or_else(|| self.user.anchor_of_others())
            .or_else(|| self.first_anchor_us())
    }

    /// The anchor by which no held frame is later than its arrival, from the tracks with reports that agree with the
    /// leading one.
    fn first_anchor_us(&self) -> Option<i64> {
        let anchors = || {
            let held = self
                .tracks
                .iter()
                .filter_map(|track| Some((track, track.held().lag_us()?, track.ntp_offset_us()?)));
            held.map(|(track, lag_us, ntp_us)| (track.kind, lag_us.saturating_sub(ntp_us)))
        };
        let (_, leading) = anchors().min_by_key(|(kind, _)| *kind)?;
        anchors()
            .map(|(_, anchor)| anchor)
            .filter(|anchor| differ_by(*anchor, leading) <= PLAUSIBLE_US)
            .min()
    }

    fn leader_index(&self) -> Option<usize> {
        let running = || {
            self.tracks
                .iter()
                .enumerate()
                .filter(|(_, track)| track.offset_us().is_some())
        };
        running().min_by_key(|(_, track)| track.kind).map(|(index, _)| index)
    }

    fn leader(&self) -> Option<&RtpTrack> {
        self.leader_index().and_then(|index| self.tracks.get(index))
    }

    /// Sends the tracks that follow to their place beside the leader.
    fn align(&mut self) {
        let Some((index, leader)) = self
            .leader_index()
            .and_then(|i| self.tracks.get(i).map(|track| (i, track)))
        else {
            return;
        };
        if leader.hastens() || leader.spreads() {
            // All do, side by side.
            return;
        }
        let own_anchor = anchor_us(leader);
        let (lateness, by_arrival) = (leader.lateness_us(), !leader.ever_reported());
        // A stream without sound follows the user's other streams.
        let others = self.user.anchor_of_others().filter(|_| leader.kind != Track::Audio);
        let anchor = others.or(own_anchor);
        if let Some(own_anchor) = own_anchor {
            self.user.publish(own_anchor);
        }
        for (i, track) in self.tracks.iter_mut().enumerate() {
            let Some(offset_us) = track.offset_us().filter(|_| i != index || others.is_some()) else {
                continue;
            };
            let by_report = by_report_us(track, anchor);
            let apart = track
                .lateness_us()
                .zip(lateness)
                .map(|(track, leader)| track.saturating_sub(leader));
            let apart = apart.filter(|us| by_arrival && !track.ever_reported() && us.abs() > ARRIVAL_TOLERANCE_US);
            let target = by_report.or(apart.map(|us| offset_us.saturating_add(us)));
            if let Some(target) = target.filter(|target| differ_by(*target, offset_us) <= PLAUSIBLE_US) {
                track.glide_to(target);
            }
        }
    }

    fn window_closed(&mut self, index: usize, window: ClosedWindow) {
        if self.leader_index() != Some(index) {
            return;
        }
        if window
            .previous_us
            .is_some_and(|before| window.least_us.saturating_sub(before) > PAUSE_US)
        {
            self.tracks.iter_mut().for_each(RtpTrack::restart);
        } else {
            self.follow_arrival(index, window.least_us);
            self.align();
        }
    }

    /// `late_us`: how late the leader comes, by the least delay of a while.
    fn follow_arrival(&mut self, leader: usize, late_us: i64) {
        let follows = self.sets_the_users_time(leader);
        if let Some(track) = self.tracks.get_mut(leader).filter(|_| follows) {
            track.catch_up(late_us);
        }
    }
}

/// Media time minus NTP time, as a track that has its place sees it.
fn anchor_us(track: &RtpTrack) -> Option<i64> {
    Some(track.offset_us()?.saturating_sub(track.ntp_offset_us()?))
}

/// Where a track's reports put it: media time minus RTP time.
fn by_report_us(track: &RtpTrack, anchor: Option<i64>) -> Option<i64> {
    anchor
        .zip(track.ntp_offset_us())
        .map(|(anchor, ntp)| anchor.saturating_add(ntp))
}

fn differ_by(a: i64, b: i64) -> i64 {
    a.saturating_sub(b).saturating_abs()
}
