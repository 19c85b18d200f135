use std::fmt;

use aes::cipher::{BlockDecrypt, BlockEncrypt, Key, KeyInit};
use aes::{Aes128, Aes256, Block};
use hkdf::Hkdf;
use hmac::Hmac;
use protocol::{Cipher, Secret};
use sha2::Sha256;
use xts_mode::Xts128;

/// Makes guessing a weak secret dear: some 50 ms for each guess.
const ITERATIONS: u32 = 100_000;
const SALT: &str = "tapedeck-encryption-1:";

pub(super) const BLOCK: usize = 16;
const MAC_KEY: usize = 32;

/// What a channel's media is encrypted with.
pub struct Keys {
    pub(super) data: DataKey,
    pub(super) mac: Hmac<Sha256>,
}

/// Neither ciphers nor keys are printed.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What the packets of a channel are encrypted with.
pub(super) enum DataKey {
    Aes128Xts(Box<Xts128<Aes128>>),
    Aes128Ecb(Box<Aes128>),
    Aes256Xts(Box<Xts128<Aes256>>),
}

impl Keys {
    /// For a channel whose users share a secret. Slow on purpose: to be called once for a recording or publication.
    pub fn derive(cipher: Cipher, secret: &Secret, channel: &str) -> Self {
        let mut master = [0; 32];
        // Fails only where HMAC refuses a key's length, and it takes all.
        let salt = format!("{SALT}{channel}");
        let _ = pbkdf2::pbkdf2::<Hmac<Sha256>>(secret.expose().as_bytes(), salt.as_bytes(), ITERATIONS, &mut master);
        Self::expand(cipher, &master)
    }

    pub(super) fn expand(cipher: Cipher, master: &[u8; 32]) -> Self {
        match cipher {
            Cipher::Aes128Xts => {
                let ([first, second], mac) = keys(master, "aes-128-xts");
                let cipher = Xts128::new(Aes128::new(&first.into()), Aes128::new(&second.into()));
                Self::new(DataKey::Aes128Xts(Box::new(cipher)), mac)
            }
            Cipher::Aes128Ecb => {
                let ([key], mac) = keys(master, "aes-128-ecb");
                Self::new(DataKey::Aes128Ecb(Box::new(Aes128::new(&key.into()))), mac)
            }
            Cipher::Aes256Xts => {
                let ([first, second], mac) = keys(master, "aes-256-xts");
                let cipher = Xts128::new(Aes256::new(&first.into()), Aes256::new(&second.into()));
                Self::new(DataKey::Aes256Xts(Box::new(cipher)), mac)
            }
        }
    }

    fn new(data: DataKey, mac: [u8; MAC_KEY]) -> Self {
        // As HMAC takes a key that is shorter than its block: zeros behind it.
        let mut block = Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        Self {
            data,
            mac: <Hmac<Sha256> as KeyInit>::new(&block),
        }
    }
}

impl DataKey {
    /// `blocks`: whole blocks, one at least.
    pub(super) fn encrypt(&self, blocks: &mut [u8], number: [u8; 8]) {
        match self {
            Self::Aes128Xts(xts) => xts.encrypt_sector(blocks, tweak(number)),
            Self::Aes256Xts(xts) => xts.encrypt_sector(blocks, tweak(number)),
            Self::Aes128Ecb(aes) => {
                for block in blocks.chunks_exact_mut(BLOCK) {
                    aes.encrypt_block(Block::from_mut_slice(block));
                }
            }
        }
    }

    /// The inverse.
    pub(super) fn decrypt(&self, blocks: &mut [u8], number: [u8; 8]) {
        match self {
            Self::Aes128Xts(xts) => xts.decrypt_sector(blocks, tweak(number)),
            Self::Aes256Xts(xts) => xts.decrypt_sector(blocks, tweak(number)),
            Self::Aes128Ecb(aes) => {
                for block in blocks.chunks_exact_mut(BLOCK) {
                    aes.decrypt_block(Block::from_mut_slice(block));
                }
            }
        }
    }
}

/// IEEE 1619: the number of the data unit, the least significant byte first.
fn tweak(number: [u8; 8]) -> [u8; BLOCK] {
    u128::from(u64::from_le_bytes(number)).to_le_bytes()
}

/// HKDF-Expand, RFC 5869: the data keys, then that of the MAC.
fn keys<const N: usize, const COUNT: usize>(master: &[u8; 32], name: &str) -> ([[u8; N]; COUNT], [u8; MAC_KEY]) {
    let mut material = vec![0; N * COUNT + MAC_KEY];
    let mut mac = [0; MAC_KEY];
    let mut data = [[0; N]; COUNT];
    // Both fail only for lengths that these are not.
    if let Ok(expander) = Hkdf::<Sha256>::from_prk(master) {
        let _ = expander.expand(format!("tapedeck-encryption-1 {name}").as_bytes(), &mut material);
    }
    let (front, back) = material.split_at(N * COUNT);
    for (key, bytes) in data.iter_mut().zip(front.chunks_exact(N)) {
        key.copy_from_slice(bytes);
    }
    mac.copy_from_slice(back);
    (data, mac)
}
