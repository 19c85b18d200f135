use protocol::Storage;

use super::bytes::{chained, compact_time, encode_params, encode_path, sha256_hex};
use super::{Address, Ask};

const ALGORITHM: &str = "OSS4-HMAC-SHA256";

/// Version 4 of OSS's signatures, in the query.
pub(super) fn sign(storage: &Storage, ask: &Ask<'_>, lifetime_s: u64, now_ms: u64) -> String {
    let params = signed(storage, ask.method, ask.key, ask.params(), "", lifetime_s, now_ms);
    Address::of(storage, ask.key).url(&params)
}

/// The parameters with those of the signature. `headers`: those that are signed, a line for each.
pub(super) fn signed(
    storage: &Storage,
    method: &str,
    key: &str,
    mut params: Vec<(String, String)>,
    headers: &str,
    lifetime_s: u64,
    now_ms: u64,
) -> Vec<String> {
    let at = compact_time(now_ms);
    let day = at.get(..8).unwrap_or_default();
    let scope = [day, &storage.region, "oss", "aliyun_v4_request"];
    let scope_text = scope.join("/");
    let mut add = |name: &str, value: &str| params.push((name.to_owned(), value.to_owned()));
    add("x-oss-signature-version", ALGORITHM);
    add("x-oss-credential", &format!("{}/{scope_text}", storage.access_key));
    add("x-oss-date", &at);
    add("x-oss-expires", &lifetime_s.to_string());
    if let Some(token) = &storage.session_token {
        add("x-oss-security-token", token.expose());
    }
    let mut params = encode_params(&params, true);
    // Whatever the address, the bucket stands in front.
    let canonical = format!(
        "{method}\n/{}/{}\n{}\n{headers}\n\nUNSIGNED-PAYLOAD",
        storage.bucket,
        encode_path(key),
        params.join("&"),
    );
    let text = format!("{ALGORITHM}\n{at}\n{scope_text}\n{}", sha256_hex(&canonical));
    let signature = chained(&format!("aliyun_v4{}", storage.secret_key.expose()), &scope, &text);
    params.push(format!("x-oss-signature={signature}"));
    params
}
