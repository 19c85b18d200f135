//! The object that holds the socket of one who listens. It has no storage: who that is stands with the socket, which stays open
//! while the object sleeps.

mod asked;
mod socket;

use std::cell::RefCell;

use worker::{DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, durable_object};

use super::host::{Host, InputOf, OutputOf, Shell};
use super::listener_of::ListenerOf;
use super::platform::{Platform, answer_close};
use crate::dialect::Wire;
use crate::gateway::listener::{self, Done, Effect, Event, Session, step};
use crate::object::Output;
use crate::worker::bindings;
pub(in crate::worker) use socket::LISTENER_PARAMETER;
use socket::{Attached, Socket, attached};

#[durable_object]
pub struct Listener {
    host: Host<ListenerShell>,
}

impl DurableObject for Listener {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(ListenerShell {
                platform,
                known: RefCell::default(),
            }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let Some(opening) = socket::opening(&request)? else {
            return self.host.fetch(request).await;
        };
        self.host.count(|work| work.requests = 1);
        let shell = self.host.shell();
        let response = Socket::of(&shell.platform).accept(&opening)?;
        shell.known.replace(Some(opening));
        self.host.happened(Event::Opened).await;
        Ok(response)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        self.host.count(|work| work.messages = 1);
        // Nothing that is said in binary frames is a message.
        if let (Some(wire), WebSocketIncomingMessage::String(text)) = (self.host.shell().meet(&socket), message) {
            self.host.happened(Event::Said(wire.read(&text))).await;
        }
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, reason: String, _: bool) -> worker::Result<()> {
        answer_close(&socket, code, &reason);
        self.host.shell().meet(&socket);
        self.host.happened(Event::Closed).await;
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> worker::Result<()> {
        self.host.shell().meet(&socket);
        self.host.happened(Event::Closed).await;
        Ok(())
    }
}

struct ListenerShell {
    platform: Platform,
    /// What stands with the socket, which the platform does not show any more once that has closed.
    known: RefCell<Option<Attached>>,
}

impl ListenerShell {
    /// The words that are spoken over the socket by which something comes.
    fn meet(&self, socket: &WebSocket) -> Option<Wire> {
        let attached = attached(socket)?;
        let wire = attached.wire();
        self.known.replace(Some(attached));
        wire
    }

    fn known(&self) -> Option<Attached> {
        let mut known = self.known.borrow_mut();
        if known.is_none() {
            *known = Socket::of(&self.platform).attached();
        }
        known.clone()
    }

    fn keep(&self, session: Option<Session>) -> worker::Result<()> {
        let Some(known) = self.known() else { return Ok(()) };
        let attached = Attached { session, ..known };
        Socket::of(&self.platform).attach(&attached)?;
        self.known.replace(Some(attached));
        Ok(())
    }
}

impl Shell for ListenerShell {
    type Object = ListenerOf;
    type State = listener::Listener;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<listener::Listener> {
        let session = self.known().map(|known| known.session);
        Ok(listener::Listener::restore(session, bindings::now_ms()))
    }

    fn apply(
        &self,
        listener: &mut listener::Listener,
        input: InputOf<Self>,
        now_ms: u64,
    ) -> worker::Result<Vec<OutputOf<Self>>> {
        let mut left = Vec::new();
        for output in step(listener, input, now_ms) {
            match output {
                Output::Effect(Effect::Keep(session)) => self.keep(session)?,
                // What is told goes out in the order in which it came, and waits for nothing.
                Output::Effect(Effect::Tell(told)) => {
                    let wire = self.known().and_then(|known| known.wire());
                    let texts = wire.map(|wire| wire.write(&told)).unwrap_or_default();
                    Socket::of(&self.platform).send(&texts);
                }
                Output::Effect(Effect::Close { code, reason }) => Socket::of(&self.platform).close(code, reason),
                output => left.push(output),
            }
        }
        Ok(left)
    }

    fn next_alarm(&self, listener: &listener::Listener) -> Option<u64> {
        listener.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        let env = self.platform.env();
        let name = &self.known()?.listener;
        Some(Event::Done(match effect {
            // Carried out with the state's change.
            Effect::Keep(_) | Effect::Tell(_) | Effect::Close { .. } => return None,
            Effect::Enter { account, token } => Done::Entered(asked::enter(name, account, token, env).await),
            Effect::Follow { tenant, wishes } => Done::Followed(asked::follow(name, &tenant, wishes, env).await),
            Effect::Look { tenant, wishes } => Done::Looked(asked::look(&tenant, wishes, env).await),
            Effect::Unfollow(apps) => {
                asked::unfollow(name, apps, env).await;
                return None;
            }
            Effect::Leave { tenant, account } => {
                asked::leave(name, &tenant, account, env).await;
                return None;
            }
        }))
    }
}
