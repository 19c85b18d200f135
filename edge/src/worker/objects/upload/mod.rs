//! The object of a file that a client sends over sockets: it puts what comes into the app's own store, and confirms it.

use serde_json::json;
use worker::{
    DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, console_error, durable_object,
};

use super::ask::{Object, ask};
use super::host::{Host, InputOf, OutputOf, Shell};
use super::joiner::Joiner;
use super::platform::{Platform, answer_close};
use super::sockets::Sockets;
use super::sql::{has_table, row, run, text};
use crate::joining;
use crate::object::Output;
use crate::upload::{self, Effect, Event, Kept, step};
use crate::worker::{pieces, transport};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS upload (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL)";

#[durable_object]
pub struct Upload {
    host: Host<UploadShell>,
}

impl Object for Upload {
    const BINDING: &'static str = "UPLOAD";
    /// The record's id. It alone names the object, since whoever opens a socket to it shows nothing else but the upload's token.
    type Key = str;
    type Request = upload::Question;
    type Reply = upload::Reply;

    fn name(record_id: &str) -> String {
        json!([record_id]).to_string()
    }
}

impl DurableObject for Upload {
    fn new(object: State, env: Env) -> Self {
        let platform = Platform::new(object, env);
        Self {
            host: Host::new(UploadShell { platform }),
        }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        if request.headers().get("Upgrade")?.is_none() {
            return self.host.fetch(request).await;
        }
        self.host.count(|work| work.requests = 1);
        let token = transport::parameter(&request, "token").unwrap_or_default();
        let offset = transport::parameter(&request, "offset").and_then(|offset| offset.parse().ok());
        let offset = offset.unwrap_or_default();
        let (response, socket) = self.sockets().accept()?;
        self.host.happened(Event::Opened { socket, token, offset }).await;
        Ok(response)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.host.alarm().await
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        self.host.count(|work| work.messages = 1);
        if let Some(socket) = self.sockets().id(&socket) {
            let event = match message {
                WebSocketIncomingMessage::String(text) => Event::Text { socket, text },
                WebSocketIncomingMessage::Binary(bytes) => Event::Bytes { socket, bytes },
            };
            self.host.happened(event).await;
        }
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, reason: String, _: bool) -> worker::Result<()> {
        answer_close(&socket, code, &reason);
        // A page that closes its socket may say nothing; one that goes away says 1001.
        self.closed(&socket, matches!(code, 1_000 | 1_005)).await;
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> worker::Result<()> {
        self.closed(&socket, false).await;
        Ok(())
    }
}

impl Upload {
    fn sockets(&self) -> Sockets<'_> {
        self.host.shell().sockets()
    }

    async fn closed(&self, gone: &WebSocket, whole: bool) {
        if let Some(socket) = self.sockets().id(gone) {
            self.host.happened(Event::Closed { socket, whole }).await;
        }
    }
}

struct UploadShell {
    platform: Platform,
}

impl UploadShell {
    fn sockets(&self) -> Sockets<'_> {
        Sockets::new(&self.platform)
    }

    fn keep(&self, kept: Option<&Kept>) -> worker::Result<()> {
        let sql = self.platform.sql();
        let Some(kept) = kept else {
            return run(&sql, "DROP TABLE IF EXISTS upload", Vec::new());
        };
        run(&sql, CREATE, Vec::new())?;
        let values = vec![text(&serde_json::to_string(kept)?)];
        run(&sql, "INSERT OR REPLACE INTO upload (id, state) VALUES (1, ?)", values)
    }
}

impl Shell for UploadShell {
    type Object = Upload;
    type State = upload::Upload;
    type Event = Event;
    type Effect = Effect;

    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn load(&self) -> worker::Result<upload::Upload> {
        let sql = self.platform.sql();
        let kept = match has_table(&sql, "upload")? {
            true => row(&sql, "SELECT state FROM upload", Vec::new())?.map(|mut row| row.json()),
            false => None,
        };
        Ok(upload::Upload::restore(kept.transpose()?))
    }

    fn apply(
        &self,
        upload: &mut upload::Upload,
        input: InputOf<Self>,
        now_ms: u64,
    ) -> worker::Result<Vec<OutputOf<Self>>> {
        let mut left = Vec::new();
        let mut changed = false;
        for output in step(upload, input, now_ms) {
            match output {
                Output::Effect(Effect::Keep) => changed = true,
                output => left.push(output),
            }
        }
        if changed {
            self.keep(upload.kept())?;
        }
        Ok(left)
    }

    fn next_alarm(&self, upload: &upload::Upload) -> Option<u64> {
        upload.next_alarm()
    }

    async fn carry_out(&self, effect: Effect) -> Option<Event> {
        let env = self.platform.env();
        match effect {
            // Carried out with the state's change.
            Effect::Keep => None,
            Effect::Send { socket, text } => {
                let sent = self.sockets().send(socket, &text);
                (!sent).then_some(Event::Closed { socket, whole: false })
            }
            Effect::Close { socket, code, reason } => {
                self.sockets().close(socket, code, reason);
                None
            }
            Effect::Store { order, number, bytes } => {
                let stored = pieces::store(&order, number, &bytes, env).await;
                if let Err(error) = &stored {
                    console_error!("a piece of an upload is not stored: {error}");
                }
                Some(Event::Stored { ok: stored.is_ok() })
            }
            Effect::Begin(order) => {
                let request = joining::Request::Begin(order.clone());
                let ok = ask::<Joiner>(env, &order, &request).await.is_ok();
                Some(Event::Begun { ok })
            }
        }
    }
}
