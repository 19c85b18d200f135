//! Lines of a playlist beside those of RFC 8216: when its track begins, and how large the picture is. `TIME` has the form
//! `YYYYMMDDHHMMSSmmm` in the playlists of users, and is in Unix milliseconds in that of a mix.

use protocol::{TagStyle, TrackKind};

use super::utc::utc17;

/// How one playlist is tagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    style: Option<TagStyle>,
    mixed: bool,
}

/// A slice that does not continue the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Discontinuity {
    pub track: TrackKind,
    /// Width and height of the picture from here on.
    pub picture: Option<(u32, u32)>,
    /// The track begins here, for the first time or again: not only its format is another one.
    pub restarts: bool,
    /// Unix milliseconds.
    pub at_ms: u64,
}

impl Tags {
    pub fn of_user(style: Option<TagStyle>) -> Self {
        Self { style, mixed: false }
    }

    pub fn of_mix(style: Option<TagStyle>) -> Self {
        Self { style, mixed: true }
    }

    /// The lines in front of such a slice, in order.
    pub fn lines(&self, discontinuity: Discontinuity) -> Vec<String> {
        let Some(TagStyle { prefix }) = &self.style else {
            return Vec::new();
        };
        let Discontinuity {
            track,
            picture,
            restarts,
            at_ms,
        } = discontinuity;
        let time = if self.mixed { at_ms.to_string() } else { utc17(at_ms) };
        // Video is recorded upright, so the rotation is 0. The picture of a mix has one size.
        let rotate = picture
            .filter(|_| !self.mixed)
            .map(|(width, height)| format!("{prefix}ROTATE:WIDTH={width},HEIGHT={height},ROTATE=0,TIME={time}"));
        let start = restarts.then(|| format!("{prefix}TRACK-EVENT:EVENT=START,TRACK_TYPE={},TIME={time}", name(track)));
        rotate.into_iter().chain(start).collect()
    }
}

fn name(track: TrackKind) -> &'static str {
    match track {
        TrackKind::Audio => "AUDIO",
        TrackKind::Video => "VIDEO",
        TrackKind::Both => "AUDIO_VIDEO",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISCONTINUITY: Discontinuity = Discontinuity {
        track: TrackKind::Video,
        picture: Some((640, 360)),
        restarts: true,
        at_ms: 1_606_357_122_528,
    };

    fn style() -> Option<TagStyle> {
        Some(TagStyle {
            prefix: "#EXT-X-ACME-".to_owned(),
        })
    }

    #[test]
    fn lines_begin_with_the_prefix_of_the_style() {
        assert_eq!(
            Tags::of_user(style()).lines(DISCONTINUITY),
            [
                "#EXT-X-ACME-ROTATE:WIDTH=640,HEIGHT=360,ROTATE=0,TIME=20201126021842528",
                "#EXT-X-ACME-TRACK-EVENT:EVENT=START,TRACK_TYPE=VIDEO,TIME=20201126021842528",
            ]
        );
        assert_eq!(
            Tags::of_mix(style()).lines(DISCONTINUITY),
            ["#EXT-X-ACME-TRACK-EVENT:EVENT=START,TRACK_TYPE=VIDEO,TIME=1606357122528"]
        );
    }

    #[test]
    fn without_a_style_there_are_no_lines() {
        assert_eq!(Tags::of_user(None).lines(DISCONTINUITY), [""; 0]);
    }
}
