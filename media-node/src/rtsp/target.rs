//! What the URL of a request names.

use percent_encoding::percent_decode_str;
use protocol::Secret;
use rtsp_types::Url;

use super::reply::Refusal;
use crate::access::without_slash;
use crate::channel::{PathError, StreamPath};
use crate::hub::TRACK_CONTROL;
use crate::layers::Area;

/// Of an area; larger ones are none.
const MAX_SIDE: u32 = 8_192;

/// The stream and the track that the URL of a request names, and what it shows to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) path: StreamPath,
    pub(super) track: Option<usize>,
    pub(super) key: Option<Secret>,
    pub(super) token: Option<Secret>,
    /// Who shows it.
    pub(super) own_uid: Option<String>,
}

impl Target {
    /// A client puts the control attribute of a track behind the whole URL, query included, or behind the path: both are
    /// understood.
    pub(super) fn parse(url: &Url) -> Result<Self, PathError> {
        let (query, query_track) = split_track(url.query().unwrap_or_default());
        let (path, path_track) = split_track(url.path());
        Ok(Self {
            path: StreamPath::parse(path)?,
            track: path_track.or(query_track),
            key: value(query, "key"),
            token: value(query, "token"),
            own_uid: value(query, "uid").map(|uid| uid.expose().to_owned()),
        })
    }
}

/// What the picture is to fill, where the URL says so: `fill=640x360`, or `fit=640x360` for a picture that is shown whole.
pub(super) fn area(url: &Url) -> Result<Option<Area>, Refusal> {
    let query = url.query().unwrap_or_default();
    let told = |name| value(query, name).map(|area| (area.expose().to_owned(), name == "fill"));
    let Some((text, is_cut)) = told("fill").or_else(|| told("fit")) else {
        return Ok(None);
    };
    let side = |side: &str| side.parse().ok().filter(|side| *side <= MAX_SIDE);
    let sides = text.split_once('x').map(|(width, height)| (side(width), side(height)));
    let Some((Some(width), Some(height))) = sides else {
        let reason = format!("fill and fit are WIDTHxHEIGHT in pixels, each {MAX_SIDE} at most");
        return Err(Refusal::bad_request(reason));
    };
    Ok(Some(Area { width, height, is_cut }))
}

/// The query of a URL that says what the picture is to fill.
pub(super) fn asked(Area { width, height, is_cut }: Area) -> String {
    let name = if is_cut { "fill" } else { "fit" };
    format!("{name}={width}x{height}")
}

/// What another node asks for to have all sizes of a picture.
pub(super) const ALL_LAYERS: &str = "layers=all";

pub(super) fn asks_for_layers(url: &Url) -> bool {
    let query = url.query().unwrap_or_default();
    query.split('&').any(|part| part == ALL_LAYERS)
}

/// The base of the tracks' URLs: the request's own, as the client reaches this server, without its query.
pub(super) fn content_base(url: &Url) -> String {
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    let text = base.as_str();
    let (stream, _) = split_track(text);
    format!("{}/", stream.trim_end_matches('/'))
}

/// Which of a publisher's tracks the URL names, by the control attributes of its own session description.
pub(crate) fn find_control(url: &Url, controls: &[Option<String>]) -> Option<usize> {
    let named = controls
        .iter()
        .position(|control| control.as_deref().is_some_and(|control| names(url, control)));
    // RFC 2326 appendix C.1.1: a single track may be named by the URL of the whole.
    named.or((controls.len() == 1).then_some(0))
}

fn names(url: &Url, control: &str) -> bool {
    if let Ok(absolute) = Url::parse(control) {
        return absolute.path() == url.path() && (absolute.query().is_none() || absolute.query() == url.query());
    }
    let control = control.trim_start_matches('/');
    let ends = |text: &str| text.strip_suffix(control).is_some_and(|base| base.ends_with('/'));
    !control.is_empty() && (ends(url.path()) || url.query().is_some_and(ends))
}

/// Takes `/trackID=N` off the end.
fn split_track(text: &str) -> (&str, Option<usize>) {
    let track = text
        .rsplit_once('/')
        .and_then(|(base, last)| Some((base, last.strip_prefix(TRACK_CONTROL)?.parse::<usize>().ok()?)));
    match track {
        Some((base, track)) => (base, Some(track)),
        None => (text, None),
    }
}

