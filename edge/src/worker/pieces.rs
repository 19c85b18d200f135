//! Pieces of files that customers send, which are put into the app's own store.

use worker::Env;

use super::{apps, bindings, outbound};
use crate::access::App;
use crate::joining::Order;
use crate::upload::writing;

/// For a store to take a piece.
const LIMIT_MS: u64 = 60_000;
/// The longest answer of a store that is read.
const MAX_BYTES: usize = 64 << 10;

/// Puts a piece of an upload into the app's store.
pub(super) async fn store(order: &Order, number: usize, piece: &[u8], env: &Env) -> Result<(), String> {
    let app = apps::find(&order.key.app_id, env).await?.ok_or("the app is gone")?;
    put(&app, order, number, piece, env).await
}

pub(super) async fn put(app: &App, order: &Order, number: usize, piece: &[u8], env: &Env) -> Result<(), String> {
    let put = writing(app, order, number, bindings::now_ms())?;
    let request = outbound::Put {
        url: &put.url,
        headers: put.headers,
        body: piece,
    };
    match outbound::put(request, LIMIT_MS, MAX_BYTES, env).await? {
        (200..300, _) => Ok(()),
        (status, answer) => {
            let answer: String = answer.chars().take(300).collect();
            Err(format!("the store answered {status}: {answer}"))
        }
    }
}
