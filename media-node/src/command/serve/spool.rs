//! What a node finds or leaves in its spool's directory besides recordings: its lock and its name.

use std::fs::File;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};
use protocol::{NodeToken, Secret};

use crate::random::random_id;

/// Two nodes on one spool would start each recording twice.
pub(super) fn lock(spool: &Path) -> Result<Flock<File>, String> {
    let path = spool.join("node.lock");
    std::fs::create_dir_all(spool).map_err(|error| format!("cannot make {}: {error}", spool.display()))?;
    let file = File::create(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|(_, _)| format!("another node works on the spool {}", spool.display()))
}

/// The node's name: the one that was chosen, else the one that the spool keeps, else that of its own token, else a new one. The
/// edge lets a node in by its own token under the token's name only.
pub(super) fn node_id(chosen: Option<String>, token: Option<&Secret>, spool: &Path) -> Result<String, String> {
    let own = token.and_then(|token| NodeToken::parse(token.expose()));
    let own = own.as_ref().map(NodeToken::node_id);
    let id = chosen.map_or_else(|| kept_id(spool, own), Ok)?;
    match own {
        Some(own) if own != id => Err(format!(
            "this node is {id}, and its token is node {own}'s: make a token for {id} with the admin API"
        )),
        _ => Ok(id),
    }
}

/// The name that the spool keeps, which its recordings belong to. At the first start it is made.
fn kept_id(spool: &Path, own: Option<&str>) -> Result<String, String> {
    let path = spool.join("node-id");
    if let Ok(id) = std::fs::read_to_string(&path) {
        return Ok(id.trim().to_owned());
    }
    let id = match own {
        Some(own) => own.to_owned(),
        None => random_id().map_err(|error| format!("the system has no randomness: {error}"))?,
    };
    std::fs::write(&path, &id).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_by_its_own_token_and_by_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let token = |id: &str| Some(NodeToken::new(id, "ab").unwrap().text().clone());
        let named = |chosen: Option<&str>, token: Option<Secret>| {
            node_id(chosen.map(str::to_owned), token.as_ref(), dir.path())
        };
        assert_eq!(named(Some("n1"), token("n1")).unwrap(), "n1");
        assert!(
            named(Some("n1"), token("n2"))
                .unwrap_err()
                .contains("make a token for n1")
        );
        assert_eq!(named(None, token("n1")).unwrap(), "n1");
        // From here on the spool is n1's.
        assert_eq!(named(None, None).unwrap(), "n1");
        let error = named(None, token("n2")).unwrap_err();
        assert!(error.contains("this node is n1") && !error.contains("ab\""), "{error}");
        assert_eq!(named(Some("n3"), Some(Secret::new("shared"))).unwrap(), "n3");
    }
}
