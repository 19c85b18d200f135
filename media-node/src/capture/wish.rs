//! The way back from who records a stream: a keyframe is wanted. To a source that others built it goes through the proxy. The client
//! library sends no packets itself, so a channel server is asked by a request on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use protocol::Secret;
use rtsp_types::headers::{AUTHORIZATION, CONTENT_TYPE, CSEQ};
use rtsp_types::{Method, Request, Version};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::codec::FramedRead;
use url::Url;

use super::keyframes::Keyframes;
use super::proxy::Asking;
use crate::rtsp::wire::{Incoming, Wire, request_bytes};
use crate::rtsp::{KEYFRAME_WANTED, PARAMETERS};
use crate::stream::StreamEvent;

/// For a channel server to be connected to and to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
const DEFAULT_PORT: u16 = 554;

/// By which those who get a user's units say that they cannot go on without a keyframe. All clones are one.
#[derive(Clone, Debug, Default)]
pub struct KeyframeWish(Arc<AtomicU64>);

impl KeyframeWish {
    pub fn ask(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was said.
    pub fn times(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a session's source is asked.
pub(super) enum Way {
    Proxy(Asking),
    /// Who shows what there.
    Server(Url, Option<(String, Secret)>),
    /// None that is known.
    None,
}

/// Asks the source of one session.
pub(super) struct Asker {
    way: Way,
    keyframes: Keyframes,
    wish: KeyframeWish,
    /// How often it was wished for, as far as that was heard.
    heard: u64,
    under_way: Option<JoinHandle<()>>,
}

impl Asker {
    pub(super) fn new(way: Way, wish: KeyframeWish, now_us: i64) -> Self {
        Self {
            way,
            keyframes: Keyframes::new(now_us),
            heard: wish.times(),
            wish,
            under_way: None,
        }
    }

    pub(super) fn note(&mut self, events: &[StreamEvent], now_us: i64) {
        events.iter().for_each(|event| self.keyframes.note(event, now_us));
    }

    /// A packet of the picture has come.
    pub(super) fn packet(&mut self, now_us: i64) {
        let times = self.wish.times();
        if std::mem::replace(&mut self.heard, times) != times {
            self.keyframes.want(now_us);
        }
        // One that is under way is not asked beside it.
        let is_asking = self.under_way.as_ref().is_some_and(|asking| !asking.is_finished());
        if is_asking || !self.keyframes.is_due(now_us) {
            return;
        }
        match &self.way {
            Way::Proxy(asking) => asking.ask(),
            Way::Server(url, login) => {
                let request = request(url, login.as_ref());
                let address = (host(url), url.port().unwrap_or(DEFAULT_PORT));
                self.under_way = Some(tokio::spawn(async move {
                    let asked = timeout(ANSWER_TIMEOUT, ask(address, request)).await;
                    if !matches!(asked, Ok(Ok(true))) {
                        tracing::debug!("the source was not asked for a keyframe: {asked:?}");
                    }
                }));
            }
            Way::None => {}
        }
    }
}

/// Without the brackets that an IPv6 address stands in.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn request(url: &Url, login: Option<&(String, Secret)>) -> Vec<u8> {
    let mut builder = Request::builder(Method::SetParameter, Version::V1_0)
        .request_uri(url.clone())
        .header(CSEQ, "1")
        .header(CONTENT_TYPE, PARAMETERS);
    if let Some((username, password)) = login {
        let shown = STANDARD.encode(format!("{username}:{}", password.expose()));
        builder = builder.header(AUTHORIZATION, format!("Basic {shown}"));
    }
    request_bytes(&builder.build(KEYFRAME_WANTED.as_bytes().to_vec()))
}

/// Whether it was heard.
async fn ask(address: (String, u16), request: Vec<u8>) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&request).await?;
    let mut answers = FramedRead::new(stream, Wire::default());
    let answer = answers.next().await;
    Ok(matches!(answer, Some(Ok(Incoming::Response(response))) if response.status().is_success()))
}
