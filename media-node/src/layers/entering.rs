use std::time::Duration;

use super::entry::Entry;
use crate::channel::MediaTrack;
use crate::hub::{Flow, Inflow, Manner, Packet};

/// The way into pictures whose packets come as they are sent: by a keyframe, and that is one once it is whole. Pure.
pub struct Entering {
    /// Puts packets in order until then.
    inflow: Inflow,
    entry: Entry,
}

impl Entering {
    /// Into this track; `None` where nothing is known of its codec.
    pub fn new(track: &MediaTrack, clock_rate: u32) -> Option<Self> {
        Some(Self {
            inflow: Inflow::new(Manner::Resending),
            entry: Entry::new(track, clock_rate)?,
        })
    }

    /// The next packet. The keyframe and all that has come behind it, once it is whole; there is nothing to enter any more then.
    /// `now`: since any moment.
    pub fn take(&mut self, packet: &Packet, now: Duration) -> Option<Vec<Packet>> {
        if packet.flow == Flow::Rtcp {
            return None;
        }
        let mut due = Vec::new();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.inflow.take(packet.payload.clone(), now_ms, &mut due);
        let of = |payload| Packet {
            payload,
            ..packet.clone()
        };
        let mut entered: Option<Vec<Packet>> = None;
        for packet in due.into_iter().map(of) {
            match &mut entered {
                Some(entered) => entered.push(packet),
                None => entered = self.entry.push(&packet).map(|keyframe| keyframe.packets),
            }
        }
        if let Some(entered) = &mut entered {
            entered.extend(self.inflow.waiting().into_iter().map(of));
        }
        entered
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Vp8, video_track};
    use super::*;

    #[test]
    fn pictures_are_entered_once_the_keyframe_is_whole_with_what_has_come_behind_it() {
        let mut entering = Entering::new(&video_track(), 90_000).unwrap();
        let mut sender = Vp8::new(3, 320, 180);
        let (before, key, next) = (
            sender.picture(false, 2),
            sender.picture(true, 3),
            sender.picture(false, 2),
        );
        let mut take = |packet: &Packet| entering.take(packet, Duration::ZERO).map(|entered| entered.len());
        assert!(before.iter().all(|packet| take(packet).is_none()));
        // The second packet of the keyframe was lost, and is sent again behind the beginning of the next picture but one.
        for packet in [&key[0], &key[2], &next[0]] {
            assert_eq!(take(packet), None);
        }
        assert_eq!(take(&key[1]), Some(4));
    }
}
