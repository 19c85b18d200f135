use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{EntryAnswer, Secret};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::grant::{Denial, Grant};
use super::memory::{Answer, Memory, Question, Recalled};
use super::throttle::Throttle;
use super::{Action, Keys, Passes, Place, Shown};

/// How long the edge may take with an answer.
const ASK_TIME: Duration = Duration::from_secs(5);
/// Questions that are with the edge at once; the others wait for their turn. The line carries more, but not for entries alone.
const MAX_ASKED: usize = 64;
/// Longer tokens are refused unread, as the edge does.
const MAX_TOKEN_BYTES: usize = 4_096;
/// Longer ones are no uid of a channel.
const MAX_UID_BYTES: usize = 255;
/// The longest text of the edge's that is handed on, in characters.
const MAX_REASON_CHARS: usize = 200;

/// The edge's answer, or why there is none.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<EntryAnswer, String>> + Send + 'a>>;

/// Who decides about those whom the node does not know.
pub trait Edge: Send + Sync {
    /// `token`: what was shown, by whoever says to be `own_uid`.
    fn ask<'a>(&'a self, place: &'a Place, token: Option<&'a Secret>, own_uid: Option<&'a str>) -> Asked<'a>;
}

/// Somebody at the gate.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    pub action: Action,
    pub place: &'a Place,
    pub shown: &'a Shown,
    /// Where it comes from.
    pub source: IpAddr,
}

/// Decides who may enter the channels of this node.
pub struct Gate {
    keys: Keys,
    passes: Passes,
    /// Without one, the keys decide alone.
    edge: Option<Arc<dyn Edge>>,
    /// Whether channels that ask for nothing are served.
    serves_open: bool,
    memory: Mutex<Memory>,
    throttle: Mutex<Throttle>,
    asking: Semaphore,
    /// The operator has been told that open channels are not served.
    warned: AtomicBool,
}

impl Gate {
    /// Without an edge, and for whoever reaches it by any address.
    pub fn new(keys: Keys, passes: Passes) -> Self {
        Self {
            keys,
            passes,
            edge: None,
            serves_open: true,
            memory: Mutex::default(),
            throttle: Mutex::default(),
            asking: Semaphore::new(MAX_ASKED),
            warned: AtomicBool::new(false),
        }
    }

    /// The edge is asked about those whom the node does not know.
    #[must_use]
    pub fn asking(mut self, edge: Arc<dyn Edge>) -> Self {
        self.edge = Some(edge);
        self
    }

    /// Open channels are served to this machine only, unless the operator has `allowed` others.
    ///
    /// # Errors
    /// When the keys decide alone, and leave channels open to other machines that the operator has not allowed.
    pub fn listening(mut self, listens: &[SocketAddr], allowed: bool) -> Result<Self, String> {
        let elsewhere = listens.iter().find(|listen| !listen.ip().is_loopback());
        self.serves_open = allowed || elsewhere.is_none();
        let is_open = |action| self.keys.of(action).is_none();
        let decides_alone = self.edge.is_none() && (is_open(Action::Publish) || is_open(Action::Play));
        let Some(listen) = elsewhere.filter(|_| decides_alone && !allowed) else {
            return Ok(self);
        };
        Err(format!(
            "the channel server would be open to everybody at {listen}: set TAPEDECK_PUBLISH_KEY and TAPEDECK_PLAY_KEY, listen on \
             127.0.0.1, or say TAPEDECK_OPEN_CHANNELS=true if that is what you want"
        ))
    }

    /// What this client may do, if it may do anything of what it wants. A publisher's kinds are for [`Grant::publish`].
    ///
    /// # Errors
    /// When it may not, or when that cannot be decided.
    pub async fn admit(&self, wish: &Wish<'_>) -> Result<Grant, Denial> {
        let is_recorder = || wish.action == Action::Play && self.passes.open(wish.place, wish.shown);
        let is_own = || wish.action == Action::Publish && self.passes.open_publishing(wish.place, wish.shown);
        if self.keys.open(wish.action, wish.shown) || is_recorder() || is_own() {
            return Ok(Grant::ALL);
        }
        let Some(edge) = &self.edge else {
            return self.open(wish.action);
        };
        match self.decide(edge.as_ref(), wish).await? {
            Answer::Open => self.open(wish.action),
            Answer::Granted(grant) => grant.check(wish.action, Instant::now()),
            Answer::Refused(reason) => Err(Denial::Stranger(reason)),
        }
    }

    /// Those whom nobody asks for a token.
    fn open(&self, action: Action) -> Result<Grant, Denial> {
        if self.keys.of(action).is_some() {
            return Err(Denial::Stranger("The key is missing or wrong".to_owned()));
        }
        if self.serves_open {
            return Ok(Grant::ALL);
        }
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "users of an app with open channels are refused, for the channel server listens for other machines: set the app's \
                 `channels.access` to `token`, or say TAPEDECK_OPEN_CHANNELS=true"
            );
        }
        Err(Denial::Forbidden(
            "The channels of this app are open to everybody, and this node serves no such channels: its operator can change either"
                .to_owned(),
        ))
    }

    async fn decide(&self, edge: &dyn Edge, wish: &Wish<'_>) -> Result<Answer, Denial> {
        let token = wish.shown.token();
        if token.is_some_and(|token| token.expose().len() > MAX_TOKEN_BYTES) {
            let reason = format!("The channel token is longer than {MAX_TOKEN_BYTES} bytes");
            return Err(Denial::Stranger(reason));
        }
        let own_uid = wish
            .shown
            .own_uid()
            .filter(|uid| token.is_some() && uid.len() <= MAX_UID_BYTES);
        let question = Question::new(wish.place, token, own_uid);
        let recalled = lock(&self.memory).recall(&question, Instant::now());
        let known = match recalled {
            Some(Recalled { answer, is_fresh: true }) => return Ok(answer),
            Some(Recalled { answer, .. }) => Some(answer),
            None => None,
        };
        if let Err(after) = lock(&self.throttle).take(wish.source, Instant::now()) {
            let seconds = after.as_secs() + 1;
            return known.ok_or_else(|| {
                Denial::Undecided(format!(
                    "Too many channel tokens from this address have been refused: try again in {seconds} s"
                ))
            });
        }
        let asked = timeout(ASK_TIME, async {
            // An error would mean that it has been closed, which nobody does.
            let _turn = self.asking.acquire().await;
            edge.ask(wish.place, token, own_uid).await
        });
        let asked = asked
            .await
            .unwrap_or_else(|_| Err("the edge has not answered in time".to_owned()));
        if !matches!(asked, Ok(EntryAnswer::Refused { .. })) {
            lock(&self.throttle).give_back(wish.source);
        }
        match asked.map(shortened) {
            Ok(answer) => Ok(lock(&self.memory).learn(question, &answer, Instant::now())),
            Err(reason) => {
                lock(&self.memory).rely(&question, Instant::now());
                tracing::debug!(
                    reason,
                    is_known = known.is_some(),
                    "the edge could not be asked about an entry"
                );
                known.ok_or_else(|| {
                    Denial::Undecided(
                        "Who may enter cannot be checked, for the edge does not answer: try again later".to_owned(),
                    )
                })
            }
        }
    }
}

fn shortened(answer: EntryAnswer) -> EntryAnswer {
    match answer {
        EntryAnswer::Refused { reason } => EntryAnswer::Refused {
            reason: reason.chars().take(MAX_REASON_CHARS).collect(),
        },
        answer => answer,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
