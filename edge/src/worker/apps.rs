//! Apps, for those who know nothing of a request but the app's id.

use worker::Env;

use super::bindings;
use crate::access::{App, Directory};

/// The app as the directory has it at this moment.
///
/// # Errors
/// Why that is not known, for the operator.
pub(super) async fn find(app_id: &str, env: &Env) -> Result<Option<App>, String> {
    let (store, keys) = match (bindings::directory(env), bindings::seal_keys(env)) {
        (Ok(store), Ok(keys)) => (store, keys),
        (Err(error), _) | (_, Err(error)) => return Err(error.to_string()),
    };
    let app = Directory::new(&store, &keys).app(app_id).await;
    app.map_err(|error| error.to_string())
}
