use std::time::Duration;

use protocol::{Fault, ProblemCode, SecretUrl, StreamName};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::plan::{Order, StreamOrder};
use super::ports::Captures;
use super::recorder::{Inlet, Input};
use super::shared::Shared;
use super::sized::SizedPicture;
use super::trouble::{Trouble, no_entry};
use crate::backoff::{Backoff, chance};
use crate::capture::{CaptureRequest, KeyframeWish, Wanted};
use crate::channel::Credentials;
use crate::record::status::problem;
use crate::selection::{Gate, StreamPlan, Tracks};
use crate::stream::{StreamEnd, StreamEvent, Track, UserClock};

/// Pauses before a stream that still is in the roster is opened again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Failures in a row that are told of, after a second or so: a publisher that has just left, or is just coming back, can
/// be in the roster and not be reached.
const TOLD_FAILURES: u32 = 3;

/// A publisher that leaves is gone from the roster before all that it sent has come through.
const GRACE: Duration = Duration::from_secs(1);

/// Packets that are lost so long after others are told of again.
const LOSS_OVER_MS: u64 = 300_000;

/// What is captured of a picture in the size in which it is shown.
const PICTURE: Tracks = Tracks {
    audio: false,
    video: true,
};

/// What a user's sessions are opened with.
pub(super) struct User<C> {
    pub(super) uid: String,
    pub(super) credentials: Option<Credentials>,
    /// Whether others built what sends the streams.
    pub(super) foreign: bool,
    pub(super) captures: C,
    pub(super) orders: watch::Receiver<Order>,
}

/// One stream of a user: opened, and opened again, as long as it is to be captured.
pub(super) struct Session<'a, C, I> {
    shared: &'a Shared,
    user: &'a User<C>,
    stream: StreamName,
    clock: UserClock,
    orders: watch::Receiver<Order>,
    inlet: I,
    gate: Gate,
    /// The tracks of the open session, with their codecs, that cannot be recorded and have not been told of yet.
    refused: Vec<(Track, String)>,
    /// The tracks of which it was told that they cannot be entered.
    no_entry: Vec<Track>,
    /// When packets were lost last.
    lost_ms: Option<u64>,
    /// Pictures are held back until a keyframe comes.
    keyframes: KeyframeWish,
    backoff: Backoff,
}

/// What an open session runs into.
enum Turn {
    Event(Option<StreamEvent>),
    /// What its picture brings in the size in which it is shown.
    Sized(Vec<StreamEvent>),
    Ordered,
}

