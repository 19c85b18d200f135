use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use protocol::{NodeToken, Secret};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::args::{RecordingArgs, RtmpsArgs, duration, size};
use super::stop_signal::stop_signal;
use crate::access::{Gate, Keys, Passes};
use crate::agent::{self, Edge, Entries, Identity, Services};
use crate::api::{self, Callers, Health};
use crate::channel::{Limits, Registry};
use crate::clock::unix_ms;
use crate::hub;
use crate::joiner::{self, Joiner};
use crate::playback::{self, Player};
use crate::random::random_id;
use crate::rtc::{self, RtcServer};
use crate::rtmp::RtmpServer;
use crate::rtsp::RtspServer;
use crate::supervisor::{Config, Memory, Node, SpaceLimits, Supervisor};

/// How long a node that ends waits for the edge to hear that nobody publishes to it any more.
const FAREWELL: Duration = Duration::from_secs(2);
/// In the spool's directory; it is no recording's name.
const JOINING_DIR: &str = ".joining";
/// As that.
const PLAYBACK_DIR: &str = ".playback";

#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Address that the control API listens on.
    #[arg(long, env = "TAPEDECK_NODE_LISTEN", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,
    /// Address that the channel server listens on for RTSP.
    #[arg(long, env = "TAPEDECK_RTSP_LISTEN", default_value = "127.0.0.1:8554")]
    rtsp_listen: SocketAddr,
    /// Address that the channel server listens on for RTMP. Without it, nothing is published by RTMP.
    #[arg(long, env = "TAPEDECK_RTMP_LISTEN")]
    rtmp_listen: Option<SocketAddr>,
    #[command(flatten)]
    rtmps: RtmpsArgs,
    /// Address that the channel server listens on for WebRTC, by UDP and TCP. Without it, nothing is published or played by
    /// WebRTC.
    #[arg(long, env = "TAPEDECK_RTC_LISTEN")]
    rtc_listen: Option<SocketAddr>,
    /// IP addresses at which clients reach this node for WebRTC, where these are not its own: behind a NAT [default: the address
    /// that is listened on, or all that this machine has]
    #[arg(long, env = "TAPEDECK_RTC_ADDRESS", value_name = "IP", value_delimiter = ',')]
    rtc_address: Vec<IpAddr>,
    /// Threads that serve WebRTC. Each after the first listens on the next port.
    #[arg(long, env = "TAPEDECK_RTC_WORKERS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    rtc_workers: u16,
    /// Servers that tell clients of WebRTC their own addresses: `stun:host:port`.
    #[arg(long, env = "TAPEDECK_RTC_STUN", value_name = "URL", value_delimiter = ',')]
    rtc_stun: Vec<String>,
    /// Pictures with B-frames that are encoded anew for browsers, at once; without it they are refused
    #[arg(long, env = "TAPEDECK_RTC_TRANSCODE", value_name = "PICTURES", default_value_t = 0)]
    rtc_transcode: usize,
    /// Directory for recordings on their way to the store; created if it does not exist.
    #[arg(long, env = "TAPEDECK_SPOOL")]
    spool: PathBuf,
    /// Base URL of the edge. Without it the node accepts jobs only from the control API.
    #[arg(long, env = "TAPEDECK_EDGE_URL", requires = "node_token")]
    edge_url: Option<String>,
    /// The token that this node authenticates to the edge with: its own, or the one that all nodes share. Required with an
    /// edge, and if the control API listens for other machines.
    #[arg(long, env = "TAPEDECK_NODE_TOKEN", hide_env_values = true)]
    node_token: Option<String>,
    /// With tokens of single nodes: what nodes authenticate to one another with, to read rosters. The same on all of them.
    #[arg(long, env = "TAPEDECK_ROSTER_KEY", hide_env_values = true)]
    roster_key: Option<String>,
    /// URL by which the edge can reach the control API. Only an edge of an older version, to which the node cannot open a line,
    /// needs it [default then: http://<listen>]
    #[arg(long, env = "TAPEDECK_NODE_URL")]
    node_url: Option<String>,
    /// URL by which recorders reach the channel server [default: rtsp://<rtsp-listen>]
    #[arg(long, env = "TAPEDECK_RTSP_URL")]
    rtsp_url: Option<String>,
    /// URL by which other nodes reach the channel server, to play and record what is published here [default: the URL of
    /// --rtsp-url, else rtsp://<rtsp-listen>, with the address that this machine reaches the edge from where it listens on all]
    #[arg(long, env = "TAPEDECK_RTSP_ADVERTISE")]
    rtsp_advertise: Option<String>,
    /// Name of this node [default: the one in its own token, else generated once and kept in the spool directory]
    #[arg(long, env = "TAPEDECK_NODE_ID")]
    node_id: Option<String>,
    /// Region of this node, for placement.
    #[arg(long, env = "TAPEDECK_REGION", default_value = "default")]
    region: String,
    /// Most recordings at a time.
    #[arg(long, env = "TAPEDECK_CAPACITY", default_value_t = 50)]
    capacity: u32,
    /// Key that lets its bearer publish to every channel. Without an edge, publishers must present it if it is set.
    #[arg(long, env = "TAPEDECK_PUBLISH_KEY", hide_env_values = true)]
    publish_key: Option<String>,
    /// Key that lets its bearer play from every channel. Without an edge, players must present it if it is set.
    #[arg(long, env = "TAPEDECK_PLAY_KEY", hide_env_values = true)]
    play_key: Option<String>,
    /// Serve channels that ask for neither token nor key to other machines, too.
    #[arg(long, env = "TAPEDECK_OPEN_CHANNELS", value_parser = BoolishValueParser::new())]
    open_channels: bool,
    /// How long uploads may continue after SIGTERM or SIGINT: `30s`, `2m`. What is not uploaded by then stays in the spool.
    #[arg(long, env = "TAPEDECK_DRAIN", default_value = "30s", value_parser = duration::parse)]
    drain: Duration,
    /// Most media that may wait for its stores: `200GB`, `50GiB` [default: all that the disk has room for]
    #[arg(long, env = "TAPEDECK_SPOOL_LIMIT", value_name = "SIZE", value_parser = size::parse)]
    spool_limit: Option<u64>,
    /// Space that is kept free on the spool's disk.
    #[arg(long, env = "TAPEDECK_DISK_RESERVE", value_name = "SIZE", default_value = "512MiB", value_parser = size::parse)]
    disk_reserve: u64,
    /// Memory that each recording's process may take: `4GiB` [default: a quarter of the machine's, at least 2GiB, at most half]
    #[arg(long, env = "TAPEDECK_RECORDING_MEMORY", value_name = "SIZE", value_parser = size::parse)]
    recording_memory: Option<u64>,
    #[command(flatten)]
    recording: RecordingArgs,
}

