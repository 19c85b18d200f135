//! End-to-end encryption of a channel's media, as docs/encryption.md defines it: coded units in, coded units out, in both
//! directions. It knows ciphers, key derivation, which bytes of a unit stay clear and which units of a track can be had in clear.
//! It does not know time, recordings, or where streams and secrets come from.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod h264;
mod keys;
mod lock;
mod seal;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::stream::{Format, Locked, OpusHead};

pub use keys::Keys;
pub use lock::Lock;
use seal::MARKER;

/// What a unit is coded in, and so which of its bytes are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Annex B: each slice by itself; what is no slice stays clear.
    H264,
    Aac,
    /// All but what tells the packet's duration.
    Opus,
}

impl Codec {
    /// That of a format; `None` when it has no encrypted form.
    pub fn of(format: &Format) -> Option<Self> {
        match format {
            Format::H264(_) => Some(Self::H264),
            Format::Aac(_) => Some(Self::Aac),
            Format::Opus(_) => Some(Self::Opus),
            _ => None,
        }
    }
}

/// Numbers for the parts of units. None may come twice under one key: random ones do not.
pub trait Numbers {
    fn next(&mut self) -> [u8; 8];
}

impl<F: FnMut() -> [u8; 8]> Numbers for F {
    fn next(&mut self) -> [u8; 8] {
        self()
    }
}

impl Keys {
    /// Encrypts a unit.
    pub fn seal(&self, codec: Codec, unit: &[u8], numbers: &mut impl Numbers) -> Vec<u8> {
        match codec {
            Codec::H264 => h264::seal(self, unit, numbers),
            Codec::Aac => self.seal_part(unit, 0, numbers.next()),
            Codec::Opus => {
                let clear = OpusHead::read(unit).map_or(0, |head| head.length);
                self.seal_part(unit, clear, numbers.next())
            }
        }
    }

    /// Decrypts a unit.
    ///
    /// # Errors
    /// When it is not one that was encrypted with these keys.
    pub fn open(&self, codec: Codec, unit: &[u8]) -> Result<Bytes, Locked> {
        match codec {
            Codec::H264 => h264::open(self, unit).map(Bytes::from),
            Codec::Aac | Codec::Opus => self.open_part(unit).map(Bytes::from),
        }
    }
}

/// Whether a unit ends as encrypted ones do, and clear ones by chance: once in 2³².
pub fn looks_sealed(unit: &[u8]) -> bool {
    unit.ends_with(&MARKER)
}
