//! The process of one recording, under its supervisor.

mod inlets;
mod prepare;

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Desired, Directive, EndCause, Job, Report, StorageKind};
use tokio::io::{AsyncWriteExt, BufReader, Stdin, Stdout};
use tokio::sync::watch;
use tokio::time::Instant;

use super::part::{Part, on_disk};
use super::report::{Progress, Reporter};
use crate::capture::Clock;
use crate::channel::NodeAddresses;
use crate::clock::unix_ms;
use crate::container::playlist;
use crate::record::{self, Context, Options, Status};
use crate::spool::Spool;
use crate::supervisor::{self, Begin, Control, Counted, Node, Told, Vitals};
use crate::upload::{self, Tally, Uploader, Writing};
use inlets::{Answer, Inlets};
use prepare::{Stores, beginning, prepare, renew_keys};

/// The supervisor sends the job at once.
const JOB_TIME: Duration = Duration::from_secs(10);
/// Shortest and longest time between two reports.
const REPORTS_APART: Duration = Duration::from_millis(200);
const REPORT_EVERY: Duration = Duration::from_secs(2);
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
    let started_ms = beginning(&job.assignment, unix_ms());
    match prepare(dir, &job, started_ms, check, &options).await {
        Ok((spool, stores)) => {
            Recording::start(spool, stores, job, node, options, input, confirms)
                .run(output)
                .await
        }
        Err(refusal) => tell(&mut output, &Told::Refused(refusal)).await,
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
        let style = job.spec.playlist;
        let render = move |slices: &[_], ended| playlist::render(slices, style, ended);
        let (writing, allowed) = watch::channel(Writing::Not);
        let uploader = Uploader::new(Arc::clone(&spool), stores.store, stores.backup, Box::new(render));
        let uploader = uploader.while_allowed(allowed);
        let reporter = Reporter::new(node.node_id, job.clone(), spool.incarnation());
        let wanted = Desired {
            epoch: job.epoch,
            directive: job.assignment.directive.unwrap_or(Directive::Record),
            subscription: job.spec.subscription.clone(),
            scene: job.spec.mix.as_ref().map(|mix| mix.scene.clone()),
            keys: None,
            terms: job.assignment.terms.clone(),
        };
        let part = Part::new(Arc::clone(&spool), &job.assignment, writing);
        let desired = watch::Sender::new(wanted);
        tokio::spawn(renew_keys(
            desired.subscribe(),
            job.spec.storage.clone(),
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
            inlets: Inlets::open(input, desired.clone()),
            desired,
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
        let aborts = context.job.spec.storage.kind == StorageKind::AliyunVod;
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

async fn finish(spool: &Arc<Spool>, cause: EndCause) -> Result<(), String> {
    on_disk(spool, move |spool| spool.finish(cause)).await
}
