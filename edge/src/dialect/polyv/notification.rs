//! The call that tells a callback of a recorded file.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::FileKind;

use super::listed::{file_id, file_name};
use super::sign;
use crate::dialect::house;
use crate::dialect::notification::Notification;
use crate::dialect::vendor::NoticeTerms;
use crate::http::Headers;
use crate::recording::{Event, Notice, Subject};

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In what a file is. The numbers stand in a callback's list of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    M3u8,
    Mp4,
}

impl Format {
    const ALL: [Self; 2] = [Self::M3u8, Self::Mp4];

    pub(super) fn of(kind: FileKind) -> Option<Self> {
        match kind {
            FileKind::Playlist => Some(Self::M3u8),
            FileKind::Mp4 => Some(Self::Mp4),
            FileKind::M4a | FileKind::Mp3 => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::M3u8 => "m3u8",
            Self::Mp4 => "mp4",
        }
    }

    pub(super) fn number(self) -> u32 {
        match self {
            Self::M3u8 => 1,
            Self::Mp4 => 2,
        }
    }

    /// The formats that a callback wants, as `m3u8,mp4`.
    pub(super) fn names(wanted: Option<&[u32]>) -> String {
        let is_wanted = |format: &Self| wanted.is_none_or(|wanted| wanted.contains(&format.number()));
        let names: Vec<_> = Self::ALL.into_iter().filter(is_wanted).map(Self::name).collect();
        names.join(",")
    }

    /// The inverse of [`Self::names`].
    pub(super) fn numbers(names: &str) -> Option<Vec<u32>> {
        let number = |name: &str| {
            let mut all = Self::ALL.into_iter();
            all.find(|format| format.name() == name.trim()).map(Self::number)
        };
        let mut numbers: Vec<_> = names.split(',').map(number).collect::<Option<_>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }
}

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
