use std::sync::Arc;
use std::time::Duration;

use protocol::line::{Beat, EdgeAnswer, NodeAsk};
use protocol::{
    ChannelLease, ChannelNews, Elsewhere, EntryAnswer, EntryQuestion, FollowQuestion, Heartbeat, HeartbeatAnswer, Job,
    JobRequest, Report, ReportAnswer, RoomNews, Secret,
};
use tokio::time::timeout;

use super::error::EdgeError;
use super::http::Http;
use super::line::{Line, ReportTurn, Session, Way};

/// How long a question waits for a line that has just broken.
const LINE_TIME: Duration = Duration::from_secs(3);

/// The edge, asked over the node's line, or by HTTP while it is of a version that offers none.
#[derive(Clone)]
pub struct Edge {
    pub(super) http: Http,
    pub(super) line: Line,
}

impl Edge {
    /// An error says what is wrong with the address.
    pub fn new(base: &str, token: Secret) -> Result<Self, String> {
        let http = Http::new(base, token)?;
        let line = Line::new();
        Ok(Self { http, line })
    }

    /// Returns the line as well, if that vouches for the node from here on.
    pub(super) async fn heartbeat(
        &self,
        heartbeat: &Heartbeat,
    ) -> Result<(HeartbeatAnswer, Option<Arc<Session>>), EdgeError> {
        match self.way().await? {
            Way::Http => Ok((self.http.heartbeat(heartbeat).await?, None)),
            Way::Line(session) => {
                let ask = NodeAsk::Beat(Beat {
                    load: heartbeat.load,
                    draining: heartbeat.draining,
                    spool_full: heartbeat.spool_full,
                    threads: heartbeat.threads.clone(),
                    recordings: heartbeat.recordings.clone(),
                });
                match session.ask(ask).await? {
                    EdgeAnswer::Beat(answer) => Ok((answer, Some(session).filter(|session| session.lease.is_some()))),
                    _ => Err(odd()),
                }
            }
        }
    }

    /// Waits until a report can be sent. Who tells of a recording takes its newest state after this, so that what has been
    /// overtaken by then is not sent at all.
    pub(super) async fn turn(&self) -> ReportTurn {
        self.line.turn().await
    }

    pub(super) async fn report(&self, report: &Report, turn: &ReportTurn) -> Result<ReportAnswer, EdgeError> {
        match &turn.way {
            Way::Http => self.http.report(report).await,
            Way::Line(session) => match session.ask(NodeAsk::Report(Box::new(report.clone()))).await? {
                EdgeAnswer::Report(answer) => Ok(*answer),
                _ => Err(odd()),
            },
        }
    }

    /// Has a report kept that has nothing new but slices.
    pub(super) async fn keep(&self, report: &Report, session: &Session) -> Result<(), EdgeError> {
        match session.ask(NodeAsk::Keep(Box::new(report.clone()))).await? {
            EdgeAnswer::Kept => Ok(()),
            _ => Err(odd()),
        }
    }

    pub(super) async fn job(&self, request: &JobRequest) -> Result<Job, EdgeError> {
        match self.way().await? {
            Way::Http => self.http.job(request).await,
            Way::Line(session) => match session.ask(NodeAsk::Job(request.clone())).await? {
                EdgeAnswer::Job(job) => Ok(*job),
                _ => Err(odd()),
            },
        }
    }

    pub(super) async fn entry(&self, question: &EntryQuestion) -> Result<EntryAnswer, EdgeError> {
        match self.way().await? {
            Way::Http => self.http.entry(question).await,
            Way::Line(session) => match session.ask(NodeAsk::Entry(question.clone())).await? {
                EdgeAnswer::Entry(answer) => Ok(answer),
                _ => Err(odd()),
            },
        }
    }

    pub(super) async fn channels(&self, news: &ChannelNews) -> Result<ChannelLease, EdgeError> {
        match self.ask_over_line(NodeAsk::Channels(news.clone())).await? {
            EdgeAnswer::Channels(lease) => Ok(lease),
            _ => Err(odd()),
        }
    }

    pub(super) async fn follow(&self, question: &FollowQuestion) -> Result<Elsewhere, EdgeError> {
        match self.ask_over_line(NodeAsk::Follow(question.clone())).await? {
            EdgeAnswer::Follow(elsewhere) => Ok(elsewhere),
            _ => Err(odd()),
        }
    }

    pub(super) async fn room(&self, news: &RoomNews) -> Result<(), EdgeError> {
        match self.ask_over_line(NodeAsk::Room(news.clone())).await? {
            EdgeAnswer::Noted => Ok(()),
            _ => Err(odd()),
        }
    }

    /// Asks what an edge without lines knows nothing of.
    async fn ask_over_line(&self, ask: NodeAsk) -> Result<EdgeAnswer, EdgeError> {
        match self.way().await? {
            Way::Http => Err(EdgeError::Refused {
                reason: "it is of a version without lines: update it".to_owned(),
            }),
            Way::Line(session) => session.ask(ask).await,
        }
    }

    async fn way(&self) -> Result<Way, EdgeError> {
        timeout(LINE_TIME, self.line.way()).await.map_err(|_| EdgeError::Away {
            base: self.http.base().to_string(),
            reason: self.line.why_none(),
        })
    }
}

fn odd() -> EdgeError {
    let reason = "its answer is to another question".to_owned();
    EdgeError::Refused { reason }
}
