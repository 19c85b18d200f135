//! Control groups, version 2, with one below the node's own for each recording.
//!
//! A group that has processes can have no limited groups below it, so the node's own process stands in a group of its
//! own beside those of the recordings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const MOUNT: &str = "/sys/fs/cgroup";
/// The group that the node's process stands in, below the one that was delegated to the node.
const OWN: &str = "node";

/// The group below which those of recordings are made.
#[derive(Debug)]
pub(super) struct Cgroups {
    base: PathBuf,
}

/// The group of one process, removed with this value.
#[derive(Debug)]
pub(super) struct Cgroup {
    dir: PathBuf,
}

impl Cgroups {
    /// `None` where control groups of version 2 are not there or may not be made.
    pub(super) fn find() -> Option<Self> {
        let found = Self::prepare(&own_dir()?, std::process::id());
        found
            .inspect_err(|error| tracing::debug!(%error, "the node cannot make control groups"))
            .ok()
    }

    /// `own`: the group that this process is in.
    fn prepare(own: &Path, pid: u32) -> io::Result<Self> {
        let base = match (own.file_name(), own.parent()) {
            (Some(name), Some(parent)) if name == OWN => parent.to_owned(),
            _ => {
                let procs = fs::read_to_string(own.join("cgroup.procs"))?;
                if procs.trim() != pid.to_string() {
                    return Err(io::Error::other("other processes are in the node's group"));
                }
                let inner = own.join(OWN);
                match fs::create_dir(&inner) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => fs::write(inner.join("cgroup.procs"), pid.to_string())?,
                }
                own.to_owned()
            }
        };
        fs::write(base.join("cgroup.subtree_control"), "+memory")?;
        Ok(Self { base })
    }

    /// A group whose processes are killed together when they need more than `bytes`.
    pub(super) fn make(&self, name: &str, bytes: u64) -> io::Result<Cgroup> {
        let dir = self.base.join(format!("recording-{name}"));
        match fs::create_dir(&dir) {
            // One that an earlier process has left.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let cgroup = Cgroup { dir };
        cgroup.set("memory.max", bytes)?;
        cgroup.set("memory.oom.group", 1)?;
        // Not there without swap.
        let _ = cgroup.set("memory.swap.max", 0);
        Ok(cgroup)
    }
}

impl Cgroup {
    pub(super) fn enclose(&self, pid: u32) -> io::Result<()> {
        self.set("cgroup.procs", u64::from(pid))
    }

    pub(super) fn has_killed(&self) -> bool {
        fs::read_to_string(self.dir.join("memory.events")).is_ok_and(|events| kills(&events) > 0)
    }

    fn set(&self, file: &str, value: u64) -> io::Result<()> {
        fs::write(self.dir.join(file), value.to_string())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.dir) {
            tracing::debug!(dir = %self.dir.display(), %error, "a control group stays");
        }
    }
}

/// The limit that this process is under already.
pub(super) fn own_limit() -> Option<u64> {
    let text = fs::read_to_string(own_dir()?.join("memory.max")).ok()?;
    text.trim().parse().ok()
}

fn own_dir() -> Option<PathBuf> {
    let mount = Path::new(MOUNT);
    // With version 1 the mount has a folder for each controller instead.
    mount.join("cgroup.controllers").exists().then_some(())?;
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own_path(&text)?;
    Some(mount.join(path.trim_start_matches('/')))
}

fn own_path(proc_self_cgroup: &str) -> Option<&str> {
    proc_self_cgroup.lines().find_map(|line| line.strip_prefix("0::"))
}

fn kills(memory_events: &str) -> u64 {
    let counts = memory_events.lines().filter_map(|line| line.strip_prefix("oom_kill "));
    counts.filter_map(|count| count.trim().parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 77;

    /// A folder with files in the place of a control group.
    fn group(procs: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("cgroup.procs"), procs).unwrap();
        dir
    }

    fn text(path: PathBuf) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_node_alone_in_its_group_steps_aside_for_its_recordings() {
        let dir = group("77\n");
        let cgroups = Cgroups::prepare(dir.path(), PID).unwrap();
        assert_eq!(text(dir.path().join("node/cgroup.procs")), "77");
        assert_eq!(text(dir.path().join("cgroup.subtree_control")), "+memory");
        let cgroup = cgroups.make("ab", 5_000).unwrap();
        cgroup.enclose(99).unwrap();
        let file = |name: &str| text(dir.path().join("recording-ab").join(name));
        assert_eq!(
            [file("memory.max"), file("memory.oom.group"), file("cgroup.procs")],
            ["5000", "1", "99"]
        );
        assert!(!cgroup.has_killed());
        fs::write(
            dir.path().join("recording-ab/memory.events"),
            "oom 2\noom_kill 1\noom_group_kill 1\n",
        )
        .unwrap();
        assert!(cgroup.has_killed());
    }

    #[test]
    fn a_node_in_a_subgroup_makes_its_groups_beside_it() {
        let dir = group("");
        fs::create_dir(dir.path().join(OWN)).unwrap();
        let cgroups = Cgroups::prepare(&dir.path().join(OWN), PID).unwrap();
        assert_eq!(cgroups.base, dir.path());
    }

    #[test]
    fn a_group_with_other_processes_is_left_as_it_is() {
        let dir = group("1\n77\n");
        assert!(Cgroups::prepare(dir.path(), PID).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_group_of_a_process_is_that_of_version_2() {
        assert_eq!(
            own_path("4:memory:/old\n0::/system.slice/node\n"),
            Some("/system.slice/node")
        );
        assert_eq!(own_path("4:memory:/old\n"), None);
    }
}
