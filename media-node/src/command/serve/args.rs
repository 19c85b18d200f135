use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::api;
use crate::command::args::{RecordingArgs, RtmpsArgs, duration, size};

#[derive(Args, Debug)]
pub(in crate::command) struct ServeArgs {
    /// Address that the control API listens on.
    #[arg(long, env = "TAPEDECK_NODE_LISTEN", default_value = "127.0.0.1:8788")]
    pub(super) listen: SocketAddr,
    /// Address that the channel server listens on for RTSP.
    #[arg(long, env = "TAPEDECK_RTSP_LISTEN", default_value = "127.0.0.1:8554")]
    pub(super) rtsp_listen: SocketAddr,
    /// Address that the channel server listens on for RTMP. Without it, nothing is published by RTMP.
    #[arg(long, env = "TAPEDECK_RTMP_LISTEN")]
    pub(super) rtmp_listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(super) rtmps: RtmpsArgs,
    /// Address that the channel server listens on for WebRTC, by UDP and TCP. Without it, nothing is published or played by
    /// WebRTC.
    #[arg(long, env = "TAPEDECK_RTC_LISTEN")]
    pub(super) rtc_listen: Option<SocketAddr>,
    /// IP addresses at which clients reach this node for WebRTC, where these are not its own: behind a NAT [default: the address
    /// that is listened on, or all that this machine has]
    #[arg(long, env = "TAPEDECK_RTC_ADDRESS", value_name = "IP", value_delimiter = ',')]
    pub(super) rtc_address: Vec<IpAddr>,
    /// Threads that serve WebRTC. Each after the first listens on the next port.
    #[arg(long, env = "TAPEDECK_RTC_WORKERS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) rtc_workers: u16,
    /// Servers that tell clients of WebRTC their own addresses: `stun:host:port`.
    #[arg(long, env = "TAPEDECK_RTC_STUN", value_name = "URL", value_delimiter = ',')]
    pub(super) rtc_stun: Vec<String>,
    /// Pictures with B-frames that are encoded anew for browsers, at once; without it they are refused
    #[arg(long, env = "TAPEDECK_RTC_TRANSCODE", value_name = "PICTURES", default_value_t = 0)]
    pub(super) rtc_transcode: usize,
    /// Directory for recordings on their way to the store; created if it does not exist.
    #[arg(long, env = "TAPEDECK_SPOOL")]
    pub(super) spool: PathBuf,
    /// Base URL of the edge. Without it the node accepts jobs only from the control API.
    #[arg(long, env = "TAPEDECK_EDGE_URL", requires = "node_token")]
    pub(super) edge_url: Option<String>,
    /// The token that this node authenticates to the edge with: its own, or the one that all nodes share. Required with an
    /// edge, and if the control API listens for other machines.
    #[arg(long, env = "TAPEDECK_NODE_TOKEN", hide_env_values = true)]
    pub(super) node_token: Option<String>,
    /// With tokens of single nodes: what nodes authenticate to one another with, to read rosters. The same on all of them.
    #[arg(long, env = "TAPEDECK_ROSTER_KEY", hide_env_values = true)]
    pub(super) roster_key: Option<String>,
    /// URL by which the edge can reach the control API. Only an edge of an older version, to which the node cannot open a line,
    /// needs it [default then: http://<listen>]
    #[arg(long, env = "TAPEDECK_NODE_URL")]
    pub(super) node_url: Option<String>,
    /// URL by which recorders reach the channel server [default: rtsp://<rtsp-listen>]
    #[arg(long, env = "TAPEDECK_RTSP_URL")]
    pub(super) rtsp_url: Option<String>,
    /// URL by which other nodes reach the channel server, to play and record what is published here [default: the URL of
    /// --rtsp-url, else rtsp://<rtsp-listen>, with the address that this machine reaches the edge from where it listens on all]
    #[arg(long, env = "TAPEDECK_RTSP_ADVERTISE")]
    pub(super) rtsp_advertise: Option<String>,
    /// Name of this node [default: the one in its own token, else generated once and kept in the spool directory]
    #[arg(long, env = "TAPEDECK_NODE_ID")]
    pub(super) node_id: Option<String>,
    /// Region of this node, for placement.
    #[arg(long, env = "TAPEDECK_REGION", default_value = "default")]
    pub(super) region: String,
    /// Most recordings at a time.
    #[arg(long, env = "TAPEDECK_CAPACITY", default_value_t = 50)]
    pub(super) capacity: u32,
    /// Key that lets its bearer publish to every channel. Without an edge, publishers must present it if it is set.
    #[arg(long, env = "TAPEDECK_PUBLISH_KEY", hide_env_values = true)]
    pub(super) publish_key: Option<String>,
    /// Key that lets its bearer play from every channel. Without an edge, players must present it if it is set.
    #[arg(long, env = "TAPEDECK_PLAY_KEY", hide_env_values = true)]
    pub(super) play_key: Option<String>,
    /// Serve channels that ask for neither token nor key to other machines, too.
    #[arg(long, env = "TAPEDECK_OPEN_CHANNELS", value_parser = BoolishValueParser::new())]
    pub(super) open_channels: bool,
    /// How long uploads may continue after SIGTERM or SIGINT: `30s`, `2m`. What is not uploaded by then stays in the spool.
    #[arg(long, env = "TAPEDECK_DRAIN", default_value = "30s", value_parser = duration::parse)]
    pub(super) drain: Duration,
    /// Most media that may wait for its stores: `200GB`, `50GiB` [default: all that the disk has room for]
    #[arg(long, env = "TAPEDECK_SPOOL_LIMIT", value_name = "SIZE", value_parser = size::parse)]
    pub(super) spool_limit: Option<u64>,
    /// Space that is kept free on the spool's disk.
    #[arg(long, env = "TAPEDECK_DISK_RESERVE", value_name = "SIZE", default_value = "512MiB", value_parser = size::parse)]
    pub(super) disk_reserve: u64,
    /// Memory that each recording's process may take: `4GiB` [default: a quarter of the machine's, at least 2GiB, at most half]
    #[arg(long, env = "TAPEDECK_RECORDING_MEMORY", value_name = "SIZE", value_parser = size::parse)]
    pub(super) recording_memory: Option<u64>,
    #[command(flatten)]
    pub(super) recording: RecordingArgs,
}

impl ServeArgs {
    /// # Errors
    /// What is wrong with them, before anything is begun.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.node_token.is_none() && api::needs_token(self.listen.ip()) {
            return Err(format!(
                "the control API would be open to everybody at {}: set TAPEDECK_NODE_TOKEN or listen on 127.0.0.1",
                self.listen
            ));
        }
        // What a recording's process would refuse is told at once.
        self.recording.try_encoders(&self.recording.options()?.mix)
    }

    /// Every address that publishers or players come to.
    pub(super) fn channel_listens(&self) -> Vec<SocketAddr> {
        let others = [self.rtmp_listen, self.rtmps.rtmps_listen, self.rtc_listen];
        std::iter::once(self.rtsp_listen)
            .chain(others.into_iter().flatten())
            .collect()
    }
}
