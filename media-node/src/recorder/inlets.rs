//! What the supervisor tells a running recording.

use std::time::Duration;

use protocol::{Confirmed, Desired, Directive};
use tokio::io::{BufReader, Stdin};
use tokio::sync::{mpsc, watch};

use crate::supervisor::{self, Answered, ToProcess};

/// That wait to be noted; the edge answers no faster than it is told.
const MOST_ANSWERS: usize = 16;

/// What comes from the supervisor beside what is wanted.
pub(super) struct Inlets {
    pub(super) interrupts: watch::Receiver<Option<Duration>>,
    pub(super) leaving: watch::Receiver<bool>,
    pub(super) answers: mpsc::Receiver<Answer>,
}

pub(super) enum Answer {
    Confirmed(Confirmed),
    Answered(Box<Answered>),
    Renewed(u64),
}

impl Inlets {
    /// `desired` changes with each order.
    pub(super) fn open(input: BufReader<Stdin>, desired: watch::Sender<Desired>) -> Self {
        let (interrupt, interrupts) = watch::channel(None);
        let (leave, leaving) = watch::channel(false);
        let (answer, answers) = mpsc::channel(MOST_ANSWERS);
        tokio::spawn(listen(input, desired, interrupt, leave, answer));
        Self {
            interrupts,
            leaving,
            answers,
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
            Ok(Some(ToProcess::Desired(newer))) => {
                if !is_interrupted() {
                    desired.send_if_modified(|desired| want(desired, *newer));
                }
                continue;
            }
            Ok(Some(ToProcess::Interrupt(order))) => {
                interrupt.send_replace(Some(Duration::from_millis(order.drain_ms)));
                continue;
            }
            Ok(Some(ToProcess::Leave)) => {
                leave.send_replace(true);
                continue;
            }
            Ok(Some(ToProcess::Confirmed(confirmed))) => Answer::Confirmed(confirmed),
            Ok(Some(ToProcess::Answered(answered))) => Answer::Answered(answered),
            Ok(Some(ToProcess::Renewed(until_ms))) => Answer::Renewed(until_ms),
            Ok(Some(ToProcess::Begin(_))) => {
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
        Directive::Record | Directive::Pause | Directive::Stop(_) => newer.terms.standby,
    };
    *desired = newer;
    desired.terms.standby = standby;
    true
}
