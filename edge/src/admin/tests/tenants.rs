use super::*;

#[test]
fn the_life_of_a_tenant() {
    let server = Server::new();
    let (status, tenant) = server.call("POST", "tenants", &json!({"name": "Acme"}));
    let id = tenant["id"].as_str().unwrap();
    assert_eq!((status, id.len()), (201, 32));
    assert_eq!(tenant, json!({"id": id, "name": "Acme", "created_ms": 1000}));
    let path = format!("tenants/{id}");
    assert_eq!(server.get(&path), (200, tenant.clone()));
    let renamed = json!({"id": id, "name": "Acme 2", "created_ms": 1000});
    assert_eq!(
        server.call("PATCH", &path, &json!({"name": "Acme 2"})),
        (200, renamed.clone())
    );
    assert_eq!(server.get("tenants"), (200, json!({"items": [renamed]})));
    assert_eq!(server.call("DELETE", &path, &Value::Null), (204, Value::Null));
    for method in ["GET", "PATCH", "DELETE"] {
        assert_error(server.call(method, &path, &Value::Null), 404, "not_found", None);
    }
    assert!(server.store.map.borrow().is_empty());
}

#[test]
fn what_a_tenant_must_be() {
    let server = Server::with_tenant();
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": 1}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"name": "x".repeat(201)}), "name"),
        (json!({"name": "a", "id": "a b"}), "id"),
        (json!({"name": "a", "id": "a:b"}), "id"),
        (json!({"name": "a", "id": "x".repeat(65)}), "id"),
        (json!({"name": "a", "colour": "red"}), "colour"),
    ] {
        assert_error(server.call("POST", "tenants", &body), 400, "invalid_field", Some(field));
    }
    assert_error(
        server.call("POST", "tenants", &json!({"id": "t", "name": "x"})),
        409,
        "already_exists",
        None,
    );
    assert_error(
        server.call("PATCH", "tenants/t", &json!({"id": "u"})),
        400,
        "invalid_field",
        Some("id"),
    );
    assert_error(server.call("POST", "tenants", &json!([])), 400, "invalid_body", None);
    let broken = Request {
        body: b"{\"name\": hunter2}".to_vec(),
        ..request("POST", "tenants", &Value::Null)
    };
    let response = server.respond(&broken);
    assert_eq!(response.status, 400);
    assert!(!String::from_utf8_lossy(&response.body).contains("hunter2"));
    let long = Request {
        body: vec![b' '; 300_000],
        ..request("POST", "tenants", &Value::Null)
    };
    assert_eq!(server.respond(&long).status, 400);
}

#[test]
fn a_tenant_that_owns_something_is_not_deleted() {
    let server = Server::with_tenant();
    server.call("POST", "tenants/t/credentials", &json!({"customer_id": "c"}));
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let delete = |path: &str| server.call("DELETE", path, &Value::Null);
    assert_error(delete("tenants/t"), 409, "tenant_not_empty", None);
    assert_eq!(delete("tenants/t/credentials/c").0, 204);
    assert_error(delete("tenants/t"), 409, "tenant_not_empty", None);
    assert_eq!(delete(&format!("apps/{APP}")).0, 204);
    assert_eq!(delete("tenants/t").0, 204);
    assert!(server.store.map.borrow().is_empty());
}
