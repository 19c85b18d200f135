//! Publishers by RTSP that do one thing wrong at a time, as devices and networks do.

mod clip;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::dice::Dice;
use crate::publisher::Transport;
pub use clip::Clip;
use clip::{FPS, FRAME, PPS, RATE, SPS, kind};
use session::Session;

const VIDEO: usize = 0;
const AUDIO: usize = 1;
/// Of video, Hz.
const CLOCK: u32 = 90_000;
/// The most of a NAL unit in one packet.
const MTU: usize = 1_200;
/// Between two sender reports, and between two of the faults that come again and again.
const REPORTS: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_secs(4);
/// From 1900 to 1970, in seconds.
const NTP_EPOCH: u64 = 2_208_988_800;

/// When [`Fault::Stall`] comes, and for how long.
pub const STALL_AT: Duration = Duration::from_secs(7);
pub const STALL: Duration = Duration::from_millis(700);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The marker is set on each slice of a picture.
    MarkedSlices,
    /// Sender reports have bytes behind them, or a length that is not theirs.
    Reports,
    /// Padding is announced and not there, or all that there is.
    Padding,
    /// Nothing is; the clip's parameter sets change and mean the same.
    ChangingSets,
    /// Parameter sets have the timestamp of the picture before.
    EarlySets,
    /// Each line of the description that nobody needs is wrong, and what can be left out is.
    Description,
    /// Another source, sequence and clock now and then.
    Sources,
    /// One picture now and then is stamped an hour, or two seconds back, from its time.
    StrayPictures,
    /// One frame of sound is.
    StraySounds,
    /// Each frame of sound is stamped up to one and a half frames off.
    JitteringSounds,
    /// Packets come twice.
    Twice,
    /// Packets come behind the next one.
    Overtaken,
    /// Nothing comes for [`STALL`], the clock stands still meanwhile, and no report tells of it.
    Stall,
    /// Packets of the picture do not come.
    Lost,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub pictures: usize,
    pub sounds: usize,
    /// Packets of pictures that were left out.
    pub lost: usize,
}

/// One that publishes, until it is asked to end.
pub struct Faulty {
    ending: Arc<AtomicBool>,
    sending: JoinHandle<Sent>,
}

impl Faulty {
    pub fn publish(url: &str, clip: Clip, transport: Transport, fault: Fault) -> Self {
        let ending = Arc::new(AtomicBool::new(false));
        let (url, until) = (url.to_owned(), ending.clone());
        let sending = tokio::spawn(async move {
            let session = Session::open(&url, &clip, transport, fault).await;
            Sender::new(session, clip, fault).run(&until).await
        });
        Self { ending, sending }
    }

    /// Ends its session in order.
    ///
    /// # Panics
    /// When the server ended it before.
    pub async fn end(self) -> Sent {
        self.ending.store(true, Ordering::Relaxed);
        self.sending.await.expect("it publishes to the end")
    }
}

struct Track {
    payload_type: u8,
    source: u32,
    sequence: u16,
    first_timestamp: u32,
    packets: u32,
    bytes: u32,
}

struct Sender {
    session: Session,
    clip: Clip,
    fault: Fault,
    dice: Dice,
    tracks: [Track; 2],
    /// A packet that the next one overtakes.
    overtaken: Option<Vec<u8>>,
    /// The timestamp of the last picture.
    before: u32,
    /// How often something has come that comes each [`AGAIN`].
    again: u32,
    sent: Sent,
}

impl Sender {
    fn new(session: Session, clip: Clip, fault: Fault) -> Self {
        let mut dice = Dice::new(14);
        let tracks = [96, 97].map(|payload_type| Track::new(payload_type, &mut dice));
        Self {
            session,
            clip,
            fault,
            dice,
            tracks,
            overtaken: None,
            before: 0,
            again: 0,
            sent: Sent::default(),
        }
    }

    /// At the pace of the media, which tokio's clock keeps.
    async fn run(mut self, until: &AtomicBool) -> Sent {
        let began = Instant::now();
        let mut reported = None;
        let mut stalled = Duration::ZERO;
        while !until.load(Ordering::Relaxed) && self.sent.sounds < self.clip.sounds.len() {
            let video = Duration::from_secs(1) * self.sent.pictures as u32 / FPS;
            let audio = Duration::from_secs(1) * self.sent.sounds as u32 * FRAME / RATE;
            let media = video.min(audio);
            if self.fault == Fault::Stall && media >= STALL_AT {
                stalled = STALL;
            }
            sleep_until(began + stalled + media).await;
            if self.fault != Fault::Stall && reported.is_none_or(|last| media >= last + REPORTS) {
                reported = Some(media);
                for (track, rate) in [(VIDEO, CLOCK), (AUDIO, RATE)] {
                    self.report(track, ticks(media, rate)).await;
                }
            }
            if video <= audio {
                self.picture(media).await;
            } else {
                self.sound(media).await;
            }
        }
        self.session.end().await;
        self.sent
    }

    /// Whether what comes each [`AGAIN`] is due.
    fn is_due(&mut self, media: Duration) -> bool {
        let due = media >= AGAIN * (self.again + 1);
        self.again += u32::from(due);
        due
    }

