//! Files that are made of recorded ones: what is asked of whom, and what callbacks are told.

use protocol::{Fault, Refusal, RefusalCode};

use super::*;
use crate::app::{Denial, Erasing, Reply, Request as IndexRequest, Room, Verdict};
use crate::joining::{Order, Part, Told};

const OTHER: &str = "48f8e3cfdc474cd56fc1ceba380d7e1b";

const MERGE: &str = "/live/v3/channel/record/merge";
const MERGE_MP4: &str = "/live/v3/channel/record/merge-mp4";
const CONVERT: &str = "/live/v3/channel/record/convert";

/// The index' rows: two recordings of the channel, an hour apart.
fn rows() -> Vec<Listed> {
    let mut second = row();
    second.sid = OTHER.into();
    for file in &mut second.files {
        file.name = file.name.replace(SID, OTHER);
        file.start_ms += 3_600_000;
    }
    vec![second, row()]
}

impl Bench {
    /// Takes a request to its end: the orders that objects are asked to carry out, and the response.
    fn join(&self, request: &Request, denial: Option<Denial>) -> (Vec<Order>, Response) {
        let mut step = self.send(request);
        let mut places = Vec::new();
        loop {
            step = match step {
                Step::Respond(response) => return (Vec::new(), response),
                Step::Index(look_up) => {
                    let reply = match &look_up.request {
                        IndexRequest::Find { sid } => {
                            Reply::Find(rows().into_iter().find(|row| row.sid == *sid).map(Box::new))
                        }
                        IndexRequest::List(filter) => {
                            assert_eq!(filter.channel.as_deref(), Some(CHANNEL));
                            Reply::List {
                                items: rows(),
                                next: None,
                                total: None,
                            }
                        }
                        _ => Reply::Erase(Erasing::NotFound),
                    };
                    look_up.answered(Some(reply))
                }
                Step::Admit(admission) => {
                    let Room::Taken(reservation) = &admission.admit.room else {
                        panic!("a place is taken");
                    };
                    places.push(reservation.sid.clone());
                    admission.decide(Some(&Verdict {
                        at_ms: NOW,
                        limit: 1,
                        remaining: 1,
                        denial,
                    }))
                }
                Step::Join(joining) => {
                    let orders = joining.orders.clone();
                    places.reverse();
                    let sids: Vec<_> = orders.iter().map(|order| order.sid.clone()).collect();
                    assert_eq!(places, sids, "each has its place in the quota");
                    let response = responded(joining.answered(true));
                    return (orders, response);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn keys(order: &Order) -> Vec<&str> {
    let keys = order.parts.iter().map(|part| part.key.rsplit('/').next().unwrap());
    keys.collect()
}

fn both() -> String {
    format!("{SID},{OTHER}")
}

#[test]
fn files_are_merged_in_the_order_that_is_asked_for() {
    let bench = Bench::new();
    let ids = format!("{OTHER},{SID}");
    let params = [
        ("channelId", CHANNEL),
        ("fileIds", ids.as_str()),
        ("fileName", "两节课"),
        ("callbackUrl", "https://h/merged"),
    ];
    let (orders, response) = bench.join(&signed("POST", MERGE, &params), None);
    let [order] = orders.as_slice() else {
        panic!("{orders:?}");
    };
    assert_eq!(data(&response), json!(order.sid));
    let expected = [format!("{OTHER}_{CHANNEL}_0.mp4"), format!("{SID}_{CHANNEL}_0.mp4")];
    assert_eq!(keys(order), expected);
    assert_eq!((&*order.key.channel, &*order.key.uid), (CHANNEL, "merge"));
    assert_eq!(order.start_ms, NOW + 3_600_000);
    assert_eq!(order.place, format!("house/{APP}/{}", order.sid));
    assert_eq!(order.house.kept_ms, house().kept_ms);
    let told: Vec<_> = order
        .told
        .iter()
        .map(|told| (told.callback.url.expose(), &*told.form))
        .collect();
    assert_eq!(told, [("https://h/merged", "merge")]);
    assert_eq!(order.told[0].callback.secret.expose(), SECRET);
}

#[test]
fn files_are_named_by_their_links_too() {
    let bench = Bench::new();
    let path = format!("/live/v2/channel/recordFile/{CHANNEL}/merge");
    let urls = format!(
        "https://s3.example/records/house/{APP}/{SID}/{SID}_{CHANNEL}_0.mp4?X-Amz-Expires=1,\
         https://edge/files/v1/{APP}/store/1/mac/house/{APP}/{OTHER}/{OTHER}_{CHANNEL}.m3u8"
    );
    let (orders, _) = bench.join(&signed("POST", &path, &[("urls", &urls)]), None);
    let expected = [format!("{SID}_{CHANNEL}_0.mp4"), format!("{OTHER}_{CHANNEL}_0.mp4")];
    assert_eq!(keys(&orders[0]), expected);
}

#[test]
fn a_span_of_time_is_merged_from_its_oldest_file_on() {
    let bench = Bench::new();
    let span = |from: u64, until: u64| {
        let (from, until) = (from.to_string(), until.to_string());
        let params = [("channelId", CHANNEL), ("startTime", &*from), ("endTime", &*until)];
        bench.join(&signed("POST", MERGE_MP4, &params), None)
    };
    let (orders, response) = span(NOW, NOW + 4_000_000);
    assert_eq!(data(&response), json!({"fileId": orders[0].sid, "fileUrl": ""}));
    assert!(keys(&orders[0])[0].starts_with(SID) && keys(&orders[0])[1].starts_with(OTHER));
    assert_eq!(keys(&span(NOW - 10, NOW + 10).0[0]).len(), 1);
    assert_refused(&span(NOW + 100_000, NOW + 200_000).1, 400, "record file not found.");
    let wrong = "param validate error: endTime";
    assert_refused(&span(NOW, NOW).1, 400, wrong);
    assert_refused(&span(NOW, NOW + 8 * 3_600_000 + 1).1, 400, wrong);
}

#[test]
fn each_converted_file_stays_one_and_is_kept_for_ever() {
    let bench = Bench::new();
    data(&bench.answer(&signed(
        "POST",
        &format!("/live/v2/user/{USER}/set-playback-callback"),
        &[("url", "https://h/playback")],
    )));
    let ids = both();
    let params = [("channelId", CHANNEL), ("fileIds", ids.as_str())];
    let (orders, response) = bench.join(&signed("POST", CONVERT, &params), None);
    let sids: Vec<_> = orders.iter().map(|order| order.sid.as_str()).collect();
    assert_eq!(data(&response), json!(sids.join(",")));
    assert_ne!(sids[0], sids[1]);
    for order in &orders {
        assert_eq!((order.parts.len(), order.house.kept_ms), (1, None));
        assert_eq!(order.told[0].callback.url.expose(), "https://h/playback");
    }
    let path = format!("/live/v2/channel/recordFile/{CHANNEL}/convert");
    let (orders, _) = bench.join(&signed("POST", &path, &[("userId", USER), ("sessionId", SID)]), None);
    assert_eq!(orders.len(), 1);
}

#[test]
fn what_cannot_be_joined_is_refused() {
    let bench = Bench::new();
    let merge = |params: &[(&str, &str)]| {
        let all = [&[("channelId", CHANNEL)], params].concat();
        bench.join(&signed("POST", MERGE, &all), None).1
    };
    let many = vec![SID; 101].join(",");
    let long = "n".repeat(65);
    for (params, message) in [
        (&[][..], "param validate error: fileIds"),
        (&[("fileIds", ",")], "param validate error: fileIds"),
        (&[("fileIds", "a/b")], "param validate error: fileIds"),
        (&[("fileIds", &*many)], "param validate error: fileIds"),
        (&[("urls", "https://h/")], "param validate error: urls"),
        (
            &[("fileIds", SID), ("fileName", &*long)],
            "param validate error: fileName",
        ),
        (&[("fileIds", SID), ("callbackUrl", "ftp://h")], "url format error."),
        (&[("fileIds", "unknown")], "record file not found."),
        (&[("fileIds", &*format!("{SID}-2"))], "record file has no mp4."),
    ] {
        assert_refused(&merge(params), 400, message);
    }
    let elsewhere = signed("POST", MERGE, &[("channelId", "7"), ("fileIds", SID)]);
    assert_refused(&bench.join(&elsewhere, None).1, 400, "record file not found.");
    let request = signed("POST", MERGE, &[("channelId", CHANNEL), ("fileIds", SID)]);
    let full = bench.join(&request, Some(Denial::NoRoom { recordings: 1 })).1;
    assert_refused(&full, 429, "too many recordings and merges at a time.");
}

fn order(form: &str) -> Order {
    let key = |sid: &str| format!("house/{APP}/{sid}/{sid}_{CHANNEL}_0.mp4");
    let parts = [SID, OTHER].map(|sid| Part {
        store: house().store,
        key: key(sid),
        bytes: 1,
    });
    Order {
        key: row().key,
        sid: "joined".into(),
        nonce: "n".into(),
        parts: parts.to_vec(),
        start_ms: NOW,
        place: "p".into(),
        house: House {
            label: format!(r#"{{"width":1,"height":1,"name":"两节课","user_id":"{USER}"}}"#),
            ..house()
        },
        told: vec![Told {
            callback: Callback {
                url: Secret::new("https://h/"),
                secret: Secret::new(SECRET),
                events: None,
            },
            form: form.into(),
        }],
        imports: false,
        recording: None,
    }
}

fn told(form: &str, result: &Result<RecordedFile, Refusal>) -> Option<Request> {
    let order = order(form);
    let own = house_storage();
    let terms = NoticeTerms {
        callback: &order.told[0].callback,
        house_storage: Some(&own),
        public_url: None,
        now_ms: NOW,
    };
    let joined = Joined {
        order: &order,
        form,
        result,
    };
    let notification = Polyv.joined(&joined, terms)?;
    assert_eq!(notification.method, "GET");
    Some(Request {
        query: notification.query,
        ..Request::default()
    })
}

#[track_caller]
fn assert_fields(request: &Request, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        assert_eq!(request.query_value(name).as_deref(), Some(*value), "{name}");
    }
    // The vendor's rule for this secret and time, computed by an independent program.
    assert_eq!(
        request.query_value("sign").as_deref(),
        Some("196803c506606b24fcca8673b68de7a6")
    );
}

#[test]
fn each_callback_is_told_in_its_form() {
    let done = Ok(file(FileKind::Mp4, "_0.mp4"));
    let merged = told("merge", &done).unwrap();
    assert_fields(
        &merged,
        &[
            ("status", "success"),
            ("userId", USER),
            ("channelId", CHANNEL),
            ("fileId", "joined"),
        ],
    );
    let mp4 = told("merge-mp4", &done).unwrap();
    let ids = both();
    assert_fields(
        &mp4,
        &[("status", "success"), ("fileIds", &ids), ("fileName", "两节课.mp4")],
    );
    assert!(mp4.query_value("fileUrl").unwrap().starts_with("https://s3.example/"));
    let playback = told("playback", &done).unwrap();
    assert_fields(
        &playback,
        &[
            ("status", "success"),
            ("vid", "joined"),
            ("title", "两节课"),
            ("duration", "00:01:02"),
            ("fileSize", "6150000"),
            ("sessionIds", &ids),
            ("sessionId", SID),
        ],
    );
    let file = told("file", &done).unwrap();
    assert_fields(&file, &[("origin", "merge"), ("format", "mp4"), ("fileId", "joined")]);
}

#[test]
fn a_failure_is_told_to_who_asked() {
    let failed = Err(Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason: "why".into(),
    });
    assert_fields(
        &told("merge", &failed).unwrap(),
        &[("status", "error"), ("code", "unknown")],
    );
    assert_fields(
        &told("merge-mp4", &failed).unwrap(),
        &[("status", "error"), ("fileUrl", "")],
    );
    assert_fields(&told("playback", &failed).unwrap(), &[("status", "error")]);
    assert!(told("file", &failed).is_none());
}

#[test]
fn the_channels_state_is_told_to_the_callback_that_is_set_for_it() {
    let bench = Bench::new();
    let path = format!("/live/v2/user/{USER}/set-stream-callback");
    data(&bench.answer(&signed("POST", &path, &[("url", "https://h/state")])));
    let set = bench.app().further["stream"].clone();
    assert_eq!((set.url.expose(), set.secret.expose()), ("https://h/state", SECRET));
    let started = Event::RecorderStarted;
    assert_eq!(Polyv.callback_name(&started), Some("stream"));
    let subject = Subject {
        key: row().key,
        sid: SID.into(),
        mode: Mode::Mix,
        pictures_only: false,
    };
    let notice = Notice {
        number: 1,
        at_ms: NOW - 5,
        event: started,
    };
    let terms = NoticeTerms {
        callback: &set,
        house_storage: None,
        public_url: None,
        now_ms: NOW,
    };
    let request = Request {
        query: Polyv.notification(&subject, &notice, terms).query,
        ..Request::default()
    };
    let at = (NOW - 5).to_string();
    assert_fields(
        &request,
        &[
            ("channelId", CHANNEL),
            ("status", "live"),
            ("sessionId", SID),
            ("startTime", &at),
        ],
    );
    data(&bench.answer(&signed("POST", &path, &[])));
    assert!(bench.app().further.is_empty());
    assert_refused(
        &bench.answer(&signed("POST", &path, &[("url", "h")])),
        400,
        "url format error.",
    );
}
