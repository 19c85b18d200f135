//! Settings of an operator's: what `edge/serve.mjs` says where they do not fit, and what the node does by those of RTMP in TLS.

use std::process::Stdio;
use std::time::Duration;

use tapedeck_tests::publisher::{Media, Publisher};
use tapedeck_tests::stack::{Stack, free_ports, node_program};
use tapedeck_tests::wait;
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

pub(crate) async fn rtmp_in_tls_is_taken_where_the_settings_say(stack: &Stack) {
    let dir = tempfile::tempdir().expect("a directory");
    let (key, certificate) = (dir.path().join("key.pem"), dir.path().join("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-subj", "/CN=localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    assert!(made.await.expect("openssl").status.success());
    let [api, rtsp, rtmps] = free_ports().map(|port| format!("127.0.0.1:{port}"));
    let mut node = Command::new(node_program());
    node.arg("serve")
        .env("TAPEDECK_SPOOL", dir.path().join("spool"))
        .env("TAPEDECK_NODE_LISTEN", &api)
        .env("TAPEDECK_RTSP_LISTEN", &rtsp)
        .env("TAPEDECK_RTMPS_LISTEN", &rtmps)
        .env("TAPEDECK_RTMPS_CERTIFICATE", &certificate)
        .env("TAPEDECK_RTMPS_KEY", &key)
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let _node = node.spawn().expect("a node");
    let client = stack.customer().client;
    let get = async |path: &str| {
        let answer = client.get(format!("http://{api}{path}")).send().await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    };
    wait::until("the node is ready", LIMIT, async || get("/readyz").await).await;
    let url = format!("rtmps://{rtmps}/app/lobby/1");
    let mut publisher = Publisher::ffmpeg_by_rtmp(&url, &Media::picture_and_tone(320, 180), stack.logs());
    wait::until("a stream is published", LIMIT, async || {
        publisher.assert_alive();
        get("/metrics")
            .await?
            .contains("tapedeck_published_streams 1\n")
            .then_some(())
    })
    .await;
}