/// A plus sign stands for itself: keys and tokens are often base64.
fn value(query: &str, name: &str) -> Option<Secret> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    // What a publisher's client appended to the query names a track: `streamid=0`, `stream=0`, `trackID=0`.
    let numbered = |last: &str| {
        last.split_once('=')
            .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let appended = |last: &str| last.is_empty() || numbered(last);
    let value = match value.rsplit_once('/').filter(|(_, last)| appended(last)) {
        Some((value_alone, _)) => without_slash(value.get(..=value_alone.len())?),
        None => value,
    };
    Some(Secret::new(percent_decode_str(value).decode_utf8_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> (String, Option<usize>, Option<String>) {
        let target = Target::parse(&Url::parse(url).unwrap()).unwrap();
        (
            target.path.to_string(),
            target.track,
            target.key.map(|key| key.expose().to_owned()),
        )
    }

    #[test]
    fn a_token_stands_beside_a_key_and_keeps_the_characters_of_base64() {
        let token = |query: &str| {
            let target = Target::parse(&Url::parse(&format!("rtsp://h/a/b/c?{query}")).unwrap()).unwrap();
            target.token.map(|token| token.expose().to_owned())
        };
        assert_eq!(token("token=eyJ.eyJ-_.s").unwrap(), "eyJ.eyJ-_.s");
        assert_eq!(token("key=k&token=007a+b/c==").unwrap(), "007a+b/c==");
        assert_eq!(token("token=007a+b/c==/streamid=1").unwrap(), "007a+b/c==");
        assert_eq!(token("token=007a+b/").unwrap(), "007a+b/");
        assert_eq!(token("token=007a+b//streamid=1").unwrap(), "007a+b/");
        assert_eq!(token("token=007a+b/streamid=1").unwrap(), "007a+b/");
        assert_eq!(token("token=007a+bc/").unwrap(), "007a+bc");
        assert_eq!(token("token=007a+bc/streamid=1&key=k").unwrap(), "007a+bc");
        assert_eq!(token("token=007a+b/c==/trackID=1&key=k").unwrap(), "007a+b/c==");
        assert_eq!(token("token=007a%2Bb%2Fc%3D%3D").unwrap(), "007a+b/c==");
        assert_eq!(token("token=").unwrap(), "");
        assert_eq!(
            (token("tokens=x"), token("xtoken=x"), token("key=token=x")),
            (None, None, None)
        );
    }

    #[test]
    fn an_area_is_two_numbers_of_pixels() {
        let read = |query: &str| area(&Url::parse(&format!("rtsp://h/a/b/c?{query}")).unwrap());
        let told = |width, height, is_cut| Ok(Some(Area { width, height, is_cut }));
        let same = |read: Result<Option<Area>, Refusal>| read.map_err(drop);
        assert_eq!(same(read("fill=640x360")), told(640, 360, true));
        assert_eq!(same(read("key=k&fit=0x0/trackID=0")), told(0, 0, false));
        assert_eq!(same(read("key=k")), Ok(None));
        for (width, height, is_cut) in [(640, 360, true), (1, 0, false)] {
            let area = Area { width, height, is_cut };
            assert_eq!(same(read(&asked(area))), Ok(Some(area)));
        }
        for wrong in ["fill=", "fill=640", "fit=ax1", "fill=1x9000", "fill=-1x2"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_track_may_stand_before_or_behind_the_query() {
        let some = |text: &str| Some(text.to_owned());
        for (url, track, key) in [
            ("rtsp://h/a/b/c", None, None),
            ("rtsp://h/a/b/c/", None, None),
            ("rtsp://h/a/b/c/trackID=1", Some(1), None),
            ("rtsp://h/a/b/c?key=k", None, some("k")),
            ("rtsp://h/a/b/c/?x=y&key=k+%2F%3d", None, some("k+/=")),
            ("rtsp://h/a/b/c/trackID=0?key=k", Some(0), some("k")),
            ("rtsp://h/a/b/c?key=k/trackID=2", Some(2), some("k")),
            ("rtsp://h/a/b/c?key=k/streamid=2", None, some("k")),
            ("rtsp://h/a/b/c?key=k/", None, some("k")),
            ("rtsp://h/a/b/c?key=a/b=", None, some("a/b=")),
        ] {
            assert_eq!(parse(url), ("/a/b/c".to_owned(), track, key), "{url}");
        }
    }

    #[test]
    fn a_publisher_names_its_tracks_as_it_likes() {
        let url = |text: &str| Url::parse(text).unwrap();
        let controls = |list: &[&str]| list.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        let ffmpeg = controls(&["streamid=0", "streamid=1"]);
        assert_eq!(find_control(&url("rtsp://h/a/b/c/streamid=1"), &ffmpeg), Some(1));
        assert_eq!(find_control(&url("rtsp://h/a/b/c?key=k/streamid=1"), &ffmpeg), Some(1));
        assert_eq!(find_control(&url("rtsp://h/a/b/c/streamid=1?key=k"), &ffmpeg), Some(1));
        assert_eq!(find_control(&url("rtsp://h/a/b/c/streamid=11"), &ffmpeg), None);
        assert_eq!(find_control(&url("rtsp://h/a/b/c"), &ffmpeg), None);
        let absolute = controls(&["rtsp://other/a/b/c/audio", "rtsp://other/a/b/c/video"]);
        assert_eq!(find_control(&url("rtsp://h:8554/a/b/c/video"), &absolute), Some(1));
        assert_eq!(find_control(&url("rtsp://h/a/b/c"), &controls(&["anything"])), Some(0));
        assert_eq!(find_control(&url("rtsp://h/a/b/c"), &[None]), Some(0));
    }

    #[test]
    fn tracks_hang_below_the_url_that_the_client_used() {
        for url in [
            "rtsp://me:554/a/b/c?key=k",
            "rtsp://me:554/a/b/c/",
            "rtsp://me:554/a/b/c/trackID=0?key=k",
        ] {
            assert_eq!(content_base(&Url::parse(url).unwrap()), "rtsp://me:554/a/b/c/");
        }
    }
}
