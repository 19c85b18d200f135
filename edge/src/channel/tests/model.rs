//! A model of a bad world: three nodes, whose users join, move and leave; messages are lost, repeated and come late; nodes are
//! restarted and away; objects are forgotten between any two inputs. When all has come to rest, each node that follows a
//! channel knows of everybody who publishes to it elsewhere, and nothing is kept of who does not.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::chance::{Chance, seeds};
use crate::channel::carried::{self, Carried, Entry, Kept, LEASE_MS, Role};

const NODES: usize = 3;
const CHANNELS: usize = 3;
const USERS: usize = 3;
const RUNS: u64 = 300;

#[test]
fn each_node_knows_who_publishes_at_the_others() {
    let mut tally = Tally::default();
    for seed in seeds(RUNS) {
        let mut world = World::new(seed);
        for _ in 0..250 {
            world.act();
        }
        world.rest();
        world.check();
        tally.tells += world.tally.tells;
        tally.losses += world.tally.losses;
        tally.elsewhere += world.tally.elsewhere;
    }
    assert!(
        tally.tells > 5_000 && tally.losses > 500 && tally.elsewhere > 300,
        "{tally:?}"
    );
}

#[derive(Debug, Default)]
struct Tally {
    tells: u64,
    losses: u64,
    elsewhere: u64,
}

/// A node, with what its edge's side keeps of it.
#[derive(Default)]
struct Node {
    lease: Option<u64>,
    /// The publication of each user in each channel.
    users: BTreeMap<(usize, usize), u64>,
    /// By channel: the newest version, and the one that was told.
    versions: BTreeMap<usize, (u64, u64)>,
    follows: BTreeSet<usize>,
    /// What it knows of the channels that it follows.
    knows: BTreeMap<usize, Standing>,
    carried: Carried,
    kept: Kept,
    entries: BTreeSet<Entry>,
}

#[derive(Default)]
struct Place {
    channel: Channel,
    rows: BTreeMap<String, Row>,
}

struct World {
    seed: u64,
    chance: Chance,
    now_ms: u64,
    number: u64,
    nodes: Vec<Node>,
    places: Vec<Place>,
    /// What followers are being told.
    tells: Vec<(usize, usize, u64, Standing)>,
    losses: Vec<(usize, u64, Vec<ChannelKey>)>,
    /// Where each user of each channel published last.
    home: BTreeMap<(usize, usize), usize>,
    tally: Tally,
    /// Nothing is lost any more.
    calm: bool,
}

fn key(channel: usize) -> ChannelKey {
    ChannelKey {
        app_id: "a".to_owned(),
        channel: channel.to_string(),
    }
}

