//! Brings the pictures of all users up to a time, by several threads where there are many. Each picture is one piece of
//! work of its own, so that the number of threads does not change the result.

use std::collections::BTreeMap;
use std::thread;

use super::compose::Slot;
use super::counters::Counters;
use super::scene::SceneState;
use super::user::User;
use super::video::VideoTrack;

/// Pictures for which a thread is worth its start.
const PICTURES_FOR_A_THREAD: usize = 2;

/// What the canvas is to show.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub scene: &'a SceneState,
    pub at_us: i64,
    /// Nothing but the key frames of users' video is decoded.
    pub key_frames_only: bool,
}

/// A picture of a user with the regions that show it.
struct Work<'a> {
    uid: &'a str,
    key: u64,
    video: &'a mut VideoTrack,
    slots: Vec<&'a mut Slot>,
}

impl Work<'_> {
    fn run(&mut self, view: View<'_>, counters: &mut Counters) {
        let (video, at_us) = (&mut *self.video, view.at_us);
        if self.slots.is_empty() {
            return video.rest(at_us, counters);
        }
        if view.key_frames_only {
            video.jump(at_us, counters);
        } else {
            video.advance(at_us, counters);
        }
        // At once, while the picture is still in the processor's caches.
        let source = view.scene.source(self.uid, video.shown(), at_us);
        for slot in &mut self.slots {
            counters.pictures_unusable += u64::from(slot.show(source).is_err());
        }
    }
}

/// Decodes and scales what is due.
pub fn update(users: &mut BTreeMap<String, User>, slots: &mut [Slot], view: View<'_>, workers: usize) -> Counters {
    let mut work: Vec<Work<'_>> = users
        .iter_mut()
        .flat_map(|(uid, user)| {
            user.videos().map(move |(key, video)| Work {
                uid,
                key,
                video,
                slots: Vec::new(),
            })
        })
        .collect();
    let mut seen = 0;
    for slot in slots {
        if let Some(owner) = work.iter_mut().find(|work| work.key == slot.owner()) {
            owner.slots.push(slot);
            seen += 1;
        }
    }
    let workers = workers.min(seen / PICTURES_FOR_A_THREAD).max(1);
    let mut shares: Vec<Vec<Work<'_>>> = (0..workers).map(|_| Vec::new()).collect();
    for (index, work) in work.into_iter().enumerate() {
        shares[index % workers].push(work);
    }
    let run = |share: &mut Vec<Work<'_>>| {
        let mut counters = Counters::default();
        share.iter_mut().for_each(|work| work.run(view, &mut counters));
        counters
    };
    thread::scope(|scope| {
        let mut shares = shares.iter_mut();
        let own = shares.next();
        let others: Vec<_> = shares.map(|share| scope.spawn(move || run(share))).collect();
        let mut counters = own.map(run).unwrap_or_default();
        for other in others {
            match other.join() {
                Ok(counted) => counters += counted,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        counters
    })
}
