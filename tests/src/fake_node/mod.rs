//! A node that records nothing: it takes every job, and tells the edge whatever a test makes happen, and of slices that
//! never were. What the edge has not confirmed it tells again, as a node has to. It talks over a line, or by HTTP as nodes
//! do that have none.

mod held;
mod http;
mod line;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use protocol::line::Versions;
use protocol::{ChannelLease, ChannelNews, ConfirmedSlice, Desired, Heartbeat, HeldRecording, Job, Report};
use tokio::task::JoinHandle;

use held::Held;
use http::Http;
pub use line::Lined;

const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);
const REPORT_EVERY: Duration = Duration::from_millis(300);
/// How long the edge may take to answer.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// A running fake node, which ends when it is dropped.
pub struct FakeNode {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a fake node is like.
#[derive(Clone, Debug)]
pub struct Traits {
    /// Each recording has a file, which is in the bucket.
    pub files: bool,
    /// How long it takes to begin with a job.
    pub begins_in: Duration,
    /// Those of the line's protocol that it speaks.
    pub versions: Versions,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            files: false,
            begins_in: Duration::ZERO,
            versions: Versions::OWN,
        }
    }
}

struct Shared {
    id: String,
    traits: Traits,
    way: Way,
    recordings: Mutex<BTreeMap<String, Held>>,
    jobs: Mutex<Jobs>,
}

/// How the edge is reached.
enum Way {
    Http(Http),
    Line(Lined),
}

/// How many jobs it begins with at a time.
#[derive(Clone, Copy, Debug, Default)]
struct Jobs {
    now: usize,
    most: usize,
}

impl FakeNode {
    /// Registers with the edge and serves it, by HTTP.
    pub async fn start(edge: &str, token: &str) -> Self {
        Self::by_http(edge, token, "fake", Traits::default()).await
    }

    /// Registers as one of several nodes, by HTTP.
    pub async fn named(edge: &str, token: &str, id: &str) -> Self {
        Self::by_http(edge, token, id, Traits::default()).await
    }

    /// A node that opens a line, and opens it again when it breaks.
    pub fn lined(edge: &str, token: &str, id: &str, traits: Traits) -> Self {
        let shared = Shared::new(id, traits, Way::Line(Lined::to(edge, token)));
        let lined = tokio::spawn(line::keep(Arc::clone(&shared)));
        Self::run(shared, lined)
    }

    async fn by_http(edge: &str, token: &str, id: &str, traits: Traits) -> Self {
        let (http, listener) = Http::to(edge, token).await;
        let shared = Shared::new(id, traits, Way::Http(http));
        let serving = tokio::spawn(http::serve(listener, Arc::clone(&shared)));
        Self::run(shared, serving)
    }

    fn run(shared: Arc<Shared>, serving: JoinHandle<()>) -> Self {
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

    /// The number of recordings that it captures.
    pub fn captures(&self) -> usize {
        self.shared.lock().values().filter(|held| !held.ended).count()
    }

    /// The most jobs that it had to begin with at a time.
    pub fn most_jobs(&self) -> usize {
        self.shared.jobs.lock().expect("no panic holds it").most
    }

    /// How many of its slices of a recording the edge has noted.
    pub fn noted(&self, sid: &str) -> u64 {
        self.shared.lock()[sid].noted
    }

    /// What the edge has told it of other nodes' slices of a recording.
    pub fn learned(&self, sid: &str) -> Vec<ConfirmedSlice> {
        self.shared.lock()[sid].learned.clone()
    }

    /// Whether the edge and it have said hello over its line; `false` for a node without one.
    pub fn has_line(&self) -> bool {
        matches!(&self.shared.way, Way::Line(lined) if lined.is_open())
    }

    /// Tells the edge of channels; the edge's answer.
    ///
    /// # Panics
    /// When there is no line, or the edge does not answer.
    pub async fn tell(&self, news: ChannelNews) -> ChannelLease {
        match &self.shared.way {
            Way::Line(lined) => lined.tell(news).await.expect("an answer"),
            Way::Http(_) => panic!("channels are told over a line"),
        }
    }

    /// Why the edge has refused its line, if it has.
    pub fn refusal(&self) -> Option<String> {
        match &self.shared.way {
            Way::Line(lined) => lined.refusal(),
            Way::Http(_) => None,
        }
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn new(id: &str, traits: Traits, way: Way) -> Arc<Self> {
        Arc::new(Self {
            id: id.to_owned(),
            traits,
            way,
            recordings: Mutex::default(),
            jobs: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.recordings.lock().expect("no panic holds it")
    }

    fn heartbeat(&self) -> Heartbeat {
        let held = |(sid, held): (&String, &Held)| HeldRecording {
            recorder: held.recorder.clone(),
            sid: sid.clone(),
            epoch: held.epoch,
        };
        Heartbeat {
            node_id: self.id.clone(),
            url: match &self.way {
                Way::Http(http) => Some(http.url.clone()),
                Way::Line(_) => None,
            },
            region: "default".to_owned(),
            version: "0".to_owned(),
            capacity: 1_000,
            load: 0.0,
            draining: false,
            spool_full: false,
            threads: Vec::new(),
            recordings: self.lock().iter().map(held).collect(),
        }
    }

    async fn beat(self: Arc<Self>) {
        loop {
            let heartbeat = self.heartbeat();
            match &self.way {
                Way::Http(http) => http.beat(&heartbeat).await,
                Way::Line(lined) => lined.beat(heartbeat).await,
            }
            tokio::time::sleep(HEARTBEAT_EVERY).await;
        }
    }

    /// Reports again and again; over a line with a lease, what has changed. What could not be told is told the next time.
    async fn report(self: Arc<Self>) {
        loop {
            let line = match &self.way {
                Way::Http(_) => None,
                Way::Line(lined) => lined.lease(),
            };
            let is_news = |held: &Held| line.is_none_or(|line| held.said != Some((line, held.to_say())));
            let due: Vec<_> = self
                .lock()
                .iter_mut()
                .filter(|(_, held)| !held.told && is_news(held))
                .map(|(sid, held)| (held.to_say(), held.report(&self.id, sid)))
                .collect();
            for (said, report) in due {
                let answer = match &self.way {
                    Way::Http(http) => http.report(&report).await,
                    Way::Line(lined) => lined.report(&report).await,
                };
                if let (Some(answer), Some(held)) = (answer, self.lock().get_mut(&report.sid)) {
                    held.said = line.map(|line| (line, said));
                    held.answered(&report, answer);
                }
            }
            tokio::time::sleep(REPORT_EVERY).await;
        }
    }

    async fn take(&self, job: Job) -> Report {
        self.job_begins();
        tokio::time::sleep(self.traits.begins_in).await;
        self.jobs.lock().expect("no panic holds it").now -= 1;
        let sid = job.sid.clone();
        let mut held = Held::new(job, self.traits.files);
        let report = held.report(&self.id, &sid);
        self.lock().insert(sid, held);
        report
    }

    fn job_begins(&self) {
        let mut jobs = self.jobs.lock().expect("no panic holds it");
        jobs.now += 1;
        jobs.most = jobs.most.max(jobs.now);
    }

    fn follow(&self, sid: &str, desired: &Desired) -> Report {
        let mut recordings = self.lock();
        let held = recordings.get_mut(sid).expect("it was started here");
        held.follow(desired.directive);
        held.report(&self.id, sid)
    }
}
