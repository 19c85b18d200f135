use std::collections::BTreeMap;

use protocol::{RosterUser, SecretUrl, StreamName, Subscription, VideoQuality};

use super::area::Area;
use super::tracks::Tracks;
use super::views::View;

/// Which of a user's streams may be the user's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// The camera only, in low quality where that is subscribed to and sent.
    Camera,
    /// Any of them, the camera before the others.
    Any,
}

impl Pictures {
    /// The first of these that the user publishes is the picture.
    fn in_order(self, quality: VideoQuality) -> &'static [StreamName] {
        use StreamName::{Camera, Low, Screen, Whiteboard};
        match (self, quality) {
            (Self::Camera, VideoQuality::High) => &[Camera],
            (Self::Camera, VideoQuality::Low) => &[Low, Camera],
            (Self::Any, VideoQuality::High) => &[Camera, Screen, Whiteboard, Low],
            (Self::Any, VideoQuality::Low) => &[Low, Camera, Screen, Whiteboard],
        }
    }
}

/// A stream that is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPlan {
    pub url: SecretUrl,
    pub publication: u64,
    pub tracks: Tracks,
    /// Where its video comes in the size in which it is shown, if it is published in several.
    pub sized: Option<SecretUrl>,
}

/// What is to be captured of a user. One of the streams at most brings video, unless a scene shows several. Of those that bring
/// audio, the one that does so first is the user's audio until it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserPlan {
    pub tracks: Tracks,
    /// The stream that is the user's picture, where that is shown.
    pub picture: Option<StreamName>,
    pub streams: BTreeMap<StreamName, StreamPlan>,
}

