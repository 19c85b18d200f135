use std::sync::Arc;

use bytes::Bytes;

use super::{Codec, Keys, looks_sealed};
use crate::stream::{Frame, FrameFormat, Locked, Passed, Track, Unlock};

/// Makes the encrypted frames of one track clear, and leaves out those that it cannot.
pub struct Lock {
    kind: Track,
    keys: Option<Arc<Keys>>,
    codec: Option<Codec>,
    /// The format that came with frames that were left out, for the next one that is not.
    format: Option<FrameFormat>,
    /// The last frame ended as encrypted ones do; also before the first one.
    marked: bool,
    /// A picture that others need was left out.
    waiting: bool,
    told: Option<Locked>,
}

impl Lock {
    /// Without keys all that is not encrypted passes; with keys nothing but what they open.
    pub fn new(kind: Track, keys: Option<Arc<Keys>>) -> Self {
        Self {
            kind,
            keys,
            codec: None,
            format: None,
            marked: true,
            waiting: false,
            told: None,
        }
    }

    fn open(&mut self, data: Bytes) -> Result<Bytes, Locked> {
        if let Some(keys) = &self.keys {
            return match self.codec {
                Some(codec) => keys.open(codec, &data),
                None => Err(Locked::Codec),
            };
        }
        // A clear stream may end so by chance once, at any frame but its first.
        let marked = looks_sealed(&data);
        if marked && std::mem::replace(&mut self.marked, marked) {
            return Err(Locked::NoSecret);
        }
        self.marked = marked;
        Ok(data)
    }
}

impl Unlock for Lock {
    fn pass(&mut self, mut frame: Frame) -> Passed {
        if let Some(format) = frame.format.take() {
            self.codec = Codec::of(&format.format);
            self.format = Some(format);
        }
        match self.open(frame.data.clone()) {
            Ok(_) if self.waiting && !frame.keyframe => Passed::Out(None),
            Ok(data) => {
                self.waiting = false;
                self.told = None;
                let format = self.format.take();
                Passed::Clear(Frame { data, format, ..frame })
            }
            Err(locked) => {
                self.waiting = self.kind == Track::Video;
                let news = self.told.replace(locked) != Some(locked);
                Passed::Out(news.then_some(locked))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Cipher, Secret};

    use super::*;
    use crate::stream::{Format, OpusFormat, PcmCoding, PcmFormat};

    fn keys(secret: &str) -> Arc<Keys> {
        Arc::new(Keys::derive(Cipher::Aes128Xts, &Secret::new(secret), "room"))
    }

    fn frame(data: Vec<u8>, keyframe: bool, first: bool) -> Frame {
        Frame {
            timestamp: 0,
            arrival_us: 0,
            data: data.into(),
            keyframe,
            format: first.then(|| FrameFormat {
                format: Format::Opus(OpusFormat { channels: 1 }),
                frame_us: 20_000,
            }),
        }
    }

    fn sealed(keys: &Keys, number: u8) -> Vec<u8> {
        keys.seal(Codec::Opus, &[0xf8, number, 1, 2], &mut || [number; 8])
    }

    fn out(passed: &Passed) -> Option<Locked> {
        match passed {
            Passed::Out(locked) => *locked,
            Passed::Clear(frame) => panic!("{frame:?}"),
        }
    }

    #[test]
    fn what_the_keys_open_is_clear_and_has_the_format() {
        let (right, wrong) = (keys("right"), keys("wrong"));
        let mut lock = Lock::new(Track::Video, Some(right.clone()));
        assert_eq!(
            out(&lock.pass(frame(sealed(&wrong, 1), true, true))),
            Some(Locked::WrongSecret)
        );
        assert_eq!(
            out(&lock.pass(frame(sealed(&wrong, 2), true, false))),
            None,
            "told once"
        );
        assert_eq!(
            out(&lock.pass(frame(vec![0xf8, 1, 2], true, false))),
            Some(Locked::Clear)
        );
        assert_eq!(
            out(&lock.pass(frame(sealed(&right, 3), false, false))),
            None,
            "no keyframe"
        );
        let Passed::Clear(first) = lock.pass(frame(sealed(&right, 4), true, false)) else {
            panic!("a keyframe that can be opened")
        };
        assert_eq!(first.data[..], [0xf8, 4, 1, 2]);
        assert!(first.format.is_some());
        let next = lock.pass(frame(sealed(&right, 5), false, false));
        assert!(matches!(next, Passed::Clear(frame) if frame.format.is_none()));
    }

    #[test]
    fn with_keys_sound_without_an_encrypted_form_is_left_out_and_told() {
        let mut first = frame(vec![0xd5; 160], true, true);
        first.format = Some(FrameFormat {
            format: Format::Pcm(PcmFormat {
                coding: PcmCoding::ALaw,
                sample_rate: 8_000,
                channels: 1,
            }),
            frame_us: 20_000,
        });
        let mut lock = Lock::new(Track::Audio, Some(keys("right")));
        assert_eq!(out(&lock.pass(first.clone())), Some(Locked::Codec));
        assert_eq!(out(&lock.pass(frame(vec![0xd5; 160], true, false))), None, "told once");
        let mut clear = Lock::new(Track::Audio, None);
        assert!(matches!(clear.pass(first), Passed::Clear(_)));
    }

    #[test]
    fn with_keys_a_codec_without_an_encrypted_form_is_left_out_and_told() {
        let h265 = Format::H265(crate::stream::H265Format {
            vps: Bytes::new(),
            sps: Bytes::new(),
            pps: Bytes::new(),
            width: 0,
            height: 0,
            reorder_depth: 0,
        });
        let mut first = frame(vec![0x26, 1, 0xaf], true, true);
        first.format = Some(FrameFormat {
            format: h265,
            frame_us: 40_000,
        });
        let mut lock = Lock::new(Track::Video, Some(keys("right")));
        assert_eq!(out(&lock.pass(first.clone())), Some(Locked::Codec));
        assert_eq!(
            out(&lock.pass(frame(vec![2, 1, 0xaf], false, false))),
            None,
            "told once"
        );
        let mut clear = Lock::new(Track::Video, None);
        assert!(matches!(clear.pass(first), Passed::Clear(_)));
    }

    #[test]
    fn without_keys_what_is_encrypted_is_left_out() {
        let mut lock = Lock::new(Track::Audio, None);
        let keys = keys("right");
        assert_eq!(
            out(&lock.pass(frame(sealed(&keys, 1), true, true))),
            Some(Locked::NoSecret)
        );
        assert_eq!(out(&lock.pass(frame(sealed(&keys, 2), true, false))), None);
    }

    #[test]
    fn a_clear_frame_may_look_encrypted_by_chance() {
        let mut lock = Lock::new(Track::Audio, None);
        for data in [&b"\xf8clear"[..], b"\xf8TDE1", b"\xf8clear"] {
            assert!(matches!(lock.pass(frame(data.to_vec(), true, true)), Passed::Clear(_)));
        }
    }
}
