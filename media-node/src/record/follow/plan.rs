use std::collections::{BTreeMap, BTreeSet};

use protocol::{Roster, StreamName, Subscription};

use crate::selection::{Pictures, StreamPlan, Tracks, UserPlan, Views};

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
    /// Wanted users for whom there is no room. Those who joined first are in.
    pub left_out: BTreeSet<String>,
    /// Some of them are left out for good, because the recording has followed as many as it may in all.
    pub is_full: bool,
    /// Somebody is in the channel whom nobody wants recorded.
    pub bystanders: bool,
}

/// How many users a recording may follow.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    pub at_once: usize,
    /// Those who were followed already, whether they are there or not,
    pub followed: &'a BTreeSet<String>,
    /// and how many of them there may be.
    pub in_all: usize,
}

/// Takes the users in the order of the roster, as long as there is room.
pub fn plan(roster: &Roster, subscription: &Subscription, pictures: Pictures, views: &Views, room: Room<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut in_all = room.followed.len();
    for user in &roster.users {
        let view = views.user(&user.uid);
        let wanted = UserPlan::new(user, subscription, pictures, view, views.area(&user.uid));
        if wanted.streams.is_empty() {
            plan.bystanders = true;
            continue;
        }
        if plan.users.contains_key(&user.uid) {
            plan.users.insert(user.uid.clone(), wanted);
            continue;
        }
        let is_new = !room.followed.contains(&user.uid);
        let is_full = is_new && in_all >= room.in_all;
        plan.is_full |= is_full;
        if is_full || plan.users.len() >= room.at_once {
            plan.left_out.insert(user.uid.clone());
        } else {
            in_all += usize::from(is_new);
            plan.users.insert(user.uid.clone(), wanted);
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
            of_camera: false,
        };
        RosterUser {
            uid: uid.into(),
            joined_at_ms: 0,
            streams: streams.iter().map(stream).collect(),
        }
    }

    fn plan_of(uids: &[&str], room: Room<'_>) -> Plan {
        let all = Subscription {
            version: 1,
            types: StreamTypes::Both,
            audio: Selection::All,
            video: Selection::All,
            quality: VideoQuality::High,
        };
        let users = uids.iter().map(|uid| user(uid, &[StreamName::Camera])).collect();
        plan(
            &Roster {
                version: 1,
                users,
                speaker: None,
            },
            &all,
            Pictures::Camera,
            &Views::pictures(),
            room,
        )
    }

    #[test]
    fn who_joined_first_is_recorded() {
        let room = Room {
            at_once: 2,
            followed: &BTreeSet::new(),
            in_all: 100,
        };
        let plan = plan_of(&["c", "b", "a"], room);
        assert_eq!(plan.users.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(plan.left_out.iter().collect::<Vec<_>>(), ["a"]);
        assert!(!plan.is_full);
    }

    #[test]
    fn twenty_thousand_users_who_come_and_go_do_not_make_a_recording_grow_for_ever() {
        let names: Vec<_> = (0..20_000).map(|number| number.to_string()).collect();
        let mut followed = BTreeSet::new();
        for present in names.windows(100).step_by(10) {
            let room = Room {
                at_once: 60,
                followed: &followed,
                in_all: 2_000,
            };
            let present: Vec<_> = present.iter().map(String::as_str).collect();
            let plan = plan_of(&present, room);
            assert!(plan.users.len() <= 60);
            assert_eq!(plan.users.len() + plan.left_out.len(), 100);
            followed.extend(plan.users.into_keys());
            assert!(followed.len() <= 2_000);
        }
        assert_eq!(followed.len(), 2_000);
        // Whoever was followed before still is.
        let room = Room {
            at_once: 60,
            followed: &followed,
            in_all: 2_000,
        };
        let plan = plan_of(&["19999", "7", "0"], room);
        assert_eq!(plan.users.keys().collect::<Vec<_>>(), ["0", "7"]);
    }

    #[test]
    fn a_recording_that_has_followed_all_it_may_goes_on_with_those_it_knows() {
        let followed = ["a", "b"].map(str::to_owned).into();
        let room = Room {
            at_once: 10,
            followed: &followed,
            in_all: 3,
        };
        let plan = plan_of(&["new", "later", "b", "a"], room);
        assert_eq!(plan.users.keys().collect::<Vec<_>>(), ["a", "b", "new"]);
        assert_eq!(plan.left_out.iter().collect::<Vec<_>>(), ["later"]);
        assert!(plan.is_full);
    }
}
