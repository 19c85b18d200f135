use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use protocol::StreamName;

use super::automatic::{Automatic, Begun};
use super::carrier::{Carrier, publications};
use super::contract::{ChannelKey, Effect, Heard, Output, Part, Reply, Request, Row, Standing};
use super::followers::Followers;
use super::herald::Herald;

/// Versions grow faster than time does only if more changes than this happen in a millisecond, so that those of a channel
/// which was forgotten are not used again.
const VERSIONS_A_MS: u64 = 1_024;
/// Nodes that carry one channel, and nodes that follow it.
const MAX_NODES: usize = 1_000;

/// What is known of a channel.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    /// `None` until it is asked, or has rows.
    key: Option<ChannelKey>,
    version: u64,
    carriers: BTreeMap<String, Carrier>,
    pub(super) followers: Followers,
    herald: Herald,
    automatic: Automatic,
}

impl Channel {
    /// The channel as its rows tell of it.
    pub fn restore(rows: impl IntoIterator<Item = Row>, now_ms: u64) -> Self {
        // Above all versions that it had before, of which the rows do not tell.
        let mut channel = Self {
            version: now_ms.saturating_mul(VERSIONS_A_MS),
            ..Self::default()
        };
        for Row {
            channel: key,
            node_id,
            part,
        } in rows
        {
            channel.key = Some(key);
            match part {
                Part::Carrier(carrier) => {
                    let newest = carrier.orders.iter().copied().max().unwrap_or_default();
                    channel.version = channel.version.max(newest);
                    channel.carriers.insert(node_id, carrier);
                }
                Part::Follower(lease) => channel.followers.put(&node_id, lease, None),
                Part::Automatic(recorded) => channel.automatic = Automatic::restore(recorded),
                Part::Heard => channel.herald = Herald::kept(),
            }
        }
        channel
    }

    pub(super) fn name(&mut self, key: ChannelKey) {
        self.key.get_or_insert(key);
    }

    /// When a follower, or those who listen, have to be told again, or an automatic recording to be begun; Unix milliseconds.
    pub fn next_alarm(&self) -> Option<u64> {
        self.followers
            .next_ms()
            .into_iter()
            .chain(self.automatic.next_ms())
            .chain(self.herald.next_ms())
            .min()
    }

    pub(super) fn asked(&mut self, request: Request, now_ms: u64, out: &mut Vec<Output>) -> Reply {
        match request {
            Request::Tell {
                node_id,
                lease,
                address,
                version,
                users,
            } => {
                let news = Carrier {
                    lease,
                    address,
                    version,
                    users,
                    orders: Vec::new(),
                };
                self.take(node_id, news, now_ms, out);
                Reply::Done
            }
            Request::Follow { node_id, lease } => {
                let standing = self.standing(&node_id);
                let known = self.followers.lease(&node_id);
                if known.is_none() && self.followers.len() >= MAX_NODES {
                    return Reply::Standing(standing);
                }
                if known != Some(lease) {
                    self.save(&node_id, Part::Follower(lease), out);
                }
                self.followers.put(&node_id, lease, Some(digest(&standing)));
                Reply::Standing(standing)
            }
            Request::Leave { node_id } => {
                self.leave(&node_id, out);
                Reply::Done
            }
            Request::Lost { node_id, lease } => {
                if self
                    .carriers
                    .get(&node_id)
                    .is_some_and(|carrier| carrier.lease <= lease)
                {
                    self.drop_carrier(&node_id, now_ms, out);
                }
                if self.followers.lease(&node_id).is_some_and(|held| held <= lease) {
                    self.leave(&node_id, out);
                }
                Reply::Done
            }
            Request::Look { node_id } => Reply::Standing(self.standing(&node_id)),
            Request::Carriers => Reply::Carriers(self.carriers.keys().cloned().collect()),
            Request::Ended { sid, stopped } => {
                self.change_automatic(out, |automatic| automatic.ended(&sid, stopped, now_ms));
                Reply::Done
            }
        }
    }

    /// Tells the followers what is new to them.
    pub(super) fn tell(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let Some(channel) = self.key.clone() else {
            return;
        };
        let ids: Vec<_> = self.followers.ids().cloned().collect();
        for node_id in ids {
            let standing = self.standing(&node_id);
            let told = digest(&standing);
            if self.followers.begin(&node_id, told, now_ms) {
                out.push(Output::Effect(Effect::Tell {
                    channel: channel.clone(),
                    node_id,
                    told,
                    standing,
                }));
            }
        }
    }

    /// Tells those who listen to the app what is new to them.
    pub(super) fn announce(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let Some(channel) = self.key.clone() else {
            return;
        };
        // No node has this name, so that what is published at any counts.
        let standing = self.standing("");
        let told = digest(&standing);
        if self.herald.begin(told, standing.carriers.is_empty(), now_ms) {
            let users = standing.carriers.into_iter().flat_map(|(_, _, users)| users);
            out.push(Output::Effect(Effect::Announce {
                channel,
                told,
                users: users.collect(),
            }));
        }
    }

