//! A media node of a test's own, beside the one of its stack.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use protocol::{Report, Roster};
use reqwest::Client;

use crate::namespace::Namespace;
use crate::stack::{Info, free_ports, node_program};
use crate::wait;

const READY_LIMIT: Duration = Duration::from_secs(30);

/// A running node. When dropped, it is killed together with its recordings.
pub struct Node {
    pub id: String,
    info: Info,
    dir: PathBuf,
    ports: [u16; 2],
    settings: Vec<(String, String)>,
    namespace: Option<Arc<Namespace>>,
    process: Child,
}

impl Node {
    /// Starts a node with a spool of its own and waits until the edge has heard it.
    pub async fn start(info: &Info, logs: &Path, id: &str) -> Self {
        Self::start_with(info, logs, id, &[]).await
    }

    /// As [`Self::start`], with settings, given as environment variables.
    pub async fn start_with(info: &Info, logs: &Path, id: &str, settings: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self::start_in(None, info, logs, id, settings.iter().map(owned).collect()).await
    }

    /// As [`Self::start_with`], in a network namespace, where the edge has the address that `info` says.
    pub async fn start_in(
        namespace: Option<Arc<Namespace>>,
        info: &Info,
        logs: &Path,
        id: &str,
        settings: Vec<(String, String)>,
    ) -> Self {
        let dir = logs.join(id);
        std::fs::create_dir_all(&dir).expect("a directory");
        let ports = free_ports();
        let mut node = Self {
            id: id.to_owned(),
            process: launch(namespace.as_deref(), info, &dir, id, ports, &settings),
            info: info.clone(),
            namespace,
            dir,
            ports,
            settings,
        };
        node.await_ready().await;
        node
    }

    /// Starts it again, on the same spool.
    pub async fn restart(&mut self) {
        let namespace = self.namespace.as_deref();
        self.process = launch(namespace, &self.info, &self.dir, &self.id, self.ports, &self.settings);
        self.await_ready().await;
    }

    async fn await_ready(&mut self) {
        wait::until(&format!("{} is ready", self.id), READY_LIMIT, async || {
            self.is_ready().await.then_some(())
        })
        .await;
    }

    /// Whether the edge answers it, and all else that it needs is there.
    pub async fn is_ready(&self) -> bool {
        self.get("/readyz").await.is_some()
    }

    /// Its channel server, `rtsp://host:port`.
    pub fn rtsp(&self) -> String {
        format!("rtsp://127.0.0.1:{}", self.ports[1])
    }

    /// Its control API, `http://host:port`.
    pub fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).expect("a log")
    }

    /// What it says of a recording; `None` when it knows none, or does not run.
    pub async fn report(&self, sid: &str) -> Option<Report> {
        let answer = self.get(&format!("/v1/recordings/{sid}")).await?;
        Some(serde_json::from_slice(&answer).expect("a report"))
    }

    /// Who is in a channel, as the node says.
    pub async fn roster(&self, app_id: &str, channel: &str) -> Option<Roster> {
        let answer = self.get(&format!("/v1/channels/{app_id}/{channel}")).await?;
        Some(serde_json::from_slice(&answer).expect("a roster"))
    }

    /// One of its figures; `None` when it has none of this name, or does not run.
    pub async fn figure(&self, series: &str) -> Option<f64> {
        let text = String::from_utf8(self.get("/metrics").await?).expect("UTF-8");
        let values = text
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        values.map(|value| value.parse().expect("a number")).next()
    }

    /// What its control API answers; `None` when that is no success.
    async fn get(&self, path: &str) -> Option<Vec<u8>> {
        let url = format!("http://127.0.0.1:{}{path}", self.ports[0]);
        let token = self.info.node_token.clone();
        let get = || async move {
            let answer = client().get(url).bearer_auth(token).send().await.ok()?;
            let bytes = answer.error_for_status().ok()?.bytes().await.ok()?;
            Some(bytes.to_vec())
        };
        match &self.namespace {
            Some(namespace) => namespace.run(get).await,
            None => get().await,
        }
    }

    /// Stops it with all its recordings, as a machine that is paused does.
    pub fn pause(&self) {
        let node = self.pid();
        // Stopped, it starts no recording.
        kill(node, Signal::SIGSTOP).expect("the node runs");
        for recording in children_of(node) {
            killpg(recording, Signal::SIGSTOP).expect("the recording runs");
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        let node = self.pid();
        for recording in children_of(node) {
            killpg(recording, Signal::SIGCONT).expect("the recording is there");
        }
        kill(node, Signal::SIGCONT).expect("the node is there");
    }

    /// Kills it with all its recordings at one moment, as a power cut does.
    pub fn kill(&mut self) {
        let node = self.pid();
        // Each recording is a process group of its own.
        let recordings = children_of(node);
        // Stopped, it starts no other.
        kill(node, Signal::SIGSTOP).expect("the node runs");
        for recording in recordings {
            killpg(recording, Signal::SIGKILL).expect("the recording runs");
        }
        kill(node, Signal::SIGKILL).expect("the node runs");
        self.process.wait().expect("a child");
    }

    /// Asks it to end as a service manager does, which sends the signal to its recordings too.
    pub fn terminate(&self) {
        let node = self.pid();
        let recordings = children_of(node);
        kill(node, Signal::SIGTERM).expect("the node runs");
        for recording in recordings {
            killpg(recording, Signal::SIGTERM).expect("the recording runs");
        }
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("a child")
    }

    /// The recordings of which its spool holds something.
    pub fn spools(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.join("spool")).expect("a spool");
        let dirs = entries
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.path().is_dir());
        dirs.map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().try_into().expect("a pid"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Its recordings end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(
    namespace: Option<&Namespace>,
    info: &Info,
    dir: &Path,
    id: &str,
    ports: [u16; 2],
    settings: &[(String, String)],
) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .expect("a log file");
    let mut command = Command::new("env");
    command.args(namespace.iter().flat_map(|namespace| namespace.words()));
    // It ends with the test, even when that is killed.
    command
        .args(["setpriv", "--pdeathsig", "KILL"])
        .arg(node_program())
        .arg("serve")
        .env("TAPEDECK_NODE_LISTEN", format!("127.0.0.1:{}", ports[0]))
        .env("TAPEDECK_RTSP_LISTEN", format!("127.0.0.1:{}", ports[1]))
        .env("TAPEDECK_SPOOL", dir.join("spool"))
        .env("TAPEDECK_EDGE_URL", &info.edge)
        .env("TAPEDECK_NODE_TOKEN", &info.node_token)
        .env("TAPEDECK_NODE_ID", id)
        .env("TAPEDECK_CAPACITY", "10")
        .env("TAPEDECK_ALLOW_PRIVATE_TARGETS", "1")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::from(log.try_clone().expect("a file descriptor")))
        .stderr(Stdio::from(log))
        .spawn()
        .expect("media-node starts")
}

fn client() -> Client {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(5));
    client.build().expect("an HTTP client")
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parent = parent.to_string();
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may have any characters: the state, then the parent.
        let rest = stat.rsplit_once(") ").map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split(' ').nth(1)) == Some(&*parent)
    };
    pids.filter(is_child).map(Pid::from_raw).collect()
}
