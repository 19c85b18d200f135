//! A sender in virtual time.

use bytes::Bytes;

use crate::stream::depacketize::{Depacketizer, Frame, FrameFormat, Malformed, Packet};
use crate::stream::rtp::RtpStream;
use crate::stream::testing::Clear;
use crate::stream::track::{RtpTrack, SenderReport};
use crate::stream::{AacFormat, AccessUnit, Format, H264Format, Locked, Passed, StreamEvent, Track, Unlock, UserClock};

pub const SECOND: i64 = 1_000_000;
/// NTP time at the recording's start, on a sender's clock of its own.
pub const NTP_START_US: i64 = 3_900_000_000_000_000;

/// Takes each packet for a frame: its first byte tells a keyframe.
struct Whole {
    format: Option<FrameFormat>,
    waiting: bool,
}

impl Depacketizer for Whole {
    fn take(&mut self, packet: &Packet, frames: &mut Vec<Frame>) -> Result<(), Malformed> {
        let keyframe = packet.payload[0] == 1;
        if self.waiting && !keyframe {
            return Ok(());
        }
        self.waiting = false;
        let (timestamp, arrival_us, data) = (packet.timestamp, packet.arrival_us, packet.payload.clone());
        frames.push(Frame {
            timestamp,
            arrival_us,
            data,
            keyframe,
            format: self.format.take(),
        });
        Ok(())
    }

    fn lost(&mut self) {
        self.waiting = true;
    }
}

/// Lets nothing pass, and says why once.
#[derive(Default)]
pub struct Shut(bool);

impl Unlock for Shut {
    fn pass(&mut self, _: Frame) -> Passed {
        let is_told = std::mem::replace(&mut self.0, true);
        Passed::Out((!is_told).then_some(Locked::NoSecret))
    }
}

pub fn video_track(reorder_depth: u8, end_us: i64) -> RtpTrack {
    video_track_with(Box::new(Clear), reorder_depth, end_us)
}

pub fn video_track_with(lock: Box<dyn Unlock>, reorder_depth: u8, end_us: i64) -> RtpTrack {
    let (sps, pps) = (Bytes::from_static(b"sps"), Bytes::from_static(b"pps"));
    let format = Format::H264(H264Format {
        sps,
        pps,
        width: 16,
        height: 16,
        reorder_depth,
    });
    let format = Some(FrameFormat {
        format,
        frame_us: 40_000,
    });
    RtpTrack::new(
        Track::Video,
        90_000,
        Box::new(Whole { format, waiting: true }),
        lock,
        end_us,
    )
}

pub fn audio_track(end_us: i64) -> RtpTrack {
    let config = Bytes::from_static(&[0x11, 0x90]);
    let format = Format::Aac(AacFormat {
        config,
        sample_rate: 48_000,
        channels: 2,
        frame_length: 1024,
    });
    let format = Some(FrameFormat {
        format,
        frame_us: 21_333,
    });
    RtpTrack::new(
        Track::Audio,
        48_000,
        Box::new(Whole { format, waiting: false }),
        Box::new(Clear),
        end_us,
    )
}

/// One track of a sender.
#[derive(Clone, Debug)]
pub struct Sender {
    pub track: Track,
    /// Position among the stream's tracks.
    pub index: usize,
    /// When the first frame is captured, on the recording's timeline.
    pub from_us: i64,
    /// From capture to arrival, without jitter.
    pub delay_us: i64,
    /// Speed of the RTP clock against the recording's, in parts per million.
    pub drift_ppm: i64,
    pub first_timestamp: u32,
    /// Sender reports: the first after this, then each 5 s; `None` for none.
    pub first_report_us: Option<i64>,
    /// Error of the NTP clock.
    pub ntp_error_us: i64,
    /// Frames between two shown in coding order, 25 fps video only.
    pub b_frames: u32,
}

