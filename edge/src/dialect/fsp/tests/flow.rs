//! A task from its beginning to its end, as its caller sees it.

use serde_json::json;

use super::defaults::{INIT, init_body};
use super::*;

fn of_task() -> Value {
    json!({"record_id": record_id()})
}

fn call(standing: Standing, path: &str, outcomes: &[Option<Outcome>]) -> (Value, Vec<Command>) {
    let bench = Bench::new().with_task(standing);
    let done = bench.run(&bench.post(path, &of_task()), outcomes);
    (body(&done.response), done.commands)
}

#[test]
fn init_answers_with_the_name_of_the_task() {
    let bench = Bench::new();
    let started = Outcome::Started { sid: sid() };
    let done = bench.run(&bench.post(INIT, &init_body(&json!({}))), &[Some(started)]);
    let Some(Command::Start(start)) = done.commands.first() else {
        panic!("{:?}", done.commands)
    };
    let record_id = format!("20200220115205_{}", start.sid);
    let expected = json!({"code": 0, "msg": "OK", "id": 8194, "seq": "s-1", "record_id": record_id});
    assert_eq!(body(&done.response), expected);
}

#[test]
fn a_running_task_is_suspended_and_a_suspended_one_resumed() {
    let success = json!({"code": 0, "msg": "OK", "record_id": record_id()});
    let (reply, commands) = call(
        Standing::Capturing,
        "/v1/record/suspend",
        &[state(Standing::Capturing), state(Standing::Paused)],
    );
    assert_eq!(reply, success);
    assert!(
        matches!(&commands[..], [Command::Query(_), Command::Pause(_)]),
        "{commands:?}"
    );
    let (reply, commands) = call(
        Standing::Paused,
        "/v1/record/resume",
        &[state(Standing::Paused), state(Standing::Capturing)],
    );
    assert_eq!(reply, success);
    assert!(
        matches!(&commands[..], [Command::Query(_), Command::Resume(_)]),
        "{commands:?}"
    );
}

#[test]
fn finish_tells_how_much_was_recorded() {
    let (reply, commands) = call(Standing::Capturing, "/v1/record/finish", &[state(Standing::Done)]);
    let expected = json!({
        "code": 0, "msg": "OK", "record_id": record_id(), "media_duration": 79, "record_duration": 90, "flow": 1001,
    });
    assert_eq!(reply, expected);
    assert!(matches!(&commands[..], [Command::Stop(stop)] if !stop.at_once));
    let mut uploading = view(Standing::Uploading);
    uploading.files = vec![file("mp4"), file("mp4")];
    let (reply, _) = call(
        Standing::Capturing,
        "/v1/record/finish",
        &[Some(Outcome::Stopping(Box::new(uploading)))],
    );
    assert_eq!((&reply["code"], &reply["media_duration"]), (&json!(0), &json!(159)));
}

#[test]
fn info_tells_of_one_task() {
    let (reply, commands) = call(Standing::Done, "/v1/record/info", &[]);
    assert!(commands.is_empty(), "the index knows it");
    let file = json!({
        "duration": 79, "size": 1_024_001, "start_time": "2020-02-20 11:52:06", "thumbnail_id": "",
        "file_id": format!("house/{APP}/{}/lesson.mp4", sid()),
    });
    let expected = json!({
        "code": 0, "msg": "SUCESS", "id": 8213, "business": "RE", "create_time": "2020-02-20 11:52:05",
        "file_name": "lesson", "width": 1280, "height": 720, "record_id": record_id(), "status": 6, "room_id": GROUP,
        "record_file": file,
    });
    assert_eq!(reply, expected);
    let (reply, commands) = call(Standing::Uploading, "/v1/record/info", &[state(Standing::Done)]);
    assert_eq!(
        (&reply["status"], commands.len()),
        (&json!(6), 1),
        "its recorder knows better"
    );
}
