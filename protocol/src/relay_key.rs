use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::Secret;

/// The header of an RTSP request by which a node shows another one its [token](RelayKey::token).
pub const RELAY_HEADER: &str = "Tapedeck-Relay";

/// The header of an answer to such a request that was for all sizes of a picture (`layers=all`): so many of the last tracks of the
/// description are one size each. Absent where there is one size, and by older nodes.
pub const LAYERS_HEADER: &str = "Tapedeck-Layers";

/// The key by which a node's channel server knows other nodes. The edge derives it, gives it to that node alone, and gives to
/// nodes that follow a channel a token that opens this channel at that node. Neither is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayKey(Secret);

impl RelayKey {
    /// From its text, as the edge gives it to the node.
    pub fn new(text: Secret) -> Self {
        Self(text)
    }

    /// That of a node. `root`: the edge's own secret bytes.
    pub fn derive(root: &[u8], node_id: &str) -> Self {
        Self(Secret::new(hex::encode(mac(root, &["tapedeck/relay", node_id]))))
    }

    pub fn text(&self) -> &Secret {
        &self.0
    }

    /// What opens the streams of a channel until this time, Unix seconds.
    pub fn token(&self, app_id: &str, channel: &str, until_s: u64) -> Secret {
        Secret::new(format!("{until_s}.{}", hex::encode(self.mac(app_id, channel, until_s))))
    }

    /// Whether a token opens the streams of a channel at this time, Unix seconds. How long it takes does not depend on what
    /// is right.
    pub fn admits(&self, token: &str, app_id: &str, channel: &str, now_s: u64) -> bool {
        let Some((until_s, shown)) = token.split_once('.') else {
            return false;
        };
        let Ok(until_s) = until_s.parse::<u64>() else {
            return false;
        };
        let expected = hex::encode(self.mac(app_id, channel, until_s));
        // Both are hexadecimal digits of a digest; a difference in length tells nothing.
        let differs = expected.len() != shown.len()
            || expected
                .bytes()
                .zip(shown.bytes())
                .fold(0, |differs, (a, b)| differs | (a ^ b))
                != 0;
        !self.0.is_empty() && !differs && now_s < until_s
    }

    fn mac(&self, app_id: &str, channel: &str, until_s: u64) -> Vec<u8> {
        mac(self.0.expose().as_bytes(), &[app_id, channel, &until_s.to_string()])
    }
}

/// Lengths keep the parts apart, whatever is in them.
fn mac(key: &[u8], parts: &[&str]) -> Vec<u8> {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    for part in parts {
        mac.update(format!("{}:{part}", part.len()).as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_one_channel_of_one_node_for_a_while() {
        let key = RelayKey::derive(b"root", "n1");
        let token = key.token("app", "room", 1_000);
        let opens =
            |key: &RelayKey, token: &str, app: &str, channel: &str, now_s| key.admits(token, app, channel, now_s);
        assert!(opens(&key, token.expose(), "app", "room", 999));
        assert!(!opens(&key, token.expose(), "app", "room", 1_000), "it is over");
        assert!(!opens(&key, token.expose(), "app", "other", 999));
        assert!(!opens(&key, token.expose(), "ap", "proom", 999));
        let later = token.expose().replacen("1000", "2000", 1);
        assert!(!opens(&key, &later, "app", "room", 999), "its time is signed");
        assert!(!opens(
            &RelayKey::derive(b"root", "n2"),
            token.expose(),
            "app",
            "room",
            999
        ));
        assert!(!opens(
            &RelayKey::derive(b"other", "n1"),
            token.expose(),
            "app",
            "room",
            999
        ));
        for garbage in ["", ".", "1000.", "1000", "x.y", &format!("9999.{}", "0".repeat(64))] {
            assert!(!opens(&key, garbage, "app", "room", 999), "{garbage}");
        }
        let again = RelayKey::new(key.text().clone());
        assert!(opens(&again, token.expose(), "app", "room", 999), "its text is the key");
    }

    #[test]
    fn a_node_without_a_key_admits_nobody() {
        let none = RelayKey::new(Secret::default());
        let token = none.token("app", "room", 1_000);
        assert!(!none.admits(token.expose(), "app", "room", 999));
    }
}
