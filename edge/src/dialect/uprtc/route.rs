use percent_encoding::percent_decode_str;

use crate::access::Method;
use crate::http::Request;

const PREFIX: &str = "/uprtc/api/v2/";

/// A request's place in the API, with what its path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Route {
    Room {
        room_id: String,
        call: OfRoom,
    },
    CreateConversation,
    CreateLive,
    Record(OfRecord),
    Server(OfServer),
    /// Below the API's prefix, and none of its calls.
    Nothing,
}

/// What is asked of one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum OfRoom {
    Look,
    Exists,
    End,
    Invite,
    Message,
    MessagePeers,
    Gate {
        open: Option<bool>,
    },
    Expel {
        peer_id: String,
    },
    Has {
        peer_id: String,
    },
    Mirror,
    Mirrors,
    Raise,
    Raised,
    Lower {
        peer_id: String,
    },
    Merge,
    Merged,
    /// The master takes the own room out.
    Leave {
        peer_id: String,
    },
    /// Another room is taken out.
    Separate,
    Track {
        action: String,
        track_id: String,
    },
    RecordStatus,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum OfRecord {
    Server,
    Start,
    Stop { room_id: String },
    Status { record_id: String },
    Playback,
    ClientUpload,
    Download { record_id: String },
    Upload,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum OfServer {
    LeastLoad,
    RoomCount,
    Load,
    Recycle,
    Block { peer_id: String },
}

/// `None` for what is not below the API's prefix. A slash at the end of a path says nothing: the vendor writes some with one.
pub(super) fn route(request: &Request) -> Option<Route> {
    let path = request.path.strip_prefix(PREFIX)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let parts: Option<Vec<String>> = path.split('/').map(decoded).collect();
    let parts = parts.unwrap_or_default();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    Some(find(&request.method, &parts).unwrap_or(Route::Nothing))
}

/// `None` for a part that names nothing.
fn decoded(part: &str) -> Option<String> {
    let decoded = percent_decode_str(part).decode_utf8().ok()?;
    (!decoded.is_empty() && decoded.len() <= 255).then(|| decoded.into_owned())
}

/// A user in a path, which the vendor writes `{peerId}` in some and `:peerId` in others.
fn peer(part: &str) -> String {
    part.strip_prefix(':')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(part)
        .to_owned()
}

fn find(method: &str, parts: &[&str]) -> Option<Route> {
    Some(match (method, parts) {
        ("POST", ["room", "convo"]) => Route::CreateConversation,
        ("POST", ["room", "live"]) => Route::CreateLive,
        (method, ["room", room_id, rest @ ..]) => Route::Room {
            room_id: (*room_id).to_owned(),
            call: of_room(method, rest)?,
        },
        (method, ["record", rest @ ..]) => Route::Record(of_record(method, rest)?),
        ("GET", ["server", "miniLoad"]) => Route::Server(OfServer::LeastLoad),
        ("GET", ["server", "room", "num"]) => Route::Server(OfServer::RoomCount),
        ("GET", ["server", "cpu", "load"]) => Route::Server(OfServer::Load),
        ("POST", ["server", "recycle"]) => Route::Server(OfServer::Recycle),
        ("DELETE", ["server", "block", "peer", peer_id]) => Route::Server(OfServer::Block { peer_id: peer(peer_id) }),
        _ => return None,
    })
}

fn of_room(method: &str, parts: &[&str]) -> Option<OfRoom> {
    Some(match (method, parts) {
        ("GET", []) => OfRoom::Look,
        ("DELETE", []) => OfRoom::End,
        ("GET", ["exist"]) => OfRoom::Exists,
        ("POST", ["convo", "members"]) => OfRoom::Invite,
        ("POST", ["message"]) => OfRoom::Message,
        ("POST", ["peers", "message"]) => OfRoom::MessagePeers,
        // The vendor's spelling, and the word that is meant.
        ("POST", ["join", "enbale" | "enable", open]) => OfRoom::Gate {
            open: open.parse().ok(),
        },
        ("DELETE", ["peer", peer_id]) => OfRoom::Expel { peer_id: peer(peer_id) },
        ("GET", ["peer", peer_id]) => OfRoom::Has { peer_id: peer(peer_id) },
        ("POST", ["live", "mirror"]) => OfRoom::Mirror,
        ("GET", ["live", "mirrors"]) => OfRoom::Mirrors,
        ("POST", ["live", "member"]) => OfRoom::Raise,
        ("GET", ["live", "members"]) => OfRoom::Raised,
        ("DELETE", ["live", "member", peer_id]) => OfRoom::Lower { peer_id: peer(peer_id) },
        ("POST", ["live", "merge"]) => OfRoom::Merge,
        ("GET", ["live", "merge"]) => OfRoom::Merged,
        ("POST", ["live", "master", peer_id, "separate"]) => OfRoom::Leave { peer_id: peer(peer_id) },
        ("POST", ["live", "separate"]) => OfRoom::Separate,
        ("POST", ["live", action, "mergeTrack", track_id]) => OfRoom::Track {
            action: (*action).to_owned(),
            track_id: (*track_id).to_owned(),
        },
        ("GET", ["record", "status"]) => OfRoom::RecordStatus,
        _ => return None,
    })
}

fn of_record(method: &str, parts: &[&str]) -> Option<OfRecord> {
    Some(match (method, parts) {
        ("GET", ["server"]) => OfRecord::Server,
        ("POST", ["start"]) => OfRecord::Start,
        ("POST", ["stop", room_id]) => OfRecord::Stop {
            room_id: (*room_id).to_owned(),
        },
        ("POST", ["playback"]) => OfRecord::Playback,
        ("POST", ["client", "upload"]) => OfRecord::ClientUpload,
        ("GET", ["download", record_id]) => OfRecord::Download {
            record_id: (*record_id).to_owned(),
        },
        ("POST", ["upload"]) => OfRecord::Upload,
        ("GET", [record_id, "status"]) => OfRecord::Status {
            record_id: (*record_id).to_owned(),
        },
        _ => return None,
    })
}

impl Route {
    pub(super) fn method(&self) -> Method {
        match self {
            Self::CreateConversation | Self::CreateLive => Method::Acquire,
            Self::Record(OfRecord::Start | OfRecord::Playback | OfRecord::Upload | OfRecord::ClientUpload) => {
                Method::Start
            }
            Self::Record(OfRecord::Stop { .. }) => Method::Stop,
            Self::Record(_) | Self::Nothing => Method::Query,
            Self::Server(OfServer::Recycle | OfServer::Block { .. }) => Method::Update,
            Self::Server(_) => Method::Query,
            Self::Room { call, .. } => match call {
                OfRoom::Look
                | OfRoom::Exists
                | OfRoom::Has { .. }
                | OfRoom::Mirrors
                | OfRoom::Raised
                | OfRoom::Merged
                | OfRoom::RecordStatus => Method::Query,
                OfRoom::End => Method::Stop,
                _ => Method::Update,
            },
        }
    }
}
