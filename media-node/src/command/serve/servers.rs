//! The servers that media comes by and goes by: RTSP always, RTMP and WebRTC where the operator says so.

use std::net::SocketAddr;
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::args::ServeArgs;
use crate::access::Gate;
use crate::channel::Registry;
use crate::hub;
use crate::rtc::{self, Rtc, RtcServer};
use crate::rtmp::RtmpServer;
use crate::rtsp::{Figures, RtspServer};

/// They listen, and have not begun to answer.
pub(super) struct Servers {
    rtsp: RtspServer,
    rtmp: Vec<RtmpServer>,
    rtc: Option<RtcServer>,
}

/// They answer.
pub(super) struct Serving {
    /// Whether RTSP still listens, and RTMP at each of its addresses.
    pub(super) rtsp_listening: watch::Receiver<bool>,
    pub(super) rtmp_listening: Vec<watch::Receiver<bool>>,
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Servers {
    /// # Errors
    /// When one of the addresses cannot be listened on, or a certificate cannot be used.
    pub(super) async fn listen(
        args: &ServeArgs,
        node_id: &str,
        registry: Registry,
        gate: Arc<Gate>,
    ) -> Result<Self, String> {
        let limits = hub::Limits::default().within_open_files(open_files());
        let rtsp = RtspServer::bind(args.rtsp_listen, registry, gate, args.rtsp_url.clone(), limits).await;
        let rtsp = rtsp.map_err(|error| format!("cannot listen for RTSP at {}: {error}", args.rtsp_listen))?;
        let rtmp = listen_for_rtmp(args, &rtsp).await?;
        let rtc = args.rtc_listen.map(|listen| {
            let settings = rtc::Settings {
                listen,
                advertised: args.rtc_address.clone(),
                workers: args.rtc_workers,
                stun: args.rtc_stun.clone(),
                transcoded_pictures: args.rtc_transcode,
                node_id: node_id.to_owned(),
            };
            RtcServer::start(settings, rtsp.hub(), rtsp.streams())
                .map_err(|error| format!("cannot listen for WebRTC at {listen}: {error}"))
        });
        let rtc = rtc.transpose()?;
        Ok(Self { rtsp, rtmp, rtc })
    }

    pub(super) fn rtsp_address(&self) -> SocketAddr {
        self.rtsp.local_addr()
    }

    pub(super) fn rtmp_addresses(&self) -> Vec<SocketAddr> {
        self.rtmp.iter().map(RtmpServer::local_addr).collect()
    }

    pub(super) fn rtc_address(&self) -> Option<SocketAddr> {
        self.rtc.as_ref().map(RtcServer::local_addr)
    }

    pub(super) fn figures(&self) -> Figures {
        self.rtsp.figures()
    }

    pub(super) fn rtc(&self) -> Option<Rtc> {
        self.rtc.as_ref().map(RtcServer::rtc)
    }

    pub(super) fn serve(self) -> Serving {
        let stop = CancellationToken::new();
        let stopped = || stop.clone().cancelled_owned();
        let (rtsp, rtsp_listening) = serving(self.rtsp.run(stopped()));
        let rtmp = self.rtmp.into_iter().map(|rtmp| serving(rtmp.run(stopped())));
        let (rtmp, rtmp_listening): (Vec<_>, Vec<_>) = rtmp.unzip();
        let rtc = self.rtc.map(|rtc| serving(rtc.run(stopped())).0);
        Serving {
            rtsp_listening,
            rtmp_listening,
            tasks: std::iter::once(rtsp).chain(rtmp).chain(rtc).collect(),
            stop,
        }
    }
}

impl Serving {
    /// Ends all sessions.
    ///
    /// # Errors
    /// When a server has failed before.
    pub(super) async fn end(self) -> Result<(), String> {
        self.stop.cancel();
        for task in self.tasks {
            task.await
                .map_err(|error| format!("the channel server has failed: {error}"))?;
        }
        Ok(())
    }
}

/// In the clear and in TLS, as far as the operator wants either.
async fn listen_for_rtmp(args: &ServeArgs, rtsp: &RtspServer) -> Result<Vec<RtmpServer>, String> {
    let plain = args.rtmp_listen.map(|address| (address, None));
    let in_tls = args.rtmps.certificate()?;
    let in_tls = in_tls.map(|(address, certificate)| (address, Some(Arc::new(certificate))));
    let mut servers = Vec::new();
    for (address, certificate) in plain.into_iter().chain(in_tls) {
        let server = RtmpServer::bind(address, rtsp.hub(), certificate).await;
        servers.push(server.map_err(|error| format!("cannot listen for RTMP at {address}: {error}"))?);
    }
    Ok(servers)
}

/// Runs a server to its end, and tells whether it still listens.
fn serving(server: impl Future<Output = ()> + Send + 'static) -> (JoinHandle<()>, watch::Receiver<bool>) {
    let (listening, state) = watch::channel(true);
    let task = tokio::spawn(async move {
        server.await;
        listening.send_replace(false);
    });
    (task, state)
}

/// How many files this process may hold open, after raising that as far as it goes.
fn open_files() -> u64 {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is not known; 1024 are taken for granted");
            return 1_024;
        }
    };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            tracing::warn!(%error, soft, hard, "the limit of open files cannot be raised");
            soft
        }
    }
}
