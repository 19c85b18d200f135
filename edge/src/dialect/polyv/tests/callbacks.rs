//! What a callback is told.

use super::*;
use crate::http::Request;
use protocol::EndCause;

fn callback(events: Option<&[u32]>) -> Callback {
    Callback {
        url: Secret::new("https://h/test.do?key=1"),
        secret: Secret::new(SECRET),
        events: events.map(<[u32]>::to_vec),
    }
}

fn ready(file: RecordedFile) -> Event {
    Event::FileReady {
        file: Box::new(file),
        house: Box::new(house()),
    }
}

fn told(event: Event, own: Option<&HouseStorage>, public_url: Option<&str>) -> (Notification, Request) {
    let callback = callback(None);
    let subject = Subject {
        key: row().key,
        sid: SID.into(),
        mode: Mode::Mix,
        pictures_only: false,
    };
    let notice = Notice {
        number: 7,
        at_ms: 1,
        event,
    };
    let terms = NoticeTerms {
        callback: &callback,
        house_storage: own,
        public_url,
        now_ms: NOW,
    };
    let notification = Polyv.notification(&subject, &notice, terms);
    let request = Request {
        query: notification.query.clone(),
        ..Request::default()
    };
    (notification, request)
}

#[test]
fn a_file_that_is_ready_is_told_by_a_get() {
    let own = house_storage();
    let (notification, request) = told(ready(file(FileKind::Mp4, "_0.mp4")), Some(&own), Some("https://edge"));
    assert_eq!((notification.method, notification.body.is_none()), ("GET", true));
    assert!(
        notification
            .url("https://h/test.do?key=1")
            .starts_with("https://h/test.do?key=1&channelId=2453970&fileUrl=https%3A%2F%2Fs3.example")
    );
    for (name, value) in [
        ("channelId", CHANNEL),
        ("format", "mp4"),
        ("timestamp", "1629334739239"),
        // The vendor's rule for this secret and time, computed by an independent program.
        ("sign", "196803c506606b24fcca8673b68de7a6"),
        ("origin", "auto"),
        ("fileId", SID),
        ("hasRtcRecord", "N"),
        ("sessionId", SID),
        ("fileSize", "6150000"),
        ("duration", "62"),
    ] {
        assert_eq!(request.query_value(name).as_deref(), Some(value), "{name}");
    }
    let url = request.query_value("fileUrl").unwrap();
    assert!(url.contains("X-Amz-Expires=3600"), "{url}");
    assert!(url.contains("filename%3D%222453970_20210819085859.mp4%22"), "{url}");
}

#[test]
fn a_playlists_link_leads_to_this_server() {
    let own = house_storage();
    let url = |public_url| {
        let (_, request) = told(ready(file(FileKind::Playlist, ".m3u8")), Some(&own), public_url);
        assert_eq!(request.query_value("format").as_deref(), Some("m3u8"));
        request.query_value("fileUrl").unwrap()
    };
    let url_here = url(Some("https://edge"));
    assert!(url_here.starts_with("https://edge/files/v1/"), "{url_here}");
    assert!(url_here.ends_with(&format!("{SID}_{CHANNEL}.m3u8")), "{url_here}");
    // Where it is not known how this server is reached, the store itself has to give it.
    assert!(url(None).starts_with("https://s3.example/records/house/"));
}

#[test]
fn without_the_store_the_name_is_told() {
    let (_, request) = told(ready(file(FileKind::Mp4, "_0.mp4")), None, None);
    let name = file(FileKind::Mp4, "_0.mp4").name;
    assert_eq!(request.query_value("fileUrl"), Some(name));
}

#[test]
fn further_files_of_a_recording_have_ids_of_their_own() {
    let own = house_storage();
    for (suffix, id) in [
        ("_0.mp4", SID.to_owned()),
        ("_1.mp4", format!("{SID}-2")),
        ("_9-n2.mp4", format!("{SID}-10")),
    ] {
        let (_, request) = told(ready(file(FileKind::Mp4, suffix)), Some(&own), None);
        assert_eq!(request.query_value("fileId"), Some(id));
    }
}

#[test]
fn callbacks_are_told_of_files_alone_and_of_the_formats_that_they_want() {
    let playlist = ready(file(FileKind::Playlist, ".m3u8"));
    let mp4 = ready(file(FileKind::Mp4, "_0.mp4"));
    let wants = |event: &Event, events| Polyv.wants(event, &callback(events));
    for (events, m3u8_wanted, mp4_wanted) in [
        (None, true, true),
        (Some(&[1][..]), true, false),
        (Some(&[2]), false, true),
        (Some(&[1, 2]), true, true),
        (Some(&[40]), false, false),
    ] {
        assert_eq!(
            (wants(&playlist, events), wants(&mp4, events)),
            (m3u8_wanted, mp4_wanted),
            "{events:?}"
        );
    }
    for event in [
        Event::RecorderStarted,
        Event::RecorderLeft { cause: EndCause::Idle },
        Event::Uploaded { files: vec![] },
    ] {
        assert!(!wants(&event, None), "{event:?}");
    }
    assert_eq!(Polyv.event_type(&playlist), EventType::Number(1));
    assert_eq!(Polyv.event_type(&mp4), EventType::Number(2));
}
