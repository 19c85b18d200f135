use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Desired, Directive, EndCause, Job, Problem, Report, StorageKind};
use tokio::io::{BufReader, Stdin};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::course::Course;
use super::disk::on_disk;
use super::formats::formats;
use super::inlets::{Answer, Inlets};
use super::outlet::Outlet;
use super::part::{Part, Progress};
use super::prepare::{Stores, beginning, prepare, renew_keys};
use super::report::Reporter;
use crate::access::Passes;
use crate::channel::NodeAddresses;
use crate::clock::unix_ms;
use crate::record::{self, Context, Ending, Options, Status};
use crate::spool::Spool;
use crate::stream::Clock;
use crate::supervisor::{self, Begin, Counted, Node, ToProcess, Vitals};
use crate::upload::{self, Tally, Uploader, Writing};

/// The supervisor sends the job at once.
const JOB_TIME: Duration = Duration::from_secs(10);
/// Shortest and longest time between two reports.
const REPORTS_APART: Duration = Duration::from_millis(200);
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// One recording under a supervisor, from its job to its last report. Leaves without that report when it is interrupted or
/// its supervisor is gone: the spool keeps the rest for the next process.
///
/// # Errors
/// When no job comes, or the disk, the uploader or the supervisor fails it. What is in the spool stays good.
pub async fn run(dir: &Path, options: Options) -> Result<(), String> {
    let mut input = BufReader::new(tokio::io::stdin());
    let begin = begin(&mut input).await?;
    let started_ms = beginning(&begin.job.assignment, unix_ms());
    match prepare(dir, &begin.job, started_ms, begin.check, &options).await {
        Ok((spool, stores)) => supervised(spool, stores, begin, options, input).await,
        Err(refusal) => Outlet::open().refuse(refusal).await,
    }
}

async fn begin(input: &mut BufReader<Stdin>) -> Result<Begin, String> {
    match tokio::time::timeout(JOB_TIME, supervisor::next(input)).await {
        Ok(Ok(Some(ToProcess::Begin(begin)))) => Ok(*begin),
        Ok(Ok(_)) => Err("the first message is not a job".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no job came".to_owned()),
    }
}

/// Wires the parts of a recording together and has them work.
async fn supervised(
    spool: Arc<Spool>,
    stores: Stores,
    begin: Begin,
    options: Options,
    input: BufReader<Stdin>,
) -> Result<(), String> {
    let Begin {
        job, node, confirms, ..
    } = begin;
    if !confirms {
        spool.videos_are_known(usize::MAX);
    }
    let (writing, allowed) = watch::channel(Writing::Not);
    let uploader = Uploader::new(Arc::clone(&spool), stores.store, stores.backup, formats(Some(&job)));
    let uploader = uploader.while_allowed(allowed);
    let desired = watch::Sender::new(wanted_at_first(&job));
    let renewing = renew_keys(
        desired.subscribe(),
        job.spec.storage.clone(),
        stores.client,
        uploader.store(),
    );
    tokio::spawn(renewing);
    let (status, statuses) = watch::channel(Status::default());
    let recording = Recording {
        part: Part::new(Arc::clone(&spool), &job.assignment, writing),
        reporter: Reporter::new(node.node_id.clone(), job.clone(), spool.incarnation()),
        outlet: Outlet::open(),
        tally: uploader.tally(),
        statuses,
        wishes: desired.subscribe(),
        desired: desired.clone(),
        course: Course::Directed,
        progress: Progress {
            captured: spool.cause().is_some(),
            done: false,
        },
        confirms,
        aborts: job.spec.storage.kind == StorageKind::AliyunVod,
        next_report: Instant::now(),
        spool: Arc::clone(&spool),
    };
    let context = context(spool, job, node, options);
    let inlets = Inlets::open(input, desired);
    recording.run(context, status, inlets, uploader).await
}

/// What is wanted before the edge says more.
fn wanted_at_first(job: &Job) -> Desired {
    Desired {
        epoch: job.epoch,
        directive: job.assignment.directive.unwrap_or(Directive::Record),
        subscription: job.spec.subscription.clone(),
        scene: job.spec.mix.as_ref().map(|mix| mix.scene.clone()),
        keys: None,
        terms: job.assignment.terms.clone(),
    }
}

fn context(spool: Arc<Spool>, job: Job, node: Node, options: Options) -> Context {
    Context {
        clock: Clock::new(spool.started_ms()),
        spool,
        addresses: NodeAddresses {
            rtsp: node.rtsp,
            roster: node.roster,
            node_token: node.node_token,
            roster_key: node.roster_key,
            play_key: node.play_key,
            passes: Passes::following_from(node.pass_secret),
        },
        options,
        job,
        interruption: CancellationToken::new(),
    }
}

/// A running recording.
struct Recording {
    spool: Arc<Spool>,
    part: Part,
    reporter: Reporter,
    outlet: Outlet,
    tally: Tally,
    statuses: watch::Receiver<Status>,
    /// What is wanted, and the means to change it.
    wishes: watch::Receiver<Desired>,
    desired: watch::Sender<Desired>,
    course: Course,
    progress: Progress,
    /// Somebody confirms what happened: the last report is made when it carries all that is not confirmed.
    confirms: bool,
    /// The recording ends when its store refuses it: the only policy that extension services have, `error_abort`.
    aborts: bool,
    next_report: Instant,
}

/// Whether the process has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Remains,
    Done,
}

