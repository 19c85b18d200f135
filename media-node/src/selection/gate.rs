use crate::stream::{Format, StreamEvent, Track};

/// Holds back the video of a stream that is open but not the user's picture. When it opens again, the video begins anew:
/// with its format, at a key frame.
#[derive(Debug, Default)]
pub struct Gate {
    format: Option<Format>,
    /// Something was held back since the last key frame that passed.
    shut: bool,
}

impl Gate {
    /// The video's format, once it is known.
    pub fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    /// Whether what comes is held back, if nothing else is wanted, until the next key frame.
    pub fn is_shut(&self) -> bool {
        self.shut
    }

    /// The part of an event that is passed on, in order. `open`: the video is wanted.
    pub fn pass(&mut self, event: StreamEvent, open: bool) -> [Option<StreamEvent>; 2] {
        match &event {
            StreamEvent::Format(Track::Video, format) => {
                self.format = Some(format.clone());
                self.shut |= !open;
            }
            StreamEvent::Unit(Track::Video, unit) => {
                self.shut |= !open;
                if open && unit.keyframe && std::mem::take(&mut self.shut) {
                    let format = self.format.clone();
                    return [
                        format.map(|format| StreamEvent::Format(Track::Video, format)),
                        Some(event),
                    ];
                }
            }
            _ => return [Some(event), None],
        }
        [(!self.shut).then_some(event), None]
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::stream::{AccessUnit, OpusFormat};

    fn unit(pts_us: i64, keyframe: bool) -> StreamEvent {
        let unit = AccessUnit {
            pts_us,
            dts_us: pts_us,
            data: Bytes::new(),
            keyframe,
        };
        StreamEvent::Unit(Track::Video, unit)
    }

    #[test]
    fn video_that_is_wanted_again_begins_with_its_format_at_a_key_frame() {
        let format = StreamEvent::Format(Track::Video, Format::Opus(OpusFormat { channels: 1 }));
        let mut gate = Gate::default();
        let mut passed = Vec::new();
        let script = [
            (format.clone(), true),
            (unit(1, true), true),
            (unit(2, false), false),
            (StreamEvent::Lost(Track::Audio, 1), false),
            (unit(3, false), true),
            (unit(4, true), true),
            (unit(5, false), true),
        ];
        for (event, open) in script {
            passed.extend(gate.pass(event, open).into_iter().flatten());
        }
        let expected = [
            format.clone(),
            unit(1, true),
            StreamEvent::Lost(Track::Audio, 1),
            format,
            unit(4, true),
            unit(5, false),
        ];
        assert_eq!(passed, expected);
    }
}
