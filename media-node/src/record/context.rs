use std::sync::Arc;

use protocol::{Job, Mode, StreamTypes};
use tokio_util::sync::CancellationToken;

use super::follow::{Presence, Shared};
use super::options::Options;
use super::status::{Board, SharedBoard};
use crate::channel::{NodeAddresses, RosterError, RosterSource};
use crate::container::RecordingNames;
use crate::encryption::Keys;
use crate::spool::Spool;
use crate::stream::Clock;

/// What one recording works with.
pub struct Context {
    pub job: Job,
    pub spool: Arc<Spool>,
    /// Made from the wall-clock time of the recording's first start, also after a restart.
    pub clock: Clock,
    pub addresses: NodeAddresses,
    pub options: Options,
    /// Ends capture without ending the recording, whatever the edge directs.
    pub interruption: CancellationToken,
}

impl Context {
    pub(super) fn shared(&self) -> Shared {
        let files = self.spool.files("");
        let slices_ms = files.iter().map(|file| file.start_ms).min();
        let first_media_ms = slices_ms.into_iter().chain(self.spool.pictures().first_ms).min();
        let started_ms = self.clock.wall_ms(self.clock.now_us());
        Shared {
            clock: self.clock,
            board: SharedBoard::new(Board::new(started_ms, first_media_ms)),
            options: self.options.clone(),
            decodes: self.decodes(),
            keys: self.keys(),
            presence: Presence::of(&self.job),
            followed: files.into_iter().map(|file| file.uid).collect(),
            interruption: self.interruption.clone(),
        }
    }

    fn decodes(&self) -> bool {
        let spec = &self.job.spec;
        let mixes_video = spec.mode == Mode::Mix && spec.subscription.types != StreamTypes::Audio;
        mixes_video || spec.snapshots.is_some()
    }

    pub(super) fn names(&self) -> RecordingNames {
        let job = &self.job;
        RecordingNames::new(&job.spec.files, &job.sid, &job.recorder.channel, job.assignment.lane)
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        let decryption = self.job.spec.decryption.as_ref()?;
        let channel = &self.job.recorder.channel;
        Some(Arc::new(Keys::derive(decryption.cipher, &decryption.secret, channel)))
    }

    pub(super) fn rosters(&self) -> Result<RosterSource, RosterError> {
        let recorder = &self.job.recorder;
        RosterSource::new(
            &self.job.spec.source,
            &recorder.app_id,
            &recorder.channel,
            &self.addresses,
        )
    }
}
