use super::*;

#[test]
fn servers_are_told_by_their_load() {
    let bench = Bench::new();
    let expected = json!({
        "name": "", "serverAlias": "rtc-1:cluster-1", "serverAddress": "rtc-1.example:6017", "serverUrl": "wss://rtc.example/",
    });
    for path in ["/server/miniLoad", "/record/server"] {
        assert_eq!(bench.data("GET", path, None), expected);
    }
    let load = json!([{"workPid": 1000, "cpu": 10}, {"workPid": 2000, "cpu": 50}]);
    assert_eq!(bench.data("GET", "/server/cpu/load", None), load);
}

#[test]
fn the_load_is_told_of_each_thread_of_a_server() {
    let bench = Bench::new();
    bench.servers.borrow_mut()[1].threads = vec![0.25, 0.996];
    let load = json!([
        {"workPid": 1000, "cpu": 10}, {"workPid": 2001, "cpu": 25}, {"workPid": 2002, "cpu": 100},
    ]);
    assert_eq!(bench.data("GET", "/server/cpu/load", None), load);
    let room = bench.live("m");
    let mirror = |pid: u64| {
        let body = json!({"serverAlias": "rtc-2:cluster-1", "pid": pid});
        bench.code("POST", &format!("/room/{room}/live/mirror"), Some(body))
    };
    assert_eq!(mirror(2003), 50_015);
    assert_eq!(mirror(1000), 50_015, "of another server");
    assert_eq!(mirror(2002), 0);
}

#[test]
fn a_recycled_server_gets_no_more_rooms() {
    let bench = Bench::new();
    let recycle = |body: Value| bench.code("POST", "/server/recycle", Some(body));
    assert_eq!(recycle(json!({})), 10_002, "there are two");
    assert_eq!(recycle(json!({"serverAlias": "rtc-9:cluster-1"})), 10_002);
    assert_eq!(recycle(json!({"serverAlias": "rtc-1:cluster-1"})), 0);
    let alias = || bench.data("GET", "/server/miniLoad", None)["serverAlias"].clone();
    assert_eq!(alias(), "rtc-2:cluster-1");
    let data = bench.data("POST", "/room/live", Some(json!({"masterId": "m"})));
    assert_eq!(data["serverAlias"], "rtc-2:cluster-1");
    assert_eq!(recycle(json!({"serverAlias": "rtc-2:cluster-1"})), 0);
    assert_eq!(bench.code("GET", "/server/miniLoad", None), 50_015);
    assert_eq!(bench.code("GET", "/record/server", None), 50_021);
    assert_eq!(bench.code("POST", "/room/live", Some(json!({"masterId": "m"}))), 50_015);
    assert_eq!(recycle(json!({"serverAlias": "rtc-1:cluster-1", "recycle": false})), 0);
    assert_eq!(alias(), "rtc-1:cluster-1");
    // Where there is one, it is meant.
    bench.servers.borrow_mut().pop();
    assert_eq!(bench.code("POST", "/server/recycle", None), 0);
}

#[test]
fn a_server_that_its_operator_drains_gets_no_rooms() {
    let bench = Bench::new();
    bench.servers.borrow_mut()[0].takes = false;
    assert_eq!(
        bench.data("GET", "/server/miniLoad", None)["serverAlias"],
        "rtc-2:cluster-1"
    );
    bench.servers.borrow_mut().clear();
    assert_eq!(
        bench.code("POST", "/room/convo", Some(json!({"masterId": "m", "memberIds": []}))),
        50_015
    );
}

#[test]
fn a_server_without_an_address_is_reached_as_this_one() {
    let bench = Bench::new();
    bench.servers.borrow_mut()[0].server.address.clear();
    assert_eq!(
        bench.data("GET", "/server/miniLoad", None)["serverAddress"],
        "rtc.example:443"
    );
}

#[test]
fn a_blocked_user_is_written_both_ways() {
    let bench = Bench::new();
    for user in [":guanyu", "liubei", "%E5%85%B3%E7%BE%BD"] {
        bench.data("DELETE", &format!("/server/block/peer/{user}"), None);
    }
    for user_id in ["guanyu", "liubei", "关羽"] {
        let request = lobby::Question {
            app_id: APP.into(),
            request: lobby::Request::Admit {
                user_id: user_id.into(),
            },
        };
        assert_eq!(
            bench.lobby(Input::Asked { by: 1, request }),
            Some(lobby::Reply::Admitted(false))
        );
    }
}