impl UserPlan {
    /// `area`: how large the user's camera is shown, if that is known.
    pub fn new(
        user: &RosterUser,
        subscription: &Subscription,
        pictures: Pictures,
        view: &View,
        area: Option<Area>,
    ) -> Self {
        let tracks = Tracks::wanted(subscription, &user.uid);
        let published = |name: StreamName| user.streams.iter().any(|stream| stream.name == name);
        let mut candidates = pictures.in_order(subscription.quality).iter().copied();
        let picture = candidates.find(|name| published(*name));
        // A picture in low quality stands beside the stream that has the sound.
        let has_sound = |name| match name {
            StreamName::Camera | StreamName::Audio => true,
            StreamName::Low => false,
            StreamName::Screen | StreamName::Whiteboard => picture == Some(name),
        };
        // The pictures of a stream that is heard come along: changing what is captured of it would interrupt the sound.
        let comes_along = |name| picture == Some(name) && (view.picture || tracks.audio && has_sound(name));
        let is_shown = |name| view.streams.iter().any(|kind| StreamName::from(*kind) == name);
        let is_sized = user.streams.iter().any(|stream| stream.of_camera);
        let area = area.filter(|_| pictures == Pictures::Any && is_sized);
        let streams = user.streams.iter().map(|stream| {
            let video = tracks.video && (is_shown(stream.name) || comes_along(stream.name));
            let area = area.filter(|_| video && stream.name == StreamName::Camera);
            let plan = StreamPlan {
                url: stream.url.clone(),
                publication: stream.publication,
                tracks: Tracks {
                    audio: tracks.audio && has_sound(stream.name),
                    video,
                },
                sized: area.map(|area| area.of(&stream.url)),
            };
            (stream.name, plan)
        });
        Self {
            tracks,
            picture: picture.filter(|_| tracks.video && view.picture),
            streams: streams.filter(|(_, plan)| plan.tracks.any()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{RosterStream, Selection, StreamKind, StreamTypes};

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

    fn subscription(audio: Selection, quality: VideoQuality) -> Subscription {
        Subscription {
            version: 1,
            types: StreamTypes::Both,
            audio,
            video: Selection::All,
            quality,
        }
    }

    fn user(published: &[StreamName]) -> RosterUser {
        let stream = |name: &StreamName| RosterStream {
            name: *name,
            url: format!("1/{name}").into(),
            publication: 7,
            of_camera: *name == StreamName::Low,
        };
        RosterUser {
            uid: "1".into(),
            joined_at_ms: 0,
            streams: published.iter().map(stream).collect(),
        }
    }

    fn planned(published: &[StreamName], pictures: Pictures, subscription: &Subscription) -> Vec<(StreamName, Tracks)> {
        let view = View {
            picture: true,
            ..View::default()
        };
        viewed(published, pictures, subscription, &view)
    }

    fn viewed(
        published: &[StreamName],
        pictures: Pictures,
        subscription: &Subscription,
        view: &View,
    ) -> Vec<(StreamName, Tracks)> {
        let plan = UserPlan::new(&user(published), subscription, pictures, view, None);
        let streams = plan.streams.into_iter();
        streams.map(|(name, stream)| (name, stream.tracks)).collect()
    }

    #[test]
    fn of_several_streams_one_is_the_picture() {
        use StreamName::{Audio, Camera, Low, Screen};
        let high = |published: &[StreamName], pictures| {
            planned(published, pictures, &subscription(Selection::All, VideoQuality::High))
        };
        let low = |published: &[StreamName], pictures| {
            planned(published, pictures, &subscription(Selection::All, VideoQuality::Low))
        };
        assert_eq!(high(&[Low, Camera], Pictures::Camera), [(Camera, BOTH)]);
        assert_eq!(low(&[Low, Camera], Pictures::Camera), [(Camera, AUDIO), (Low, VIDEO)]);
        assert_eq!(
            low(&[Camera, Audio], Pictures::Camera),
            [(Camera, BOTH), (Audio, AUDIO)]
        );
        assert_eq!(high(&[Screen], Pictures::Camera), []);
        assert_eq!(high(&[Screen, Camera], Pictures::Any), [(Camera, BOTH)]);
        assert_eq!(high(&[Screen, Audio], Pictures::Any), [(Screen, BOTH), (Audio, AUDIO)]);
        assert_eq!(low(&[Camera, Low], Pictures::Any), [(Camera, AUDIO), (Low, VIDEO)]);
    }

    #[test]
    fn each_stream_that_a_scene_shows_is_captured_and_no_other() {
        use StreamName::{Audio, Camera, Low, Screen, Whiteboard};
        let all = [Camera, Low, Screen, Whiteboard, Audio];
        let shown = |published: &[StreamName], audio: Selection, streams: &[StreamKind]| {
            let view = View {
                picture: false,
                streams: streams.iter().copied().collect(),
            };
            let subscription = subscription(audio, VideoQuality::High);
            viewed(published, Pictures::Any, &subscription, &view)
        };
        let both = [StreamKind::Camera, StreamKind::Screen];
        assert_eq!(
            shown(&all, Selection::All, &both),
            [(Camera, BOTH), (Screen, VIDEO), (Audio, AUDIO)]
        );
        assert_eq!(
            shown(&all, Selection::None, &[StreamKind::Whiteboard]),
            [(Whiteboard, VIDEO)]
        );
        assert_eq!(
            shown(&[Camera, Screen], Selection::All, &[StreamKind::Screen]),
            [(Camera, BOTH), (Screen, VIDEO)],
            "the camera is heard"
        );
        assert_eq!(shown(&[Screen], Selection::All, &both), [(Screen, BOTH)]);
        assert_eq!(shown(&all, Selection::None, &[]), []);
    }

    #[test]
    fn of_a_camera_in_several_sizes_the_one_that_is_shown_is_captured() {
        use StreamName::{Camera, Low};
        let view = View {
            picture: true,
            ..View::default()
        };
        let area = Area {
            width: 320,
            height: 180,
            is_cut: true,
        };
        let sized = |published: &[StreamName], pictures, quality, area| {
            let subscription = subscription(Selection::All, quality);
            let plan = UserPlan::new(&user(published), &subscription, pictures, &view, area);
            let sized = plan
                .streams
                .into_iter()
                .filter_map(|(name, stream)| Some((name, stream.sized?)));
            sized
                .map(|(name, url)| (name, url.expose().to_owned()))
                .collect::<Vec<_>>()
        };
        let (high, low) = (VideoQuality::High, VideoQuality::Low);
        let expected = [(Camera, "1/camera?fill=320x180".to_owned())];
        assert_eq!(sized(&[Camera, Low], Pictures::Any, high, Some(area)), expected);
        assert_eq!(
            sized(&[Camera, Low], Pictures::Any, high, None),
            [],
            "it is not shown yet"
        );
        assert_eq!(sized(&[Camera], Pictures::Any, high, Some(area)), []);
        assert_eq!(sized(&[Camera, Low], Pictures::Camera, high, Some(area)), []);
        assert_eq!(sized(&[Camera, Low], Pictures::Any, low, Some(area)), []);
        let mut by_itself = user(&[Camera, Low]);
        by_itself.streams.iter_mut().for_each(|stream| stream.of_camera = false);
        let subscription = subscription(Selection::All, high);
        let plan = UserPlan::new(&by_itself, &subscription, Pictures::Any, &view, Some(area));
        assert!(
            plan.streams.values().all(|stream| stream.sized.is_none()),
            "a small picture that is published by itself says nothing of the camera"
        );
    }

    #[test]
    fn only_tracks_that_are_subscribed_to_are_captured() {
        let no_sound = subscription(Selection::None, VideoQuality::High);
        let streams = planned(&[StreamName::Camera, StreamName::Audio], Pictures::Any, &no_sound);
        assert_eq!(streams, [(StreamName::Camera, VIDEO)]);
    }
}
