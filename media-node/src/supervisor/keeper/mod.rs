//! Keeps the process of one recording alive: starts it, tells it what is wanted, and starts it again on the same spool when
//! it dies. It knows neither media nor the edge.

mod account;

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{Desired, Directive, EndCause, Job, Phase, Problem, ProblemCode, Refusal};
use tokio::sync::mpsc;

use super::Config;
use super::pipe::{Begin, FromProcess, Interrupt, ToProcess};
use super::process::{Exit, Process};
use super::recording::{Order, Recording, Stage};
use super::restart::RestartPolicy;
use super::shutdown::EXIT_GRACE;
use super::vitals::{Counted, Totals};
use crate::backoff::chance;
use crate::spool::{self, Condition};

/// A process reports every 2 s; one that is silent for so long is stuck and is replaced.
const SILENCE: Duration = Duration::from_secs(30);
/// A process that violates the protocol is given so long to end by itself.
const DEATH_GRACE: Duration = Duration::from_millis(500);

/// Keeps the process of one recording alive until the recording is over.
pub(super) struct Keeper {
    config: Arc<Config>,
    recording: Arc<Recording>,
    orders: mpsc::Receiver<Order>,
    totals: Totals,
    desired: Option<Desired>,
    /// Another node shall go on; when none can, uploads may go on for so long.
    leaving: Option<Duration>,
    /// The disk has no room for more of it, whatever else is wanted.
    no_space: bool,
    /// How often in a row the disk did not give the spool's journal.
    unreadable: u32,
    /// What this keeper has to tell, oldest first.
    problems: Vec<Problem>,
}

/// A journal that the disk does not give so often, in some thirty seconds, it will not give.
const MOST_UNREADABLE: u32 = 10;

/// How the time of one process ended.
enum End {
    Over,
    Refused(Refusal),
    /// The spool does not tell what it holds: by a sentence that says why.
    Damaged(String),
    Replaced(Box<Job>),
    Interrupted,
    Died(Death),
}

/// Why a process is not there any more.
struct Death {
    why: String,
    /// It needed more memory than it may have.
    short_of_memory: bool,
}

impl From<String> for Death {
    fn from(why: String) -> Self {
        Self {
            why,
            short_of_memory: false,
        }
    }
}

/// What came while no process was there.
enum Awaited {
    Job(Box<Job>),
    Pause,
    Interrupted,
}

impl Keeper {
    pub(super) fn new(
        config: Arc<Config>,
        recording: Arc<Recording>,
        orders: mpsc::Receiver<Order>,
        totals: Totals,
    ) -> Self {
        Self {
            config,
            recording,
            orders,
            totals,
            desired: None,
            leaving: None,
            no_space: false,
            unreadable: 0,
            problems: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, job: Option<Job>) {
        let mut policy = RestartPolicy::new();
        let Some(mut job) = self.first_job(job).await else {
            return self.recording.update(|status| status.stage = Stage::Interrupted);
        };
        loop {
            let started = Instant::now();
            match self.one_process(&job).await {
                End::Over => return self.over(),
                End::Interrupted => return self.recording.update(|status| status.stage = Stage::Interrupted),
                End::Refused(refusal) => return self.refuse(refusal).await,
                End::Damaged(why) => return self.give_up(&why),
                End::Replaced(newer) => job = *newer,
                End::Died(death) => {
                    let lived = started.elapsed();
                    let pause = match death.short_of_memory {
                        true => policy.pause_for_memory(lived, chance()),
                        false => policy.pause_after(lived, chance()),
                    };
                    self.tell_death(&death, pause);
                    match self.wait(Some(pause)).await {
                        Awaited::Job(newer) => job = *newer,
                        Awaited::Pause => {}
                        Awaited::Interrupted => {
                            return self.recording.update(|status| status.stage = Stage::Interrupted);
                        }
                    }
                }
            }
        }
    }

    async fn first_job(&mut self, job: Option<Job>) -> Option<Job> {
        if job.is_some() {
            return job;
        }
        match self.wait(None).await {
            Awaited::Job(job) => Some(*job),
            Awaited::Pause | Awaited::Interrupted => None,
        }
    }

    /// Waits without a process, for a job or until the pause is over.
    async fn wait(&mut self, pause: Option<Duration>) -> Awaited {
        let end = pause.map(|pause| tokio::time::Instant::now() + pause);
        loop {
            let over = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return Awaited::Pause,
                order = self.orders.recv() => match order {
                    Some(Order::Job(job)) => return Awaited::Job(job),
                    Some(Order::Desired(desired)) => self.desired = Some(self.allowed(*desired)),
                    Some(Order::EndForSpace(why)) => self.end_for_space(why),
                    // The next process tells it again.
                    Some(Order::Confirmed(_) | Order::Answered { .. } | Order::Renewed { .. }) => {}
                    // Nobody can take over what waits for its job.
                    Some(Order::Leave(_)) if pause.is_none() => return Awaited::Interrupted,
                    Some(Order::Leave(drain)) => self.leaving = Some(drain),
                    Some(Order::Interrupt(_)) | None => return Awaited::Interrupted,
                }
            }
        }
    }

