use super::*;

#[test]
fn only_the_operator_is_let_in() {
    let server = Server::new();
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer wrong"),
        Some("Bearer "),
        Some("Basic operator-token"),
        Some(TOKEN),
    ] {
        for path in ["/admin/v1/tenants", "/admin/v1/no-such-path"] {
            let mut request = Request {
                method: "GET".into(),
                path: path.into(),
                ..Request::default()
            };
            if let Some(header) = header {
                request.headers.push("Authorization", header);
            }
            let response = server.respond(&request);
            assert_eq!(response.status, 401, "{header:?}");
            assert!(
                response
                    .headers
                    .get("WWW-Authenticate")
                    .is_some_and(|value| value.starts_with("Bearer "))
            );
        }
    }
    let directory = Directory::new(&server.store, &server.keys);
    let mut request = Request {
        method: "GET".into(),
        path: "/admin/v1/tenants".into(),
        ..Request::default()
    };
    request.headers.push("Authorization", "Bearer ");
    let handled = run(handle(
        &request,
        &Secret::new(""),
        &directory,
        Targets::Public,
        0,
        &entropy(1),
    ));
    assert!(
        matches!(handled, Handled::Respond(Response { status: 401, .. })),
        "no token is configured"
    );
}

#[test]
fn paths_and_methods() {
    let server = Server::new();
    for path in [
        "",
        "tenant",
        "tenants/",
        "tenants/t/",
        "tenants/t/x",
        "apps/a/recordings/s/start",
        "nodes/n",
    ] {
        assert_error(server.get(path), 404, "not_found", None);
    }
    for (path, allowed) in [
        ("tenants", "GET, POST"),
        ("tenants/t", "GET, PATCH, DELETE"),
        ("tenants/t/credentials", "GET, POST"),
        ("tenants/t/credentials/c", "GET, PATCH, DELETE"),
        ("apps", "GET, POST"),
        ("apps/a", "GET, PATCH, DELETE"),
        ("nodes", "GET"),
        ("apps/a/recordings", "GET"),
        ("apps/a/recordings/s", "GET, DELETE"),
        ("apps/a/recordings/s/stop", "POST"),
    ] {
        for method in ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"] {
            let handled = server.handle(&request(method, path, &Value::Null));
            let refusal = match &handled {
                Handled::Respond(response) if response.status == 405 => response.headers.get("Allow"),
                _ => None,
            };
            let is_allowed = allowed.split(", ").any(|allowed| allowed == method);
            assert_eq!(refusal, (!is_allowed).then_some(allowed), "{method} {path}");
        }
    }
}

#[test]
fn listings_go_page_by_page() {
    let server = Server::new();
    for n in 0..5 {
        server.call("POST", "tenants", &json!({"id": format!("t{n}"), "name": "x"}));
    }
    // An entry whose record was never written.
    server
        .store
        .map
        .borrow_mut()
        .insert("tenant-app:t0:ghost".into(), String::new());
    let (mut ids, mut cursor) = (vec![], String::new());
    loop {
        let (_, page) = server.get(&format!("tenants?limit=2&cursor={cursor}"));
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        ids.extend(items.iter().map(|tenant| tenant["id"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids, ["t0", "t1", "t2", "t3", "t4"]);
    assert_eq!(server.get("apps?tenant=t0"), (200, json!({"items": []})));
    for query in ["limit=0", "limit=41", "limit=x", "limit=-1"] {
        assert_error(
            server.get(&format!("tenants?{query}")),
            400,
            "invalid_field",
            Some("limit"),
        );
    }
    let long = format!("tenants?cursor={}", "x".repeat(2000));
    assert_error(server.get(&long), 400, "invalid_field", Some("cursor"));
}

#[test]
fn a_store_that_fails_is_ours() {
    let mut server = Server::with_tenant();
    server.store.broken = true;
    for (method, path) in [
        ("GET", "tenants"),
        ("POST", "tenants/t/credentials"),
        ("DELETE", "apps/a"),
    ] {
        match server.handle(&request(method, path, &Value::Null)) {
            Handled::Failed(_, response) => assert_eq!(response.status, 503),
            other => panic!("{other:?}"),
        }
    }
}
