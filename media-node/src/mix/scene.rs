//! The users in the channel, which of them are heard and seen, and what stands in for a missing picture.

use std::borrow::Cow;
use std::collections::BTreeMap;

use protocol::{Layout, Scene, SecretUrl, Subscription};

use super::compose::Source;
use super::video::Decoded;
use crate::media::Picture;
use crate::selection::Tracks;

/// How long the last picture of a user who sends no more video is shown, in microseconds.
pub const LAST_PICTURE_US: i64 = 3_500_000;

/// Identities of images do not meet those of decoded pictures, which count from 1.
const IMAGE: u64 = 1 << 63;

pub struct SceneState {
    scene: Scene,
    subscription: Subscription,
    /// The users in the channel, in the order of joining.
    present: Vec<String>,
    /// The images that the scene names, by URL; each with a number of its own.
    images: BTreeMap<SecretUrl, (u64, Picture)>,
    images_seen: u64,
}

impl SceneState {
    pub fn new(scene: Scene, subscription: Subscription) -> Self {
        Self {
            scene,
            subscription,
            present: Vec::new(),
            images: BTreeMap::new(),
            images_seen: 0,
        }
    }

    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Whether the picture shows large who speaks.
    pub fn follows_speaker(&self) -> bool {
        matches!(
            &self.scene.layout,
            Layout::Vertical {
                large_speaker: true,
                ..
            }
        )
    }

    /// The layout with the speaker in its place, if the speaker has one.
    pub fn layout(&self, speaker: Option<&str>) -> Cow<'_, Layout> {
        let layout = &self.scene.layout;
        let speaker = speaker.filter(|uid| self.follows_speaker() && self.seen().contains(uid));
        match speaker {
            Some(uid) => Cow::Owned(Layout::Vertical {
                large_uid: Some(uid.to_owned()),
                large_speaker: true,
            }),
            None => Cow::Borrowed(layout),
        }
    }

    pub fn join(&mut self, uid: String) {
        if !self.present.contains(&uid) {
            self.present.push(uid);
        }
    }

    pub fn leave(&mut self, uid: &str) {
        self.present.retain(|present| present != uid);
    }

    pub fn set_scene(&mut self, scene: Scene) {
        self.scene = scene;
        let Self { scene, images, .. } = self;
        images.retain(|url, _| names(scene, url));
    }

    pub fn subscribe(&mut self, subscription: Subscription) {
        self.subscription = subscription;
    }

    /// Keeps an image that the scene names; another one came too late.
    pub fn set_image(&mut self, url: SecretUrl, picture: Picture) {
        if names(&self.scene, &url) {
            self.images_seen += 1;
            self.images.insert(url, (IMAGE | self.images_seen, picture));
        }
    }

    pub fn background_image(&self) -> Option<&Picture> {
        let (_, picture) = self.images.get(self.scene.background_image.as_ref()?)?;
        Some(picture)
    }

    pub fn hears(&self, uid: &str) -> bool {
        self.present.iter().any(|present| present == uid) && Tracks::wanted(&self.subscription, uid).audio
    }

    /// Those who have a place in the picture, in the order of joining, whether they send video or not.
    pub fn seen(&self) -> Vec<&str> {
        self.present
            .iter()
            .map(String::as_str)
            .filter(|uid| Tracks::wanted(&self.subscription, uid).video)
            .collect()
    }

    /// What a user's region shows at a time: the last picture, but an image, if there is one, once that is old.
    pub fn source<'a>(&'a self, uid: &str, decoded: Option<&'a Decoded>, at_us: i64) -> Option<Source<'a>> {
        let picture = decoded.map(|decoded| Source {
            picture: &decoded.picture,
            id: decoded.id,
            fill: None,
        });
        if decoded.is_some_and(|decoded| at_us - decoded.pts_us < LAST_PICTURE_US) {
            return picture;
        }
        self.image_of(uid).or(picture)
    }

    fn image_of(&self, uid: &str) -> Option<Source<'_>> {
        let own = self.scene.user_images.iter().find(|image| image.uid == uid);
        let own = own.and_then(|image| Some((self.images.get(&image.url)?, Some(image.fill))));
        let common = || Some((self.images.get(self.scene.user_image.as_ref()?)?, None));
        let ((id, picture), fill) = own.or_else(common)?;
        Some(Source { picture, id: *id, fill })
    }
}

/// The URLs of all images that a scene names, some perhaps twice.
pub fn images(scene: &Scene) -> impl Iterator<Item = &SecretUrl> {
    let common = [&scene.background_image, &scene.user_image].into_iter().flatten();
    let own = scene.user_images.iter().map(|image| &image.url);
    common.chain(own)
}

fn names(scene: &Scene, url: &SecretUrl) -> bool {
    images(scene).any(|named| named == url)
}
