//! The list of tasks, their files, and how both are deleted.

use serde_json::json;

use super::*;
use crate::app::{Filter, Request as AppRequest};

const LIST: &str = "/v1/record/task/list";
const URL: &str = "/v1/record/file/download/url";
const FILE: &str = "/v1/record/file";

fn filter(query: &str) -> Filter {
    let bench = Bench::new();
    let done = bench.run(&bench.get(LIST, query), &[]);
    match done.asked.into_iter().next() {
        Some(AppRequest::List(filter)) => filter,
        other => panic!("{query}: {other:?}, {}", body(&done.response)),
    }
}

#[test]
fn every_filter_and_page_reaches_the_index() {
    let first = filter("");
    assert_eq!(
        (first.offset, first.limit, first.house, first.counted),
        (0, 50, true, true)
    );
    assert_eq!(
        (filter("page=3&page_size=20").offset, filter("page_size=500").limit),
        (40, 500)
    );
    assert_eq!(filter("group_id=g%201").channel.as_deref(), Some("g 1"));
    assert_eq!(filter(&format!("record_id={}", record_id())).sid, Some(sid()));
    for (status, standing) in [
        (-1, Standing::Failed),
        (0, Standing::Failed),
        (1, Standing::Waiting),
        (2, Standing::Capturing),
        (3, Standing::Closing),
        (4, Standing::Finishing),
        (5, Standing::Uploading),
        (6, Standing::Done),
        (7, Standing::Paused),
    ] {
        assert_eq!(filter(&format!("status={status}")).standings, [standing]);
    }
    let timed = filter("start_time=2020-02-20%2011:52:05&stop_time=2020-02-20+11:52:05");
    assert_eq!((timed.from_ms, timed.over_by_ms), (Some(NOW_MS), Some(NOW_MS)));
}

#[test]
fn a_filter_that_must_not_be_is_named() {
    let bench = Bench::new();
    for query in [
        "page=0",
        "page=x",
        "page_size=0",
        "page_size=501",
        "status=8",
        "status=-2",
        "status=x",
        "start_time=x",
        "stop_time=2020-13-01",
    ] {
        let reply = body(&bench.send(&bench.get(LIST, query)));
        assert_eq!(reply["code"], 6_050_030_003_u64, "{query}");
        assert!(
            reply["msg"]
                .as_str()
                .unwrap()
                .contains(query.split('=').next().unwrap()),
            "{reply}"
        );
    }
    let reply = body(&bench.send(&bench.get(LIST, "record_id=nothing")));
    assert_eq!(
        reply,
        json!({"code": 0, "msg": "OK", "total_num": 0, "record_list": [], "record_id": "nothing"})
    );
}

#[test]
fn tasks_are_listed_as_their_recorders_know_them() {
    let bench = Bench::new();
    let foreign = Listed {
        house: None,
        ..task(Standing::Done, None)
    };
    *bench.tasks.borrow_mut() = Some(vec![
        task(Standing::Capturing, Some(2)),
        foreign,
        task(Standing::Done, None),
    ]);
    let done = bench.run(&bench.get(LIST, ""), &[state(Standing::Paused)]);
    assert_eq!(done.commands.len(), 1, "only what may have changed is asked about");
    let reply = body(&done.response);
    let running = json!({
        "record_id": record_id(), "record_mode": 0, "group_id": GROUP, "start_time": "2020-02-20 11:52:05",
        "stop_time": "", "status": 7, "file_name": "lesson", "record_time": 0, "width": 1280, "height": 720, "auto": 2,
    });
    let ended = json!({
        "record_id": record_id(), "record_mode": 0, "group_id": GROUP, "start_time": "2020-02-20 11:52:05",
        "stop_time": "2020-02-20 11:53:35", "status": 6, "file_name": "lesson", "record_time": 90, "width": 1280,
        "height": 720, "auto": 0,
    });
    assert_eq!(reply["record_list"], json!([running, ended]));
    assert_eq!(reply["total_num"], 3);
    // A recorder that cannot be asked leaves it at what the index says.
    let done = bench.run(&bench.get(LIST, ""), &[]);
    assert_eq!(body(&done.response)["record_list"][0]["status"], 2);
}

