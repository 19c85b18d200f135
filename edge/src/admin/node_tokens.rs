use protocol::NodeToken;
use serde::Serialize;

use super::error::AdminError;
use super::{Admin, Question};
use crate::access::{Page, Purpose, Store, hex, is_id};
use crate::http::Response;
use crate::node::{Held, TokenView};

/// A token as it is shown once, in the answer that makes it.
#[derive(Serialize)]
struct Made<'a> {
    id: &'a str,
    node_id: &'a str,
    created_ms: u64,
    token: &'a str,
}

impl<S: Store> Admin<'_, S> {
    pub(super) fn node_tokens(&self, node_id: &str) -> Result<Question, AdminError> {
        Ok(Question::NodeTokens {
            node_id: known(node_id)?,
        })
    }

    pub(super) fn add_node_token(&self, node_id: &str) -> Result<Question, AdminError> {
        self.body(&[])?;
        let node_id = known(node_id)?;
        let made = NodeToken::new(&node_id, &hex(&self.entropy.secret));
        let token = made.ok_or_else(|| AdminError::not_found("node", &node_id))?;
        let keys = self.directory.keys();
        let call_key = token.call_key();
        let sealed = keys.seal_text(
            Purpose::Node(&node_id),
            call_key.expose().as_bytes(),
            &self.entropy.nonce,
        );
        let sealed_call_key = sealed.map_err(|_| AdminError::new(503, "unavailable", "the token cannot be sealed"))?;
        let held = Held {
            id: hex(&self.entropy.id),
            digest: token.digest(),
            sealed_call_key,
            created_ms: self.now_ms,
            used_ms: None,
        };
        Ok(Question::AddNodeToken { node_id, held, token })
    }

    pub(super) fn revoke_node_token(&self, node_id: &str, id: &str) -> Result<Question, AdminError> {
        let node_id = known(node_id)?;
        match is_id(id) {
            true => Ok(Question::RevokeNodeToken {
                node_id,
                id: id.to_owned(),
            }),
            false => Err(AdminError::not_found("token", id)),
        }
    }
}

/// A node need not have been heard of: it is let in by the token that is made for it.
fn known(node_id: &str) -> Result<String, AdminError> {
    if NodeToken::is_node_id(node_id) {
        return Ok(node_id.to_owned());
    }
    let reason = "a node that has tokens of its own has an id of 1 to 64 characters: a-z A-Z 0-9 . _ -";
    Err(AdminError::new(404, "not_found", reason))
}

/// All tokens of a node; they are too few for a second page.
pub fn tokens(items: Vec<TokenView>) -> Response {
    super::page(&Page { items, cursor: None })
}

/// The new token, this once: 201; 409 when there was no room for it.
pub fn added(made: Option<(&Held, &NodeToken)>) -> Response {
    let Some((held, token)) = made else {
        let reason = "the node has two tokens already: revoke the one that it does not use any more";
        return AdminError::new(409, "too_many_tokens", reason).response();
    };
    let made = Made {
        id: &held.id,
        node_id: token.node_id(),
        created_ms: held.created_ms,
        token: token.text().expose(),
    };
    Response::json(201, &made)
}

/// 204, or 404 when there was no such token.
pub fn revoked(id: &str, there_was: bool) -> Response {
    match there_was {
        true => Response::empty(204),
        false => AdminError::not_found("token", id).response(),
    }
}