    async fn picture(&mut self, media: Duration) {
        let nals = self.clip.pictures[self.sent.pictures % self.clip.pictures.len()].clone();
        let begins_group = nals.iter().any(|nal| kind(nal) == SPS);
        if self.fault == Fault::Sources && begins_group && self.is_due(media) {
            for payload_type in [96, 97] {
                let track = usize::from(payload_type - 96);
                self.tracks[track] = Track::new(payload_type, &mut self.dice);
            }
        }
        let mut timestamp = self.tracks[VIDEO].first_timestamp.wrapping_add(ticks(media, CLOCK));
        if self.fault == Fault::StrayPictures && self.is_due(media) {
            let off = if self.again.is_multiple_of(2) { -2 } else { 3_600 };
            timestamp = timestamp.wrapping_add((off * CLOCK as i32) as u32);
        }
        let last = nals.len() - 1;
        for (number, nal) in nals.iter().enumerate() {
            let is_set = matches!(kind(nal), SPS | PPS);
            let is_early = self.fault == Fault::EarlySets && is_set && self.sent.pictures > 0;
            let marked = number == last || (self.fault == Fault::MarkedSlices && matches!(kind(nal), 1 | 5));
            self.nal(nal, if is_early { self.before } else { timestamp }, marked)
                .await;
        }
        self.before = timestamp;
        self.sent.pictures += 1;
    }

    async fn nal(&mut self, nal: &[u8], timestamp: u32, marked: bool) {
        if nal.len() <= MTU {
            return self.packet(VIDEO, timestamp, marked, nal).await;
        }
        let pieces: Vec<&[u8]> = nal[1..].chunks(MTU).collect();
        let last = pieces.len() - 1;
        for (number, piece) in pieces.into_iter().enumerate() {
            let (start, end) = (u8::from(number == 0) << 7, u8::from(number == last) << 6);
            let payload = [&[nal[0] & 0xe0 | 28, nal[0] & 0x1f | start | end][..], piece].concat();
            self.packet(VIDEO, timestamp, marked && number == last, &payload).await;
        }
    }

    async fn sound(&mut self, media: Duration) {
        let frame = self.clip.sounds[self.sent.sounds].clone();
        let mut timestamp = self.tracks[AUDIO].first_timestamp.wrapping_add(ticks(media, RATE));
        if self.fault == Fault::JitteringSounds {
            let off = (self.dice.roll() % 3_001) as i32 - 1_500;
            timestamp = timestamp.wrapping_add(off as u32);
        }
        if self.fault == Fault::StraySounds && self.is_due(media) {
            let off = if self.again.is_multiple_of(2) { -2 } else { 3_600 };
            timestamp = timestamp.wrapping_add((off * RATE as i32) as u32);
        }
        let length = u16::try_from(frame.len() << 3).expect("a frame").to_be_bytes();
        let payload = [&[0, 16, length[0], length[1]][..], &frame].concat();
        self.packet(AUDIO, timestamp, true, &payload).await;
        self.sent.sounds += 1;
    }

    async fn packet(&mut self, track: usize, timestamp: u32, marked: bool, payload: &[u8]) {
        let number = self.tracks[track].packets;
        let mut packet = self.tracks[track].packet(timestamp, marked, payload);
        if track != VIDEO {
            return self.session.send(track, false, &packet).await;
        }
        match self.fault {
            Fault::Padding if number.is_multiple_of(2) => {
                packet[0] |= 0x20;
                packet.push(0);
                self.session.send(track, false, &packet).await;
            }
            Fault::Padding => {
                self.session.send(track, false, &packet).await;
                let mut padding = self.tracks[track].packet(timestamp, false, &[0; 255]);
                padding[0] |= 0x20;
                *padding.last_mut().expect("a packet") = 255;
                self.session.send(track, false, &padding).await;
            }
            Fault::Lost if number % 400 == 399 => self.sent.lost += 1,
            Fault::Overtaken if number % 11 == 10 => self.overtaken = Some(packet),
            Fault::Twice if number % 7 == 6 => {
                self.session.send(track, false, &packet).await;
                self.session.send(track, false, &packet).await;
            }
            _ => {
                self.session.send(track, false, &packet).await;
                if let Some(overtaken) = self.overtaken.take() {
                    self.session.send(track, false, &overtaken).await;
                }
            }
        }
    }

    async fn report(&mut self, track: usize, ticks: u32) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock behind 1970");
        let known = &self.tracks[track];
        let is_bad = self.fault == Fault::Reports;
        let length = if is_bad && track == AUDIO { 14 } else { 6 };
        let mut report = vec![0x80, 200, 0, length];
        let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
        for word in [
            known.source,
            (now.as_secs() + NTP_EPOCH) as u32,
            fraction as u32,
            known.first_timestamp.wrapping_add(ticks),
            known.packets,
            known.bytes,
        ] {
            report.extend(word.to_be_bytes());
        }
        if is_bad && track == VIDEO {
            report.extend([0; 4]);
        }
        self.session.send(track, true, &report).await;
    }
}

impl Track {
    fn new(payload_type: u8, dice: &mut Dice) -> Self {
        Self {
            payload_type,
            source: dice.roll() as u32,
            sequence: dice.roll() as u16,
            first_timestamp: dice.roll() as u32,
            packets: 0,
            bytes: 0,
        }
    }

    fn packet(&mut self, timestamp: u32, marked: bool, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, self.payload_type | u8::from(marked) << 7];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.source.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets += 1;
        self.bytes = self.bytes.wrapping_add(payload.len() as u32);
        packet
    }
}

fn ticks(media: Duration, rate: u32) -> u32 {
    (media.as_micros() * u128::from(rate) / 1_000_000) as u32
}
