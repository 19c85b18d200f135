use protocol::{Selection, StreamTypes, Subscription};

use crate::stream::Track;

/// Some of a user's tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracks {
    pub audio: bool,
    pub video: bool,
}

impl Tracks {
    /// What a subscription wants of a user.
    pub fn wanted(subscription: &Subscription, uid: &str) -> Self {
        let types = subscription.types;
        Self {
            audio: types != StreamTypes::Video && selects(&subscription.audio, uid),
            video: types != StreamTypes::Audio && selects(&subscription.video, uid),
        }
    }

    pub fn any(self) -> bool {
        self.audio || self.video
    }

    pub fn has(self, track: Track) -> bool {
        match track {
            Track::Audio => self.audio,
            Track::Video => self.video,
        }
    }

    pub fn contains(self, other: Self) -> bool {
        (self.audio || !other.audio) && (self.video || !other.video)
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
    use protocol::VideoQuality;

    use super::*;

    #[test]
    fn types_and_selections_say_which_tracks() {
        let wanted = |uid, types, audio, video| {
            let subscription = Subscription {
                version: 1,
                types,
                audio,
                video,
                quality: VideoQuality::High,
            };
            let tracks = Tracks::wanted(&subscription, uid);
            (tracks.audio, tracks.video)
        };
        let only = || Selection::Only(vec!["1".into(), "2".into()]);
        let except = || Selection::Except(vec!["1".into()]);
        assert_eq!(wanted("1", StreamTypes::Both, only(), except()), (true, false));
        assert_eq!(wanted("2", StreamTypes::Both, only(), except()), (true, true));
        assert_eq!(wanted("3", StreamTypes::Both, only(), except()), (false, true));
        assert_eq!(wanted("1", StreamTypes::Video, only(), except()), (false, false));
        assert_eq!(wanted("3", StreamTypes::Audio, only(), except()), (false, false));
        assert_eq!(
            wanted("3", StreamTypes::Both, Selection::None, Selection::All),
            (false, true)
        );
    }
}
