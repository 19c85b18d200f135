use super::*;
use crate::access::testing::storage;

const NOW: u64 = 1_700_000_000_000;
const NOW_S: u64 = NOW / 1_000;
const KEY: &str = "house/a/s/s_第 1.m3u8";

fn app() -> App {
    App {
        house_storage: Some(HouseStorage {
            storage: storage(),
            former: Vec::new(),
            retention_days: None,
            retention_s: None,
            link_s: 60,
        }),
        ..App::new("a", "t", "d", NOW)
    }
}

fn request(url: &str) -> Request {
    Request {
        method: "GET".into(),
        path: url.strip_prefix("https://edge").unwrap().into(),
        ..Request::default()
    }
}

fn handed() -> Handed {
    let url = link("https://edge", "a", &storage(), KEY, NOW_S + 60);
    Handed::route(&request(&url)).unwrap()
}

#[test]
fn a_link_leads_to_the_playlist_until_it_expires() {
    let app = app();
    let source = handed().source(Some(&app), NOW).unwrap();
    assert!(
        source.starts_with("https://s3.example/records/house/a/s/s_%E7%AC%AC%201.m3u8?"),
        "{source}"
    );
    assert_eq!(handed().source(Some(&app), NOW + 60_000).unwrap_err().status, 403);
}

#[test]
fn nothing_of_a_link_can_be_changed() {
    let app = app();
    for changed in [
        Handed {
            until_s: NOW_S + 61,
            ..handed()
        },
        Handed {
            key: "house/b/s/x.m3u8".into(),
            ..handed()
        },
        Handed {
            app_id: "b".into(),
            ..handed()
        },
        Handed {
            store: "0".into(),
            ..handed()
        },
        Handed {
            mac: "0".repeat(64),
            ..handed()
        },
        Handed {
            mac: String::new(),
            ..handed()
        },
    ] {
        assert_eq!(changed.source(Some(&app), NOW).unwrap_err().status, 403, "{changed:?}");
    }
    assert_eq!(handed().source(None, NOW).unwrap_err().status, 403);
}

#[test]
fn only_playlists_are_handed_out() {
    let url = link("https://edge", "a", &storage(), "house/a/s/x.mp4", NOW_S + 60);
    assert_eq!(Handed::route(&request(&url)), None);
    let post = Request {
        method: "POST".into(),
        ..request(&link("https://edge", "a", &storage(), KEY, NOW_S + 60))
    };
    assert_eq!(Handed::route(&post), None);
    for path in [
        "/files/v1/",
        "/files/v1/a/b/c/d",
        "/files/v1/a/b/1/d/%FF.m3u8",
        "/files/v2/a/b/1/d/e.m3u8",
    ] {
        let request = Request {
            method: "GET".into(),
            path: path.into(),
            ..Request::default()
        };
        assert_eq!(Handed::route(&request), None, "{path}");
    }
}

#[test]
fn slices_and_playlists_in_it_become_links() {
    let text = "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"8@0\"\n#EXTINF:15,\na b.ts\n#EXTINF:1,\nhttps://cdn/x.ts\naudio.m3u8\n\
                #EXT-X-ENDLIST\n";
    let app = app();
    let answer = handed().answer(Some(&app), 200, text, "https://edge", NOW);
    assert_eq!(answer.status, 200);
    let body = String::from_utf8(answer.body).unwrap();
    let lines: Vec<_> = body.lines().collect();
    assert_eq!(lines[0], "#EXTM3U");
    assert!(lines[1].starts_with("#EXT-X-MAP:URI=\"https://s3.example/records/house/a/s/init.mp4?X-Amz"));
    assert!(lines[1].ends_with("\",BYTERANGE=\"8@0\""), "{}", lines[1]);
    assert!(
        lines[3].starts_with("https://s3.example/records/house/a/s/a%20b.ts?"),
        "{}",
        lines[3]
    );
    assert!(lines[3].contains("X-Amz-Expires=60&"));
    assert_eq!(lines[5], "https://cdn/x.ts");
    assert!(lines[6].starts_with("https://edge/files/v1/a/"), "{}", lines[6]);
    assert_eq!(lines[7], "#EXT-X-ENDLIST");
}

#[test]
fn what_the_store_answers_is_told() {
    let app = app();
    for (status, told) in [(404, 404), (403, 502), (500, 502)] {
        assert_eq!(
            handed().answer(Some(&app), status, "", "https://edge", NOW).status,
            told
        );
    }
}
