//! How records stand, and their files.

use protocol::{FileKind, RecordedFile};
use serde_json::json;

use super::{key, number, query, sid};
use crate::app::{Filter, Listed, Reply, Request};
use crate::dialect::house::Handing;
use crate::dialect::step::{LookUp, Pending, Sending, Step};
use crate::dialect::uprtc::asked::Asked;
use crate::dialect::uprtc::code::{ApiError, NO_FILE};
use crate::dialect::uprtc::reply;
use crate::recording::{House, Outcome, Standing, Status};
use crate::upload::{self, Stage};

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
pub(super) fn find(asked: Asked, record_id: &str, next: impl FnOnce(Asked, Option<Listed>) -> Step + 'static) -> Step {
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
    find(asked, record_id, move |asked, listed| {
        let Some(listed) = listed else {
            return upload_status(asked, record);
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

/// What no index knows of may be an upload that is not whole.
fn upload_status(asked: Asked, record_id: String) -> Step {
    let request = upload::Request::Look {
        app_id: asked.app.app_id,
    };
    let question = upload::Question { record_id, request };
    Step::Upload(Box::new(Sending::new(question, |reply| match reply {
        Some(upload::Reply::Stage(Some(Stage::Waits))) => status_of(1),
        Some(upload::Reply::Stage(Some(Stage::Comes))) => status_of(2),
        Some(upload::Reply::Stage(Some(Stage::Ends))) => status_of(3),
        Some(_) => status_of(0),
        None => reply::failure(ApiError::unanswered()),
    })))
}

/// The file of a record, once it is whole and in the app's store.
pub(super) fn file_of(listed: Option<&Listed>) -> Result<(&House, &RecordedFile), ApiError> {
    let none = |msg: &str| ApiError::new(NO_FILE, msg);
    let listed = listed.ok_or_else(|| none("no recording has this recordId"))?;
    let mut files = listed.files.iter().filter(|file| file.kind != FileKind::Playlist);
    let file = files.find(|file| file.bytes > 0 && file.uploaded_slices > 0);
    let found = listed
        .house
        .as_ref()
        .zip(file)
        .filter(|_| listed.standing == Standing::Done);
    found.ok_or_else(|| {
        let standing = number(listed.standing);
        none(&format!("the file is there when the status is 6, and it is {standing}"))
    })
}

pub(in crate::dialect::uprtc) fn download(asked: Asked, record_id: &str) -> Step {
    let name = format!("{record_id}.mp4");
    find(asked, record_id, move |asked, listed| {
        let (house, file) = match file_of(listed.as_ref()) {
            Ok(found) => found,
            Err(error) => return reply::failure(error),
        };
        let handing = Handing {
            app_id: &asked.app.app_id,
            own: asked.app.house_storage.as_ref(),
            // It is for playlists.
            public_url: None,
            now_ms: asked.now_ms,
        };
        match handing.link(house, file, &name) {
            Some(link) => reply::found(&link),
            None => reply::failure(ApiError::new(
                NO_FILE,
                "the app has no longer the storage that the file is in",
            )),
        }
    })
}
