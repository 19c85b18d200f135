use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protocol::{
    Confirmed, Desired, Directive, EndCause, Fault, Job, Placement, Refusal, RefusalCode, Report, Storage, StorageKind,
};
use tokio::io::{AsyncWriteExt, BufReader, Stdin, Stdout};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::open_spool;
use super::part::{Part, on_disk};
use super::report::{Progress, Reporter};
use crate::capture::Clock;
use crate::channel::NodeAddresses;
use crate::clock::unix_ms;
use crate::container::playlist;
use crate::outbound;
use crate::record::{self, Context, Options, Status};
use crate::spool::{Opening, Spool, SpoolError};
use crate::supervisor::{self, Answered, Begin, Control, Counted, Node, Told, Vitals};
use crate::upload::{self, BackupStore, Bucket, Store, Tally, Uploader, Writing};

/// The supervisor sends the job at once.
const JOB_TIME: Duration = Duration::from_secs(10);
/// A process whose supervisor was killed ends by itself and gives the spool free.
const HANDOVER_TIME: Duration = Duration::from_secs(10);
const HANDOVER_STEP: Duration = Duration::from_millis(50);
/// Shortest and longest time between two reports.
const REPORTS_APART: Duration = Duration::from_millis(200);
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// That wait to be noted; the edge answers no faster than it is told.
const MOST_ANSWERS: usize = 16;
/// A clock that differs from the edge's by more than this is wrong; by less, the job was on its way.
const SKEW_MS: u64 = 2_000;
/// After an interruption capture has so long to close its slices.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// One recording under a supervisor, from its job to its last report. Leaves without that report when it is interrupted or
/// its supervisor is gone: the spool keeps the rest for the next process.
pub(super) async fn run(dir: &Path, options: Options) -> Result<(), String> {
    let mut output = tokio::io::stdout();
    let mut input = BufReader::new(tokio::io::stdin());
    let first = tokio::time::timeout(JOB_TIME, supervisor::next(&mut input)).await;
    let Begin {
        job,
        node,
        check,
        confirms,
    } = match first {
        Ok(Ok(Some(Control::Begin(begin)))) => *begin,
        Ok(Ok(_)) => return Err("the first line is not a job".to_owned()),
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err("no job came".to_owned()),
    };
    let started_ms = beginning(&job.placement, unix_ms());
    match prepare(dir, &job, started_ms, check, &options).await {
        Ok((spool, stores)) => {
            Recording::start(spool, stores, job, node, options, input, confirms)
                .run(output)
                .await
        }
        Err(refusal) => tell(&mut output, &Told::Refused(refusal)).await,
    }
}

/// Where the recording's timeline begins by this machine's clock.
fn beginning(placement: &Placement, here_ms: u64) -> u64 {
    match (placement.started_ms, placement.now_ms) {
        (Some(started_ms), Some(there_ms)) if here_ms.abs_diff(there_ms) > SKEW_MS => {
            tracing::warn!(
                here_ms,
                there_ms,
                "the clocks of this machine and of the edge differ: times in names are this machine's"
            );
            here_ms.saturating_sub(there_ms.saturating_sub(started_ms))
        }
        (Some(started_ms), _) => started_ms,
        (None, _) => here_ms,
    }
}

/// Where the recording goes.
struct Stores {
    client: outbound::Client,
    store: Store,
    backup: Option<BackupStore>,
}

