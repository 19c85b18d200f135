//! Deletes what is in a place of a store, round by round.

use futures_util::future::join_all;
use worker::Env;

use super::counting;
use crate::erasing::{Place, deleted};
use crate::worker::{bindings, outbound};

/// Requests at the same time, as many as the platform makes.
const ABREAST: usize = 6;
/// For a store to answer.
const LIMIT_MS: u64 = 20_000;
/// The longest answer that is read: many times the list of one round.
const MAX_BYTES: usize = 1 << 20;

/// Deletes what is in a place, or the first of it: false if there may be more.
pub(super) async fn empty(place: &Place, env: &Env) -> Result<bool, String> {
    let listing = place.listing(bindings::now_ms());
    let (status, answer) = outbound::text("GET", &listing, LIMIT_MS, MAX_BYTES, env).await?;
    let deletions = place.deletions(status, &answer, bindings::now_ms())?;
    if deletions.is_empty() {
        return Ok(true);
    }
    delete(&deletions, env).await?;
    Ok(false)
}

/// Deletes the objects that a DELETE of these addresses removes.
pub(super) async fn delete(urls: &[String], env: &Env) -> Result<(), String> {
    for urls in urls.chunks(ABREAST) {
        let answers = urls
            .iter()
            .map(|url| outbound::text("DELETE", url, LIMIT_MS, MAX_BYTES, env));
        for answer in join_all(answers).await {
            let (status, _) = answer?;
            deleted(status)?;
        }
        counting::count(|counts| counts.erasures.deleted(urls.len()));
    }
    Ok(())
}
