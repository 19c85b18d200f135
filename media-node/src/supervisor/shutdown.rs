use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::Supervisor;
use super::recording::{Order, Status};

/// What a recording's process may take beyond its time for uploads, to end in order.
pub(super) const EXIT_GRACE: Duration = Duration::from_secs(5);
/// How long another node may take to go on with a recording: the edge finds one and lets it capture beside this one.
const RELIEF_TIME: Duration = Duration::from_secs(30);

impl Supervisor {
    /// Takes no more jobs and lets go of the recordings. With an edge, which `edge_heard` tells of, another node is waited
    /// for that goes on with each; without one, and where no other node is free, captures end. Uploads are waited for, at
    /// most for `drain`, and until the ends that were reached are acknowledged. What is not up then stays in the spools.
    pub async fn shut_down(&self, drain: Duration, edge_heard: Option<watch::Receiver<bool>>) {
        self.inner.draining.store(true, Ordering::Relaxed);
        let recordings = self.recordings();
        let all_settled = || async {
            for recording in &recordings {
                // An error means that the keeper has gone, which is what is waited for.
                let _ = recording.status().wait_for(Status::is_settled).await;
            }
        };
        let order_all = |order: fn(Duration) -> Order| {
            for recording in &recordings {
                // A recording whose keeper has gone has nothing to let go of.
                let _ = recording.order(order(drain));
            }
        };
        if let Some(edge_heard) = edge_heard {
            order_all(Order::Leave);
            tokio::select! {
                () = all_settled() => return,
                () = silence(edge_heard) => tracing::warn!("the edge does not answer: no other node can take over the recordings"),
                () = tokio::time::sleep(RELIEF_TIME) => {}
            }
        }
        order_all(Order::Interrupt);
        if tokio::time::timeout(drain + EXIT_GRACE, all_settled()).await.is_err() {
            tracing::warn!("some recordings did not end in time");
        }
    }
}

/// Resolves when the edge does not answer.
async fn silence(mut edge_heard: watch::Receiver<bool>) {
    // The agent has stopped when nobody tells any more.
    let _ = edge_heard.wait_for(|heard| !heard).await;
}
