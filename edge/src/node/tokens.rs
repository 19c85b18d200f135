use serde::{Deserialize, Serialize};

use super::{Reply, Request, Shown};
use crate::access::same_secret;

/// The one in use and the one that follows it.
const MAX_TOKENS: usize = 2;
/// When a token was last used is kept no more exactly than this.
const USED_EVERY_MS: u64 = 60_000;

/// One media node, as far as it is let in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// In the order in which they were made.
    tokens: Vec<Held>,
    /// Whether it has shown a token of its own: it is then not let in with the shared one any more, which others know.
    own: bool,
}

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Names the token for the operator.
    pub id: String,
    pub digest: String,
    /// What the edge shows to the node while the node shows this token; sealed.
    pub sealed_call_key: String,
    pub created_ms: u64,
    pub used_ms: Option<u64>,
}

/// A token as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    pub id: String,
    pub created_ms: u64,
    /// When it was last shown, to the minute; `null` if it never was.
    pub used_ms: Option<u64>,
}

impl Node {
    /// Nothing has to be kept.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub fn answer(&mut self, request: Request, now_ms: u64) -> Reply {
        match request {
            Request::Admit(shown) => Reply::Admitted(self.admit(&shown, now_ms)),
            Request::Add(token) => Reply::Added(self.add(token)),
            Request::Revoke { id } => Reply::Revoked(self.revoke(&id)),
            Request::Tokens => Reply::Tokens(self.tokens.iter().map(Held::view).collect()),
            Request::CallKeys => Reply::CallKeys(self.call_keys()),
        }
    }

    fn admit(&mut self, shown: &Shown, now_ms: u64) -> Result<(), String> {
        let digest = match shown {
            Shown::Own { digest } => digest,
            Shown::Shared if self.own => {
                let reason = "this node has tokens of its own: it is not let in with the one that all nodes share until \
                              these are revoked";
                return Err(reason.to_owned());
            }
            Shown::Shared => return Ok(()),
        };
        let token = self.tokens.iter_mut().find(|token| same_secret(&token.digest, digest));
        let token = token.ok_or("this token of the node is unknown or revoked: make another one with the admin API")?;
        let is_fresh = |used_ms: u64| now_ms.saturating_sub(used_ms) < USED_EVERY_MS;
        if !token.used_ms.is_some_and(is_fresh) {
            token.used_ms = Some(now_ms);
        }
        self.own = true;
        Ok(())
    }

    fn add(&mut self, token: Held) -> bool {
        let has_room = self.tokens.len() < MAX_TOKENS;
        if has_room {
            self.tokens.push(token);
        }
        has_room
    }

    fn revoke(&mut self, id: &str) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.id != id);
        self.own &= !self.tokens.is_empty();
        self.tokens.len() < before
    }

    /// The token that was shown last comes first; the node may have changed to the other one since.
    fn call_keys(&self) -> Option<Vec<String>> {
        let mut tokens: Vec<_> = self.tokens.iter().collect();
        tokens.sort_by_key(|token| std::cmp::Reverse(token.used_ms));
        let keys = tokens.into_iter().map(|token| token.sealed_call_key.clone());
        self.own.then(|| keys.collect())
    }
}

impl Held {
    fn view(&self) -> TokenView {
        TokenView {
            id: self.id.clone(),
            created_ms: self.created_ms,
            used_ms: self.used_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn token(id: &str) -> Held {
        Held {
            id: id.to_owned(),
            digest: format!("digest of {id}"),
            sealed_call_key: format!("key of {id}"),
            created_ms: NOW,
            used_ms: None,
        }
    }

    fn own(id: &str) -> Shown {
        Shown::Own {
            digest: format!("digest of {id}"),
        }
    }

    fn with(ids: &[&str]) -> Node {
        let mut node = Node::default();
        for id in ids {
            assert_eq!(node.answer(Request::Add(token(id)), NOW), Reply::Added(true));
        }
        node
    }

    fn admits(node: &mut Node, shown: Shown, now_ms: u64) -> bool {
        match node.answer(Request::Admit(shown), now_ms) {
            Reply::Admitted(admitted) => admitted.is_ok(),
            other => panic!("{other:?}"),
        }
    }

    fn keys(node: &mut Node) -> Option<Vec<String>> {
        match node.answer(Request::CallKeys, NOW) {
            Reply::CallKeys(keys) => keys,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_tokens_are_good_at_once_and_a_third_is_not_taken() {
        let mut node = with(&["a", "b"]);
        assert!(admits(&mut node, own("a"), NOW) && admits(&mut node, own("b"), NOW));
        assert_eq!(node.answer(Request::Add(token("c")), NOW), Reply::Added(false));
        assert!(!admits(&mut node, own("c"), NOW));
    }

    #[test]
    fn a_revoked_token_is_refused_at_once() {
        let mut node = with(&["a", "b"]);
        assert!(admits(&mut node, own("a"), NOW));
        let revoke = |node: &mut Node| node.answer(Request::Revoke { id: "a".into() }, NOW);
        assert_eq!(revoke(&mut node), Reply::Revoked(true));
        assert!(!admits(&mut node, own("a"), NOW) && admits(&mut node, own("b"), NOW));
        assert_eq!(revoke(&mut node), Reply::Revoked(false));
    }

    #[test]
    fn who_knows_the_shared_token_cannot_pass_for_a_node_that_has_its_own() {
        let mut node = with(&["a", "b"]);
        // Until its own is in use a node is let in with the one it has.
        assert!(admits(&mut node, Shown::Shared, NOW));
        assert_eq!(keys(&mut node), None);
        assert!(admits(&mut node, own("a"), NOW));
        assert!(!admits(&mut node, Shown::Shared, NOW));
        node.answer(Request::Revoke { id: "a".into() }, NOW);
        assert!(!admits(&mut node, Shown::Shared, NOW));
        assert!(keys(&mut node).is_some());
        node.answer(Request::Revoke { id: "b".into() }, NOW);
        assert!(admits(&mut node, Shown::Shared, NOW));
        assert_eq!((keys(&mut node), node.is_empty()), (None, true));
    }

    #[test]
    fn a_node_is_shown_first_what_follows_from_the_token_that_it_showed_last() {
        let mut node = with(&["a", "b"]);
        admits(&mut node, own("a"), NOW);
        assert_eq!(keys(&mut node).unwrap(), ["key of a", "key of b"]);
        admits(&mut node, own("b"), NOW + 5);
        assert_eq!(keys(&mut node).unwrap(), ["key of b", "key of a"]);
    }

    #[test]
    fn when_a_token_was_used_is_kept_to_the_minute_and_its_digest_is_not_shown() {
        let mut node = with(&["a"]);
        admits(&mut node, own("a"), NOW);
        let before = node.clone();
        admits(&mut node, own("a"), NOW + 59_999);
        assert_eq!(node, before);
        admits(&mut node, own("a"), NOW + 60_000);
        let Reply::Tokens(tokens) = node.answer(Request::Tokens, NOW) else {
            panic!("no tokens")
        };
        let shown = serde_json::to_string(&tokens).unwrap();
        assert_eq!(tokens[0].used_ms, Some(NOW + 60_000));
        assert!(!shown.contains("digest") && !shown.contains("key"), "{shown}");
    }
}
