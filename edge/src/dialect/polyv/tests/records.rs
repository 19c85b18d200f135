//! The recorded files of a channel.

use super::*;
use crate::app::{Erasing, Erasure, Filter, Reply, Request as AppRequest};

fn list_path() -> String {
    format!("/live/v2/channels/{CHANNEL}/recordFiles")
}

fn list_of(bench: &Bench, params: &[(&str, &str)], items: Vec<Listed>) -> Value {
    let params = [&[("userId", USER)], params].concat();
    let look_up = bench.look_up(&signed("GET", &list_path(), &params));
    let reply = Reply::List {
        items,
        next: None,
        total: None,
    };
    data(&responded(look_up.answered(Some(reply))))
}

fn filter_of(bench: &Bench, params: &[(&str, &str)]) -> Filter {
    let params = [&[("userId", USER)], params].concat();
    match bench.look_up(&signed("GET", &list_path(), &params)).request {
        AppRequest::List(filter) => filter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_are_listed_in_the_documented_form() {
    let bench = Bench::new();
    let list = list_of(&bench, &[], vec![row()]);
    assert_eq!(list.as_array().unwrap().len(), 1, "one file in two formats: {list}");
    let mut file = list[0].clone();
    let url = file["url"].take();
    assert!(
        url.as_str().unwrap().contains("_0.mp4?"),
        "MP4 goes before the playlist: {url}"
    );
    assert_eq!(
        file,
        json!({
            "channelId": CHANNEL,
            "fileId": SID,
            "userId": USER,
            "url": null,
            "startTime": "20210819085859",
            "endTime": "20210819090000",
            "fileSize": 6_150_000,
            "duration": 62,
            "bitrate": 800,
            "resolution": "1280x720",
            "channelSessionId": SID,
            "fileName": format!("{CHANNEL}_20210819085859.mp4"),
        })
    );
}

#[test]
fn a_playlist_alone_is_listed_too_and_further_files_are() {
    let bench = Bench::new();
    let only = |files| Listed { files, ..row() };
    let list = list_of(&bench, &[], vec![only(vec![file(FileKind::Playlist, ".m3u8")])]);
    assert!(
        list[0]["url"].as_str().unwrap().starts_with("https://edge/files/v1/"),
        "{list}"
    );
    let three = vec![
        file(FileKind::Playlist, ".m3u8"),
        file(FileKind::Mp4, "_0.mp4"),
        file(FileKind::Mp4, "_1.mp4"),
    ];
    let list = list_of(&bench, &[], vec![only(three)]);
    let ids: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["fileId"].clone())
        .collect();
    assert_eq!(ids, [json!(SID), json!(format!("{SID}-2"))]);
    assert_eq!(list_of(&bench, &[], vec![only(vec![])]), json!([]));
}

#[test]
fn the_list_is_of_the_channel_and_of_the_days_that_are_asked_for() {
    let bench = Bench::new();
    let all = Filter {
        limit: 1_000,
        channel: Some(CHANNEL.into()),
        statuses: vec![Status::Ended, Status::Failed],
        house: true,
        ..Filter::default()
    };
    assert_eq!(filter_of(&bench, &[]), all);
    // From the first moment of the first day to the last one of the last day, in China.
    let days = filter_of(&bench, &[("startDate", "2021-08-19"), ("endDate", "2021-08-20")]);
    assert_eq!(
        days,
        Filter {
            from_ms: Some(1_629_302_400_000),
            before_ms: Some(1_629_302_400_000 + 2 * 24 * 3_600_000),
            ..all.clone()
        }
    );
    // Sessions go before the days.
    let both = [
        ("startDate", "2021-08-19"),
        ("endDate", "2021-08-20"),
        ("sessionIds", SID),
    ];
    assert_eq!(filter_of(&bench, &both), all);
    let other = Listed {
        sid: "other".into(),
        ..row()
    };
    for name in ["sessionIds", "sessionId"] {
        let list = list_of(&bench, &[(name, &format!("x,{SID}"))], vec![row(), other.clone()]);
        assert_eq!(list.as_array().unwrap().len(), 1);
    }
}

#[test]
fn wrong_parameters_of_the_list_are_named() {
    let bench = Bench::new();
    for (params, message) in [
        (&[][..], "userId is error."),
        (&[("userId", "other")], "userId is error."),
        (
            &[("userId", USER), ("startDate", "2021-08-19")],
            "param validate error: endDate",
        ),
        (
            &[("userId", USER), ("endDate", "2021-08-19")],
            "param validate error: startDate",
        ),
        (
            &[("userId", USER), ("startDate", "19.8.2021"), ("endDate", "2021-08-19")],
            "param validate error: startDate",
        ),
    ] {
        assert_refused(&bench.answer(&signed("GET", &list_path(), params)), 400, message);
    }
}

fn get(bench: &Bench, file_id: &str, found: Option<Listed>) -> Response {
    let params = [("channelId", CHANNEL), ("fileId", file_id)];
    let look_up = bench.look_up(&signed("GET", "/live/v3/channel/record/get", &params));
    assert_eq!(look_up.request, AppRequest::Find { sid: SID.into() });
    responded(look_up.answered(Some(Reply::Find(found.map(Box::new)))))
}

#[test]
fn one_file_is_shown_in_the_documented_form() {
    let bench = Bench::new();
    let mut file = data(&get(&bench, SID, Some(row())));
    let (mp4, m3u8) = (file["mp4"].take(), file["m3u8"].take());
    assert!(mp4.as_str().unwrap().starts_with("https://s3.example/"), "{mp4}");
    assert!(m3u8.as_str().unwrap().starts_with("https://edge/files/v1/"), "{m3u8}");
    assert_eq!(
        file,
        json!({
            "fileId": SID,
            "userId": USER,
            "channelId": CHANNEL,
            "startTime": "20210819085859",
            "endTime": "20210819090000",
            "fileName": format!("{CHANNEL}_20210819085859.mp4"),
            "fileSize": 6_150_000,
            "createdTime": NOW + 61_500,
            "width": 1280,
            "height": 720,
            "duration": 62,
            "bitrate": 800,
            "mp4": null,
            "m3u8": null,
            "channelSessionId": SID,
            "originSessionId": SID,
            "liveType": "alone",
            "daysLeft": 31,
        })
    );
    let for_ever = Listed {
        house: Some(House {
            kept_ms: None,
            ..house()
        }),
        ..row()
    };
    assert_eq!(data(&get(&bench, SID, Some(for_ever)))["daysLeft"], -1);
}

#[test]
fn files_of_others_and_those_that_are_gone_are_not_found() {
    let bench = Bench::new();
    let refused = |found| assert_refused(&get(&bench, SID, found), 400, "record file not found.");
    refused(None);
    let mut other = row();
    other.key.channel = "7".into();
    refused(Some(other));
    refused(Some(Listed {
        erasure: Some(Erasure {
            since_ms: 1,
            keeps_record: false,
            failures: 0,
            error: None,
        }),
        ..row()
    }));
    refused(Some(Listed { house: None, ..row() }));
    assert_refused(
        &get(&bench, &format!("{SID}-2"), Some(row())),
        400,
        "record file not found.",
    );
    let running = Listed {
        status: Status::Recording,
        ..row()
    };
    assert_refused(&get(&bench, SID, Some(running)), 400, "record file is not finished.");
}

fn delete(bench: &Bench, params: &[(&str, &str)], found: Option<Listed>) -> Step {
    let path = format!("/live/v2/channel/recordFile/{CHANNEL}/delete-record");
    let look_up = bench.look_up(&signed("POST", &path, params));
    assert_eq!(look_up.request, AppRequest::Find { sid: SID.into() });
    look_up.answered(Some(Reply::Find(found.map(Box::new))))
}

#[test]
fn a_session_is_deleted() {
    let bench = Bench::new();
    for params in [
        &[("sessionId", SID)][..],
        &[("sessionId", SID), ("startTime", "20210819085859")],
    ] {
        let Step::Index(look_up) = delete(&bench, params, Some(row())) else {
            panic!("nothing is deleted");
        };
        assert_eq!(look_up.request, AppRequest::Erase { sid: SID.into() });
        assert_eq!(
            data(&responded(look_up.answered(Some(Reply::Erase(Erasing::Begun))))),
            ""
        );
    }
    let not_found = delete(
        &bench,
        &[("sessionId", SID), ("startTime", "20210819085858")],
        Some(row()),
    );
    assert_refused(&responded(not_found), 400, "record file not found.");
    assert_refused(
        &responded(delete(&bench, &[("sessionId", SID)], None)),
        400,
        "record file not found.",
    );
    let again = |erasing| {
        let Step::Index(look_up) = delete(&bench, &[("sessionId", SID)], Some(row())) else {
            panic!("nothing is deleted");
        };
        responded(look_up.answered(erasing))
    };
    assert_refused(
        &again(Some(Reply::Erase(Erasing::Runs))),
        400,
        "record file is not finished.",
    );
    assert_refused(
        &again(Some(Reply::Erase(Erasing::NotFound))),
        400,
        "record file not found.",
    );
    assert_refused(&again(None), 500, "internal server error.");
}

#[test]
fn an_index_that_does_not_answer_is_ours() {
    let bench = Bench::new();
    let look_up = bench.look_up(&signed("GET", &list_path(), &[("userId", USER)]));
    assert_refused(&responded(look_up.answered(None)), 500, "internal server error.");
}
