//! Nodes, as far as the edge hears them: they take each job, and tell of it as the media node does.

use std::collections::BTreeMap;

use protocol::line::{
    Beat, EdgeAnswer, EdgeAsk, FromEdge, FromNode, Identity, NodeAnswer, NodeAsk, NodeHello, Versions,
};
use protocol::{
    ConfirmedSlice, Directive, EndCause, FileKind, Happening as Occurs, HeldRecording, Job, JobRequest, Occurrence,
    Occurrences, Phase, RecordedFile, RecorderKey, Report, ReportAnswer, SpoolReport, TrackKind,
};

use crate::samples::id;

const PING_MS: u64 = 2_000;
const SLICE_MS: u64 = 15_000;
/// As in the media node: slices are kept after so long, and reported after so long.
const KEEP_MS: u64 = 1_000;
const GATHER_MS: u64 = 60_000;
/// From a job to its acceptance, and from there to the first media.
const ACCEPT_MS: u64 = 1_000;
const FIRST_MEDIA_MS: u64 = 500;
/// What is left to upload at a stop takes so long.
const DRAIN_MS: u64 = 1_500;
/// From a node to its line.
const HOP_MS: u64 = 15;
const TRACKS: [TrackKind; 2] = [TrackKind::Audio, TrackKind::Video];

pub(crate) enum Event {
    /// Opens its line.
    Open,
    Beat,
    Hear(String),
    Accept(u64, Box<Job>),
    Media(String),
    /// A slice of each track is in the store.
    Slices(String),
    Keep(String),
    Gathered(String),
    Drained(String, u64),
}

pub(crate) enum Happening {
    Own(Event),
    Says(String),
}

pub(crate) struct SimNode {
    number: usize,
    recordings: BTreeMap<String, Recording>,
    newest: u64,
    asked: BTreeMap<u64, Option<String>>,
    interval_ms: u64,
}

struct Recording {
    recorder: RecorderKey,
    epoch: u64,
    seq: u64,
    phase: Phase,
    started_ms: u64,
    slices: u64,
    noted: u64,
    occurrences: Vec<Occurrence>,
    /// Slices wait to be kept, or reported.
    keeps: bool,
    gathers: bool,
}

