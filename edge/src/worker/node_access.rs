//! Whether a node is let in, and what a node is shown when it is called: by what the node's own object knows at this moment.

use protocol::{Fault, Refusal, RefusalCode, Secret};
use worker::{Env, console_error};

use super::bindings;
use super::objects::{Node, ask};
use crate::access::Purpose;
use crate::node::{self, Shown, unauthorized};

/// Lets a node in by what it has shown.
pub(super) async fn admit(node_id: &str, shown: Shown, env: &Env) -> Result<(), Refusal> {
    match ask::<Node>(env, node_id, &node::Request::Admit(shown)).await {
        Ok(node::Reply::Admitted(Ok(()))) => Ok(()),
        Ok(node::Reply::Admitted(Err(reason))) => Err(unauthorized(&reason)),
        Ok(_) | Err(_) => Err(Refusal {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason: "the edge could not ask its objects; try again".to_owned(),
        }),
    }
}

/// What calls of the node show, in the order in which it is tried. None when it cannot be known; the log says why.
pub(super) async fn call_keys(node_id: &str, env: &Env) -> Vec<Secret> {
    match ask::<Node>(env, node_id, &node::Request::CallKeys).await {
        Ok(node::Reply::CallKeys(Some(sealed))) => open(node_id, &sealed, env),
        Ok(node::Reply::CallKeys(None)) => {
            let shared = bindings::shared_node_token(env);
            if shared.is_none() {
                console_error!(
                    "node {node_id} cannot be called: it has shown no token of its own, and TAPEDECK_NODE_TOKEN is not set"
                );
            }
            shared.into_iter().collect()
        }
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn open(node_id: &str, sealed: &[String], env: &Env) -> Vec<Secret> {
    let keys = match bindings::seal_keys(env) {
        Ok(keys) => keys,
        Err(error) => {
            console_error!("node {node_id} cannot be called: {error}");
            return Vec::new();
        }
    };
    let opened = sealed.iter().filter_map(|sealed| {
        let plain = keys.open_text(Purpose::Node(node_id), sealed).ok();
        let key = plain.and_then(|plain| String::from_utf8(plain).ok());
        if key.is_none() {
            console_error!("a token of node {node_id} was sealed by a key that is not configured: make another token");
        }
        key.map(Secret::new)
    });
    opened.collect()
}