    pub(super) fn heard(&mut self, told: u64, heard: Heard, now_ms: u64, out: &mut Vec<Output>) {
        match self.herald.heard(told, heard, now_ms) {
            Some(true) => self.save("", Part::Heard, out),
            Some(false) => {
                let name = Row::NAME_OF_HEARD.to_owned();
                out.push(Output::Effect(Effect::Remove { name }));
            }
            None => {}
        }
    }

    pub(super) fn begun(&mut self, begun: Begun, now_ms: u64, out: &mut Vec<Output>) {
        self.change_automatic(out, |automatic| automatic.begun(begun, now_ms));
    }

    /// Begins an automatic recording when it is time for one.
    pub(super) fn settle_automatic(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let is_empty = self.carriers.is_empty();
        let begins = self.change_automatic(out, |automatic| automatic.settle(is_empty, now_ms));
        if let Some(channel) = self.key.clone().filter(|_| begins) {
            out.push(Output::Effect(Effect::Begin { channel }));
        }
    }

    /// What is kept of it is persisted when it changes.
    fn change_automatic<T>(&mut self, out: &mut Vec<Output>, change: impl FnOnce(&mut Automatic) -> T) -> T {
        let before = self.automatic.kept().cloned();
        let done = change(&mut self.automatic);
        match self.automatic.kept().cloned() {
            after if after == before => {}
            Some(recorded) => self.save("", Part::Automatic(recorded), out),
            None => {
                let name = Row::NAME_OF_AUTOMATIC.to_owned();
                out.push(Output::Effect(Effect::Remove { name }));
            }
        }
        done
    }

    fn take(&mut self, node_id: String, mut news: Carrier, now_ms: u64, out: &mut Vec<Output>) {
        let known = self.carriers.get(&node_id);
        let is_old = known.is_some_and(|known| news.lease < known.lease || news.version < known.version);
        if is_old || (known.is_none() && self.carriers.len() >= MAX_NODES) {
            return;
        }
        if news.users.is_empty() {
            return self.drop_carrier(&node_id, now_ms, out);
        }
        let mut order = self.version.saturating_add(1).max(now_ms.saturating_mul(VERSIONS_A_MS));
        let known_orders: BTreeMap<_, _> = known.into_iter().flat_map(Carrier::publications).collect();
        for (uid, stream) in publications(&news.users) {
            let publication = (uid, stream.name, stream.publication);
            news.orders
                .push(known_orders.get(&publication).copied().unwrap_or_else(|| {
                    order = order.saturating_add(1);
                    order
                }));
        }
        if known == Some(&news) {
            return;
        }
        self.version = order;
        let carrier = news.clone();
        self.carriers.insert(node_id.clone(), news);
        self.save(&node_id, Part::Carrier(carrier), out);
    }

    fn save(&self, node_id: &str, part: Part, out: &mut Vec<Output>) {
        if let Some(channel) = self.key.clone() {
            let node_id = node_id.to_owned();
            out.push(Output::Effect(Effect::Save(Row { channel, node_id, part })));
        }
    }

    fn drop_carrier(&mut self, node_id: &str, now_ms: u64, out: &mut Vec<Output>) {
        if self.carriers.remove(node_id).is_some() {
            self.version = self.version.saturating_add(1).max(now_ms.saturating_mul(VERSIONS_A_MS));
            let name = Row::name_of_carrier(node_id);
            out.push(Output::Effect(Effect::Remove { name }));
        }
    }

    fn leave(&mut self, node_id: &str, out: &mut Vec<Output>) {
        if self.followers.remove(node_id) {
            let name = Row::name_of_follower(node_id);
            out.push(Output::Effect(Effect::Remove { name }));
        }
    }

    /// Where the channel lives besides at this node. Of streams that several nodes publish, the last publication counts.
    fn standing(&self, node_id: &str) -> Standing {
        let mut newest = BTreeMap::<(&str, StreamName), u64>::new();
        for ((uid, name, _), order) in self.carriers.values().flat_map(Carrier::publications) {
            let newest = newest.entry((uid, name)).or_default();
            *newest = order.max(*newest);
        }
        let others = self.carriers.iter().filter(|(id, _)| *id != node_id);
        let carriers = others.filter_map(|(id, carrier)| {
            let users = carrier.users_by(|publication, order| newest.get(&publication) == Some(&order));
            (!users.is_empty()).then(|| (id.clone(), carrier.address.clone(), users))
        });
        Standing {
            version: self.version,
            heard: self.carriers.get(node_id).map_or(0, |own| own.version),
            carriers: carriers.collect(),
        }
    }
}

/// What tells one standing from another, but for the versions: these change also when nothing changes for the node.
fn digest(standing: &Standing) -> u64 {
    let mut hasher = DefaultHasher::new();
    standing.carriers.hash(&mut hasher);
    hasher.finish()
}
