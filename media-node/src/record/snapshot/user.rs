use protocol::{Fault, ProblemCode};

use super::sink::Snapshots;
use super::taker::Subject;
use super::thread::{PictureThread, Refused};
use crate::container::FileNames;
use crate::record::status::{SharedBoard, problem};
use crate::stream::{AccessUnit, Clock, Coding};

/// The pictures of one user, as the user's recording sees them: it passes on what it captures, and is never held up.
pub(in crate::record) struct UserPictures {
    uid: String,
    names: FileNames,
    clock: Clock,
    board: SharedBoard,
    snapshots: Option<Snapshots>,
    coding: Coding,
    /// Runs from the first unit on.
    thread: Option<PictureThread>,
}

impl UserPictures {
    /// Without `snapshots` nothing becomes of what is passed on.
    pub(in crate::record) fn new(
        uid: &str,
        names: FileNames,
        clock: Clock,
        board: SharedBoard,
        snapshots: Option<Snapshots>,
    ) -> Self {
        Self {
            uid: uid.to_owned(),
            names,
            clock,
            board,
            snapshots,
            coding: Coding::default(),
            thread: None,
        }
    }

    /// How the units of the user's video that follow are coded; the first of them is a key frame.
    pub(in crate::record) fn coding(&mut self, coding: Coding) {
        self.coding = coding;
        if let Some(thread) = &self.thread {
            thread.coding(coding);
        }
    }

    /// The next unit of the user's video in decoding order; `now_us` is the present on the recording's timeline.
    pub(in crate::record) fn unit(&mut self, unit: &AccessUnit, now_us: i64) {
        let Some(snapshots) = &self.snapshots else { return };
        let thread = match &mut self.thread {
            Some(thread) => thread,
            none => {
                let subject = Subject {
                    uid: self.uid.clone(),
                    names: self.names.clone(),
                    clock: self.clock,
                    board: self.board.clone(),
                };
                match PictureThread::start(subject, snapshots.clone()) {
                    Ok(thread) => {
                        thread.coding(self.coding);
                        none.insert(thread)
                    }
                    Err(error) => return self.tell(&Refused::NotStarted(error), now_us),
                }
            }
        };
        if let Err(refused) = thread.unit(unit) {
            self.tell(&refused, now_us);
        }
    }

    /// Whether units are left out until a keyframe comes, and one would be of use.
    pub(in crate::record) fn lacks_keyframe(&self) -> bool {
        self.thread.as_ref().is_some_and(PictureThread::lacks_keyframe)
    }

    /// The user's video has ended, or is not wanted any more; it may begin again.
    pub(in crate::record) fn ended(&self) {
        if let Some(thread) = &self.thread {
            thread.ended();
        }
    }

    /// Waits until what is due of the units so far is kept.
    pub(in crate::record) fn close(&mut self, now_us: i64) {
        if let Some(thread) = self.thread.take()
            && let Err(refused) = thread.finish()
        {
            self.tell(&refused, now_us);
        }
    }

    fn tell(&self, refused: &Refused, now_us: i64) {
        let told = problem(
            Fault::Ours,
            ProblemCode::SnapshotFailed,
            format!(
                "snapshots of user {} are missing: {refused}; give it more processors or fewer recordings",
                self.uid
            ),
            self.clock.wall_ms(now_us),
        );
        self.board.lock().problem_once(&format!("pictures {}", self.uid), told);
    }
}
