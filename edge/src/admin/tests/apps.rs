use super::*;

#[test]
fn the_life_of_an_app() {
    let server = Server::with_tenant();
    let (status, app) = server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let expected = json!({
        "app_id": APP, "tenant": "t", "name": "", "dialect": "agora",
        "source": {"type": "builtin", "rtsp": null, "roster": null},
        "has_certificate": false, "channels": {"access": "open"}, "callback": null, "backup": null, "house_storage": null, "automatic": null, "recorder": {"strict_extinf": true, "multivariant_playlists": false, "vpx_container": "by_codec"}, "disabled": false, "created_ms": 1000,
        "limits": {
            "requests_per_second": {
                "acquire": 10, "start": 10, "query": 10, "update": 10, "updateLayout": 10, "stop": 10,
            },
            "recordings": 50,
        },
    });
    assert_eq!((status, &app), (201, &expected));
    let path = format!("apps/{APP}");
    let (status, app) = server.call(
        "PATCH",
        &path,
        &json!({"name": "Lessons", "disabled": true, "recorder": {"strict_extinf": false, "multivariant_playlists": true, "vpx_container": "mp4"},
                "source": {"type": "builtin", "rtsp": "rtsp://n:8554", "roster": "http://n:8788/"}}),
    );
    assert_eq!(
        (status, &app["name"], &app["disabled"]),
        (200, &json!("Lessons"), &json!(true))
    );
    assert_eq!(
        app["recorder"],
        json!({"strict_extinf": false, "multivariant_playlists": true, "vpx_container": "mp4"})
    );
    assert_eq!(
        app["source"],
        json!({"type": "builtin", "rtsp": "rtsp://n:8554", "roster": "http://n:8788"})
    );
    // What is not given stays.
    assert_eq!(
        server.call("PATCH", &path, &json!({"recorder": {}})),
        (200, app.clone())
    );
    assert_eq!(server.get(&path), (200, app.clone()));
    assert_eq!(server.get("apps?tenant=t"), (200, json!({"items": [app]})));
    assert_eq!(server.get("apps?tenant=u"), (200, json!({"items": []})));
    assert_eq!(server.call("DELETE", &path, &Value::Null), (204, Value::Null));
    assert_error(server.get(&path), 404, "not_found", None);
    assert_eq!(server.get("apps"), (200, json!({"items": []})));

    let (_, app) = server.call("POST", "apps", &json!({"tenant": "t"}));
    let id = app["app_id"].as_str().unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
}

#[test]
fn what_an_app_must_be() {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let source = |source: Value| json!({"tenant": "t", "source": source});
    for (body, field) in [
        (json!({}), "tenant"),
        (json!({"tenant": "x"}), "tenant"),
        (json!({"tenant": "t", "app_id": "abc"}), "app_id"),
        (json!({"tenant": "t", "app_id": "g".repeat(32)}), "app_id"),
        (json!({"tenant": "t", "dialect": "morse"}), "dialect"),
        (json!({"tenant": "t", "flavour": "morse"}), "flavour"),
        (json!({"tenant": "t", "certificate": "abc"}), "certificate"),
        (json!({"tenant": "t", "certificate": 1}), "certificate"),
        (json!({"tenant": "t", "disabled": "no"}), "disabled"),
        (
            json!({"tenant": "t", "recorder": {"strict_extinf": 1}}),
            "recorder.strict_extinf",
        ),
        (json!({"tenant": "t", "recorder": {"strict": true}}), "recorder.strict"),
        (
            json!({"tenant": "t", "recorder": {"vpx_container": "avi"}}),
            "recorder.vpx_container",
        ),
        (json!({"tenant": "t", "limits": 5}), "limits"),
        (json!({"tenant": "t", "limits": {"recordings": 0}}), "limits.recordings"),
        (
            json!({"tenant": "t", "limits": {"recordings": 10_001}}),
            "limits.recordings",
        ),
        (json!({"tenant": "t", "limits": {"rate": 1}}), "limits.rate"),
        (
            json!({"tenant": "t", "limits": {"requests_per_second": {"query": 1001}}}),
            "limits.requests_per_second.query",
        ),
        (
            json!({"tenant": "t", "limits": {"requests_per_second": {"resume": 1}}}),
            "limits.requests_per_second.resume",
        ),
        (source(json!({})), "source.type"),
        (source(json!({"type": "rtmp"})), "source.type"),
        (source(json!({"type": "builtin", "rtsp": "http://h"})), "source.rtsp"),
        (
            source(json!({"type": "builtin", "roster": "http://h/x"})),
            "source.roster",
        ),
        (source(json!({"type": "builtin", "api": "http://h"})), "source.api"),
        (source(json!({"type": "mediamtx", "rtsp": "rtsp://h"})), "source.api"),
        (source(json!({"type": "mediamtx", "api": "http://h"})), "source.rtsp"),
        (
            source(json!({"type": "mediamtx", "api": "http://h", "rtsp": "rtsp://h", "credentials": "x"})),
            "source.credentials",
        ),
        (
            source(json!({"type": "mediamtx", "api": "http://h", "rtsp": "rtsp://h", "path": "/a"})),
            "source.path",
        ),
        (
            source(json!({"type": "mediamtx", "api": "http://h", "rtsp": "rtsps://h#sha256=12"})),
            "source.rtsp",
        ),
        (
            source(
                json!({"type": "mediamtx", "api": "http://h", "rtsp": format!("rtsp://h#sha256={}", "0".repeat(64))}),
            ),
            "source.rtsp",
        ),
        (source(json!({"type": "static"})), "source.streams"),
        (source(json!({"type": "static", "streams": {}})), "source.streams"),
        (
            source(json!({"type": "static", "streams": {"a/b": "rtsp://h/1"}})),
            "source.streams",
        ),
        (
            source(json!({"type": "static", "streams": {"1": "http://h/1"}})),
            "source.streams.1",
        ),
        (
            source(json!({"type": "static", "streams": {"1": ""}})),
            "source.streams.1",
        ),
        (
            source(json!({"type": "static", "streams": {"1": "rtsp://h/…"}})),
            "source.streams.1",
        ),
    ] {
        assert_error(server.call("POST", "apps", &body), 400, "invalid_field", Some(field));
    }
    assert_error(
        server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP})),
        409,
        "already_exists",
        None,
    );
    for fixed in ["tenant", "app_id", "created_ms"] {
        let change = server.call("PATCH", &format!("apps/{APP}"), &json!({fixed: "agora"}));
        assert_error(change, 400, "invalid_field", Some(fixed));
    }
    assert_error(server.get("apps?tenant=a%20b"), 400, "invalid_field", Some("tenant"));
}

