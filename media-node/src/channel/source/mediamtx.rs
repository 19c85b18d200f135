use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::{Roster, RosterStream, RosterUser, Secret, SecretUrl, StreamName};
use reqwest::{Client, Url};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::{Credentials, MAX_WAIT, RosterError, http};
use crate::channel::StreamPath;

const POLL_INTERVAL: Duration = Duration::from_secs(1);
const ITEMS_PER_PAGE: u32 = 1_000;
/// Pages that are read at most.
const MAX_PAGES: u32 = 50;

/// A MediaMTX server, whose list of paths is read each second.
pub(super) struct Mediamtx {
    client: Client,
    url: Url,
    rtsp: String,
    /// Behind each URL of RTSP, with its `#`: the certificate to take.
    pin: String,
    login: Option<Credentials>,
    /// Before the uid in a path's name, with its slash.
    prefix: String,
    known: Option<Roster>,
    poll_at: Instant,
}

/// `GET /v3/paths/list`, of which only this is read.
#[derive(Deserialize)]
struct Page {
    #[serde(rename = "pageCount", default)]
    page_count: u32,
    items: Vec<Item>,
}

#[derive(Clone, Deserialize)]
struct Item {
    name: String,
    #[serde(default)]
    ready: bool,
    /// RFC 3339; servers before 1.1 have none.
    #[serde(rename = "readyTime", default)]
    ready_time: Option<String>,
    /// Whether somebody publishes: a path may be ready and show a picture of the server's own until then. Servers
    /// that know no such paths do not say it.
    #[serde(default)]
    online: Option<bool>,
    #[serde(rename = "onlineTime", default)]
    online_time: Option<String>,
}

impl Item {
    /// Since when somebody publishes, as far as that is known; `None` while nobody does.
    fn published(&self) -> Option<Option<&str>> {
        match self.online {
            Some(online) => online.then_some(self.online_time.as_deref()),
            None => self.ready.then_some(self.ready_time.as_deref()),
        }
    }
}

impl Mediamtx {
    pub(super) fn new(
        api: &str,
        rtsp: &str,
        credentials: Option<&Secret>,
        template: &str,
        app: &str,
        channel: &str,
    ) -> Result<Self, RosterError> {
        let login = credentials.map(|secret| {
            let (username, password) = secret.expose().split_once(':').unwrap_or((secret.expose(), ""));
            Credentials {
                username: username.to_owned(),
                password: Secret::new(password),
            }
        });
        let (rtsp, pin) = rtsp.split_at(rtsp.find('#').unwrap_or(rtsp.len()));
        Ok(Self {
            client: http::client(Duration::from_secs(5))?,
            url: http::url(api, &["v3", "paths", "list"])?,
            rtsp: rtsp.trim_end_matches('/').to_owned(),
            pin: pin.to_owned(),
            login,
            prefix: prefix(template, app, channel),
            known: None,
            poll_at: Instant::now(),
        })
    }

    pub(super) async fn next(&mut self) -> Result<Roster, RosterError> {
        let answer_by = Instant::now() + MAX_WAIT;
        loop {
            tokio::time::sleep_until(self.poll_at).await;
            let items = self.list().await?;
            self.poll_at = Instant::now() + POLL_INTERVAL;
            let now_ms = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
            let roster = self.roster(&items, now_ms);
            let changed = self.known.as_ref() != Some(&roster);
            if changed || self.poll_at > answer_by {
                self.known = Some(roster.clone());
                return Ok(roster);
            }
        }
    }

    pub(super) fn credentials(&self) -> Option<Credentials> {
        self.login.clone()
    }

    async fn list(&self) -> Result<Vec<Item>, RosterError> {
        let mut items = Vec::new();
        let mut room = http::MAX_BODY;
        for page_number in 0..MAX_PAGES {
            let mut request = self
                .client
                .get(self.url.clone())
                .query(&[("itemsPerPage", ITEMS_PER_PAGE), ("page", page_number)]);
            if let Some(login) = &self.login {
                request = request.basic_auth(&login.username, Some(login.password.expose()));
            }
            let page: Page = http::get_json_within(request, &self.url, &mut room).await?;
            items.extend(page.items);
            if page_number + 1 >= page.page_count {
                return Ok(items);
            }
        }
        Err(RosterError::TooLarge {
            url: self.url.to_string(),
        })
    }

    /// The roster of these items, with the version of the known one when nothing changed.
    fn roster(&self, items: &[Item], now_ms: u64) -> Roster {
        let mut users: BTreeMap<&str, RosterUser> = BTreeMap::new();
        for item in items {
            let Some(since) = item.published() else { continue };
            let Some((uid, name)) = item.name.strip_prefix(&self.prefix).and_then(uid_and_stream) else {
                continue;
            };
            let url = self.stream_url(&item.name);
            let publication = since
                .and_then(unix_us)
                .or_else(|| self.known_publication(&url))
                .unwrap_or(now_ms.saturating_mul(1_000));
            let stream = RosterStream {
                name,
                url,
                publication,
                of_camera: false,
            };
            let user = users.entry(uid).or_insert_with(|| RosterUser {
                uid: uid.to_owned(),
                joined_at_ms: u64::MAX,
                streams: Vec::new(),
            });
            user.joined_at_ms = user.joined_at_ms.min(publication / 1_000);
            user.streams.push(stream);
            user.streams.sort_by_key(|stream| stream.name);
        }
        let mut users: Vec<_> = users.into_values().collect();
        users.sort_by(|a, b| (a.joined_at_ms, &a.uid).cmp(&(b.joined_at_ms, &b.uid)));
        let version = match &self.known {
            Some(known) if known.users == users => known.version,
            Some(known) => known.version.wrapping_add(1),
            None => 1,
        };
        Roster {
            version,
            users,
            speaker: None,
        }
    }

