//! How records stand, and their files.

use serde_json::json;

use super::parts::{file_of, number_of, part_of, parts, whole};
use super::{key, number, query, sid};
use crate::app::{Filter, Listed, Reply, Request};
use crate::dialect::house::Handing;
use crate::dialect::step::{Joining, LookUp, Pending, Sending, Step};
use crate::dialect::uprtc::asked::Asked;
use crate::dialect::uprtc::code::{ApiError, NO_FILE};
use crate::dialect::uprtc::reply;
use crate::joining::Order;
use crate::recording::{Outcome, RecordingView, Standing, Status};
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
            Step::Call(Box::new(Pending::new(call, move |outcome| match outcome {
                Some(Outcome::State(view)) if has_ended_with_files(view) => {
                    let until_then = soon_settled(view);
                    find(asked.clone(), &record_id, move |_, listed| {
                        let settled = listed.as_ref().and_then(settled);
                        settled.unwrap_or_else(|| status_of(until_then))
                    })
                }
                Some(Outcome::State(view)) => status_of(number_of(view.standing, &view.files)),
                Some(_) => status_of(0),
                None => reply::failure(ApiError::unanswered()),
            })))
        }
    })
}

/// What becomes of its files, only the index knows, which hands them out.
fn has_ended_with_files(view: &RecordingView) -> bool {
    view.standing == Standing::Done && !parts(&view.files).is_empty()
}

/// Of a record that has ended, and of which the index is about to hear.
fn soon_settled(view: &RecordingView) -> u8 {
    let is_to_be_joined = parts(&view.files).len() > 1;
    number(match is_to_be_joined {
        true => Standing::Finishing,
        false => Standing::Uploading,
    })
}

/// Of a record that has ended, as the index knows: nobody knows better.
fn settled(listed: &Listed) -> Option<Step> {
    if let Some(order) = whole(listed) {
        return Some(joining(order, status_of(number(Standing::Finishing))));
    }
    // What is made of others has no recorder.
    let has_settled = listed.made.is_some() || listed.status >= Status::Ended && listed.standing >= Standing::Done;
    has_settled.then(|| known(listed))
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
        if let Some(answer) = settled(&listed) {
            return answer;
        }
        let call = query(listed.key.clone(), &record);
        Step::Call(Box::new(Pending::new(call, move |outcome| match outcome {
            Some(Outcome::State(view)) if has_ended_with_files(view) => status_of(soon_settled(view)),
            Some(Outcome::State(view)) => status_of(number_of(view.standing, &view.files)),
            _ => status_of(number(listed.standing)),
        })))
    })
}

/// As the index has it. Of files that could not be joined, it is told how many there are.
fn known(listed: &Listed) -> Step {
    let number = number_of(listed.standing, &listed.files);
    match parts(&listed.files).len() {
        count if count > 1 && listed.standing == Standing::Done => {
            reply::success(json!({ "status": number, "parts": count }))
        }
        _ => status_of(number),
    }
}

/// Has files joined, whatever has kept that from being done before.
fn joining(order: Order, answer: Step) -> Step {
    Step::Join(Box::new(Joining::new(vec![order], move |begun| match begun {
        true => answer,
        false => reply::failure(ApiError::unanswered()),
    })))
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

/// `part`: the number of one of its files, where a record has several.
pub(in crate::dialect::uprtc) fn download(asked: Asked, record_id: &str, part: Option<usize>) -> Step {
    let name = match part {
        Some(part) => format!("{record_id}-{part}.mp4"),
        None => format!("{record_id}.mp4"),
    };
    find(asked, record_id, move |asked, listed| {
        let found = match part {
            Some(part) => part_of(listed.as_ref(), part),
            None => file_of(listed.as_ref()),
        };
        let (house, file) = match found {
            Ok(found) => found,
            Err(error) => {
                let answer = reply::failure(error);
                return match listed.as_ref().and_then(whole) {
                    Some(order) => joining(order, answer),
                    None => answer,
                };
            }
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
