use protocol::Storage;

use super::bytes::{chained, compact_time, encode_params, sha256_hex};
use super::{Address, Ask};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Version 4 of Amazon's signatures, in the query; of the headers only `Host` is signed.
pub(super) fn sign(storage: &Storage, ask: &Ask<'_>, lifetime_s: u64, now_ms: u64) -> String {
    let address = Address::of(storage, ask.key);
    let at = compact_time(now_ms);
    let day = at.get(..8).unwrap_or_default();
    let scope = [day, &storage.region, "s3", "aws4_request"];
    let scope_text = scope.join("/");
    let mut params = ask.params();
    let mut add = |name: &str, value: &str| params.push((name.to_owned(), value.to_owned()));
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &format!("{}/{scope_text}", storage.access_key));
    add("X-Amz-Date", &at);
    add("X-Amz-Expires", &lifetime_s.to_string());
    add("X-Amz-SignedHeaders", "host");
    if let Some(token) = &storage.session_token {
        add("X-Amz-Security-Token", token.expose());
    }
    let mut params = encode_params(&params, false);
    let canonical = format!(
        "{}\n{}\n{}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
        ask.method,
        address.path,
        params.join("&"),
        address.host,
    );
    let text = format!("{ALGORITHM}\n{at}\n{scope_text}\n{}", sha256_hex(&canonical));
    let signature = chained(&format!("AWS4{}", storage.secret_key.expose()), &scope, &text);
    params.push(format!("X-Amz-Signature={signature}"));
    address.url(&params)
}