impl SimNode {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            number,
            recordings: BTreeMap::new(),
            newest: 0,
            asked: BTreeMap::new(),
            interval_ms: 2_000,
        }
    }

    /// When the platform has last answered a ping.
    pub(crate) fn pinged_ms(&self, now_ms: u64) -> u64 {
        now_ms - now_ms % PING_MS
    }

    pub(crate) fn happen(&mut self, event: Event, now_ms: u64) -> Vec<(u64, Happening)> {
        let mut out = Vec::new();
        match event {
            Event::Open => {
                let hello = NodeHello {
                    versions: Versions::OWN,
                    node: Identity {
                        node_id: id(self.number),
                        region: "default".to_owned(),
                        version: "1".to_owned(),
                        capacity: 50,
                        url: None,
                        started_ms: None,
                    },
                };
                say(&FromNode::Hello(hello), &mut out);
                out.push((HOP_MS, Happening::Own(Event::Beat)));
            }
            Event::Beat => {
                self.beat(&mut out);
                out.push((self.interval_ms, Happening::Own(Event::Beat)));
            }
            Event::Hear(text) => self.hear(&text, now_ms, &mut out),
            Event::Accept(asked, job) => self.accept(asked, *job, now_ms, &mut out),
            Event::Media(sid) => self.media(&sid, now_ms, &mut out),
            Event::Slices(sid) => self.slices(&sid, now_ms, &mut out),
            Event::Keep(sid) => self.keep(&sid, now_ms, &mut out),
            Event::Gathered(sid) => {
                if self.recordings.get(&sid).is_some_and(|recording| recording.gathers) {
                    self.report(&sid, now_ms, &mut out);
                }
            }
            Event::Drained(sid, asked) => self.drained(&sid, asked, now_ms, &mut out),
        }
        out
    }

    fn beat(&mut self, out: &mut Vec<(u64, Happening)>) {
        let held = |(sid, recording): (&String, &Recording)| HeldRecording {
            recorder: recording.recorder.clone(),
            sid: sid.clone(),
            epoch: recording.epoch,
        };
        let beat = Beat {
            load: 0.2,
            draining: false,
            spool_full: false,
            threads: Vec::new(),
            recordings: self.recordings.iter().map(held).collect(),
        };
        self.ask(NodeAsk::Beat(beat), None, out);
    }

    fn ask(&mut self, ask: NodeAsk, about: Option<String>, out: &mut Vec<(u64, Happening)>) {
        self.newest += 1;
        self.asked.insert(self.newest, about);
        say(&FromNode::Ask { id: self.newest, ask }, out);
    }

    fn hear(&mut self, text: &str, now_ms: u64, out: &mut Vec<(u64, Happening)>) {
        match serde_json::from_str(text).expect("a message") {
            FromEdge::Hello(_) => {}
            FromEdge::Refused(refusal) => panic!("{}", refusal.reason),
            FromEdge::Ask {
                id,
                ask: EdgeAsk::Job(job),
            } => {
                out.push((ACCEPT_MS, Happening::Own(Event::Accept(id, job))));
            }
            FromEdge::Ask {
                id,
                ask: EdgeAsk::Desired(desire),
            } => {
                let recording = self.recordings.get_mut(&desire.sid).expect("it was taken here");
                if desire.desired.directive == Directive::Record {
                    let report = recording.report(self.number, &desire.sid, now_ms);
                    answer(id, report, out);
                } else {
                    recording.phase = Phase::Draining;
                    self.report(&desire.sid, now_ms, out);
                    out.push((DRAIN_MS, Happening::Own(Event::Drained(desire.sid, id))));
                }
            }
            FromEdge::Ask {
                ask:
                    EdgeAsk::Roster(_)
                    | EdgeAsk::Elsewhere(_)
                    | EdgeAsk::Live(_)
                    | EdgeAsk::Remove(_)
                    | EdgeAsk::Rtc(_)
                    | EdgeAsk::Room(_)
                    | EdgeAsk::Join(_)
                    | EdgeAsk::Import(_)
                    | EdgeAsk::Playback(_),
                ..
            } => panic!("nobody asks for channels or files"),
            FromEdge::Answer { id, answer } => {
                let about = self.asked.remove(&id).flatten();
                match (answer, about) {
                    (EdgeAnswer::Beat(answer), _) => self.interval_ms = answer.interval_ms,
                    (EdgeAnswer::Report(answer), Some(sid)) => self.answered(&sid, &answer, out),
                    (EdgeAnswer::Refused(refusal), _) => panic!("{}", refusal.reason),
                    _ => {}
                }
            }
        }
    }

    fn accept(&mut self, asked: u64, job: Job, now_ms: u64, out: &mut Vec<(u64, Happening)>) {
        let mut recording = Recording {
            recorder: job.recorder,
            epoch: job.epoch,
            seq: 0,
            phase: Phase::Starting,
            started_ms: now_ms,
            slices: 0,
            noted: 0,
            occurrences: Vec::new(),
            keeps: false,
            gathers: false,
        };
        answer(asked, recording.report(self.number, &job.sid, now_ms), out);
        self.recordings.insert(job.sid.clone(), recording);
        // It tells of itself at once, to hear what is wanted.
        self.report(&job.sid, now_ms, out);
        self.beat(out);
        out.push((FIRST_MEDIA_MS, Happening::Own(Event::Media(job.sid))));
    }

    fn media(&mut self, sid: &str, now_ms: u64, out: &mut Vec<(u64, Happening)>) {
        let recording = self.recordings.get_mut(sid).expect("it was taken here");
        recording.phase = Phase::Recording;
        recording.started_ms = now_ms;
        for track in TRACKS {
            recording.occurs(Occurs::StreamChanged {
                uid: "7".to_owned(),
                track,
                receiving: true,
                at_ms: now_ms,
            });
            recording.occurs(Occurs::SliceStarted {
                uid: "7".to_owned(),
                track,
                start_ms: now_ms,
                interrupted_ms: None,
            });
        }
        self.report(sid, now_ms, out);
        out.push((SLICE_MS, Happening::Own(Event::Slices(sid.to_owned()))));
    }

    fn slices(&mut self, sid: &str, now_ms: u64, out: &mut Vec<(u64, Happening)>) {
        let Some(recording) = self
            .recordings
            .get_mut(sid)
            .filter(|recording| recording.phase == Phase::Recording)
        else {
            return;
        };
        recording.slices += 1;
        out.push((SLICE_MS, Happening::Own(Event::Slices(sid.to_owned()))));
        if recording.slices == 1 {
            for track in TRACKS {
                recording.occurs(Occurs::PlaylistPublished {
                    name: playlist(sid, track),
                });
            }
            return self.report(sid, now_ms, out);
        }
        if !std::mem::replace(&mut recording.keeps, true) {
            out.push((KEEP_MS, Happening::Own(Event::Keep(sid.to_owned()))));
        }
        if !std::mem::replace(&mut recording.gathers, true) {
            out.push((GATHER_MS, Happening::Own(Event::Gathered(sid.to_owned()))));
        }
    }

    fn keep(&mut self, sid: &str, now_ms: u64, out: &mut Vec<(u64, Happening)>) {
        let Some(recording) = self.recordings.get_mut(sid) else {
            return;
        };
        if std::mem::replace(&mut recording.keeps, false) {
            let report = recording.report(self.number, sid, now_ms);
            self.ask(NodeAsk::Keep(Box::new(report)), None, out);
        }
    }

    fn report(&mut self, sid: &str, now_ms: u64, out: &mut Vec<(u64, Happening)>) {
        let recording = self.recordings.get_mut(sid).expect("it was taken here");
        (recording.keeps, recording.gathers) = (false, false);
        let report = recording.report(self.number, sid, now_ms);
        self.ask(NodeAsk::Report(Box::new(report)), Some(sid.to_owned()), out);
    }

    fn drained(&mut self, sid: &str, asked: u64, now_ms: u64, out: &mut Vec<(u64, Happening)>) {
        let recording = self.recordings.get_mut(sid).expect("it was taken here");
        recording.phase = Phase::Ended;
        recording.slices += 1;
        answer(asked, recording.report(self.number, sid, now_ms), out);
        self.report(sid, now_ms, out);
    }

    fn answered(&mut self, sid: &str, answer: &ReportAnswer, out: &mut Vec<(u64, Happening)>) {
        let Some(recording) = self.recordings.get_mut(sid) else {
            return;
        };
        recording.noted = recording.noted.max(answer.inventory.noted);
        if let Some(confirmed) = answer.confirmed {
            recording
                .occurrences
                .retain(|occurrence| occurrence.number > confirmed.through);
        }
        if recording.phase == Phase::Ended && recording.noted == 2 * recording.slices {
            self.recordings.remove(sid);
            self.beat(out);
        }
    }
}