#[test]
fn a_sources_secrets_are_kept_and_never_shown() {
    let server = Server::with_tenant();
    let rtsps = format!("rtsps://m:8322#sha256={}", "0f".repeat(32));
    let token = format!("any:hunter2{}", "x".repeat(1000));
    for source in [
        json!({"type": "static", "streams": {"1": "rtsp://user:hunter2@cam:554/live?key=hunter2", "2": "rtsp://cam/hunter2"}}),
        json!({"type": "mediamtx", "api": "http://m:9997", "rtsp": rtsps, "credentials": token}),
    ] {
        let (status, created) = server.call("POST", "apps", &json!({"tenant": "t", "source": source}));
        assert_eq!(status, 201);
        let app_id = created["app_id"].as_str().unwrap();
        let path = format!("apps/{app_id}");
        let patched = server.call("PATCH", &path, &json!({"name": "x"})).1;
        for shown in [created.clone(), patched, server.get(&path).1, server.get("apps").1] {
            assert!(!shown.to_string().contains("hunter2"), "{shown}");
        }
        assert!(
            server
                .store
                .map
                .borrow()
                .values()
                .all(|record| !record.contains("hunter2"))
        );
        let app = run(Directory::new(&server.store, &server.keys).app(app_id))
            .unwrap()
            .unwrap();
        assert!(serde_json::to_string(&app.source).unwrap().contains("hunter2"));
        assert!(!format!("{app:?}").contains("hunter2"));
    }
    let (_, list) = server.get("apps");
    let sources: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| &app["source"])
        .collect();
    assert!(sources.contains(&&json!({"type": "static", "streams": {"1": "rtsp://cam:554/…", "2": "rtsp://cam/…"}})));
    assert!(sources.contains(&&json!({
        "type": "mediamtx", "api": "http://m:9997", "rtsp": rtsps, "path": "{app}/{channel}",
        "has_credentials": true,
    })));
}

#[test]
fn a_certificate_is_kept_sealed_and_can_be_taken_away() {
    let server = Server::with_tenant();
    let certificate = "5CFd2fd1755d40ecb72977518be15d3b";
    let body = json!({"tenant": "t", "app_id": APP, "dialect": "anyrtc", "certificate": certificate});
    let (status, app) = server.call("POST", "apps", &body);
    assert_eq!(
        (status, &app["dialect"], &app["has_certificate"]),
        (201, &json!("anyrtc"), &json!(true))
    );
    assert!(!app.to_string().contains(certificate));
    assert!(
        server
            .store
            .map
            .borrow()
            .values()
            .all(|record| !record.contains(certificate))
    );
    let stored = || {
        run(Directory::new(&server.store, &server.keys).app(APP))
            .unwrap()
            .unwrap()
            .certificate
    };
    let path = format!("apps/{APP}");
    // What is not given stays.
    server.call("PATCH", &path, &json!({"name": "x"}));
    assert_eq!(stored(), Some(Secret::new(certificate)));
    let (_, app) = server.call("PATCH", &path, &json!({"certificate": null, "dialect": "agora"}));
    assert_eq!(
        (&app["dialect"], &app["has_certificate"]),
        (&json!("agora"), &json!(false))
    );
    assert_eq!(stored(), None);
}

