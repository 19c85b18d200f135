use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use percent_encoding::percent_decode_str;
use protocol::{Roster, RosterStream, RosterUser, Secret, SecretUrl, StreamName};
use reqwest::Url;

use super::{Credentials, MAX_WAIT, RosterError};

/// How cameras are reached: plainly, by TLS, and in HTTP or HTTPS.
const SCHEMES: [&str; 4] = ["rtsp", "rtsps", "rtsp+http", "rtsps+http"];

/// A fixed list of streams, each the camera of its user, all there from the beginning and for ever.
pub(super) struct Fixed {
    roster: Roster,
    credentials: BTreeMap<String, Credentials>,
    told: bool,
}

impl Fixed {
    pub(super) fn new(streams: &BTreeMap<String, SecretUrl>) -> Result<Self, RosterError> {
        let joined_at_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let mut users = Vec::new();
        let mut credentials = BTreeMap::new();
        for (uid, address) in streams {
            let (url, login) = split(address).map_err(|reason| RosterError::BadAddress {
                url: format!("{address} of user {uid}"),
                reason,
            })?;
            credentials.extend(login.map(|login| (uid.clone(), login)));
            let stream = RosterStream {
                name: StreamName::Camera,
                url,
                publication: 1,
                of_camera: false,
            };
            users.push(RosterUser {
                uid: uid.clone(),
                joined_at_ms,
                streams: vec![stream],
            });
        }
        Ok(Self {
            roster: Roster {
                version: 1,
                users,
                speaker: None,
            },
            credentials,
            told: false,
        })
    }

    pub(super) async fn next(&mut self) -> Roster {
        if self.told {
            tokio::time::sleep(MAX_WAIT).await;
        }
        self.told = true;
        self.roster.clone()
    }

    pub(super) fn credentials(&self, uid: &str) -> Option<Credentials> {
        self.credentials.get(uid).cloned()
    }
}

/// The URL without its user name and password, and these.
fn split(address: &SecretUrl) -> Result<(SecretUrl, Option<Credentials>), String> {
    let mut url = Url::parse(address.expose()).map_err(|error| error.to_string())?;
    if !SCHEMES.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err(
            "it does not have the form rtsp://host/path, or with rtsps, rtsp+http or rtsps+http before ://".to_owned(),
        );
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (username, password) = (decode(url.username()), url.password().map(decode));
    let credentials = (!username.is_empty() || password.is_some()).then(|| Credentials {
        username,
        password: Secret::new(password.unwrap_or_default()),
    });
    let cannot = |()| "its user name cannot be taken out".to_owned();
    url.set_username("").map_err(cannot)?;
    url.set_password(None).map_err(cannot)?;
    Ok((String::from(url).into(), credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_list_never_changes_and_names_no_password() {
        let streams = BTreeMap::from([
            (
                "gate".to_owned(),
                SecretUrl::new("rtsp://admin:p%40ss@cam1/stream1?channel=2"),
            ),
            ("hall".to_owned(), SecretUrl::new("rtsp://cam2:8554/")),
        ]);
        let mut source = Fixed::new(&streams).unwrap();
        let started = tokio::time::Instant::now();
        let first = source.next().await;
        assert_eq!(started.elapsed().as_secs(), 0);
        assert_eq!(source.next().await, first);
        assert_eq!(started.elapsed(), MAX_WAIT);
        let urls: Vec<_> = first.users.iter().map(|user| user.streams[0].url.expose()).collect();
        assert_eq!(urls, ["rtsp://cam1/stream1?channel=2", "rtsp://cam2:8554/"]);
        let login = source.credentials("gate").unwrap();
        assert_eq!((login.username.as_str(), login.password.expose()), ("admin", "p@ss"));
        assert_eq!(source.credentials("hall"), None);
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        for address in [
            "http://admin:hunter2@cam/",
            "rtsp:admin:hunter2@",
            "rtsp://admin:hunter2@:99999999/",
        ] {
            let streams = BTreeMap::from([("gate".to_owned(), SecretUrl::new(address))]);
            let error = Fixed::new(&streams).err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