impl Recording {
    async fn run(
        mut self,
        context: Context,
        status: watch::Sender<Status>,
        mut inlets: Inlets,
        uploader: Uploader,
    ) -> Result<(), String> {
        let (mut problems, mut changes) = (uploader.problems(), self.spool.changes());
        let interruption = context.interruption.clone();
        tracing::info!(incarnation = self.spool.incarnation(), cause = ?self.spool.cause(), "recording begins");
        let mut capture = pin!(record::run(context, self.desired.subscribe(), status));
        let wanted = self.wanted();
        self.part.regulate(&wanted, self.course.aim(wanted.directive));
        let mut upload = tokio::spawn(async move { uploader.serve().await });
        loop {
            let mut news = true;
            tokio::select! {
                ending = &mut capture, if !self.progress.captured => self.captured(ending).await?,
                ended = &mut upload => {
                    return Err(format!("the uploader has stopped: {:?}", ended.err()));
                }
                Ok(()) = problems.changed() => self.note(problems.borrow_and_update().clone()),
                Ok(()) = changes.changed() => {}
                Ok(()) = self.wishes.changed() => {}
                Ok(()) = self.statuses.changed() => {
                    let received = self.statuses.borrow_and_update().received.clone();
                    on_disk(&self.spool, move |spool| spool.receives(&received, unix_ms())).await?;
                }
                Some(answer) = inlets.answers.recv() => news = self.answered(answer).await?,
                Ok(()) = inlets.leaving.changed() => self.part.leaves(*inlets.leaving.borrow_and_update()),
                Ok(()) = inlets.interrupts.changed(), if !self.course.is_interrupted() => {
                    let drain = inlets.interrupts.borrow_and_update().unwrap_or_default();
                    self.course = Course::interrupted(Instant::now(), drain);
                    interruption.cancel();
                }
                () = tokio::time::sleep_until(self.next_report) => {
                    self.report().await?;
                    self.next_report = Instant::now() + REPORT_EVERY;
                    news = false;
                }
                () = self.course.over(self.progress.captured) => {
                    tracing::info!(pending = self.spool.pending(), "interrupted; the spool keeps the rest");
                    return Ok(());
                }
            }
            if news {
                self.next_report = self.next_report.min(Instant::now() + REPORTS_APART);
            }
            if self.go_on().await? == Work::Done {
                return Ok(());
            }
        }
    }

    fn wanted(&mut self) -> Desired {
        self.wishes.borrow_and_update().clone()
    }

