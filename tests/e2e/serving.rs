//! What `edge/serve.mjs` says to an operator whose settings do not fit.

use std::process::Stdio;
use std::time::Duration;

use tapedeck_tests::stack::{Stack, free_ports};
use tokio::process::Command;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(120);

pub(crate) async fn an_edge_that_lacks_something_says_so_and_ends(_: &Stack) {
    let dir = tempfile::tempdir().expect("a directory");
    // A service has no home directory: here nobody could make one.
    let home = dir.path().join("home");
    std::fs::write(&home, "").expect("a file");
    let [port] = free_ports::<1>();
    let port = port.to_string();
    for (port, variables, expected) in [
        (
            &*port,
            [("TAPEDECK_ADMIN_TOKEN", "a")],
            "the secret TAPEDECK_SEAL_KEYS is not set",
        ),
        (
            &*port,
            [("TAPEDECK_PUBLIC_URL", "edge.example.com")],
            "TAPEDECK_PUBLIC_URL is no URL",
        ),
        ("http", [("TAPEDECK_ADMIN_TOKEN", "a")], "--port is no port: http"),
    ] {
        let mut command = Command::new("node");
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../edge/serve.mjs"))
            .args(["--port", port, "--state"])
            .arg(dir.path().join("state"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("a PATH"))
            .env("HOME", &home)
            .envs(variables)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(LIMIT, command.output())
            .await
            .expect("it ends")
            .expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.starts_with(&format!("edge: {expected}")), "{told}");
    }
}
