//! Waiting for events by asking, never by sleeping for a guessed time.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(100);

/// Asks until `probe` gives a value.
///
/// # Panics
/// When `limit` has passed without one; `what` says what was waited for.
pub async fn until<T, F>(what: &str, limit: Duration, mut probe: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let begin = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(begin.elapsed() < limit, "waited {limit:?} in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
