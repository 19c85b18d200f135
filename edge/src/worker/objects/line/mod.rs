//! The object that holds the line of one node: it accepts the sockets that the node opens, which stay open while the object
//! sleeps, and lets others ask the node.

mod asked;
mod kept;
mod sockets;

use worker::{
    DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, console_error, durable_object,
};

use super::channel_questions;
use super::from_nodes;
use super::host::{Host, InputOf, OutputOf, Shell};
use super::line_of::LineOf;
use super::platform::{Platform, answer_close};
use crate::line::{self, Effect, Event, Holding, Kept, step};
use crate::object::Output;
use crate::recording::{Lost, Missing};
use crate::worker::bindings;
use sockets::{Closed, Sockets};

#[durable_object]
pub struct Line {
    host: Host<LineShell>,
}

impl DurableObject for Line {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(LineShell {
                platform,
                closed: Closed::default(),
            }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let Some(node_id) = sockets::opened_by(&request)? else {
            return self.host.fetch(request).await;
        };
        self.host.count(|work| work.requests = 1);
        let (socket, response) = self.sockets().accept()?;
        self.host.happened(Event::Opened { socket, node_id }).await;
        Ok(response)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        self.host.count(|work| work.messages = 1);
        // Nothing that is said in binary frames is a message.
        if let (Some(socket), WebSocketIncomingMessage::String(text)) = (self.sockets().id(&socket), message) {
            self.host.happened(Event::Message { socket, text }).await;
        }
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, reason: String, _: bool) -> worker::Result<()> {
        answer_close(&socket, code, &reason);
        self.closed(&socket).await;
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> worker::Result<()> {
        self.closed(&socket).await;
        Ok(())
    }
}

impl Line {
    fn sockets(&self) -> Sockets<'_> {
        self.host.shell().sockets()
    }

    async fn closed(&self, gone: &WebSocket) {
        if let Some(socket) = self.sockets().id(gone) {
            self.sockets().has_closed(socket, gone);
            self.host.happened(Event::Closed { socket }).await;
        }
    }
}

struct LineShell {
    platform: Platform,
    closed: Closed,
}

impl LineShell {
    fn sockets(&self) -> Sockets<'_> {
        Sockets::new(&self.platform, &self.closed)
    }

    /// Persists what an effect says, if it is one that is persisted with the state. Returns what is left.
    fn persist(&self, effect: Effect) -> worker::Result<Option<Effect>> {
        let sql = self.platform.sql();
        match effect {
            Effect::Write(memo) => kept::write(&sql, &memo)?,
            Effect::Hold { holding, held, report } => kept::hold(&sql, &holding, &held, report.as_deref())?,
            Effect::LetGo { sid } => kept::let_go(&sql, &sid)?,
            left => return Ok(Some(left)),
        }
        Ok(None)
    }
}

impl Shell for LineShell {
    type Object = LineOf;
    type State = line::Line;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<line::Line> {
        let (memo, held) = kept::load(&self.platform.sql())?;
        let kept = Kept {
            sockets: self.sockets().kept(),
            memo,
            held,
        };
        let lease_ms = bindings::policy(self.platform.env()).lease_ms;
        Ok(line::Line::restore(kept, lease_ms, bindings::now_ms()))
    }

    fn apply(&self, line: &mut line::Line, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        let sockets = self.sockets();
        let mut left = Vec::new();
        for output in step(line, input, &|socket| sockets.pinged_ms(socket), now_ms) {
            match output {
                Output::Effect(effect) => left.extend(self.persist(effect)?.map(Output::Effect)),
                reply => left.push(reply),
            }
        }
        // A socket says nothing that the tables do not know.
        let mut kept = Ok(());
        left.retain(|output| match output {
            Output::Effect(Effect::Attach { socket, attachment }) => {
                kept = std::mem::replace(&mut kept, Ok(())).and(sockets.keep(*socket, attachment));
                false
            }
            _ => true,
        });
        kept.map(|()| left)
    }

    fn next_alarm(&self, line: &line::Line) -> Option<u64> {
        line.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        let env = self.platform.env();
        let done = |asked, (answer, ok)| Some(Event::Done { asked, answer, ok });
        match effect {
            // Carried out with the state's change.
            Effect::Write(_) | Effect::Hold { .. } | Effect::LetGo { .. } | Effect::Attach { .. } => None,
            Effect::Send { socket, text } => self.sockets().send(socket, &text),
            Effect::Close { socket, code, reason } => {
                self.sockets().close(socket, code, &reason);
                None
            }
            Effect::Tell {
                node_id,
                recorder,
                loss,
                sids,
            } => {
                let ok = match kept::reports(&self.platform.sql(), &sids) {
                    Ok(reports) => {
                        let lost = Lost {
                            node_id,
                            line: loss.line,
                            heard_ms: loss.heard_ms,
                            reports,
                        };
                        from_nodes::lost(&recorder, lost, env).await
                    }
                    Err(error) => {
                        console_error!("what a lost node told last cannot be read: {error}");
                        false
                    }
                };
                Some(Event::Told { recorder, loss, ok })
            }
            Effect::Miss { node_id, holding, kept } => {
                let Holding { recorder, sid } = holding;
                let report = match kept.then(|| kept::reports(&self.platform.sql(), std::slice::from_ref(&sid))) {
                    None => None,
                    Some(Ok(reports)) => reports.into_iter().next().map(Box::new),
                    Some(Err(error)) => {
                        console_error!("what a node told last of {sid} cannot be read: {error}");
                        None
                    }
                };
                let missing = Missing {
                    node_id,
                    sid: sid.clone(),
                    report,
                };
                let is_with_node = from_nodes::missing(&recorder, missing, env).await;
                Some(Event::Missed { sid, is_with_node })
            }
            Effect::Report { asked, report, line } => done(asked, asked::report(report, line, env).await),
            Effect::Job { asked, request, line } => done(asked, asked::job(request, line, env).await),
            Effect::Beat {
                asked,
                heartbeat,
                every_ms,
            } => done(asked, asked::beat(heartbeat, every_ms, env).await),
            Effect::Channels { asked, node_id, news } => done(asked, asked::channels(&node_id, news, env).await),
            Effect::Follow {
                asked,
                node_id,
                question,
            } => done(asked, asked::follow(&node_id, question, env).await),
            Effect::Room { asked, node_id, news } => done(asked, asked::room(node_id, news, env).await),
            Effect::Vouch(heartbeat) => {
                from_nodes::vouch(heartbeat, env).await;
                None
            }
            Effect::Absent { node_id } => {
                from_nodes::absent(node_id, env).await;
                None
            }
            Effect::Restarted { node_id, at_ms } => {
                channel_questions::restarted(&node_id, at_ms, env).await;
                None
            }
            Effect::Entry { asked, question } => done(asked, asked::entry(question, env).await),
        }
    }
}
