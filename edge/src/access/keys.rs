use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use protocol::{RelayKey, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

const NONCE_LEN: usize = 24;
const MAX_KEY_ID_LEN: usize = 16;

/// The keys that seal what leaves the edge or rests in its stores. The first seals, all open: a new key is put in front,
/// and an old one taken away once nothing that it sealed is in use.
pub struct KeyRing {
    first: Key,
    older: Vec<Key>,
}

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
    /// What relay keys follow from.
    relay_root: [u8; 32],
}

/// What a sealed value is for. One that was sealed for another purpose, or for another owner, does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    ResourceId,
    /// The secret of this customer ID.
    Credential(&'a str),
    /// The secrets of this app ID: its media source and its callback, whose addresses can carry passwords, and its
    /// certificate.
    App(&'a str),
    /// What the customer of this app ID has set for the callback of a channel.
    ChannelCallback(&'a str),
    /// What the node of this id is shown when it is called.
    Node(&'a str),
    /// The storage keys of the recording with this sid.
    Storage(&'a str),
    /// What is to be joined under this sid, and who is told: addresses of callbacks can carry passwords.
    Join(&'a str),
}

impl Purpose<'_> {
    fn associated_data(self, key_id: &str) -> String {
        let (purpose, owner) = match self {
            Self::ResourceId => ("resource-id", ""),
            Self::Credential(customer_id) => ("credential", customer_id),
            Self::App(app_id) => ("app", app_id),
            Self::ChannelCallback(app_id) => ("channel-callback", app_id),
            Self::Node(node_id) => ("node", node_id),
            Self::Storage(sid) => ("storage", sid),
            Self::Join(sid) => ("join", sid),
        };
        // A key id holds no slash, nor does a purpose: two different triples never join to the same text.
        format!("tapedeck/1/{key_id}/{purpose}/{owner}")
    }
}

impl KeyRing {
    /// Reads `id:base64(32 bytes)[,id:base64(32 bytes)…]`; an id is 1 to 16 of `A–Z a–z 0–9 _ -`.
    pub fn parse(config: &Secret) -> Result<Self, KeyRingError> {
        let mut keys = Vec::<Key>::new();
        for entry in config
            .expose()
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let position = keys.len() + 1;
            let key = Key::parse(entry).ok_or(KeyRingError::BadEntry { position })?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyRingError::DuplicateId { position });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(KeyRingError::Empty)?;
        Ok(Self {
            first,
            older: keys.collect(),
        })
    }

    /// Sealed bytes: length of the key id, key id, nonce, cipher text with its tag. `nonce` must be fresh random bytes.
    pub fn seal(&self, purpose: Purpose<'_>, plain: &[u8], nonce: &[u8; NONCE_LEN]) -> Result<Vec<u8>, SealError> {
        let key = &self.first;
        let aad = purpose.associated_data(&key.id);
        let payload = Payload {
            msg: plain,
            aad: aad.as_bytes(),
        };
        let cipher_text = key
            .cipher
            .encrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| SealError)?;
        let id_len = u8::try_from(key.id.len()).map_err(|_| SealError)?;
        Ok([&[id_len], key.id.as_bytes(), nonce, &cipher_text].concat())
    }

    pub fn open(&self, purpose: Purpose<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (id_len, rest) = sealed.split_first().ok_or(OpenError)?;
        let (id, rest) = rest.split_at_checked(usize::from(*id_len)).ok_or(OpenError)?;
        let (nonce, cipher_text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError)?;
        let key = self.keys().find(|key| key.id.as_bytes() == id).ok_or(OpenError)?;
        let aad = purpose.associated_data(&key.id);
        let payload = Payload {
            msg: cipher_text,
            aad: aad.as_bytes(),
        };
        key.cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| OpenError)
    }

    /// As [`Self::seal`], in URL-safe base64 without padding.
    pub fn seal_text(&self, purpose: Purpose<'_>, plain: &[u8], nonce: &[u8; NONCE_LEN]) -> Result<String, SealError> {
        Ok(URL_SAFE_NO_PAD.encode(self.seal(purpose, plain, nonce)?))
    }

    pub fn open_text(&self, purpose: Purpose<'_>, sealed: &str) -> Result<Vec<u8>, OpenError> {
        self.open(purpose, &URL_SAFE_NO_PAD.decode(sealed).map_err(|_| OpenError)?)
    }

    /// What a node knows other nodes by. It is another one once a new key is put in front.
    pub fn relay_key(&self, node_id: &str) -> RelayKey {
        RelayKey::derive(&self.first.relay_root, node_id)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.older)
    }
}

