use super::TokenError;

/// Reads the integers, little-endian, and the length-prefixed strings that tokens are packed from.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn u16(&mut self) -> Result<u16, TokenError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, TokenError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn string(&mut self) -> Result<&'a [u8], TokenError> {
        let len = usize::from(self.u16()?);
        let (string, rest) = self.0.split_at_checked(len).ok_or(TokenError::Malformed)?;
        self.0 = rest;
        Ok(string)
    }

    /// Privileges with the time at which, or the seconds after which, each ends.
    pub(super) fn privileges(&mut self) -> Result<Vec<(u16, u32)>, TokenError> {
        (0..self.u16()?).map(|_| Ok((self.u16()?, self.u32()?))).collect()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TokenError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(TokenError::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }
}
