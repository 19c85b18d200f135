use protocol::RecorderKey;
use serde::{Deserialize, Serialize};

use super::{Entropy, KeyRing, OpenError, Purpose, SealError, hex};

/// The plain text is filled up to a multiple of this, so that the sealed form has at least 200 characters and its length
/// is the same for most channels.
const BLOCK: usize = 32;
const MIN_BLOCKS: usize = 5;

/// What a resource ID says. Nothing is stored when one is given out: the sealed text is the only copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceId {
    #[serde(rename = "a")]
    pub app_id: String,
    #[serde(rename = "c")]
    pub channel: String,
    /// The recorder's own uid.
    #[serde(rename = "u")]
    pub uid: String,
    #[serde(rename = "i")]
    pub issued_ms: u64,
    /// For how long after its start the recording can be asked about and stopped.
    #[serde(rename = "e")]
    pub expires_hours: u32,
    /// Tells this resource ID from every other: 32 lower-case hexadecimal characters.
    #[serde(rename = "n")]
    pub nonce: String,
    /// The digest of what the start was announced to ask for, if it was.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub start_digest: Option<String>,
    /// Where its recording should run.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Tags of the recorders that its recording should be apart from.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<String>,
}

impl ResourceId {
    /// A resource ID must have started its recording within this time, in milliseconds.
    pub const START_WITHIN_MS: u64 = 5 * 60 * 1000;

    pub fn new(app_id: &str, channel: &str, uid: &str, expires_hours: u32, now_ms: u64, entropy: &Entropy) -> Self {
        Self {
            app_id: app_id.to_owned(),
            channel: channel.to_owned(),
            uid: uid.to_owned(),
            issued_ms: now_ms,
            expires_hours,
            nonce: hex(&entropy.id),
            start_digest: None,
            region: None,
            avoid: Vec::new(),
        }
    }

    /// The recorder that it was acquired for.
    pub fn recorder(&self) -> RecorderKey {
        RecorderKey {
            app_id: self.app_id.clone(),
            channel: self.channel.clone(),
            uid: self.uid.clone(),
        }
    }

    /// URL-safe base64 without padding, 200 characters or more.
    pub fn seal(&self, keys: &KeyRing, entropy: &Entropy) -> Result<String, SealError> {
        let mut plain = serde_json::to_vec(self).map_err(|_| SealError)?;
        // JSON does not mind spaces behind it.
        plain.resize(plain.len().div_ceil(BLOCK).max(MIN_BLOCKS) * BLOCK, b' ');
        keys.seal_text(Purpose::ResourceId, &plain, &entropy.nonce)
    }

    /// Refuses what this server has not sealed, or what was changed since.
    pub fn open(text: &str, keys: &KeyRing) -> Result<Self, OpenError> {
        serde_json::from_slice(&keys.open_text(Purpose::ResourceId, text)?).map_err(|_| OpenError)
    }

    /// Whether it is too old to start a recording.
    pub fn is_stale(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.issued_ms) > Self::START_WITHIN_MS
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{entropy, key_ring};
    use super::*;

    fn resource() -> ResourceId {
        ResourceId::new(&"a".repeat(32), "lesson 7", "527841", 72, 1_000_000, &entropy(1))
    }

    #[test]
    fn opens_to_what_was_sealed() {
        let text = resource().seal(&key_ring(), &entropy(2)).unwrap();
        assert_eq!(ResourceId::open(&text, &key_ring()), Ok(resource()));
        assert_eq!(resource().nonce.len(), 32);
    }

    #[test]
    fn is_long_and_url_safe_and_hides_the_channels_length() {
        let lengths = ["x", "a longer name"].map(|channel| {
            let resource = ResourceId {
                channel: channel.into(),
                ..resource()
            };
            let text = resource.seal(&key_ring(), &entropy(2)).unwrap();
            assert!(
                text.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{text}"
            );
            text.len()
        });
        assert!(lengths[0] >= 200, "{lengths:?}");
        assert_eq!(lengths[0], lengths[1]);
    }

    #[test]
    fn every_change_of_one_character_is_refused() {
        let text = resource().seal(&key_ring(), &entropy(2)).unwrap();
        for position in 0..text.len() {
            for replacement in [b'A', b'b', b'_', b'-', b'9', b'+', b'/', b'=', b' ', 0] {
                let mut changed = text.clone().into_bytes();
                if changed[position] == replacement {
                    continue;
                }
                changed[position] = replacement;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(
                    ResourceId::open(&changed, &key_ring()),
                    Err(OpenError),
                    "position {position}"
                );
            }
        }
        for len in 0..text.len() {
            assert_eq!(ResourceId::open(&text[..len], &key_ring()), Err(OpenError));
        }
        assert_eq!(ResourceId::open(&format!("{text}A"), &key_ring()), Err(OpenError));
    }

    #[test]
    fn every_change_of_one_byte_is_refused() {
        let sealed = key_ring().seal(Purpose::ResourceId, b"{}", &[1; 24]).unwrap();
        for position in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[position] ^= 1 << bit;
                assert_eq!(
                    key_ring().open(Purpose::ResourceId, &changed),
                    Err(OpenError),
                    "{position}, {bit}"
                );
            }
        }
    }

    #[test]
    fn is_stale_after_five_minutes() {
        let at = |offset_ms: u64| resource().is_stale(1_000_000 + offset_ms);
        assert!(!at(0));
        assert!(!at(300_000));
        assert!(at(300_001));
        // The clock of the worker that reads may be behind.
        assert!(!resource().is_stale(999_000));
    }
}