fn index(text: &str) -> usize {
    text.parse().unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            chance: Chance::new(seed),
            now_ms: NOW,
            number: 1,
            nodes: (0..NODES).map(|_| Node::default()).collect(),
            places: (0..CHANNELS).map(|_| Place::default()).collect(),
            tells: Vec::new(),
            losses: Vec::new(),
            home: BTreeMap::new(),
            tally: Tally::default(),
            calm: false,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.chance.below(limit as u64) as usize
    }

    fn is_lost(&mut self) -> bool {
        !self.calm && self.below(6) == 0
    }

    fn act(&mut self) {
        self.now_ms += self.below(700) as u64;
        let (node, channel) = (self.below(NODES), self.below(CHANNELS));
        match self.below(40) {
            0..8 => self.join(node, channel),
            8..12 => self.leave(node, channel),
            12..22 => self.speak(node),
            22..25 => self.follow(node, channel),
            25 => self.unfollow(node, channel),
            26..32 => self.deliver(),
            32..34 => self.lose(),
            34 => self.restart(node),
            35 => self.now_ms += LEASE_MS / 2,
            36 => self.forget_place(channel),
            37 => self.forget_node(node),
            _ => self.alarms(),
        }
    }

    fn join(&mut self, node: usize, channel: usize) {
        let user = self.below(USERS);
        self.number += 1;
        self.nodes[node].users.insert((channel, user), self.number);
        self.nodes[node].versions.entry(channel).or_default().0 = self.number;
        self.home.insert((channel, user), node);
    }

    fn leave(&mut self, node: usize, channel: usize) {
        let user = self.below(USERS);
        if self.nodes[node].users.remove(&(channel, user)).is_some() {
            self.number += 1;
            self.nodes[node].versions.entry(channel).or_default().0 = self.number;
        }
    }

    /// Another process of the node: its users are gone, and what it follows is found out anew.
    fn restart(&mut self, node: usize) {
        self.number += 1;
        let node = &mut self.nodes[node];
        node.lease = None;
        node.users.clear();
        node.versions.clear();
        node.follows.clear();
        node.knows.clear();
    }

    /// The node tells what is new, in the order in which the shell does it.
    fn speak(&mut self, id: usize) {
        let node = &self.nodes[id];
        let news = node.versions.iter().filter(|(_, (newest, told))| newest != told);
        let news: Vec<_> = news.map(|(channel, (newest, _))| (*channel, *newest)).collect();
        if news.is_empty() && node.versions.is_empty() && node.follows.is_empty() {
            return;
        }
        if self.is_lost() {
            return;
        }
        let carry = |channels: Vec<ChannelKey>, lease| carried::Request::Carry { lease, channels };
        let channels = news.iter().map(|(channel, _)| key(*channel)).collect();
        let before = self.nodes[id].lease;
        let carried::Reply::Lease(lease) = self.ask_carried(id, carry(channels, before)) else {
            panic!("full");
        };
        let (mut told, mut gone) = (Vec::new(), Vec::new());
        for (channel, version) in news {
            if self.is_lost() {
                continue;
            }
            let users: Vec<_> = self.nodes[id]
                .users
                .iter()
                .filter(|((of, _), _)| *of == channel)
                .collect();
            let users: Vec<_> = users
                .into_iter()
                .map(|((_, uid), number)| user(&uid.to_string(), &[*number]))
                .collect();
            if users.is_empty() {
                gone.push(key(channel));
            }
            self.ask_place(
                channel,
                Request::Tell {
                    node_id: id.to_string(),
                    lease,
                    address: String::new(),
                    version,
                    users,
                },
            );
            told.push((channel, version));
        }
        let role = Role::Carries;
        self.ask_carried(
            id,
            carried::Request::Drop {
                lease: Some(lease),
                role,
                channels: gone,
            },
        );
        // The answer may be lost, too.
        if self.is_lost() {
            return;
        }
        let node = &mut self.nodes[id];
        if node.lease != Some(lease) {
            node.lease = Some(lease);
            node.versions.values_mut().for_each(|(_, told)| *told = 0);
        }
        for (channel, version) in told {
            node.versions.get_mut(&channel).unwrap().1 = version;
        }
        if before != Some(lease) {
            for channel in std::mem::take(&mut self.nodes[id].follows) {
                self.nodes[id].follows.insert(channel);
                self.follow(id, channel);
            }
        }
    }

    fn follow(&mut self, id: usize, channel: usize) {
        if self.nodes[id].lease.is_none() {
            return;
        }
        self.nodes[id].follows.insert(channel);
        loop {
            if self.is_lost() {
                continue;
            }
            let follow = carried::Request::Follow { channel: key(channel) };
            let carried::Reply::Lease(lease) = self.ask_carried(id, follow) else {
                panic!("full");
            };
            if self.is_lost() {
                continue;
            }
            let node_id = id.to_string();
            let standing = standing(self.ask_place(channel, Request::Follow { node_id, lease }).unwrap());
            if !self.is_lost() {
                self.learn(id, channel, standing);
                return;
            }
        }
    }

    fn unfollow(&mut self, id: usize, channel: usize) {
        if !self.nodes[id].follows.remove(&channel) {
            return;
        }
        self.nodes[id].knows.remove(&channel);
        let node_id = id.to_string();
        self.ask_place(channel, Request::Leave { node_id });
        let (lease, role) = (None, Role::Follows);
        let channels = vec![key(channel)];
        self.ask_carried(id, carried::Request::Drop { lease, role, channels });
    }

    fn learn(&mut self, id: usize, channel: usize, standing: Standing) {
        let node = &mut self.nodes[id];
        let newer = node
            .knows
            .get(&channel)
            .is_none_or(|known| known.version <= standing.version);
        if node.follows.contains(&channel) && newer {
            node.knows.insert(channel, standing);
        }
    }

    fn deliver(&mut self) {
        let which = self.below(self.tells.len());
        if which >= self.tells.len() {
            return;
        }
        let (id, channel, told, standing) = self.tells.remove(which);
        let ok = !self.is_lost();
        if ok {
            self.learn(id, channel, standing);
        }
        // What arrived may be taken for lost all the same.
        let ok = ok && !self.is_lost();
        let node_id = id.to_string();
        self.apply_place(channel, Told::Event(Event::Told { node_id, told, ok }));
    }

    fn lose(&mut self) {
        let which = self.below(self.losses.len());
        if which >= self.losses.len() {
            return;
        }
        let (id, lease, channels) = self.losses.remove(which);
        let mut told = Vec::new();
        for channel in channels {
            if !self.is_lost() {
                let node_id = id.to_string();
                self.ask_place(index(&channel.channel), Request::Lost { node_id, lease });
                told.push(channel);
                self.tally.losses += 1;
            }
        }
        self.apply_carried(id, Told::Event(carried::Event::Lost { lease, told }));
    }

    fn forget_place(&mut self, channel: usize) {
        self.tells.retain(|(_, of, ..)| *of != channel);
        self.now_ms += 1;
        let place = &mut self.places[channel];
        place.channel = Channel::restore(place.rows.values().cloned(), self.now_ms);
    }

    fn forget_node(&mut self, id: usize) {
        self.losses.retain(|(of, ..)| *of != id);
        let node = &mut self.nodes[id];
        node.carried = Carried::restore(node.kept.clone(), node.entries.clone());
    }

    fn alarms(&mut self) {
        for id in 0..NODES {
            if self.nodes[id]
                .carried
                .next_alarm()
                .is_some_and(|at_ms| at_ms <= self.now_ms)
            {
                self.apply_carried(id, Told::Alarm);
            }
        }
        for channel in 0..CHANNELS {
            if self.places[channel]
                .channel
                .next_alarm()
                .is_some_and(|at_ms| at_ms <= self.now_ms)
            {
                self.apply_place(channel, Told::Alarm);
            }
        }
    }

    fn ask_carried(&mut self, id: usize, request: carried::Request) -> carried::Reply {
        let node_id = id.to_string();
        let request = carried::Question { node_id, request };
        let mut replies = self.apply_carried(id, Told::Asked { by: 1, request });
        replies.pop().unwrap()
    }

    fn apply_carried(&mut self, id: usize, input: carried::Input) -> Vec<carried::Reply> {
        let node = &mut self.nodes[id];
        let mut replies = Vec::new();
        for output in carried::step(&mut node.carried, input, self.now_ms) {
            match output {
                Out::Reply { reply, .. } => replies.push(reply),
                Out::Effect(carried::Effect::Keep(kept)) => node.kept = kept,
                Out::Effect(carried::Effect::Put(entry)) => drop(node.entries.insert(entry)),
                Out::Effect(carried::Effect::Remove(entry)) => drop(node.entries.remove(&entry)),
                Out::Effect(carried::Effect::Clear) => {
                    node.entries.clear();
                    node.kept = Kept::default();
                }
                Out::Effect(carried::Effect::Lose { lease, channels, .. }) => self.losses.push((id, lease, channels)),
            }
        }
        replies
    }

    fn ask_place(&mut self, channel: usize, request: Request) -> Option<Reply> {
        let request = Question {
            channel: key(channel),
            request,
        };
        self.apply_place(channel, Told::Asked { by: 1, request }).pop()
    }

    fn apply_place(&mut self, channel: usize, input: Input) -> Vec<Reply> {
        let place = &mut self.places[channel];
        let mut replies = Vec::new();
        for output in step(&mut place.channel, input, self.now_ms) {
            match output {
                Out::Reply { reply, .. } => replies.push(reply),
                Out::Effect(Effect::Save(row)) => drop(place.rows.insert(row.name(), row)),
                Out::Effect(Effect::Remove { name }) => drop(place.rows.remove(&name)),
                // Nobody wants one: it is asked for again for as long as nothing says so.
                Out::Effect(Effect::Begin { .. }) => {}
                Out::Effect(Effect::Announce { .. }) => {}
                Out::Effect(Effect::Tell {
                    node_id,
                    told,
                    standing,
                    ..
                }) => {
                    self.tally.tells += 1;
                    self.tells.push((index(&node_id), channel, told, standing));
                }
            }
        }
        replies
    }

    /// Nothing is lost any more: nodes speak within their interval, and all that is due is done.
    fn rest(&mut self) {
        self.calm = true;
        for _ in 0..40 {
            self.now_ms += carried::RENEW_MS / 2;
            for id in 0..NODES {
                self.speak(id);
            }
            self.alarms();
            while !self.tells.is_empty() {
                self.deliver();
            }
            while !self.losses.is_empty() {
                self.lose();
            }
        }
    }

    fn check(&mut self) {
        for id in 0..NODES {
            for channel in self.nodes[id].follows.clone() {
                let known: BTreeSet<_> = self.nodes[id].known(channel);
                let mut expected = BTreeSet::new();
                for other in (0..NODES).filter(|other| *other != id) {
                    let here = self.nodes[other].users.keys().filter(|(of, _)| *of == channel);
                    for (_, user) in here {
                        // Of those who are at several nodes, only the one where they published last is sure.
                        let is_alone = (0..NODES)
                            .filter(|at| self.nodes[*at].users.contains_key(&(channel, *user)))
                            .count()
                            == 1;
                        let at = known.iter().find(|(_, uid)| *uid == user.to_string());
                        match (is_alone, at) {
                            (true, _) => drop(expected.insert((other.to_string(), user.to_string()))),
                            (false, Some(at)) => drop(expected.insert(at.clone())),
                            (false, None) => assert!(
                                self.nodes[id].users.contains_key(&(channel, *user)),
                                "seed {}: {user} is known nowhere",
                                self.seed
                            ),
                        }
                    }
                }
                self.tally.elsewhere += known.len() as u64;
                assert_eq!(known, expected, "seed {}: node {id}, channel {channel}", self.seed);
            }
            let node = &self.nodes[id];
            let carried = node
                .entries
                .iter()
                .filter(|entry| entry.role == Role::Carries)
                .map(|entry| &entry.channel);
            let users: BTreeSet<_> = node.users.keys().map(|(channel, _)| key(*channel)).collect();
            assert_eq!(
                carried.cloned().collect::<BTreeSet<_>>(),
                users,
                "seed {}: node {id}",
                self.seed
            );
        }
    }
}

impl Node {
    fn known(&self, channel: usize) -> BTreeSet<(String, String)> {
        let carriers = self
            .knows
            .get(&channel)
            .map(|standing| &standing.carriers[..])
            .unwrap_or_default();
        let of = |(id, _, users): &(String, String, Vec<CarriedUser>)| {
            users
                .iter()
                .map(|user| (id.clone(), user.uid.clone()))
                .collect::<Vec<_>>()
        };
        carriers.iter().flat_map(of).collect()
    }
}