impl<'a, C: Captures, I: Inlet> Session<'a, C, I> {
    pub(super) fn new(shared: &'a Shared, user: &'a User<C>, stream: StreamName, clock: UserClock, inlet: I) -> Self {
        Self {
            shared,
            user,
            stream,
            clock,
            orders: user.orders.clone(),
            inlet,
            gate: Gate::default(),
            refused: Vec::new(),
            no_entry: Vec::new(),
            lost_ms: None,
            keyframes: KeyframeWish::default(),
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    pub(super) async fn run(mut self) {
        while let Some(wanted) = self.wanted().await {
            let ended = self.capture(&wanted).await;
            // Where nothing of a source can be recorded, its codecs are all that is wrong with it.
            if !self.tell_refused() {
                self.report(&ended, &wanted, self.shared.now_ms());
            }
            self.gate = Gate::default();
            let input = Input::Event(self.stream, StreamEvent::Ended(ended));
            if self.inlet.take(input).await.is_err() {
                return;
            }
            self.pause(&wanted).await;
        }
    }

    /// The stream to open, once there is one; `None` at the end.
    async fn wanted(&mut self) -> Option<StreamPlan> {
        loop {
            let order = self.orders.borrow_and_update().clone();
            if let StreamOrder::Capture(stream) = order.stream(self.stream) {
                return Some(stream);
            }
            order.tracks()?;
            self.orders.changed().await.ok()?;
        }
    }

    fn order(&mut self) -> StreamOrder {
        self.orders.borrow_and_update().stream(self.stream)
    }

    /// One session, to its end or until another order comes.
    async fn capture(&mut self, wanted: &StreamPlan) -> StreamEnd {
        let mut events = self.open(&wanted.url, wanted.tracks);
        let mut sized = SizedPicture::default();
        sized.follow(wanted.sized.as_ref(), |url| self.open(url, PICTURE));
        loop {
            let turn = tokio::select! {
                event = events.recv() => Turn::Event(event),
                events = sized.come() => events.map_or(Turn::Ordered, Turn::Sized),
                Ok(()) = self.orders.changed() => Turn::Ordered,
            };
            match turn {
                Turn::Event(Some(StreamEvent::Ended(end))) => return end,
                Turn::Event(Some(event)) => {
                    let shown = sized.own(event);
                    if sized.lacks_keyframe() {
                        self.keyframes.ask();
                    }
                    self.forward_all(shown).await;
                }
                Turn::Event(None) => return StreamEnd::Finished,
                Turn::Sized(events) => self.forward_all(events).await,
                Turn::Ordered => match self.order() {
                    StreamOrder::Capture(now) if is_served(wanted, &now) => {
                        sized.follow(now.sized.as_ref(), |url| self.open(url, PICTURE));
                    }
                    order => return self.drain(events, sized, order == StreamOrder::Left).await,
                },
            }
        }
    }

    /// Closes a session and passes on what is on its way; from a publisher that `left`, what comes within the grace.
    async fn drain(
        &mut self,
        mut events: mpsc::Receiver<StreamEvent>,
        mut sized: SizedPicture,
        left: bool,
    ) -> StreamEnd {
        if left {
            let until = Instant::now() + GRACE;
            while let Ok(Some(event)) = timeout_at(until, events.recv()).await {
                self.forward_all(sized.rest()).await;
                match event {
                    StreamEvent::Ended(end) => return end,
                    event => self.forward_all(sized.own(event)).await,
                }
            }
        }
        events.close();
        self.forward_all(sized.rest()).await;
        while let Some(event) = events.recv().await {
            if !matches!(event, StreamEvent::Ended(_)) {
                self.forward_all(sized.own(event)).await;
            }
        }
        StreamEnd::Finished
    }

    async fn forward_all(&mut self, events: impl IntoIterator<Item = StreamEvent>) {
        for event in events {
            self.forward(event).await;
        }
    }

    async fn forward(&mut self, event: StreamEvent) {
        if let StreamEvent::Unsupported(track, codec) = &event {
            let track = (*track, codec.clone());
            if !self.refused.contains(&track) {
                self.refused.push(track);
            }
        } else {
            self.tell_refused();
        }
        self.note(&event);
        let is_predicted = matches!(&event, StreamEvent::Unit(Track::Video, unit) if !unit.keyframe);
        let open = match self.orders.borrow().stream(self.stream) {
            StreamOrder::Capture(wanted) => wanted.tracks.video,
            StreamOrder::Left | StreamOrder::End => true,
        };
        let passed = self.gate.pass(event, open);
        let is_left_out = is_predicted && self.inlet.lacks_keyframe(self.stream);
        if open && (self.gate.is_shut() || is_left_out) {
            self.keyframes.ask();
        }
        for event in passed.into_iter().flatten() {
            // When nobody takes it there is nothing left to do but to wait for the end.
            let _ = self.inlet.take(Input::Event(self.stream, event)).await;
        }
    }

    /// What the recording's status tells of it.
    fn note(&mut self, event: &StreamEvent) {
        let now_ms = self.shared.now_ms();
        let mut board = self.shared.board.lock();
        match event {
            StreamEvent::Unit(track, _) => {
                board.media(now_ms);
                board.track(&self.user.uid, track.kind(), now_ms);
                if let Some(at) = self.no_entry.iter().position(|no_entry| no_entry == track) {
                    self.no_entry.swap_remove(at);
                    board.over(&self.cause(no_entry(*track)));
                }
                if self.backoff.failures() > 0 {
                    self.backoff.reset();
                    board.over(&self.cause("unreachable"));
                    board.over(&self.cause("silent"));
                }
            }
            StreamEvent::Restamped(_) => board.restamped(),
            StreamEvent::Lost(..)
            | StreamEvent::Unreadable(..)
            | StreamEvent::NoEntry(..)
            | StreamEvent::Skipped(_)
            | StreamEvent::TooLate(_)
            | StreamEvent::Moved(_)
            | StreamEvent::Locked(..) => {
                // Somebody sends, even if nothing of it can be used.
                if matches!(event, StreamEvent::NoEntry(..) | StreamEvent::Locked(..)) {
                    board.media(now_ms);
                }
                if let StreamEvent::NoEntry(track, _) = event {
                    self.no_entry.push(*track);
                }
                if let StreamEvent::Lost(_, packets) = event {
                    board.lost(*packets);
                    let before_ms = self.lost_ms.replace(now_ms);
                    if before_ms.is_some_and(|before_ms| now_ms.saturating_sub(before_ms) >= LOSS_OVER_MS) {
                        board.over(&self.cause("lost audio"));
                        board.over(&self.cause("lost video"));
                    }
                }
                if let Some(trouble) = Trouble::of(event, self.stream, &self.user.uid) {
                    let told = problem(trouble.fault, trouble.code, trouble.message, now_ms);
                    board.problem_once(&self.cause(&trouble.cause), told);
                }
            }
            StreamEvent::Format(Track::Video, format) if self.shared.decodes => {
                let limit = self.shared.options.picture_limit;
                let cause = self.cause("too large");
                match limit.check_format(format) {
                    Ok(()) => board.over(&cause),
                    Err(not_decoded) => {
                        let (stream, uid) = (self.stream, &self.user.uid);
                        let message = format!(
                            "the {stream} of user {uid} {not_decoded}: it is missing in mixes and snapshots, and recorded \
                             wherever it need not be decoded; publish smaller pictures, or set TAPEDECK_MAX_PICTURE on the node"
                        );
                        let told = problem(Fault::Destination, ProblemCode::PictureTooLarge, message, now_ms);
                        board.problem_once(&cause, told);
                    }
                }
            }
            StreamEvent::Unsupported(..) | StreamEvent::Format(..) | StreamEvent::Ended(_) => {}
        }
    }

    /// Tells in one problem of all tracks that were refused; `false` when there are none.
    fn tell_refused(&mut self) -> bool {
        let refused = std::mem::take(&mut self.refused);
        let Some(((track, codec), others)) = refused.split_first() else {
            return false;
        };
        let uid = &self.user.uid;
        let mut what = format!("{} of user {uid} is {codec}", track.name());
        for (track, codec) in others {
            what.push_str(&format!(" and {} is {codec}", track.name()));
        }
        let message = format!(
            "{what}, which cannot be recorded: publish H.264, H.265, VP8, VP9, AV1 or Motion JPEG video, and audio in AAC, Opus, \
             MP3, PCMU, PCMA, G.722 or L16, each described as its RTP format has it"
        );
        self.shared.board.lock().problem_once(
            &format!("codec {what}"),
            problem(
                Fault::Destination,
                ProblemCode::UnsupportedCodec,
                message,
                self.shared.now_ms(),
            ),
        );
        true
    }

    fn open(&self, url: &SecretUrl, tracks: Tracks) -> mpsc::Receiver<StreamEvent> {
        let credentials = self.user.credentials.as_ref();
        self.user.captures.open(CaptureRequest {
            url: url.clone(),
            username: credentials.map(|credentials| credentials.username.clone()),
            password: credentials.map(|credentials| credentials.password.clone()),
            want: Wanted {
                audio: tracks.audio,
                video: tracks.video,
            },
            foreign: self.user.foreign,
            keys: self.shared.keys.clone(),
            clock: self.shared.clock,
            user: self.clock.clone(),
            first_media_timeout: self.shared.options.first_media_timeout,
            silence_timeout: self.shared.options.silence_timeout,
            transport: self.shared.options.transport,
            keyframes: self.keyframes.clone(),
        })
    }

    fn report(&self, end: &StreamEnd, wanted: &StreamPlan, at_ms: u64) {
        let (uid, stream) = (&self.user.uid, self.stream);
        let place = format!(" at {}", wanted.url);
        let (cause, code, message) = match end {
            StreamEnd::Finished => return,
            StreamEnd::Failed(_) if self.backoff.failures() < TOLD_FAILURES => return,
            StreamEnd::Failed(reason) => (
                "unreachable",
                ProblemCode::SourceUnreachable,
                format!(
                    "the {stream} of user {uid}{place} cannot be captured ({reason}): see that it runs and that this node reaches it; it is retried"
                ),
            ),
            StreamEnd::Silent => (
                "silent",
                ProblemCode::SourceSilent,
                format!("the {stream} of user {uid}{place} sends nothing: is it publishing? it is reopened"),
            ),
        };
        self.shared
            .board
            .lock()
            .problem_once(&self.cause(cause), problem(Fault::Destination, code, message, at_ms));
    }

    fn cause(&self, what: &str) -> String {
        format!("{what} {} {}", self.stream, self.user.uid)
    }

    /// Before the same publication is opened again; another one is opened at once.
    async fn pause(&mut self, ended: &StreamPlan) {
        let until = Instant::now() + self.backoff.pause(chance());
        loop {
            match self.order() {
                StreamOrder::Capture(now) if now.url == ended.url && now.publication == ended.publication => {}
                _ => return self.backoff.reset(),
            }
            tokio::select! {
                () = sleep_until(until) => return,
                changed = self.orders.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// A session opened for one plan brings all that another one asks for.
fn is_served(opened: &StreamPlan, now: &StreamPlan) -> bool {
    opened.url == now.url && opened.publication == now.publication && opened.tracks.contains(now.tracks)
}
