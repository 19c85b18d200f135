use super::*;
use crate::access::Method;
use crate::dialect::uprtc::route::{OfRecord, OfRoom, OfServer, Route, route as find};

fn found(method: &str, path: &str) -> Option<Route> {
    find(&Request {
        method: method.into(),
        path: path.into(),
        ..Request::default()
    })
}

#[test]
fn a_slash_at_the_end_and_a_colon_in_front_of_a_user_say_nothing() {
    let prefix = "/uprtc/api/v2";
    let room = |call| {
        Some(Route::Room {
            room_id: "r".into(),
            call,
        })
    };
    let peer_id = || "x".to_owned();
    for end in ["", "/"] {
        let route = |method, path: &str| found(method, &format!("{prefix}{path}{end}"));
        assert_eq!(route("GET", "/room/r"), room(OfRoom::Look));
        assert_eq!(route("POST", "/room/r/peers/message"), room(OfRoom::MessagePeers));
        assert_eq!(route("GET", "/record/server"), Some(Route::Record(OfRecord::Server)));
        let record_id = "server2".to_owned();
        assert_eq!(
            route("GET", "/record/server2/status"),
            Some(Route::Record(OfRecord::Status { record_id }))
        );
        for user in ["x", ":x"] {
            let leave = room(OfRoom::Leave { peer_id: peer_id() });
            assert_eq!(route("POST", &format!("/room/r/live/master/{user}/separate")), leave);
            let block = Some(Route::Server(OfServer::Block { peer_id: peer_id() }));
            assert_eq!(route("DELETE", &format!("/server/block/peer/{user}")), block);
        }
    }
    assert_eq!(found("GET", "/uprtc/api/v2"), None);
    assert_eq!(found("GET", "/uprtc/api/v1/server/miniLoad"), None);
    assert_eq!(found("GET", "/uprtc/api/v2/%FF"), Some(Route::Nothing));
}

#[test]
fn calls_count_by_what_they_do() {
    for (method, path, counted) in [
        ("POST", "room/live", Method::Acquire),
        ("GET", "room/r", Method::Query),
        ("DELETE", "room/r", Method::Stop),
        ("POST", "room/r/message", Method::Update),
        ("POST", "record/start", Method::Start),
        ("POST", "record/stop/r", Method::Stop),
        ("GET", "record/x/status", Method::Query),
        ("POST", "server/recycle", Method::Update),
        ("GET", "server/miniLoad", Method::Query),
        ("GET", "nothing", Method::Query),
    ] {
        let route = found(method, &format!("/uprtc/api/v2/{path}")).unwrap();
        assert_eq!(route.method(), counted, "{method} {path}");
    }
}