async fn prepare(
    dir: &Path,
    job: &Job,
    started_ms: u64,
    check: bool,
    options: &Options,
) -> Result<(Arc<Spool>, Stores), Refusal> {
    let ours = |reason: String| Refusal {
        fault: Fault::Ours,
        code: RefusalCode::Internal,
        reason,
    };
    let client = outbound::Client::without_redirects(options.targets).map_err(|error| ours(error.to_string()))?;
    if check {
        record::check(job, options)?;
        // What another node has begun is gone on with even while its store is away.
        if !job.placement.takeover {
            upload::check(&job.storage, &client).await?;
        }
    }
    let store = Store::new(&job.storage, &client).map_err(|reason| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason,
    })?;
    let backup = job
        .backup
        .as_ref()
        .and_then(|backup| match Bucket::new(&backup.storage, &client) {
            Ok(bucket) => Some(BackupStore {
                bucket,
                after: Duration::from_millis(backup.after_ms),
            }),
            Err(error) => {
                tracing::error!(error, "the backup store is not used: its description is wrong");
                None
            }
        });
    let opening = Opening {
        epoch: job.epoch,
        at_ms: started_ms,
    };
    let end = Instant::now() + HANDOVER_TIME;
    let spool = loop {
        match open_spool(dir, opening).await {
            Err(SpoolError::InUse(_)) if Instant::now() < end => tokio::time::sleep(HANDOVER_STEP).await,
            other => break other,
        }
    };
    let spool = spool.map_err(|error| ours(error.to_string()))?;
    let videos = job.placement.videos.clone();
    on_disk(&spool, move |spool| spool.adopt(videos)).await.map_err(ours)?;
    let stores = Stores { client, store, backup };
    Ok((spool, stores))
}

/// Has uploads go on with the keys that are wanted.
async fn renew_keys(
    mut desired: watch::Receiver<Desired>,
    storage: Storage,
    client: outbound::Client,
    store: watch::Sender<Store>,
) {
    let mut present = storage.keys();
    while desired.changed().await.is_ok() {
        let Some(keys) = desired.borrow_and_update().keys.clone().filter(|keys| *keys != present) else {
            continue;
        };
        present = keys.clone();
        match Store::new(&storage.with_keys(keys), &client) {
            Ok(renewed) => {
                tracing::info!("the store's keys are renewed");
                store.send_replace(renewed);
            }
            Err(error) => tracing::error!(error, "the store's new keys cannot be used"),
        }
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
            mixed_frames: mix.frames,
            shed_frames: mix.frames_shed,
        },
    }
}

async fn tell(output: &mut Stdout, told: &Told) -> Result<(), String> {
    let write = async {
        output.write_all(&supervisor::encode(told)?).await?;
        output.flush().await
    };
    write
        .await
        .map_err(|error: std::io::Error| format!("the supervisor does not listen: {error}"))
}

/// A running recording.
struct Recording {
    spool: Arc<Spool>,
    reporter: Reporter,
    uploader: Uploader,
    context: Context,
    desired: watch::Sender<Desired>,
    inlets: Inlets,
    part: Part,
    /// Somebody confirms what happened: the last report is made when it carries all that is not confirmed.
    confirms: bool,
}

/// What comes from the supervisor beside what is wanted.
struct Inlets {
    interrupts: watch::Receiver<Option<Duration>>,
    leaving: watch::Receiver<bool>,
    answers: mpsc::Receiver<Answer>,
}

enum Answer {
    Confirmed(Confirmed),
    Answered(Box<Answered>),
}

impl Recording {
    fn start(
        spool: Arc<Spool>,
        stores: Stores,
        job: Job,
        node: Node,
        options: Options,
        input: BufReader<Stdin>,
        confirms: bool,
    ) -> Self {
        if !confirms {
            spool.videos_are_known(usize::MAX);
        }
        let style = job.playlist;
        let render = move |slices: &[_], ended| playlist::render(slices, style, ended);
        let (writing, allowed) = watch::channel(Writing::Not);
        let uploader = Uploader::new(Arc::clone(&spool), stores.store, stores.backup, Box::new(render));
        let uploader = uploader.while_allowed(allowed);
        let reporter = Reporter::new(node.node_id, job.clone(), spool.incarnation());
        let wanted = Desired {
            epoch: job.epoch,
            directive: job.placement.directive.unwrap_or(Directive::Record),
            subscription: job.subscription.clone(),
            scene: job.mix.as_ref().map(|mix| mix.scene.clone()),
            keys: None,
            terms: job.placement.terms.clone(),
        };
        let part = Part::new(Arc::clone(&spool), &job.placement, writing);
        let desired = watch::Sender::new(wanted);
        let (interrupt, interrupts) = watch::channel(None);
        let (leave, leaving) = watch::channel(false);
        let (answer, answers) = mpsc::channel(MOST_ANSWERS);
        let renewals = desired.subscribe();
        tokio::spawn(listen(input, desired.clone(), interrupt, leave, answer));
        tokio::spawn(renew_keys(
            renewals,
            job.storage.clone(),
            stores.client,
            uploader.store(),
        ));
        let context = Context {
            clock: Clock::new(spool.started_ms()),
            spool: Arc::clone(&spool),
            addresses: NodeAddresses {
                rtsp: node.rtsp,
                roster: node.roster,
                node_token: node.node_token,
                play_key: node.play_key,
            },
            options,
            job,
        };
        Self {
            spool,
            reporter,
            uploader,
            context,
            desired,
            inlets: Inlets {
                interrupts,
                leaving,
                answers,
            },
            part,
            confirms,
        }
    }

