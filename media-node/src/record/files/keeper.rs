use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use protocol::{Fault, FileFormat, ProblemCode};

use super::writer::FileError;
use crate::container::finish_whole;
use crate::record::status::{SharedBoard, problem};
use crate::spool::{Lone, LoneFile, Spool};
use crate::stream::Clock;

/// The most files that wait to be finished: with one more, who has written it waits.
const WAITING: usize = 16;

/// The most files that wait for the disk: more than are written at a time, but for very large channels.
const SYNCS: usize = 64;

const UNWRITTEN: &str = "whole files";

/// A file that is written to its end.
pub(super) struct Written {
    pub(super) format: FileFormat,
    pub(super) file: LoneFile,
    pub(super) lone: Lone,
}

/// Finishes the whole files of a recording, and makes them survive a stop of the machine, beside those who write them: a disk
/// may take its time, in which media would wait.
pub struct Keeper {
    pub(super) spool: Arc<Spool>,
    teller: Teller,
    work: Mutex<Option<Work>>,
}

struct Work {
    due: SyncSender<File>,
    written: SyncSender<Written>,
    threads: [JoinHandle<()>; 2],
}

impl Keeper {
    pub fn new(spool: Arc<Spool>, clock: Clock, board: SharedBoard) -> Arc<Self> {
        let (due, files) = sync_channel::<File>(SYNCS);
        let (written, waiting) = sync_channel(WAITING);
        let teller = Teller { clock, board };
        let syncer = {
            let teller = teller.clone();
            std::thread::spawn(move || {
                while let Ok(file) = files.recv() {
                    if let Err(error) = file.sync_data() {
                        teller.tell(&error.into());
                    }
                }
            })
        };
        let finisher = {
            let (spool, teller) = (spool.clone(), teller.clone());
            std::thread::spawn(move || finish_all(&spool, &teller, &waiting))
        };
        Arc::new(Self {
            spool,
            teller,
            work: Mutex::new(Some(Work {
                due,
                written,
                threads: [syncer, finisher],
            })),
        })
    }

    /// Where the whole files of a user end, in microseconds on the recording's timeline; `None` when there are none.
    pub fn end_us(&self, uid: &str) -> Option<i64> {
        self.spool.lone_end_us(uid)
    }

    pub(super) fn tell(&self, error: &FileError) {
        self.teller.tell(error);
    }

    /// A time of the recording on the wall's clock, Unix milliseconds.
    pub(super) fn wall_ms(&self, at_us: i64) -> u64 {
        self.teller.clock.wall_ms(at_us)
    }

    /// Files are written again.
    pub(super) fn begun(&self) {
        self.teller.board.lock().over(UNWRITTEN);
    }

    /// What is written of a file shall survive a stop of the machine.
    pub(super) fn sync(&self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        if let Some(work) = &*self.work.lock().unwrap_or_else(PoisonError::into_inner) {
            // While the disk is at it, the next time will do.
            let _ = work.due.try_send(file);
        }
        Ok(())
    }

    pub(super) fn finish(&self, written: Written) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let finisher = work.as_ref().map(|work| work.written.clone());
        drop(work);
        // Without a finisher the spool's next opening finishes the file.
        if let Some(finisher) = finisher {
            let _ = finisher.send(written);
        }
    }

    /// Waits until all files are finished.
    pub fn end(&self) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Work { due, written, threads }) = work else {
            return;
        };
        drop((due, written));
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn finish_all(spool: &Spool, teller: &Teller, waiting: &Receiver<Written>) {
    while let Ok(written) = waiting.recv() {
        if let Err(error) = finish(spool, written) {
            teller.tell(&error);
        }
    }
}

fn finish(spool: &Spool, Written { format, file, lone }: Written) -> Result<(), FileError> {
    match finish_whole(format, &file.path(), &file.scratch_path())? {
        Some(whole) => spool.commit_lone(
            file,
            Lone {
                duration_us: whole.duration_us,
                bytes: whole.bytes,
                md5: Some(whole.md5),
                ..lone
            },
        )?,
        None => spool.discard_lone(file)?,
    }
    Ok(())
}

#[derive(Clone)]
struct Teller {
    clock: Clock,
    board: SharedBoard,
}

impl Teller {
    fn tell(&self, error: &FileError) {
        let message = format!(
            "an MP4, M4A or MP3 file is not whole ({error}): is the node's disk full or failing? Others continue"
        );
        let at_ms = self.clock.wall_ms(self.clock.now_us());
        let told = problem(Fault::Ours, ProblemCode::SpoolFailed, message, at_ms);
        self.board.lock().problem_once(UNWRITTEN, told);
    }
}
