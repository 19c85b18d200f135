use std::collections::BTreeSet;

use super::{ChannelKey, Effect, Entry, Kept, LEASE_MS, Output, Question, Reply, Request, Role};

/// A node's own server holds as many channels, and as many recordings follow theirs at most.
const MAX_ENTRIES: usize = 20_000;
/// The time of the last message is written this often: well within the lease.
const KEEP_MS: u64 = 5_000;
/// Channels that are told of a loss at once.
const LOSE_AT_ONCE: usize = 50;
/// How long those wait that could not be told.
const PAUSE_MS: u64 = 2_000;

/// What a node carries and follows.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    node_id: String,
    /// The present lease; 0 before the first one.
    lease: u64,
    heard_ms: u64,
    /// When that was persisted.
    kept_ms: u64,
    /// As [`Kept::process`].
    process: u64,
    /// Those of earlier leases have to be told that these are lost.
    entries: BTreeSet<Entry>,
    losing: bool,
    lose_at_ms: u64,
}

impl Carried {
    /// As it was kept.
    pub fn restore(kept: Kept, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self {
            node_id: kept.node_id,
            lease: kept.lease,
            heard_ms: kept.heard_ms,
            kept_ms: kept.heard_ms,
            process: kept.process,
            entries: entries.into_iter().collect(),
            losing: false,
            lose_at_ms: 0,
        }
    }

    /// When the lease ends, or channels have to be told that one has ended; Unix milliseconds.
    pub fn next_alarm(&self) -> Option<u64> {
        let oldest = self.entries.first()?;
        Some(match oldest.lease < self.lease {
            true => self.lose_at_ms,
            false => self.heard_ms.saturating_add(LEASE_MS),
        })
    }

    pub(super) fn asked(&mut self, question: Question, now_ms: u64, out: &mut Vec<Output>) -> Reply {
        self.node_id = question.node_id;
        match question.request {
            Request::Carry { lease, channels } => {
                self.expire(now_ms);
                if lease != Some(self.lease) || self.lease == 0 {
                    self.renounce(now_ms);
                }
                self.hear(now_ms, out);
                self.add(Role::Carries, channels, out)
            }
            Request::Follow { channel } => {
                self.expire(now_ms);
                if self.lease == 0 {
                    self.renounce(now_ms);
                }
                self.hear(now_ms, out);
                self.add(Role::Follows, vec![channel], out)
            }
            Request::Restarted { at_ms } => {
                if !self.entries.is_empty() {
                    // A lease that is as new is that of the new process already.
                    if self.lease < at_ms {
                        self.renounce(now_ms);
                    }
                    self.process = self.lease;
                    self.keep(now_ms, out);
                }
                Reply::Lease(self.lease)
            }
            Request::Drop { lease, role, channels } => {
                let lease = lease.unwrap_or(self.lease);
                for channel in channels {
                    self.remove(Entry { lease, channel, role }, out);
                }
                Reply::Lease(self.lease)
            }
        }
    }

    /// Channels have been told that the lease is lost.
    pub(super) fn told(&mut self, lease: u64, told: &[ChannelKey], now_ms: u64, out: &mut Vec<Output>) {
        self.losing = false;
        self.lose_at_ms = if told.is_empty() {
            now_ms.saturating_add(PAUSE_MS)
        } else {
            now_ms
        };
        for channel in told {
            for role in [Role::Carries, Role::Follows] {
                let channel = channel.clone();
                self.remove(Entry { lease, channel, role }, out);
            }
        }
    }

    /// What is due: the end of the lease, and those who have to be told.
    pub(super) fn settle(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let before = self.lease;
        self.expire(now_ms);
        if self.lease != before {
            self.keep(now_ms, out);
        }
        let Some(oldest) = self.entries.first().filter(|entry| entry.lease < self.lease) else {
            return;
        };
        if self.losing || now_ms < self.lose_at_ms {
            return;
        }
        let lease = oldest.lease;
        let of_lease = self.entries.iter().take_while(|entry| entry.lease == lease);
        let mut channels: Vec<_> = of_lease.map(|entry| entry.channel.clone()).take(LOSE_AT_ONCE).collect();
        channels.dedup();
        self.losing = true;
        let node_id = self.node_id.clone();
        out.push(Output::Effect(Effect::Lose {
            node_id,
            lease,
            channels,
            ended_ms: (lease < self.process).then_some(self.process),
        }));
    }

    fn expire(&mut self, now_ms: u64) {
        let is_over = now_ms >= self.heard_ms.saturating_add(LEASE_MS);
        if is_over && self.entries.iter().any(|entry| entry.lease == self.lease) {
            self.renounce(now_ms);
        }
    }

    /// Everything begins anew: a lease has a number that none has had, also before the object was forgotten.
    fn renounce(&mut self, now_ms: u64) {
        self.lease = self.lease.saturating_add(1).max(now_ms);
        self.kept_ms = 0;
    }

    fn hear(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        self.heard_ms = now_ms;
        if now_ms >= self.kept_ms.saturating_add(KEEP_MS) {
            self.keep(now_ms, out);
        }
    }

    fn keep(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        self.kept_ms = now_ms;
        out.push(Output::Effect(Effect::Keep(Kept {
            node_id: self.node_id.clone(),
            lease: self.lease,
            heard_ms: self.heard_ms,
            process: self.process,
        })));
    }

    fn add(&mut self, role: Role, channels: Vec<ChannelKey>, out: &mut Vec<Output>) -> Reply {
        for channel in channels {
            let lease = self.lease;
            let entry = Entry { lease, channel, role };
            if self.entries.contains(&entry) {
                continue;
            }
            if self.entries.len() >= MAX_ENTRIES {
                return Reply::Full;
            }
            self.entries.insert(entry.clone());
            out.push(Output::Effect(Effect::Put(entry)));
        }
        Reply::Lease(self.lease)
    }

    fn remove(&mut self, entry: Entry, out: &mut Vec<Output>) {
        if !self.entries.remove(&entry) {
            return;
        }
        out.push(Output::Effect(match self.entries.is_empty() {
            true => Effect::Clear,
            false => Effect::Remove(entry),
        }));
    }
}
