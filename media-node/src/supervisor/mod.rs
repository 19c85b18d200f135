//! One child process for each recording, kept alive on its spool. It knows processes, jobs and reports; it knows neither
//! media nor the edge: whoever speaks to the edge or to a caller asks it and is told.

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

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{
    Confirmed, Desired, Directive, Fault, HeldRecording, Job, JobRequest, Phase, Refusal, RefusalCode, Report,
};
use tokio::sync::watch;

pub use aside::KeptAside;
pub use memory::{Memory, limit_own};
pub use pipe::{Answered, Begin, FromProcess, Node, ToProcess, encode, next};
pub use recording::{Recording, Stage, Status};
pub use space::{Space, SpaceLimits, free_bytes};
pub use vitals::{Counted, ProblemCounts, Total, Vitals};

use crate::spool::{self, Condition, RemovalError, SpoolError};
use keeper::Keeper;
use recording::{Order, set_aside};
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

    /// Takes up the spools that an earlier process has left. They wait for their jobs, because secrets do not rest on
    /// the disk; a spool whose recording is over and whose end nobody has to learn is removed.
    pub fn adopt(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.inner.config.spool)? {
            let dir = entry?.path();
            let named = dir.file_name().is_some_and(|name| is_sid(&name.to_string_lossy()));
            if dir.is_dir() && named {
                self.adopt_spool(&dir);
            }
        }
        self.look_at_set_aside();
        Ok(())
    }

    fn adopt_spool(&self, dir: &Path) {
        let job = match spool::load_job(dir) {
            Ok(job) => job,
            Err(error) => return left_without_job(dir, &error),
        };
        if let Condition::Damaged(why) = spool::condition(dir) {
            return set_aside(dir, &why);
        }
        let unclaimed = spool::is_unclaimed(dir);
        // Nobody has to learn of its end.
        if unclaimed || !self.inner.config.await_acknowledgement {
            match spool::remove(dir) {
                Ok(()) => return tracing::info!(sid = job.sid, "nothing of this spool is needed any more: removed"),
                Err(reason) => tracing::debug!(sid = job.sid, %reason, "the spool stays"),
            }
        }
        tracing::info!(sid = job.sid, epoch = job.epoch, unclaimed, "a spool waits for its job");
        let recording = self.add(&mut self.lock(), job, false);
        let spool_bytes = spool::bytes_on_disk(dir);
        recording.update(|status| {
            status.vitals.spool_bytes = spool_bytes;
            if unclaimed {
                status.stage = Stage::Unclaimed;
            }
        });
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

    /// Requests for the jobs of the spools that wait for theirs.
    pub fn missing_jobs(&self) -> Vec<JobRequest> {
        let request = |recording: Arc<Recording>| {
            let status = recording.status();
            let status = status.borrow();
            matches!(status.stage, Stage::Waiting | Stage::Unclaimed).then(|| JobRequest {
                node_id: self.inner.config.node.node_id.clone(),
                recorder: recording.recorder.clone(),
                sid: recording.sid.clone(),
                epoch: status.epoch,
            })
        };
        self.recordings().into_iter().filter_map(request).collect()
    }

    /// Somebody has learnt of the recording's end: its spool is removed. Does nothing before the end.
    pub fn acknowledge(&self, sid: &str) {
        // Not while another one takes its place.
        let table = self.lock();
        if let Some(recording) = table.get(sid) {
            recording.acknowledge();
        }
    }

    /// Nobody knows the recording any more. A spool that waits for its job is removed if it holds nothing that is not
    /// uploaded. Otherwise it is kept, for its job or for `media-node rescue`, and takes no room of others.
    pub async fn disown(&self, sid: &str, reason: &str) {
        let Ok(recording) = self.get(sid) else { return };
        let stage = recording.status().borrow().stage.clone();
        if !matches!(stage, Stage::Waiting | Stage::Unclaimed) {
            return;
        }
        if spool::is_done(&recording.dir) || !recording.dir.exists() {
            // Its keeper waits for a job that will not come; one that has gone needs no word.
            let _ = recording.order(Order::Interrupt(Duration::ZERO));
            recording.remove_spool();
            self.lock().remove(sid);
        } else if matches!(stage, Stage::Waiting) {
            tracing::error!(
                sid,
                reason,
                spool = %recording.dir.display(),
                bytes = recording.status().borrow().vitals.spool_bytes,
                "the edge does not know the recording of this spool any more: its media stays here; `media-node rescue` \
                 brings it to a store"
            );
            if let Err(error) = spool::mark_unclaimed(&recording.dir) {
                tracing::warn!(sid, %error, "that nobody claims this spool cannot be noted in it");
            }
            recording.update(|status| status.stage = Stage::Unclaimed);
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

/// For a spool whose job cannot be read, so that no process can go on with it.
fn left_without_job(dir: &Path, error: &SpoolError) {
    match (spool::remove(dir), error) {
        (Ok(()), _) => tracing::info!(dir = %dir.display(), "a spool that nothing ever came into: removed"),
        (Err(RemovalError::Needed(_)), SpoolError::BadJob { .. }) => set_aside(dir, &error.to_string()),
        (Err(RemovalError::Needed(why)), _) if !dir.join("job.json").exists() => {
            set_aside(dir, &format!("it has no job.json, and {why}"));
        }
        (Err(_), _) => tracing::error!(dir = %dir.display(), %error, "this spool cannot be read: it is left alone"),
    }
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
