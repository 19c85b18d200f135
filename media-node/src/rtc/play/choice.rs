use std::sync::Arc;

use protocol::TrackKind;

use super::super::offer::{Format, Kind, OfferError, Section, parameter};
use crate::channel::MediaTrack;
use crate::hub::Publication;
use crate::transcode::is_out_of_order;

/// Why pictures with B-frames are not played.
pub(in crate::rtc) const OUT_OF_ORDER: &str = "the stream's picture has B-frames, which browsers show out of order: have the \
     publisher's encoder make none, play it by RTSP, or offer to receive its sound only";

/// What a player is to get.
pub(in crate::rtc) struct Played {
    pub(in crate::rtc) publication: Arc<Publication>,
    /// Where its sound comes from, if from elsewhere,
    pub(in crate::rtc) sound: Option<Arc<Publication>>,
    /// and its picture.
    pub(in crate::rtc) picture: Option<Arc<Publication>>,
    /// Of the picture in pixels, where it has layers: the smallest one that is so high.
    pub(in crate::rtc) height: Option<u32>,
}

impl Played {
    /// Where a medium comes from.
    pub(super) fn source(&self, kind: Kind) -> Option<(&Arc<Publication>, usize)> {
        let other = match kind {
            Kind::Audio => &self.sound,
            Kind::Video => &self.picture,
        };
        let publication = other.as_ref().unwrap_or(&self.publication);
        Some((publication, index_of(publication, kind)?))
    }

    /// The format of each medium by which this can be played.
    pub(in crate::rtc) fn choose(&self, section: &Section, formats: &[Format]) -> Result<usize, OfferError> {
        let source = self.source(section.kind);
        let track = source.and_then(|(publication, index)| publication.description.tracks().get(index));
        let Some(track) = track.filter(|_| section.receives) else {
            // Nothing will come by it.
            return Ok(0);
        };
        let is_as_sent = section.kind == Kind::Video && self.picture.is_none();
        if is_as_sent && is_out_of_order(&self.publication) {
            return Err(OfferError::NotTaken(OUT_OF_ORDER.to_owned()));
        }
        best(track, formats).ok_or_else(|| {
            let (codec, what) = (&track.codec, if section.kind == Kind::Video { "picture" } else { "sound" });
            let other = if section.kind == Kind::Video { "sound" } else { "picture" };
            OfferError::NotTaken(format!(
                "the stream's {what} is {codec}, which the offer does not take and this server does not transcode: play it by \
                 RTSP, or offer to receive its {other} only"
            ))
        })
    }
}

/// The track of this kind.
pub(in crate::rtc) fn index_of(publication: &Publication, kind: Kind) -> Option<usize> {
    let wanted = match kind {
        Kind::Audio => TrackKind::Audio,
        Kind::Video => TrackKind::Video,
    };
    let mut tracks = publication.description.tracks().iter();
    tracks.position(|track| track.kind == wanted)
}

/// The format that is most like the track's.
pub(in crate::rtc) fn best(track: &MediaTrack, formats: &[Format]) -> Option<usize> {
    // Who says no profile means the first one.
    let same = |name: &str, format: &Format| {
        let of = |parameters| parameter(parameters, name).unwrap_or("0").to_owned();
        of(&format.parameters) == of(&track.parameters)
    };
    let score = |format: &Format| match format.name {
        "H264" if !format.fits_networks() => 0,
        "H264" => {
            let profile = |parameters: &str| {
                let profile = parameter(parameters, "profile-level-id").unwrap_or_default();
                profile.get(..4).map(str::to_ascii_lowercase)
            };
            1 + u8::from(profile(&format.parameters) == profile(&track.parameters))
        }
        "VP9" => 1 + u8::from(same("profile-id", format)),
        "AV1" => 1 + u8::from(same("profile", format)),
        _ => 1,
    };
    let known = formats
        .iter()
        .enumerate()
        .filter(|(_, format)| format.name == track.codec);
    // Of equals the one that the client prefers.
    let best = known
        .map(|(index, format)| (score(format), std::cmp::Reverse(index)))
        .filter(|(score, _)| *score > 0)
        .max();
    best.map(|(_, std::cmp::Reverse(index))| index)
}
