//! The calls that tell callbacks what came of files that were joined.

use protocol::{RecordedFile, Refusal, RefusalCode};

use super::automatic::Label;
use super::format::Format;
use super::join::{FILE_FORM, MERGE_FORM, MERGE_MP4_FORM, PLAYBACK_FORM};
use super::listed::{file_name, id_in_key, sid_of};
use super::notification::{file_told, get, link};
use crate::dialect::notification::Notification;
use crate::dialect::vendor::{Joined, NoticeTerms};
use crate::joining::Order;

/// `None` for a form that the callback is not told in: of a file that has not come about there is nothing to say to whom files are
/// told.
pub(super) fn notification(joined: &Joined<'_>, terms: NoticeTerms<'_>) -> Option<Notification> {
    let Joined { order, form, result } = *joined;
    let file = result.as_ref().ok();
    let label = Label::read(&order.house.label);
    Some(match form {
        FILE_FORM => file_told(&order.key, &order.sid, file?, &order.house, "merge", terms),
        MERGE_FORM => merged(order, &label, result, terms),
        MERGE_MP4_FORM => merged_mp4(order, &label, file, terms),
        PLAYBACK_FORM => playback(order, &label, file, terms),
        _ => return None,
    })
}

fn status(is_there: bool) -> (&'static str, String) {
    let status = if is_there { "success" } else { "error" };
    ("status", status.to_owned())
}

fn merged(
    order: &Order,
    label: &Label,
    result: &Result<RecordedFile, Refusal>,
    terms: NoticeTerms<'_>,
) -> Notification {
    let mut fields = vec![
        status(result.is_ok()),
        ("userId", label.user_id.clone().unwrap_or_default()),
        ("channelId", order.key.channel.clone()),
        ("fileId", order.sid.clone()),
    ];
    if let Err(refusal) = result {
        let code = match refusal.code {
            RefusalCode::NoCapacity => "spaceOverSize",
            _ => "unknown",
        };
        fields.push(("code", code.to_owned()));
    }
    get(&fields, terms)
}

fn merged_mp4(order: &Order, label: &Label, file: Option<&RecordedFile>, terms: NoticeTerms<'_>) -> Notification {
    let url = file.map(|file| link(&order.key, file, &order.house, Format::Mp4, terms));
    let fields = [
        status(file.is_some()),
        ("channelId", order.key.channel.clone()),
        ("fileId", order.sid.clone()),
        ("fileIds", sources(order).join(",")),
        ("fileUrl", url.unwrap_or_default()),
        (
            "fileName",
            file_name(label, &order.key.channel, order.start_ms, Format::Mp4),
        ),
    ];
    get(&fields, terms)
}

fn playback(order: &Order, label: &Label, file: Option<&RecordedFile>, terms: NoticeTerms<'_>) -> Notification {
    let sources = sources(order);
    let sessions: Vec<_> = sources.iter().map(|id| sid_of(id)).collect();
    let title = file_name(label, &order.key.channel, order.start_ms, Format::Mp4);
    let title = title.strip_suffix(".mp4").unwrap_or(&title);
    let mut fields = vec![
        status(file.is_some()),
        ("userId", label.user_id.clone().unwrap_or_default()),
        ("channelId", order.key.channel.clone()),
        ("vid", order.sid.clone()),
        ("videoId", order.sid.clone()),
        ("title", title.to_owned()),
        ("fileId", sources.first().cloned().unwrap_or_default()),
        ("sessionId", sessions.first().copied().unwrap_or_default().to_owned()),
        ("sessionIds", sessions.join(",")),
        ("origin", "auto".to_owned()),
    ];
    if let Some(file) = file {
        fields.push(("duration", clock(file.duration_ms)));
        fields.push(("fileSize", file.bytes.to_string()));
    }
    get(&fields, terms)
}

/// The IDs of the files that were joined.
fn sources(order: &Order) -> Vec<String> {
    order.parts.iter().filter_map(|part| id_in_key(&part.key)).collect()
}

/// `hh:mm:ss`.
fn clock(ms: u64) -> String {
    let s = ms.div_ceil(1_000);
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}
