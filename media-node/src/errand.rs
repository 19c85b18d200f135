//! What is alike of works that the node has a process of its own do, with a directory for what that takes on the disk: names, room, and
//! how the process is started and cleared away after, for how long an answer is waited for and remembered. It does not know what the
//! work is.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use protocol::{Fault, Refusal, RefusalCode};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::supervisor::free_bytes;

/// Longest time that an answer is held back; a longer wish is cut to it.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// For how long what has come of a work is told to whoever asks again. A later one begins anew.
pub const REMEMBERED: Duration = Duration::from_secs(600);

/// Removes what an earlier process has left in the directory of all works of a kind: nobody goes on with those.
pub fn clear_all(dir: &Path) {
    let _ = std::fs::remove_dir_all(dir);
}

/// Whether a work may be called so, whose directory has that name.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Whether the disk of `dir`, which is made, has room for so many bytes besides those that are to stay free.
///
/// # Errors
/// When it has not, or cannot be measured.
pub fn check_disk(dir: &Path, bytes: u64, reserve_bytes: u64) -> Result<(), Refusal> {
    let measured = std::fs::create_dir_all(dir).and_then(|()| free_bytes(dir));
    let free = measured.map_err(|error| Refusal::internal(format!("{} cannot be used: {error}", dir.display())))?;
    let wanted = bytes.saturating_add(reserve_bytes);
    match free < wanted {
        true => Err(no_room(format!(
            "this node's disk has {free} bytes left, and {wanted} are wanted"
        ))),
        false => Ok(()),
    }
}

/// Another node may do it.
pub fn no_room(reason: String) -> Refusal {
    Refusal {
        fault: Fault::Ours,
        code: RefusalCode::NoCapacity,
        reason,
    }
}

/// Nobody can do it.
pub fn bad_job(reason: String) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason,
    }
}

/// Starts a process, in a group of its own, that is asked and answers by pipes. It is killed when it is dropped.
///
/// # Errors
/// The reason, when it does not start.
pub fn start(command: &mut Command) -> Result<(Child, ChildStdin, ChildStdout), String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("its process does not start: {error}"))?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (stdin, stdout) = pipes.ok_or("its process has no pipes")?;
    Ok((child, stdin, stdout))
}

/// What the process is asked, as a line.
///
/// # Errors
/// The reason, when it cannot be written down.
pub fn line(question: &impl serde::Serialize) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(question).map_err(|error| error.to_string())?;
    line.push(b'\n');
    Ok(line)
}

/// Removes the directory of a work that is over.
pub async fn clear(dir: &Path) {
    if let Err(error) = tokio::fs::remove_dir_all(dir).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, dir = %dir.display(), "a directory stays behind");
    }
}

#[cfg(test)]
pub mod testing {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use protocol::{Addressing, Secret, Storage, StorageKind};

    /// A store where nothing answers.
    pub fn storage() -> Storage {
        Storage {
            kind: StorageKind::S3,
            endpoint: "http://127.0.0.1:9".into(),
            region: "r".into(),
            addressing: Addressing::Path,
            bucket: "b".into(),
            access_key: "k".into(),
            secret_key: Secret::new("s"),
            session_token: None,
            session_ends_ms: None,
            prefix: "p".into(),
            encryption: None,
            tags: None,
            video: Default::default(),
        }
    }

    /// A program in `dir` that is this script of the shell.
    pub fn program(dir: &Path, script: &str) -> PathBuf {
        let program = dir.join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        program
    }
}
