//! clear ‖ ciphertext ‖ number ‖ tag ‖ marker: a unit of sound, or one slice of a picture.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Keys;
use super::keys::BLOCK;
use crate::stream::Locked;

/// The end of everything sealed; not zero, so that a NAL unit may end with it.
pub(super) const MARKER: [u8; 4] = *b"TDE1";
const NUMBER: usize = 8;
const TAG: usize = 8;
const TRAILER: usize = NUMBER + TAG + MARKER.len();

/// The first byte of the padding, ISO/IEC 7816-4; zeros follow up to a whole block.
const PADDING: u8 = 0x80;

impl Keys {
    /// Encrypts all but the first `clear` bytes, of which there are fewer than a block.
    pub(super) fn seal_part(&self, part: &[u8], clear: usize, number: [u8; NUMBER]) -> Vec<u8> {
        let clear = clear.min(part.len()).min(BLOCK - 1);
        let mut sealed = Vec::with_capacity(part.len() + BLOCK + TRAILER);
        sealed.extend_from_slice(part);
        sealed.push(PADDING);
        sealed.resize(clear + (sealed.len() - clear).next_multiple_of(BLOCK), 0);
        if let Some(blocks) = sealed.get_mut(clear..) {
            self.data.encrypt(blocks, number);
        }
        sealed.extend_from_slice(&number);
        let tag = self.mac().chain_update(&sealed).finalize().into_bytes();
        sealed.extend(tag.iter().take(TAG));
        sealed.extend_from_slice(&MARKER);
        sealed
    }

    pub(super) fn open_part(&self, sealed: &[u8]) -> Result<Vec<u8>, Locked> {
        let unmarked = sealed.strip_suffix(&MARKER).ok_or(Locked::Clear)?;
        let (signed, tag) = unmarked.split_last_chunk::<TAG>().ok_or(Locked::WrongSecret)?;
        let checked = self.mac().chain_update(signed).verify_truncated_left(tag);
        checked.map_err(|_| Locked::WrongSecret)?;
        let (part, number) = signed.split_last_chunk::<NUMBER>().ok_or(Locked::WrongSecret)?;
        let mut part = part.to_vec();
        // The blocks are whole, and what stays clear is less than one.
        let clear = part.len() % BLOCK;
        match part.get_mut(clear..) {
            Some(blocks) if !blocks.is_empty() => self.data.decrypt(blocks, *number),
            _ => return Err(Locked::WrongSecret),
        }
        let last = part.iter().rposition(|byte| *byte != 0).ok_or(Locked::WrongSecret)?;
        if last < clear || part.get(last) != Some(&PADDING) {
            return Err(Locked::WrongSecret);
        }
        part.truncate(last);
        Ok(part)
    }

    fn mac(&self) -> Hmac<Sha256> {
        self.mac.clone()
    }
}
