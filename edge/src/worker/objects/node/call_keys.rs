use protocol::Secret;
use worker::{Env, console_error};

use super::Node;
use crate::access::Purpose;
use crate::node;
use crate::worker::bindings;
use crate::worker::objects::ask::ask;

/// What calls of the node show, in the order in which it is tried. None when it cannot be known; the log says why.
pub(in crate::worker::objects) async fn call_keys(node_id: &str, env: &Env) -> Vec<Secret> {
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