    async fn captured(&mut self, ending: Ending) -> Result<(), String> {
        self.progress.captured = true;
        let cause = match (ending, self.course) {
            (Ending::Interrupted, _) => return Ok(()),
            // The next process is told of the lost lease too.
            (Ending::Over(EndCause::LeaseLost), Course::Interrupted(_)) => return Ok(()),
            // An end that was due anyway is one.
            (Ending::Over(cause), Course::Directed | Course::Interrupted(_)) => cause,
        };
        tracing::info!(?cause, "capture ended");
        on_disk(&self.spool, |spool| spool.receives(&BTreeSet::new(), unix_ms())).await?;
        let wanted = self.wishes.borrow().clone();
        let aim = self.course.aim(wanted.directive);
        self.part.release_if_wanted(&wanted, aim).await?;
        on_disk(&self.spool, move |spool| spool.finish(cause)).await
    }

    /// What keeps uploads back at the moment.
    fn note(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            if self.aborts && upload::is_refusal(&problem) {
                tracing::info!(code = %problem.code, "the recording ends: its service refuses it");
                self.desired
                    .send_modify(|desired| desired.directive = Directive::Stop(EndCause::Failed));
            }
            self.reporter.note(problem);
        }
    }

    /// True when the edge has to be told something because of it.
    async fn answered(&mut self, answer: Answer) -> Result<bool, String> {
        match answer {
            Answer::Confirmed(confirmed) => {
                on_disk(&self.spool, move |spool| spool.confirm(confirmed)).await?;
                Ok(true)
            }
            Answer::Renewed(until_ms) => {
                self.part.renewed(until_ms);
                Ok(false)
            }
            Answer::Answered(answered) => {
                let news = self.part.answered(&answered);
                self.spool.videos_are_known(answered.videos);
                let page = answered.inventory;
                on_disk(&self.spool, move |spool| {
                    spool.learn(page.after, page.slices, page.next)
                })
                .await?;
                Ok(news)
            }
        }
    }

    /// Does what has become due, whatever it was that happened.
    async fn go_on(&mut self) -> Result<Work, String> {
        let wanted = self.wanted();
        let aim = self.course.aim(wanted.directive);
        if self.progress.captured && self.spool.cause().is_some() {
            self.part.release_if_wanted(&wanted, aim).await?;
        }
        self.part.regulate(&wanted, aim);
        let done = self.part.has_done_everything(&wanted, self.progress)?;
        if done && (!self.confirms || self.part.has_told_everything()) {
            self.progress.done = true;
            self.report().await?;
            return Ok(Work::Done);
        }
        let is_empty = self.progress.captured && self.spool.cause().is_none() && self.spool.pending() == 0;
        Ok(match self.course {
            Course::Interrupted(_) if is_empty => Work::Done,
            Course::Interrupted(_) | Course::Directed => Work::Remains,
        })
    }

    async fn report(&mut self) -> Result<(), String> {
        let aim = self.course.aim(self.wishes.borrow().directive);
        let told = self.part.report(aim);
        let status = self.statuses.borrow_and_update().clone();
        let report = self
            .reporter
            .report(&self.spool, &status, self.progress, told, unix_ms());
        let vitals = vitals(&self.spool, &self.tally, &report);
        self.outlet.report(vitals, report).await
    }
}

fn vitals(spool: &Spool, tally: &Tally, report: &Report) -> Vitals {
    let backlog = spool.backlog();
    let mix = report.mix.unwrap_or_default();
    Vitals {
        spool_bytes: backlog.bytes,
        unconfirmed_since_ms: backlog.since_ms,
        counted: Counted {
            uploads: tally.confirmed(),
            upload_failures: tally.failed(),
            uploaded_bytes: tally.bytes(),
            lost_packets: report.lost_packets,
            restamped_units: report.restamped_units,
            mixed_frames: mix.frames,
            shed_frames: mix.frames_shed,
        },
    }
}
