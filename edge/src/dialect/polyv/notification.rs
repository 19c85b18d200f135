//! The call that tells a callback of a recorded file.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::format::Format;
use super::listed::{file_id, file_name};
use super::sign;
use crate::dialect::house;
use crate::dialect::notification::Notification;
use crate::dialect::vendor::NoticeTerms;
use crate::http::Headers;
use crate::recording::{Event, Notice, Subject};

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
    let mut query = String::new();
    if let Event::FileReady { file, house } = &notice.event
        && let Some(format) = Format::of(file.kind)
    {
        let name = file_name(&subject.key.channel, file.start_ms, format);
        let handing = house::Handing {
            app_id: &subject.key.app_id,
            own: terms.house_storage,
            public_url: terms.public_url,
            now_ms: terms.now_ms,
        };
        // Without its store there is no link; what the file is called is still told.
        let url = handing.link(house, file, &name).unwrap_or_else(|| file.name.clone());
        let duration_s = file.duration_ms.div_ceil(1_000).to_string();
        let fields = [
            ("channelId", subject.key.channel.clone()),
            ("fileUrl", url),
            ("format", format.name().to_owned()),
            ("timestamp", terms.now_ms.to_string()),
            ("sign", sign::of_callback(&terms.callback.secret, terms.now_ms)),
            ("origin", "auto".to_owned()),
            ("fileId", file_id(&subject.sid, file)),
            ("hasRtcRecord", "N".to_owned()),
            ("sessionId", subject.sid.clone()),
            ("fileSize", file.bytes.to_string()),
            ("duration", duration_s),
        ];
        let fields = fields.map(|(name, value)| format!("{name}={}", utf8_percent_encode(&value, &UNRESERVED)));
        query = fields.join("&");
    }
    Notification {
        method: "GET",
        query,
        headers: Headers::default(),
        body: None,
    }
}
