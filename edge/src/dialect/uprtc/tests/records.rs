use protocol::{
    EndCause, Fault, FileKind, Layout, Mode, RecordedFile, RecorderKey, Refusal, RefusalCode, Selection, TrackKind,
};

use super::*;
use crate::dialect::uprtc::record::sid;
use crate::recording::{Command, House, RecordingView, Standing, Start, Status};

pub(super) fn started() -> Option<Outcome> {
    Some(Outcome::Started { sid: String::new() })
}

pub(super) fn view(standing: Standing) -> RecordingView {
    let status = match standing {
        Standing::Done => Status::Ended,
        Standing::Failed => Status::Failed,
        Standing::Closing | Standing::Finishing | Standing::Uploading => Status::Stopping,
        _ => Status::Recording,
    };
    let key = RecorderKey {
        app_id: APP.into(),
        channel: "r".into(),
        uid: "record1".into(),
    };
    RecordingView {
        status,
        standing,
        mp4: true,
        files: vec![file()],
        ..RecordingView::new(key, sid(APP, "record1"), Mode::Mix, NOW_MS)
    }
}

fn file() -> RecordedFile {
    RecordedFile {
        name: "record1.mp4".into(),
        track: TrackKind::Video,
        kind: FileKind::Mp4,
        uid: "0".into(),
        start_ms: NOW_MS,
        duration_ms: 60_000,
        slices: 1,
        bytes: 1_000,
        uploaded_slices: 1,
        md5: None,
    }
}

fn state(standing: Standing) -> Option<Outcome> {
    Some(Outcome::State(Box::new(view(standing))))
}

impl Bench {
    fn start(&self, body: Value) -> Value {
        self.call("POST", "/record/start", Some(body))
    }

