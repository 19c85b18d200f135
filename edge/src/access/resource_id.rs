use serde::{Deserialize, Serialize};

use super::{Entropy, KeyRing, OpenError, Purpose, SealError, entropy::hex};

/// The plain text is filled up to a multiple of this, so that the sealed form has at least 200 characters and its length
/// tells little about the channel's name.
const BLOCK: usize = 32;
const MIN_BLOCKS: usize = 4;

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