/// Serves until SIGTERM or SIGINT, then ends captures in order and waits for their uploads.
pub(super) async fn run(args: ServeArgs, log: &str) -> Result<(), String> {
    let token = args.node_token.map(Secret::new);
    if token.is_none() && api::needs_token(args.listen.ip()) {
        return Err(format!(
            "the control API would be open to everybody at {}: set TAPEDECK_NODE_TOKEN or listen on 127.0.0.1",
            args.listen
        ));
    }
    // What a recording's process would refuse is told at once.
    args.recording.try_encoders(&args.recording.options()?.mix)?;
    let _lock = lock_spool(&args.spool)?;
    let node_id = node_id(args.node_id, token.as_ref(), &args.spool)?;
    let roster_key = args.roster_key.map(Secret::new);

    let registry = Registry::new(Limits::default(), unix_ms());
    let keys = Keys {
        publish: args.publish_key.map(Secret::new),
        play: args.play_key.map(Secret::new),
    };
    let play_key = keys.play.clone();
    let random = random_id().map_err(|error| format!("the system gives no randomness: {error}"))?;
    let passes = Passes::new(roster_key.as_ref(), token.as_ref(), || Secret::new(random));
    let pass_secret = passes.secret().clone();
    let playback_passes = passes.clone();
    let edge_url = args.edge_url;
    let edge = edge_url
        .as_ref()
        .map(|url| Edge::new(url, token.clone().unwrap_or_default()))
        .transpose()?;
    let mut gate = Gate::new(keys, passes);
    if let Some(edge) = &edge {
        gate = gate.asking(Arc::new(Entries::new(edge.clone(), node_id.clone())));
    }
    let listens: Vec<SocketAddr> = {
        let others = args
            .rtmp_listen
            .into_iter()
            .chain(args.rtmps.rtmps_listen)
            .chain(args.rtc_listen);
        std::iter::once(args.rtsp_listen).chain(others).collect()
    };
    let gate = gate.listening(&listens, args.open_channels)?;
    let rtsp_at = |error| format!("cannot listen for RTSP at {}: {error}", args.rtsp_listen);
    let rtsp_url = args.rtsp_url.clone();
    let limits = hub::Limits::default().within_open_files(open_files());
    let gate = Arc::new(gate);
    let rtsp = RtspServer::bind(args.rtsp_listen, registry.clone(), gate, rtsp_url.clone(), limits).await;
    let rtsp = rtsp.map_err(rtsp_at)?;
    let plain = args.rtmp_listen.map(|address| (address, None));
    let in_tls = args.rtmps.certificate()?;
    let in_tls = in_tls.map(|(address, certificate)| (address, Some(Arc::new(certificate))));
    let mut rtmp = Vec::new();
    for (address, certificate) in plain.into_iter().chain(in_tls) {
        let server = RtmpServer::bind(address, rtsp.hub(), certificate).await;
        rtmp.push(server.map_err(|error| format!("cannot listen for RTMP at {address}: {error}"))?);
    }
    let mut rtc_server = None;
    if let Some(listen) = args.rtc_listen {
        let settings = rtc::Settings {
            listen,
            advertised: args.rtc_address,
            workers: args.rtc_workers,
            stun: args.rtc_stun,
            transcoded_pictures: args.rtc_transcode,
            node_id: node_id.clone(),
        };
        let server = RtcServer::start(settings, rtsp.hub(), rtsp.streams());
        rtc_server = Some(server.map_err(|error| format!("cannot listen for WebRTC at {listen}: {error}"))?);
    }
    let rtc = rtc_server.as_ref().map(RtcServer::rtc);
    let rtc_address = rtc_server.as_ref().map(RtcServer::local_addr);
    let rtmp_addresses: Vec<_> = rtmp.iter().map(RtmpServer::local_addr).collect();
    let figures = rtsp.figures();
    let api_at = |error| format!("cannot listen for the control API at {}: {error}", args.listen);
    let listener = TcpListener::bind(args.listen).await.map_err(api_at)?;
    let (api_address, rtsp_address) = (listener.local_addr().map_err(api_at)?, rtsp.local_addr());

    let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let memory = Arc::new(Memory::new(args.recording_memory));
    let joiner = Joiner::new(joiner::Config {
        program: program.clone(),
        arguments: args.recording.joining_arguments(),
        dir: args.spool.join(JOINING_DIR),
        reserve_bytes: args.disk_reserve,
        memory: Arc::clone(&memory),
    });
    let player = Player::new(playback::Config {
        program: program.clone(),
        arguments: args.recording.target_arguments(),
        dir: args.spool.join(PLAYBACK_DIR),
        reserve_bytes: args.disk_reserve,
        rtsp: format!("rtsp://{}", reachable(rtsp_address)),
        passes: playback_passes,
    });
    let supervisor = Supervisor::new(Config {
        spool: args.spool.clone(),
        program,
        arguments: [
            &args.recording.as_arguments()[..],
            &["--log".to_owned(), log.to_owned()],
        ]
        .concat(),
        node: Node {
            node_id: node_id.clone(),
            rtsp: args
                .rtsp_url
                .unwrap_or_else(|| format!("rtsp://{}", reachable(rtsp_address))),
            roster: format!("http://{}", reachable(api_address)),
            node_token: token.clone().unwrap_or_default(),
            roster_key: roster_key.clone(),
            play_key,
            pass_secret,
        },
        capacity: args.capacity as usize,
        space: SpaceLimits {
            spool_bytes: args.spool_limit,
            reserve_bytes: args.disk_reserve,
        },
        memory,
        await_acknowledgement: edge.is_some(),
    });
    supervisor
        .adopt()
        .map_err(|error| format!("cannot read {}: {error}", args.spool.display()))?;

    tokio::spawn(supervisor.clone().watch_space());
    tokio::spawn(supervisor.clone().watch_set_aside());

    let stop_channels = CancellationToken::new();
    let (rtsp_task, rtsp_state) = serving(rtsp.run(stop_channels.clone().cancelled_owned()));
    let rtmp = rtmp.into_iter();
    let rtmp = rtmp.map(|rtmp| serving(rtmp.run(stop_channels.clone().cancelled_owned())));
    let (rtmp_tasks, rtmp_states): (Vec<_>, Vec<_>) = rtmp.unzip();
    let rtc_task = rtc_server.map(|rtc| serving(rtc.run(stop_channels.clone().cancelled_owned())).0);
    let told = watch::Sender::new(0);
    let edge_heard = match edge.zip(edge_url.as_ref()) {
        None => None,
        Some((edge, edge_url)) => {
            let identity = Identity {
                node_id: node_id.clone(),
                url: args.node_url,
                listens_at: format!("http://{}", reachable(api_address)),
                region: args.region,
                capacity: args.capacity,
                rtsp: advertised(args.rtsp_advertise.or(rtsp_url), rtsp_address, edge_url)?,
                started_ms: unix_ms(),
            };
            let (heard, state) = watch::channel(false);
            let channels = registry.clone();
            tokio::spawn(agent::run(
                edge,
                identity,
                supervisor.clone(),
                channels,
                Services {
                    rtc: rtc.clone(),
                    joiner,
                    player,
                },
                heard,
                told.clone(),
            ));
            Some(state)
        }
    };
    let (draining, is_draining) = watch::channel(false);
    let health = Health {
        node_id: node_id.clone(),
        spool: args.spool,
        rtsp_listening: rtsp_state,
        rtmp_listening: rtmp_states,
        edge_heard: edge_heard.clone(),
        draining: is_draining,
    };
    let callers = Callers::new(token, roster_key);
    let router = api::router(supervisor.clone(), health, registry.clone(), figures, rtc, callers);
    let api_task = tokio::spawn(async move {
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, router).await
    });
    let rtc_at = rtc_address.map(tracing::field::display);
    tracing::info!(node_id, api = %api_address, rtsp = %rtsp_address, rtmp = ?rtmp_addresses, rtc = rtc_at, "node up");

    stop_signal().await?;
    draining.send_replace(true);
    tracing::info!(
        drain_s = args.drain.as_secs(),
        "shutting down: other nodes take over, or capture stops; uploads continue"
    );
    supervisor.shut_down(args.drain, edge_heard).await;
    api_task.abort();
    stop_channels.cancel();
    for task in std::iter::once(rtsp_task).chain(rtmp_tasks).chain(rtc_task) {
        task.await
            .map_err(|error| format!("the channel server has failed: {error}"))?;
    }
    if edge_url.is_some() {
        // Whoever follows a channel of this node hears at once that nobody is here any more, not when the node is missed.
        let last = registry.number();
        let _ = tokio::time::timeout(FAREWELL, told.subscribe().wait_for(|told| *told >= last)).await;
    }
    tracing::info!("ended");
    Ok(())
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

