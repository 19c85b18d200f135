//! One child process for each recording, kept alive on its spool. It knows processes, jobs and reports; it knows neither
//! media nor the edge: whoever speaks to the edge or to a caller asks it and is told.

mod adopted;
mod aside;
mod keeper;
mod memory;
mod pipe;
mod process;
mod recording;
mod restart;
mod shutdown;
mod space;
mod table;
#[cfg(test)]
mod tests;
mod vitals;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Confirmed, Desired, Directive, Fault, HeldRecording, Job, Phase, Refusal, RefusalCode, Report};
use tokio::sync::watch;

pub use aside::KeptAside;
pub use memory::{Memory, limit_own};
pub use pipe::{Answered, Begin, FromProcess, Node, ToProcess, encode, next};
pub use recording::{Recording, Stage, Status};
pub use space::{Space, SpaceLimits, free_bytes};
pub use vitals::{Counted, ProblemCounts, Total, Vitals};

use keeper::Keeper;
use recording::Order;
use table::Table;
use vitals::Totals;

/// The bucket's proof takes up to 6 s, and a process that records into the same spool may need some time to end.
const ACCEPT_TIME: Duration = Duration::from_secs(20);

/// Longest time that an answer is held back; a longer wish is cut to it.
const MAX_WAIT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct Config {
    /// One directory below it for each recording.
    pub spool: PathBuf,
    /// The program whose `record --supervised --dir DIR` records.
    pub program: PathBuf,
    /// Put behind those.
    pub arguments: Vec<String>,
    pub node: Node,
    /// Recordings at the same time, uploads of ended ones included.
    pub capacity: usize,
    pub space: SpaceLimits,
    /// What each recording's process may take.
    pub memory: Arc<Memory>,
    /// Spools of ended recordings stay until [`Supervisor::acknowledge`], so that somebody learns of the end.
    pub await_acknowledgement: bool,
}

/// Clones share one supervisor.
#[derive(Clone)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<Config>,
    table: Mutex<Table>,
    draining: AtomicBool,
    changes: watch::Sender<u64>,
    totals: Totals,
    space: watch::Sender<Option<Space>>,
    kept_aside: watch::Sender<KeptAside>,
}

impl Supervisor {
    pub fn new(config: Config) -> Self {
        Self {
            inner: Arc::new(Inner {
                config: Arc::new(config),
                table: Mutex::new(Table::default()),
                draining: AtomicBool::new(false),
                changes: watch::Sender::new(0),
                totals: Totals::default(),
                space: watch::Sender::new(None),
                kept_aside: watch::Sender::new(KeptAside::default()),
            }),
        }
    }

    /// Takes a job and answers once its process is up and the bucket is proven, with its first report. The same job
    /// again has the same answer; a higher epoch goes on in the same spool.
    pub async fn put(&self, job: Job) -> Result<Report, Refusal> {
        check_job(&job)?;
        let (sid, epoch) = (job.sid.clone(), job.epoch);
        let recording = self.place(job)?;
        let mut status = recording.status();
        let accepted = async {
            loop {
                if let Some(answer) = status.borrow_and_update().answer_to(epoch) {
                    return answer;
                }
                if status.changed().await.is_err() {
                    return Err(Refusal::internal("the recording's supervisor has stopped"));
                }
            }
        };
        let answer = tokio::time::timeout(ACCEPT_TIME, accepted).await;
        answer.unwrap_or_else(|_| {
            tracing::error!(sid, "the recording's process did not start in time");
            Err(Refusal::internal(
                "the recording's process did not start in time; it is retried",
            ))
        })
    }

    fn place(&self, job: Job) -> Result<Arc<Recording>, Refusal> {
        let mut table = self.lock();
        table.prune();
        if let Some(recording) = table.get(&job.sid) {
            let (held, waiting, ended) = {
                let status = recording.status();
                let status = status.borrow();
                let ended = matches!(status.stage, Stage::Ended);
                let waiting = matches!(status.stage, Stage::Waiting | Stage::Unclaimed);
                (status.epoch, waiting, ended)
            };
            if job.epoch < held {
                return Err(stale(held));
            }
            // What has ended here is in the store, and the edge knows all of it: the recording goes on in a spool of its own.
            if !(ended && job.epoch > held) {
                if job.epoch > held || waiting {
                    recording.order(Order::Job(Box::new(job)))?;
                }
                return Ok(recording);
            }
            recording.remove_spool();
        }
        self.refuse_if_set_aside(&job)?;
        if self.is_draining() {
            return Err(Refusal {
                fault: Fault::Ours,
                code: RefusalCode::Draining,
                reason: "this node is being shut down".to_owned(),
            });
        }
        if let Some(space) = self.space().filter(|space| space.is_scarce()) {
            return Err(no_room(format!(
                "this node's spool is nearly full: {} of {} bytes wait for their stores",
                space.used, space.limit
            )));
        }
        if table.active() >= self.inner.config.capacity {
            return Err(no_room(format!(
                "this node records {} channels already",
                self.inner.config.capacity
            )));
        }
        Ok(self.add(&mut table, job, true))
    }

    /// `complete`: the job has its secrets and the recording can begin.
    fn add(&self, table: &mut Table, job: Job, complete: bool) -> Arc<Recording> {
        let dir = self.inner.config.spool.join(&job.sid);
        let (recording, orders) = Recording::new(&job, dir, complete);
        let recording = Arc::new(recording);
        table.insert(Arc::clone(&recording));
        let keeper = Keeper::new(
            Arc::clone(&self.inner.config),
            Arc::clone(&recording),
            orders,
            self.inner.totals.clone(),
        );
        tokio::spawn(keeper.run(complete.then_some(job)));
        self.inner.changes.send_modify(|count| *count += 1);
        recording
    }

