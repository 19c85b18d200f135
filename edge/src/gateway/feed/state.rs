use std::collections::{BTreeMap, BTreeSet};

use super::contract::{
    ChannelState, Effect, Happened, Happening, Media, Output, Pushed, Reply, Request, Row, Rows, User,
};
use super::subscriber::Subscriber;

/// Events that are kept for those who come back: of an app with a hundred users who come and go in an hour, some hours.
const MAX_EVENTS: usize = 500;
/// Channels of one app that have users at a time, and users of one channel, that are known here: the state has to fit into the
/// object's memory, and a channel into a row.
const MAX_CHANNELS: usize = 2_000;
const MAX_USERS: usize = 1_000;
/// Listeners of one app, each of which is told of each event.
const MAX_LISTENERS: usize = 128;

/// What is known of an app.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    /// Empty until it is asked: nothing is told before.
    app_id: String,
    channels: BTreeMap<String, Rows>,
    /// The newest events, by their numbers.
    events: BTreeMap<u64, Happened>,
    listeners: BTreeMap<String, Subscriber>,
}

impl Feed {
    /// The feed as its rows tell of it.
    pub fn restore(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut feed = Self::default();
        for row in rows {
            match row {
                Row::Channel(state) => {
                    feed.channels.insert(state.channel, state.users);
                }
                Row::Listener { listener, channels } => {
                    feed.listeners.insert(listener, Subscriber::new(channels));
                }
                Row::Happened(happened) => {
                    feed.events.insert(happened.version, happened);
                }
            }
        }
        feed
    }

    pub(super) fn name(&mut self, app_id: String) {
        self.app_id = app_id;
    }

    pub(super) fn answer(&mut self, request: Request, out: &mut Vec<Output>) -> Reply {
        match request {
            Request::Roster { channel, users } => self.roster(channel, &users, out),
            Request::Told {
                channel,
                sid,
                number,
                text,
            } => {
                if !self.knows(&sid, number) {
                    self.happen(&channel, Happening::Recording { sid, number, text }, out);
                }
                Reply::Done
            }
            Request::Subscribe {
                listener,
                channels,
                since,
            } => self.subscribe(listener, channels, since, out),
            Request::Leave { listener } => {
                self.leave(&listener, out);
                Reply::Done
            }
            Request::Look { channels } => self.look(channels.as_ref()),
        }
    }

    pub(super) fn pushed(&mut self, listener: &str, pushed: Pushed, out: &mut Vec<Output>) {
        match pushed {
            Pushed::Gone => self.leave(listener, out),
            Pushed::Sent | Pushed::Failed => {
                if let Some(subscriber) = self.listeners.get_mut(listener) {
                    subscriber.pushed();
                }
            }
        }
    }

    /// Tells the listeners what waits for them.
    pub(super) fn push(&mut self, out: &mut Vec<Output>) {
        for (listener, subscriber) in &mut self.listeners {
            if let Some(events) = subscriber.next() {
                out.push(Output::Effect(Effect::Push {
                    app_id: self.app_id.clone(),
                    listener: listener.clone(),
                    events,
                }));
            }
        }
    }

    fn roster(&mut self, channel: String, users: &[User], out: &mut Vec<Output>) -> Reply {
        let known = self.channels.get(&channel);
        if known.is_none() && self.channels.len() >= MAX_CHANNELS {
            return Reply::Full;
        }
        let before = known.cloned().unwrap_or_default();
        let after = rows(users);
        if before == after {
            return Reply::Done;
        }
        for what in changes(&before, &after) {
            self.happen(&channel, what, out);
        }
        if after.is_empty() {
            self.channels.remove(&channel);
            let name = Row::name_of_channel(&channel);
            out.push(Output::Effect(Effect::Remove { name }));
        } else {
            self.channels.insert(channel.clone(), after.clone());
            let state = ChannelState { channel, users: after };
            out.push(Output::Effect(Effect::Save(Row::Channel(state))));
        }
        Reply::Done
    }

