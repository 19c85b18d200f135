use std::collections::{BTreeMap, BTreeSet};

use protocol::{Roster, RosterUser, Selection, StreamName, StreamTypes, Subscription};

/// Which tracks are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracks {
    pub audio: bool,
    pub video: bool,
}

impl Tracks {
    pub fn any(self) -> bool {
        self.audio || self.video
    }

    pub fn contains(self, other: Self) -> bool {
        (self.audio || !other.audio) && (self.video || !other.video)
    }
}

/// A stream that is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPlan {
    pub url: String,
    pub publication: u64,
    pub tracks: Tracks,
}

/// What is to be captured of a user. One of the streams at most brings video. Of those that bring audio, the one that does so
/// first is the user's audio until it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserPlan {
    pub tracks: Tracks,
    pub streams: BTreeMap<StreamName, StreamPlan>,
}

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
    /// By uid.
    pub users: BTreeMap<String, UserPlan>,
    /// Wanted users beyond `max_users`. Those who joined first are in.
    pub left_out: BTreeSet<String>,
    /// Somebody is in the channel whom nobody wants recorded.
    pub bystanders: bool,
}

/// `pictures`: which of a user's streams is the picture, the first of these that there is.
pub fn plan(roster: &Roster, subscription: &Subscription, pictures: &[StreamName], max_users: usize) -> Plan {
    let mut plan = Plan::default();
    for user in &roster.users {
        let wanted = user_plan(user, subscription, pictures);
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

fn user_plan(user: &RosterUser, subscription: &Subscription, pictures: &[StreamName]) -> UserPlan {
    let types = subscription.types;
    let tracks = Tracks {
        audio: types != StreamTypes::Video && selects(&subscription.audio, &user.uid),
        video: types != StreamTypes::Audio && selects(&subscription.video, &user.uid),
    };
    let published = |name: StreamName| user.streams.iter().any(|stream| stream.name == name);
    let picture = pictures.iter().copied().find(|name| published(*name));
    // A picture in low quality stands beside the stream that has the sound.
    let has_sound = |name| match name {
        StreamName::Camera | StreamName::Audio => true,
        StreamName::Low => false,
        StreamName::Screen | StreamName::Whiteboard => picture == Some(name),
    };
    let streams = user.streams.iter().map(|stream| {
        let plan = StreamPlan {
            url: stream.url.clone(),
            publication: stream.publication,
            tracks: Tracks {
                audio: tracks.audio && has_sound(stream.name),
                video: tracks.video && picture == Some(stream.name),
            },
        };
        (stream.name, plan)
    });
    UserPlan {
        tracks,
        streams: streams.filter(|(_, plan)| plan.tracks.any()).collect(),
    }
}

fn selects(selection: &Selection, uid: &str) -> bool {
    match selection {
        Selection::All => true,
        Selection::None => false,
        Selection::Only(uids) => uids.iter().any(|selected| selected == uid),
        Selection::Except(uids) => !uids.iter().any(|left_out| left_out == uid),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{RosterStream, VideoQuality};

    use super::*;

    const BOTH: Tracks = Tracks {
        audio: true,
        video: true,
    };
    const AUDIO: Tracks = Tracks {
        audio: true,
        video: false,
    };
    const VIDEO: Tracks = Tracks {
        audio: false,
        video: true,
    };

    fn user(uid: &str, streams: &[StreamName]) -> RosterUser {
        let stream = |name: &StreamName| RosterStream {
            name: *name,
            url: format!("{uid}/{name}"),
            publication: 7,
        };
        RosterUser {
            uid: uid.into(),
            joined_at_ms: 0,
            streams: streams.iter().map(stream).collect(),
        }
    }

    fn subscription(types: StreamTypes, audio: Selection, video: Selection) -> Subscription {
        Subscription {
            version: 1,
            types,
            audio,
            video,
            quality: VideoQuality::High,
        }
    }

    const CAMERA: &[StreamName] = &[StreamName::Camera];

    fn tracks_of(uid: &str, subscription: &Subscription) -> Tracks {
        let plan = user_plan(&user(uid, &[StreamName::Camera]), subscription, CAMERA);
        plan.streams
            .get(&StreamName::Camera)
            .map(|stream| stream.tracks)
            .unwrap_or_default()
    }

    #[test]
    fn types_and_selections_say_which_tracks() {
        let only = || Selection::Only(vec!["1".into(), "2".into()]);
        let except = || Selection::Except(vec!["1".into()]);
        let both = subscription(StreamTypes::Both, only(), except());
        assert_eq!(tracks_of("1", &both), AUDIO);
        assert_eq!(tracks_of("2", &both), BOTH);
        assert_eq!(tracks_of("3", &both), VIDEO);
        assert_eq!(
            tracks_of("1", &subscription(StreamTypes::Video, only(), except())),
            Tracks::default()
        );
        assert_eq!(
            tracks_of("3", &subscription(StreamTypes::Audio, only(), except())),
            Tracks::default()
        );
        assert_eq!(
            tracks_of("3", &subscription(StreamTypes::Both, Selection::None, Selection::All)),
            VIDEO
        );
    }

    #[test]
    fn of_several_streams_one_is_the_picture() {
        let all = subscription(StreamTypes::Both, Selection::All, Selection::All);
        let streams = |published: &[StreamName], pictures: &[StreamName]| {
            let plan = user_plan(&user("1", published), &all, pictures);
            plan.streams
                .into_iter()
                .map(|(name, stream)| (name, stream.tracks))
                .collect::<Vec<_>>()
        };
        use StreamName::{Audio, Camera, Low, Screen};
        assert_eq!(streams(&[Low, Camera], CAMERA), [(Camera, BOTH)]);
        assert_eq!(streams(&[Low, Camera], &[Low, Camera]), [(Camera, AUDIO), (Low, VIDEO)]);
        assert_eq!(
            streams(&[Camera, Audio], &[Low, Camera]),
            [(Camera, BOTH), (Audio, AUDIO)]
        );
        assert_eq!(streams(&[Screen], CAMERA), []);
        assert_eq!(streams(&[Screen, Camera], &[Camera, Screen]), [(Camera, BOTH)]);
        assert_eq!(
            streams(&[Screen, Audio], &[Camera, Screen]),
            [(Screen, BOTH), (Audio, AUDIO)]
        );
    }

    #[test]
    fn who_joined_first_is_recorded() {
        let all = subscription(StreamTypes::Both, Selection::All, Selection::All);
        let users = ["c", "b", "a"].map(|uid| user(uid, &[StreamName::Camera])).to_vec();
        let plan = plan(&Roster { version: 1, users }, &all, CAMERA, 2);
        assert_eq!(plan.users.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(plan.left_out.iter().collect::<Vec<_>>(), ["a"]);
    }
}
