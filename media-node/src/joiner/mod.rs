//! Makes one file of several that are in stores: as they are where they are coded alike, else coded anew; or imports one that came in
//! pieces. Each work is done by a process of its own, whose crash costs nothing else; whoever asks again by the same sid hears how
//! far it has come. It does not know whose files they are, or who asks.

mod child;
mod recode;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::{Joined, Joining, Refusal};
use tokio::sync::watch;

use crate::errand::{self, MAX_WAIT, REMEMBERED};
use crate::supervisor::Memory;

pub use work::run;

/// Files that are joined at a time: the disk and the line to the store are the recordings' first.
const AT_A_TIME: usize = 2;

/// What is made of the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Making {
    /// One recording of several, as they are.
    Joined,
    /// One recording of the pieces of one file, which is encoded anew where it has to be.
    Imported,
}

#[derive(Clone, Debug)]
pub struct Config {
    /// The program whose `join --dir DIR` does the work.
    pub program: PathBuf,
    /// Put behind those.
    pub arguments: Vec<String>,
    /// A directory of this node's own; what an earlier process has left there is removed.
    pub dir: PathBuf,
    /// What stays free on its disk.
    pub reserve_bytes: u64,
    /// What each process may take.
    pub memory: Arc<Memory>,
}

/// Clones share one.
#[derive(Clone)]
pub struct Joiner {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    works: Mutex<BTreeMap<String, Work>>,
}

/// One work, by its sid.
struct Work {
    state: watch::Receiver<Joined>,
    since: Instant,
}

impl Joiner {
    pub fn new(config: Config) -> Self {
        errand::clear_all(&config.dir);
        Self {
            inner: Arc::new(Inner {
                config,
                works: Mutex::default(),
            }),
        }
    }

    /// Begins, or hears how far the work has come.
    ///
    /// # Errors
    /// Why it is not begun.
    pub async fn join(&self, joining: Joining, making: Making) -> Result<Joined, Refusal> {
        let wait = Duration::from_millis(joining.wait_ms).min(MAX_WAIT);
        let sid = joining.sid.clone();
        let mut state = self.work(joining, making)?;
        let ended = tokio::time::timeout(wait, state.wait_for(|joined| *joined != Joined::Runs)).await;
        let joined = match ended {
            Ok(Ok(joined)) => joined.clone(),
            // The task that tells has ended without a word.
            Ok(Err(_)) => Joined::Failed(Refusal::internal("the work was given up")),
            Err(_) => Joined::Runs,
        };
        if matches!(joined, Joined::Failed(_)) {
            // Whoever asks once more wants another try.
            self.lock().remove(&sid);
        }
        Ok(joined)
    }

    fn work(&self, joining: Joining, making: Making) -> Result<watch::Receiver<Joined>, Refusal> {
        let mut works = self.lock();
        works.retain(|_, work| *work.state.borrow() == Joined::Runs || work.since.elapsed() < REMEMBERED);
        if let Some(work) = works.get(&joining.sid) {
            return Ok(work.state.clone());
        }
        check(&joining, making)?;
        let running = works.values().filter(|work| *work.state.borrow() == Joined::Runs);
        if running.count() >= AT_A_TIME {
            return Err(errand::no_room(format!(
                "this node is joining {AT_A_TIME} files already"
            )));
        }
        let Config { dir, reserve_bytes, .. } = &self.inner.config;
        // The parts are there together with what is made of them, and with that once more before its index is in front.
        errand::check_disk(dir, joining.bytes().saturating_mul(3), *reserve_bytes)?;
        let (told, state) = watch::channel(Joined::Runs);
        let work = Work {
            state: state.clone(),
            since: Instant::now(),
        };
        works.insert(joining.sid.clone(), work);
        let config = self.inner.config.clone();
        tokio::spawn(async move {
            let sid = joining.sid.clone();
            let joined = child::run(&config, &joining, making).await;
            tracing::info!(sid, ?joined, "files have been joined, or not");
            told.send_replace(joined);
        });
        Ok(state)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Work>> {
        self.inner.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a question can be carried out at all.
fn check(joining: &Joining, making: Making) -> Result<(), Refusal> {
    let most = match making {
        Making::Joined => Joining::MOST_PARTS,
        Making::Imported => Joining::MOST_PIECES,
    };
    let has_store = |store: u32| usize::try_from(store).is_ok_and(|store| store < joining.stores.len());
    let problem = match joining {
        joining if !errand::is_name(&joining.sid) => "its sid is no name",
        joining if joining.parts.is_empty() || joining.parts.len() > most => "it has too few or too many parts",
        joining if joining.bytes() > Joining::MOST_BYTES => "its parts are too large together",
        joining if joining.parts.iter().any(|part| !has_store(part.store)) => "a part is in a store that is not named",
        _ => return Ok(()),
    };
    Err(errand::bad_job(problem.to_owned()))
}
