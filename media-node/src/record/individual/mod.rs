//! Individual recording: one audio and one video playlist for each user, whole files, and pictures of the video beside them or alone.
//!
//! A thread for each user takes what the user's streams bring and may wait for the disk. The rest is free of tasks, sockets
//! and clocks: `tracks` is what the thread does, `track_slicer` and `transcode` are the parts of it where Opus becomes AAC, and `pictures`
//! the one where Motion JPEG becomes H.264. `user_files` has picture and sound written into whole files, `in_order`, and
//! `sound_files` the sound alone.

mod in_order;
mod pictures;
mod sound_files;
#[cfg(test)]
mod tests;
mod track_slicer;
mod tracks;
mod transcode;
mod user_files;

use std::sync::Arc;

use protocol::{Desired, Fault, ProblemCode, Roster, StreamName};
use tokio::sync::{mpsc, watch};

use super::context::Context;
use super::files::{Keeper, Limits};
use super::follow::{self, Closed, Inlet, Input, Plan, Recorder, Rtsp};
use super::room::{Held, Room};
use super::sink::SliceSink;
use super::snapshot::Snapshots;
use super::status::{Ending, SharedBoard, Status, problem};
use crate::container::RecordingNames;
use crate::selection::{Pictures, Tracks};
use crate::stream::Clock;
use pictures::PictureCoding;
use tracks::UserTracks;
use user_files::Wanted;

/// Units and events on their way to the thread that writes them: some four seconds of video and audio.
const QUEUE: usize = 256;
/// The most coded bytes among them: four seconds of 32 Mbit/s.
const QUEUE_BYTES: usize = 16 << 20;

/// See [`record::run`](super::run). Every captured unit is in a committed slice at the end.
pub async fn run(context: Context, desired: watch::Receiver<Desired>, status: watch::Sender<Status>) -> Ending {
    let shared = context.shared();
    let formats = context.job.spec.whole_files();
    let files = (!formats.is_empty()).then(|| Wanted {
        keeper: Keeper::new(context.spool.clone(), context.clock, shared.board.clone()),
        formats,
        limits: Limits::of(context.job.spec.outputs.max_ms),
    });
    let recorder = Individual {
        slices: context.job.spec.outputs.hls,
        files,
        sink: context.spool.clone(),
        clock: context.clock,
        board: shared.board.clone(),
        names: context.names(),
        coding: PictureCoding {
            encoder: shared.options.mix.video_encoder.clone(),
            limit: shared.options.picture_limit,
        },
        snapshots: context
            .job
            .spec
            .snapshots
            .map(|wanted| Snapshots::new(wanted, context.spool.clone(), shared.options.picture_limit)),
    };
    match context.rosters() {
        Ok(rosters) => follow::run(shared, rosters, Rtsp, recorder, desired, status).await,
        Err(error) => follow::refuse(&shared, &error, &status),
    }
}

struct Individual<S> {
    /// Slices are written.
    slices: bool,
    /// The whole files that are written, if any are.
    files: Option<Wanted>,
    sink: Arc<S>,
    clock: Clock,
    board: SharedBoard,
    names: RecordingNames,
    coding: PictureCoding,
    snapshots: Option<Snapshots>,
}

impl<S> Clone for Individual<S> {
    fn clone(&self) -> Self {
        Self {
            slices: self.slices,
            files: self.files.clone(),
            sink: self.sink.clone(),
            clock: self.clock,
            board: self.board.clone(),
            names: self.names.clone(),
            coding: self.coding.clone(),
            snapshots: self.snapshots.clone(),
        }
    }
}

impl<S: SliceSink> Recorder for Individual<S> {
    type Inlet = UserInlet;

    const PICTURES: Pictures = Pictures::Camera;

    const SEPARATES_USERS: bool = true;

    fn begin(&mut self, uid: &str, wanted: Tracks) -> (Self::Inlet, impl Future<Output = ()> + Send + 'static) {
        let (sender, mut queue) = mpsc::channel::<Held<Input>>(QUEUE);
        let (clock, board, of, name) = (self.clock, self.board.clone(), self.clone(), uid.to_owned());
        let (tell_lacking, lacking) = watch::channel(None);
        let writer = tokio::task::spawn_blocking(move || {
            let mut tracks = UserTracks::new(&of, &name, wanted);
            while let Some(input) = queue.blocking_recv() {
                tracks.take(input.what, clock.now_us());
                let lacks = tracks.lacks_keyframe();
                tell_lacking.send_if_modified(|told| std::mem::replace(told, lacks) != lacks);
            }
            tracks.close(clock.now_us());
        });
        let uid = uid.to_owned();
        let written = async move {
            if writer.await.is_err() {
                let message = format!(
                    "the recording of user {uid} broke off by a defect of the node: report the node's log from this time"
                );
                let at_ms = clock.wall_ms(clock.now_us());
                board
                    .lock()
                    .problem(problem(Fault::Ours, ProblemCode::Internal, message, at_ms));
            }
        };
        let room = Room::new(QUEUE_BYTES);
        (UserInlet { sender, room, lacking }, written)
    }

    fn follow(&mut self, _: &Roster, _: &Plan, _: &Desired) {}

    async fn end(self) {
        if let Some(Wanted { keeper, .. }) = self.files
            && let Err(error) = tokio::task::spawn_blocking(move || keeper.end()).await
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// Hands what one user's streams bring to the thread that writes it.
#[derive(Clone)]
struct UserInlet {
    sender: mpsc::Sender<Held<Input>>,
    room: Room,
    /// The stream of whose picture nothing can be shown before its next keyframe.
    lacking: watch::Receiver<Option<StreamName>>,
}

impl Inlet for UserInlet {
    fn lacks_keyframe(&self, stream: StreamName) -> bool {
        *self.lacking.borrow() == Some(stream)
    }

    async fn take(&self, input: Input) -> Result<(), Closed> {
        let bytes = match &input {
            Input::Event(_, event) => event.media_bytes(),
            Input::Wanted(_) | Input::Tick => 0,
        };
        let input = self.room.hold(input, bytes).await;
        self.sender.send(input).await.map_err(|_| Closed)
    }
}