    async fn one_process(&mut self, job: &Job) -> End {
        self.recording.update(|status| {
            status.epoch = job.epoch;
            status.stage = Stage::Running;
        });
        let begun = match self.has_begun().await {
            Ok(begun) => begun,
            Err(end) => return end,
        };
        if let Err(error) = self.store(job).await {
            return self.died(format!("its job cannot be kept: {error}")).await;
        }
        let mut process = match Process::start(&self.config, &self.recording.dir) {
            Ok(process) => process,
            Err(error) => return self.died(format!("its process cannot be started: {error}")).await,
        };
        if self.no_space {
            self.desired = Some(self.last_wish(job));
        }
        let begin = Begin {
            job: self.as_wanted(job, begun),
            node: self.config.node.clone(),
            check: !begun,
            confirms: self.config.await_acknowledgement,
        };
        let mut sent = process.send(&ToProcess::Begin(Box::new(begin))).await;
        if let (Ok(()), Some(desired)) = (&sent, &self.desired) {
            sent = process.send(&ToProcess::Desired(Box::new(desired.clone()))).await;
        }
        if let (Ok(()), Some(_)) = (&sent, self.leaving) {
            sent = process.send(&ToProcess::Leave).await;
        }
        let end = match sent {
            Ok(()) => self.follow(&mut process, job).await,
            Err(error) => End::Died(format!("it does not read its orders: {error}").into()),
        };
        let grace = if matches!(end, End::Died(_)) {
            DEATH_GRACE
        } else {
            EXIT_GRACE
        };
        let exit = process.end(grace).await;
        match (end, exit) {
            (
                End::Died(_),
                Ok(Exit {
                    short_of_memory: Some(why),
                    ..
                }),
            ) => {
                self.died(Death {
                    why,
                    short_of_memory: true,
                })
                .await
            }
            (End::Died(death), Ok(exit)) => self.died(format!("{} ({})", death.why, exit.status)).await,
            // The spool may hold media: the recording goes on when what hinders it is over.
            (End::Refused(refusal), _) if begun => self.died(refusal.reason).await,
            (end, _) => end,
        }
    }

    /// Relays orders and reports until the process or an order ends it.
    async fn follow(&mut self, process: &mut Process, job: &Job) -> End {
        let mut interrupted = false;
        let mut counted = Counted::default();
        let mut last_words = tokio::time::Instant::now();
        let mut silence = SILENCE;
        loop {
            let control = tokio::select! {
                told = process.next() => {
                    last_words = tokio::time::Instant::now();
                    match told {
                        Some(FromProcess::Refused(refusal)) => return End::Refused(refusal),
                        Some(FromProcess::Report(report)) => {
                            let ended = report.phase == Phase::Ended;
                            self.publish(*report);
                            if ended {
                                return End::Over;
                            }
                            continue;
                        }
                        Some(FromProcess::Vitals(vitals)) => {
                            self.totals.add(vitals.counted.since(counted));
                            counted = vitals.counted;
                            self.recording.update(|status| status.vitals = vitals);
                            continue;
                        }
                        None if interrupted => return End::Interrupted,
                        None => return End::Died("its process stopped".to_owned().into()),
                    }
                }
                order = self.orders.recv() => match self.unless_alone(order) {
                    Some(Order::Job(newer)) if newer.epoch <= job.epoch => continue,
                    Some(Order::Job(newer)) => {
                        let stop = process.send(&ToProcess::Interrupt(Interrupt { drain_ms: 0 })).await;
                        if let Err(error) = stop {
                            tracing::warn!(sid = self.recording.sid, %error, "the replaced process does not listen");
                        }
                        self.desired = None;
                        return End::Replaced(newer);
                    }
                    Some(Order::Desired(desired)) => {
                        let desired = self.allowed(*desired);
                        if self.desired.as_ref() == Some(&desired) {
                            continue;
                        }
                        self.desired = Some(desired.clone());
                        ToProcess::Desired(Box::new(desired))
                    }
                    Some(Order::EndForSpace(why)) => {
                        self.end_for_space(why);
                        let desired = self.last_wish(job);
                        self.desired = Some(desired.clone());
                        ToProcess::Desired(Box::new(desired))
                    }
                    Some(Order::Confirmed(confirmed)) => ToProcess::Confirmed(confirmed),
                    Some(Order::Answered { epoch, .. }) if epoch != job.epoch => continue,
                    Some(Order::Answered { answered, .. }) => ToProcess::Answered(answered),
                    Some(Order::Renewed { epoch, .. }) if epoch != job.epoch => continue,
                    Some(Order::Renewed { until_ms, .. }) => ToProcess::Renewed(until_ms),
                    Some(Order::Leave(drain)) => {
                        self.leaving = Some(drain);
                        ToProcess::Leave
                    }
                    Some(Order::Interrupt(drain)) => {
                        interrupted = true;
                        silence = drain + SILENCE;
                        ToProcess::Interrupt(Interrupt { drain_ms: drain.as_millis() as u64 })
                    }
                    None => return End::Interrupted,
                },
                () = tokio::time::sleep_until(last_words + silence) => {
                    return End::Died(format!("its process was silent for {} s", silence.as_secs()).into());
                }
            };
            if let Err(error) = process.send(&control).await {
                return End::Died(format!("it does not read its orders: {error}").into());
            }
        }
    }

