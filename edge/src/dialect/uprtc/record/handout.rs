//! How records stand, and their files.

use protocol::FileKind;
use serde_json::json;

use super::{key, number, query, sid};
use crate::app::{Filter, Listed, Reply, Request};
use crate::dialect::house::Handing;
use crate::dialect::step::{LookUp, Pending, Step};
use crate::dialect::uprtc::asked::Asked;
use crate::dialect::uprtc::code::{ApiError, NO_FILE};
use crate::dialect::uprtc::reply;
use crate::recording::{Outcome, Standing, Status};

fn status_of(number: u8) -> Step {
    reply::success(json!({ "status": number }))
}

/// How the newest record of a room stands.
pub(in crate::dialect::uprtc) fn room_status(asked: Asked, room_id: &str) -> Step {
    asked.look(room_id, |asked, view| match view.spec.record_id {
        None => status_of(0),
        Some(record_id) => {
            let key = key(&asked.app.app_id, &view.room_id, &record_id);
            let call = query(key, &record_id);
            Step::Call(Box::new(Pending::new(call, |outcome| match outcome {
                Some(Outcome::State(view)) => status_of(number(view.standing)),
                Some(_) => status_of(0),
                None => reply::failure(ApiError::unanswered()),
            })))
        }
    })
}

/// A record in the app's index.
fn find(asked: Asked, record_id: &str, next: impl FnOnce(Asked, Option<Listed>) -> Step + 'static) -> Step {
    let filter = Filter {
        limit: 1,
        sid: Some(sid(&asked.app.app_id, record_id)),
        house: true,
        ..Filter::default()
    };
    let app_id = asked.app.app_id.clone();
    Step::Index(Box::new(LookUp::new(
        app_id,
        Request::List(filter),
        move |reply| match reply {
            Some(Reply::List { items, .. }) => next(asked, items.into_iter().next()),
            _ => reply::failure(ApiError::unanswered()),
        },
    )))
}

/// From the index, and while it may stand otherwise by now, from its recorder.
pub(in crate::dialect::uprtc) fn status(asked: Asked, record_id: &str) -> Step {
    let record = record_id.to_owned();
    find(asked, record_id, move |_, listed| {
        let Some(listed) = listed else {
            return status_of(0);
        };
        if listed.status >= Status::Ended && listed.standing >= Standing::Done {
            return status_of(number(listed.standing));
        }
        let call = query(listed.key.clone(), &record);
        Step::Call(Box::new(Pending::new(call, move |outcome| match outcome {
            Some(Outcome::State(view)) => status_of(number(view.standing)),
            _ => status_of(number(listed.standing)),
        })))
    })
}

pub(in crate::dialect::uprtc) fn download(asked: Asked, record_id: &str) -> Step {
    let name = format!("{record_id}.mp4");
    find(asked, record_id, move |asked, listed| {
        let none = |msg: &str| reply::failure(ApiError::new(NO_FILE, msg));
        let Some(listed) = listed else {
            return none("no recording has this recordId");
        };
        let mut files = listed.files.iter().filter(|file| file.kind != FileKind::Playlist);
        let file = files.find(|file| file.bytes > 0 && file.uploaded_slices > 0);
        let Some(file) = file.filter(|_| listed.standing == Standing::Done) else {
            let standing = number(listed.standing);
            return none(&format!("the file is there when the status is 6, and it is {standing}"));
        };
        let handing = Handing {
            app_id: &asked.app.app_id,
            own: asked.app.house_storage.as_ref(),
            // It is for playlists.
            public_url: None,
            now_ms: asked.now_ms,
        };
        match listed.house.as_ref().and_then(|house| handing.link(house, file, &name)) {
            Some(link) => reply::found(&link),
            None => none("the app has no longer the storage that the file is in"),
        }
    })
}
