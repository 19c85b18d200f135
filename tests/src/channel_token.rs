//! Channel tokens, as the back end of a customer makes them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::process::Command;

/// The claims of a token that lets `uid` do this for an hour.
pub fn claims(app_id: &str, channel: &str, uid: &str, can: &[&str]) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    json!({ "app": app_id, "channel": channel, "uid": uid, "can": can, "exp": now.as_secs() + 3_600 })
}

/// A token with these claims, signed by HMAC-SHA-256 whatever `alg` says.
pub fn sign(alg: &str, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": alg, "typ": "JWT" })), part(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    let signature = mac.chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token of Agora's own generator, for an hour.
///
/// # Panics
/// When `scripts/setup` has not installed it.
pub async fn by_agora(app_id: &str, certificate: &str, channel: &str, uid: u32, is_publisher: bool) -> String {
    const SCRIPT: &str = "const { RtcTokenBuilder, RtcRole } = require('agora-token'); \
        const [app, certificate, channel, uid, role] = process.argv.slice(1); \
        console.log(RtcTokenBuilder.buildTokenWithUid(app, certificate, channel, Number(uid), RtcRole[role], 3600, 3600))";
    let role = if is_publisher { "PUBLISHER" } else { "SUBSCRIBER" };
    let output = Command::new("node")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["-e", SCRIPT, app_id, certificate, channel, &uid.to_string(), role])
        .output()
        .await
        .expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
