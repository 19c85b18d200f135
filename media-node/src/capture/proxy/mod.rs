//! Between the RTSP client library and a source that others built: cameras and their like are reached in the ways that the
//! library lacks (TLS, RTSP in HTTP, UDP where nothing else is offered), and what they send is put right, so that a strict client never decides what is
//! recorded. It listens on this machine's own address, for one connection that shows a key. The library speaks to it by
//! TCP, and it to the source, whatever way the bytes take.

mod address;
mod datagrams;
mod dial;
mod exchange;
mod feedback;
mod link;
mod login;
mod resync;
#[cfg(test)]
mod tests;
mod track;
mod trust;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;
use url::Url;

pub(super) use address::Address;
use exchange::Exchange;
pub(super) use login::Login;

/// How long the client library may take to connect.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A source that is connected to, as the client library sees it.
pub(super) struct Proxy {
    /// `rtsp://127.0.0.1:…` with the source's path and query.
    pub(super) url: Url,
    /// Must be the client's `User-Agent`: nobody else on this machine shall get the stream.
    pub(super) key: String,
    ended: Arc<OnceLock<String>>,
    keyframe_wanted: Arc<Notify>,
}

/// By which a source is asked for a keyframe, where it listens.
pub(super) struct Asking(Arc<Notify>);

impl Asking {
    pub(super) fn ask(&self) {
        self.0.notify_one();
    }
}

impl Proxy {
    /// Connects to a source and serves one client in a task of its own, until either of them closes its connection.
    ///
    /// # Errors
    /// A reason for a person, without credentials.
    pub(super) async fn open(address: Address, login: Option<Login>) -> Result<Self, String> {
        let mut login = login;
        let source = dial::dial(&address, login.as_mut()).await?;
        let cannot = |error: std::io::Error| format!("this machine gives no address to pass the stream on ({error})");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot)?;
        let port = listener.local_addr().map_err(cannot)?.port();
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| format!("the system gives no random numbers ({error})"))?;
        let key = URL_SAFE_NO_PAD.encode(random);
        let url = address.seen_at(port)?;
        let exchange = Exchange::new(&address, port, key.clone(), login);
        let ended = Arc::new(OnceLock::new());
        let told = ended.clone();
        let keyframe_wanted = Arc::new(Notify::new());
        let wanted = keyframe_wanted.clone();
        tokio::spawn(async move {
            let Ok(Ok((client, _))) = timeout(CLIENT_TIMEOUT, listener.accept()).await else {
                return;
            };
            drop(listener);
            if let Err(reason) = link::run(client, source, exchange, &wanted).await {
                // Only the first reason counts, and there is no other.
                let _ = told.set(reason);
            }
        });
        Ok(Self {
            url,
            key,
            ended,
            keyframe_wanted,
        })
    }

    pub(super) fn asking(&self) -> Asking {
        Asking(self.keyframe_wanted.clone())
    }

    /// Why the source's stream broke off; `None` when it ended in order.
    pub(super) fn fault(&self) -> Option<String> {
        self.ended.get().cloned()
    }
}
