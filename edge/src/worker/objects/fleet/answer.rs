use worker::SqlStorage;

use super::{figures, rows};
use crate::fleet::{By, Fleet, Reply, Request};
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
            let (answer, change) = fleet.heard(heartbeat, By::Itself, now_ms);
            rows::save(sql, &change)?;
            Reply::Heartbeat(answer)
        }
        Request::Vouched(heartbeat) => {
            let (answer, change) = fleet.heard(heartbeat, By::Line, now_ms);
            rows::save(sql, &change)?;
            Reply::Heartbeat(answer)
        }
        Request::Alive { node_id } => Reply::Alive {
            known: fleet.vouched(&node_id, now_ms),
        },
        Request::Absent { node_id } => {
            rows::save(sql, &fleet.absent(&node_id))?;
            Reply::Noted
        }
        Request::Place(wish) => Reply::Place(fleet.place(&wish, now_ms)),
        Request::Nodes => Reply::Nodes(fleet.view(now_ms)),
        Request::Counts(counts) => {
            totals.counted(counts);
            figures::save(sql, totals)?;
            Reply::Noted
        }
        Request::Tally { app, tally } => {
            figures::save_tally(sql, &app, tally.clone(), now_ms)?;
            let has_ended = !tally.ended.is_empty();
            totals.tallied(app, tally, now_ms);
            if has_ended {
                figures::save(sql, totals)?;
            }
            Reply::Noted
        }
        Request::Metrics => Reply::Metrics(metrics::render(totals, &fleet.figures(now_ms), now_ms)),
    })
}
