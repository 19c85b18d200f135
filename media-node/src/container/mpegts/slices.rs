use super::padding::padding;
use super::timeline::to_ticks;
use crate::container::writer::{Reach, SliceUnit, SliceWriter, Written};
use crate::media::{MediaError, TsMuxer, TsUnit};
use crate::stream::Format;

/// Writes slices that share one muxer, so that continuity counters go on from one to the next and a player can join them.
pub struct MpegTsSlices {
    muxer: TsMuxer,
    /// Stands in front of a slice that does not begin with a keyframe, so that a decoder at least knows the format.
    prelude: Vec<u8>,
    tracks: Vec<Track>,
    /// The open slice holds nothing of the first track.
    begins: bool,
}

struct Track {
    audio: bool,
    last_ticks: i64,
}

impl MpegTsSlices {
    pub fn new(formats: &[Format]) -> Result<Self, MediaError> {
        let track = |format: &Format| Track {
            audio: !format.is_video(),
            last_ticks: i64::MIN,
        };
        Ok(Self {
            muxer: TsMuxer::new(formats)?,
            prelude: formats.first().map(Format::annex_b).unwrap_or_default(),
            tracks: formats.iter().map(track).collect(),
            begins: true,
        })
    }
}

impl SliceWriter for MpegTsSlices {
    fn write(&mut self, unit: SliceUnit<'_>) -> Result<Written, MediaError> {
        let SliceUnit { track, unit, after_gap } = unit;
        // Frames of sound that share a PES packet are taken to follow each other.
        let mut bytes = if after_gap { self.muxer.flush()? } else { Vec::new() };
        let Some(state) = self.tracks.get_mut(track) else {
            return Err(MediaError::unexpected("write a track that MPEG-TS was not begun with"));
        };
        let (pts, dts) = state.ticks(unit.pts_us, unit.dts_us);
        let audio = state.audio;
        let first = track == 0 && std::mem::take(&mut self.begins);
        let with_prelude = (first && !unit.keyframe).then(|| [&self.prelude[..], &unit.data[..]].concat());
        bytes.append(&mut self.muxer.write(TsUnit {
            track,
            pts,
            dts,
            data: with_prelude.as_deref().unwrap_or(&unit.data),
            keyframe: unit.keyframe,
        })?);
        let reach = match (audio, bytes.is_empty()) {
            (false, _) => Reach::ThisUnit,
            // The frame may be the first of the next PES packet.
            (true, false) => Reach::UnitBefore,
            (true, true) => Reach::NoFarther,
        };
        Ok(Written { bytes, reach })
    }

    fn end(&mut self) -> Result<Vec<u8>, MediaError> {
        self.begins = true;
        self.muxer.end_slice()
    }

    fn padding(&self, bytes: u64) -> Vec<u8> {
        padding(bytes)
    }
}

impl Track {
    /// Presentation and decoding time in ticks.
    fn ticks(&mut self, pts_us: i64, dts_us: i64) -> (i64, i64) {
        // Two decoding times must differ by a tick at least.
        let dts = to_ticks(dts_us).max(self.last_ticks.saturating_add(1));
        self.last_ticks = dts;
        (to_ticks(pts_us).max(dts), dts)
    }
}
