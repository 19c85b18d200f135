//! Publishes recorded files into channels of this node, at the pace at which they were recorded. Each is played by a process of its
//! own, which is a publisher like any other, so that a file which is not as it should be costs nothing else. It does not know
//! whose files they are, or who asks.

mod child;
mod course;
mod publish;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Playback, PlaybackState, Refusal, StreamName};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::access::{Passes, Place};
use crate::channel::StreamPath;
use crate::errand::{self, MAX_WAIT, REMEMBERED};
pub use publish::{Pace, publish};
pub use work::{Question, run};

/// Files that are played at a time: more than that are other nodes' to play.
const AT_A_TIME: usize = 32;

#[derive(Clone, Debug)]
pub struct Config {
    /// The program whose `playback --dir DIR` does the work.
    pub program: PathBuf,
    /// Put behind those.
    pub arguments: Vec<String>,
    /// A directory of this node's own; what an earlier process has left there is removed.
    pub dir: PathBuf,
    /// What stays free on its disk.
    pub reserve_bytes: u64,
    /// Where this machine reaches the node's channel server: `rtsp://host:port`.
    pub rtsp: String,
    pub passes: Passes,
}

/// Clones share one.
#[derive(Clone)]
pub struct Player {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    works: Mutex<BTreeMap<String, Work>>,
}

/// One playback, by its id.
struct Work {
    state: watch::Receiver<PlaybackState>,
    /// When it was asked about last.
    asked: watch::Sender<Instant>,
    stop: CancellationToken,
}

impl Player {
    pub fn new(config: Config) -> Self {
        errand::clear_all(&config.dir);
        Self {
            inner: Arc::new(Inner {
                config,
                works: Mutex::default(),
            }),
        }
    }

    /// Begins, ends, or hears how far a playback has come.
    ///
    /// # Errors
    /// Why it is not begun.
    pub async fn play(&self, playback: Playback) -> Result<PlaybackState, Refusal> {
        let wait = Duration::from_millis(playback.wait_ms).min(MAX_WAIT);
        let (id, is_over) = (playback.id.clone(), playback.is_over);
        let Some(mut state) = self.work(playback)? else {
            return Ok(PlaybackState::Over);
        };
        let is_told = |state: &PlaybackState| match state {
            PlaybackState::Waits => false,
            PlaybackState::Plays { .. } => !is_over,
            PlaybackState::Over | PlaybackState::Failed(_) => true,
        };
        let told = timeout(wait, state.wait_for(is_told)).await;
        let told = match told.map(|told| told.map(|told| told.clone())) {
            Ok(Ok(told)) => told,
            // The task that tells has ended without a word.
            Ok(Err(_)) => PlaybackState::Failed(Refusal::internal("the playback was given up")),
            Err(_) => state.borrow().clone(),
        };
        if matches!(told, PlaybackState::Failed(_)) {
            // Whoever asks once more wants another try.
            self.lock().remove(&id);
        }
        Ok(told)
    }

    /// Whether it was begun here, or is to end.
    pub fn has(&self, playback: &Playback) -> bool {
        playback.is_over || self.lock().contains_key(&playback.id)
    }

    /// The playback of this id, which is begun if it is wanted and there is none.
    fn work(&self, playback: Playback) -> Result<Option<watch::Receiver<PlaybackState>>, Refusal> {
        let mut works = self.lock();
        works.retain(|_, work| !is_ended(&work.state.borrow()) || work.asked.borrow().elapsed() < REMEMBERED);
        if let Some(work) = works.get(&playback.id) {
            work.asked.send_replace(Instant::now());
            if playback.is_over {
                work.stop.cancel();
            }
            return Ok(Some(work.state.clone()));
        }
        if playback.is_over {
            return Ok(None);
        }
        let path = check(&playback)?;
        if works.values().filter(|work| !is_ended(&work.state.borrow())).count() >= AT_A_TIME {
            return Err(errand::no_room(format!(
                "this node is playing {AT_A_TIME} files already"
            )));
        }
        let Config { dir, reserve_bytes, .. } = &self.inner.config;
        errand::check_disk(dir, playback.bytes, *reserve_bytes)?;
        let url = self.url(&path)?;
        let (told, state) = watch::channel(PlaybackState::Waits);
        let (asked, last_asked) = watch::channel(Instant::now());
        let stop = CancellationToken::new();
        let id = playback.id.clone();
        let work = Work {
            state: state.clone(),
            asked,
            stop: stop.clone(),
        };
        works.insert(id.clone(), work);
        let config = self.inner.config.clone();
        tokio::spawn(async move {
            let question = Question { playback, url };
            let playing = child::run(&config, &question, &stop, &told);
            tokio::pin!(playing);
            let ended = tokio::select! {
                ended = &mut playing => ended,
                () = unasked(last_asked) => {
                    tracing::warn!(id, "nobody has asked about a playback for long: it is ended");
                    stop.cancel();
                    playing.await
                }
            };
            tracing::info!(id, ?ended, "a recorded file has been played, or not");
            told.send_replace(ended);
        });
        Ok(Some(state))
    }

    /// Where the process publishes to, with what lets it in.
    fn url(&self, path: &StreamPath) -> Result<protocol::Secret, Refusal> {
        let Config { rtsp, passes, .. } = &self.inner.config;
        let ours = |error: &dyn std::fmt::Display| Refusal::internal(error.to_string());
        let mut url = Url::parse(&path.url(rtsp)).map_err(|error| ours(&error))?;
        let place = Place {
            app: path.app.clone(),
            channel: path.channel.clone(),
            uid: path.uid.clone(),
        };
        if let Some(pass) = passes.publishing_pass(&place) {
            url.query_pairs_mut().append_pair("key", pass.expose());
        }
        Ok(protocol::Secret::new(url.as_str()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Work>> {
        self.inner.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_ended(state: &PlaybackState) -> bool {
    matches!(state, PlaybackState::Over | PlaybackState::Failed(_))
}

/// Done when nobody has asked for too long.
async fn unasked(mut asked: watch::Receiver<Instant>) {
    loop {
        let until = *asked.borrow_and_update() + Duration::from_millis(Playback::KEPT_MS);
        if timeout_at(until, &mut asked).await {
            return;
        }
    }
}

/// Whether nobody has asked by then.
async fn timeout_at(until: Instant, asked: &mut watch::Receiver<Instant>) -> bool {
    tokio::select! {
        changed = asked.changed() => match changed {
            Ok(()) => false,
            // It has been forgotten: its own time is over.
            Err(_) => { sleep_until(until).await; true }
        },
        () = sleep_until(until) => true,
    }
}

/// Whether a question can be carried out at all; the answer is what is published.
fn check(playback: &Playback) -> Result<StreamPath, Refusal> {
    let refused = |problem: &str| errand::bad_job(problem.to_owned());
    if !errand::is_name(&playback.id) {
        return Err(refused("its id is no name"));
    }
    if playback.bytes > Playback::MOST_BYTES {
        return Err(refused("its file is too large"));
    }
    let path = StreamPath {
        app: playback.app_id.clone(),
        channel: playback.channel.clone(),
        uid: playback.uid.clone(),
        stream: StreamName::Camera,
    };
    match StreamPath::parse(&path.to_string()) {
        Ok(parsed) if parsed == path => Ok(path),
        _ => Err(refused("its channel or its user has a name that none can have")),
    }
}
