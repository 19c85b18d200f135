//! Publishing and playing by WebRTC. Sessions are begun by HTTP (WHIP and WHEP), and have their media by datagrams, or by TCP where
//! a network lets none through, or by the edge for rooms; a browser's packets go to [`crate::hub`] like those of any other publisher, and come from there. It
//! knows neither recordings nor how the edge is reached, and does not decode.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod address;
mod burst;
mod door;
mod end;
mod figures;
mod fragment;
mod http;
mod offer;
mod opening;
mod outlet;
mod parameter_sets;
mod play;
mod ports;
mod problem;
mod publish;
mod purpose;
mod room;
mod rooms;
mod route;
mod session;
mod stun;
mod tcp;
#[cfg(test)]
mod tests;
mod threads;
mod upright;
mod watch;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use protocol::{LiveSession, RoomAsk, RoomNews, RoomReply, RtcCall, RtcReply};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::rtsp::Streams;
use crate::transcode::Transcoding;
use door::Door;
use figures::Counters;
pub use figures::Figures;
pub use http::routes;
use ports::Sockets;
use rooms::Rooms;
#[cfg(test)]
pub use watch::Quality;

/// How a node serves WebRTC.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Each worker after the first has the next port.
    pub listen: SocketAddr,
    /// Where clients reach this machine, if that is another address than its own: behind a NAT.
    pub advertised: Vec<IpAddr>,
    /// Threads.
    pub workers: u16,
    /// Servers that tell clients their own addresses: `stun:host:port`.
    pub stun: Vec<String>,
    /// By which the edge finds a session again.
    pub node_id: String,
    /// Pictures with B-frames that are encoded anew for browsers, at once.
    pub transcoded_pictures: usize,
}

/// A server that listens and serves until it is told to end.
pub struct RtcServer {
    rtc: Rtc,
    local: SocketAddr,
    threads: Vec<std::thread::JoinHandle<()>>,
    ending: CancellationToken,
}

/// Who answers calls. Clones share one server.
#[derive(Clone)]
pub struct Rtc {
    door: Arc<Door>,
    rooms: Arc<Rooms>,
}

impl RtcServer {
    /// Listens and serves; what is published goes to `hub`, and what is played comes from `streams`.
    ///
    /// # Errors
    /// When an address cannot be listened on, or the system gives no thread.
    pub fn start(settings: Settings, hub: Arc<Hub>, streams: Streams) -> io::Result<Self> {
        str0m::crypto::from_feature_flags().install_process_default();
        let (counters, ending) = (Arc::new(Counters::default()), CancellationToken::new());
        let (mut workers, mut threads, mut first) = (Vec::new(), Vec::new(), None);
        for number in 0..settings.workers.max(1) {
            let mut listen = settings.listen;
            if listen.port() != 0 {
                listen.set_port(listen.port().saturating_add(number));
            }
            let sockets = Sockets::bind(listen)?;
            let local = *first.get_or_insert(sockets.local);
            let port = sockets.local.port();
            let candidates = address::candidates(local.ip(), &settings.advertised, port);
            let (worker, thread) = sockets.begin(candidates, counters.clone(), ending.clone())?;
            workers.push(worker);
            threads.push(thread);
        }
        let links = settings
            .stun
            .iter()
            .map(|url| format!("<{url}>; rel=\"ice-server\""))
            .collect();
        let door = Arc::new(Door {
            hub,
            streams,
            node_id: settings.node_id,
            links,
            workers,
            next: 0.into(),
            sessions: std::sync::Mutex::default(),
            counters,
            transcoding: Transcoding::new(settings.transcoded_pictures),
        });
        let rooms = Arc::new(Rooms::new(door.clone()));
        Ok(Self {
            rtc: Rtc { door, rooms },
            local: first.unwrap_or(settings.listen),
            threads,
            ending,
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub fn rtc(&self) -> Rtc {
        self.rtc.clone()
    }

    /// Serves until `shutdown` is done, then ends all sessions.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.ending.cancel();
        let threads = std::mem::take(&mut self.threads);
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // It has said why, if it has failed.
                let _ = thread.join();
            }
        });
        let _ = ended.await;
    }
}

impl Drop for RtcServer {
    /// Waits for the threads: their sessions have timers of the runtime that they were begun in, which must not end first.
    fn drop(&mut self) {
        self.ending.cancel();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Rtc {
    /// Answers a call, whether it came to this node or over the edge.
    pub async fn answer(&self, call: &RtcCall) -> RtcReply {
        self.door.answer(call).await
    }

    /// Answers the edge about the connections of a room.
    pub async fn room(&self, ask: &RoomAsk) -> RoomReply {
        self.rooms.answer(ask).await
    }

    /// What has happened in rooms, when something has. Dropping the future loses nothing.
    pub async fn room_news(&self) -> Vec<RoomNews> {
        self.rooms.news().next().await
    }

    /// Takes back what the edge has not heard.
    pub fn room_untold(&self, news: RoomNews) {
        self.rooms.news().untold(news);
    }

    pub fn figures(&self) -> Figures {
        Figures {
            transcoded_sounds: self.door.transcoding.sounds() as u64,
            transcoded_pictures: self.door.transcoding.pictures() as u64,
            ..self.door.counters.read()
        }
    }

    /// What each of its threads has done since the last call, from 0 to 1, in an order that stays.
    pub fn thread_loads(&self) -> Vec<f64> {
        self.door.counters.threads.loads()
    }

    /// The sessions of an app, or of this channel of it, with their channels.
    pub fn sessions(&self, app: &str, channel: Option<&str>) -> Vec<(String, LiveSession)> {
        self.door.counters.board.sessions(app, channel)
    }
}
