use protocol::{EndCause, Fault, FileKind, Phase, Problem, ProblemCode};

use super::recording::{Lifecycle, Opening, Recording};
use super::wanted::Wanted;
use crate::recording::contract::{Awaited, RecordingView, Standing, Status};
use crate::recording::limits::{MAX_EVENT_FILES, Policy};

impl Recording {
    /// Media that is still on a node though the recording is over, one for each spool.
    pub(crate) fn awaited(&self, policy: Policy) -> Vec<Awaited> {
        let until_ms = self.awaited_until_ms(policy).filter(|_| self.awaits_media());
        let awaited = until_ms.into_iter().flat_map(|until_ms| {
            self.inventory.awaited().map(move |(node, since_ms)| Awaited {
                node: node.to_owned(),
                since_ms,
                until_ms,
            })
        });
        awaited.collect()
    }

    pub(crate) fn status(&self) -> Status {
        match self.lifecycle {
            Lifecycle::Placing => Status::Placing,
            Lifecycle::Running { .. } => self.running_status(),
            Lifecycle::Over {
                cause: EndCause::Stopped | EndCause::Idle,
                ..
            } => Status::Ended,
            Lifecycle::Over { .. } => Status::Failed,
        }
    }

    fn running_status(&self) -> Status {
        match self.wanted {
            Wanted::Stop(_) => Status::Stopping,
            Wanted::Record | Wanted::Pause => match self.seen.phase >= Phase::Draining {
                true => Status::Stopping,
                false if self.seen.first_media_ms.is_some() => Status::Recording,
                false => Status::Started,
            },
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        let seen = &self.seen;
        match self.status() {
            Status::Failed => Standing::Failed,
            Status::Ended if seen.pending_uploads > 0 || self.awaits_media() => Standing::Uploading,
            Status::Ended => Standing::Done,
            Status::Stopping if seen.phase < Phase::Draining => Standing::Closing,
            Status::Stopping
                if seen
                    .files
                    .iter()
                    .any(|file| file.kind != FileKind::Playlist && file.slices == 0) =>
            {
                Standing::Finishing
            }
            Status::Stopping => Standing::Uploading,
            Status::Placing => Standing::Waiting,
            Status::Started | Status::Recording if self.waits() => Standing::Waiting,
            Status::Started | Status::Recording if self.wanted == Wanted::Pause => Standing::Paused,
            Status::Started if self.opening != Some(Opening::Begun) => Standing::Waiting,
            Status::Started | Status::Recording => Standing::Capturing,
        }
    }

    /// What is told of the recording to whoever asks.
    pub(crate) fn view(&self) -> RecordingView {
        let (ended_ms, cause) = match self.lifecycle {
            Lifecycle::Over { ended_ms, cause, .. } => (Some(ended_ms), Some(cause)),
            Lifecycle::Placing | Lifecycle::Running { .. } => (None, self.seen.cause.or(self.wanted.end_cause())),
        };
        let mut problems = self.history.clone();
        problems.extend(self.seen.problems.iter().cloned());
        problems.extend(self.own_problem());
        problems.sort_by_key(|problem| problem.at_ms);
        RecordingView {
            key: self.key.clone(),
            sid: self.sid.clone(),
            status: self.status(),
            standing: self.standing(),
            mode: self.mode,
            paused: matches!(self.goal(), Wanted::Pause),
            house: self.house.clone(),
            mp4: self.mp4,
            outputs: self.outputs.clone(),
            snapshots: self.snapshots,
            phase: self.started_ms().map(|_| self.seen.phase),
            started_ms: self.started_ms().unwrap_or(self.requested_ms),
            first_media_ms: self.seen.first_media_ms,
            ended_ms,
            cause,
            files: self.seen.files.clone(),
            pictures: self.seen.pictures.clone(),
            vod: self.seen.vod.clone(),
            pending_uploads: self.seen.pending_uploads,
            backed_up: self.seen.backed_up,
            idle_since_ms: self.seen.idle_since_ms,
            speaker: self.seen.speaker.clone(),
            problems,
        }
    }

    /// What an event tells of it: with the first files, and without videos.
    pub(crate) fn short_view(&self) -> RecordingView {
        let mut view = self.view();
        view.files.truncate(MAX_EVENT_FILES);
        view.vod = None;
        view
    }

    /// What the edge knows and the node does not say.
    pub(crate) fn own_problem(&self) -> Option<Problem> {
        let (message, at_ms) = match (self.lifecycle, &self.nodes.last) {
            (Lifecycle::Running { .. }, Some(last)) if self.nodes.lease.is_none() => {
                let id = &last.lease.node.id;
                let message = format!(
                    "media node {id} has stopped answering; another one, or its return, is awaited: see that it runs and reaches the edge"
                );
                (message, last.lease.heard_ms.get())
            }
            (
                Lifecycle::Over {
                    cause: EndCause::NodeLost,
                    ended_ms,
                    ..
                },
                _,
            ) => {
                let message = "its media node was lost; what the node had captured is uploaded when it comes back: start it again on the \
                               same spool";
                (message.to_owned(), ended_ms)
            }
            _ => return None,
        };
        Some(Problem {
            fault: Fault::Ours,
            code: ProblemCode::NodeLost,
            message,
            at_ms,
        })
    }
}