    async fn run(self, mut output: Stdout) -> Result<(), String> {
        let Self {
            spool,
            mut reporter,
            uploader,
            context,
            desired,
            mut inlets,
            mut part,
            confirms,
        } = self;
        let (mut problems, mut changes) = (uploader.problems(), spool.changes());
        let tally = uploader.tally();
        // The only policy that extension services have: `error_abort`.
        let aborts = context.job.storage.kind == StorageKind::AliyunVod;
        let (status, mut statuses) = watch::channel(Status::default());
        tracing::info!(incarnation = spool.incarnation(), cause = ?spool.cause(), "recording begins");
        let mut progress = Progress {
            captured: spool.cause().is_some(),
            done: false,
        };
        let mut wishes = desired.subscribe();
        let mut capture = pin!(record::run(context, desired.subscribe(), status));
        part.regulate(&wishes.borrow_and_update(), false);
        let mut upload = tokio::spawn(async move { uploader.serve().await });
        let mut leave: Option<Leave> = None;
        let mut next_report = Instant::now();
        loop {
            let mut news = true;
            tokio::select! {
                cause = &mut capture, if !progress.captured => {
                    progress.captured = true;
                    // Another process goes on with an interrupted recording; an end that was due anyway is one.
                    if leave.is_none() || cause != EndCause::LeaseLost {
                        tracing::info!(?cause, "capture ended");
                        on_disk(&spool, |spool| spool.receives(&BTreeSet::new(), unix_ms())).await?;
                        part.release_if_wanted(&wishes.borrow().clone(), leave.is_some()).await?;
                        finish(&spool, cause).await?;
                    }
                }
                ended = &mut upload => {
                    return Err(format!("the uploader has stopped: {:?}", ended.err()));
                }
                Ok(()) = problems.changed() => {
                    for problem in problems.borrow_and_update().clone() {
                        if aborts && upload::is_refusal(&problem) {
                            tracing::info!(code = problem.code, "the recording ends: its service refuses it");
                            desired.send_modify(|desired| desired.directive = Directive::Stop(EndCause::Failed));
                        }
                        reporter.note(problem);
                    }
                }
                Ok(()) = changes.changed() => {}
                Ok(()) = wishes.changed() => {}
                Ok(()) = statuses.changed() => {
                    let received = statuses.borrow_and_update().received.clone();
                    on_disk(&spool, move |spool| spool.receives(&received, unix_ms())).await?;
                }
                Some(answer) = inlets.answers.recv() => match answer {
                    Answer::Confirmed(confirmed) => on_disk(&spool, move |spool| spool.confirm(confirmed)).await?,
                    Answer::Answered(answered) => {
                        news = part.answered(&answered);
                        spool.videos_are_known(answered.videos);
                        let page = answered.inventory;
                        on_disk(&spool, move |spool| spool.learn(page.after, page.slices, page.next)).await?;
                    }
                },
                Ok(()) = inlets.leaving.changed() => part.leaves(*inlets.leaving.borrow_and_update()),
                Ok(()) = inlets.interrupts.changed(), if leave.is_none() => {
                    leave = Some(Leave::new(Instant::now(), inlets.interrupts.borrow_and_update().unwrap_or_default()));
                    desired.send_modify(|desired| desired.directive = Directive::Release);
                }
                () = tokio::time::sleep_until(next_report) => {
                    let told = part.report(&wishes.borrow(), leave.is_some());
                    let report = reporter.report(&spool, &statuses.borrow_and_update(), progress, told, unix_ms());
                    tell(&mut output, &Told::Vitals(vitals(&spool, &tally, &report))).await?;
                    tell(&mut output, &Told::Report(Box::new(report))).await?;
                    next_report = Instant::now() + REPORT_EVERY;
                    news = false;
                }
                () = Leave::wait(leave.as_ref(), progress.captured) => {
                    tracing::info!(pending = spool.pending(), "interrupted; the spool keeps the rest");
                    return Ok(());
                }
            }
            if news {
                next_report = next_report.min(Instant::now() + REPORTS_APART);
            }
            let wanted = wishes.borrow_and_update().clone();
            if progress.captured && spool.cause().is_some() {
                part.release_if_wanted(&wanted, leave.is_some()).await?;
            }
            part.regulate(&wanted, leave.is_some());
            if part.has_done_everything(&wanted, progress)? && (!confirms || part.has_told_everything()) {
                progress.done = true;
                let told = part.report(&wanted, leave.is_some());
                let report = reporter.report(&spool, &statuses.borrow(), progress, told, unix_ms());
                tell(&mut output, &Told::Vitals(vitals(&spool, &tally, &report))).await?;
                return tell(&mut output, &Told::Report(Box::new(report))).await;
            }
            if leave.is_some() && progress.captured && spool.cause().is_none() && spool.pending() == 0 {
                return Ok(());
            }
        }
    }
}

