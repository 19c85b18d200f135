use super::*;
use crate::access::Purpose;
use crate::node::{Node, Reply, Request as NodeRequest, Shown};

fn ask(server: &Server, method: &str, path: &str) -> Question {
    match server.handle(&request(method, path, &Value::Null)) {
        Handled::Ask(question) => question,
        other => panic!("{other:?}"),
    }
}

fn made(server: &Server, node_id: &str) -> (Held, NodeToken) {
    match ask(server, "POST", &format!("nodes/{node_id}/tokens")) {
        Question::AddNodeToken {
            node_id: named,
            held,
            token,
        } => {
            assert_eq!(named, node_id);
            (held, token)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_shown_once_and_kept_as_a_digest() {
    let server = Server::new();
    let (held, token) = made(&server, "media-1.example.com");
    let response = added(Some((&held, &token)));
    let shown: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(
        (response.status, shown["node_id"].as_str()),
        (201, Some("media-1.example.com"))
    );
    let text = shown["token"].as_str().unwrap();
    let kept = serde_json::to_string(&held).unwrap();
    let secret = text.rsplit_once('.').unwrap().1;
    assert!(secret.len() == 64 && !kept.contains(secret), "{kept}");
    assert!(!kept.contains(token.call_key().expose()), "{kept}");
    let opened = server
        .keys
        .open_text(Purpose::Node("media-1.example.com"), &held.sealed_call_key);
    assert_eq!(opened.unwrap(), token.call_key().expose().as_bytes());
    let mut node = Node::default();
    node.answer(NodeRequest::Add(held), 0);
    let digest = NodeToken::parse(text).unwrap().digest();
    let admitted = node.answer(NodeRequest::Admit(Shown::Own { digest }), 0);
    assert_eq!(admitted, Reply::Admitted(Ok(())));
}

#[test]
fn no_two_tokens_are_alike() {
    let server = Server::new();
    let ((one, first), (other, second)) = (made(&server, "n1"), made(&server, "n1"));
    assert!(one.id != other.id && one.digest != other.digest && first != second);
}

#[test]
fn tokens_are_listed_and_revoked_by_their_ids() {
    let server = Server::new();
    let node_id = || "n1".to_owned();
    assert_eq!(
        ask(&server, "GET", "nodes/n1/tokens"),
        Question::NodeTokens { node_id: node_id() }
    );
    assert_eq!(
        ask(&server, "DELETE", "nodes/n1/tokens/ab12"),
        Question::RevokeNodeToken {
            node_id: node_id(),
            id: "ab12".into()
        }
    );
    assert_eq!(revoked("ab12", true).status, 204);
    assert_eq!(revoked("ab12", false).status, 404);
    assert_eq!(added(None).status, 409);
}

#[test]
fn what_can_be_no_nodes_id_is_not_looked_for() {
    let server = Server::new();
    for node_id in [
        "a%20b",
        "n:1",
        "%2e%2e%2f",
        "n1?token=x",
        &"x".repeat(65),
        &"x".repeat(100_000),
    ] {
        let path = format!("nodes/{node_id}/tokens").replace("?token=x/tokens", "~/tokens?token=x");
        assert_error(server.call("POST", &path, &Value::Null), 404, "not_found", None);
    }
    assert_error(
        server.call("DELETE", "nodes/n1/tokens/%3b", &Value::Null),
        404,
        "not_found",
        None,
    );
    let chosen = json!({"token": "mine"});
    assert_error(
        server.call("POST", "nodes/n1/tokens", &chosen),
        400,
        "invalid_field",
        Some("token"),
    );
}
