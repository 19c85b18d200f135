//! Files that customers send: the sockets by which their clients do, which are handed to the upload's object, and the bodies of
//! requests.

use futures_util::TryStreamExt;
use worker::{Env, Request, Response};

use super::objects::{Upload, counting, open};
use super::pieces::put;
use super::{REQUEST_ID, bindings, transport};
use crate::access::App;
use crate::dialect::Receiving;
use crate::joining::Order;
use crate::metrics::Route;
use crate::room::ids;
use crate::upload::{Form, Pieces, Problem};

/// Of a body that nobody wants.
const MAX_DRAINED_BYTES: usize = 1 << 20;
/// How often a piece is sent.
const TRIES: usize = 3;

/// The record that a request opens a WebSocket to upload.
pub(super) fn opened(request: &Request) -> Option<String> {
    let upgrades = matches!(request.headers().get("Upgrade"), Ok(Some(_)));
    let is_place = upgrades && ids::is_upload_path(&request.path());
    let is_id = |id: &String| id.len() == 7 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_place
        .then(|| transport::parameter(request, "recordId"))
        .flatten()
        .filter(is_id)
}

pub(super) async fn answer(record_id: &str, request: Request, env: &Env) -> worker::Result<Response> {
    match open::<Upload>(env, record_id, request).await {
        Ok(response) => {
            counting::answered(Route::Room, response.status_code());
            Ok(response)
        }
        Err(_) => {
            counting::answered(Route::Room, 500);
            let response = transport::message(500, "The upload's object does not answer");
            transport::write(response.with_header(REQUEST_ID, &bindings::request_id()))
        }
    }
}

/// Puts the file in a request's body into the store; returns the sizes of its pieces.
pub(super) async fn receive(receiving: &Receiving, body: Option<Request>, env: &Env) -> Result<Vec<u64>, Problem> {
    let mut request = body.ok_or(Problem::Broken)?;
    let Receiving { app, order, form, .. } = receiving;
    let mut form: Form = form.clone();
    let (mut pieces, mut sizes) = (Pieces::default(), Vec::new());
    let mut chunks = request.stream().map_err(|_| Problem::Broken)?;
    while let Some(chunk) = chunks.try_next().await.map_err(|_| Problem::Broken)? {
        pieces.push(&form.push(&chunk)?)?;
        while let Some(piece) = pieces.whole() {
            sizes.push(stored(app, order, sizes.len(), &piece, env).await?);
        }
    }
    form.finish()?;
    if let Some(piece) = pieces.rest() {
        sizes.push(stored(app, order, sizes.len(), &piece, env).await?);
    }
    Ok(sizes)
}

/// Reads a body that nobody wants, as far as it is short: where a body is not read, the client's connection is reset.
pub(super) async fn drain(mut request: Request) {
    let Ok(mut chunks) = request.stream() else {
        return;
    };
    let mut left = MAX_DRAINED_BYTES;
    while let Ok(Some(chunk)) = chunks.try_next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            return;
        }
    }
}

async fn stored(app: &App, order: &Order, number: usize, piece: &[u8], env: &Env) -> Result<u64, Problem> {
    let mut left = TRIES;
    loop {
        left -= 1;
        match put(app, order, number, piece, env).await {
            Ok(()) => return Ok(piece.len() as u64),
            Err(error) if left == 0 => return Err(Problem::Store(error)),
            Err(_) => {}
        }
    }
}
