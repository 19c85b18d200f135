use serde_json::json;

use super::*;
use crate::fleet::NodeView;
use crate::http::Headers;

fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.into(),
        path: path.into(),
        ..Request::default()
    }
}

fn node(id: &str, region: &str, load: f64) -> NodeView {
    let row = json!({
        "node_id": id, "region": region, "version": "", "capacity": 4, "load": load, "draining": false,
        "recordings": 0, "heard_ms": 0, "alive": true,
    });
    serde_json::from_value(row).unwrap()
}

#[test]
fn a_session_goes_to_its_node_and_a_new_one_to_the_channels() {
    let channel = Wanted::Channel(ChannelKey {
        app_id: "a".into(),
        channel: "room 1".into(),
    });
    for path in ["/whip/a/room%201/u", "/whep/a/room%201/u/screen"] {
        assert!(is_path(path));
        assert_eq!(wanted(&request("POST", path)), channel);
    }
    let session = request("DELETE", "/rtc/v1/sessions/n%31/abc");
    assert!(is_path(&session.path));
    assert_eq!(wanted(&session), Wanted::Node("n1".into()));
    for path in ["/whip", "/whipped/a", "/v1/apps"] {
        assert!(!is_path(path), "{path}");
    }
    let status = |request: &Request| match wanted(request) {
        Wanted::Nobody(response) => response.status,
        _ => 0,
    };
    for path in ["/whip/", "/whip/a", "/whip//c/u", "/whep/%ff/c/u", "/rtc/v1/sessions/"] {
        assert_eq!(status(&request("POST", path)), 404, "{path}");
    }
    let mut long = request("POST", "/whip/a/c/u");
    long.body = vec![b'a'; MAX_BODY_BYTES + 1];
    assert_eq!(status(&long), 413);
}

#[test]
fn pages_of_any_origin_may_ask() {
    let Wanted::Nobody(response) = wanted(&request("OPTIONS", "/whip/a/c/u")) else {
        panic!("a node was asked");
    };
    assert_eq!(response.status, 204);
    assert_eq!(response.headers.get("access-control-allow-origin"), Some("*"));
    assert_eq!(response.headers.get("accept-post"), Some("application/sdp"));
    let Wanted::Nobody(response) = wanted(&request("OPTIONS", "/rtc/v1/sessions/n1/abc")) else {
        panic!("a node was asked");
    };
    assert_eq!(
        response.headers.get("accept-patch"),
        Some("application/trickle-ice-sdpfrag")
    );
}

#[test]
fn a_call_is_handed_on_as_it_came_and_so_is_its_answer() {
    let mut asked = request("PATCH", "/rtc/v1/sessions/n1/abc");
    asked.query = "token=t".into();
    asked.body = b"a=x".to_vec();
    asked.headers = Headers::from_iter(
        [
            ("authorization", "Bearer t"),
            ("content-type", "application/sdp"),
            ("if-match", "\"e\""),
            ("cookie", "c"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let text = serde_json::to_value(question(&asked, "192.0.2.1".parse().ok())).unwrap();
    assert_eq!(
        text,
        json!({"rtc": {
            "method": "PATCH", "path": "/rtc/v1/sessions/n1/abc", "query": "token=t", "authorization": "Bearer t",
            "content_type": "application/sdp", "if_match": "\"e\"", "body": "a=x", "source": "192.0.2.1",
        }})
    );
    let reply = RtcReply {
        status: 201,
        headers: vec![("Link".into(), "<stun:a>".into()), ("Link".into(), "<stun:b>".into())],
        body: "v=0".into(),
    };
    let response = response(NodeAnswer::Rtc(Box::new(reply))).unwrap();
    assert_eq!(
        (response.status, &response.body[..], response.headers.iter().count()),
        (201, &b"v=0"[..], 2)
    );
    assert_eq!(super::response(NodeAnswer::Noted), None);
}

#[test]
fn the_channels_node_comes_first_then_the_callers_region_then_the_one_with_the_least_to_do() {
    let mut gone = node("gone", "eu", 0.0);
    gone.alive = false;
    let mut leaving = node("leaving", "eu", 0.0);
    leaving.row.draining = true;
    let nodes = [
        gone,
        leaving,
        node("busy", "eu-west", 0.9),
        node("far", "us", 0.1),
        node("near", "eu", 0.5),
        node("carrier", "us", 0.8),
    ];
    let carriers = ["carrier".to_owned(), "gone".to_owned()];
    assert_eq!(order(&nodes, &carriers, Some("EU")), ["carrier", "near", "busy"]);
    assert_eq!(order(&nodes, &[], None), ["far", "near", "carrier"]);
    assert_eq!(order(&nodes[..2], &carriers, None), [""; 0]);
}
