/// Fresh random bytes for one request, drawn by the shell before the request is handled. Each field is used once.
pub struct Entropy {
    /// For one sealing.
    pub nonce: [u8; 24],
    /// For one new id: a resource ID's nonce, a sid, an app ID, a customer ID.
    pub id: [u8; 16],
    /// For one new secret.
    pub secret: [u8; 32],
}

impl Entropy {
    /// How many bytes the shell draws.
    pub const LEN: usize = 72;

    pub fn new(random: [u8; Self::LEN]) -> Self {
        let mut entropy = Self {
            nonce: [0; 24],
            id: [0; 16],
            secret: [0; 32],
        };
        let fields = entropy
            .nonce
            .iter_mut()
            .chain(&mut entropy.id)
            .chain(&mut entropy.secret);
        fields.zip(random).for_each(|(field, byte)| *field = byte);
        entropy
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_used_twice_or_left_out() {
        let random = std::array::from_fn(|i| i as u8);
        let entropy = Entropy::new(random);
        assert_eq!([&entropy.nonce[..], &entropy.id, &entropy.secret].concat(), random);
    }
}