    fn happen(&mut self, channel: &str, what: Happening, out: &mut Vec<Output>) {
        let happened = Happened {
            version: self.version().saturating_add(1),
            channel: channel.to_owned(),
            what,
        };
        for subscriber in self.listeners.values_mut() {
            subscriber.tell(&happened);
        }
        out.push(Output::Effect(Effect::Save(Row::Happened(happened.clone()))));
        self.events.insert(happened.version, happened);
        while self.events.len() > MAX_EVENTS {
            if let Some((version, _)) = self.events.pop_first() {
                let name = Row::name_of_event(version);
                out.push(Output::Effect(Effect::Remove { name }));
            }
        }
    }

    /// The number of the newest event.
    fn version(&self) -> u64 {
        self.events.last_key_value().map_or(0, |(version, _)| *version)
    }

    /// Whether this, or something newer, has been told of a recording, as far back as events are kept.
    fn knows(&self, sid: &str, number: u64) -> bool {
        self.events.values().any(|happened| {
            matches!(&happened.what, Happening::Recording { sid: of, number: told, .. } if of == sid && *told >= number)
        })
    }

    fn subscribe(
        &mut self,
        listener: String,
        channels: Option<BTreeSet<String>>,
        since: Option<u64>,
        out: &mut Vec<Output>,
    ) -> Reply {
        if !self.listeners.contains_key(&listener) && self.listeners.len() >= MAX_LISTENERS {
            return Reply::Full;
        }
        let subscriber = self.listeners.entry(listener.clone()).or_default();
        subscriber.follow(channels.clone());
        if let Some(since) = since {
            for happened in self.events.range(since.saturating_add(1)..).map(|(_, event)| event) {
                subscriber.tell(happened);
            }
        }
        out.push(Output::Effect(Effect::Save(Row::Listener { listener, channels })));
        Reply::Done
    }

    fn leave(&mut self, listener: &str, out: &mut Vec<Output>) {
        if self.listeners.remove(listener).is_some() {
            let name = Row::name_of_listener(listener);
            out.push(Output::Effect(Effect::Remove { name }));
        }
    }

    fn look(&self, wanted: Option<&BTreeSet<String>>) -> Reply {
        let is_wanted = |channel: &String| wanted.is_none_or(|wanted| wanted.contains(channel));
        let channels = self.channels.iter().filter(|(channel, _)| is_wanted(channel));
        let channels = channels.map(|(channel, users)| ChannelState {
            channel: channel.clone(),
            users: users.clone(),
        });
        Reply::State {
            version: self.version(),
            channels: channels.collect(),
        }
    }
}

fn rows(users: &[User]) -> Rows {
    let mut rows = Rows::new();
    for User { uid, streams } in users {
        if rows.len() >= MAX_USERS && !rows.contains_key(uid) {
            continue;
        }
        let media = streams.iter().flat_map(|stream| Media::of(*stream)).copied();
        rows.entry(uid.clone()).or_default().extend(media);
    }
    rows
}

/// What has happened between two states of a channel.
fn changes(before: &Rows, after: &Rows) -> Vec<Happening> {
    let mut changes = Vec::new();
    let none = BTreeSet::new();
    for (uid, had) in before {
        let has = after.get(uid);
        let ended = had.difference(has.unwrap_or(&none)).copied();
        changes.extend(ended.map(|media| Happening::MediaEnded {
            uid: uid.clone(),
            media,
        }));
        if has.is_none() {
            changes.push(Happening::Left { uid: uid.clone() });
        }
    }
    for (uid, has) in after {
        let had = before.get(uid);
        if had.is_none() {
            changes.push(Happening::Joined { uid: uid.clone() });
        }
        let begun = has.difference(had.unwrap_or(&none)).copied();
        changes.extend(begun.map(|media| Happening::MediaBegan {
            uid: uid.clone(),
            media,
        }));
    }
    changes
}
