use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::Config;
use super::memory::Allowance;
use super::pipe::{self, FromProcess, ToProcess};

/// A process that does not read its input for so long is stuck.
const WRITE_TIME: Duration = Duration::from_secs(5);
/// Reports that wait to be read; each replaces the ones before it, so that few are enough.
const MOST_WAITING: usize = 8;

/// How a process has ended.
pub(super) struct Exit {
    pub(super) status: ExitStatus,
    /// Why it was short of memory, if it was.
    pub(super) short_of_memory: Option<String>,
}

/// The running process of a recording. Dropped, it is killed.
pub(super) struct Process {
    child: Child,
    allowance: Allowance,
    stdin: ChildStdin,
    told: mpsc::Receiver<FromProcess>,
}

impl Process {
    pub(super) fn start(config: &Config, dir: &Path) -> io::Result<Self> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let allowance = config.memory.allowance(&name);
        let mut child = Command::new(&config.program)
            .args(["record", "--supervised", "--dir"])
            .arg(dir)
            .args(&config.arguments)
            .args(allowance.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C in the terminal is for the supervisor, which ends its recordings in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        allowance.enclose(child.id());
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| io::Error::other("the process has no pipes"))?;
        let (sender, told) = mpsc::channel(MOST_WAITING);
        tokio::spawn(read(stdout, sender));
        Ok(Self {
            child,
            allowance,
            stdin,
            told,
        })
    }

    pub(super) async fn send(&mut self, control: &ToProcess) -> io::Result<()> {
        let line = pipe::encode(control)?;
        tokio::time::timeout(WRITE_TIME, self.stdin.write_all(&line)).await?
    }

    /// What the process tells next; `None` when it has closed its output. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<FromProcess> {
        self.told.recv().await
    }

    /// Waits for the end, and forces it after `grace`. The process sees the end of its input at once.
    pub(super) async fn end(self, grace: Duration) -> io::Result<Exit> {
        let Self {
            mut child,
            allowance,
            stdin,
            told: _,
        } = self;
        drop(stdin);
        let status = match tokio::time::timeout(grace, child.wait()).await {
            Ok(status) => status?,
            Err(_) => {
                child.start_kill()?;
                child.wait().await?
            }
        };
        let short_of_memory = allowance.exceeded(status);
        Ok(Exit {
            status,
            short_of_memory,
        })
    }
}

async fn read(stdout: ChildStdout, sender: mpsc::Sender<FromProcess>) {
    let mut lines = BufReader::new(stdout);
    loop {
        match pipe::next(&mut lines).await {
            Ok(Some(told)) => {
                if sender.send(told).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "a recording's process violates the protocol");
                return;
            }
        }
    }
}