impl Key {
    fn parse(entry: &str) -> Option<Self> {
        let (id, key) = entry.split_once(':')?;
        let id_is_legal = (1..=MAX_KEY_ID_LEN).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        let key = STANDARD.decode(key).ok().filter(|_| id_is_legal)?;
        Some(Self {
            id: id.to_owned(),
            cipher: XChaCha20Poly1305::new_from_slice(&key).ok()?,
            relay_root: Sha256::digest([b"tapedeck/1/relay/", &key[..]].concat()).into(),
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().map(|key| &key.id)).finish()
    }
}

/// Compares two secrets in a time that depends on neither.
pub fn same_secret(left: &str, right: &str) -> bool {
    Sha256::digest(left).ct_eq(&Sha256::digest(right)).into()
}

/// `TAPEDECK_SEAL_KEYS` is wrong: the operator's fault. Positions count from 1; the text holds no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRingError {
    Empty,
    BadEntry { position: usize },
    DuplicateId { position: usize },
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TAPEDECK_SEAL_KEYS must be `id:base64 of 32 bytes`, or several of these, separated by commas: ")?;
        match self {
            Self::Empty => f.write_str("there is none"),
            Self::BadEntry { position } => write!(f, "number {position} is malformed"),
            Self::DuplicateId { position } => write!(f, "number {position} has the id of one before it"),
        }
    }
}

impl std::error::Error for KeyRingError {}

/// The plain text is longer than the cipher takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealError;

/// Tampered with, sealed for another purpose, or sealed by a key that is not in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ids: &[(&str, u8)]) -> KeyRing {
        let entries: Vec<_> = ids
            .iter()
            .map(|(id, byte)| format!("{id}:{}", STANDARD.encode([*byte; 32])))
            .collect();
        KeyRing::parse(&Secret::new(entries.join(","))).unwrap()
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = ring(&[("a", 1)]);
        let rotated = ring(&[("b", 2), ("a", 1)]);
        let by_old = old.seal(Purpose::ResourceId, b"x", &[7; 24]).unwrap();
        let by_new = rotated.seal(Purpose::ResourceId, b"x", &[7; 24]).unwrap();
        assert_eq!(rotated.open(Purpose::ResourceId, &by_old).unwrap(), b"x");
        assert_eq!(rotated.open(Purpose::ResourceId, &by_new).unwrap(), b"x");
        assert_eq!(old.open(Purpose::ResourceId, &by_new), Err(OpenError));
        assert_eq!(&by_new[..2], b"\x01b");
    }

    #[test]
    fn a_purpose_and_an_owner_open_only_their_own() {
        let ring = ring(&[("a", 1)]);
        let purposes = [
            Purpose::ResourceId,
            Purpose::Credential("1"),
            Purpose::Credential("2"),
            Purpose::App("1"),
            Purpose::Node("1"),
            Purpose::Storage("1"),
        ];
        for sealed_for in purposes {
            let sealed = ring.seal(sealed_for, b"x", &[0; 24]).unwrap();
            for opened_for in purposes {
                assert_eq!(ring.open(opened_for, &sealed).is_ok(), sealed_for == opened_for);
            }
        }
    }

    #[test]
    fn another_key_of_the_same_id_does_not_open() {
        let sealed = ring(&[("a", 1)]).seal(Purpose::ResourceId, b"x", &[0; 24]).unwrap();
        assert_eq!(ring(&[("a", 2)]).open(Purpose::ResourceId, &sealed), Err(OpenError));
    }

    #[test]
    fn truncated_bytes_are_refused() {
        let ring = ring(&[("a", 1)]);
        let sealed = ring.seal(Purpose::ResourceId, b"hello", &[0; 24]).unwrap();
        for len in 0..sealed.len() {
            assert_eq!(ring.open(Purpose::ResourceId, &sealed[..len]), Err(OpenError), "{len}");
        }
    }

    #[test]
    fn bad_configurations_are_named_without_their_keys() {
        let good = STANDARD.encode([1; 32]);
        let short = STANDARD.encode([1; 31]);
        let table = [
            (String::new(), KeyRingError::Empty),
            (format!("a:{short}"), KeyRingError::BadEntry { position: 1 }),
            (format!("a:{good},b"), KeyRingError::BadEntry { position: 2 }),
            (format!(":{good}"), KeyRingError::BadEntry { position: 1 }),
            (format!("a/b:{good}"), KeyRingError::BadEntry { position: 1 }),
            (
                format!("seventeen-letters:{good}"),
                KeyRingError::BadEntry { position: 1 },
            ),
            (format!("a:{good},a:{good}"), KeyRingError::DuplicateId { position: 2 }),
        ];
        for (config, expected) in table {
            let error = KeyRing::parse(&Secret::new(config.as_str())).unwrap_err();
            assert_eq!(error, expected, "{config}");
            assert!(!error.to_string().contains(&good[..8]));
        }
        assert!(KeyRing::parse(&Secret::new(format!(" a:{good} , b:{good},"))).is_ok());
    }

    #[test]
    fn debug_prints_ids_only() {
        assert_eq!(format!("{:?}", ring(&[("b", 2), ("a", 1)])), r#"["b", "a"]"#);
    }

    #[test]
    fn secrets_compare() {
        assert!(same_secret("abc", "abc"));
        assert!(!same_secret("abc", "abd"));
        assert!(!same_secret("abc", "ab"));
        assert!(!same_secret("", "a"));
    }
}
