//! Which way up a picture is that its sender does not turn itself. Browsers do; other clients may say it with their packets, asked or
//! not (3GPP TS 26.114, "coordination of video orientation"). Whoever gets the packets is told with each picture. In H.264 the picture
//! itself can say it besides, by a message in front of each keyframe, which others understand as well. Pure.

use str0m::rtp::{ExtensionValues, VideoOrientation};

use crate::stream::Quarters;
use crate::stream::h264_packet::{AGGREGATE, SEQUENCE_SET, units};

/// The kind of a unit with messages about pictures.
const MESSAGE: u8 = 6;
/// The display orientation among the messages (ITU-T H.264, D.1.27), with its length.
const ORIENTATION: [u8; 2] = [47, 3];
/// An aggregate that is as important as what it has in it, as a sequence parameter set is.
const IMPORTANT: u8 = 0x60;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Upright {
    /// As it was told last, if the picture was ever turned.
    told: Option<VideoOrientation>,
}

impl Upright {
    /// A packet says how its picture is turned. Answers whether that is news: it counts from the next keyframe on.
    pub(super) fn take(&mut self, orientation: VideoOrientation) -> bool {
        let before = self.told.unwrap_or(VideoOrientation::Deg0);
        if self.told.is_some() || orientation != before {
            self.told = Some(orientation);
        }
        orientation != before
    }

    /// How the picture has to be turned, if it ever had to be.
    pub(super) fn quarters(&self) -> Option<Quarters> {
        // Its numbers are those of the extension, which counts by how much a receiver turns it.
        self.told.map(|orientation| Quarters::new(orientation as u8))
    }

    /// The payload of a packet of H.264 with the message, where it has the parameter sets of a keyframe.
    pub(super) fn payload(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let message = message(self.told?);
        if !units(payload).any(|unit| unit == SEQUENCE_SET) {
            return None;
        }
        let mut aggregate = Vec::with_capacity(payload.len() + 3 + 2 + message.len());
        if payload.first().is_some_and(|first| first & 0x1f == AGGREGATE) {
            aggregate.extend(payload);
        } else {
            aggregate.push(IMPORTANT | AGGREGATE);
            aggregate.extend(u16::try_from(payload.len()).ok()?.to_be_bytes());
            aggregate.extend(payload);
        }
        aggregate.extend(u16::try_from(message.len()).ok()?.to_be_bytes());
        aggregate.extend(message);
        Some(aggregate)
    }
}

/// What says to a client how a picture has to be turned.
pub(super) fn turned(quarters: Option<Quarters>) -> ExtensionValues {
    ExtensionValues {
        video_orientation: quarters.map(|quarters| VideoOrientation::from(quarters.number())),
        ..ExtensionValues::default()
    }
}

/// What has to be done with a picture so that it is upright: from here on, until another message.
fn message(orientation: VideoOrientation) -> [u8; 7] {
    // Sixteen bits for the turn to the left behind three for what is not done; then that it goes on, and the end. Decoders take a
    // turn by nothing for no message, and go on with the last: so it is one by next to nothing.
    let [one, two, three] = match orientation {
        VideoOrientation::Deg0 => [0x00, 0x00, 0x29],
        VideoOrientation::Deg90 => [0x08, 0x00, 0x09],
        VideoOrientation::Deg180 => [0x10, 0x00, 0x09],
        VideoOrientation::Deg270 => [0x18, 0x00, 0x09],
    };
    let [kind, length] = ORIENTATION;
    [MESSAGE, kind, length, one, two, three, 0x80]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Picture, VideoDecoder, VideoEncoder, VideoEncoderChoice, VideoTarget};
    use crate::stream::{PictureLimit, VideoCodec};

    #[test]
    fn the_message_stands_behind_the_parameter_sets_once_a_picture_was_turned() {
        let mut upright = Upright::default();
        assert!(!upright.take(VideoOrientation::Deg0));
        assert_eq!(upright.payload(&[0x67, 1]), None);
        assert_eq!(upright.quarters(), None);
        assert!(upright.take(VideoOrientation::Deg270) && !upright.take(VideoOrientation::Deg270));
        assert_eq!(upright.quarters(), Some(Quarters::new(1)));
        let told = [0, 7, 6, 47, 3, 0x18, 0, 9, 0x80];
        assert_eq!(
            upright.payload(&[0x67, 1]).unwrap(),
            [&[0x78, 0, 2, 0x67, 1], &told[..]].concat()
        );
        let sets = [0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1];
        assert_eq!(upright.payload(&sets).unwrap(), [&sets[..], &told].concat());
        for other in [&[0x65, 1][..], &[0x7c, 0x85, 9], &[0x78, 0, 2, 0x68, 1], &[]] {
            assert_eq!(upright.payload(other), None);
        }
        assert!(upright.take(VideoOrientation::Deg0));
        assert!(
            upright.payload(&[0x67, 1]).unwrap().ends_with(&[0, 0, 0x29, 0x80]),
            "it is upright again"
        );
    }

    #[test]
    fn decoders_find_the_picture_upright() {
        crate::media::init().unwrap();
        let target = VideoTarget {
            width: 64,
            height: 32,
            fps: 10,
            bitrate: 100_000,
            gop: 1,
        };
        let mut encoder = VideoEncoder::new(&VideoEncoderChoice::default(), &target).unwrap();
        let mut coded = Vec::new();
        for number in 0..4 {
            let picture = Picture::new(64, 32).unwrap();
            encoder.encode(&picture, number, true, |unit| coded.push(unit)).unwrap();
        }
        encoder.finish(|unit| coded.push(unit)).unwrap();
        let mut decoder = VideoDecoder::new(VideoCodec::H264, PictureLimit::default()).unwrap();
        let orientations = [
            VideoOrientation::Deg90,
            VideoOrientation::Deg270,
            VideoOrientation::Deg180,
            VideoOrientation::Deg0,
        ];
        let mut sizes = Vec::new();
        for (unit, orientation) in coded.iter().zip(orientations) {
            // In front of the slice, whose kind is 5.
            let slice = unit
                .data
                .windows(4)
                .position(|four| four[..3] == [0, 0, 1] && four[3] & 0x1f == 5);
            let (before, behind) = unit.data.split_at(slice.unwrap());
            let data = [before, &[0, 0, 1], &message(orientation), behind].concat();
            let each = |picture: Picture, _| sizes.push(picture.upright_size());
            decoder.decode(&data, unit.pts, unit.dts, each).unwrap();
        }
        decoder.finish(|picture, _| sizes.push(picture.upright_size())).unwrap();
        assert_eq!(sizes, [(32, 64), (32, 64), (64, 32), (64, 32)]);
    }
}
