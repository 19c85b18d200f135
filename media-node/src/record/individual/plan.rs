use std::collections::BTreeMap;

use protocol::{Roster, RosterUser, Selection, StreamName, StreamTypes, Subscription};

/// Which tracks are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tracks {
    pub(super) audio: bool,
    pub(super) video: bool,
}

impl Tracks {
    pub(super) fn any(self) -> bool {
        self.audio || self.video
    }

    pub(super) fn contains(self, other: Self) -> bool {
        (self.audio || !other.audio) && (self.video || !other.video)
    }
}

/// A stream that is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamPlan {
    pub(super) url: String,
    pub(super) publication: u64,
    pub(super) tracks: Tracks,
}

/// What is to be captured of a user. Video comes from the camera; audio from the camera and from a stream named `audio`:
/// the one that brings audio first is the user's audio until it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UserPlan {
    pub(super) tracks: Tracks,
    pub(super) camera: Option<StreamPlan>,
    pub(super) audio: Option<StreamPlan>,
}

/// What a user's task is to do. The last two end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Record(UserPlan),
    /// The user has left: what is on its way is still recorded.
    Left,
    /// The user is not wanted any more, or the recording ends.
    End,
}

/// The same for one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamOrder {
    Capture(StreamPlan),
    Left,
    End,
}

impl Order {
    pub(super) fn tracks(&self) -> Option<Tracks> {
        match self {
            Self::Record(plan) => Some(plan.tracks),
            Self::Left | Self::End => None,
        }
    }

    pub(super) fn stream(&self, name: StreamName) -> StreamOrder {
        let plan = match self {
            Self::Record(plan) => plan,
            Self::Left => return StreamOrder::Left,
            Self::End => return StreamOrder::End,
        };
        let stream = match name {
            StreamName::Camera => plan.camera.as_ref(),
            StreamName::Audio => plan.audio.as_ref(),
            StreamName::Low | StreamName::Screen | StreamName::Whiteboard => None,
        };
        match stream {
            Some(stream) => StreamOrder::Capture(stream.clone()),
            None if plan.tracks.any() => StreamOrder::Left,
            None => StreamOrder::End,
        }
    }
}

/// What is to be captured in a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// By uid.
    pub(super) users: BTreeMap<String, UserPlan>,
    /// Wanted users beyond `max_users`. Those who joined first are in.
    pub(super) left_out: usize,
    /// Somebody is in the channel whom nobody wants recorded.
    pub(super) bystanders: bool,
}

pub(super) fn plan(roster: &Roster, subscription: &Subscription, max_users: usize) -> Plan {
    let mut plan = Plan::default();
    for user in &roster.users {
        let wanted = user_plan(user, subscription);
        if wanted.camera.is_none() && wanted.audio.is_none() {
            plan.bystanders = true;
            continue;
        }
        if plan.users.len() < max_users || plan.users.contains_key(&user.uid) {
            plan.users.insert(user.uid.clone(), wanted);
        } else {
            plan.left_out += 1;
        }
    }
    plan
}

fn user_plan(user: &RosterUser, subscription: &Subscription) -> UserPlan {
    let types = subscription.types;
    let tracks = Tracks {
        audio: types != StreamTypes::Video && selects(&subscription.audio, &user.uid),
        video: types != StreamTypes::Audio && selects(&subscription.video, &user.uid),
    };
    let stream = |name, tracks: Tracks| {
        let stream = user.streams.iter().find(|stream| stream.name == name)?;
        tracks.any().then(|| StreamPlan {
            url: stream.url.clone(),
            publication: stream.publication,
            tracks,
        })
    };
    UserPlan {
        tracks,
        camera: stream(StreamName::Camera, tracks),
        audio: stream(StreamName::Audio, Tracks { video: false, ..tracks }),
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

    fn tracks_of(uid: &str, subscription: &Subscription) -> Tracks {
        user_plan(&user(uid, &[StreamName::Camera]), subscription)
            .camera
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
    fn only_camera_and_audio_streams_are_recorded() {
        let all = subscription(StreamTypes::Both, Selection::All, Selection::All);
        let roster = Roster {
            version: 1,
            users: vec![
                user("camera", &[StreamName::Low, StreamName::Camera]),
                user("audio", &[StreamName::Audio]),
                user("screen", &[StreamName::Screen]),
            ],
        };
        let users = plan(&roster, &all, 10).users;
        assert_eq!(users.keys().collect::<Vec<_>>(), ["audio", "camera"]);
        assert_eq!(users["camera"].camera.as_ref().map(|stream| stream.tracks), Some(BOTH));
        assert_eq!(users["camera"].audio, None);
        assert_eq!(users["audio"].camera, None);
        assert_eq!(users["audio"].audio.as_ref().map(|stream| stream.tracks), Some(AUDIO));
    }

    #[test]
    fn who_joined_first_is_recorded() {
        let all = subscription(StreamTypes::Both, Selection::All, Selection::All);
        let users = ["c", "b", "a"].map(|uid| user(uid, &[StreamName::Camera])).to_vec();
        let plan = plan(&Roster { version: 1, users }, &all, 2);
        assert_eq!(plan.users.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(plan.left_out, 1);
    }
}