impl Recording {
    fn occurs(&mut self, what: Occurs) {
        let newest = self.occurrences.last().map_or(0, |occurrence| occurrence.number);
        // All before are confirmed where none is left: numbers only have to grow.
        let number = newest.max(self.seq) + 1;
        self.occurrences.push(Occurrence { number, what });
    }

    fn report(&mut self, node: usize, sid: &str, now_ms: u64) -> Report {
        self.seq += 1;
        let of = JobRequest {
            node_id: id(node),
            recorder: self.recorder.clone(),
            sid: sid.to_owned(),
            epoch: self.epoch,
        };
        let has_media = self.phase > Phase::Starting;
        let file = |track: TrackKind| RecordedFile {
            name: format!("recordings/2026/{}", playlist(sid, track)),
            track,
            kind: FileKind::Playlist,
            uid: "7".to_owned(),
            start_ms: self.started_ms,
            duration_ms: self.slices * SLICE_MS,
            slices: self.slices,
            bytes: self.slices * 900_000,
            uploaded_slices: self.slices,
            md5: None,
        };
        let slice = |number: u64| {
            let (track, count) = (TRACKS[(number % 2) as usize], number / 2);
            ConfirmedSlice {
                playlist: playlist(sid, track),
                uid: "7".to_owned(),
                track,
                epoch: self.epoch,
                name: format!(
                    "{}_{:017}.ts",
                    playlist(sid, track).trim_end_matches(".m3u8"),
                    self.started_ms + count * SLICE_MS
                ),
                start_us: (count * SLICE_MS * 1_000).cast_signed(),
                duration_us: (SLICE_MS * 1_000).cast_signed(),
                start_ms: self.started_ms + count * SLICE_MS,
                bytes: 900_000,
                discontinuity: false,
                tags: Vec::new(),
            }
        };
        Report {
            cause: (self.phase >= Phase::Draining).then_some(EndCause::Stopped),
            first_media_ms: has_media.then_some(self.started_ms),
            files: TRACKS.iter().filter(|_| has_media).map(|track| file(*track)).collect(),
            occurrences: Occurrences {
                log: 1,
                list: self.occurrences.clone(),
            },
            spool: SpoolReport {
                spool: self.epoch,
                from: self.noted,
                confirmed: (self.noted..2 * self.slices).map(slice).collect(),
                ..SpoolReport::default()
            },
            ..Report::bare(of, self.seq, now_ms, self.phase)
        }
    }
}

fn playlist(sid: &str, track: TrackKind) -> String {
    let kind = if track == TrackKind::Audio { "audio" } else { "video" };
    format!("{sid}_channel__uid_s_7__uid_e_{kind}.m3u8")
}

fn answer(id: u64, report: Report, out: &mut Vec<(u64, Happening)>) {
    let answer = NodeAnswer::Report(Box::new(report));
    say(&FromNode::Answer { id, answer }, out);
}

fn say(message: &FromNode, out: &mut Vec<(u64, Happening)>) {
    out.push((
        HOP_MS,
        Happening::Says(message.text().expect("a message that the line carries")),
    ));
}
