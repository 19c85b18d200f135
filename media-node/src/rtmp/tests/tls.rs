//! Publishing in TLS, by a client that others built.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::process::Command;

use super::server::Server;
use crate::rtmp::Certificate;

/// A certificate for this machine and its key.
async fn make(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (chain, key) = (dir.join("chain.pem"), dir.join("key.pem"));
    let request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj";
    let made = Command::new("openssl")
        .args(request.split(' '))
        .arg(format!("/CN={name}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (chain, key)
}

#[tokio::test]
async fn ffmpeg_publishes_by_rtmps_and_whoever_does_not_speak_tls_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = make(dir.path(), "node").await;
    let certificate = Arc::new(Certificate::read(chain, key).unwrap());
    let server = Server::start_in_tls(certificate).await;
    let mut plain = Command::new("ffmpeg")
        .args("-nostdin -v error -f lavfi -i testsrc2=s=160x90:r=15 -c:v libx264 -f flv".split(' '))
        .arg(format!("rtmp://{}/app/room/plain", server.address))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let _publisher = Command::new("ffmpeg")
        .args("-nostdin -v error -re -f lavfi -i testsrc2=s=160x90:r=15 -f lavfi -i sine=sample_rate=48000".split(' '))
        .args("-c:v libx264 -preset ultrafast -g 15 -pix_fmt yuv420p -c:a aac -f flv".split(' '))
        .arg(format!("rtmps://{}/app/room/u", server.address))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    server.published("u", None).await;
    assert!(!plain.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_a_wrong_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = make(dir.path(), "first").await;
    let certificate = Certificate::read(chain.clone(), key.clone()).unwrap();
    let first = certificate.acceptor();
    assert!(Arc::ptr_eq(first.config(), certificate.acceptor().config()));
    make(dir.path(), "second").await;
    let second = certificate.acceptor();
    assert!(!Arc::ptr_eq(first.config(), second.config()));
    std::fs::write(&chain, "nothing").unwrap();
    assert!(Arc::ptr_eq(second.config(), certificate.acceptor().config()));
    let refused = Certificate::read(chain.clone(), key).err().unwrap();
    assert!(refused.contains(&chain.display().to_string()), "{refused}");
}
