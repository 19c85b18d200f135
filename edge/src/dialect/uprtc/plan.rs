//! What a call asks for, read and checked, before anything is asked about it.

use protocol::{Mode, RecorderKey};

use super::asked::Asked;
use super::code::{ApiError, NO_RECORD_SERVER, REQUEST};
use super::record::{Showing, Wish};
use super::route::{OfRecord, Route};
use super::{creation, params, record, rooms, servers};
use crate::app::{Reservation, Room};
use crate::dialect::step::Step;
use crate::http::Request;
use crate::input::Fields;
use crate::room::ids;
use crate::upload;

pub(super) enum Plan {
    Create(creation::Plan),
    Room(String, rooms::Plan),
    Server(servers::Plan),
    RecordServer,
    Start {
        room_id: String,
        record_id: String,
        wish: Box<Wish>,
    },
    Stop(String),
    Status(String),
    Download(String, Option<usize>),
    Playback(Box<Showing>),
    ClientUpload {
        record_id: String,
        token: String,
    },
    Upload {
        record_id: String,
        form: upload::Form,
    },
}

impl Plan {
    pub(super) fn read(mut asked: Asked, route: Route, request: &Request) -> (Asked, Result<Self, ApiError>) {
        let record_id = ids::letters(asked.random.number());
        let token = asked.random.secret();
        let now_ms = asked.now_ms;
        let read = || {
            let body = || params::fields(request);
            Ok(match route {
                Route::Nothing => return Err(ApiError::new(REQUEST, "the API has no such call")),
                Route::CreateConversation => Self::Create(creation::Plan::conversation(&Fields::new(&body()?))?),
                Route::CreateLive => Self::Create(creation::Plan::live(&Fields::new(&body()?))?),
                Route::Room { room_id, call } => Self::Room(room_id, rooms::Plan::read(call, request)?),
                Route::Server(call) => Self::Server(servers::Plan::read(call, request)?),
                Route::Record(call) => match call {
                    OfRecord::Server => Self::RecordServer,
                    OfRecord::Stop { room_id } => Self::Stop(room_id),
                    OfRecord::Status { record_id } => Self::Status(record_id),
                    OfRecord::Download { record_id } => Self::Download(record_id, params::part(request)?),
                    OfRecord::Start => {
                        let body = body()?;
                        let fields = Fields::new(&body);
                        Self::Start {
                            room_id: fields.require("roomId", fields.string("roomId")?)?.to_owned(),
                            record_id,
                            wish: Box::new(Wish::read(&fields)?),
                        }
                    }
                    OfRecord::Playback => {
                        let body = body()?;
                        Self::Playback(Box::new(Showing::read(&Fields::new(&body), now_ms)?))
                    }
                    OfRecord::ClientUpload => Self::ClientUpload { record_id, token },
                    OfRecord::Upload => Self::Upload {
                        record_id,
                        form: record::form(request)?,
                    },
                },
            })
        };
        let read = read();
        (asked, read)
    }

    /// What the call takes of the app's quota.
    pub(super) fn room(&self, asked: &Asked) -> Room {
        let (room_id, record_id) = match self {
            Self::Start { room_id, record_id, .. } => (room_id, record_id),
            // What comes of them takes a place once they are whole.
            Self::ClientUpload { .. } | Self::Upload { .. } => return Room::Some,
            _ => return Room::None,
        };
        let app_id = &asked.app.app_id;
        let sid = record::sid(app_id, record_id);
        Room::Taken(Box::new(Reservation {
            nonce: sid.clone(),
            sid,
            key: RecorderKey {
                app_id: app_id.clone(),
                channel: room_id.clone(),
                uid: record_id.clone(),
            },
            mode: Mode::Mix,
        }))
    }

    pub(super) fn carry_out(self, asked: Asked) -> Step {
        match self {
            Self::Create(plan) => creation::create(asked, plan),
            Self::Room(room_id, plan) => rooms::call(asked, &room_id, plan),
            Self::Server(plan) => servers::call(asked, plan),
            Self::RecordServer => {
                let none = ApiError::new(NO_RECORD_SERVER, "no server takes recordings");
                servers::least_loaded(asked, none)
            }
            Self::Start {
                room_id,
                record_id,
                wish,
            } => record::start(asked, &room_id, record_id, *wish),
            Self::Stop(room_id) => record::stop(asked, &room_id),
            Self::Status(record_id) => record::status(asked, &record_id),
            Self::Download(record_id, part) => record::download(asked, &record_id, part),
            Self::Playback(showing) => record::playback(asked, *showing),
            Self::ClientUpload { record_id, token } => record::client_upload(asked, record_id, token),
            Self::Upload { record_id, form } => record::upload(asked, record_id, form),
        }
    }
}
