use std::collections::{BTreeMap, BTreeSet};

use protocol::{Roster, StreamName, Subscription};

use crate::selection::{Pictures, StreamPlan, Tracks, UserPlan};

/// What a user's task is to do. The last two end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Record(UserPlan),
    /// The user has left: what is on its way is still recorded.
    Left,
    /// The user is not wanted any more, or the recording ends.
    End,
}

/// The same for one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamOrder {
    Capture(StreamPlan),
    Left,
    End,
}

impl Order {
    pub fn tracks(&self) -> Option<Tracks> {
        match self {
            Self::Record(plan) => Some(plan.tracks),
            Self::Left | Self::End => None,
        }
    }

    pub fn stream(&self, name: StreamName) -> StreamOrder {
        let plan = match self {
            Self::Record(plan) => plan,
            Self::Left => return StreamOrder::Left,
            Self::End => return StreamOrder::End,
        };
        match plan.streams.get(&name) {
            Some(stream) => StreamOrder::Capture(stream.clone()),
            None if plan.tracks.any() => StreamOrder::Left,
            None => StreamOrder::End,
        }
    }
}

/// What is to be captured in a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is captured of each user, by uid.
    pub users: BTreeMap<String, UserPlan>,
    /// Wanted users beyond `max_users`. Those who joined first are in.
    pub left_out: BTreeSet<String>,
    /// Somebody is in the channel whom nobody wants recorded.
    pub bystanders: bool,
}

/// Takes the users in the order of the roster, `max_users` of them at most.
pub fn plan(roster: &Roster, subscription: &Subscription, pictures: Pictures, max_users: usize) -> Plan {
    let mut plan = Plan::default();
    for user in &roster.users {
        let wanted = UserPlan::new(user, subscription, pictures);
        if wanted.streams.is_empty() {
            plan.bystanders = true;
            continue;
        }
        if plan.users.len() < max_users || plan.users.contains_key(&user.uid) {
            plan.users.insert(user.uid.clone(), wanted);
        } else {
            plan.left_out.insert(user.uid.clone());
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use protocol::{RosterStream, RosterUser, Selection, StreamTypes, VideoQuality};

    use super::*;

    fn user(uid: &str, streams: &[StreamName]) -> RosterUser {
        let stream = |name: &StreamName| RosterStream {
            name: *name,
            url: format!("{uid}/{name}").into(),
            publication: 7,
        };
        RosterUser {
            uid: uid.into(),
            joined_at_ms: 0,
            streams: streams.iter().map(stream).collect(),
        }
    }

    #[test]
    fn who_joined_first_is_recorded() {
        let all = Subscription {
            version: 1,
            types: StreamTypes::Both,
            audio: Selection::All,
            video: Selection::All,
            quality: VideoQuality::High,
        };
        let users = ["c", "b", "a"].map(|uid| user(uid, &[StreamName::Camera])).to_vec();
        let plan = plan(&Roster { version: 1, users }, &all, Pictures::Camera, 2);
        assert_eq!(plan.users.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(plan.left_out.iter().collect::<Vec<_>>(), ["a"]);
    }
}
