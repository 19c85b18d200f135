use std::sync::Arc;
use std::time::Duration;

use protocol::Heartbeat;
use tokio::sync::watch;
use tokio::time::sleep;

use super::line::Session;
use super::{Edge, Identity, VERSION};
use crate::backoff::{Backoff, chance};
use crate::supervisor::Supervisor;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// An edge cannot ask for more than this, by mistake either.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(200);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// How soon a change is told over a line.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(
    edge: &Edge,
    identity: &Identity,
    supervisor: &Supervisor,
    heard: &watch::Sender<bool>,
    interval: &watch::Sender<Duration>,
) {
    let mut backoff = Backoff::new(FIRST_PAUSE, *interval.borrow());
    loop {
        let heartbeat = newest(identity, supervisor);
        let pause = match edge.heartbeat(&heartbeat).await {
            Ok((answer, session)) => {
                if !heard.send_replace(true) {
                    tracing::info!("the edge answers");
                }
                let asked = Duration::from_millis(answer.interval_ms).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
                if let Some(session) = session {
                    backoff.reset();
                    let is_same = || newest(identity, supervisor) == heartbeat;
                    await_news(edge, &session, is_same, asked).await;
                    continue;
                }
                interval.send_if_modified(|interval| std::mem::replace(interval, asked) != asked);
                backoff = Backoff::new(FIRST_PAUSE, asked);
                asked
            }
            Err(error) => {
                heard.send_replace(false);
                if backoff.failures() == 0 {
                    tracing::warn!(%error, "heartbeat failed; recordings continue");
                }
                backoff.pause(chance())
            }
        };
        sleep(pause).await;
    }
}

fn newest(identity: &Identity, supervisor: &Supervisor) -> Heartbeat {
    Heartbeat {
        node_id: identity.node_id.clone(),
        url: Some(identity.url.as_ref().unwrap_or(&identity.listens_at).clone()),
        region: identity.region.clone(),
        version: VERSION.to_owned(),
        capacity: identity.capacity,
        load: supervisor.load().min(1.0),
        draining: supervisor.is_draining(),
        spool_full: supervisor.is_spool_full(),
        threads: Vec::new(),
        recordings: supervisor.held(),
    }
}

/// Waits until there is something new to tell, or somebody new to tell it to: the line vouches for the node.
async fn await_news(edge: &Edge, session: &Arc<Session>, is_same: impl Fn() -> bool, every: Duration) {
    let changed = async {
        loop {
            sleep(LOOK_EVERY).await;
            if !is_same() {
                return;
            }
        }
    };
    tokio::select! {
        () = changed => {}
        () = edge.line.left(session) => {}
        () = sleep(every) => {}
    }
}
