use super::*;

fn merge(bench: &Bench, room: &str, other: &str) -> u64 {
    bench.code(
        "POST",
        &format!("/room/{room}/live/merge"),
        Some(json!({"roomId": other})),
    )
}

fn merged(bench: &Bench, room: &str) -> BTreeSet<String> {
    let data = bench.data("GET", &format!("/room/{room}/live/merge"), None);
    let list = data.as_array().unwrap();
    for entry in list {
        assert_eq!(entry["serverAlias"], "rtc-1:cluster-1");
        assert_eq!(entry["serverAddress"], "rtc-1.example:6017");
        assert_eq!(entry.as_object().unwrap().len(), 3);
    }
    list.iter().map(id).collect()
}

#[test]
fn a_live_room_has_no_code_of_invitation() {
    let bench = Bench::new();
    let data = bench.data("POST", "/room/live", Some(json!({"masterId": "m"})));
    let fields: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        ["roomId", "serverAddress", "serverAlias", "serverUrl", "serverUrl6"]
    );
}

#[test]
fn one_of_the_audience_is_let_to_publish() {
    let bench = Bench::new();
    let room = bench.live("m");
    let path = |rest: &str| format!("/room/{room}/live/{rest}");
    let raise = |body: Value| bench.code("POST", &path("member"), Some(body));
    assert_eq!(raise(json!({"peerId": "guanyu"})), 50_011);
    bench.join(&room, 1, "m");
    bench.join(&room, 2, "guanyu");
    assert_eq!(
        raise(json!({"peerId": "guanyu", "kind": "video", "maxBitrate": 500_000})),
        0
    );
    assert_eq!(bench.data("GET", &path("members"), None), json!(["guanyu"]));
    assert_eq!(raise(json!({"peerId": "guanyu", "kind": "smell"})), 10_002);
    assert_eq!(raise(json!({})), 10_002);
    bench.data("DELETE", &path("member/guanyu"), None);
    assert_eq!(bench.data("GET", &path("members"), None), json!([]));
    assert_eq!(bench.code("DELETE", &path("member/guanyu"), None), 50_011);
}

#[test]
fn connecting_is_transitive_and_both_ways_of_separating_take_out_one_alone() {
    let bench = Bench::new();
    let [a, b, c, d] = ["ma", "mb", "mc", "md"].map(|master| bench.live(master));
    for (room, other) in [(&a, &b), (&a, &c), (&b, &d)] {
        assert_eq!(merge(&bench, room, other), 0);
    }
    let all: BTreeSet<_> = [&a, &b, &c, &d].into_iter().cloned().collect();
    for room in &all {
        let mut others = all.clone();
        others.remove(room);
        assert_eq!(merged(&bench, room), others);
        let data = bench.data("GET", &format!("/room/{room}"), None);
        assert_eq!(data["mergeRoomIds"].as_array().unwrap().len(), 3);
    }
    assert_eq!(merge(&bench, &a, &d), 50_014);
    assert_eq!(merge(&bench, &a, "N6QAwbs"), 50_010);
    // The master of B leaves by itself.
    let leave = |room: &str, peer: &str| bench.code("POST", &format!("/room/{room}/live/master/{peer}/separate"), None);
    assert_eq!(leave(&b, "ma"), 50_011);
    assert_eq!(leave(&b, ":mb"), 0);
    assert_eq!(merged(&bench, &b), BTreeSet::new());
    assert_eq!(merged(&bench, &a), [c.clone(), d.clone()].into());
    assert_eq!(leave(&b, "mb"), 50_010);
    // A takes D out.
    let separate = |room: &str, other: &str| {
        bench.code(
            "POST",
            &format!("/room/{room}/live/separate"),
            Some(json!({"roomId": other})),
        )
    };
    assert_eq!(separate(&a, &b), 50_010);
    assert_eq!(separate(&a, &d), 0);
    assert_eq!(merged(&bench, &a), [c].into());
    assert_eq!(merged(&bench, &d), BTreeSet::new());
}

#[test]
fn a_conversation_is_not_connected() {
    let bench = Bench::new();
    let (live, talk) = (bench.live("m"), bench.conversation(&[]));
    assert_eq!(merge(&bench, &live, &talk), 50_010);
    assert_eq!(merge(&bench, &talk, &live), 10_003);
    for path in ["live/members", "live/mirrors", "live/merge"] {
        assert_eq!(bench.code("GET", &format!("/room/{talk}/{path}"), None), 10_003);
    }
}

#[test]
fn the_track_of_a_connected_room_is_paused_and_resumed() {
    let bench = Bench::new();
    let [a, b] = ["ma", "mb"].map(|master| bench.live(master));
    bench.join(&b, 1, "mb");
    bench.say(
        &b,
        1,
        &json!({"t": "publish", "id": 1, "sdp": "v=0", "sources": {"0": "audio"}}),
    );
    assert_eq!(merge(&bench, &a, &b), 0);
    let own = room::Question {
        room_id: a.clone(),
        app_id: APP.into(),
        request: room::Request::Look,
    };
    assert!(bench.room(&a, room::Input::Asked { by: 1, request: own }).is_some());
    let track = bench.shared_track(&a);
    let call =
        |action: &str, track: &str| bench.code("POST", &format!("/room/{a}/live/{action}/mergeTrack/{track}"), None);
    assert_eq!(call("pause", &track), 0);
    assert_eq!(call("resume", &track), 0);
    assert_eq!(call("pause", "nothere"), 50_016);
    assert_eq!(call("stop", &track), 10_002);
}

impl Bench {
    /// A track of another room that a room shows.
    fn shared_track(&self, room_id: &str) -> String {
        let rooms = self.rooms.borrow();
        let kept = format!("{:?}", rooms[room_id]);
        let at = kept.find("SharedTrack { track_id: \"").unwrap();
        kept[at..].split('"').nth(1).unwrap().to_owned()
    }
}

#[test]
fn a_live_room_is_mirrored_once_to_each_server() {
    let bench = Bench::new();
    let room = bench.live("m");
    let mirror = |body: Value| bench.code("POST", &format!("/room/{room}/live/mirror"), Some(body));
    assert_eq!(mirror(json!({"serverAlias": "rtc-9:cluster-1"})), 50_015);
    assert_eq!(mirror(json!({"serverAlias": "rtc-1:cluster-1"})), 50_013);
    assert_eq!(mirror(json!({"serverAlias": "rtc-2:cluster-1", "pid": 77})), 50_015);
    let load = bench.data("GET", "/server/cpu/load", None);
    let pid = load[1]["workPid"].clone();
    assert_eq!(mirror(json!({"serverAlias": "rtc-2:cluster-1", "pid": pid})), 0);
    assert_eq!(mirror(json!({"serverAlias": "rtc-2:cluster-1"})), 50_013);
    assert_eq!(mirror(json!({})), 10_002);
    assert_eq!(
        bench.data("GET", &format!("/room/{room}/live/mirrors"), None),
        json!([{
            "name": "", "serverUrl": "wss://rtc.example/s2/c1/", "serverUrl6": "", "serverAddress": "rtc-2.example:6017",
            "serverAlias": "rtc-2:cluster-1",
        }])
    );
    assert_eq!(
        bench.data("GET", &format!("/room/{room}"), None)["mirrorServers"],
        json!(["rtc-2:cluster-1"])
    );
}
