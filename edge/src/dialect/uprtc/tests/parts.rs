//! A record whose media node was lost is in two files, of which one is made.

use super::records::{listed, started, view};
use super::*;
use crate::app::Made;
use crate::dialect::Dialect;
use crate::recording::Standing;

/// A record that is over, in two files that the index lists in the wrong order.
fn in_parts() -> Listed {
    let mut listed = listed("record1", Standing::Done);
    let mut second = listed.files[0].clone();
    second.name = second.name.replace("record1.mp4", "record1-n1.mp4");
    second.start_ms += 70_000;
    second.bytes = 500;
    listed.files.insert(0, second);
    listed
}

fn made(error: Option<&str>) -> Option<Made> {
    Some(Made {
        of: Vec::new(),
        node_id: None,
        failures: 0,
        error: error.map(str::to_owned),
    })
}

fn download(bench: &Bench, query: &str) -> Response {
    let mut request = bench.request("GET", "/record/download/record1", None);
    request.query = query.to_owned();
    bench.send(&request)
}

fn code(response: &Response) -> u64 {
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    answer["code"].as_u64().unwrap()
}

fn status(bench: &Bench) -> Value {
    bench.data("GET", "/record/record1/status", None)
}

#[test]
fn the_parts_of_a_record_are_joined_in_the_order_in_which_they_were_recorded() {
    let order = Dialect::named("uprtc").unwrap().whole(&in_parts()).unwrap();
    let keys: Vec<_> = order
        .parts
        .iter()
        .map(|part| part.key.rsplit_once('/').unwrap().1)
        .collect();
    assert_eq!(keys, ["record1.mp4", "record1-n1.mp4"]);
    assert_eq!((order.parts[1].bytes, order.start_ms), (500, NOW_MS));
    let recorded = order.recording.unwrap();
    assert_eq!((recorded.files.len(), recorded.started_ms), (2, NOW_MS));
    assert_eq!(order.sid, in_parts().sid);
    for listed in [
        listed("record1", Standing::Done),
        Listed {
            standing: Standing::Uploading,
            ..in_parts()
        },
        Listed {
            standing: Standing::Failed,
            ..in_parts()
        },
        Listed {
            made: made(Some("why")),
            ..in_parts()
        },
        Listed {
            house: None,
            ..in_parts()
        },
    ] {
        assert_eq!(Dialect::named("uprtc").unwrap().whole(&listed), None);
    }
}

#[test]
fn a_record_in_parts_is_done_when_they_are_one() {
    let bench = Bench::new();
    bench.listed.replace(vec![in_parts()]);
    assert_eq!(status(&bench), json!({"status": 4}));
    assert_eq!(bench.orders.borrow().len(), 1, "whoever asks has it done");
    assert_eq!(code(&download(&bench, "")), 50_019);
    assert_eq!(
        bench.code("POST", "/record/playback", Some(json!({"recordId": "record1"}))),
        50_019
    );
    let at = |standing| Listed {
        standing,
        made: made(None),
        ..in_parts()
    };
    bench.orders.borrow_mut().clear();
    for (standing, number) in [(Standing::Finishing, 4), (Standing::Uploading, 5)] {
        bench.listed.replace(vec![at(standing)]);
        assert_eq!(status(&bench), json!({"status": number}));
        assert_eq!(code(&download(&bench, "")), 50_019);
        assert_eq!(download(&bench, "part=2").status, 302, "what is there can be had");
    }
    let whole = Listed {
        files: vec![listed("record1", Standing::Done).files[0].clone()],
        ..at(Standing::Done)
    };
    bench.listed.replace(vec![whole]);
    assert_eq!(status(&bench), json!({"status": 6}));
    assert_eq!(download(&bench, "").status, 302);
    assert_eq!(code(&download(&bench, "part=2")), 50_019);
    assert_eq!(bench.orders.borrow().len(), 0);
}

#[test]
fn all_parts_are_handed_out_that_cannot_be_joined() {
    let bench = Bench::new();
    bench.listed.replace(vec![Listed {
        made: made(Some("why")),
        ..in_parts()
    }]);
    assert_eq!(status(&bench), json!({"status": 6, "parts": 2}));
    for (query, file) in [
        ("", "record1.mp4"),
        ("part=1", "record1.mp4"),
        ("part=2", "record1-n1.mp4"),
    ] {
        let response = download(&bench, query);
        let link = response.headers.get("Location").unwrap();
        assert!(link.contains(&format!("/{file}?")), "{link}");
    }
    assert_eq!(code(&download(&bench, "part=3")), 50_019);
    for query in ["part=0", "part=-1", "part=x"] {
        assert_eq!(code(&download(&bench, query)), 10_002);
    }
    assert_eq!(bench.orders.borrow().len(), 0);
}

#[test]
fn the_status_of_a_room_is_that_of_its_newest_record_in_parts_too() {
    let bench = Bench::new();
    let room = bench.live("m");
    bench.outcomes.replace(vec![started()]);
    let body = json!({ "roomId": room });
    let record_id = bench.data("POST", "/record/start", Some(body))["recordId"].clone();
    let record_id = record_id.as_str().unwrap();
    let mut over = view(Standing::Done);
    over.files = in_parts().files;
    bench.outcomes.replace(vec![Some(Outcome::State(Box::new(over)))]);
    bench.listed.replace(vec![Listed {
        sid: crate::dialect::uprtc::record::sid(APP, record_id),
        ..in_parts()
    }]);
    let path = format!("/room/{room}/record/status");
    assert_eq!(bench.data("GET", &path, None), json!({"status": 4}));
}