#[test]
fn limits_change_one_by_one() {
    let server = Server::with_tenant();
    let limits = json!({"recordings": 3, "requests_per_second": {"query": 100}});
    let (status, app) = server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP, "limits": limits}));
    assert_eq!((status, &app["limits"]["recordings"]), (201, &json!(3)));
    let change = json!({"limits": {"requests_per_second": {"updateLayout": 1}}});
    let (status, app) = server.call("PATCH", &format!("apps/{APP}"), &change);
    let rates = json!({"acquire": 10, "start": 10, "query": 100, "update": 10, "updateLayout": 1, "stop": 10});
    assert_eq!(
        (status, &app["limits"]),
        (200, &json!({"requests_per_second": rates, "recordings": 3}))
    );
}

#[test]
fn a_backup_store_is_sealed_shown_without_its_keys_and_taken_away() {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let path = format!("apps/{APP}");
    let config = json!({"vendor": 1, "region": 0, "bucket": "vault", "accessKey": "AKBACKUP", "secretKey": "hunter2",
        "fileNamePrefix": ["backup"]});
    let set = |backup: serde_json::Value| server.call("PATCH", &path, &json!({ "backup": backup }));
    let (status, app) = set(json!({"storageConfig": config, "after_s": 300}));
    let shown = json!({"endpoint": "https://s3.us-east-1.amazonaws.com", "bucket": "vault", "prefix": "backup",
        "after_s": 300, "has_keys": true});
    assert_eq!((status, &app["backup"]), (200, &shown));
    assert_eq!(server.get(&path).1["backup"], shown);
    for record in server.store.map.borrow().values() {
        assert!(!record.contains("hunter2") && !record.contains("AKBACKUP"), "{record}");
    }
    for (backup, field) in [
        (json!({}), "backup.storageConfig"),
        (json!({"storageConfig": config, "after_s": 0}), "backup.after_s"),
        (json!({"storageConfig": config, "after": 5}), "backup.after"),
        (json!({"storageConfig": {"vendor": 1}}), "backup.storageConfig.region"),
    ] {
        assert_error(set(backup), 400, "invalid_field", Some(field));
    }
    assert_eq!(set(serde_json::Value::Null).1["backup"], serde_json::Value::Null);
}