/// Where other nodes reach the channel server.
fn advertised(chosen: Option<String>, listens: SocketAddr, edge: &str) -> Result<String, String> {
    if let Some(url) = chosen {
        let parsed = Url::parse(&url)
            .ok()
            .filter(|url| url.scheme() == "rtsp" && url.has_host());
        return match parsed {
            Some(_) => Ok(url.trim_end_matches('/').to_owned()),
            None => Err(format!(
                "{url} does not have the form rtsp://host:port: correct TAPEDECK_RTSP_ADVERTISE"
            )),
        };
    }
    let ip = match listens.ip().is_unspecified() {
        true => own_address(edge).unwrap_or_else(|| reachable(listens).ip()),
        false => listens.ip(),
    };
    Ok(format!("rtsp://{}", SocketAddr::new(ip, listens.port())))
}

/// The address that this machine reaches the edge from, as its routes say; nothing is sent.
fn own_address(edge: &str) -> Option<IpAddr> {
    let edge = Url::parse(edge).ok()?.socket_addrs(|| None).ok()?;
    edge.into_iter().find_map(|edge| {
        let any = match edge.is_ipv4() {
            true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            false => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(edge).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

/// How this machine itself reaches an address that is listened on.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = if address.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        address.ip()
    };
    SocketAddr::new(ip, address.port())
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

/// Two nodes on one spool would start each recording twice.
fn lock_spool(spool: &Path) -> Result<Flock<File>, String> {
    let path = spool.join("node.lock");
    std::fs::create_dir_all(spool).map_err(|error| format!("cannot make {}: {error}", spool.display()))?;
    let file = File::create(&path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|(_, _)| format!("another node works on the spool {}", spool.display()))
}

/// The node's name: the one that was chosen, else the one that the spool keeps, else that of its own token, else a new one. The
/// edge lets a node in by its own token under the token's name only.
fn node_id(chosen: Option<String>, token: Option<&Secret>, spool: &Path) -> Result<String, String> {
    let own = token.and_then(|token| NodeToken::parse(token.expose()));
    let own = own.as_ref().map(NodeToken::node_id);
    let id = chosen.map_or_else(|| kept_id(spool, own), Ok)?;
    match own {
        Some(own) if own != id => Err(format!(
            "this node is {id}, and its token is node {own}'s: make a token for {id} with the admin API"
        )),
        _ => Ok(id),
    }
}

/// The name that the spool keeps, which its recordings belong to. At the first start it is made.
fn kept_id(spool: &Path, own: Option<&str>) -> Result<String, String> {
    let path = spool.join("node-id");
    if let Ok(id) = std::fs::read_to_string(&path) {
        return Ok(id.trim().to_owned());
    }
    let id = match own {
        Some(own) => own.to_owned(),
        None => random_id().map_err(|error| format!("the system has no randomness: {error}"))?,
    };
    std::fs::write(&path, &id).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_nodes_are_told_an_address_that_they_can_reach() {
        let listens = |text: &str| text.parse::<SocketAddr>().unwrap();
        let told =
            |chosen: Option<&str>, at: &str| advertised(chosen.map(str::to_owned), listens(at), "http://127.0.0.1:1");
        let chosen = told(Some("rtsp://media-1:8554/"), "0.0.0.0:8554");
        assert_eq!(chosen.unwrap(), "rtsp://media-1:8554");
        assert_eq!(told(None, "192.0.2.7:8554").unwrap(), "rtsp://192.0.2.7:8554");
        assert_eq!(told(None, "0.0.0.0:9000").unwrap(), "rtsp://127.0.0.1:9000");
        for wrong in ["media-1:8554", "http://media-1", ""] {
            let error = told(Some(wrong), "0.0.0.0:8554").unwrap_err();
            assert!(error.contains("TAPEDECK_RTSP_ADVERTISE"), "{error}");
        }
    }

    #[test]
    fn a_node_is_named_by_its_own_token_and_by_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let token = |id: &str| Some(NodeToken::new(id, "ab").unwrap().text().clone());
        let named = |chosen: Option<&str>, token: Option<Secret>| {
            node_id(chosen.map(str::to_owned), token.as_ref(), dir.path())
        };
        assert_eq!(named(Some("n1"), token("n1")).unwrap(), "n1");
        assert!(
            named(Some("n1"), token("n2"))
                .unwrap_err()
                .contains("make a token for n1")
        );
        assert_eq!(named(None, token("n1")).unwrap(), "n1");
        // From here on the spool is n1's.
        assert_eq!(named(None, None).unwrap(), "n1");
        let error = named(None, token("n2")).unwrap_err();
        assert!(error.contains("this node is n1") && !error.contains("ab\""), "{error}");
        assert_eq!(named(Some("n3"), Some(Secret::new("shared"))).unwrap(), "n3");
    }
}
