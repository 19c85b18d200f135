use protocol::{Fault, NodeToken, Refusal, RefusalCode, Secret};
use serde::{Deserialize, Serialize};

use crate::access::same_secret;

/// What a node has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// A token of its own, which has this digest.
    Own { digest: String },
    /// The token that all nodes share.
    Shared,
}

/// Who calls, by the token alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Whoever bears a token of this node, if the node has it.
    Node { node_id: String, digest: String },
    /// A node of the fleet that says itself which one it is.
    AnyNode,
}

impl Caller {
    /// Reads the value of an `Authorization` header. `shared`: the token that all nodes share, where the deployment has one.
    ///
    /// # Errors
    /// When it is not there, or can be no node's.
    pub fn read(authorization: Option<&str>, shared: Option<&Secret>) -> Result<Self, Refusal> {
        let shown = authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::trim);
        let shown =
            shown.ok_or_else(|| unauthorized("the node's token is missing: it belongs in TAPEDECK_NODE_TOKEN"))?;
        if shared.is_some_and(|shared| !shared.is_empty() && same_secret(shown, shared.expose())) {
            return Ok(Self::AnyNode);
        }
        match NodeToken::parse(shown) {
            Some(token) => Ok(Self::Node {
                node_id: token.node_id().to_owned(),
                digest: token.digest(),
            }),
            None if shared.is_some() => Err(unauthorized("the token is wrong")),
            None => Err(unauthorized(
                "the token is no node's own, and this edge takes no other: make one with the admin API",
            )),
        }
    }

    /// What is shown for a message in the name of this node.
    ///
    /// # Errors
    /// When the token is another node's.
    pub fn speaks_for(&self, named: &str) -> Result<Shown, Refusal> {
        match self {
            Self::AnyNode => Ok(Shown::Shared),
            Self::Node { node_id, digest } if node_id == named => Ok(Shown::Own { digest: digest.clone() }),
            Self::Node { node_id, .. } => Err(unauthorized(&format!(
                "the token is node {node_id}'s, and the message another node's: set TAPEDECK_NODE_ID to {node_id}, or take \
                 that node's token"
            ))),
        }
    }
}

/// For whoever is not let in.
pub fn unauthorized(reason: &str) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::Unauthorized,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(node_id: &str) -> NodeToken {
        NodeToken::new(node_id, &"ab".repeat(32)).unwrap()
    }

    fn read(header: &str, shared: Option<&str>) -> Result<Caller, RefusalCode> {
        let shared = shared.map(Secret::new);
        Caller::read(Some(header), shared.as_ref()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_node_speaks_for_itself_alone() {
        let header = format!("Bearer {}", own("n1").text().expose());
        let caller = read(&header, Some("shared")).unwrap();
        let digest = own("n1").digest();
        assert_eq!(caller.speaks_for("n1"), Ok(Shown::Own { digest }));
        for other in ["n2", "N1", "", "n1 ", "n"] {
            let refusal = caller.speaks_for(other).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::Unauthorized, "{other}");
            assert!(!refusal.reason.contains("abab"), "{}", refusal.reason);
        }
    }

    #[test]
    fn the_shared_token_is_good_where_there_is_one() {
        assert_eq!(read("Bearer shared", Some("shared")), Ok(Caller::AnyNode));
        assert_eq!(Caller::AnyNode.speaks_for("n2"), Ok(Shown::Shared));
        for (header, shared) in [
            ("Bearer shared", None),
            ("Bearer wrong", Some("shared")),
            ("Bearer ", Some("")),
            ("Bearer", Some("")),
            ("Basic shared", Some("shared")),
            ("shared", Some("shared")),
            ("", Some("")),
        ] {
            assert_eq!(
                read(header, shared),
                Err(RefusalCode::Unauthorized),
                "{header:?} {shared:?}"
            );
        }
        assert!(Caller::read(None, Some(&Secret::new("shared"))).is_err());
    }
}