    /// Passes on what is wanted of a recording. An epoch above the recording's own says that the lease is lost.
    pub fn converge(&self, sid: &str, desired: Desired) -> Result<Arc<Recording>, Refusal> {
        let recording = self.get(sid)?;
        let (held, stage) = {
            let status = recording.status();
            let status = status.borrow();
            (status.epoch, status.stage.clone())
        };
        if let Stage::Refused(refusal) = stage {
            return Err(Refusal {
                code: RefusalCode::UnknownRecording,
                ..refusal
            });
        }
        if desired.epoch < held {
            return Err(stale(held));
        }
        let directive = if desired.epoch > held {
            Directive::Release
        } else {
            desired.directive
        };
        let desired = Desired {
            epoch: held,
            directive,
            ..desired
        };
        recording.order(Order::Desired(Box::new(desired)))?;
        Ok(recording)
    }

    /// The edge has what has happened in a recording up to here.
    pub fn confirm(&self, sid: &str, confirmed: Confirmed) -> Result<(), Refusal> {
        self.get(sid)?.order(Order::Confirmed(confirmed))
    }

    /// The edge has answered a report that was made under `epoch`.
    pub fn answered(&self, sid: &str, epoch: u64, answered: Answered) -> Result<(), Refusal> {
        let answered = Box::new(answered);
        self.get(sid)?.order(Order::Answered { epoch, answered })
    }

    /// The lease by which a recording is held under `epoch` lasts up to this moment, by [`boot_ms`](crate::clock::boot_ms).
    pub fn renew(&self, sid: &str, epoch: u64, until_ms: u64) -> Result<(), Refusal> {
        self.get(sid)?.order(Order::Renewed { epoch, until_ms })
    }

    /// Passes on what is wanted and answers when the recording has ended, when nothing of it is on this node alone, or with
    /// its newest report after `wait`, or after a minute if that is longer.
    pub async fn desire(&self, sid: &str, desired: Desired, wait: Duration) -> Result<Report, Refusal> {
        let recording = self.converge(sid, desired)?;
        recording.update(|status| status.asked += 1);
        let mut status = recording.status();
        let ended = status.wait_for(|status| status.phase() == Some(Phase::Ended) || status.is_backed_up());
        // A time-out is an answer too: the newest report says how far it is.
        let _ = tokio::time::timeout(wait.min(MAX_WAIT), ended).await;
        self.report(sid)
    }

    /// The newest report of a recording.
    pub fn report(&self, sid: &str) -> Result<Report, Refusal> {
        let recording = self.get(sid)?;
        let status = recording.status();
        let status = status.borrow();
        status.report.clone().ok_or_else(|| Refusal {
            fault: Fault::Ours,
            code: RefusalCode::AwaitsJob,
            reason: match status.stage {
                Stage::Unclaimed => {
                    "the spool of this recording is here, and the edge does not know the recording any more: \
                                     `media-node rescue` brings its media to a store"
                }
                _ => "the spool of this recording is here, but its job has not come yet",
            }
            .to_owned(),
        })
    }

    pub fn get(&self, sid: &str) -> Result<Arc<Recording>, Refusal> {
        self.lock().get(sid).ok_or_else(|| Refusal {
            fault: Fault::Caller,
            code: RefusalCode::UnknownRecording,
            reason: "this node has no recording of that sid".to_owned(),
        })
    }

    /// Every recording whose end has not been acknowledged.
    pub fn recordings(&self) -> Vec<Arc<Recording>> {
        self.lock().open()
    }

    pub fn held(&self) -> Vec<HeldRecording> {
        let held = |recording: Arc<Recording>| HeldRecording {
            recorder: recording.recorder.clone(),
            sid: recording.sid.clone(),
            epoch: recording.status().borrow().epoch,
        };
        self.recordings().into_iter().map(held).collect()
    }

    /// Somebody has learnt of the recording's end: its spool is removed. Does nothing before the end.
    pub fn acknowledge(&self, sid: &str) {
        // Not while another one takes its place.
        let table = self.lock();
        if let Some(recording) = table.get(sid) {
            recording.acknowledge();
        }
    }

    /// From 0, idle, to 1, no room.
    pub fn load(&self) -> f64 {
        if self.is_spool_full() {
            return 1.0;
        }
        self.lock().active() as f64 / self.inner.config.capacity.max(1) as f64
    }

    /// Whether its spool is so full that it takes no new recording.
    pub fn is_spool_full(&self) -> bool {
        self.space().is_some_and(Space::is_scarce)
    }

    /// Recordings that it takes at most.
    pub fn capacity(&self) -> usize {
        self.inner.config.capacity
    }

    pub fn total(&self) -> Total {
        self.inner.totals.read()
    }

    /// How often recordings of this node have told of each kind of problem.
    pub fn problems(&self) -> ProblemCounts {
        self.inner.totals.problems()
    }

    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Relaxed)
    }

    /// Changes when a recording is added, or goes on under another lease after its end.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sid becomes a directory's name.
fn check_job(job: &Job) -> Result<(), Refusal> {
    if is_sid(&job.sid) {
        return Ok(());
    }
    Err(Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason: "sid must be 32 lower-case hexadecimal characters".to_owned(),
    })
}

fn is_sid(name: &str) -> bool {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name.len() == 32 && name.bytes().all(hexadecimal)
}

fn no_room(reason: String) -> Refusal {
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason,
    }
}

fn stale(held: u64) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::StaleEpoch,
        reason: format!("the recording is here under epoch {held}"),
    }
}
