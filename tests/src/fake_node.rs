//! A node that records nothing: it takes every job, and tells the edge whatever a test makes happen, and of slices that
//! never were. What the edge has not confirmed it tells again, as a node has to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::{post, put};
use axum::{Json, Router};
use protocol::{
    ConfirmedSlice, Desired, Directive, EndCause, FileKind, Happening, Heartbeat, HeldRecording, InventoryPage, Job,
    JobRequest, MAX_OCCURRENCES, Occurrence, Occurrences, Phase, RecordedFile, RecorderKey, Report, ReportAnswer,
    SpoolReport, TrackKind,
};
use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);
const REPORT_EVERY: Duration = Duration::from_millis(300);
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// A running fake node, which ends when it is dropped.
pub struct FakeNode {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    id: String,
    /// Each recording has a file, which is in the bucket.
    files: bool,
    client: Client,
    edge: String,
    token: String,
    url: String,
    recordings: Mutex<BTreeMap<String, Held>>,
}

struct Held {
    recorder: RecorderKey,
    files: bool,
    epoch: u64,
    seq: u64,
    happened: u64,
    confirmed: u64,
    ended: bool,
    told: bool,
    /// Its own slices that the store has confirmed.
    slices: Vec<ConfirmedSlice>,
    /// How many of these the edge has noted.
    noted: u64,
    /// Other nodes' slices, as the edge has told of them.
    learned: Vec<ConfirmedSlice>,
    learned_to: u64,
}

impl FakeNode {
    /// Registers with the edge and serves it.
    pub async fn start(edge: &str, token: &str) -> Self {
        Self::serve(edge, token, "fake", false).await
    }

    /// As [`Self::start`], and each recording brings a file, which is in its bucket at once.
    pub async fn with_a_file(edge: &str, token: &str) -> Self {
        Self::serve(edge, token, "fake", true).await
    }

    /// Registers as one of several nodes.
    pub async fn named(edge: &str, token: &str, id: &str) -> Self {
        Self::serve(edge, token, id, false).await
    }

    async fn serve(edge: &str, token: &str, id: &str, files: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let shared = Arc::new(Shared {
            id: id.to_owned(),
            files,
            client: Client::builder().no_proxy().build().expect("an HTTP client"),
            edge: edge.to_owned(),
            token: token.to_owned(),
            url,
            recordings: Mutex::default(),
        });
        let app = Router::new()
            .route("/v1/recordings/{sid}", put(take))
            .route("/v1/recordings/{sid}/desired", post(order))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        let beating = tokio::spawn(Arc::clone(&shared).beat());
        let reporting = tokio::spawn(Arc::clone(&shared).report());
        Self {
            shared,
            tasks: vec![serving, beating, reporting],
        }
    }

    /// Makes so many things happen in a recording.
    pub fn happen(&self, sid: &str, count: u64) {
        self.shared.lock().get_mut(sid).expect("it was started here").happened += count;
    }

    /// Has the store confirm these slices of a recording.
    pub fn confirm(&self, sid: &str, slices: impl IntoIterator<Item = ConfirmedSlice>) {
        let mut recordings = self.shared.lock();
        let held = recordings.get_mut(sid).expect("it was started here");
        held.slices.extend(slices);
    }

    pub fn holds(&self, sid: &str) -> bool {
        self.shared.lock().contains_key(sid)
    }

    /// How many of its slices of a recording the edge has noted.
    pub fn noted(&self, sid: &str) -> u64 {
        self.shared.lock()[sid].noted
    }

    /// What the edge has told it of other nodes' slices of a recording.
    pub fn learned(&self, sid: &str) -> Vec<ConfirmedSlice> {
        self.shared.lock()[sid].learned.clone()
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.recordings.lock().expect("no panic holds it")
    }

    /// Calls the edge, which may be away: what could not be told is told the next time.
    async fn call<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Option<T> {
        let url = format!("{}/node/v1/{path}", self.edge);
        let request = self.client.post(url).bearer_auth(&self.token).timeout(CALL_LIMIT);
        request.json(body).send().await.ok()?.json().await.ok()
    }

    async fn beat(self: Arc<Self>) {
        loop {
            let held = |(sid, held): (&String, &Held)| HeldRecording {
                recorder: held.recorder.clone(),
                sid: sid.clone(),
                epoch: held.epoch,
            };
            let recordings = self.lock().iter().map(held).collect();
            let heartbeat = Heartbeat {
                node_id: self.id.clone(),
                url: Some(self.url.clone()),
                region: "default".to_owned(),
                version: "0".to_owned(),
                capacity: 1_000,
                load: 0.0,
                draining: false,
                spool_full: false,
                recordings,
            };
            let _: Option<serde_json::Value> = self.call("heartbeats", &heartbeat).await;
            tokio::time::sleep(HEARTBEAT_EVERY).await;
        }
    }

