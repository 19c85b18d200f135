//! A whole Tapedeck on ports and in a directory of its own, started and ended by `scripts/dev`.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use protocol::{Report, Roster};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::bucket::{Bucket, S3Access};
use crate::customer::{Customer, Reply, send};
use crate::fsp::FspInfo;
use crate::polyv::Polyv;
use crate::uprtc::UprtcInfo;
use crate::wait;

/// Pictures with B-frames that the node encodes anew for browsers, at once: more than one test has.
const TRANSCODED_PICTURES: &str = "4";
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Most tests want a stop to be answered when everything is uploaded, however busy the machine is.
const UPLOADED_WITHIN_S: &str = "17";

/// What `stack.json` says.
#[derive(Clone, Debug, Deserialize)]
pub struct Info {
    pub edge: String,
    pub app_id: String,
    pub customer_id: String,
    pub customer_secret: String,
    pub channel_secret: String,
    pub admin_token: String,
    pub rtsp: String,
    pub rtmp: String,
    pub node: String,
    pub node_token: String,
    pub s3: S3Access,
    pub fsp: FspInfo,
    pub polyv: Polyv,
    pub uprtc: UprtcInfo,
    pub pids: Pids,
}

/// The process ids of the parts, each also that of the part's process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Pids {
    pub s3: i32,
    pub node: i32,
    pub edge: i32,
}

/// A part of the stack that a test can take away. `scripts/dev` starts it again.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    Node,
    Edge,
}

/// A running stack. It ends when it is dropped; its directory with the logs stays when a test has failed.
pub struct Stack {
    pub info: Info,
    state: PathBuf,
    process: Child,
}

impl Stack {
    /// Starts a stack and waits until all its parts are ready. Its app may do as much as any app may: tests that run at
    /// once share it.
    ///
    /// The stack ends with the thread that started it, even when that is killed.
    ///
    /// # Panics
    /// When it does not get ready, with the end of its log.
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// As [`Self::start`], with settings of the edge or the node, given as environment variables.
    pub fn start_with(name: &str, settings: &[(&str, &str)]) -> Self {
        Self::launch(name, settings, None)
    }

    /// As [`Self::start_with`], with a spool on a disk of its own, of so many bytes, which nobody else sees.
    ///
    /// # Panics
    /// As [`Self::start`], and where [`can_mount`] says no.
    pub fn start_on_disk(name: &str, settings: &[(&str, &str)], bytes: u64) -> Self {
        Self::launch(name, settings, Some(bytes))
    }