#[test]
fn an_app_names_its_dialect_also_by_the_fields_older_name() {
    let server = Server::with_tenant();
    let named = |fields: Value| {
        let mut body = json!({"tenant": "t"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let (status, app) = server.call("POST", "apps", &body);
        (status, app["dialect"].clone())
    };
    assert_eq!(named(json!({})), (201, json!("agora")));
    assert_eq!(named(json!({"dialect": "anyrtc"})), (201, json!("anyrtc")));
    assert_eq!(named(json!({"flavour": "anyrtc"})), (201, json!("anyrtc")));
    assert_eq!(
        named(json!({"dialect": "agora", "flavour": "anyrtc"})),
        (201, json!("anyrtc"))
    );
    for field in ["dialect", "flavour"] {
        let wrong = server.call("POST", "apps", &json!({"tenant": "t", field: "morse"}));
        assert_error(wrong, 400, "invalid_field", Some(field));
    }
}

#[test]
fn an_app_of_an_earlier_version_keeps_its_dialect() {
    let server = Server::with_tenant();
    let body = json!({"tenant": "t", "app_id": APP, "dialect": "anyrtc"});
    assert_eq!(server.call("POST", "apps", &body).0, 201);
    for (family, flavour, dialect) in [("agora", "anyrtc", "anyrtc"), ("agora", "agora", "agora")] {
        for record in server.store.map.borrow_mut().values_mut() {
            let mut older: Value = serde_json::from_str(record).unwrap();
            if older.get("dialect").is_some() {
                older["dialect"] = json!(family);
                older["flavour"] = json!(flavour);
                *record = older.to_string();
            }
        }
        let path = format!("apps/{APP}");
        assert_eq!(server.get(&path).1["dialect"], dialect);
        assert_eq!(server.call("PATCH", &path, &json!({"name": "x"})).0, 200);
        assert_eq!(server.get(&path).1["dialect"], dialect);
    }
}

#[test]
fn an_automatic_recording_is_checked_as_a_start_sealed_and_taken_away() {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let path = format!("apps/{APP}");
    let set = |automatic: serde_json::Value| server.call("PATCH", &path, &json!({ "automatic": automatic }));
    let body = |uid: &str, vendor: u32| {
        json!({"uid": uid, "clientRequest": {
            "recordingConfig": {"channelType": 0, "subscribeUidGroup": 0},
            "storageConfig": {"vendor": vendor, "region": 0, "bucket": "recordings", "accessKey": "AKAUTO", "secretKey": "hunter2"},
        }})
    };
    let (status, app) = set(json!({"mode": "individual", "body": body("9000", 1)}));
    assert_eq!(
        (status, &app["automatic"]),
        (200, &json!({"mode": "individual"})),
        "{app}"
    );
    for record in server.store.map.borrow().values() {
        assert!(!record.contains("hunter2") && !record.contains("AKAUTO"), "{record}");
    }
    for (automatic, field, part) in [
        (json!({}), "automatic.mode", "required"),
        (json!({"mode": "mix"}), "automatic.body", "required"),
        (
            json!({"mode": "mix", "body": {}, "channel": "x"}),
            "automatic.channel",
            "unknown",
        ),
        (json!({"mode": "web", "body": body("9000", 1)}), "automatic", "mode"),
        (json!({"mode": "mix", "body": body("", 1)}), "automatic", "uid"),
        (json!({"mode": "mix", "body": body("9000", 999)}), "automatic", "vendor"),
    ] {
        let answer = set(automatic);
        let reason = answer.1["error"]["reason"].as_str().unwrap_or_default().to_owned();
        assert!(reason.contains(part), "{reason} has no {part}: {}", answer.1);
        assert_error(answer, 400, "invalid_field", Some(field));
    }
    assert_eq!(
        server.get(&path).1["automatic"],
        json!({"mode": "individual"}),
        "as before"
    );
    assert_eq!(set(serde_json::Value::Null).1["automatic"], serde_json::Value::Null);
}

#[test]
fn a_house_store_is_sealed_shown_without_its_keys_and_taken_away() {
    let server = Server::with_tenant();
    server.call("POST", "apps", &json!({"tenant": "t", "app_id": APP}));
    let path = format!("apps/{APP}");
    let config = |bucket: &str| {
        json!({"vendor": 1, "region": 0, "bucket": bucket, "accessKey": "AKHOUSE", "secretKey": "housesecret",
            "fileNamePrefix": ["house"]})
    };
    let set = |house: serde_json::Value| server.call("PATCH", &path, &json!({ "house_storage": house }));
    let (status, app) = set(json!({"storageConfig": config("vault"), "retention_days": 30}));
    let shown = json!({"endpoint": "https://s3.us-east-1.amazonaws.com", "bucket": "vault", "prefix": "house",
        "retention_days": 30, "retention_s": null, "link_lifetime_s": 86_400, "former": 0, "has_keys": true});
    assert_eq!((status, &app["house_storage"]), (200, &shown));
    let kept = server.store.map.borrow()[&format!("app:{APP}")].clone();
    assert!(!kept.contains("housesecret") && !kept.contains("AKHOUSE"), "{kept}");
    // Without a configuration, the store and its keys stay.
    let (_, app) = set(json!({"link_lifetime_s": 60}));
    assert_eq!(app["house_storage"]["bucket"], "vault");
    assert_eq!(app["house_storage"]["retention_days"], serde_json::Value::Null);
    // Another store is remembered behind the new one.
    let (_, app) = set(json!({"storageConfig": config("other")}));
    assert_eq!(
        (&app["house_storage"]["bucket"], &app["house_storage"]["former"]),
        (&json!("other"), &json!(1))
    );
    let mut temporary = config("vault");
    temporary["stsToken"] = json!("token");
    for (house, field) in [
        (
            json!({"storageConfig": config("vault"), "retention_days": 1, "retention_s": 1}),
            "house_storage.retention_s",
        ),
        (
            json!({"storageConfig": config("vault"), "retention_days": 0}),
            "house_storage.retention_days",
        ),
        (
            json!({"storageConfig": config("vault"), "link_lifetime_s": 604_801}),
            "house_storage.link_lifetime_s",
        ),
        (
            json!({"storageConfig": config("vault"), "days": 5}),
            "house_storage.days",
        ),
        (
            json!({"storageConfig": {"vendor": 1}}),
            "house_storage.storageConfig.region",
        ),
        (json!({"storageConfig": temporary}), "house_storage.storageConfig"),
    ] {
        assert_error(set(house), 400, "invalid_field", Some(field));
    }
    assert_eq!(set(serde_json::Value::Null).1["house_storage"], serde_json::Value::Null);
    assert_error(
        set(json!({})),
        400,
        "invalid_field",
        Some("house_storage.storageConfig"),
    );
}
