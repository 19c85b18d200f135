//! What the edge has answered. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use protocol::{EntryAnswer, Secret};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{Grant, Place};

/// After so long the edge is asked again, if it answers: it may have changed its mind.
const FRESH: Duration = Duration::from_secs(60);
/// How long a refusal is remembered.
const REFUSED: Duration = Duration::from_secs(10);
/// The pause after a question that the edge has not answered, where something is remembered.
const RETRY: Duration = Duration::from_secs(10);
/// How long the channels of an app count as open while the edge does not answer.
const OPEN: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens that are remembered, of all apps; some ten times as many as there can be connections.
const MAX_TOKENS: usize = 16_384;
const MAX_OPEN_APPS: usize = 4_096;
const MAX_REFUSALS: usize = 4_096;

/// What is remembered of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recalled {
    pub(super) answer: Answer,
    /// Whether it is young enough that the edge need not be asked.
    pub(super) is_fresh: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Open,
    Granted(Grant),
    Refused(String),
}

/// A token and who shows it, as far as it is remembered: nobody can take it from here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shown {
    place: Place,
    digest: [u8; 32],
    own_uid: Option<String>,
}

/// A question: without a token it is about the app alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question {
    App(String),
    Token(Shown),
}

#[derive(Debug, Default)]
pub(super) struct Memory {
    open: HashMap<String, Entry<()>>,
    granted: HashMap<String, HashMap<Shown, Entry<Grant>>>,
    tokens: usize,
    refused: HashMap<Question, (String, Instant)>,
    /// In the order in which they are forgotten.
    refusals: VecDeque<(Question, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    what: T,
    fresh_until: Instant,
    forgotten_at: Instant,
}

impl Question {
    pub(super) fn new(place: &Place, token: Option<&Secret>, own_uid: Option<&str>) -> Self {
        match token {
            None => Self::App(place.app.clone()),
            Some(token) => Self::Token(Shown {
                place: place.clone(),
                digest: Sha256::digest(token.expose()).into(),
                own_uid: own_uid.map(str::to_owned),
            }),
        }
    }

    fn app(&self) -> &str {
        match self {
            Self::App(app) => app,
            Self::Token(shown) => &shown.place.app,
        }
    }
}

impl Memory {
    pub(super) fn recall(&self, question: &Question, now: Instant) -> Option<Recalled> {
        if let Some((reason, until)) = self.refused.get(question)
            && *until > now
        {
            let answer = Answer::Refused(reason.clone());
            return Some(Recalled { answer, is_fresh: true });
        }
        let granted = match question {
            Question::Token(shown) => self.granted.get(question.app()).and_then(|of_app| of_app.get(shown)),
            Question::App(_) => None,
        };
        let granted = granted.and_then(|entry| entry.recall(now, Answer::Granted(entry.what)));
        let open = || self.open.get(question.app())?.recall(now, Answer::Open);
        granted.or_else(open)
    }

    /// The edge has answered.
    pub(super) fn learn(&mut self, question: Question, answer: &EntryAnswer, now: Instant) -> Answer {
        self.forget(&question);
        match answer {
            EntryAnswer::Open => {
                self.learn_open(question.app().to_owned(), now);
                Answer::Open
            }
            EntryAnswer::Granted(rights) => {
                let grant = Grant::from_rights(*rights, now);
                if let Question::Token(shown) = question {
                    self.learn_grant(shown, grant, now);
                }
                Answer::Granted(grant)
            }
            EntryAnswer::Refused { reason } => {
                self.learn_refusal(question, reason, now);
                Answer::Refused(reason.clone())
            }
        }
    }

    /// The edge has not answered: what is remembered holds for a while without another question.
    pub(super) fn rely(&mut self, question: &Question, now: Instant) {
        let until = now + RETRY;
        if let Question::Token(shown) = question
            && let Some(entry) = self
                .granted
                .get_mut(question.app())
                .and_then(|of_app| of_app.get_mut(shown))
        {
            entry.fresh_until = until;
        } else if let Some(entry) = self.open.get_mut(question.app()) {
            entry.fresh_until = until;
        }
    }

    /// What was remembered of this question, and with it that its app is open, of which the answer tells anew.
    fn forget(&mut self, question: &Question) {
        self.open.remove(question.app());
        self.refused.remove(question);
        if let Question::Token(shown) = question
            && let Some(of_app) = self.granted.get_mut(question.app())
            && of_app.remove(shown).is_some()
        {
            self.tokens = self.tokens.saturating_sub(1);
            if of_app.is_empty() {
                self.granted.remove(question.app());
            }
        }
    }

    fn learn_open(&mut self, app: String, now: Instant) {
        if self.open.len() >= MAX_OPEN_APPS {
            let oldest = self.open.iter().min_by_key(|(_, entry)| entry.forgotten_at);
            if let Some(oldest) = oldest.map(|(app, _)| app.clone()) {
                self.open.remove(&oldest);
            }
        }
        self.open.insert(app, Entry::new((), now, now + OPEN));
    }

    fn learn_grant(&mut self, shown: Shown, grant: Grant, now: Instant) {
        let far = || now.checked_add(OPEN * 365).unwrap_or(now);
        let ends = match grant.ends() {
            super::grant::Allowed::No => return,
            super::grant::Allowed::Until(until) => until,
            super::grant::Allowed::Always => far(),
        };
        self.make_room(now);
        let of_app = self.granted.entry(shown.place.app.clone()).or_default();
        of_app.insert(shown, Entry::new(grant, now, ends));
        self.tokens += 1;
    }

    /// The app with the most tokens gives up the one that ends first: no app can take the place of the others.
    fn make_room(&mut self, now: Instant) {
        if self.tokens < MAX_TOKENS {
            return;
        }
        self.granted.retain(|_, of_app| {
            of_app.retain(|_, entry| entry.forgotten_at > now);
            !of_app.is_empty()
        });
        self.tokens = self.granted.values().map(HashMap::len).sum();
        if self.tokens < MAX_TOKENS {
            return;
        }
        if let Some(of_app) = self.granted.values_mut().max_by_key(|of_app| of_app.len()) {
            let first = of_app.iter().min_by_key(|(_, entry)| entry.forgotten_at);
            if let Some(first) = first.map(|(shown, _)| shown.clone()) {
                of_app.remove(&first);
                self.tokens = self.tokens.saturating_sub(1);
            }
        }
    }

    fn learn_refusal(&mut self, question: Question, reason: &str, now: Instant) {
        while let Some((_, until)) = self.refusals.front()
            && (*until <= now || self.refusals.len() >= MAX_REFUSALS)
        {
            if let Some((oldest, until)) = self.refusals.pop_front()
                && self.refused.get(&oldest).is_some_and(|(_, newest)| *newest == until)
            {
                self.refused.remove(&oldest);
            }
        }
        let until = now + REFUSED;
        self.refused.insert(question.clone(), (reason.to_owned(), until));
        self.refusals.push_back((question, until));
    }
}

impl<T> Entry<T> {
    fn new(what: T, now: Instant, forgotten_at: Instant) -> Self {
        Self {
            what,
            fresh_until: now + FRESH,
            forgotten_at,
        }
    }

    fn recall(&self, now: Instant, answer: Answer) -> Option<Recalled> {
        (self.forgotten_at > now).then_some(Recalled {
            answer,
            is_fresh: self.fresh_until > now,
        })
    }
}

#[cfg(test)]
mod tests;
