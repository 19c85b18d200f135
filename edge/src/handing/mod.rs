//! Playlists that are handed out by links which expire. A playlist names its slices by their names, which a private bucket gives to
//! nobody: so the edge hands out the playlist itself, with a link in the place of each name. A link to a playlist leads here, and
//! says by a signature of the store's own key that it was made here and until when it is good.
//!
//! It may not know what fetches the playlist, or whose recording it is.

mod playlist;

use percent_encoding::percent_decode_str;
use protocol::Storage;
use serde_json::json;

use crate::access::{App, HouseStorage, is_id, same_secret};
use crate::http::{Request, Response};
use crate::store::link;

const FOLDER: &str = "/files/v1/";
const EXTENSION: &str = ".m3u8";

/// Whether an object is a playlist.
pub(crate) fn is_playlist(key: &str) -> bool {
    key.ends_with(EXTENSION)
}

/// A link to a playlist of an app's own store. `public_url`: where this server is reached.
pub(crate) fn link(public_url: &str, app_id: &str, storage: &Storage, key: &str, until_s: u64) -> String {
    let store = HouseStorage::id(storage);
    let mac = mac(storage, app_id, until_s, key);
    let key = link::encode_path(key);
    format!("{public_url}{FOLDER}{app_id}/{store}/{until_s}/{mac}/{key}")
}

/// A request for a playlist, as its link has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    pub app_id: String,
    store: String,
    until_s: u64,
    mac: String,
    key: String,
}

impl Handed {
    /// `None` for a request of another path or method.
    pub fn route(request: &Request) -> Option<Self> {
        let rest = request.path.strip_prefix(FOLDER)?;
        let mut parts = rest.splitn(5, '/');
        let mut next = || parts.next();
        let (app_id, store, until_s, mac, key) = (next()?, next()?, next()?, next()?, next()?);
        let key = percent_decode_str(key).decode_utf8().ok()?;
        let is_good = matches!(request.method.as_str(), "GET" | "HEAD") && is_id(app_id) && is_playlist(&key);
        is_good.then_some(Self {
            app_id: app_id.to_owned(),
            store: store.to_owned(),
            until_s: until_s.parse().ok()?,
            mac: mac.to_owned(),
            key: key.into_owned(),
        })
    }

    /// The address at which the playlist is read.
    ///
    /// # Errors
    /// The answer to who has no good link.
    pub fn source(&self, app: Option<&App>, now_ms: u64) -> Result<String, Response> {
        let storage = self.open(app, now_ms)?;
        Ok(link::reading(storage, &self.key, now_ms))
    }

    /// The answer: the playlist that was read at [`Self::source`] with links in it. They are good for as long as the one to the
    /// playlist. `public_url`: where this server is reached.
    pub fn answer(&self, app: Option<&App>, status: u16, text: &str, public_url: &str, now_ms: u64) -> Response {
        let storage = match self.open(app, now_ms) {
            Ok(storage) => storage,
            Err(response) => return response,
        };
        match status {
            200 => {}
            404 => return refusal(404, "there is no such file any more"),
            _ => return refusal(502, "the store does not give the file"),
        }
        let left_s = self.until_s.saturating_sub(now_ms / 1_000);
        let folder = self.key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let linked = playlist::with_links(text, |name| {
            let key = match folder {
                "" => name.to_owned(),
                folder => format!("{folder}/{name}"),
            };
            match is_playlist(&key) {
                true => link(public_url, &self.app_id, storage, &key, self.until_s),
                false => link::part(storage, &key, left_s, now_ms),
            }
        });
        Response::text(200, "application/vnd.apple.mpegurl", linked)
            .with_header("Cache-Control", "no-store")
            .with_header("Access-Control-Allow-Origin", "*")
    }

    fn open<'a>(&self, app: Option<&'a App>, now_ms: u64) -> Result<&'a Storage, Response> {
        let own = app.and_then(|app| app.house_storage.as_ref());
        let storage = own.and_then(|own| own.find(&self.store));
        let is_good = |storage: &&Storage| {
            let mac = mac(storage, &self.app_id, self.until_s, &self.key);
            same_secret(&mac, &self.mac)
        };
        let storage = storage.filter(is_good);
        let storage = storage.ok_or_else(|| refusal(403, "this is not a link of this server"))?;
        match now_ms / 1_000 < self.until_s {
            true => Ok(storage),
            false => Err(refusal(403, "the link has expired")),
        }
    }
}

fn refusal(status: u16, message: &str) -> Response {
    Response::json(status, &json!({ "message": message })).with_header("Access-Control-Allow-Origin", "*")
}

fn mac(storage: &Storage, app_id: &str, until_s: u64, key: &str) -> String {
    let text = format!("tapedeck playlist\n{app_id}\n{until_s}\n{key}");
    link::signature(&storage.secret_key, &text)
}

#[cfg(test)]
mod tests;
