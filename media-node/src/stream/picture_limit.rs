use super::annexb::{nal_type, nal_units};
use super::depacketize::{PictureBuffer, picture_buffer};

const SPS: u8 = 7;

/// What a decoder's pictures may take for each pixel of the largest picture, in bytes: with 8K, that is what level 6.2 of
/// H.264 allows a stream to be predicted from, at 8 bits and 4:2:0.
const BYTES_FOR_A_PIXEL: u64 = 8;

/// The largest pictures that are decoded. A stream's parameter sets may ask for any size, and a decoder takes the memory
/// before it has seen whether there is such a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureLimit {
    width: u32,
    height: u32,
}

/// Why a stream is not decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecoded {
    #[error("has pictures of {width}×{height}, and at most the area of {limit} is decoded")]
    TooLarge { width: u32, height: u32, limit: String },
    #[error(
        "is predicted from {pictures} pictures of {width}×{height}, which take {} MB, and at most {} MB are given to that",
        .bytes >> 20, .limit_bytes >> 20
    )]
    TooMany {
        pictures: u32,
        width: u32,
        height: u32,
        bytes: u64,
        limit_bytes: u64,
    },
    #[error("does not say how large its pictures are")]
    Unreadable,
}

impl Default for PictureLimit {
    /// 8K.
    fn default() -> Self {
        Self::new(7680, 4320)
    }
}

impl PictureLimit {
    /// The area counts, in whatever shape.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    pub fn width(self) -> u32 {
        self.width
    }

    pub fn height(self) -> u32 {
        self.height
    }

    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The most that the decoded pictures of one stream take at a time.
    pub fn bytes(self) -> u64 {
        self.pixels().saturating_mul(BYTES_FOR_A_PIXEL)
    }

    /// Judges a stream by its sequence parameter set, an H.264 NAL unit.
    pub fn check(self, sps: &[u8]) -> Result<(), NotDecoded> {
        let buffer = picture_buffer(sps).ok_or(NotDecoded::Unreadable)?;
        let PictureBuffer {
            width,
            height,
            pictures,
            ..
        } = buffer;
        if u64::from(width) * u64::from(height) > self.pixels() {
            let limit = format!("{}×{}", self.width, self.height);
            return Err(NotDecoded::TooLarge { width, height, limit });
        }
        if buffer.bytes() > self.bytes() {
            return Err(NotDecoded::TooMany {
                pictures,
                width,
                height,
                bytes: buffer.bytes(),
                limit_bytes: self.bytes(),
            });
        }
        Ok(())
    }

    /// Judges an access unit in Annex B form by the sequence parameter sets that it brings.
    pub fn check_unit(self, data: &[u8]) -> Result<(), NotDecoded> {
        let mut sets = nal_units(data).filter(|unit| nal_type(unit) == SPS);
        sets.try_for_each(|sps| self.check(sps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing::sps;

    #[test]
    fn the_usual_sizes_are_decoded() {
        let limit = PictureLimit::default();
        for (width, height, pictures) in [(1920, 1088, 16), (1088, 1920, 4), (3840, 2160, 16), (7680, 4320, 5)] {
            assert_eq!(
                limit.check(&sps(width, height, pictures)),
                Ok(()),
                "{width}×{height}, {pictures}"
            );
        }
    }

    #[test]
    fn a_set_that_asks_for_too_many_pixels_is_refused() {
        let refused = PictureLimit::default().check(&sps(16_384, 16_000, 1)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "has pictures of 16384×16000, and at most the area of 7680×4320 is decoded"
        );
        assert!(PictureLimit::new(640, 480).check(&sps(1280, 720, 1)).is_err());
    }

    #[test]
    fn a_set_that_asks_for_too_many_pictures_is_refused() {
        let refused = PictureLimit::default().check(&sps(7680, 4320, 16)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "is predicted from 16 pictures of 7680×4320, which take 759 MB, and at most 253 MB are given to that"
        );
    }

    #[test]
    fn what_is_cut_off_a_picture_counts() {
        let mut bits = crate::stream::testing::SpsBits::new(16_384, 16_000, 1);
        bits.crop = Some((8184, 7992));
        assert!(matches!(
            PictureLimit::default().check(&bits.nal()),
            Err(NotDecoded::TooLarge { .. })
        ));
    }

    #[test]
    fn every_set_of_a_unit_counts() {
        let unit = |sets: &[Vec<u8>]| {
            let parts = sets.iter().flat_map(|set| [&[0, 0, 0, 1][..], set]);
            parts.collect::<Vec<_>>().concat()
        };
        let (small, large) = (sps(640, 480, 1), sps(16_384, 16_000, 1));
        let slice = vec![0x65, 0x88, 0x80];
        let limit = PictureLimit::default();
        assert_eq!(limit.check_unit(&unit(&[small.clone(), slice.clone()])), Ok(()));
        assert!(limit.check_unit(&unit(&[small, large, slice.clone()])).is_err());
        assert_eq!(
            limit.check_unit(&unit(&[vec![0x67, 0x42], slice])),
            Err(NotDecoded::Unreadable)
        );
    }
}
