use protocol::Storage;

use super::bytes::{encode, encode_params, hex, hmac_sha1, sha1_hex};
use super::{Address, Ask};

/// The clocks of two servers may differ by so much, in seconds.
const SLACK_S: u64 = 60;

/// COS's signatures, in the query; of the headers only `Host` is signed.
pub(super) fn sign(storage: &Storage, ask: &Ask<'_>, lifetime_s: u64, now_ms: u64) -> String {
    let address = Address::of(storage, ask.key);
    let mut params = ask.params();
    if let Some(token) = &storage.session_token {
        params.push(("x-cos-security-token".to_owned(), token.expose().to_owned()));
    }
    let now_s = now_ms / 1_000;
    let times = format!("{};{}", now_s.saturating_sub(SLACK_S), now_s.saturating_add(lifetime_s));
    let host = [("host", address.host.as_str())];
    let signature = signed(storage, ask, &params, &host, &times);
    let mut query = encode_params(&params, false);
    query.extend(signature);
    address.url(&query)
}

/// The parameters of the signature, encoded. `params` and `headers` are what it signs, with names in lower case; `times` are
/// its first and its last second.
pub(super) fn signed(
    storage: &Storage,
    ask: &Ask<'_>,
    params: &[(String, String)],
    headers: &[(&str, &str)],
    times: &str,
) -> Vec<String> {
    let mut names: Vec<_> = params.iter().map(|(name, _)| encode(name)).collect();
    names.sort();
    let mut signed: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), encode(value)))
        .collect();
    signed.sort();
    let header_names: Vec<_> = signed.iter().map(|(name, _)| name.clone()).collect();
    let header_lines: Vec<_> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let http = format!(
        "{}\n/{}\n{}\n{}\n",
        ask.method.to_ascii_lowercase(),
        ask.key,
        encode_params(params, false).join("&"),
        header_lines.join("&"),
    );
    let key = hex(&hmac_sha1(storage.secret_key.expose().as_bytes(), times));
    let text = format!("sha1\n{times}\n{}\n", sha1_hex(&http));
    let signature = hex(&hmac_sha1(key.as_bytes(), &text));
    vec![
        "q-sign-algorithm=sha1".to_owned(),
        format!("q-ak={}", encode(&storage.access_key)),
        format!("q-sign-time={}", encode(times)),
        format!("q-key-time={}", encode(times)),
        format!("q-header-list={}", encode(&header_names.join(";"))),
        format!("q-url-param-list={}", encode(&names.join(";"))),
        format!("q-signature={signature}"),
    ]
}
