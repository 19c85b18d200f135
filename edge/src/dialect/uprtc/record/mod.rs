//! Recordings of rooms: each is a recording of the room's channel with a recorder of its own, whose name is the record's id.

mod handout;
mod parts;
mod playback;
mod spec;
mod start;
mod upload;

pub(super) use handout::{download, room_status, status};
pub(super) use parts::whole;
pub(super) use playback::{Showing, playback};
pub(super) use spec::Wish;
pub(super) use start::{automatic, end_room, start, stop};
pub(super) use upload::{client_upload, form, upload};

use protocol::RecorderKey;
use sha2::{Digest as _, Sha256};

use crate::recording::{Call, Command, Standing, Target};

/// The sid of a record: it follows from the id, so that neither has to be looked up.
pub(super) fn sid(app_id: &str, record_id: &str) -> String {
    let digest = Sha256::digest(format!("{}:{app_id}/{record_id}", app_id.len()));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn key(app_id: &str, room_id: &str, record_id: &str) -> RecorderKey {
    RecorderKey {
        app_id: app_id.to_owned(),
        channel: room_id.to_owned(),
        uid: record_id.to_owned(),
    }
}

fn target(sid: String) -> Target {
    Target {
        nonce: Some(sid.clone()),
        sid,
    }
}

/// The question how a record stands, to its recorder.
fn query(key: RecorderKey, record_id: &str) -> Call {
    let command = Command::Query(target(sid(&key.app_id, record_id)));
    Call { key, command }
}

/// The vendor's number of how a recording stands.
pub(super) fn number(standing: Standing) -> u8 {
    match standing {
        Standing::Waiting => 1,
        Standing::Capturing | Standing::Paused => 2,
        Standing::Closing => 3,
        Standing::Finishing => 4,
        Standing::Uploading => 5,
        Standing::Done => 6,
        Standing::Failed => 7,
    }
}
