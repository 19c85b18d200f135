use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use protocol::{Fault, Problem, ProblemCode};
use tokio::sync::watch;

use super::fault::UploadFault;
use super::headers::Headers;
use super::hold::Hold;
use super::schedules::{CLEARANCE_MS, Schedules, Side};
use super::task::{Item, Task};
use super::writing::{self, Writing};
use super::{Bucket, Formats, Store, Tally};
use crate::backoff::chance;
use crate::clock::{SteadyClock, boot_ms};
use crate::spool::{Content, DueCopy, DueFile, DueIndex, DuePlaylist, HeldFile, Spool, SpoolError};

/// Where objects go while the customer's store takes none.
#[derive(Clone, Debug)]
pub struct BackupStore {
    pub bucket: Bucket,
    /// How long that has to last.
    pub after: Duration,
}

/// Empties a spool into a store.
pub struct Uploader {
    spool: Arc<Spool>,
    store: watch::Sender<Store>,
    backup: Option<BackupStore>,
    formats: Formats,
    writing: watch::Receiver<Writing>,
    problems: watch::Sender<Vec<Problem>>,
    tally: Tally,
}

/// A request that is over.
struct Settled {
    side: Side,
    item: Item,
    /// How many slices a playlist names.
    named: usize,
    result: Result<(), UploadFault>,
}

impl Uploader {
    pub fn new(spool: Arc<Spool>, store: Store, backup: Option<BackupStore>, formats: Formats) -> Self {
        Self {
            spool,
            store: watch::Sender::new(store),
            backup,
            formats,
            writing: watch::channel(Writing::Always).1,
            problems: watch::Sender::new(Vec::new()),
            tally: Tally::default(),
        }
    }

    /// Writes playlists only as long as it is allowed.
    pub fn while_allowed(self, writing: watch::Receiver<Writing>) -> Self {
        Self { writing, ..self }
    }

    /// The store that objects go to: another value is used from the next request on.
    pub fn store(&self) -> watch::Sender<Store> {
        self.store.clone()
    }

    /// What keeps uploads back at the moment. `at_ms` is its beginning.
    pub fn problems(&self) -> watch::Receiver<Vec<Problem>> {
        self.problems.subscribe()
    }

    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Runs until capture has ended and the store has confirmed everything. Dropped, it leaves the spool to the next.
    pub async fn run(self) {
        self.upload(true).await;
    }

    /// The same without an end: more may come into a spool whose capture has ended.
    pub async fn serve(&self) {
        self.upload(false).await;
    }

