//! The calls that tell callbacks of recorded files and of a channel's state.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::{RecordedFile, RecorderKey};

use super::automatic::Label;
use super::format::Format;
use super::listed::{file_id, file_name};
use super::sign;
use crate::access::Callback;
use crate::dialect::house;
use crate::dialect::notification::Notification;
use crate::dialect::vendor::NoticeTerms;
use crate::http::Headers;
use crate::recording::{Event, House, Notice, Subject};

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The format of the file that an event is about; `None` for an event of which this vendor's callbacks are not told.
pub(super) fn format(event: &Event) -> Option<Format> {
    match event {
        Event::FileReady { file, .. } => Format::of(file.kind),
        _ => None,
    }
}

/// A GET whose parameters say which file is ready. The link and the time are those of the sending, so that a later try is as good as
/// the first.
pub(super) fn notification(subject: &Subject, notice: &Notice, terms: NoticeTerms<'_>) -> Notification {
    match &notice.event {
        Event::FileReady { file, house } => file_told(&subject.key, &subject.sid, file, house, "auto", terms),
        Event::RecorderStarted => state(subject, "live", ("startTime", notice.at_ms), terms),
        Event::RecorderLeft { .. } => state(subject, "end", ("endTime", notice.at_ms), terms),
        _ => get(&[], terms),
    }
}

/// That somebody has begun to publish to a channel, or nobody does any more.
fn state(subject: &Subject, status: &str, (name, at_ms): (&str, u64), terms: NoticeTerms<'_>) -> Notification {
    let fields = [
        ("channelId", subject.key.channel.clone()),
        ("status", status.to_owned()),
        ("sessionId", subject.sid.clone()),
        (name, at_ms.to_string()),
    ];
    get(&fields, terms)
}

/// That a file is ready. `origin`: what it is made of.
pub(super) fn file_told(
    key: &RecorderKey,
    sid: &str,
    file: &RecordedFile,
    house: &House,
    origin: &str,
    terms: NoticeTerms<'_>,
) -> Notification {
    let Some(format) = Format::of(file.kind) else {
        return get(&[], terms);
    };
    let fields = [
        ("channelId", key.channel.clone()),
        ("fileUrl", link(key, file, house, format, terms)),
        ("format", format.name().to_owned()),
        ("origin", origin.to_owned()),
        ("fileId", file_id(sid, file)),
        ("hasRtcRecord", "N".to_owned()),
        ("sessionId", sid.to_owned()),
        ("fileSize", file.bytes.to_string()),
        ("duration", file.duration_ms.div_ceil(1_000).to_string()),
    ];
    get(&fields, terms)
}

/// A link to a file. Without its store there is none; what the file is called is still told.
pub(super) fn link(
    key: &RecorderKey,
    file: &RecordedFile,
    house: &House,
    format: Format,
    terms: NoticeTerms<'_>,
) -> String {
    let name = file_name(&Label::read(&house.label), &key.channel, file.start_ms, format);
    let handing = house::Handing {
        app_id: &key.app_id,
        own: terms.house_storage,
        public_url: terms.public_url,
        now_ms: terms.now_ms,
    };
    handing.link(house, file, &name).unwrap_or_else(|| file.name.clone())
}

/// A GET with these parameters, its time and its signature.
pub(super) fn get(fields: &[(&str, String)], terms: NoticeTerms<'_>) -> Notification {
    let signed = [
        ("timestamp", terms.now_ms.to_string()),
        ("sign", sign::of_callback(&terms.callback.secret, terms.now_ms)),
    ];
    let fields: Vec<_> = fields
        .iter()
        .chain(&signed)
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, &UNRESERVED)))
        .collect();
    Notification {
        method: "GET",
        query: fields.join("&"),
        headers: Headers::default(),
        body: None,
    }
}

/// Whether a callback is to be told of MP4 files.
pub(super) fn wants_mp4(callback: &Callback) -> bool {
    let wanted = callback.events.as_ref();
    wanted.is_none_or(|wanted| wanted.contains(&Format::Mp4.number()))
}
