use std::collections::{BTreeSet, VecDeque};

use super::contract::Happened;

/// Events that wait for one listener. One that cannot take them so fast loses them, and sees that by their numbers.
const MAX_WAITING: usize = 500;
/// Events that are told at a time.
const MAX_PUSHED: usize = 50;

/// Somebody who is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscriber {
    /// `None` for all.
    channels: Option<BTreeSet<String>>,
    waiting: VecDeque<Happened>,
    /// Some are on their way.
    pushing: bool,
}

impl Subscriber {
    pub(super) fn new(channels: Option<BTreeSet<String>>) -> Self {
        Self {
            channels,
            ..Self::default()
        }
    }

    /// Follows these channels from now on. What is on its way stays in front of what comes then.
    pub(super) fn follow(&mut self, channels: Option<BTreeSet<String>>) {
        self.channels = channels;
    }

    pub(super) fn tell(&mut self, happened: &Happened) {
        let follows = |channels: &BTreeSet<String>| channels.contains(&happened.channel);
        if !self.channels.as_ref().is_none_or(follows) {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.clear();
        }
        self.waiting.push_back(happened.clone());
    }

    /// What is to be pushed now. It is taken to be under way then.
    pub(super) fn next(&mut self) -> Option<Vec<Happened>> {
        if self.pushing || self.waiting.is_empty() {
            return None;
        }
        self.pushing = true;
        Some(self.waiting.drain(..self.waiting.len().min(MAX_PUSHED)).collect())
    }

    pub(super) fn pushed(&mut self) {
        self.pushing = false;
    }
}
