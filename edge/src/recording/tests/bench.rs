//! A recorder's state with a clock, and short words for what the tests send and expect.

use protocol::{
    Addressing, ChannelType, ConfirmedSlice, Desired, Directive, EndCause, InventoryPage, Job, JobRequest, Mode,
    Occurrences, Phase, PlaylistStyle, RecordedFile, RecorderKey, Refusal, RefusalCode, Report, ReportAnswer, Secret,
    Selection, Source, Span, SpoolReport, Storage, StorageKind, StreamTypes, Subscription, Terms, TrackKind,
};

use super::receiver::Receiver;
use crate::recording::{
    Call, CallId, Command, Delivery, Effect, Input, Node, NodeAnswer, Outcome, PageWish, Policy, Preference, Reply,
    Request, Snapshot, Spec, Start, State, Stop, Target, Ticket, next_alarm, step,
};

pub(super) const T0: u64 = 1_700_000_000_000;
pub(super) const MINUTE: u64 = 60_000;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const MAX_IDLE: u64 = 30_000;

pub(super) struct Bench {
    pub(super) state: State,
    pub(super) slices: Slices,
    pub(super) now: u64,
    pub(super) receiver: Receiver,
    /// Deliveries that wait for a result, when they do not succeed at once.
    pub(super) deliveries: Option<Vec<(String, u64)>>,
    next_call: CallId,
    next_seq: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            state: State::default(),
            slices: Slices::default(),
            now: T0,
            receiver: Receiver::default(),
            deliveries: None,
            next_call: 1,
            next_seq: 1,
        }
    }

    /// Deliveries are not among the effects.
    pub(super) fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = step(&mut self.state, input, self.now);
        let mut effects = self.slices.keep(effects);
        self.receiver.write(self.state.take_rows());
        let mut deliveries = Vec::new();
        effects.retain(|effect| match effect {
            Effect::Deliver { subject, position } => {
                deliveries.push((subject.sid.clone(), *position));
                false
            }
            _ => true,
        });
        match &mut self.deliveries {
            Some(waiting) => waiting.extend(deliveries),
            None => {
                for (sid, position) in deliveries {
                    effects.extend(self.delivered(&sid, position, Delivery::Delivered { status: 200 }));
                }
            }
        }
        effects
    }

    /// The result of a delivery; the event arrives unless it has failed.
    pub(super) fn delivered(&mut self, sid: &str, position: u64, result: Delivery) -> Vec<Effect> {
        if matches!(result, Delivery::Delivered { .. }) {
            self.receiver.arrive(sid, position);
        }
        self.step(Input::Delivered {
            sid: sid.to_owned(),
            position,
            result,
            chance: u32::MAX,
        })
    }

    /// Asks and returns the effects with the replies to other callers; the own reply, if it is there, comes apart.
    pub(super) fn ask(&mut self, request: Request) -> (CallId, Option<Reply>, Vec<Effect>) {
        let by = self.next_call;
        self.next_call += 1;
        let mut effects = self.step(Input::Asked { by, request });
        let own = effects
            .iter()
            .position(|effect| matches!(effect, Effect::Reply { to, .. } if *to == by));
        let reply = own.map(|own| match effects.remove(own) {
            Effect::Reply { reply, .. } => reply,
            other => panic!("{other:?}"),
        });
        (by, reply, effects)
    }

    pub(super) fn call(&mut self, command: Command) -> (CallId, Option<Outcome>, Vec<Effect>) {
        let (by, reply, effects) = self.ask(Request::Call(Call { key: key(), command }));
        (by, reply.map(outcome), effects)
    }

    pub(super) fn start(&mut self, sid: &str, ticket: Ticket) -> (CallId, Option<Outcome>, Vec<Effect>) {
        self.call(Command::Start(Box::new(Start {
            sid: sid.to_owned(),
            ticket,
            spec: spec(),
        })))
    }

    pub(super) fn query(&mut self, sid: &str, nonce: Option<&str>) -> Outcome {
        self.call(Command::Query(target(sid, nonce))).1.unwrap()
    }

    pub(super) fn snapshot(&mut self, sid: &str) -> Snapshot {
        match self.query(sid, None) {
            Outcome::State(snapshot) => *snapshot,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn stop(&mut self, sid: &str, at_once: bool) -> (CallId, Option<Outcome>, Vec<Effect>) {
        self.call(Command::Stop(Stop {
            target: target(sid, None),
            at_once,
        }))
    }

    /// A report with the next number, after `change`.
    pub(super) fn make_report(
        &mut self,
        sid: &str,
        node_id: &str,
        epoch: u64,
        change: impl FnOnce(&mut Report),
    ) -> Report {
        let mut report = Report {
            node_id: node_id.to_owned(),
            recorder: key(),
            sid: sid.to_owned(),
            epoch,
            seq: self.next_seq,
            at_ms: self.now,
            phase: Phase::Recording,
            cause: None,
            idle_since_ms: None,
            first_media_ms: None,
            files: Vec::new(),
            pictures: None,
            pending_uploads: 0,
            backed_up: None,
            lost_packets: 0,
            mix: None,
            problems: Vec::new(),
            occurrences: Occurrences::default(),
            vod: None,
            spool: SpoolReport {
                spool: epoch,
                ..SpoolReport::default()
            },
        };
        self.next_seq += 1;
        change(&mut report);
        report
    }

    pub(super) fn send_report(&mut self, report: Report) -> (Desired, Vec<Effect>) {
        let (answer, effects) = self.answer_to(report);
        (answer.desired, effects)
    }

    pub(super) fn answer_to(&mut self, report: Report) -> (ReportAnswer, Vec<Effect>) {
        match self.ask(Request::Report(Box::new(report))) {
            (_, Some(Reply::Desired(answer)), effects) => (*answer, effects),
            (_, other, _) => panic!("{other:?}"),
        }
    }

    pub(super) fn report(
        &mut self,
        sid: &str,
        node_id: &str,
        epoch: u64,
        change: impl FnOnce(&mut Report),
    ) -> (Desired, Vec<Effect>) {
        let report = self.make_report(sid, node_id, epoch, change);
        self.send_report(report)
    }

    pub(super) fn request_job(&mut self, sid: &str, node_id: &str, epoch: u64) -> Result<protocol::Job, RefusalCode> {
        let request = JobRequest {
            node_id: node_id.to_owned(),
            recorder: key(),
            sid: sid.to_owned(),
            epoch,
        };
        match self.ask(Request::Job(request)).1 {
            Some(Reply::Job(job)) => job.map(|job| *job).map_err(|refusal| refusal.code),
            other => panic!("{other:?}"),
        }
    }

    /// The fleet names a node, and it takes the job. Returns the job and what follows from its acceptance.
    pub(super) fn take(&mut self, epoch: u64, node_id: &str) -> (Job, Vec<Effect>) {
        let effects = self.place("s1", epoch, Ok(node(node_id)));
        let [Effect::SendJob { url, job }] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!((url.as_str(), job.epoch), (node(node_id).url.as_str(), epoch));
        let report = self.make_report("s1", node_id, epoch, |report| report.phase = Phase::Starting);
        (
            *job.clone(),
            self.job_answered("s1", epoch, NodeAnswer::Report(Box::new(report))),
        )
    }

    pub(super) fn place(&mut self, sid: &str, epoch: u64, node: Result<Node, &str>) -> Vec<Effect> {
        self.step(Input::Placed {
            sid: sid.to_owned(),
            epoch,
            node: node.map_err(str::to_owned),
        })
    }

    /// Starts a recording on `node_id`; its first report has come with the acceptance.
    pub(super) fn started(sid: &str, ticket: Ticket) -> Self {
        let mut bench = Self::new();
        bench.start_on(sid, ticket, "n1");
        bench
    }

    pub(super) fn start_on(&mut self, sid: &str, ticket: Ticket, node_id: &str) -> u64 {
        self.start_spec_on(sid, ticket, spec(), node_id)
    }

    pub(super) fn start_spec_on(&mut self, sid: &str, ticket: Ticket, spec: Spec, node_id: &str) -> u64 {
        let start = Start {
            sid: sid.to_owned(),
            ticket,
            spec,
        };
        let (by, early, effects) = self.call(Command::Start(Box::new(start)));
        assert_eq!(early, None);
        let epoch = placed_epoch(&effects);
        self.step(Input::Placed {
            sid: sid.to_owned(),
            epoch,
            node: Ok(node(node_id)),
        });
        let report = self.make_report(sid, node_id, epoch, |report| report.phase = Phase::Starting);
        let effects = self.job_answered(sid, epoch, NodeAnswer::Report(Box::new(report)));
        assert_eq!(replies_to(&effects, by), [Outcome::Started { sid: sid.to_owned() }]);
        epoch
    }

    pub(super) fn job_answered(&mut self, sid: &str, epoch: u64, answer: NodeAnswer) -> Vec<Effect> {
        self.step(Input::JobAnswered {
            sid: sid.to_owned(),
            epoch,
            answer,
        })
    }

    /// The answer to the order to stop.
    pub(super) fn desired_answered(&mut self, sid: &str, epoch: u64, answer: NodeAnswer) -> Vec<Effect> {
        let desired = Desired {
            scene: None,
            keys: None,
            epoch,
            directive: Directive::Stop(EndCause::Stopped),
            subscription: spec().subscription,
            terms: Terms::default(),
        };
        self.step(Input::DesiredAnswered {
            sid: sid.to_owned(),
            desired: Box::new(desired),
            answer,
        })
    }

    /// Lets time pass, with the alarms that come due on the way.
    pub(super) fn pass(&mut self, duration_ms: u64) -> Vec<Effect> {
        let end = self.now + duration_ms;
        let mut effects = Vec::new();
        while let Some(due) = next_alarm(&self.state).filter(|due| *due <= end) {
            assert!(
                due > self.now || effects.len() < 1_000,
                "an alarm that settles nothing: {:?}",
                self.state
            );
            self.now = self.now.max(due);
            effects.extend(self.step(Input::Alarm));
        }
        self.now = end;
        effects
    }

    /// The state as it comes back from storage after the process died: without the callers.
    pub(super) fn crash(&mut self) {
        self.state = reloaded(&self.state);
        self.state.wake(Policy::default(), self.now);
    }
}

/// The shell's part of the inventory: rows of (sid, spool, first, slices).
#[derive(Default)]
pub(super) struct Slices(Vec<(String, u64, u64, Vec<ConfirmedSlice>)>);

impl Slices {
    /// Slices in one answer.
    const PAGE: usize = 5;

    /// Carries out what is persisted with the state.
    pub(super) fn keep(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut left = Vec::new();
        for effect in effects {
            match effect {
                Effect::Note {
                    sid,
                    spool,
                    first,
                    slices,
                } => {
                    let newest = self.of(&sid).map(|row| row.2 + row.3.len() as u64).max();
                    assert_eq!(first, newest.unwrap_or(1), "places follow one another");
                    self.0.push((sid, spool, first, slices));
                }
                Effect::Forget { sid } => self.0.retain(|row| row.0 != sid),
                Effect::Answer { to, mut answer, page } => {
                    if let Some(wish) = page {
                        self.fill(&wish, &mut answer.inventory);
                    }
                    let reply = Reply::Desired(answer);
                    left.push(Effect::Reply { to, reply });
                }
                other => left.push(other),
            }
        }
        left
    }

    fn of(&self, sid: &str) -> impl Iterator<Item = &(String, u64, u64, Vec<ConfirmedSlice>)> {
        self.0.iter().filter(move |row| row.0 == sid)
    }

    fn fill(&self, wish: &PageWish, page: &mut InventoryPage) {
        for (_, spool, first, slices) in self.of(&wish.sid) {
            let last = first + slices.len() as u64 - 1;
            if *spool != wish.except_spool && last > page.after {
                page.slices.extend(slices.iter().cloned());
                if page.slices.len() >= Self::PAGE {
                    page.next = last;
                    return;
                }
            }
        }
    }

    /// Names of a recording's slices in the inventory's order.
    pub(super) fn names(&self, sid: &str) -> Vec<String> {
        self.of(sid)
            .flat_map(|row| row.3.iter().map(|slice| slice.name.clone()))
            .collect()
    }
}

pub(super) fn reloaded(state: &State) -> State {
    let text = serde_json::to_string(state).unwrap();
    let ledgers = serde_json::to_string(state.ledgers()).unwrap();
    let mut reloaded: State = serde_json::from_str(&text).unwrap();
    reloaded.restore_secrets(state.secrets());
    reloaded.restore_ledgers(serde_json::from_str(&ledgers).unwrap());
    reloaded
}

pub(super) fn key() -> RecorderKey {
    RecorderKey {
        app_id: "app".into(),
        channel: "room".into(),
        uid: "1".into(),
    }
}

pub(super) fn node(id: &str) -> Node {
    Node {
        id: id.to_owned(),
        url: format!("http://{id}"),
    }
}

pub(super) fn target(sid: &str, nonce: Option<&str>) -> Target {
    Target {
        sid: sid.to_owned(),
        nonce: nonce.map(str::to_owned),
    }
}

/// A resource ID that was acquired at T0 and lasts for an hour.
pub(super) fn ticket(nonce: &str) -> Ticket {
    Ticket {
        nonce: nonce.to_owned(),
        issued_ms: T0,
        expires_hours: 1,
        preference: Preference::default(),
    }
}

pub(super) fn spec() -> Spec {
    Spec {
        mode: Mode::Individual,
        mix: None,
        snapshots: None,
        decryption: None,
        channel_type: ChannelType::Live,
        source: Source::Builtin {
            rtsp: None,
            roster: None,
        },
        subscription: Subscription {
            quality: protocol::VideoQuality::High,
            version: 1,
            types: StreamTypes::Both,
            audio: Selection::All,
            video: Selection::All,
        },
        playlist: PlaylistStyle { strict_extinf: true },
        storage: Storage {
            kind: StorageKind::S3,
            addressing: Addressing::Path,
            session_ends_ms: None,
            encryption: None,
            tags: None,
            endpoint: "http://s3".into(),
            region: "us-east-1".into(),
            bucket: "b".into(),
            access_key: "ak".into(),
            secret_key: Secret::new("storage-secret"),
            session_token: None,
            prefix: String::new(),
            video: Default::default(),
        },
        backup: None,
        max_idle_ms: MAX_IDLE,
        token_expires_ms: None,
    }
}

pub(super) fn file(name: &str, slices: u64, uploaded_slices: u64) -> RecordedFile {
    RecordedFile {
        kind: protocol::FileKind::Playlist,
        name: name.to_owned(),
        track: TrackKind::Video,
        uid: "7".into(),
        start_ms: T0,
        duration_ms: slices * 1_000,
        slices,
        bytes: slices * 10_000,
        uploaded_slices,
    }
}

/// A confirmed slice of 1 s.
pub(super) fn slice(playlist: &str, epoch: u64, second: u64) -> ConfirmedSlice {
    ConfirmedSlice {
        playlist: playlist.to_owned(),
        uid: "7".into(),
        track: TrackKind::Video,
        epoch,
        name: format!("{playlist}_{epoch}_{second}.ts"),
        start_us: second.cast_signed() * 1_000_000,
        duration_us: 1_000_000,
        start_ms: T0 + second * 1_000,
        bytes: 10_000,
        discontinuity: false,
        tags: Vec::new(),
    }
}

/// A report tells slices.
pub(super) fn telling(from: u64, confirmed: Vec<ConfirmedSlice>) -> impl FnOnce(&mut Report) {
    move |report| {
        report.spool.from = from;
        report.spool.confirmed = confirmed;
    }
}

pub(super) fn span(playlist: &str, from_ms: u64) -> Span {
    Span {
        playlist: playlist.to_owned(),
        from_ms,
        open: true,
    }
}

pub(super) fn refusal(code: RefusalCode) -> Refusal {
    Refusal {
        fault: protocol::Fault::Ours,
        code,
        reason: format!("{code:?}"),
    }
}

pub(super) fn outcome(reply: Reply) -> Outcome {
    match reply {
        Reply::Outcome(outcome) => *outcome,
        other => panic!("{other:?}"),
    }
}

pub(super) fn replies_to(effects: &[Effect], by: CallId) -> Vec<Outcome> {
    let own = effects.iter().filter_map(|effect| match effect {
        Effect::Reply { to, reply } if *to == by => Some(outcome(reply.clone())),
        _ => None,
    });
    own.collect()
}

/// The epoch of the one placement that is asked for.
pub(super) fn placed_epoch(effects: &[Effect]) -> u64 {
    match effects {
        [Effect::Place { epoch, .. }] => *epoch,
        other => panic!("{other:?}"),
    }
}

/// Answers each wish to publish with success, and returns the statuses.
pub(super) fn publish(bench: &mut Bench, effects: Vec<Effect>) -> Vec<crate::recording::Status> {
    let mut statuses = Vec::new();
    let mut queue = effects;
    while let Some(effect) = queue.pop() {
        if let Effect::Publish { revision, snapshot, .. } = effect {
            statuses.push(snapshot.status);
            queue.extend(bench.step(Input::Published {
                sid: snapshot.sid.clone(),
                revision,
                ok: true,
            }));
        }
    }
    statuses
}

pub(super) fn ended(cause: EndCause) -> impl FnOnce(&mut Report) {
    move |report| {
        report.phase = Phase::Ended;
        report.cause = Some(cause);
    }
}
