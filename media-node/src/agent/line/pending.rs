use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::line::EdgeAnswer;
use tokio::sync::oneshot;

/// The questions that the edge has not answered yet. There are as many as there are tasks that wait for one.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    newest: u64,
    by_id: HashMap<u64, oneshot::Sender<EdgeAnswer>>,
    over: bool,
}

/// A question, which is given up when this is dropped.
pub(super) struct Question<'a> {
    pending: &'a Pending,
    pub(super) id: u64,
    pub(super) answer: oneshot::Receiver<EdgeAnswer>,
}

impl Pending {
    /// A new question; its answer fails when the line breaks.
    pub(super) fn ask(&self) -> Question<'_> {
        let (answering, answer) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.newest += 1;
        let id = waiting.newest;
        if !waiting.over {
            waiting.by_id.insert(id, answering);
        }
        Question {
            pending: self,
            id,
            answer,
        }
    }

    /// An answer to a question that was given up, or was never asked, is for nobody.
    pub(super) fn answered(&self, id: u64, answer: EdgeAnswer) {
        let asked = self.lock().by_id.remove(&id);
        let _ = asked.map(|asked| asked.send(answer));
    }

    /// The line has broken.
    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        waiting.over = true;
        waiting.by_id.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.pending.lock().by_id.remove(&self.id);
    }
}
