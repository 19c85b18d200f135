use super::*;

#[test]
fn a_conversation_is_created_with_the_documented_answer() {
    let bench = Bench::new();
    let data = bench.data(
        "POST",
        "/room/convo",
        Some(json!({"masterId": "liubei", "memberIds": ["guanyu"]})),
    );
    let room_id = id(&data);
    assert_eq!(room_id.len(), 7);
    assert!(room_id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let code = data["invitationCode"].as_u64().unwrap();
    assert_eq!(room::ids::id_of(code).as_deref(), Some(room_id.as_str()));
    assert_eq!(
        data,
        json!({
            "roomId": room_id, "serverUrl": "wss://rtc.example/", "serverUrl6": "", "serverAddress": "rtc-1.example:6017",
            "serverAlias": "rtc-1:cluster-1", "invitationCode": code,
        })
    );
    assert_eq!(
        bench.data("GET", &format!("/room/{room_id}"), None),
        json!({
            "roomId": room_id, "serverUrl": "wss://rtc.example/s1/c1/", "serverUrl6": "", "serverAddress": "rtc-1.example:6017",
            "serverAlias": "rtc-1:cluster-1", "total": 0, "masterId": "liubei", "invitedUserIds": ["guanyu"], "memberIds": [],
            "maxMemberNum": 16, "mergeRoomIds": [], "mirrorServers": [],
        })
    );
    assert_eq!(bench.data("GET", "/server/room/num", None), json!({"num": 1}));
}

#[test]
fn a_room_has_the_vendors_defaults_or_what_was_asked_for() {
    let bench = Bench::new();
    let transport = |body: Value| {
        let mut whole = json!({"masterId": "m"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let room_id = id(&bench.data("POST", "/room/live", Some(whole)));
        let request = room::Question {
            room_id: room_id.clone(),
            app_id: APP.into(),
            request: room::Request::Look,
        };
        match bench.room(&room_id, room::Input::Asked { by: 1, request }) {
            Some(room::Reply::View(view)) => {
                let transport = view.spec.transport;
                (transport.protocol, transport.min_bitrate, transport.max_bitrate)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(transport(json!({})), (0, 600_000, 3_000_000));
    assert_eq!(
        transport(json!({"protocol": 3, "minBitrate": 1_000, "maxBitrate": 2_000})),
        (3, 1_000, 2_000)
    );
    // One that is given alone takes the other along.
    assert_eq!(transport(json!({"maxBitrate": 500_000})), (0, 500_000, 500_000));
    assert_eq!(transport(json!({"minBitrate": 4_000_000})), (0, 4_000_000, 4_000_000));
}

#[test]
fn a_room_id_is_used_again_as_the_vendor_explains() {
    let bench = Bench::new();
    let create = |master: &str, room_id: &str| {
        let body = json!({"masterId": master, "roomId": room_id});
        bench.call("POST", "/room/live", Some(body))
    };
    let first = bench.live("liubei");
    assert_eq!(create("liubei", &first)["code"], 50_002);
    // Another master, and what was never given out, have new ones.
    let other = id(&create("guanyu", &first)["data"]);
    let mine = id(&create("liubei", "my-room")["data"]);
    assert!(other != first && mine != first && mine != "my-room");
    bench.data("DELETE", &format!("/room/{first}"), None);
    assert_eq!(id(&create("liubei", &first)["data"]), first);
    // Another app never gets it.
    bench.data("DELETE", &format!("/room/{first}"), None);
    *bench.shown.borrow_mut() = format!("key={OTHER_APP}.{SECRET}");
    assert_ne!(id(&create("liubei", &first)["data"]), first);
    assert_eq!(bench.call("GET", &format!("/room/{mine}"), None)["code"], 50_001);
}

#[test]
fn members_are_added_gated_removed_and_asked_about() {
    let bench = Bench::new();
    let room = bench.conversation(&["guanyu"]);
    let path = |rest: &str| format!("/room/{room}{rest}");
    bench.data(
        "POST",
        &path("/convo/members"),
        Some(json!({"memberIds": ["zhangfei"]})),
    );
    assert_eq!(
        bench.data("GET", &path(""), None)["invitedUserIds"],
        json!(["guanyu", "zhangfei"])
    );
    bench.data("POST", &path("/join/enbale/false"), None);
    bench.join(&room, 1, "guanyu");
    assert_eq!(bench.data("GET", &path("/peer/guanyu"), None), json!({"joined": false}));
    // As the word is meant, too.
    bench.data("POST", &path("/join/enable/true"), None);
    bench.join(&room, 1, "guanyu");
    bench.join(&room, 2, "zhangfei");
    assert_eq!(bench.data("GET", &path("/peer/guanyu"), None), json!({"joined": true}));
    let data = bench.data("GET", &path(""), None);
    assert_eq!(
        (&data["total"], &data["memberIds"]),
        (&json!(2), &json!(["guanyu", "zhangfei"]))
    );
    bench.data("DELETE", &path("/peer/:guanyu"), None);
    assert_eq!(bench.code("DELETE", &path("/peer/guanyu"), None), 50_011);
    assert_eq!(bench.code("POST", &path("/join/enbale/maybe"), None), 10_002);
}

#[test]
fn messages_are_any_json_with_a_slash_or_without() {
    let bench = Bench::new();
    let room = bench.conversation(&["guanyu"]);
    bench.join(&room, 1, "guanyu");
    let path = |rest: &str| format!("/room/{room}{rest}");
    for body in [json!({"x": 1}), json!([1]), json!("text"), json!(null)] {
        bench.data("POST", &path("/message"), Some(body));
    }
    for rest in ["/peers/message/", "/peers/message"] {
        bench.data("POST", &path(rest), Some(json!({"msg": {"x": 1}, "peers": ["guanyu"]})));
    }
    let nobody = json!({"msg": 1, "peers": ["nobody"]});
    assert_eq!(bench.code("POST", &path("/peers/message/"), Some(nobody)), 50_011);
    for body in [
        json!({"peers": ["guanyu"]}),
        json!({"msg": 1}),
        json!({"msg": 1, "peers": "guanyu"}),
    ] {
        assert_eq!(bench.code("POST", &path("/peers/message/"), Some(body)), 10_002);
    }
    assert_eq!(
        bench.code("POST", &path("/message"), Some(json!("x".repeat(20_000)))),
        10_002
    );
    assert_eq!(
        bench.code("POST", &path("/message"), None),
        10_002,
        "no body is no JSON"
    );
}

#[test]
fn a_room_exists_until_it_is_deleted() {
    let bench = Bench::new();
    let room = bench.live("m");
    let exist = |room_id: &str| bench.data("GET", &format!("/room/{room_id}/exist"), None)["exist"].clone();
    assert_eq!(exist(&room), true);
    for room_id in ["never", "N6QAwbs", "%2F"] {
        assert_eq!(exist(room_id), false);
    }
    bench.data("DELETE", &format!("/room/{room}"), None);
    assert_eq!(exist(&room), false);
    assert_eq!(bench.data("GET", "/server/room/num", None), json!({"num": 0}));
}
