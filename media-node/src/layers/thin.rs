use std::time::Duration;

use crate::stream::{keyframe, temporal_layer};

/// One that was not seen for so long does not come any more.
const SEEN: Duration = Duration::from_secs(5);

/// Which packets of a picture can be left out, so that it moves less smoothly and is whole all the same: those of its higher temporal
/// layers, from which no picture of a lower one is predicted. And whether they are. Pure.
#[derive(Debug)]
pub struct Thinner {
    /// As session descriptions write it, in upper case. Of one that is not known nothing can be left out.
    codec: &'static str,
    /// The picture of the packet before, and its layer.
    last: Option<(u32, u8)>,
    /// When there was something to leave out.
    seen: Option<Duration>,
    thins: Thins,
}

/// Whether what can be left out is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thins {
    No,
    Yes,
    /// What was left out is missing until there is another keyframe.
    UntilKeyframe,
}

impl Thinner {
    pub fn new(codec: &'static str) -> Self {
        Self {
            codec,
            last: None,
            seen: None,
            thins: Thins::No,
        }
    }

    /// Leaves out what can be, or no longer. Answers whether a keyframe is missing for that.
    pub fn thin(&mut self, thins: bool) -> bool {
        let thins = match (thins, self.thins) {
            (true, _) => Thins::Yes,
            (false, Thins::Yes) => Thins::UntilKeyframe,
            (false, thins) => thins,
        };
        std::mem::replace(&mut self.thins, thins) == Thins::Yes && thins != Thins::Yes
    }

    /// Whether a packet is left out. `now`: since any moment.
    pub fn leaves_out(&mut self, timestamp: u32, payload: &[u8], now: Duration) -> bool {
        let is_spare = self.is_spare(timestamp, payload, now);
        if self.thins == Thins::UntilKeyframe && keyframe::begins(self.codec, payload) {
            self.thins = Thins::No;
        }
        is_spare && self.thins != Thins::No
    }

    /// Whether this is a packet of a picture that can be left out. `now`: since any moment.
    pub fn is_spare(&mut self, timestamp: u32, payload: &[u8], now: Duration) -> bool {
        let of_same = self.last.filter(|(of, _)| *of == timestamp);
        // What goes on in the middle of something does not say what it is of.
        let told = temporal_layer(self.codec, payload);
        let Some(layer) = told.or(of_same.map(|(_, layer)| layer)) else {
            return false;
        };
        self.last = Some((timestamp, layer));
        if layer > 0 {
            self.seen = Some(now);
        }
        layer > 0
    }

    /// Whether there is anything to leave out.
    pub fn has_spare(&self, now: Duration) -> bool {
        self.seen.is_some_and(|seen| now.saturating_sub(seen) < SEEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(codec: &'static str, payload: &[u8]) -> bool {
        Thinner::new(codec).is_spare(1, payload, Duration::ZERO)
    }

    #[test]
    fn pictures_of_higher_temporal_layers_can_be_left_out() {
        for (codec, payload, expected) in [
            ("VP8", &[0x10, 0][..], false),
            ("VP8", &[0x90, 0x80, 0x11, 0], false),
            ("VP8", &[0x90, 0xe0, 0x91, 0x11, 7, 0x00, 0], false),
            ("VP8", &[0x90, 0xe0, 0x91, 0x11, 7, 0x40, 0], true),
            ("VP8", &[0x80, 0xe0, 0x11, 7, 0x80, 0], true),
            ("VP8", &[0x80, 0x20, 0x60, 0], true),
            ("VP8", &[0x80, 0xe0, 0x91], false),
            ("VP9", &[0x88, 0x01, 9], false),
            ("VP9", &[0xa8, 0x01, 0x00, 0], false),
            ("VP9", &[0xa8, 0x81, 0x01, 0x20, 0], true),
            ("VP9", &[0x28, 0x40, 0], true),
            ("VP9", &[0xa8], false),
            ("AV1", &[0x10, 0x30, 9], false),
            ("AV1", &[0x10, 0x34, 0x20, 9], true),
            ("AV1", &[0x10, 0x34, 0x08, 9], false),
            ("AV1", &[0x00, 0x85, 0x01, 0x34, 0x20, 9], true),
            ("AV1", &[0x90, 0x34, 0x20, 9], false),
            ("AV1", &[0x10], false),
            ("H264", &[0x01, 9], false),
            ("VP8", &[], false),
            ("VP9", &[], false),
            ("AV1", &[], false),
        ] {
            assert_eq!(spare(codec, payload), expected, "{codec} {payload:?}");
        }
    }

    #[test]
    fn the_rest_of_a_picture_is_of_its_layer() {
        let mut thinner = Thinner::new("AV1");
        let now = Duration::from_secs(9);
        assert!(!thinner.has_spare(now));
        assert!(thinner.is_spare(5, &[0x50, 0x34, 0x20, 9], now));
        assert!(thinner.is_spare(5, &[0x90, 9], now));
        assert!(!thinner.is_spare(6, &[0x90, 9], now), "of which nobody knows anything");
        assert!(thinner.has_spare(now) && !thinner.has_spare(now + SEEN));
    }

    #[test]
    fn what_was_left_out_is_missing_until_there_is_a_keyframe() {
        let mut thinner = Thinner::new("VP8");
        let (keyframe, spare) = (&[0x10, 0x00][..], &[0x80, 0x20, 0x40, 0x01][..]);
        let now = Duration::ZERO;
        assert!(!thinner.leaves_out(1, spare, now));
        assert!(!thinner.thin(false), "nothing is missing");
        assert!(!thinner.thin(true) && thinner.leaves_out(2, spare, now));
        assert!(!thinner.leaves_out(3, keyframe, now) && thinner.leaves_out(4, spare, now));
        assert!(thinner.thin(false) && !thinner.thin(false), "it is told once");
        assert!(thinner.leaves_out(5, spare, now));
        assert!(!thinner.leaves_out(6, keyframe, now) && !thinner.leaves_out(7, spare, now));
    }
}