    /// The start that was asked for last.
    fn spec(&self) -> Start {
        let calls = self.calls.borrow();
        match &calls.last().unwrap().command {
            Command::Start(start) => (**start).clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_record_is_of_the_master_of_a_live_room_and_of_everybody_in_a_conversation() {
    let bench = Bench::new();
    let (live, talk) = (bench.live("liubei"), bench.conversation(&["guanyu"]));
    bench.outcomes.replace(vec![started()]);
    let answer = bench.start(json!({"roomId": live}));
    let data = &answer["data"];
    let record_id = data["recordId"].as_str().unwrap();
    assert_eq!(
        *data,
        json!({"recordId": record_id, "serverAlias": "rtc-1:cluster-1", "serverAddress": "rtc-1.example:6017"})
    );
    assert_eq!(record_id.len(), 7);
    let start = bench.spec();
    assert_eq!(start.sid, sid(APP, record_id));
    let key = bench.calls.borrow()[0].key.clone();
    assert_eq!(
        (key.app_id.as_str(), key.channel, key.uid.as_str()),
        (APP, live, record_id)
    );
    let mix = start.spec.mix.unwrap();
    assert_eq!((mix.output.width, mix.output.height), (1280, 720));
    assert!(mix.output.in_order, "playback by WebRTC takes no B-frames");
    assert_eq!(mix.scene.layout, Layout::BestFit);
    assert_eq!(start.spec.subscription.audio, Selection::Only(vec!["liubei".into()]));
    assert!(
        start.spec.storage.prefix.ends_with(&start.sid),
        "{}",
        start.spec.storage.prefix
    );
    bench.outcomes.replace(vec![started()]);
    bench.start(json!({"roomId": talk}));
    assert_eq!(bench.spec().spec.subscription.video, Selection::All);
}

#[test]
fn who_is_recorded_and_how_large_is_the_callers_choice() {
    let bench = Bench::new();
    for (body, size, layout, who) in [
        (
            json!({"all": true, "peers": ["x"], "resolution": "1080p", "layout": "grid"}),
            (1920, 1080),
            Layout::BestFit,
            Selection::All,
        ),
        (
            json!({"peers": ["zhangfei", "guanyu", "guanyu"], "resolution": "480p", "layout": "guanyu", "fixVideoDirection": true}),
            (854, 480),
            Layout::Vertical {
                large_uid: Some("guanyu".into()),
                large_speaker: false,
            },
            Selection::Only(vec!["guanyu".into(), "zhangfei".into()]),
        ),
        (
            json!({"peers": []}),
            (1280, 720),
            Layout::BestFit,
            Selection::Only(vec!["m".into()]),
        ),
    ] {
        let mut body = body;
        body["roomId"] = bench.live("m").into();
        bench.outcomes.replace(vec![started()]);
        assert_eq!(bench.start(body)["code"], 0);
        let spec = bench.spec().spec;
        let mix = spec.mix.unwrap();
        assert_eq!((mix.output.width, mix.output.height), size);
        assert_eq!(mix.scene.layout, layout);
        assert_eq!(spec.subscription.audio, who);
    }
}

#[test]
fn a_room_has_one_record_at_a_time_and_may_have_another_behind_it() {
    let bench = Bench::new();
    let room = bench.live("m");
    bench.outcomes.replace(vec![started()]);
    let first = bench.start(json!({"roomId": room}))["data"]["recordId"].clone();
    bench.outcomes.replace(vec![state(Standing::Capturing)]);
    assert_eq!(bench.start(json!({"roomId": room}))["code"], 50_020);
    bench.outcomes.replace(vec![None]);
    assert_eq!(
        bench.start(json!({"roomId": room}))["code"],
        10_000,
        "whether it runs is not known"
    );
    bench.outcomes.replace(vec![state(Standing::Uploading), started()]);
    let second = bench.start(json!({"roomId": room}))["data"]["recordId"].clone();
    assert_ne!(first, second);
    assert!(second.is_string());
}

#[test]
fn a_start_that_comes_to_nothing_leaves_no_record() {
    let bench = Bench::new();
    let room = bench.live("m");
    let refused = |code| {
        Some(Outcome::Refused(Refusal {
            fault: Fault::Ours,
            code,
            reason: "why".into(),
        }))
    };
    for (outcome, code) in [
        (refused(RefusalCode::NoCapacity), 50_021),
        (refused(RefusalCode::StorageUnusable), 10_000),
        (Some(Outcome::Conflict { sid: String::new() }), 50_020),
        (None, 10_000),
    ] {
        bench.outcomes.replace(vec![outcome]);
        assert_eq!(bench.start(json!({"roomId": room}))["code"], code);
        let status = bench.data("GET", &format!("/room/{room}/record/status"), None);
        assert_eq!(status, json!({"status": 0}));
    }
    assert_eq!(
        bench.released.borrow().len(),
        0,
        "who is asked to start it gives its place back"
    );
    assert_eq!(bench.start(json!({"roomId": "N6QAwbs"}))["code"], 50_001);
    assert_eq!(
        bench.start(json!({"roomId": room, "serverAlias": "rtc-9:cluster-1"}))["code"],
        50_021
    );
    assert_eq!(bench.released.borrow().len(), 2);
    bench.outcomes.replace(vec![started()]);
    let answer = bench.start(json!({"roomId": room, "serverAlias": "rtc-2:cluster-1"}));
    assert_eq!(answer["data"]["serverAlias"], "rtc-2:cluster-1");
    assert_eq!(bench.spec().ticket.preference.region.as_deref(), Some("cluster-1"));
    bench.denial.set(Some(Denial::NoRoom { recordings: 3 }));
    assert_eq!(bench.start(json!({"roomId": room}))["code"], 50_021);
    bench.denial.set(None);
    *bench.shown.borrow_mut() = format!("key={BARE_APP}.{SECRET}");
    let bare = bench.live("m");
    assert_eq!(bench.start(json!({"roomId": bare}))["code"], 50_021);
}

#[test]
fn statuses_are_the_vendors_numbers_for_the_room_and_for_the_record() {
    let bench = Bench::new();
    let room = bench.live("m");
    let of_room = || bench.data("GET", &format!("/room/{room}/record/status"), None)["status"].clone();
    assert_eq!(of_room(), 0);
    bench.outcomes.replace(vec![started()]);
    let record_id = bench.start(json!({"roomId": room}))["data"]["recordId"]
        .as_str()
        .unwrap()
        .to_owned();
    let of_record = |id: &str| bench.data("GET", &format!("/record/{id}/status"), None)["status"].clone();
    assert_eq!(of_record("nothere"), 0);
    for (standing, number) in [
        (Standing::Waiting, 1),
        (Standing::Capturing, 2),
        (Standing::Paused, 2),
        (Standing::Closing, 3),
        (Standing::Finishing, 4),
        (Standing::Uploading, 5),
        // The index hands its file out as soon as it knows, too.
        (Standing::Done, 5),
        (Standing::Failed, 7),
    ] {
        bench.listed.replace(Vec::new());
        bench.outcomes.replace(vec![state(standing)]);
        assert_eq!(of_room(), number);
        // The index does not know how it stands now; the recorder does.
        bench.listed.replace(vec![listed(&record_id, Standing::Capturing)]);
        bench.outcomes.replace(vec![state(standing)]);
        assert_eq!(of_record(&record_id), number);
    }
    bench.listed.replace(vec![listed(&record_id, Standing::Done)]);
    assert_eq!(of_record(&record_id), 6, "the index knows what is over");
    bench.outcomes.replace(vec![state(Standing::Done)]);
    assert_eq!(of_room(), 6);
    // Nobody has published while it was recorded.
    let mut nothing = view(Standing::Done);
    nothing.files.clear();
    bench.outcomes.replace(vec![Some(Outcome::State(Box::new(nothing)))]);
    assert_eq!(of_room(), 7);
    let mut listed = listed(&record_id, Standing::Done);
    listed.files.clear();
    bench.listed.replace(vec![listed]);
    assert_eq!(of_record(&record_id), 7);
}

#[test]
fn a_record_is_stopped_by_its_room_and_with_it() {
    let bench = Bench::new();
    let room = bench.live("m");
    let stop = || bench.code("POST", &format!("/record/stop/{room}"), None);
    assert_eq!(stop(), 10_003);
    bench.outcomes.replace(vec![
        started(),
        Some(Outcome::Stopping(Box::new(view(Standing::Closing)))),
    ]);
    bench.start(json!({"roomId": room}));
    assert_eq!(stop(), 0);
    bench
        .outcomes
        .replace(vec![Some(Outcome::AlreadyEnded(Box::new(view(Standing::Done))))]);
    assert_eq!(stop(), 10_003);
    bench.outcomes.replace(vec![None]);
    assert_eq!(stop(), 10_000);
    bench.calls.borrow_mut().clear();
    bench.data("DELETE", &format!("/room/{room}"), None);
    assert!(matches!(bench.calls.borrow()[0].command, Command::Stop(ref stop) if stop.at_once));
}

pub(super) fn listed(record_id: &str, standing: Standing) -> Listed {
    let view = view(standing);
    let sid = sid(APP, record_id);
    Listed {
        key: RecorderKey {
            uid: record_id.into(),
            ..view.key
        },
        files: vec![RecordedFile {
            name: format!("house/{APP}/{sid}/{record_id}.mp4"),
            ..file()
        }],
        sid,
        mode: Mode::Mix,
        status: view.status,
        standing,
        created_ms: NOW_MS,
        started_ms: Some(NOW_MS),
        ended_ms: Some(NOW_MS),
        cause: Some(EndCause::Stopped),
        told_ms: Some(NOW_MS),
        awaited: Vec::new(),
        house: Some(House {
            store: HouseStorage::id(&testing::storage()),
            kept_ms: None,
            label: String::new(),
        }),
        made: None,
        erasure: None,
    }
}

#[test]
fn a_file_is_handed_out_by_a_link_once_it_is_there() {
    let bench = Bench::new();
    let get = |id: &str| bench.send(&bench.request("GET", &format!("/record/download/{id}"), None));
    let code = |id: &str| -> Value { serde_json::from_slice::<Value>(&get(id).body).unwrap()["code"].clone() };
    assert_eq!(code("nothere"), 50_019);
    bench.listed.replace(vec![listed("record1", Standing::Uploading)]);
    assert_eq!(code("record1"), 50_019);
    bench.listed.replace(vec![listed("record1", Standing::Done)]);
    let response = get("record1");
    assert_eq!(response.status, 302);
    let link = response.headers.get("Location").unwrap();
    assert!(link.contains("record1.mp4"), "{link}");
}

fn playback(bench: &Bench, body: Value) -> Value {
    bench.call("POST", "/record/playback", Some(body))
}

#[test]
fn a_record_is_shown_in_a_live_room_of_its_own() {
    let bench = Bench::new();
    assert_eq!(playback(&bench, json!({"recordId": "record1"}))["code"], 50_019);
    bench.listed.replace(vec![listed("record1", Standing::Uploading)]);
    assert_eq!(playback(&bench, json!({"recordId": "record1"}))["code"], 50_019);
    bench.listed.replace(vec![listed("record1", Standing::Done)]);
    let answer = playback(&bench, json!({"recordId": "record1"}));
    let room = id(&answer["data"]);
    let expected = json!({
        "roomId": room, "serverUrl": "wss://rtc.example/", "serverAddress": "rtc-1.example:6017",
        "serverAlias": "rtc-1:cluster-1",
    });
    assert_eq!(answer["data"], expected);
    let shown = bench.data("GET", &format!("/room/{room}"), None);
    assert_eq!(shown["masterId"], "record1");
    assert_eq!(
        bench.code("GET", &format!("/room/{room}/live/members"), None),
        0,
        "it is a live room"
    );
    // A server that is not there any more does no harm; one that is there is preferred.
    for (alias, given) in [
        ("rtc-2:cluster-1", "rtc-2:cluster-1"),
        ("gone:cluster-1", "rtc-1:cluster-1"),
    ] {
        let answer = playback(&bench, json!({"recordId": "record1", "serverAlias": alias}));
        assert_eq!(answer["data"]["serverAlias"], given);
    }
    bench.servers.borrow_mut().clear();
    assert_eq!(playback(&bench, json!({"recordId": "record1"}))["code"], 50_015);
}

#[test]
fn when_a_record_is_shown_is_the_callers_choice() {
    let bench = Bench::new();
    bench.listed.replace(vec![listed("record1", Standing::Done)]);
    let in_an_hour = NOW_MS + 3_600_000;
    let shows = |mut body: Value| {
        body["recordId"] = "record1".into();
        let room = id(&playback(&bench, body)["data"]);
        bench.playback_of(&room)
    };
    let plain = shows(json!({}));
    assert_eq!((plain.starts_ms, plain.ends_ms, plain.looped), (None, None, false));
    assert_eq!((plain.bytes, plain.key.ends_with("/record1.mp4")), (1_000, true));
    let times = json!({"startTime": in_an_hour, "endTime": in_an_hour + 1, "loopPlay": true});
    let chosen = shows(times);
    assert_eq!(
        (chosen.starts_ms, chosen.ends_ms, chosen.looped),
        (Some(in_an_hour), Some(in_an_hour + 1), true)
    );
    assert_eq!(
        shows(json!({"startTime": in_an_hour / 1_000})).starts_ms,
        Some(in_an_hour / 1_000 * 1_000)
    );
    assert_eq!(
        shows(json!({"startTime": NOW_MS - 1})).starts_ms,
        None,
        "what is late begins now"
    );
    for (mut body, field) in [
        (json!({"loopPlay": true}), "endTime"),
        (json!({"endTime": NOW_MS}), "endTime"),
        (json!({"startTime": in_an_hour, "endTime": in_an_hour}), "endTime"),
        (json!({"startTime": "soon"}), "startTime"),
        (json!({"loopPlay": 1}), "loopPlay"),
        (json!({"protocol": 4}), "protocol"),
    ] {
        body["recordId"] = "record1".into();
        let answer = playback(&bench, body);
        assert_eq!(answer["code"], 10_002, "{answer}");
        assert!(answer["msg"].as_str().unwrap().contains(field), "{answer}");
    }
    assert_eq!(playback(&bench, json!({}))["code"], 10_002);
}
