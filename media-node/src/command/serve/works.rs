//! What the node does in processes of its own program: it records, joins files, and plays files into channels.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::address::reachable;
use super::args::ServeArgs;
use super::credentials::Credentials;
use crate::joiner::{self, Joiner};
use crate::playback::{self, Player};
use crate::supervisor::{Config, Memory, Node, SpaceLimits, Supervisor};

/// In the spool's directory; it is no recording's name.
const JOINING_DIR: &str = ".joining";
/// As that.
const PLAYBACK_DIR: &str = ".playback";

pub(super) struct Works {
    pub(super) supervisor: Supervisor,
    pub(super) joiner: Joiner,
    pub(super) player: Player,
}

impl Works {
    /// Those of a node whose control API and channel server listen at these addresses. Recordings that an earlier process has left
    /// are gone on with. `log`: what recordings' processes log.
    ///
    /// # Errors
    /// When the spool cannot be read, or this program cannot be found.
    pub(super) fn begin(
        args: &ServeArgs,
        log: &str,
        own: &Credentials,
        api: SocketAddr,
        rtsp: SocketAddr,
    ) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        let memory = Arc::new(Memory::new(args.recording_memory));
        let rtsp = format!("rtsp://{}", reachable(rtsp));
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
            rtsp: rtsp.clone(),
            passes: own.passes.clone(),
        });
        let node = Node {
            node_id: own.node_id.clone(),
            rtsp: args.rtsp_url.clone().unwrap_or(rtsp),
            roster: format!("http://{}", reachable(api)),
            node_token: own.token.clone().unwrap_or_default(),
            roster_key: own.roster_key.clone(),
            play_key: own.keys.play.clone(),
            pass_secret: own.passes.secret().clone(),
        };
        Ok(Self {
            supervisor: supervisor(args, log, program, node, memory)?,
            joiner,
            player,
        })
    }
}

fn supervisor(
    args: &ServeArgs,
    log: &str,
    program: PathBuf,
    node: Node,
    memory: Arc<Memory>,
) -> Result<Supervisor, String> {
    let mut arguments = args.recording.as_arguments();
    arguments.extend(["--log".to_owned(), log.to_owned()]);
    let supervisor = Supervisor::new(Config {
        spool: args.spool.clone(),
        program,
        arguments,
        node,
        capacity: args.capacity as usize,
        space: SpaceLimits {
            spool_bytes: args.spool_limit,
            reserve_bytes: args.disk_reserve,
        },
        memory,
        await_acknowledgement: args.edge_url.is_some(),
    });
    supervisor
        .adopt()
        .map_err(|error| format!("cannot read {}: {error}", args.spool.display()))?;
    tokio::spawn(supervisor.clone().watch_space());
    tokio::spawn(supervisor.clone().watch_set_aside());
    Ok(supervisor)
}
