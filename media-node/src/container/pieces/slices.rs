use crate::container::mpegts::to_ticks;
use crate::container::writer::{Reach, SliceUnit, SliceWriter, Written};
use crate::media::{MediaError, PieceFormat, PieceMuxer, TimedUnit};
use crate::stream::{AccessUnit, Format};

/// How long a piece is, in ticks of 90 kHz: so much is lost of a slice whose writer is killed.
const PIECE_TICKS: i64 = 90_000;

/// How long a unit is taken to last before two are known, in ticks.
const DEFAULT_TICKS: i64 = 3_600;

/// Writes slices of one track. Each begins with the same header, so that it can be read by itself.
pub struct PieceSlices {
    pieces: PieceFormat,
    muxer: PieceMuxer,
    /// The last unit: how long it lasts is known when the next one comes.
    waiting: Option<Waiting>,
    /// Between the last two units.
    step: i64,
    /// When the first unit of the present piece is decoded.
    piece_from: Option<i64>,
    last_dts: i64,
    /// The open slice holds nothing.
    begins: bool,
}

struct Waiting {
    pts: i64,
    dts: i64,
    unit: AccessUnit,
}

impl PieceSlices {
    pub fn new(pieces: PieceFormat, formats: &[Format]) -> Result<Self, MediaError> {
        let [format] = formats else {
            return Err(MediaError::unexpected("write several tracks in one file of pieces"));
        };
        Ok(Self {
            muxer: PieceMuxer::new(pieces, format)?,
            pieces,
            waiting: None,
            step: DEFAULT_TICKS,
            piece_from: None,
            last_dts: i64::MIN,
            begins: true,
        })
    }

    /// Hands on the unit that waits.
    fn pass_on(&mut self, duration: i64) -> Result<(), MediaError> {
        let Some(Waiting { pts, dts, unit }) = self.waiting.take() else {
            return Ok(());
        };
        self.muxer.write(TimedUnit {
            pts,
            dts,
            duration,
            data: &unit.data,
            keyframe: unit.keyframe,
        })
    }
}

impl SliceWriter for PieceSlices {
    fn write(&mut self, unit: SliceUnit<'_>) -> Result<Written, MediaError> {
        let unit = unit.unit;
        let mut bytes = Vec::new();
        if std::mem::take(&mut self.begins) {
            bytes.extend_from_slice(self.muxer.header());
        }
        // Two decoding times must differ by a tick at least.
        let dts = to_ticks(unit.dts_us).max(self.last_dts.saturating_add(1));
        if let Some(waiting) = &self.waiting {
            self.step = dts - waiting.dts;
        }
        self.pass_on(self.step)?;
        let mut reach = Reach::NoFarther;
        if dts - *self.piece_from.get_or_insert(dts) >= PIECE_TICKS {
            bytes.append(&mut self.muxer.piece()?);
            self.piece_from = Some(dts);
            reach = Reach::UnitBefore;
        }
        self.last_dts = dts;
        self.waiting = Some(Waiting {
            pts: to_ticks(unit.pts_us).max(dts),
            dts,
            unit: unit.clone(),
        });
        Ok(Written { bytes, reach })
    }

    fn end(&mut self) -> Result<Vec<u8>, MediaError> {
        self.pass_on(self.step)?;
        self.piece_from = None;
        self.begins = true;
        self.muxer.piece()
    }

    fn initialization_bytes(&self) -> u64 {
        match self.pieces {
            PieceFormat::Mp4 => self.muxer.header().len() as u64,
            // It is in no playlist's vocabulary.
            PieceFormat::WebM => 0,
        }
    }

    fn padding(&self, _: u64) -> Vec<u8> {
        Vec::new()
    }
}
