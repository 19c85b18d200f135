//! What the deployment gives the worker: secrets, variables, stores, objects, a clock and randomness.

use std::fmt;

use protocol::Secret;
use worker::{Date, Env, ObjectNamespace, console_error};

use super::kv::KvStore;
use crate::access::{Entropy, KeyRing};
use crate::input::Targets;
use crate::recording::{Pacing, Policy};

/// Two reports are up to 2 s apart.
const SHORTEST_LEASE_MS: u64 = 5_000;
/// In less no node closes its slices.
const SHORTEST_STOP_MS: u64 = 2_000;
/// Proxies end requests that take longer.
const LONGEST_STOP_MS: u64 = 60_000;
/// A month: the longest time that a delivery can be paced with.
const MAX_PACE_MS: u64 = 30 * 24 * 3_600_000;

/// A binding or secret is missing or malformed: the operator's to mend. The text names it and holds no secret.
#[derive(Debug)]
pub(super) struct Misconfigured(String);

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn seal_keys(env: &Env) -> Result<KeyRing, Misconfigured> {
    KeyRing::parse(&secret(env, "TAPEDECK_SEAL_KEYS")?).map_err(|error| Misconfigured(error.to_string()))
}

pub(super) fn admin_token(env: &Env) -> Result<Secret, Misconfigured> {
    secret(env, "TAPEDECK_ADMIN_TOKEN")
}

/// The token that all nodes share, where the deployment has one: without it they have tokens of their own only.
pub(super) fn shared_node_token(env: &Env) -> Option<Secret> {
    secret(env, "TAPEDECK_NODE_TOKEN").ok()
}

/// Which servers a customer may name: those of the public Internet, unless the deployment says otherwise.
pub(super) fn targets(env: &Env) -> Targets {
    let allowed = env
        .var("TAPEDECK_ALLOW_PRIVATE_TARGETS")
        .ok()
        .map(|value| value.to_string().to_ascii_lowercase());
    match allowed.as_deref() {
        None | Some("" | "0" | "false" | "no" | "off") => Targets::Public,
        Some(_) => Targets::Any,
    }
}

/// How events are delivered; what the deployment does not set, or sets to no number above 0, has its default.
pub(super) fn pacing(env: &Env) -> Pacing {
    let number = |name: &str| {
        let value = env.var(name).ok()?.to_string().parse().ok();
        value.filter(|number| (1..=MAX_PACE_MS).contains(number))
    };
    let default = Pacing::default();
    let first_pause_ms = number("TAPEDECK_WEBHOOK_RETRY_MS").unwrap_or(default.first_pause_ms);
    Pacing {
        timeout_ms: number("TAPEDECK_WEBHOOK_TIMEOUT_MS").unwrap_or(default.timeout_ms),
        first_pause_ms,
        longest_pause_ms: first_pause_ms * (default.longest_pause_ms / default.first_pause_ms),
        give_up_ms: number("TAPEDECK_WEBHOOK_GIVE_UP_MS").unwrap_or(default.give_up_ms),
    }
}

/// Where customers reach the edge, without a slash at its end; `None` when the deployment does not say.
pub(super) fn public_url(env: &Env) -> Option<String> {
    let url = env.var("TAPEDECK_PUBLIC_URL").ok()?.to_string();
    let url = url.trim().trim_end_matches('/');
    (url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned())
}

/// The region whose nodes are preferred; `None` when the deployment names none.
pub(super) fn region(env: &Env) -> Option<String> {
    env.var("TAPEDECK_REGION")
        .ok()
        .map(|region| region.to_string())
        .filter(|region| !region.is_empty())
}

/// When a node counts as lost, when a recording without a node ends, and when a stop is answered. A variable that is absent, or no number, leaves the
/// default.
pub(super) fn policy(env: &Env) -> Policy {
    let standard = Policy::default();
    Policy {
        lease_ms: seconds(env, "TAPEDECK_LEASE_S").map_or(standard.lease_ms, |ms| ms.max(SHORTEST_LEASE_MS)),
        lost_ms: seconds(env, "TAPEDECK_NODE_LOST_S").unwrap_or(standard.lost_ms),
        stop_ms: seconds(env, "TAPEDECK_STOP_WAIT_S")
            .map_or(standard.stop_ms, |ms| ms.clamp(SHORTEST_STOP_MS, LONGEST_STOP_MS)),
        await_ms: seconds(env, "TAPEDECK_AWAIT_S").unwrap_or(standard.await_ms),
    }
}

fn seconds(env: &Env, name: &str) -> Option<u64> {
    let text = env.var(name).ok()?.to_string();
    let seconds = text.trim().parse::<u64>().ok();
    if seconds.is_none() && !text.trim().is_empty() {
        console_error!("the variable {name} is not a number of seconds: {text:?}");
    }
    seconds.map(|seconds| seconds.saturating_mul(1_000))
}

pub(super) fn directory(env: &Env) -> Result<KvStore, Misconfigured> {
    env.kv("DIRECTORY")
        .map(KvStore::new)
        .map_err(|error| Misconfigured(format!("the KV binding DIRECTORY: {error}")))
}

pub(super) fn objects(env: &Env, binding: &str) -> Result<ObjectNamespace, Misconfigured> {
    env.durable_object(binding)
        .map_err(|error| Misconfigured(format!("the object binding {binding}: {error}")))
}

/// Unix milliseconds. The runtime's clock stands still between two waits.
pub(super) fn now_ms() -> u64 {
    Date::now().as_millis()
}

pub(super) fn entropy() -> Entropy {
    Entropy::new(random())
}

pub(super) fn request_id() -> String {
    hex::encode(random::<16>())
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // The runtime's generator does not fail; should it ever, a predictable id or nonce must not go out.
        console_error!("no randomness: {error}");
        worker::wasm_bindgen::throw_str("no randomness");
    }
    bytes
}

fn secret(env: &Env, name: &str) -> Result<Secret, Misconfigured> {
    let value = env.secret(name).map(|value| value.to_string()).unwrap_or_default();
    if value.is_empty() {
        Err(Misconfigured(format!("the secret {name} is not set")))
    } else {
        Ok(Secret::new(value))
    }
}
