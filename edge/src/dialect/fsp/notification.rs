//! How a task stands, as the event gateway's clients are told of it, and what a callback would be told, if the vendor had any.

use protocol::RecordedFile;
use serde_json::json;

use super::label::Label;
use super::tasks;
use super::wire::RECORD_STATUS;
use crate::dialect::notification::Notification;
use crate::recording::{Event, Subject};

/// The fields of the message that are particular to it, as a JSON text; `None` for what is not told.
pub(super) fn told(subject: &Subject, event: &Event) -> Option<String> {
    let Event::Stands { view } = event else {
        return None;
    };
    let label = Label::read(&view.house.as_ref()?.label)?;
    let record_id = label.record_id(&subject.sid);
    let status = tasks::status(view.standing);
    let (duration, bytes) = tasks::recorded(&view.files);
    let first: Option<&RecordedFile> = tasks::files(&view.files).next();
    // The vendor has it as a text that is JSON itself.
    let message = json!({
        "file_name": label.file_name,
        "file_path": first.map(|file| file.name.clone()).unwrap_or_default(),
        "file_resource": "",
        "file_size": bytes,
        "media_duration": duration,
        "mission_id": record_id,
        "mission_state": status,
        "start_time": view.started_ms / 1_000,
    });
    let told = json!({"record_id": record_id, "record_statue": status, "record_msg": message.to_string()});
    Some(told.to_string())
}

/// Names the task, so that it can be asked about.
pub(super) fn notification(subject: &Subject) -> Notification {
    let body = json!({"id": RECORD_STATUS, "group_id": subject.key.channel, "sid": subject.sid});
    Notification::json(&body)
}
