use std::sync::Arc;

use crate::spool::{Spool, SpoolError};

/// Carries out a step that waits for the disk.
pub(super) async fn on_disk(
    spool: &Arc<Spool>,
    step: impl FnOnce(&Spool) -> Result<(), SpoolError> + Send + 'static,
) -> Result<(), String> {
    let spool = Arc::clone(spool);
    let done = tokio::task::spawn_blocking(move || step(&spool)).await;
    done.map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}
