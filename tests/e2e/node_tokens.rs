//! A node with a token of its own is let in as itself, is called by what follows from the token, and is out when it is revoked.

use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::customer::{Reply, send};
use tapedeck_tests::node::Node;
use tapedeck_tests::stack::{Info, Stack};

async fn make(stack: &Stack, node_id: &str) -> Reply {
    stack
        .admin(Method::POST, &format!("nodes/{node_id}/tokens"), &json!({}))
        .await
}

fn with_token(stack: &Stack, token: &str) -> Info {
    Info {
        node_token: token.to_owned(),
        ..stack.info.clone()
    }
}

/// A message to the edge, as a node sends it.
async fn say(stack: &Stack, token: &str, path: &str, message: &Value) -> Reply {
    let url = format!("{}/node/v1/{path}", stack.info.edge);
    send(stack.customer().client.post(url).bearer_auth(token).json(message)).await
}

fn heartbeat(node_id: &str) -> Value {
    json!({"node_id": node_id, "url": "http://127.0.0.1:1", "region": "default", "version": "0", "capacity": 0, "load": 0.0,
        "draining": false, "recordings": []})
}

pub(crate) async fn a_node_is_let_in_by_its_own_token_until_it_is_revoked(stack: &mut Stack) {
    let (first, second) = (
        make(stack, "one").await.expect(201),
        make(stack, "one").await.expect(201),
    );
    make(stack, "one").await.expect(409);
    let token = first.text("token").to_owned();
    // Until its own is in use it may come with the one that it has had.
    say(stack, &stack.info.node_token, "heartbeats", &heartbeat("one"))
        .await
        .expect(200);

    let node = Node::start(&with_token(stack, &token), stack.logs(), "one").await;
    for (token, named) in [
        (&token, "two"),
        (&stack.info.node_token, "one"),
        (&format!("{token}0"), "one"),
    ] {
        say(stack, token, "heartbeats", &heartbeat(named)).await.expect(401);
    }
    let in_query = format!("heartbeats?token={token}");
    say(stack, "", &in_query, &heartbeat("one")).await.expect(401);

    // It has the only room. Its answer to the job shows that it takes the edge for the edge.
    let customer = stack.customer();
    let task = customer.record("tokens", |_| {}).await;
    assert!(node.report(&task.sid).await.is_some(), "the node records");
    let job = |node_id: &str| {
        let recorder = json!({"app_id": stack.info.app_id, "channel": task.cname, "uid": task.uid});
        json!({"node_id": node_id, "recorder": recorder, "sid": task.sid, "epoch": 1})
    };
    say(stack, &token, "jobs", &job("one")).await.expect(200);
    let shared = say(stack, &stack.info.node_token, "jobs", &job("two"))
        .await
        .expect(404);
    assert!(!shared.body.to_string().contains("secret"), "{}", shared.body);
    customer.stop(&task).await;

    let path = format!("nodes/one/tokens/{}", first.text("id"));
    stack.admin(Method::DELETE, &path, &Value::Null).await.expect(204);
    say(stack, &token, "heartbeats", &heartbeat("one")).await.expect(401);
    drop(node);
    let node = Node::start(&with_token(stack, second.text("token")), stack.logs(), "one").await;
    let listed = stack
        .admin(Method::GET, "nodes/one/tokens", &Value::Null)
        .await
        .expect(200);
    let items = listed.body["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "{}", listed.body);
    assert!(
        items[0]["used_ms"].is_u64() && items[0].get("token").is_none(),
        "{}",
        listed.body
    );
    let again = customer.record("again", |_| {}).await;
    assert!(node.report(&again.sid).await.is_some(), "the node records");
}
