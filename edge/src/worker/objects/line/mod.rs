//! The object that holds the line of one node: it accepts the sockets that the node opens, which stay open while the object
//! sleeps, and lets others ask the node.

mod asked;
mod sockets;

use worker::{DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, durable_object};

use super::host::{Host, InputOf, OutputOf, Shell};
use super::line_of::LineOf;
use super::platform::Platform;
use crate::line::{self, Effect, Event, step};
use crate::object::Output;
use sockets::Sockets;

#[durable_object]
pub struct Line {
    host: Host<LineShell>,
}

impl DurableObject for Line {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(LineShell { platform }),
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
        sockets::answer_close(&socket, code, &reason);
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
        Sockets::new(self.host.shell().platform())
    }

    async fn closed(&self, socket: &WebSocket) {
        if let Some(socket) = self.sockets().id(socket) {
            self.host.happened(Event::Closed { socket }).await;
        }
    }
}

struct LineShell {
    platform: Platform,
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
        Ok(line::Line::restore(Sockets::new(&self.platform).kept()))
    }

    fn apply(&self, line: &mut line::Line, input: InputOf<Self>, now_ms: u64) -> worker::Result<Vec<OutputOf<Self>>> {
        let mut left = Vec::new();
        for output in step(line, input, now_ms) {
            match output {
                Output::Effect(Effect::Attach { socket, attachment }) => {
                    Sockets::new(&self.platform).keep(socket, &attachment)?;
                }
                output => left.push(output),
            }
        }
        Ok(left)
    }

    fn next_alarm(&self, line: &line::Line) -> Option<u64> {
        line.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        let env = self.platform.env();
        let done = |asked, answer| Some(Event::Done { asked, answer });
        match effect {
            // Carried out with the state's change.
            Effect::Attach { .. } => None,
            Effect::Send { socket, text } => Sockets::new(&self.platform).send(socket, &text),
            Effect::Close { socket, code, reason } => {
                Sockets::new(&self.platform).close(socket, code, &reason);
                None
            }
            Effect::Report { asked, report } => done(asked, asked::report(report, env).await),
            Effect::Job { asked, request } => done(asked, asked::job(request, env).await),
            Effect::Beat { asked, heartbeat } => done(asked, asked::beat(heartbeat, env).await),
            Effect::Channels { asked, node_id, news } => done(asked, asked::channels(&node_id, news, env).await),
            Effect::Follow {
                asked,
                node_id,
                question,
            } => done(asked, asked::follow(&node_id, question, env).await),
        }
    }
}