    async fn report(self: Arc<Self>) {
        loop {
            let due: Vec<_> = self
                .lock()
                .iter_mut()
                .filter(|(_, held)| !held.told)
                .map(|(sid, held)| held.report(&self.id, sid))
                .collect();
            for report in due {
                let Some(answer) = self.call::<ReportAnswer>("reports", &report).await else {
                    continue;
                };
                if let Some(held) = self.lock().get_mut(&report.sid) {
                    if let Some(confirmed) = answer.confirmed {
                        held.confirmed = held.confirmed.max(confirmed.through);
                    }
                    held.told = report.phase == Phase::Ended && held.confirmed == held.happened;
                    held.ended |= answer.desired.directive != Directive::Record;
                    held.learn(answer.inventory);
                }
            }
            tokio::time::sleep(REPORT_EVERY).await;
        }
    }
}

impl Held {
    fn learn(&mut self, page: InventoryPage) {
        self.noted = page.noted;
        if page.after == self.learned_to {
            self.learned.extend(page.slices);
            self.learned_to = page.next;
        }
    }

    fn report(&mut self, node_id: &str, sid: &str) -> Report {
        self.seq += 1;
        let happening = |number: u64| Happening::StreamChanged {
            uid: "7".to_owned(),
            track: if number.is_multiple_of(3) {
                TrackKind::Audio
            } else {
                TrackKind::Video
            },
            receiving: number % 2 == 1,
            at_ms: number,
        };
        let list: Vec<_> = (self.confirmed + 1..=self.happened)
            .take(MAX_OCCURRENCES)
            .map(|number| Occurrence {
                number,
                what: happening(number),
            })
            .collect();
        // The last report carries all that is not confirmed.
        let rest = (self.happened - self.confirmed) as usize > list.len();
        let ended = self.ended && !rest;
        let untold = self.slices.iter().skip(self.noted as usize);
        let phase = if ended { Phase::Ended } else { Phase::Recording };
        let of = JobRequest {
            node_id: node_id.to_owned(),
            recorder: self.recorder.clone(),
            sid: sid.to_owned(),
            epoch: self.epoch,
        };
        Report {
            cause: ended.then_some(EndCause::Stopped),
            first_media_ms: Some(1),
            files: if self.files {
                vec![file(node_id, sid)]
            } else {
                Vec::new()
            },
            occurrences: Occurrences { log: 1, list },
            spool: SpoolReport {
                spool: self.epoch,
                from: self.noted,
                confirmed: untold.take(SpoolReport::MOST_CONFIRMED).cloned().collect(),
                learned: self.learned_to,
                ..SpoolReport::default()
            },
            ..Report::bare(of, self.seq, 0, phase)
        }
    }
}

/// A playlist with all its slices in the bucket.
fn file(node_id: &str, sid: &str) -> RecordedFile {
    RecordedFile {
        kind: FileKind::Playlist,
        name: format!("{sid}_{node_id}.m3u8"),
        track: TrackKind::Both,
        uid: "0".to_owned(),
        start_ms: 1,
        duration_ms: 1,
        slices: 1,
        bytes: 1,
        uploaded_slices: 1,
    }
}

async fn take(State(shared): State<Arc<Shared>>, Path(sid): Path<String>, Json(job): Json<Job>) -> Json<Report> {
    let mut held = Held {
        recorder: job.recorder,
        files: shared.files,
        epoch: job.epoch,
        seq: 0,
        happened: 0,
        confirmed: 0,
        ended: false,
        told: false,
        slices: Vec::new(),
        noted: 0,
        learned: Vec::new(),
        learned_to: 0,
    };
    let report = held.report(&shared.id, &sid);
    shared.lock().insert(sid, held);
    Json(report)
}

async fn order(
    State(shared): State<Arc<Shared>>,
    Path(sid): Path<String>,
    Json(desired): Json<Desired>,
) -> Json<Report> {
    let mut recordings = shared.lock();
    let held = recordings.get_mut(&sid).expect("it was started here");
    held.ended |= desired.directive != Directive::Record;
    Json(held.report(&shared.id, &sid))
}
