//! Cameras of somebody else's making, on this machine: GStreamer's RTSP server, `tests/camera.py`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What a camera asks for.
#[derive(Clone, Copy, Default)]
pub struct Asks<'a> {
    /// `user:password`, by Digest.
    pub login: Option<&'a str>,
    /// TLS with this certificate and its key, a PEM file.
    pub certificate: Option<&'a Path>,
    /// That packets travel by UDP and in no other way.
    pub udp: bool,
    /// That it is asked for key frames: by itself it sends one at its beginning.
    pub rare: bool,
    /// That it serves the same below this path, beside `/live`.
    pub also: Option<&'a str>,
}

/// A running camera; dropped, it is killed.
pub struct Camera {
    pub port: u16,
    _child: Child,
}

impl Camera {
    /// Returns once it listens.
    ///
    /// # Panics
    /// When it does not: is what `scripts/setup --tests` installs there?
    pub async fn start(asks: Asks<'_>) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("camera.py");
        let mut command = Command::new("/usr/bin/python3");
        command.arg(program).stdout(Stdio::piped()).kill_on_drop(true);
        if let Some(login) = asks.login {
            command.args(["--login", login]);
        }
        if let Some(certificate) = asks.certificate {
            command.arg("--certificate").arg(certificate);
        }
        if asks.udp {
            command.arg("--udp");
        }
        if asks.rare {
            command.arg("--rare");
        }
        if let Some(path) = asks.also {
            command.args(["--also", path]);
        }
        let mut child = command.spawn().expect("python3 runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = lines.next_line().await.expect("its output").expect("its port");
        let port = line.parse().expect("a port");
        Self { port, _child: child }
    }
}

/// A certificate that nobody trusts, with its key, as a PEM file, and the SHA-256 of it in hexadecimal digits.
///
/// # Panics
/// When `openssl` does not make one.
pub async fn self_signed(dir: &Path) -> (PathBuf, String) {
    let (key, certificate) = (dir.join("key.pem"), dir.join("certificate.pem"));
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=camera";
    let mut command = Command::new("openssl");
    command
        .args(make.split(' '))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    run(command).await;
    let mut command = Command::new("openssl");
    command
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(&certificate);
    let shown = run(command).await;
    let (_, digits) = shown.trim().split_once('=').expect("a fingerprint");
    let both = [std::fs::read(&key), std::fs::read(&certificate)].map(|read| read.expect("a file"));
    let file = dir.join("camera.pem");
    std::fs::write(&file, both.concat()).expect("a file");
    (file, digits.replace(':', "").to_lowercase())
}

async fn run(mut command: Command) -> String {
    let output = command.output().await.expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
