use std::sync::Arc;
use std::time::Duration;

use protocol::line::Identity;

use super::answers::Answers;
use super::connect::{Connector, LineError};
use super::session::begin;
use super::{Line, State};
use crate::agent::http::Http;
use crate::backoff::{Backoff, chance};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// While the edge is away. Short, for when it is back a lease may be about to end.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Before the next try with an edge that has refused, or less by a half: whatever it is will not pass in a moment.
const REFUSED_PAUSE: Duration = Duration::from_secs(6);
/// Between two tries with an edge that offers no line: it is updated some day.
const OFFER_PAUSE: Duration = Duration::from_secs(30);

/// Keeps the line open, until dropped.
pub(in crate::agent) async fn keep(line: &Line, http: Http, node: Identity, answers: Answers) {
    let connector = match Connector::new(http, node.node_id.clone()) {
        Ok(connector) => connector,
        Err(error) => return tracing::error!(%error, "no line can be opened"),
    };
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let ended = match open(&connector, &node, &answers).await {
            Ok((session, running)) => {
                tracing::info!("the line to the edge is open");
                backoff.reset();
                line.state.send_replace(State::Up(Arc::clone(&session)));
                running.run().await
            }
            Err(error) => error,
        };
        tokio::time::sleep(line.lost(&ended, &mut backoff)).await;
    }
}

async fn open(
    connector: &Connector,
    node: &Identity,
    answers: &Answers,
) -> Result<(Arc<super::Session>, super::session::Running<reqwest::Upgraded>), LineError> {
    begin(connector.open().await?, node.clone(), answers.clone()).await
}

impl Line {
    /// Takes note that there is no line, and returns the pause before the next try.
    fn lost(&self, error: &LineError, backoff: &mut Backoff) -> Duration {
        let is_news = backoff.failures() == 0;
        match error {
            LineError::NotOffered => {
                if !matches!(*self.state.borrow(), State::Http) {
                    tracing::warn!(
                        "the edge is of a version without lines: it is called by HTTP, and has to reach this node at its \
                         TAPEDECK_NODE_URL; update the edge"
                    );
                }
                self.state.send_replace(State::Http);
                return OFFER_PAUSE;
            }
            LineError::Refused(reason) => {
                if is_news {
                    tracing::warn!(reason, "the edge refuses the line; recordings go on");
                }
                self.state
                    .send_replace(State::Away(format!("it refuses the line: {reason}")));
                // Counts as a failure.
                backoff.pause(chance());
                return Backoff::new(REFUSED_PAUSE, REFUSED_PAUSE).pause(chance());
            }
            LineError::Broken(reason) => {
                if is_news {
                    tracing::warn!(reason, "no line to the edge; recordings go on");
                }
                self.state.send_if_modified(|state| {
                    // Calls by HTTP say for themselves how they fare.
                    let had_line = !matches!(state, State::Http);
                    if had_line {
                        *state = State::Away(reason.clone());
                    }
                    had_line
                });
            }
        }
        backoff.pause(chance())
    }
}