    /// A recording that was to be left to another node is interrupted when there is none.
    fn unless_alone(&self, order: Option<Order>) -> Option<Order> {
        match (order, self.leaving) {
            (Some(Order::Desired(desired)), Some(drain)) if desired.terms.alone => {
                tracing::info!(
                    sid = self.recording.sid,
                    "no other node is free: capture ends until this one is back"
                );
                Some(Order::Interrupt(drain))
            }
            (order, _) => order,
        }
    }

    /// The job with what has been wanted since it came. `begun`: it may have come long ago.
    fn as_wanted(&self, job: &Job, begun: bool) -> Job {
        let mut job = job.clone();
        job.assignment.now_ms.take_if(|_| begun);
        if let Some(desired) = &self.desired {
            job.assignment.directive = Some(desired.directive);
            job.assignment.terms = desired.terms.clone();
        }
        job
    }

    /// An order to record is not followed once there is no room.
    fn allowed(&self, desired: Desired) -> Desired {
        match desired.directive {
            Directive::Record if self.no_space => Desired {
                directive: Directive::Stop(EndCause::NoSpace),
                ..desired
            },
            Directive::Record | Directive::Pause | Directive::Stop(_) | Directive::Release => desired,
        }
    }

    /// What has to be wanted of a recording that there is no room for.
    fn last_wish(&self, job: &Job) -> Desired {
        let last = self.desired.clone().unwrap_or_else(|| Desired {
            epoch: job.epoch,
            directive: job.assignment.directive.unwrap_or(Directive::Record),
            subscription: job.spec.subscription.clone(),
            scene: None,
            keys: None,
            terms: Default::default(),
        });
        self.allowed(last)
    }

    fn end_for_space(&mut self, why: String) {
        tracing::error!(sid = self.recording.sid, why, "the recording ends: no space");
        self.no_space = true;
        self.note(ProblemCode::SpoolFull, why);
    }

    async fn store(&self, job: &Job) -> Result<(), String> {
        let (dir, job) = (self.recording.dir.clone(), job.clone());
        let store = move || spool::store_job(&dir, &job).and_then(|()| spool::claim(&dir));
        match tokio::task::spawn_blocking(store).await {
            Ok(stored) => stored.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a process has opened the spool before. An error is what has to come of one that does not say.
    async fn has_begun(&mut self) -> Result<bool, End> {
        let dir = self.recording.dir.clone();
        let condition = match tokio::task::spawn_blocking(move || spool::condition(&dir)).await {
            Ok(condition) => condition,
            Err(error) => return Err(End::Died(format!("its spool cannot be looked at: {error}").into())),
        };
        let unreadable = std::mem::take(&mut self.unreadable);
        match condition {
            Condition::New => Ok(self.recording.status().borrow().report.is_some()),
            Condition::Begun => Ok(true),
            Condition::Damaged(why) => Err(End::Damaged(why)),
            Condition::Unreadable(why) if unreadable >= MOST_UNREADABLE => Err(End::Damaged(why)),
            Condition::Unreadable(why) => {
                self.unreadable = unreadable + 1;
                Err(End::Died(why.into()))
            }
        }
    }

    /// A recording that has not begun is refused, one that has is tried again.
    async fn died(&mut self, death: impl Into<Death>) -> End {
        let death = death.into();
        match self.has_begun().await {
            Ok(true) => End::Died(death),
            Ok(false) => End::Refused(Refusal::internal(format!("the recording failed: {}", death.why))),
            Err(end) => end,
        }
    }
}
