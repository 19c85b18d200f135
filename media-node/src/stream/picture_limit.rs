use super::annexb::{h265_nal_type, nal_type, nal_units};
use super::depacketize::{
    PictureBuffer, av1_picture_size, h265_picture_buffer, jpeg_picture_size, picture_buffer, vp8_picture_size,
    vp9_format,
};
use super::{Format, VideoCodec, Vp9Format};

const H264_SPS: u8 = 7;
const H265_SPS: u8 = 33;

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

    /// Judges a stream by its format, as far as that tells what its pictures take.
    pub fn check_format(self, format: &Format) -> Result<(), NotDecoded> {
        match format {
            Format::H264(h264) if !h264.sps.is_empty() => self.check(picture_buffer(&h264.sps)),
            Format::H265(h265) if !h265.sps.is_empty() => self.check(h265_picture_buffer(&h265.sps)),
            Format::Vp8(vp8) => self.check(Some(vp8_buffer((vp8.width, vp8.height)))),
            Format::Vp9(vp9) => self.check(Some(vp9_buffer(vp9))),
            Format::Jpeg(jpeg) => self.check(Some(jpeg_buffer((jpeg.width, jpeg.height)))),
            Format::Av1(av1) => self.check(Some(av1_buffer((av1.width, av1.height)))),
            _ => Ok(()),
        }
    }

    /// Judges an access unit by what it brings that tells what its pictures, and those behind it, take.
    pub fn check_unit(self, codec: VideoCodec, data: &[u8]) -> Result<(), NotDecoded> {
        match codec {
            VideoCodec::H264 => {
                let mut sets = nal_units(data).filter(|unit| nal_type(unit) == H264_SPS);
                sets.try_for_each(|sps| self.check(picture_buffer(sps)))
            }
            VideoCodec::H265 => {
                let mut sets = nal_units(data).filter(|unit| h265_nal_type(unit) == H265_SPS);
                sets.try_for_each(|sps| self.check(h265_picture_buffer(sps)))
            }
            VideoCodec::Vp8 => {
                let size = vp8_picture_size(data);
                size.map_or(Ok(()), |size| self.check(Some(vp8_buffer(size))))
            }
            VideoCodec::Vp9 => {
                let format = vp9_format(data);
                format.map_or(Ok(()), |vp9| self.check(Some(vp9_buffer(&vp9))))
            }
            VideoCodec::Jpeg => self.check(jpeg_picture_size(data).map(jpeg_buffer)),
            VideoCodec::Av1 => {
                let size = av1_picture_size(data);
                size.map_or(Ok(()), |size| self.check(size.map(av1_buffer)))
            }
        }
    }

    fn check(self, buffer: Option<PictureBuffer>) -> Result<(), NotDecoded> {
        let buffer = buffer.ok_or(NotDecoded::Unreadable)?;
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
}

/// Of VP8, whose pictures are predicted from three others.
fn vp8_buffer((width, height): (u32, u32)) -> PictureBuffer {
    PictureBuffer {
        width,
        height,
        picture_bytes: u64::from(width) * u64::from(height) * 3 / 2,
        pictures: 3,
    }
}

/// Of JPEG, whose pictures are predicted from none.
fn jpeg_buffer((width, height): (u32, u32)) -> PictureBuffer {
    PictureBuffer {
        width,
        height,
        picture_bytes: u64::from(width) * u64::from(height) * 2,
        pictures: 1,
    }
}

/// Of AV1, which keeps as many as VP9. What it says of its samples stands too far behind the size to be read here.
fn av1_buffer((width, height): (u32, u32)) -> PictureBuffer {
    PictureBuffer {
        width,
        height,
        picture_bytes: u64::from(width) * u64::from(height) * 3 / 2,
        pictures: 5,
    }
}

/// Of VP9, which keeps eight pictures to predict others from, seldom more than four of them different.
fn vp9_buffer(vp9: &Vp9Format) -> PictureBuffer {
    let (across, down) = vp9.chroma_halved;
    // Samples of a pixel, in halves.
    let halves = match (across, down) {
        (true, true) => 3,
        (false, false) => 6,
        _ => 4,
    };
    let sample_bytes = if vp9.bit_depth > 8 { 2 } else { 1 };
    PictureBuffer {
        width: vp9.width,
        height: vp9.height,
        picture_bytes: u64::from(vp9.width) * u64::from(vp9.height) * halves * sample_bytes / 2,
        pictures: 5,
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
                limit.check(picture_buffer(&sps(width, height, pictures))),
                Ok(()),
                "{width}×{height}, {pictures}"
            );
        }
    }

    #[test]
    fn a_set_that_asks_for_too_many_pixels_is_refused() {
        let refused = PictureLimit::default()
            .check(picture_buffer(&sps(16_384, 16_000, 1)))
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "has pictures of 16384×16000, and at most the area of 7680×4320 is decoded"
        );
        assert!(
            PictureLimit::new(640, 480)
                .check(picture_buffer(&sps(1280, 720, 1)))
                .is_err()
        );
    }

    #[test]
    fn a_set_that_asks_for_too_many_pictures_is_refused() {
        let refused = PictureLimit::default()
            .check(picture_buffer(&sps(7680, 4320, 16)))
            .unwrap_err();
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
            PictureLimit::default().check(picture_buffer(&bits.nal())),
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
        assert_eq!(
            limit.check_unit(VideoCodec::H264, &unit(&[small.clone(), slice.clone()])),
            Ok(())
        );
        assert!(
            limit
                .check_unit(VideoCodec::H264, &unit(&[small, large, slice.clone()]))
                .is_err()
        );
        assert_eq!(
            limit.check_unit(VideoCodec::H264, &unit(&[vec![0x67, 0x42], slice])),
            Err(NotDecoded::Unreadable)
        );
    }
    #[test]
    fn a_set_of_h265_counts_as_well() {
        // x265: 1920x1080 cut out of 1920x1088.
        let sps = "420101016000000300900000030000030078a003c0801107cb965664a4c2f0168080000003008000000c84";
        let sps = (0..sps.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&sps[at..at + 2], 16).unwrap());
        let unit: Vec<u8> = [0, 0, 0, 1].into_iter().chain(sps).collect();
        let check = |limit: PictureLimit| limit.check_unit(VideoCodec::H265, &unit);
        assert_eq!(check(PictureLimit::default()), Ok(()));
        assert!(matches!(
            check(PictureLimit::new(1920, 1070)),
            Err(NotDecoded::TooLarge {
                width: 1920,
                height: 1088,
                ..
            })
        ));
        let broken = PictureLimit::default().check_unit(VideoCodec::H265, &[0, 0, 1, 0x42, 1, 7]);
        assert_eq!(broken, Err(NotDecoded::Unreadable));
    }
}