impl Sender {
    pub fn video() -> Self {
        Self {
            track: Track::Video,
            index: 1,
            from_us: 1_000_000,
            delay_us: 30_000,
            drift_ppm: 0,
            first_timestamp: 12_345,
            first_report_us: Some(0),
            ntp_error_us: 0,
            b_frames: 0,
        }
    }

    pub fn audio() -> Self {
        Self {
            track: Track::Audio,
            index: 0,
            first_timestamp: 777_777,
            ..Self::video()
        }
    }

    fn rate(&self) -> i128 {
        if self.track == Track::Video { 90_000 } else { 48_000 }
    }

    fn timestamp(&self, moment_us: i64) -> u32 {
        let elapsed = i128::from(moment_us - self.from_us) * (1_000_000 + i128::from(self.drift_ppm)) / 1_000_000;
        let ticks = (elapsed * self.rate() + 500_000).div_euclid(1_000_000);
        self.first_timestamp.wrapping_add(ticks as u32)
    }

    /// What the sender sends up to `until_us` of capture time.
    pub fn send(&self, until_us: i64, mut jitter_us: impl FnMut() -> i64) -> Vec<Sent> {
        let mut sent = Vec::new();
        let mut arrived_us = i64::MIN;
        let mut reported = -1;
        let group = i64::from(self.b_frames) + 1;
        for n in 0i64.. {
            // Decoding order: a frame, then the ones shown before it.
            let shown = match n {
                0 => 0,
                n if (n - 1) % group == 0 => n + group - 1,
                n => n - 1,
            };
            let at = |n: i64| match self.track {
                Track::Video => self.from_us + n * 40_000,
                Track::Audio => self.from_us + n * 1024 * 1_000_000 / 48_000,
            };
            let captured_us = at(shown);
            if at(n) >= until_us {
                return sent;
            }
            // A frame can be coded once those it refers to are captured.
            let coded_us = at(if n == 0 { 0 } else { (n - 1) / group * group + group });
            arrived_us = arrived_us.max(coded_us + self.delay_us + jitter_us());
            let keyframe = self.track == Track::Audio || n == 0 || (self.b_frames == 0 && n % 25 == 0);
            let payload = [&[u8::from(keyframe)][..], &captured_us.to_be_bytes()].concat();
            let packet = Packet {
                arrival_us: arrived_us,
                sequence: (n as u16).wrapping_add(65_500),
                timestamp: self.timestamp(captured_us),
                marker: true,
                payload: payload.into(),
            };
            sent.push(Sent {
                arrival_us: arrived_us,
                index: self.index,
                what: What::Packet(packet),
            });
            let period = self
                .first_report_us
                .map_or(-1, |first| (coded_us - self.from_us - first).div_euclid(5_000_000));
            if period > reported {
                reported = period;
                let ntp_us = NTP_START_US + coded_us + self.ntp_error_us;
                let report = SenderReport {
                    ntp_us,
                    timestamp: self.timestamp(coded_us),
                };
                sent.push(Sent {
                    arrival_us: arrived_us,
                    index: self.index,
                    what: What::Report(report),
                });
            }
        }
        sent
    }
}

#[derive(Clone, Debug)]
pub struct Sent {
    pub arrival_us: i64,
    pub index: usize,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Packet(Packet),
    Report(SenderReport),
}

pub fn interleave(streams: impl IntoIterator<Item = Vec<Sent>>) -> Vec<Sent> {
    let mut all: Vec<Sent> = streams.into_iter().flatten().collect();
    all.sort_by_key(|sent| sent.arrival_us);
    all
}

pub fn feed(stream: &mut RtpStream, sent: &[Sent], events: &mut Vec<StreamEvent>) {
    for Sent {
        arrival_us,
        index,
        what,
    } in sent
    {
        match what {
            What::Packet(packet) => stream.packet(*index, packet, events),
            What::Report(report) => stream.report(*index, *report, *arrival_us, events),
        }
    }
}

/// Captures a stream of its own from the first packet to the last.
pub fn capture(sent: &[Sent], depth: u8) -> Vec<StreamEvent> {
    capture_as(&UserClock::default(), "camera", sent, depth)
}

