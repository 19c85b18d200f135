//! `serve`: a node from its start to its last upload. Its parts are begun in the order in which they need one another, and ended in
//! the order in which others need them.

mod address;
mod args;
mod conversation;
mod credentials;
mod servers;
mod spool;
mod works;

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub(super) use args::ServeArgs;

use super::stop_signal::stop_signal;
use crate::agent::{Edge, Services};
use crate::api::{self, Callers, Health};
use crate::channel::{Limits, Registry};
use crate::clock::unix_ms;
use conversation::{Conversation, identity};
use credentials::Credentials;
use servers::Servers;
use works::Works;

/// Serves until SIGTERM or SIGINT, then ends captures in order and waits for their uploads.
pub(super) async fn run(args: ServeArgs, log: &str) -> Result<(), String> {
    args.check()?;
    let _lock = spool::lock(&args.spool)?;
    let own = Credentials::new(&args)?;
    let registry = Registry::new(Limits::default(), unix_ms());
    let edge_url = args.edge_url.as_deref();
    let edge = edge_url.map(|url| Edge::new(url, own.token.clone().unwrap_or_default()));
    let edge = edge.transpose()?;
    let gate = own.gate(&args, edge.as_ref())?;

    let servers = Servers::listen(&args, &own.node_id, registry.clone(), gate).await?;
    let api_at = |error| format!("cannot listen for the control API at {}: {error}", args.listen);
    let listener = TcpListener::bind(args.listen).await.map_err(api_at)?;
    let (api_address, rtsp_address) = (listener.local_addr().map_err(api_at)?, servers.rtsp_address());
    let (rtmp_addresses, rtc_address) = (servers.rtmp_addresses(), servers.rtc_address());
    let (figures, rtc) = (servers.figures(), servers.rtc());

    let works = Works::begin(&args, log, &own, api_address, rtsp_address)?;
    let Works {
        supervisor,
        joiner,
        player,
    } = works;
    let serving = servers.serve();
    let conversation = match edge.zip(edge_url) {
        None => None,
        Some((edge, url)) => {
            let identity = identity(&args, &own, url, api_address, rtsp_address)?;
            let services = Services {
                rtc: rtc.clone(),
                joiner,
                player,
            };
            let (supervisor, channels) = (supervisor.clone(), registry.clone());
            Some(Conversation::begin(edge, identity, supervisor, channels, services))
        }
    };
    let edge_heard = conversation.as_ref().map(|conversation| conversation.heard.clone());
    let (draining, is_draining) = watch::channel(false);
    let health = Health {
        node_id: own.node_id.clone(),
        spool: args.spool,
        rtsp_listening: serving.rtsp_listening.clone(),
        rtmp_listening: serving.rtmp_listening.clone(),
        edge_heard: edge_heard.clone(),
        draining: is_draining,
    };
    let callers = Callers::new(own.token, own.roster_key);
    let router = api::router(supervisor.clone(), health, registry.clone(), figures, rtc, callers);
    let api_task = tokio::spawn(async move {
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, router).await
    });
    let (node_id, rtc_at) = (own.node_id, rtc_address.map(tracing::field::display));
    tracing::info!(node_id, api = %api_address, rtsp = %rtsp_address, rtmp = ?rtmp_addresses, rtc = rtc_at, "node up");

    stop_signal().await?;
    draining.send_replace(true);
    tracing::info!(
        drain_s = args.drain.as_secs(),
        "shutting down: other nodes take over, or capture stops; uploads continue"
    );
    supervisor.shut_down(args.drain, edge_heard).await;
    api_task.abort();
    serving.end().await?;
    if let Some(conversation) = conversation {
        conversation.farewell(&registry).await;
    }
    tracing::info!("ended");
    Ok(())
}
