//! Requests to stores. Each has a time-out, goes to no server that the deployment does not allow, and follows no redirect.

use worker::{AbortSignal, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, web_sys};

use super::bindings;

/// The status and the body of an answer. The address is signed, so no error names it.
pub(super) async fn text(
    method: &str,
    url: &str,
    limit_ms: u64,
    max_bytes: usize,
    env: &Env,
) -> Result<(u16, String), String> {
    send(method, url, &[], None, (limit_ms, max_bytes), env).await
}

/// What is put into a store.
pub(super) struct Put<'a> {
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

/// As [`text`].
pub(super) async fn put(put: Put<'_>, limit_ms: u64, max_bytes: usize, env: &Env) -> Result<(u16, String), String> {
    send("PUT", put.url, put.headers, Some(put.body), (limit_ms, max_bytes), env).await
}

async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
    (limit_ms, max_bytes): (u64, usize),
    env: &Env,
) -> Result<(u16, String), String> {
    let (address, _) = url.split_once('?').unwrap_or((url, ""));
    bindings::targets(env)
        .check(address)
        .map_err(|problem| format!("the store's endpoint {problem}"))?;
    let sent = async {
        let mut init = RequestInit::new();
        init.with_method(Method::from(method.to_owned()))
            .with_redirect(RequestRedirect::Manual);
        let own = Headers::new();
        headers.iter().try_for_each(|(name, value)| own.set(name, value))?;
        init.with_headers(own)
            .with_body(body.map(|body| js_sys::Uint8Array::from(body).into()));
        let request = Request::new_with_init(url, &init)?;
        let limit_ms = u32::try_from(limit_ms).unwrap_or(u32::MAX);
        let limit = AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(limit_ms));
        let mut response = Fetch::Request(request).send_with_signal(&limit).await?;
        Ok((response.status_code(), response.bytes().await?))
    };
    let (status, body) = sent.await.map_err(|error: worker::Error| {
        format!(
            "the store did not answer: {}",
            error.to_string().replace(url, "its URL")
        )
    })?;
    if body.len() > max_bytes {
        return Err(format!("the store's answer is longer than {max_bytes} bytes"));
    }
    String::from_utf8(body)
        .map(|body| (status, body))
        .map_err(|_| "the store's answer is no text".to_owned())
}
