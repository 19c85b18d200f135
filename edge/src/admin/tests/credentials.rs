use super::*;
use crate::access::{AccessError, Credential, authenticate};

fn sign_in(server: &Server, id: &str, secret: &str) -> Result<Credential, AccessError> {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let directory = Directory::new(&server.store, &server.keys);
    run(authenticate(Some(&format!("Basic {pair}")), &directory))
}

#[test]
fn a_customer_keeps_the_id_and_the_secret_of_a_vendor() {
    let server = Server::with_tenant();
    let kept = json!({"customer_id": "theirs", "customer_secret": "p:a~ss"});
    let (status, created) = server.call("POST", "tenants/t/credentials", &kept);
    assert_eq!((status, &created["customer_secret"]), (201, &json!("p:a~ss")));
    assert!(sign_in(&server, "theirs", "p:a~ss").is_ok());
    for bad in ["a b", "é", &"x".repeat(257)] {
        let body = json!({"customer_secret": bad});
        let refused = server.call("POST", "tenants/t/credentials", &body);
        assert_error(refused, 400, "invalid_field", Some("customer_secret"));
    }
}

#[test]
fn a_secret_is_replaced() {
    let server = Server::with_tenant();
    let kept = json!({"customer_id": "c", "customer_secret": "old"});
    server.call("POST", "tenants/t/credentials", &kept);
    let path = "tenants/t/credentials/c";
    let (status, random) = server.call("PATCH", path, &Value::Null);
    let random = random["customer_secret"].as_str().unwrap();
    assert_eq!((status, random.len()), (200, 64));
    assert!(sign_in(&server, "c", "old").is_err());
    assert!(sign_in(&server, "c", random).is_ok());
    let (_, chosen) = server.call("PATCH", path, &json!({"customer_secret": "new"}));
    assert_eq!(
        chosen,
        json!({"customer_id": "c", "tenant": "t", "created_ms": 1000, "customer_secret": "new"})
    );
    assert!(sign_in(&server, "c", random).is_err());
    assert!(sign_in(&server, "c", "new").is_ok());
    assert!(!server.get(path).1.to_string().contains("new"));
}

#[test]
fn a_secret_is_shown_once_and_signs_in() {
    let server = Server::with_tenant();
    let (status, created) = server.call("POST", "tenants/t/credentials", &Value::Null);
    let (id, secret) = (
        created["customer_id"].as_str().unwrap(),
        created["customer_secret"].as_str().unwrap(),
    );
    assert_eq!((status, id.len(), secret.len()), (201, 32, 64));

    let (_, second) = server.call("POST", "tenants/t/credentials", &json!({"customer_id": "chosen"}));
    assert_eq!(second["customer_id"], "chosen");
    assert_ne!(second["customer_secret"], created["customer_secret"]);

    let one = server.get(&format!("tenants/t/credentials/{id}"));
    assert_eq!(
        one,
        (200, json!({"customer_id": id, "tenant": "t", "created_ms": 1000}))
    );
    let (_, list) = server.get("tenants/t/credentials");
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert!(!list.to_string().contains(secret));
    assert!(
        server
            .store
            .map
            .borrow()
            .values()
            .all(|record| !record.contains(secret))
    );

    let sign_in = |secret: &str| sign_in(&server, id, secret);
    let credential = sign_in(secret).unwrap();
    assert_eq!(credential.tenant, "t");
    assert!(!format!("{credential:?}").contains(secret));
    assert!(sign_in("wrong").is_err());
    assert_eq!(
        server
            .call("DELETE", &format!("tenants/t/credentials/{id}"), &Value::Null)
            .0,
        204
    );
    assert!(sign_in(secret).is_err());
    assert_eq!(server.get("tenants/t/credentials/chosen").0, 200);
}

#[test]
fn credentials_belong_to_their_tenant() {
    let server = Server::with_tenant();
    server.call("POST", "tenants", &json!({"id": "u", "name": "U"}));
    server.call("POST", "tenants/t/credentials", &json!({"customer_id": "c"}));
    for method in ["GET", "PATCH", "DELETE"] {
        assert_error(
            server.call(method, "tenants/u/credentials/c", &Value::Null),
            404,
            "not_found",
            None,
        );
    }
    assert_eq!(server.get("tenants/u/credentials"), (200, json!({"items": []})));
    let taken = server.call("POST", "tenants/u/credentials", &json!({"customer_id": "c"}));
    assert_error(taken, 409, "already_exists", None);
    assert_error(
        server.call("POST", "tenants/x/credentials", &json!({})),
        404,
        "not_found",
        None,
    );
    assert_error(server.get("tenants/x/credentials"), 404, "not_found", None);
    let bad = server.call("POST", "tenants/u/credentials", &json!({"customer_id": "a:b"}));
    assert_error(bad, 400, "invalid_field", Some("customer_id"));
}
