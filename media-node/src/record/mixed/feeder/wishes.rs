//! What is wanted of a mix, who is there and how it is made, and what a change of that is to the mixer.

use std::collections::BTreeSet;

use protocol::{MixOutput, Scene, StreamKind, StreamName, StreamTypes, Subscription};

use crate::mix::{Change, MixOptions};

/// What is wanted of a mix, and who is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    /// Nothing is mixed, and nobody is listened to.
    pub paused: bool,
    pub scene: Scene,
    pub subscription: Subscription,
    /// The users in the channel in the order of joining.
    pub present: Vec<Present>,
}

/// A user in the channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    pub uid: String,
    /// The time of joining on the recording's timeline.
    pub joined_us: i64,
    /// The stream that is the user's picture, where other streams are captured beside it.
    pub picture: Option<StreamName>,
    /// The streams that are captured for places of their own.
    pub streams: BTreeSet<StreamKind>,
}

impl Present {
    fn is_same_stay(&self, other: &Self) -> bool {
        (&self.uid, self.joined_us) == (&other.uid, other.joined_us)
    }
}

/// How a mix is made. Fixed for the recording's life.
#[derive(Clone, Debug)]
pub struct MixSpec {
    pub output: MixOutput,
    pub types: StreamTypes,
    pub options: MixOptions,
    /// The Unix time, in milliseconds, at which the recording's timeline begins.
    pub epoch_ms: u64,
    /// Whether the sound is made as MP3 as well.
    pub mp3: bool,
    /// How much media a whole file has at most, in microseconds, where that is asked for.
    pub split_us: Option<i64>,
}

impl Wishes {
    /// What has changed for the mixer, with the times from which that holds: leaving comes before joining.
    pub(super) fn changes_since(&self, before: &Self, now_us: i64) -> Vec<(i64, Change)> {
        let Self {
            paused: _,
            scene,
            subscription,
            present,
        } = self;
        let mut changes = Vec::new();
        if before.scene != *scene {
            changes.push((now_us, Change::Scene(scene.clone())));
        }
        if before.subscription != *subscription {
            changes.push((now_us, Change::Subscription(subscription.clone())));
        }
        let stayed = |stay: &Present, stays: &[Present]| stays.iter().any(|other| other.is_same_stay(stay));
        for stay in before.present.iter().filter(|stay| !stayed(stay, present)) {
            let uid = stay.uid.clone();
            // Whoever has come back meanwhile had left before: the roster told both at once.
            let anew = present.iter().find(|other| other.uid == uid);
            let at_us = anew.map_or(now_us, |other| other.joined_us.min(now_us));
            changes.push((at_us, Change::Leave { uid }));
        }
        for stay in present {
            let known = before.present.iter().find(|known| known.is_same_stay(stay));
            let at_us = stay.joined_us.min(now_us);
            if known.is_none() {
                let uid = stay.uid.clone();
                changes.push((at_us, Change::Join { uid }));
            }
            if known.map_or(&BTreeSet::new(), |known| &known.streams) != &stay.streams {
                let (uid, streams) = (stay.uid.clone(), stay.streams.clone());
                let at_us = known.map_or(at_us, |_| now_us);
                changes.push((at_us, Change::Streams { uid, streams }));
            }
        }
        changes
    }
}
