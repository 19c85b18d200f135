//! What the process of a recording may take of the machine's memory, so that one recording that needs too much costs
//! nothing but itself. `cgroup` has the kernel see to it where the node may make control groups; elsewhere the process
//! limits itself.

mod cgroup;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

use cgroup::{Cgroup, Cgroups};

/// How a process ends that has used up its memory.
const EXIT_CODE: i32 = 12;
/// How often a process looks at its own memory.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Without a choice of the operator's a recording may take a quarter of the machine, at least what a mix of many users
/// needs, and never more than half of the machine.
const LEAST_BYTES: u64 = 2 << 30;

/// The limit that holds for each process, and how it is kept.
#[derive(Debug)]
pub struct Memory {
    bytes: u64,
    cgroups: Option<Cgroups>,
}

/// The limit of one process.
#[derive(Debug)]
pub struct Allowance {
    bytes: u64,
    cgroup: Option<Cgroup>,
}

impl Memory {
    /// `bytes`: for each recording; by default what fits the machine.
    pub fn new(bytes: Option<u64>) -> Self {
        let cgroups = Cgroups::find();
        let bytes = bytes.unwrap_or_else(|| usual(machine_bytes()));
        let kept_by = if cgroups.is_some() {
            "control groups"
        } else {
            "the processes"
        };
        tracing::info!(bytes, kept_by, "memory of each recording");
        Self { bytes, cgroups }
    }

    /// Kept by the processes themselves.
    #[cfg(test)]
    pub fn of_processes(bytes: u64) -> Self {
        Self { bytes, cgroups: None }
    }

    /// The limit of the process of this name.
    pub fn allowance(&self, name: &str) -> Allowance {
        let made = self.cgroups.as_ref().map(|cgroups| cgroups.make(name, self.bytes));
        let cgroup = made.and_then(|made| {
            made.inspect_err(|error| tracing::warn!(name, %error, "no control group: the process limits itself"))
                .ok()
        });
        Allowance {
            bytes: self.bytes,
            cgroup,
        }
    }
}

impl Allowance {
    /// For a process that has to limit itself.
    pub fn arguments(&self) -> Vec<String> {
        match self.cgroup {
            Some(_) => Vec::new(),
            None => vec!["--memory-limit".to_owned(), self.bytes.to_string()],
        }
    }

    /// Puts a process under the limit.
    pub fn enclose(&self, pid: Option<u32>) {
        if let (Some(cgroup), Some(pid)) = (&self.cgroup, pid)
            && let Err(error) = cgroup.enclose(pid)
        {
            tracing::warn!(%error, "a recording's process has no limit of memory");
        }
    }

    /// Why a process that ended with `status` was short of memory; `None` when it was not.
    pub fn exceeded(&self, status: ExitStatus) -> Option<String> {
        let limit = format!(
            "its process needed more memory than the {} MiB that a recording may take",
            self.bytes >> 20
        );
        let killed = self.cgroup.as_ref().is_some_and(Cgroup::has_killed);
        if killed || status.code() == Some(EXIT_CODE) {
            return Some(limit);
        }
        // What cannot be allocated ends a process so, before it can say why.
        let aborted = self.cgroup.is_none() && status.signal() == Some(Signal::SIGABRT as i32);
        aborted.then(|| format!("its process was aborted, most likely because {limit}"))
    }
}

/// Limits the memory of this process: at the limit allocations fail, and shortly before it the process ends by itself,
/// with a word in its log.
///
/// # Errors
/// When the system does not take the limit.
pub fn limit_own(bytes: u64) -> Result<(), String> {
    let told = |error| format!("the memory cannot be limited to {bytes} bytes: {error}");
    setrlimit(Resource::RLIMIT_DATA, bytes, bytes).map_err(|error| told(error.to_string()))?;
    let most = bytes - bytes / 16;
    let watch = move || {
        loop {
            // Data without stacks, as the limit counts it.
            if read_bytes("/proc/self/status", "VmData:").is_some_and(|data| data > most) {
                tracing::error!(
                    limit = bytes,
                    "this recording needs more memory than it may take: it begins anew"
                );
                std::process::exit(EXIT_CODE);
            }
            thread::sleep(LOOK_EVERY);
        }
    };
    let started = thread::Builder::new().name("memory".to_owned()).spawn(watch);
    started.map(drop).map_err(|error| told(error.to_string()))
}

fn usual(machine: u64) -> u64 {
    (machine / 4).max(LEAST_BYTES).min(machine / 2)
}

/// The memory that there is for the node.
fn machine_bytes() -> u64 {
    let installed = read_bytes("/proc/meminfo", "MemTotal:");
    let allowed = cgroup::own_limit();
    installed.into_iter().chain(allowed).min().unwrap_or(LEAST_BYTES)
}

fn read_bytes(path: &str, name: &str) -> Option<u64> {
    bytes_in(&std::fs::read_to_string(path).ok()?, name)
}

/// A line `name number kB` of a file below `/proc`.
fn bytes_in(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_may_take_a_quarter_of_a_large_machine_and_half_of_a_small_one() {
        let gib = |number: u64| number << 30;
        assert_eq!(usual(gib(64)), gib(16));
        assert_eq!(usual(gib(6)), gib(2));
        assert_eq!(usual(gib(2)), gib(1));
    }

    /// Takes memory by pieces of so many bytes, under a limit, when it runs as a process of its own.
    #[test]
    fn taking_too_much() {
        let Some(piece) = std::env::var("TAPEDECK_TEST_PIECE")
            .ok()
            .and_then(|text| text.parse().ok())
        else {
            return;
        };
        limit_own(512 << 20).unwrap();
        let mut taken: Vec<Vec<u8>> = Vec::new();
        loop {
            taken.push(vec![1; piece]);
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_process_that_takes_too_much_ends_by_itself_however_fast_it_is() {
        let test = "supervisor::memory::tests::taking_too_much";
        for (piece, said) in [
            (4u64 << 20, "its process needed more"),
            (2 << 30, "most likely because its process needed"),
        ] {
            let mut process = std::process::Command::new(std::env::current_exe().unwrap());
            process
                .args(["--exact", test])
                .env("TAPEDECK_TEST_PIECE", piece.to_string());
            let ended = process.output().unwrap().status;
            let why = Memory::of_processes(512 << 20).allowance("a").exceeded(ended);
            assert!(why.as_ref().is_some_and(|why| why.contains(said)), "{ended:?}: {why:?}");
        }
        let other = std::process::Command::new("false").status().unwrap();
        assert_eq!(Memory::of_processes(1).allowance("a").exceeded(other), None);
    }

    #[test]
    fn the_kernel_s_texts_are_read() {
        let meminfo = "MemTotal:       24683520 kB\nMemFree: 1 kB\n";
        assert_eq!(bytes_in(meminfo, "MemTotal:"), Some(24_683_520 << 10));
        assert_eq!(bytes_in("nonsense", "MemTotal:"), None);
        assert!(read_bytes("/proc/self/status", "VmData:").is_some_and(|bytes| bytes > 0));
    }
}
