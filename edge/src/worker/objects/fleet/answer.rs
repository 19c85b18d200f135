use worker::SqlStorage;

use super::rows;
use crate::fleet::{Fleet, Reply, Request};
use crate::metrics::{self, Totals};

/// What the fleet's object replies. What that changes in the table of nodes is written.
pub(super) fn answer(
    fleet: &mut Fleet,
    totals: &mut Totals,
    sql: &SqlStorage,
    request: Request,
    now_ms: u64,
) -> worker::Result<Reply> {
    Ok(match request {
        Request::Heartbeat(heartbeat) => {
            let (answer, change) = fleet.heard(heartbeat, now_ms);
            rows::save(sql, &change)?;
            Reply::Heartbeat(answer)
        }
        Request::Place(wish) => Reply::Place(fleet.place(&wish, now_ms)),
        Request::Nodes => Reply::Nodes(fleet.view(now_ms)),
        Request::Counts(counts) => {
            totals.counted(counts);
            Reply::Noted
        }
        Request::Tally { app, tally } => {
            totals.tallied(app, tally, now_ms);
            Reply::Noted
        }
        Request::Metrics => Reply::Metrics(metrics::render(totals, &fleet.view(now_ms), now_ms)),
    })
}
