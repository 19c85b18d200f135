//! What a publisher names, and what it shows: the app and the stream key of RTMP, with their queries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use protocol::Secret;

use super::session::Wish;
use crate::access::{Shown, without_slash};
use crate::channel::{PathError, StreamPath};

/// The stream that a publisher names, and what it shows to be let in.
pub(super) struct Target {
    pub(super) path: StreamPath,
    pub(super) shown: Shown,
}

impl Target {
    /// Clients part a URL into app and stream key in ways of their own, so the two are read as one path. Of a query that stands
    /// behind both, the key's counts.
    pub(super) fn parse(wish: &Wish) -> Result<Self, PathError> {
        let (app, app_query) = parts(&wish.app);
        let (key, key_query) = parts(&wish.key);
        let path = StreamPath::parse(&format!("/{}/{}", app.trim_matches('/'), key.trim_start_matches('/')))?;
        let value = |name: &str| value(key_query, name).or_else(|| value(app_query, name));
        let secret = |name: &str| value(name).map(Secret::new);
        let login = value("user").zip(value("pass")).map(|(user, password)| {
            let login = STANDARD.encode(format!("{user}:{password}"));
            format!("Basic {login}")
        });
        let shown = Shown::new(secret("key"), secret("token"), login.as_deref()).by(value("uid"));
        Ok(Self { path, shown })
    }
}

fn parts(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

/// A plus sign stands for itself: keys and tokens are often base64.
fn value(query: &str, name: &str) -> Option<String> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    // Behind an app's query some clients leave the slash before the key.
    Some(
        percent_decode_str(without_slash(value))
            .decode_utf8_lossy()
            .into_owned(),
    )
}
