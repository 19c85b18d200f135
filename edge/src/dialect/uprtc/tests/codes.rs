use super::*;

#[test]
fn who_shows_no_right_secret_is_told_10001() {
    let bench = Bench::new();
    for shown in [
        String::new(),
        "key=".to_owned(),
        format!("{APP}.{SECRET}"),
        format!("key={APP}"),
        format!("key={APP}."),
        format!("key={APP}.wrong"),
        format!("key={APP}{SECRET}"),
        format!("key={FOREIGN_APP}.{SECRET}"),
        format!("key={DISABLED_APP}.{SECRET}"),
        format!("key=nothere.{SECRET}"),
        format!("Bearer {APP}.{SECRET}"),
    ] {
        shown.clone_into(&mut bench.shown.borrow_mut());
        assert_eq!(bench.code("GET", "/server/miniLoad", None), 10_001, "{shown}");
    }
    *bench.shown.borrow_mut() = format!(" key= {APP}.{SECRET} ");
    assert_eq!(bench.code("GET", "/server/miniLoad", None), 0);
}

#[test]
fn what_is_ours_is_told_10000() {
    let mut bench = Bench::new();
    bench.silent.set(true);
    for (method, path) in [
        ("GET", "/server/miniLoad"),
        ("GET", "/server/room/num"),
        ("GET", "/server/cpu/load"),
    ] {
        assert_eq!(bench.code(method, path, None), 10_000, "{path}");
    }
    bench.break_store();
    assert_eq!(bench.code("GET", "/server/miniLoad", None), 10_000);
}

#[test]
fn what_is_no_call_and_what_comes_too_often_is_told_10003() {
    let bench = Bench::new();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/room"),
        ("PUT", "/room/live"),
        ("POST", "/room/x/y"),
        ("GET", "/room//exist"),
        ("GET", "/server/miniload"),
    ] {
        assert_eq!(bench.code(method, path, None), 10_003, "{method} {path}");
    }
    bench.denial.set(Some(Denial::TooManyRequests));
    assert_eq!(bench.code("GET", "/server/miniLoad", None), 10_003);
}

#[test]
fn each_field_that_is_wrong_is_named() {
    let bench = Bench::new();
    for (path, body, field) in [
        ("/room/live", json!({}), "masterId"),
        ("/room/live", json!({"masterId": "a/b"}), "masterId"),
        ("/room/live", json!({"masterId": true}), "masterId"),
        ("/room/live", json!({"masterId": "m", "protocol": 4}), "protocol"),
        ("/room/live", json!({"masterId": "m", "minBitrate": 0}), "minBitrate"),
        (
            "/room/live",
            json!({"masterId": "m", "minBitrate": 2, "maxBitrate": 1}),
            "minBitrate",
        ),
        ("/room/live", json!({"masterId": "m", "roomId": 7}), "roomId"),
        ("/room/convo", json!({"masterId": "m"}), "memberIds"),
        ("/room/convo", json!({"masterId": "m", "memberIds": "x"}), "memberIds"),
        (
            "/room/convo",
            json!({"masterId": "m", "memberIds": ["a/b"]}),
            "memberIds",
        ),
        (
            "/room/convo",
            json!({"masterId": "m", "memberIds": [], "maxMemberNum": -1}),
            "maxMemberNum",
        ),
        ("/record/start", json!({}), "roomId"),
        (
            "/record/start",
            json!({"roomId": "N6QAwbs", "resolution": "4k"}),
            "resolution",
        ),
        ("/record/start", json!({"roomId": "N6QAwbs", "all": 1}), "all"),
        ("/record/start", json!({"roomId": "N6QAwbs", "peers": "x"}), "peers"),
    ] {
        let answer = bench.call("POST", path, Some(body.clone()));
        assert_eq!(answer["code"], 10_002, "{path} {body}: {answer}");
        assert!(answer["msg"].as_str().unwrap().contains(field), "{answer}");
    }
    let mut request = bench.request("POST", "/room/live", None);
    request.body = b"{\"masterId\":".to_vec();
    let answer: Value = serde_json::from_slice(&bench.send(&request).body).unwrap();
    assert_eq!(answer["code"], 10_002);
}

#[test]
fn no_call_of_a_room_finds_one_that_is_not_there() {
    let bench = Bench::new();
    let gone = bench.live("m");
    bench.data("DELETE", &format!("/room/{gone}"), None);
    for room in ["N6QAwbs", &gone] {
        for (method, path, body) in [
            ("GET", "", None),
            ("DELETE", "", None),
            ("POST", "/convo/members", Some(json!({"memberIds": ["x"]}))),
            ("POST", "/message", Some(json!(1))),
            ("POST", "/peers/message/", Some(json!({"msg": 1, "peers": ["x"]}))),
            ("POST", "/join/enbale/true", None),
            ("DELETE", "/peer/x", None),
            ("GET", "/peer/x", None),
            ("POST", "/live/mirror", Some(json!({"serverAlias": "rtc-2:cluster-1"}))),
            ("GET", "/live/mirrors", None),
            ("POST", "/live/member", Some(json!({"peerId": "x"}))),
            ("GET", "/live/members", None),
            ("DELETE", "/live/member/x", None),
            ("POST", "/live/merge", Some(json!({"roomId": "x"}))),
            ("GET", "/live/merge", None),
            ("POST", "/live/master/:x/separate", None),
            ("POST", "/live/separate", Some(json!({"roomId": "x"}))),
            ("POST", "/live/pause/mergeTrack/x", None),
            ("GET", "/record/status", None),
        ] {
            assert_eq!(
                bench.code(method, &format!("/room/{room}{path}"), body),
                50_001,
                "{method} {path}"
            );
        }
        assert_eq!(bench.code("POST", &format!("/record/stop/{room}"), None), 50_001);
        assert_eq!(
            bench.code("POST", "/record/start", Some(json!({"roomId": room}))),
            50_001
        );
    }
}