pub fn capture_as(user: &UserClock, name: &str, sent: &[Sent], depth: u8) -> Vec<StreamEvent> {
    let user = user.join(name);
    let tracks = vec![
        audio_track(user.end_us(Track::Audio)),
        video_track(depth, user.end_us(Track::Video)),
    ];
    let mut stream = RtpStream::new(tracks, user);
    let mut events = Vec::new();
    feed(&mut stream, sent, &mut events);
    stream.finish(&mut events);
    events
}

pub fn units(events: &[StreamEvent], track: Track) -> Vec<&AccessUnit> {
    let of_track = events.iter().filter_map(|event| match event {
        StreamEvent::Unit(t, unit) if *t == track => Some(unit),
        _ => None,
    });
    of_track.collect()
}

/// The moment that a unit's sender wrote into it.
fn stamp_us(unit: &AccessUnit) -> i64 {
    i64::from_be_bytes(unit.data[1..9].try_into().unwrap())
}

/// How much later than it was captured a unit is placed.
pub fn error_us(unit: &AccessUnit) -> i64 {
    unit.pts_us - stamp_us(unit)
}

/// No unit within one piece is much farther from the one before than it is in truth.
pub fn assert_no_leap(events: &[StreamEvent]) {
    for track in [Track::Audio, Track::Video] {
        let mut last: Option<&AccessUnit> = None;
        for event in events {
            match event {
                StreamEvent::Format(t, _) if *t == track => last = None,
                StreamEvent::Unit(t, unit) if *t == track => {
                    if let Some(last) = last.replace(unit) {
                        let truth_us = stamp_us(unit) - stamp_us(last);
                        assert!(
                            unit.pts_us - last.pts_us < (truth_us + 4_000_000) * 5 / 4,
                            "{unit:?} after {last:?}"
                        );
                    }
                }
                _ => {}
            }
        }
    }
}

pub fn formats(events: &[StreamEvent], track: Track) -> usize {
    events
        .iter()
        .filter(|event| matches!(event, StreamEvent::Format(t, _) if *t == track))
        .count()
}

/// What holds for any input.
pub fn assert_in_order(events: &[StreamEvent]) {
    for track in [Track::Audio, Track::Video] {
        let mut last: Option<&AccessUnit> = None;
        let mut announced = false;
        for event in events {
            match event {
                StreamEvent::Format(t, _) if *t == track => announced = true,
                StreamEvent::Unit(t, unit) if *t == track => {
                    assert!(unit.dts_us <= unit.pts_us, "{unit:?}");
                    assert!(unit.dts_us >= 0, "{unit:?}");
                    match last {
                        None => assert!(announced, "unit without a format"),
                        Some(last) => assert!(unit.dts_us > last.dts_us, "{unit:?} after {last:?}"),
                    }
                    assert!(!announced || unit.keyframe, "{unit:?}");
                    announced = false;
                    last = Some(unit);
                }
                _ => {}
            }
        }
    }
}

pub fn none() -> i64 {
    0
}

/// A repeatable jitter of up to `max_us`.
pub fn jitter(max_us: i64) -> impl FnMut() -> i64 {
    let mut state = 1u64;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % (max_us + 1)
    }
}

/// The greatest distance between sound and picture from `after_us` on.
pub fn apart_us(events: &[StreamEvent], after_us: i64) -> i64 {
    let errors = |track| {
        let late = units(events, track)
            .into_iter()
            .filter(move |unit| unit.pts_us >= after_us)
            .map(error_us);
        late.fold((i64::MAX, i64::MIN), |(least, most), error| {
            (least.min(error), most.max(error))
        })
    };
    let (audio, video) = (errors(Track::Audio), errors(Track::Video));
    assert!(audio.0 <= audio.1 && video.0 <= video.1, "both tracks have units");
    (video.1 - audio.0).max(audio.1 - video.0)
}
