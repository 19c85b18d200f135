use std::time::Duration;

/// One that was not seen for so long does not come any more.
const SEEN: Duration = Duration::from_secs(5);

/// Which packets of a picture can be left out, so that it moves less smoothly and is whole all the same: those of its higher temporal
/// layers, from which no picture of a lower one is predicted. Pure.
#[derive(Debug)]
pub struct Thinner {
    layer: fn(&[u8]) -> Option<u8>,
    /// The picture of the packet before, and its layer.
    last: Option<(u32, u8)>,
    /// When there was something to leave out.
    seen: Option<Duration>,
}

impl Thinner {
    /// `codec`: as session descriptions write it, in upper case. Of one that is not known here nothing can be left out.
    pub fn new(codec: &str) -> Self {
        let layer = match codec {
            "VP8" => vp8,
            "VP9" => vp9,
            "AV1" => av1,
            _ => unknown,
        };
        Self {
            layer,
            last: None,
            seen: None,
        }
    }

    /// Whether this is a packet of a picture that can be left out. `now`: since any moment.
    pub fn is_spare(&mut self, timestamp: u32, payload: &[u8], now: Duration) -> bool {
        let of_same = self.last.filter(|(of, _)| *of == timestamp);
        // What goes on in the middle of something does not say what it is of.
        let Some(layer) = (self.layer)(payload).or(of_same.map(|(_, layer)| layer)) else {
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

fn unknown(_: &[u8]) -> Option<u8> {
    None
}

/// RFC 7741, 4.2.
fn vp8(payload: &[u8]) -> Option<u8> {
    let first = *payload.first()?;
    if first & 0x80 == 0 {
        return Some(0);
    }
    let extensions = *payload.get(1)?;
    let mut at = 2;
    if extensions & 0x80 != 0 {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    at += usize::from(extensions & 0x40 != 0);
    match extensions & 0x20 {
        0 => Some(0),
        _ => Some(payload.get(at)? >> 6),
    }
}

/// RFC 9628, 4.2.
fn vp9(payload: &[u8]) -> Option<u8> {
    let first = *payload.first()?;
    let mut at = 1;
    if first & 0x80 != 0 {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    match first & 0x20 {
        0 => Some(0),
        _ => Some(payload.get(at)? >> 5),
    }
}

/// The first OBU that begins in the packet, by the format of the Alliance for Open Media.
fn av1(payload: &[u8]) -> Option<u8> {
    let first = *payload.first()?;
    let (goes_on, elements) = (first & 0x80 != 0, (first >> 4) & 0x03);
    if goes_on {
        return None;
    }
    let mut at = 1;
    if elements != 1 {
        // The length of the first element.
        while payload.get(at)? & 0x80 != 0 {
            at += 1;
        }
        at += 1;
    }
    match payload.get(at)? & 0x04 {
        0 => Some(0),
        _ => Some(payload.get(at + 1)? >> 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(codec: &str, payload: &[u8]) -> bool {
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
}