    async fn upload(&self, ends: bool) {
        let clock = SteadyClock::new();
        let (mut changes, mut stores) = (self.spool.changes(), self.store.subscribe());
        let mut writing = self.writing.clone();
        let mut schedules = Schedules::new();
        let mut hold = Hold::default();
        let mut requests = FuturesUnordered::new();
        loop {
            changes.borrow_and_update();
            let now_ms = clock.now_ms();
            let mut due = schedules.due(&self.spool, &self.store.borrow(), now_ms);
            let may_write = *writing.borrow_and_update();
            hold.keep_back(&mut due.files, may_write, boot_ms());
            schedules.customer.forget_unless(|item| due.is_for_customer(item));
            schedules.backup.forget_unless(|item| due.is_for_backup(item));
            self.tell(&mut schedules, now_ms);
            if !may_write.is_allowed() {
                due.playlists.clear();
                due.indexes.clear();
                due.copies.clear();
            }
            let tasks = schedules.next(&due, self.takeover_after(), now_ms);
            requests.extend(tasks.into_iter().map(|(side, task)| self.request(side, task)));
            if self.is_over(&mut schedules, now_ms).await && ends {
                return;
            }
            let wake_ms = schedules.wake_ms(self.takeover_after(), now_ms);
            let pause = wake_ms.map(|wake_ms| Duration::from_millis(wake_ms - now_ms));
            tokio::select! {
                Some(settled) = requests.next(), if !requests.is_empty() => {
                    self.settle(&mut schedules, settled, clock.now_ms());
                }
                changed = changes.changed() => {
                    if changed.is_err() { return; }
                }
                Ok(()) = stores.changed() => schedules.customer.reopen(),
                Ok(()) = writing.changed() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    /// Everything is in the customer's store, and out of the backup as far as that goes.
    async fn is_over(&self, schedules: &mut Schedules, now_ms: u64) -> bool {
        if !schedules.are_idle() || self.spool.cause().is_none() || self.spool.pending() > 0 {
            schedules.clearing_ms = None;
            return false;
        }
        if self.spool.is_backup_clear() {
            return true;
        }
        let since_ms = *schedules.clearing_ms.get_or_insert(now_ms);
        if self.backup.is_some() && now_ms < since_ms + CLEARANCE_MS {
            return false;
        }
        tracing::warn!("objects stay in the backup store: it did not remove them");
        match self.on_disk(Spool::leave_backup).await {
            Ok(()) => true,
            Err(fault) => {
                tracing::error!(error = fault.message(), "the end of the backup cannot be noted");
                false
            }
        }
    }

    fn settle(&self, schedules: &mut Schedules, settled: Settled, now_ms: u64) {
        let Settled {
            side,
            item,
            named,
            result,
        } = settled;
        match result {
            Ok(()) => {
                schedules.of(side).succeeded(&item);
                if let Item::Playlist(name) = &item {
                    schedules.pace_of(side).written(name, named, now_ms);
                }
            }
            Err(fault) => {
                self.tally.fault();
                let place = self.place(side);
                let pause = schedules
                    .of(side)
                    .failed(item.clone(), &fault, &place, now_ms, chance());
                tracing::warn!(
                    ?item,
                    place,
                    error = fault.message(),
                    pause_ms = pause.as_millis(),
                    "upload failed"
                );
            }
        }
    }

    fn tell(&self, schedules: &mut Schedules, now_ms: u64) {
        let problems = self.told(schedules, now_ms);
        self.problems.send_if_modified(|told| {
            let changed = *told != problems;
            *told = problems;
            changed
        });
    }

    /// What keeps uploads back.
    fn told(&self, schedules: &mut Schedules, now_ms: u64) -> Vec<Problem> {
        let mut problems: Vec<_> = schedules.customer.problem(now_ms).into_iter().collect();
        problems.extend(schedules.backup.problem(now_ms).map(|problem| Problem {
            fault: Fault::Ours,
            code: ProblemCode::BackupFailing,
            message: format!("the backup store: {}", problem.message),
            ..problem
        }));
        match self.spool.backed_up() {
            None => schedules.taken_over_ms = None,
            Some(_) => {
                problems.push(Problem {
                    fault: Fault::Destination,
                    code: ProblemCode::UploadBackup,
                    message: format!(
                        "{} has accepted no uploads for a while: the backup store holds them until it does; see that it runs and \
                         takes uploads",
                        self.place(Side::Customer)
                    ),
                    at_ms: *schedules.taken_over_ms.get_or_insert(now_ms),
                });
            }
        }
        problems
    }

    /// For how long the customer's store has to take nothing before the backup takes over; `None` where there is none.
    fn takeover_after(&self) -> Option<Duration> {
        self.backup.as_ref().map(|backup| backup.after)
    }

    fn place(&self, side: Side) -> String {
        match (side, &self.backup) {
            (Side::Backup, Some(backup)) => backup.bucket.place().to_owned(),
            _ => self.store.borrow().place(),
        }
    }

    async fn request(&self, side: Side, task: Task) -> Settled {
        let (item, named) = (task.item(), task.named());
        let result = match (side, &self.backup) {
            (Side::Backup, Some(backup)) => self.at_backup(&backup.bucket, task).await,
            _ => self.at_customer(task).await,
        };
        Settled {
            side,
            item,
            named,
            result,
        }
    }

    async fn at_customer(&self, task: Task) -> Result<(), UploadFault> {
        let store = self.store.borrow().clone();
        match task {
            Task::File(file) => self.put_file(&store, file).await,
            Task::Playlist(playlist) => self.put_playlist(&store, playlist).await,
            Task::Index(index) => self.put_index(&store, index).await,
            Task::Move(file) => self.move_file(&store, file).await,
            Task::Copy(_) | Task::Retract(_) | Task::Clear(_) => Ok(()),
        }
    }

    async fn at_backup(&self, bucket: &Bucket, task: Task) -> Result<(), UploadFault> {
        let store = Store::Bucket(bucket.clone());
        match task {
            Task::File(file) => {
                store
                    .put_file(&self.spool, &file, self.file_headers(file.content, &file.name))
                    .await?;
                self.tally.succeeded(file.bytes);
                tracing::info!(file = file.name, bytes = file.bytes, "file in the backup store");
                self.on_disk(move |spool| spool.confirm_backup(&file)).await
            }
            Task::Copy(copy) => self.put_copy(&store, copy).await,
            Task::Retract(name) => {
                bucket.delete(&name).await?;
                self.on_disk(move |spool| spool.confirm_retraction(name)).await
            }
            Task::Clear(file) => {
                bucket.delete(&file.name).await?;
                self.on_disk(move |spool| spool.confirm_clearance(file.number)).await
            }
            Task::Playlist(_) | Task::Index(_) | Task::Move(_) => Ok(()),
        }
    }

    async fn put_file(&self, store: &Store, file: DueFile) -> Result<(), UploadFault> {
        store
            .put_file(&self.spool, &file, self.file_headers(file.content, &file.name))
            .await?;
        self.tally.succeeded(file.bytes);
        tracing::debug!(file = file.name, bytes = file.bytes, "file uploaded");
        self.on_disk(move |spool| spool.confirm_file(&file)).await
    }

    async fn put_playlist(&self, store: &Store, playlist: DuePlaylist) -> Result<(), UploadFault> {
        self.put_due(store, &playlist).await?;
        self.on_disk(move |spool| spool.confirm_playlist(&playlist)).await
    }

    async fn put_index(&self, store: &Store, index: DueIndex) -> Result<(), UploadFault> {
        let (name, text) = (self.formats.index)(&index);
        self.put_text(store, &name, text).await?;
        self.on_disk(move |spool| spool.confirm_index(&index)).await
    }

    async fn put_copy(&self, store: &Store, copy: DueCopy) -> Result<(), UploadFault> {
        self.put_due(store, &copy.playlist).await?;
        self.on_disk(move |spool| spool.confirm_copy(&copy)).await
    }

    async fn put_due(&self, store: &Store, playlist: &DuePlaylist) -> Result<(), UploadFault> {
        let text = (self.formats.render)(playlist);
        self.put_text(store, &playlist.name, text).await?;
        let slices = playlist.slices.len();
        tracing::debug!(playlist = playlist.name, slices, "playlist uploaded");
        Ok(())
    }

    async fn put_text(&self, store: &Store, name: &str, text: String) -> Result<(), UploadFault> {
        let headers = Headers::changing(self.formats.playlist_type);
        let bytes = text.len() as u64;
        tokio::select! {
            put = store.put_playlist(&self.spool, name, headers, text) => put?,
            () = writing::ends(self.writing.clone()) => {
                let why = "it has not taken a playlist in the time in which this node may write it";
                return Err(UploadFault::Unavailable(why.to_owned()));
            }
        }
        self.tally.succeeded(bytes);
        Ok(())
    }

    fn file_headers(&self, content: Content, name: &str) -> Headers {
        Headers::immutable((self.formats.file_type)(content, name))
    }

    async fn move_file(&self, store: &Store, file: HeldFile) -> Result<(), UploadFault> {
        let Some(backup) = &self.backup else { return Ok(()) };
        store
            .put_from(&backup.bucket, &file, self.file_headers(file.content, &file.name))
            .await?;
        self.tally.succeeded(file.bytes);
        tracing::info!(file = file.name, bytes = file.bytes, "file moved from the backup store");
        self.on_disk(move |spool| spool.confirm_move(file.number)).await
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
