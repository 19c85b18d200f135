use sha2::{Digest as _, Sha256};

use crate::Secret;

/// What a token of a node's own begins with.
const MARK: &str = "tdn.";
const MAX_NODE_ID_BYTES: usize = 64;

/// A token of a node's own: `tdn.{node id}.{secret}`. The edge keeps its [digest](Self::digest), and shows the node in turn
/// what [follows](Self::call_key) from it, so that neither the edge's storage nor what the edge shows gives the token away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeToken {
    node_id: String,
    text: Secret,
}

impl NodeToken {
    /// `secret`: random, of hexadecimal characters. `None` when the node's id cannot be in a token.
    pub fn new(node_id: &str, secret: &str) -> Option<Self> {
        Self::parse(&format!("{MARK}{node_id}.{secret}"))
    }

    /// `None` for what is no token of one node: a token that all nodes share, for example.
    pub fn parse(text: &str) -> Option<Self> {
        let (node_id, secret) = text.strip_prefix(MARK)?.rsplit_once('.')?;
        let is_secret = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_secret && Self::is_node_id(node_id)).then(|| Self {
            node_id: node_id.to_owned(),
            text: Secret::new(text),
        })
    }

    /// Whether a node of this id can have tokens of its own: 1 to 64 of `A–Z a–z 0–9 . _ -`.
    pub fn is_node_id(text: &str) -> bool {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (1..=MAX_NODE_ID_BYTES).contains(&text.len()) && text.bytes().all(is_legal)
    }

    /// The node whose token it is.
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// The token itself, which the node shows to the edge.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// What the edge knows the token by: 64 hexadecimal characters.
    pub fn digest(&self) -> String {
        self.derive("token")
    }

    /// What the edge shows to the node with each call: 64 hexadecimal characters. The token does not follow from it.
    pub fn call_key(&self) -> Secret {
        Secret::new(self.derive("call"))
    }

    fn derive(&self, what: &str) -> String {
        let mut digest = Sha256::new();
        for part in ["tapedeck/", what, "/", self.text.expose()] {
            digest.update(part);
        }
        hex::encode(digest.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_node_and_prints_nothing_else() {
        let secret = "0123456789abcdef".repeat(4);
        for node_id in ["n1", "media-1.example.com", "A_b-C.9", &"x".repeat(64)] {
            let token = NodeToken::new(node_id, &secret).unwrap();
            assert_eq!(token.node_id(), node_id);
            assert_eq!(NodeToken::parse(token.text().expose()), Some(token.clone()));
            assert!(!format!("{token:?}").contains(&secret));
        }
    }

    #[test]
    fn what_is_no_token_of_one_node_is_not_taken_for_one() {
        for text in [
            "",
            "shared",
            "tdn.",
            "tdn.n1",
            "tdn.n1.",
            "tdn..ab",
            "tdn.n 1.ab",
            "tdn.n/1.ab",
            "tdn.n1.xyz",
            " tdn.n1.ab",
            &format!("tdn.{}.ab", "x".repeat(65)),
            &format!("tdn.{}", "x".repeat(100_000)),
        ] {
            assert_eq!(NodeToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_follows_from_tokens_differs_between_them_and_between_uses() {
        let [one, other] = ["ab", "ac"].map(|secret| NodeToken::new("n1", secret).unwrap());
        let all = [
            one.digest(),
            other.digest(),
            one.call_key().expose().into(),
            other.call_key().expose().into(),
        ];
        for (place, derived) in all.iter().enumerate() {
            assert_eq!(derived.len(), 64);
            assert!(!all[..place].contains(derived));
        }
    }
}