#[test]
fn files_are_handed_out_by_links() {
    let bench = Bench::new().with_task(Standing::Done);
    let ask = |bench: &Bench, query: &str| {
        let query = format!("record_id={}{query}", record_id());
        body(&bench.send(&bench.get(URL, &query)))
    };
    let reply = ask(&bench, "");
    assert_eq!(
        (&reply["code"], &reply["total_num"], &reply["page"]),
        (&json!(0), &json!(1), &json!(1))
    );
    let entry = &reply["data_list"][0];
    assert_eq!(entry["file_name"], "lesson.mp4");
    assert_eq!(entry["md5"], "900150983cd24fb0d6963f7d28e17f72");
    let url = entry["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://s3.example/recordings/house/") && url.contains("lesson.mp4"),
        "{url}"
    );
    let extent: Value = serde_json::from_str(entry["extent"].as_str().unwrap()).unwrap();
    assert_eq!(
        extent,
        json!({"size": 1_024_001, "duration": 79, "start_time": 1_582_170_726})
    );

    let mut many = task(Standing::Done, None);
    many.files = vec![file("mp4"); 53];
    *bench.tasks.borrow_mut() = Some(vec![many]);
    assert_eq!(ask(&bench, "")["data_list"].as_array().unwrap().len(), 50);
    let second = ask(&bench, "&page=2");
    assert_eq!((&second["total_num"], &second["page"]), (&json!(53), &json!(2)));
    let names: Vec<_> = second["data_list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["file_name"])
        .collect();
    assert_eq!(names, ["lesson_51.mp4", "lesson_52.mp4", "lesson_53.mp4"]);
    assert_eq!(ask(&bench, "&page=3")["data_list"], json!([]));
}

#[test]
fn files_that_are_not_there_are_not_handed_out() {
    let mut empty = task(Standing::Done, None);
    empty.files[0].bytes = 0;
    let mut elsewhere = task(Standing::Done, None);
    elsewhere.house.as_mut().unwrap().store = "another".into();
    for task in [
        task(Standing::Failed, None),
        empty,
        elsewhere,
        task(Standing::Capturing, None),
    ] {
        let bench = Bench::new();
        *bench.tasks.borrow_mut() = Some(vec![task]);
        let request = bench.get(URL, &format!("record_id={}", record_id()));
        let reply = body(&bench.run(&request, &[state(Standing::Capturing)]).response);
        assert_eq!(reply["code"], 6_050_030_031_u64, "{reply}");
    }
}

#[test]
fn files_and_records_are_deleted_by_mode() {
    let erase = AppRequest::Erase { sid: sid() };
    let empty = AppRequest::Empty { sid: sid() };
    let hide = AppRequest::Hide { sid: sid() };
    for (mode, expected) in [
        (json!(1), &erase),
        (json!("1"), &erase),
        (json!(2), &empty),
        (Value::Null, &empty),
        (json!(3), &hide),
    ] {
        let bench = Bench::new().with_task(Standing::Done);
        let call = json!({"mode": mode, "record_list": ["20200220115205_10001", record_id()]});
        let done = bench.run(&bench.post(FILE, &call), &[]);
        assert_eq!(body(&done.response), json!({"code": 0, "msg": "ok"}), "{mode}");
        assert_eq!(done.asked.get(1..), Some(std::slice::from_ref(expected)), "{mode}");
    }
    let bench = Bench::new().with_task(Standing::Done);
    for call in [
        json!({"mode": 4, "record_list": []}),
        json!({"mode": 1}),
        json!({"record_list": [1]}),
        json!({"record_list": vec!["x"; 101]}),
    ] {
        let reply = body(&bench.send(&bench.post(FILE, &call)));
        assert_eq!(reply["code"], 6_050_030_003_u64, "{call}");
    }
    let none = bench.post(FILE, &json!({"record_list": []}));
    assert_eq!(body(&bench.send(&none)), json!({"code": 0, "msg": "ok"}));
    bench.erasing.set(app::Erasing::Runs);
    let reply = body(&bench.send(&bench.post(FILE, &json!({"record_list": [record_id()]}))));
    assert_eq!(reply["code"], 6_050_030_003_u64, "what runs is finished first: {reply}");
    assert!(reply["msg"].as_str().unwrap().contains(&record_id()));
}