    fn launch(name: &str, settings: &[(&str, &str)], disk: Option<u64>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the workspace")
            .to_owned();
        let parent = root.join("target/e2e");
        std::fs::create_dir_all(&parent).expect("a directory for the stacks");
        let state = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(parent)
            .expect("a directory")
            .keep();
        let log = File::create(state.join("dev.log")).expect("a log file");
        let [edge, node, rtsp, rtmp, rtc, s3] = free_ports();
        let mut command = match disk {
            None => Command::new("setpriv"),
            Some(bytes) => {
                let spool = state.join("spool");
                std::fs::create_dir(&spool).expect("a directory for the spool");
                let mount = r#"mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec setpriv "$@""#;
                let mut command = Command::new("env");
                command.args(mount_namespace().expect("a place to mount"));
                command.args(["sh", "-c", mount, "sh", &bytes.to_string()]);
                command.arg(spool);
                command
            }
        };
        let process = command
            .args(["--pdeathsig", "TERM"])
            .arg(root.join("scripts/dev"))
            .env("TAPEDECK_STATE", &state)
            .env("TAPEDECK_SKIP_BUILD", "1")
            .env("TAPEDECK_EDGE_PORT", edge.to_string())
            .env("TAPEDECK_NODE_PORT", node.to_string())
            .env("TAPEDECK_RTSP_PORT", rtsp.to_string())
            .env("TAPEDECK_RTMP_PORT", rtmp.to_string())
            .env("TAPEDECK_RTC_PORT", rtc.to_string())
            .env("TAPEDECK_RTC_TRANSCODE", TRANSCODED_PICTURES)
            .env("TAPEDECK_S3_PORT", s3.to_string())
            .env("TAPEDECK_STOP_WAIT_S", UPLOADED_WITHIN_S)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone().expect("a file descriptor")))
            .stderr(Stdio::from(log))
            .spawn()
            .expect("scripts/dev starts");
        let stack = await_ready(state, process);
        stack.raise_limits();
        stack
    }

    /// Tests share an app, and each asks often.
    fn raise_limits(&self) {
        let all = ["acquire", "start", "query", "update", "updateLayout", "stop"];
        let rates: Map<_, _> = all.iter().map(|name| ((*name).to_owned(), json!(1_000))).collect();
        let limits = json!({ "limits": { "requests_per_second": rates, "recordings": 10_000 } });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let info = &self.info;
        for app_id in [&info.app_id, &info.fsp.app_id, &info.polyv.app_id, &info.uprtc.app_id] {
            let path = format!("apps/{app_id}");
            runtime.block_on(self.admin(Method::PATCH, &path, &limits)).expect(200);
        }
    }

    /// A call of the operator to a path below `/admin/v1/`; `null` for no body.
    pub async fn admin(&self, method: Method, path: &str, body: &Value) -> Reply {
        let url = format!("{}/admin/v1/{path}", self.info.edge);
        let request = self.customer().client.request(method, url);
        let request = request.bearer_auth(&self.info.admin_token);
        send(if body.is_null() { request } else { request.json(body) }).await
    }

    /// The edge's figures, by series.
    pub async fn metrics(&self) -> BTreeMap<String, f64> {
        let request = self.customer().client.get(format!("{}/metrics", self.info.edge));
        let response = request
            .bearer_auth(&self.info.admin_token)
            .send()
            .await
            .expect("the edge answers");
        assert_eq!(response.status(), 200);
        series(&response.text().await.expect("a whole body"))
    }

    /// The node's figures, by series.
    pub async fn node_metrics(&self) -> BTreeMap<String, f64> {
        let url = format!("{}/metrics", self.info.node);
        let answer = self.customer().client.get(url).send().await.expect("the node answers");
        series(&answer.text().await.expect("text"))
    }

    /// A new app of the stack's own tenant, called by the same customer.
    pub async fn new_app(&self, settings: &Value) -> Customer {
        let customer = self.customer();
        let own = self
            .admin(Method::GET, &format!("apps/{}", customer.app_id), &Value::Null)
            .await;
        let mut settings = settings.clone();
        settings["tenant"] = own.expect(200).body["tenant"].clone();
        let app = self.admin(Method::POST, "apps", &settings).await.expect(201);
        Customer {
            app_id: app.text("app_id").to_owned(),
            ..customer
        }
    }

    pub fn customer(&self) -> Customer {
        Customer::new(&self.info)
    }

    pub fn bucket(&self) -> Bucket {
        Bucket::open(&self.info.s3)
    }

    /// Where a user of the app publishes.
    pub fn publish_url(&self, channel: &str, uid: &str) -> String {
        format!("{}/{}/{channel}/{uid}", self.info.rtsp, self.info.app_id)
    }

    /// The same by RTMP.
    pub fn rtmp_url(&self, channel: &str, uid: &str) -> String {
        format!("{}/{}/{channel}/{uid}", self.info.rtmp, self.info.app_id)
    }

    /// The same by WebRTC; `protocol`: `whip` or `whep`.
    pub fn web_url(&self, protocol: &str, channel: &str, uid: &str) -> String {
        format!("{}/{protocol}/{}/{channel}/{uid}", self.info.edge, self.info.app_id)
    }

    /// The node's spool, as the node sees it.
    pub fn spool(&self) -> PathBuf {
        let path = self.state.join("spool");
        let path = path.strip_prefix("/").expect("an absolute path");
        Path::new("/proc")
            .join(self.info.pids.node.to_string())
            .join("root")
            .join(path)
    }

    /// The process that records, while there is one.
    pub fn recorder(&self, sid: &str) -> Option<Pid> {
        let processes = std::fs::read_dir("/proc").expect("the list of processes");
        let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let dir = self.state.join("spool").join(sid);
        let mut recorders = pids.filter(|pid| {
            // One that has just ended has no command line.
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0);
            words.any(|word| word == b"--supervised") && words.any(|word| word == dir.as_os_str().as_encoded_bytes())
        });
        recorders.next().map(Pid::from_raw)
    }

    /// A figure of the node.
    ///
    /// # Panics
    /// When it has none of this name.
    pub async fn node_metric(&self, series: &str) -> f64 {
        let all = self.node_metrics().await;
        let value = all.get(series).copied();
        value.unwrap_or_else(|| panic!("{series} is not in {all:?}"))
    }

    /// A directory for the logs of a test's helpers.
    pub fn logs(&self) -> &Path {
        &self.state
    }

    /// What the node says of a recording; `None` when it knows none.
    pub async fn report(&self, sid: &str) -> Option<Report> {
        let url = format!("{}/v1/recordings/{sid}", self.info.node);
        let request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("an HTTP client")
            .get(url)
            .bearer_auth(&self.info.node_token);
        let response = request.timeout(Duration::from_secs(5)).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        Some(response.json().await.expect("a report"))
    }

    /// Who is in a channel of the app, as the node sees it.
    pub async fn roster(&self, channel: &str) -> Roster {
        let url = format!("{}/v1/channels/{}/{channel}", self.info.node, self.info.app_id);
        let client = self.customer().client;
        let response = client.get(url).bearer_auth(&self.info.node_token).send().await;
        let response = response.expect("the node answers");
        response.json().await.expect("a roster")
    }

    /// Kills a part with all its processes, as a power cut does, and waits until it runs and is ready again.
    pub async fn crash(&mut self, part: Part) {
        self.kill(part);
        self.runs_again(part).await;
    }

    /// Kills a part, and does not wait.
    pub fn kill(&self, part: Part) {
        killpg(Pid::from_raw(self.info.pids.of(part)), Signal::SIGKILL).expect("the part runs");
    }

    /// Waits until a part that was killed runs again.
    pub async fn runs_again(&mut self, part: Part) {
        let before = self.info.pids;
        let path = self.state.join("stack.json");
        self.info = wait::until(&format!("the {part:?} runs again"), START_LIMIT, async || {
            read_info(&path).filter(|info| info.pids.of(part) != before.of(part))
        })
        .await;
    }

    /// # Panics
    /// When a part has died and been started again since the start, which no test of a shared stack asks for.
    pub fn assert_undisturbed(&self) {
        let info = read_info(&self.state.join("stack.json")).expect("stack.json");
        assert_eq!(
            info.pids,
            self.info.pids,
            "a part of the stack died: see {}",
            self.state.display()
        );
    }

    /// Ends the stack. Its directory is removed unless `keep`.
    pub fn stop(mut self, keep: bool) {
        self.end();
        if !keep {
            // What cannot be removed lies in target/ and harms nobody.
            let _ = std::fs::remove_dir_all(&self.state);
        }
    }

    fn end(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = kill(pid_of(&self.process), Signal::SIGTERM);
        let begin = Instant::now();
        while begin.elapsed() < STOP_LIMIT {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        eprintln!("scripts/dev did not end when asked; see {}", self.state.display());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("the stack's logs are in {}", self.state.display());
        }
    }
}

