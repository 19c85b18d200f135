use std::path::Path;
use std::process::ExitCode;

use crate::spool;

/// Prints what the check finds; success when no invariant is broken.
pub(super) fn run(dir: &Path) -> ExitCode {
    let recordings = match spool::check_all(dir) {
        Ok(recordings) => recordings,
        Err(error) => {
            eprintln!("media-node: {error}");
            return ExitCode::FAILURE;
        }
    };
    if recordings.is_empty() {
        println!("no recordings in {}", dir.display());
    }
    let mut violated = false;
    for (name, findings) in recordings {
        println!("{name}");
        for finding in findings {
            violated |= finding.is_violation();
            println!("  {finding}");
        }
    }
    if violated { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