    fn stream_url(&self, name: &str) -> SecretUrl {
        let segments: Vec<String> = name
            .split('/')
            .map(|segment| StreamPath::encode_segment(segment).to_string())
            .collect();
        format!("{}/{}{}", self.rtsp, segments.join("/"), self.pin).into()
    }

    fn known_publication(&self, url: &SecretUrl) -> Option<u64> {
        let streams = self
            .known
            .iter()
            .flat_map(|roster| &roster.users)
            .flat_map(|user| &user.streams);
        streams
            .into_iter()
            .find(|stream| stream.url == *url)
            .map(|stream| stream.publication)
    }
}

/// `uid` or `uid/stream`.
fn uid_and_stream(rest: &str) -> Option<(&str, StreamName)> {
    let (uid, stream) = match rest.split_once('/') {
        None => (rest, StreamName::Camera),
        Some((uid, stream)) => (uid, StreamName::from_path(stream)?),
    };
    (!uid.is_empty()).then_some((uid, stream))
}

/// One pass, so that a name that looks like a placeholder stays what it is.
fn prefix(template: &str, app: &str, channel: &str) -> String {
    let mut prefix = String::new();
    let mut rest = template.trim_matches('/');
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        prefix.push_str(before);
        rest = if let Some(rest) = from.strip_prefix("{app}") {
            prefix.push_str(app);
            rest
        } else if let Some(rest) = from.strip_prefix("{channel}") {
            prefix.push_str(channel);
            rest
        } else {
            prefix.push('{');
            from.strip_prefix('{').unwrap_or_default()
        };
    }
    prefix.push_str(rest);
    prefix.push('/');
    prefix
}

/// Unix microseconds.
fn unix_us(rfc3339: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(rfc3339, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(template: &str, app: &str, channel: &str) -> Mediamtx {
        Mediamtx::new("http://h:9997", "rtsp://h:8554/", None, template, app, channel).unwrap()
    }

    fn item(name: &str, ready: bool, time: Option<&str>) -> Item {
        Item {
            name: name.into(),
            ready,
            ready_time: time.map(str::to_owned),
            online: None,
            online_time: None,
        }
    }

    #[test]
    fn nobody_is_there_while_a_path_shows_the_servers_own_picture() {
        let mut source = source("live", "app", "room");
        let always = |online: bool, since: Option<&str>| Item {
            online: Some(online),
            online_time: since.map(str::to_owned),
            ..item("live/a", true, Some("2024-03-01T09:00:01Z"))
        };
        let nobody = source.roster(&[always(false, None)], 5);
        assert!(nobody.users.is_empty());
        source.known = Some(nobody);
        let publication = |source: &Mediamtx, since| {
            let roster = source.roster(&[always(true, Some(since))], 5);
            roster.users[0].streams[0].publication
        };
        let first = publication(&source, "2024-03-01T09:00:09Z");
        assert_eq!(first, 1_709_283_609_000_000);
        assert!(publication(&source, "2024-03-01T09:00:19Z") > first);
    }

    #[test]
    fn the_certificate_to_take_stands_behind_each_url() {
        let rtsps = "rtsps://h:8322#sha256=00";
        let source = Mediamtx::new("http://h:9997", rtsps, None, "live", "app", "room").unwrap();
        let roster = source.roster(&[item("live/a b", true, None)], 5);
        assert_eq!(roster.users[0].streams[0].url, "rtsps://h:8322/live/a%20b#sha256=00");
    }

    #[test]
    fn ready_paths_of_the_channel_make_the_roster() {
        let source = source("{app}/{channel}", "app", "room");
        let roster = source.roster(
            &[
                item("app/room/late", true, Some("2024-03-01T10:00:05.5+01:00")),
                item("app/room/early", true, Some("2024-03-01T09:00:01.123456789Z")),
                item("app/room/late/screen", true, Some("2024-03-01T09:00:09Z")),
                item("app/room/gone", false, None),
                item("app/room/late/unknown", true, None),
                item("app/room/a/low/b", true, None),
                item("app/room/", true, None),
                item("app/rooms/x", true, None),
                item("app/room", true, None),
            ],
            7_000,
        );
        let users: Vec<_> = roster
            .users
            .iter()
            .map(|user| (user.uid.as_str(), user.joined_at_ms))
            .collect();
        assert_eq!(users, [("early", 1_709_283_601_123), ("late", 1_709_283_605_500)]);
        let late = &roster.users[1].streams;
        assert_eq!((late[0].name, late[1].name), (StreamName::Camera, StreamName::Screen));
        assert_eq!(late[1].url, "rtsp://h:8554/app/room/late/screen");
    }

    #[test]
    fn a_new_publication_is_a_change_and_a_server_without_times_keeps_its_users() {
        let mut source = source("live", "app", "room");
        let first = source.roster(
            &[
                item("live/a", true, Some("2024-03-01T09:00:01Z")),
                item("live/b", true, None),
            ],
            5,
        );
        source.known = Some(first.clone());
        let same = source.roster(
            &[
                item("live/a", true, Some("2024-03-01T09:00:01Z")),
                item("live/b", true, None),
            ],
            9,
        );
        assert_eq!(same, first);
        let again = source.roster(
            &[
                item("live/a", true, Some("2024-03-01T09:00:02Z")),
                item("live/b", true, None),
            ],
            9,
        );
        assert_eq!(again.version, first.version + 1);
    }

    #[test]
    fn names_are_put_into_the_template_as_they_are() {
        assert_eq!(
            prefix("/x/{app}-{channel}/{y}/", "{channel}", "room"),
            "x/{channel}-room/{y}/"
        );
        assert_eq!(prefix("{", "a", "b"), "{/");
    }
}
