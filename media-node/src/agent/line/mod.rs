//! The node's end of its line to the edge: it is opened here, opened again when it breaks, and carries questions both ways.
//! It may not know what is asked or answered, but for `answers`, which hands the edge's questions to the supervisor and to the
//! channels.

mod answers;
mod connect;
mod keep;
mod lease;
mod pending;
mod session;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

pub(super) use answers::Answers;
pub(super) use keep::keep;
pub(super) use session::Session;

/// Reports that are on their way at once. The others wait, each for its newest state.
const MAX_REPORTS: usize = 32;

/// How the edge is asked at present.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Not at all, and why.
    Away(String),
    /// It offers no line.
    Http,
    Up(Arc<Session>),
}

impl State {
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Up(_))
    }
}

/// Where questions go to.
#[derive(Clone)]
pub(super) enum Way {
    Http,
    Line(Arc<Session>),
}

/// Leave to send one report.
pub(super) struct ReportTurn {
    pub(super) way: Way,
    _turn: Option<OwnedSemaphorePermit>,
}

/// Clones share one line.
#[derive(Clone)]
pub(super) struct Line {
    state: watch::Sender<State>,
    reports: Arc<Semaphore>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            state: watch::Sender::new(State::Away("its line is being opened".to_owned())),
            reports: Arc::new(Semaphore::new(MAX_REPORTS)),
        }
    }

    /// The way to the edge, as soon as there is one.
    pub(super) async fn way(&self) -> Way {
        let mut state = self.state.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Away(_) => {}
                State::Http => return Way::Http,
                State::Up(session) => return Way::Line(Arc::clone(session)),
            }
            if state.changed().await.is_err() {
                // This very line holds the other end.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Changes with each line that is opened or lost.
    pub(super) fn lines(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) async fn turn(&self) -> ReportTurn {
        // An error would mean that it has been closed, which nobody does.
        let turn = Arc::clone(&self.reports).acquire_owned().await.ok();
        ReportTurn {
            way: self.way().await,
            _turn: turn,
        }
    }

    /// Resolves once this is not the line any more.
    pub(super) async fn left(&self, session: &Arc<Session>) {
        let mut state = self.state.subscribe();
        let is_other = |state: &State| !matches!(state, State::Up(up) if Arc::ptr_eq(up, session));
        // This very line holds the other end.
        let _ = state.wait_for(is_other).await;
    }

    /// Why there is no way to the edge, for a person.
    pub(super) fn why_none(&self) -> String {
        match &*self.state.borrow() {
            State::Away(reason) => reason.clone(),
            State::Http | State::Up(_) => "its line has just broken".to_owned(),
        }
    }
}
