use std::time::Duration;

use tokio::time::sleep;

use super::Edge;
use super::error::EdgeError;
use crate::backoff::{Backoff, chance};
use crate::rtc::Rtc;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tells the edge what happens in rooms. While it is away, what it has not heard waits with what has happened since.
pub(super) async fn run(edge: &Edge, rtc: Option<&Rtc>) {
    let Some(rtc) = rtc else { return };
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let mut is_away = false;
        for news in rtc.room_news().await {
            if is_away {
                rtc.room_untold(news);
                continue;
            }
            match edge.room(&news).await {
                Ok(()) => backoff.reset(),
                // The room may have ended meanwhile.
                Err(EdgeError::Refused { reason } | EdgeError::Unknown { reason }) => {
                    tracing::debug!(room = news.room_id, reason, "the edge takes no news of a room");
                }
                Err(error) => {
                    if backoff.failures() == 0 {
                        tracing::warn!(%error, "the edge was not told of rooms; it is told again");
                    }
                    is_away = true;
                    rtc.room_untold(news);
                }
            }
        }
        if is_away {
            sleep(backoff.pause(chance())).await;
        }
    }
}
