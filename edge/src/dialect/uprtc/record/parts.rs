//! The files of a record: one, where nothing has happened to the media node that recorded it.

use protocol::{FileKind, RecordedFile};

use super::number;
use crate::app::Listed;
use crate::dialect::uprtc::code::{ApiError, NO_FILE};
use crate::joining::{Order, Part, Recorded};
use crate::recording::{House, Standing, Status};

/// The files of a record that are in the app's store, in the order in which they were recorded: more than one where a media node
/// was lost while it recorded.
pub(super) fn parts(files: &[RecordedFile]) -> Vec<&RecordedFile> {
    let is_there = |file: &&RecordedFile| file.kind != FileKind::Playlist && file.bytes > 0 && file.uploaded_slices > 0;
    let mut parts: Vec<_> = files.iter().filter(is_there).collect();
    parts.sort_by_key(|file| file.start_ms);
    parts
}

/// What is to be joined of a record that is over, and has not been.
pub(in crate::dialect::uprtc) fn whole(listed: &Listed) -> Option<Order> {
    let house = listed.house.as_ref()?;
    let parts = parts(&listed.files);
    let (first, is_new) = (parts.first()?, listed.made.is_none() && listed.erasure.is_none());
    if parts.len() < 2 || !is_new || listed.standing != Standing::Done {
        return None;
    }
    let (place, _) = first.name.rsplit_once('/').unwrap_or_default();
    let part = |file: &&RecordedFile| Part {
        store: house.store.clone(),
        key: file.name.clone(),
        bytes: file.bytes,
    };
    Some(Order {
        key: listed.key.clone(),
        sid: listed.sid.clone(),
        nonce: listed.sid.clone(),
        parts: parts.iter().map(part).collect(),
        start_ms: first.start_ms,
        place: place.to_owned(),
        house: house.clone(),
        told: Vec::new(),
        imports: false,
        recording: Some(Box::new(Recorded {
            mode: listed.mode,
            started_ms: listed.started_ms.unwrap_or(listed.created_ms),
            ended_ms: listed.ended_ms,
            cause: listed.cause,
            files: parts.into_iter().cloned().collect(),
        })),
    })
}

/// The file of a record, once it is whole and in the app's store.
pub(super) fn file_of(listed: Option<&Listed>) -> Result<(&House, &RecordedFile), ApiError> {
    let none = |msg: &str| ApiError::new(NO_FILE, msg);
    let listed = listed.ok_or_else(|| none("no recording has this recordId"))?;
    if whole(listed).is_some() {
        return Err(none(
            "the file is there when the status is 6, and its parts are being joined",
        ));
    }
    let file = parts(&listed.files).into_iter().next();
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

/// One of the files that a record has in the store, counted from 1, of a record that is over: also while it is joined, or waits
/// for what a lost node has.
pub(super) fn part_of(listed: Option<&Listed>, number: usize) -> Result<(&House, &RecordedFile), ApiError> {
    let listed = listed.filter(|listed| listed.status == Status::Ended);
    let house = listed.and_then(|listed| listed.house.as_ref());
    let files = listed.map(|listed| parts(&listed.files)).unwrap_or_default();
    let file = number.checked_sub(1).and_then(|place| files.get(place).copied());
    house.zip(file).ok_or_else(|| {
        let count = files.len();
        ApiError::new(NO_FILE, format!("the record has {count} parts in the store"))
    })
}