impl Pids {
    fn of(self, part: Part) -> i32 {
        match part {
            Part::Node => self.node,
            Part::Edge => self.edge,
        }
    }
}

/// What a page in Prometheus' text form says, by series.
fn series(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            (series.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// Whether this machine lets a test mount a disk that only its own processes see.
pub fn can_mount() -> bool {
    mount_namespace().is_some()
}

/// What runs a command that may mount: as root, or as another user who may be root of what it mounts.
fn mount_namespace() -> Option<&'static [&'static str]> {
    const AS_ROOT: &[&str] = &["unshare", "--mount"];
    const AS_USER: &[&str] = &["unshare", "--map-root-user", "--mount"];
    let dir = tempfile::tempdir().expect("a directory");
    let works = |words: &&'static [&'static str]| {
        let mut command = Command::new("env");
        command
            .args(*words)
            .args(["mount", "-t", "tmpfs", "tmpfs"])
            .arg(dir.path());
        command
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    [AS_ROOT, AS_USER].into_iter().find(works)
}

/// The media node's program, built by `scripts/build`.
pub fn node_program() -> PathBuf {
    root().join("target/media-node")
}

fn await_ready(state: PathBuf, mut process: Child) -> Stack {
    let begin = Instant::now();
    let path = state.join("stack.json");
    loop {
        if let Some(info) = read_info(&path) {
            return Stack { info, state, process };
        }
        let ended = process.try_wait().expect("a child");
        if ended.is_some() || begin.elapsed() > START_LIMIT {
            let _ = kill(pid_of(&process), Signal::SIGTERM);
            let log = std::fs::read_to_string(state.join("dev.log")).unwrap_or_default();
            panic!("no stack ({ended:?}); its log, {}/dev.log:\n{log}", state.display());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn read_info(path: &Path) -> Option<Info> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn pid_of(process: &Child) -> Pid {
    Pid::from_raw(process.id().try_into().expect("a pid"))
}

/// Ports that are free, below the range from which the system takes those of outgoing connections. They stay with this
/// process as long as it lives: a part that has been killed finds its port again, whoever else looks for one meanwhile.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    static CLAIMS: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let claims = std::env::temp_dir().join("tapedeck-ports");
    std::fs::create_dir_all(&claims).expect("a directory for the claims");
    let mut free = (20_000..32_000).filter(|port| {
        let claim = File::create(claims.join(port.to_string())).expect("a claim's file");
        let is_free = claim.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", *port)).is_ok();
        if is_free {
            CLAIMS.lock().expect("no panic while it was held").push(claim);
        }
        is_free
    });
    std::array::from_fn(|_| free.next().expect("free ports"))
}
