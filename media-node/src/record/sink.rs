use std::io;

use crate::spool::{PlaylistKey, Slice, SliceFile, Spool, SpoolError};

/// Keeps slices. All calls may wait for a disk.
pub(super) trait SliceSink: Send + Sync + 'static {
    type File: io::Write + Send;

    /// Begins a slice; the duration and size of `opening` are not known yet and count for nothing.
    fn begin(&self, playlist_name: &str, opening: &Slice) -> Result<Self::File, SpoolError>;

    /// Ends a slice: when this returns, nothing can take it away.
    fn commit(&self, file: Self::File, slice: Slice) -> Result<(), SpoolError>;

    /// Ends a slice that holds nothing.
    fn discard(&self, file: Self::File) -> Result<(), SpoolError>;

    /// The slice that a playlist ends with.
    fn last(&self, key: &PlaylistKey) -> Option<Slice>;
}

impl SliceSink for Spool {
    type File = SliceFile;

    fn begin(&self, playlist_name: &str, opening: &Slice) -> Result<SliceFile, SpoolError> {
        Self::begin(self, playlist_name, opening)
    }

    fn commit(&self, file: SliceFile, slice: Slice) -> Result<(), SpoolError> {
        Self::commit(self, file, slice)
    }

    fn discard(&self, file: SliceFile) -> Result<(), SpoolError> {
        Self::discard(self, file)
    }

    fn last(&self, key: &PlaylistKey) -> Option<Slice> {
        self.slices(key).pop()
    }
}
