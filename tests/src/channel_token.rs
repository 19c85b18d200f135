//! Channel tokens, as the back end of a customer makes them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

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

/// Tokens that let `uid` publish for an hour, made by the code of `docs/channel-tokens.md` with the libraries that it names for Python
/// and Node.js.
///
/// # Panics
/// When `scripts/setup` has not installed them.
pub async fn by_documented_code(app_id: &str, secret: &str, channel: &str, uid: &str) -> [String; 2] {
    const PAGE: &str = include_str!("../../docs/channel-tokens.md");
    let code = |language: &str| {
        let (_, behind) = PAGE
            .split_once(&format!("```{language}\n"))
            .expect("a block in that language");
        behind.split_once("\n```").expect("its end").0.to_owned()
    };
    let python = code("python") + "\nimport sys\nprint(channel_token(*sys.argv[1:], ['publish']))";
    let node = code("js") + "\nconsole.log(channelToken(...process.argv.slice(1), ['publish']))";
    let programs = [("target/python/bin/python3", "-c", python), ("node", "-e", node)];
    let run = async |(program, option, code): (&str, &str, String)| {
        let mut command = Command::new(program);
        command
            .current_dir(ROOT)
            .args([option, &code, app_id, secret, channel, uid]);
        printed(&mut command).await
    };
    let [python, node] = programs;
    [run(python).await, run(node).await]
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
    let mut command = Command::new("node");
    command
        .current_dir(ROOT)
        .args(["-e", SCRIPT, app_id, certificate, channel, &uid.to_string(), role]);
    printed(&mut command).await
}

async fn printed(command: &mut Command) -> String {
    let output = command.output().await.expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
