use crate::media::MediaError;
use crate::stream::AccessUnit;

/// Writes the slices of one run: a stretch of one format for each track without a break. What it returns are the bytes of
/// the open slice's file, in order; whoever calls it keeps the file. The first unit begins the first slice.
pub trait SliceWriter: Send {
    /// Takes the next unit of the open slice. Over all tracks, units come in the order of decoding times. After an error the
    /// writer is of no more use.
    fn write(&mut self, unit: SliceUnit<'_>) -> Result<Written, MediaError>;

    /// Returns the rest of the open slice. The next unit begins another one.
    fn end(&mut self) -> Result<Vec<u8>, MediaError>;

    /// How many bytes at each slice's beginning initialise players, where playlists have to tell of these; else 0.
    fn initialization_bytes(&self) -> u64 {
        0
    }

    /// What has to stand behind a slice of so many bytes for players to know it for what it is; mostly nothing.
    fn padding(&self, bytes: u64) -> Vec<u8>;
}

/// A unit on its way into a slice.
#[derive(Clone, Copy, Debug)]
pub struct SliceUnit<'a> {
    /// The place of its track among the formats of the run. The first track is the one that slices are cut by.
    pub track: usize,
    pub unit: &'a AccessUnit,
    /// The unit is sound that does not join the unit before it.
    pub after_gap: bool,
}

/// What became of a unit.
#[derive(Debug)]
pub struct Written {
    pub bytes: Vec<u8>,
    pub reach: Reach,
}

/// How far a track's media stands in the bytes that were returned so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of it, the unit just taken included.
    ThisUnit,
    /// All but the unit just taken.
    UnitBefore,
    /// No farther than before: more is held back.
    NoFarther,
}