/// When an interrupted process leaves.
struct Leave {
    /// Uploads may go on until then.
    drained: Instant,
    /// Capture may go on closing its slices until then.
    closed: Instant,
}

impl Leave {
    fn new(now: Instant, drain: Duration) -> Self {
        Self {
            drained: now + drain,
            closed: now + drain.max(CLOSE_TIME),
        }
    }

    async fn wait(leave: Option<&Self>, captured: bool) {
        match leave {
            Some(leave) if captured => tokio::time::sleep_until(leave.drained).await,
            Some(leave) => tokio::time::sleep_until(leave.closed).await,
            None => std::future::pending().await,
        }
    }
}

/// Passes orders on. The end of the input is the end of the supervisor.
async fn listen(
    mut input: BufReader<Stdin>,
    desired: watch::Sender<Desired>,
    interrupt: watch::Sender<Option<Duration>>,
    leave: watch::Sender<bool>,
    answers: mpsc::Sender<Answer>,
) {
    let is_interrupted = || interrupt.borrow().is_some();
    loop {
        let answer = match supervisor::next(&mut input).await {
            Ok(Some(Control::Desired(newer))) => {
                if !is_interrupted() {
                    desired.send_if_modified(|desired| want(desired, *newer));
                }
                continue;
            }
            Ok(Some(Control::Interrupt(order))) => {
                interrupt.send_replace(Some(Duration::from_millis(order.drain_ms)));
                continue;
            }
            Ok(Some(Control::Leave)) => {
                leave.send_replace(true);
                continue;
            }
            Ok(Some(Control::Confirmed(confirmed))) => Answer::Confirmed(confirmed),
            Ok(Some(Control::Answered(answered))) => Answer::Answered(answered),
            Ok(Some(Control::Begin(_))) => {
                tracing::warn!("a second job is ignored");
                continue;
            }
            Ok(None) => {
                if !is_interrupted() {
                    interrupt.send_replace(Some(Duration::ZERO));
                }
                return;
            }
            Err(error) => {
                tracing::error!(%error, "an order is ignored");
                continue;
            }
        };
        // Nobody takes it when the process leaves: it is told again.
        let _ = answers.send(answer).await;
    }
}

/// Takes over what is wanted. A recording that was released stays so, and what it was then decides what becomes of its media.
fn want(desired: &mut Desired, newer: Desired) -> bool {
    if desired.directive == Directive::Release || *desired == newer {
        return false;
    }
    let standby = match newer.directive {
        Directive::Release => desired.terms.standby,
        Directive::Record | Directive::Stop(_) => newer.terms.standby,
    };
    *desired = newer;
    desired.terms.standby = standby;
    true
}

async fn finish(spool: &Arc<Spool>, cause: EndCause) -> Result<(), String> {
    on_disk(spool, move |spool| spool.finish(cause)).await
}
