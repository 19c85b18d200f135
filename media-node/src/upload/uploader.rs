use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use protocol::Problem;
use tokio::sync::watch;

use super::Store;
use super::Tally;
use super::fault::UploadFault;
use super::schedule::{Item, Schedule, Task};
use super::writing::{self, Writing};
use crate::backoff::chance;
use crate::clock::SteadyClock;
use crate::spool::{DueFile, DuePlaylist, Slice, Spool, SpoolError};

/// Writes the text of a playlist: its slices, and whether it has ended.
pub type Render = Box<dyn Fn(&[Slice], bool) -> String + Send + Sync>;

/// Empties a spool into a store.
pub struct Uploader {
    spool: Arc<Spool>,
    store: Store,
    render: Render,
    writing: watch::Receiver<Writing>,
    problem: watch::Sender<Option<Problem>>,
    tally: Tally,
}

impl Uploader {
    pub fn new(spool: Arc<Spool>, store: Store, render: Render) -> Self {
        Self {
            spool,
            store,
            render,
            writing: watch::channel(Writing::Always).1,
            problem: watch::Sender::new(None),
            tally: Tally::default(),
        }
    }

    /// Writes playlists only as long as it is allowed.
    pub fn while_allowed(self, writing: watch::Receiver<Writing>) -> Self {
        Self { writing, ..self }
    }

    /// What keeps uploads back at the moment. `at_ms` is its beginning.
    pub fn problem(&self) -> watch::Receiver<Option<Problem>> {
        self.problem.subscribe()
    }

    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Runs until capture has ended and the store has confirmed everything. Dropped, it leaves the spool to the next.
    pub async fn run(self) {
        let mut changes = self.spool.changes();
        let done = async {
            while self.spool.cause().is_none() || self.spool.pending() > 0 {
                // The spool is there as long as this is.
                let _ = changes.changed().await;
            }
        };
        tokio::select! {
            () = self.serve() => {}
            () = done => {}
        }
    }

    /// The same without an end: more may come into a spool whose capture has ended.
    pub async fn serve(&self) {
        let clock = SteadyClock::new();
        let mut changes = self.spool.changes();
        let mut writing = self.writing.clone();
        let mut schedule = Schedule::new();
        let mut requests = FuturesUnordered::new();
        loop {
            changes.borrow_and_update();
            let now_ms = clock.now_ms();
            let playlists = if writing.borrow_and_update().is_allowed() {
                self.spool.due_playlists()
            } else {
                Vec::new()
            };
            let due = schedule.next(self.spool.due_files(), playlists, now_ms);
            requests.extend(due.into_iter().map(|task| self.request(task)));
            let pause = schedule.closed_until_ms().saturating_sub(now_ms);
            tokio::select! {
                Some((item, result)) = requests.next(), if !requests.is_empty() => {
                    self.settle(&mut schedule, item, result, clock.now_ms());
                }
                changed = changes.changed() => {
                    if changed.is_err() { return; }
                }
                Ok(()) = writing.changed() => {}
                () = tokio::time::sleep(Duration::from_millis(pause)), if pause > 0 => {}
            }
        }
    }

    fn settle(&self, schedule: &mut Schedule, item: Item, result: Result<(), UploadFault>, now_ms: u64) {
        match result {
            Ok(()) => schedule.succeeded(&item),
            Err(fault) => {
                self.tally.fault();
                let place = self.store.place();
                let pause = schedule.failed(item.clone(), &fault, &place, now_ms, chance());
                tracing::warn!(
                    ?item,
                    place,
                    error = fault.message(),
                    pause_ms = pause.as_millis(),
                    "upload failed"
                );
            }
        }
        let problem = schedule.problem(now_ms);
        self.problem.send_if_modified(|told| {
            let changed = *told != problem;
            *told = problem;
            changed
        });
    }

    async fn request(&self, task: Task) -> (Item, Result<(), UploadFault>) {
        let item = task.item();
        let result = match task {
            Task::File(file) => self.put_file(file).await,
            Task::Playlist(playlist) => self.put_playlist(playlist).await,
        };
        (item, result)
    }

    async fn put_file(&self, file: DueFile) -> Result<(), UploadFault> {
        self.store.put_file(&file).await?;
        self.tally.succeeded(file.bytes);
        tracing::debug!(file = file.name, bytes = file.bytes, "file uploaded");
        self.on_disk(move |spool| spool.confirm_file(&file)).await
    }

    async fn put_playlist(&self, playlist: DuePlaylist) -> Result<(), UploadFault> {
        let text = (self.render)(&playlist.slices, playlist.ended);
        let bytes = text.len() as u64;
        tokio::select! {
            put = self.store.put_playlist(&playlist.name, text) => put?,
            () = writing::ends(self.writing.clone()) => {
                let why = "it has not taken a playlist in the time in which this node may write it";
                return Err(UploadFault::Unavailable(why.to_owned()));
            }
        }
        self.tally.succeeded(bytes);
        tracing::debug!(
            playlist = playlist.name,
            slices = playlist.slices.len(),
            "playlist uploaded"
        );
        self.on_disk(move |spool| spool.confirm_playlist(&playlist)).await
    }

    async fn on_disk(
        &self,
        step: impl FnOnce(&Spool) -> Result<(), SpoolError> + Send + 'static,
    ) -> Result<(), UploadFault> {
        let spool = Arc::clone(&self.spool);
        match tokio::task::spawn_blocking(move || step(&spool)).await {
            Ok(result) => Ok(result?),
            Err(error) => Err(UploadFault::Disk(format!("the journal's writer has stopped: {error}"))),
        }
    }
}
