//! `/v1/record/task/list` and `/v1/record/info`: how tasks stand.

use protocol::{FileKind, RecordedFile};
use serde_json::{Map, Value, json};

use super::date::{self, End};
use super::label::Label;
use super::params::{number, text};
use super::reply::Reply;
use crate::app::{Filter, Listed};
use crate::http::Response;
use crate::input::{FieldError, Fields};
use crate::recording::{RecordingView, Standing, Status};

/// The `id` of the answer to info.
const INFO_ID: u64 = 8213;
const DEFAULT_PAGE_SIZE: u64 = 50;
const MAX_PAGE_SIZE: u64 = 500;
const MAX_PAGE: u64 = 1_000_000;

/// A page of the list of tasks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct List {
    /// The task that the call names.
    pub(super) record_id: Option<String>,
    pub(super) filter: Filter,
}

impl List {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, FieldError> {
        let page = number(fields, "page", 1..=MAX_PAGE)?.unwrap_or(1);
        let limit = number(fields, "page_size", 1..=MAX_PAGE_SIZE)?.unwrap_or(DEFAULT_PAGE_SIZE);
        let standings = text(fields, "status")?.map(|status| {
            standing(&status).ok_or_else(|| fields.error("status", "must be -1 or a whole number from 1 to 7"))
        });
        let filter = Filter {
            offset: (page - 1) * limit,
            limit: usize::try_from(limit).unwrap_or_default(),
            channel: text(fields, "group_id")?,
            standings: standings.transpose()?.into_iter().collect(),
            from_ms: time(fields, "start_time", End::First)?,
            over_by_ms: time(fields, "stop_time", End::Last)?,
            house: true,
            counted: true,
            ..Filter::default()
        };
        Ok(Self {
            record_id: text(fields, "record_id")?,
            filter,
        })
    }
}

fn time(fields: &Fields<'_>, name: &str, end: End) -> Result<Option<u64>, FieldError> {
    let Some(text) = text(fields, name)? else {
        return Ok(None);
    };
    let read = date::parse(&text, end);
    read.map(Some)
        .ok_or_else(|| fields.error(name, "must be a date such as 2020-02-20 11:52:05"))
}

/// The numbers of the standings.
const NUMBERS: [(i8, Standing); 8] = [
    (-1, Standing::Failed),
    (1, Standing::Waiting),
    (2, Standing::Capturing),
    (3, Standing::Closing),
    (4, Standing::Finishing),
    (5, Standing::Uploading),
    (6, Standing::Done),
    (7, Standing::Paused),
];

pub(super) fn status(standing: Standing) -> i8 {
    let mut numbers = NUMBERS.iter();
    numbers
        .find_map(|(number, known)| (*known == standing).then_some(*number))
        .unwrap_or(-1)
}

/// The vendor's own page asks for failures by 0.
fn standing(text: &str) -> Option<Standing> {
    let number = match text.trim().parse().ok()? {
        0 => -1,
        number => number,
    };
    NUMBERS
        .iter()
        .find_map(|(known, standing)| (*known == number).then_some(*standing))
}

/// Whether a task may stand otherwise by now than the index says.
pub(super) fn is_live(listed: &Listed) -> bool {
    listed.status < Status::Ended || listed.standing < Standing::Done
}

/// What its recorder says of a task, in the place of what the index says.
pub(super) fn refresh(listed: &mut Listed, view: &RecordingView) {
    listed.status = view.status;
    listed.standing = view.standing;
    listed.started_ms = Some(view.started_ms);
    listed.ended_ms = view.ended_ms;
    listed.cause = view.cause;
    listed.files.clone_from(&view.files);
}

/// What was kept with a task; `None` for a recording that another API has started.
pub(super) fn label_of(listed: &Listed) -> Option<Label> {
    Label::read(&listed.house.as_ref()?.label)
}

/// One entry of the list; `None` for a recording that another API has started.
pub(super) fn entry(listed: &Listed, now_ms: u64) -> Option<Value> {
    let label = label_of(listed)?;
    let began_ms = listed.started_ms.unwrap_or(listed.created_ms);
    let lasted_ms = listed.ended_ms.unwrap_or(now_ms).saturating_sub(began_ms);
    let mut entry = Map::new();
    let fields = [
        ("record_id", json!(label.record_id(&listed.sid))),
        ("record_mode", json!(0)),
        ("group_id", json!(listed.key.channel)),
        ("start_time", json!(date::date(began_ms))),
        ("stop_time", json!(listed.ended_ms.map(date::date).unwrap_or_default())),
        ("status", json!(status(listed.standing))),
        ("file_name", json!(label.file_name)),
        ("record_time", json!(seconds(lasted_ms))),
        ("width", json!(label.width)),
        ("height", json!(label.height)),
        ("auto", json!(label.auto.unwrap_or(0))),
    ];
    entry.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    entry.extend(label.company_id.map(|id| ("company_id".to_owned(), id.into())));
    Some(entry.into())
}

/// Whole seconds, rounded.
pub(super) fn seconds(ms: u64) -> u64 {
    ms.saturating_add(500) / 1_000
}

/// The files that can be had of what a recording has written.
pub(super) fn files(all: &[RecordedFile]) -> impl Iterator<Item = &RecordedFile> {
    all.iter().filter(|file| file.kind != FileKind::Playlist)
}

/// What was recorded, in seconds, and what it takes, in bytes.
pub(super) fn recorded(all: &[RecordedFile]) -> (u64, u64) {
    let add = |value: fn(&RecordedFile) -> u64| files(all).map(value).fold(0, u64::saturating_add);
    (seconds(add(|file| file.duration_ms)), add(|file| file.bytes))
}

/// The answer to `/v1/record/info`, whose `msg` the vendor spells so.
pub(super) fn info(reply: Reply, listed: &Listed, label: &Label) -> Response {
    let (duration, size) = recorded(&listed.files);
    let first = files(&listed.files).next();
    let file = json!({
        "duration": duration,
        "file_id": first.map(|file| file.name.clone()).unwrap_or_default(),
        "size": size,
        "start_time": first.map(|file| date::date(file.start_ms)).unwrap_or_default(),
        "thumbnail_id": "",
    });
    reply
        .with("business", "RE")
        .with("id", INFO_ID)
        .with("create_time", date::date(listed.created_ms))
        .with("file_name", label.file_name.clone())
        .with("width", label.width)
        .with("height", label.height)
        .with("record_id", label.record_id(&listed.sid))
        .with("status", status(listed.standing))
        .with("room_id", listed.key.channel.clone())
        .with("record_file", file)
        .success_as("SUCESS")
}
