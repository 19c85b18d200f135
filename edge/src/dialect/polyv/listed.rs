//! A recording as the vendor lists it: one file, in one or two formats.

use protocol::{FileKind, RecordedFile};
use serde_json::{Value, json};

use super::automatic::Label;
use super::format::Format;
use super::times::digits;
use crate::app::Listed;
use crate::dialect::house::Handing;
use crate::recording::House;

const DAY_MS: u64 = 24 * 3_600_000;

/// The ID of a file: the recording's own, and with a number behind it when a recording has more than one MP4 file, from the second
/// one on.
pub(super) fn file_id(sid: &str, file: &RecordedFile) -> String {
    match (file.kind, number(&file.name)) {
        (FileKind::Mp4, 1..) => format!("{sid}-{}", number(&file.name) + 1),
        _ => sid.to_owned(),
    }
}

/// The sid in a file's ID.
pub(super) fn sid_of(file_id: &str) -> &str {
    file_id.split_once('-').map_or(file_id, |(sid, _)| sid)
}

/// The number in `…_1.mp4`, from 0.
fn number(name: &str) -> u64 {
    let end = name.rsplit('_').next().unwrap_or_default();
    let digits: String = end.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

/// The ID of the file that an object's key, or an address that ends with it, stands for.
pub(super) fn id_in_key(key: &str) -> Option<String> {
    let name = key.rsplit('/').next()?;
    let (sid, _) = name.split_once('_')?;
    match (name.ends_with(".mp4"), number(name)) {
        (true, number @ 1..) => Some(format!("{sid}-{}", number + 1)),
        _ => Some(sid.to_owned()),
    }
}

/// What a file is called when it is downloaded.
pub(super) fn file_name(label: &Label, channel: &str, start_ms: u64, format: Format) -> String {
    match &label.name {
        Some(name) => format!("{name}.{}", format.name()),
        None => format!("{channel}_{}.{}", digits(start_ms), format.name()),
    }
}

/// One file of the vendor's: an MP4 file with the playlist if it is the first, or the playlist alone.
struct Record<'a> {
    row: &'a Listed,
    house: &'a House,
    mp4: Option<&'a RecordedFile>,
    m3u8: Option<&'a RecordedFile>,
}

/// The files of a recording as `recordFiles` lists them.
pub(super) fn in_list(row: &Listed, user_id: &str, handing: &Handing<'_>) -> Vec<Value> {
    records(row)
        .iter()
        .filter_map(|record| record.in_list(user_id, handing))
        .collect()
}

/// The file of this ID as `record/get` shows it.
pub(super) fn alone(row: &Listed, id: &str, user_id: &str, handing: &Handing<'_>) -> Option<Value> {
    let records = records(row);
    let record = records.iter().find(|record| record.id().as_deref() == Some(id))?;
    record.alone(user_id, handing)
}

fn records(row: &Listed) -> Vec<Record<'_>> {
    let Some(house) = &row.house else {
        return Vec::new();
    };
    let of = |format| {
        row.files
            .iter()
            .filter(move |file| Format::of(file.kind) == Some(format))
    };
    let m3u8 = of(Format::M3u8).next();
    let mut records: Vec<_> = of(Format::Mp4)
        .map(|mp4| Record {
            row,
            house,
            mp4: Some(mp4),
            m3u8: m3u8.filter(|_| number(&mp4.name) == 0),
        })
        .collect();
    if !records.iter().any(|record| record.m3u8.is_some()) && m3u8.is_some() {
        let first = Record {
            row,
            house,
            mp4: None,
            m3u8,
        };
        records.insert(0, first);
    }
    records
}

impl Record<'_> {
    /// The MP4 file if there is one, else the playlist, as the vendor's list has it.
    fn file(&self) -> Option<&RecordedFile> {
        self.mp4.or(self.m3u8)
    }

    fn id(&self) -> Option<String> {
        self.file().map(|file| file_id(&self.row.sid, file))
    }

    fn link(&self, file: Option<&RecordedFile>, handing: &Handing<'_>) -> Option<String> {
        let file = file?;
        let label = Label::read(&self.house.label);
        let name = file_name(&label, &self.row.key.channel, file.start_ms, Format::of(file.kind)?);
        handing.link(self.house, file, &name)
    }

    fn in_list(&self, user_id: &str, handing: &Handing<'_>) -> Option<Value> {
        let file = self.file()?;
        let label = Label::read(&self.house.label);
        Some(json!({
            "channelId": self.row.key.channel,
            "fileId": self.id()?,
            "userId": user_id,
            "url": self.link(Some(file), handing)?,
            "startTime": digits(file.start_ms),
            "endTime": digits(file.start_ms.saturating_add(file.duration_ms)),
            "fileSize": file.bytes,
            "duration": file.duration_ms.div_ceil(1_000),
            "bitrate": bitrate(file),
            "resolution": format!("{}x{}", label.width, label.height),
            "channelSessionId": self.row.sid,
            "fileName": file_name(&label, &self.row.key.channel, file.start_ms, Format::of(file.kind)?),
        }))
    }

    fn alone(&self, user_id: &str, handing: &Handing<'_>) -> Option<Value> {
        let file = self.file()?;
        let label = Label::read(&self.house.label);
        Some(json!({
            "fileId": self.id()?,
            "userId": user_id,
            "channelId": self.row.key.channel,
            "startTime": digits(file.start_ms),
            "endTime": digits(file.start_ms.saturating_add(file.duration_ms)),
            "fileName": file_name(&label, &self.row.key.channel, file.start_ms, Format::of(file.kind)?),
            "fileSize": file.bytes,
            "createdTime": self.row.ended_ms.unwrap_or(self.row.created_ms),
            "width": label.width,
            "height": label.height,
            "duration": file.duration_ms.div_ceil(1_000),
            "bitrate": bitrate(file),
            "mp4": self.link(self.mp4, handing).unwrap_or_default(),
            "m3u8": self.link(self.m3u8, handing).unwrap_or_default(),
            "channelSessionId": self.row.sid,
            "originSessionId": self.row.sid,
            "liveType": "alone",
            "daysLeft": self.days_left(handing.now_ms),
        }))
    }

    /// -1 for ever, 0 when its time is over.
    fn days_left(&self, now_ms: u64) -> i64 {
        let Some((ended_ms, kept_ms)) = self.row.ended_ms.zip(self.house.kept_ms) else {
            return -1;
        };
        let left_ms = ended_ms.saturating_add(kept_ms).saturating_sub(now_ms);
        i64::try_from(left_ms.div_ceil(DAY_MS)).unwrap_or(i64::MAX)
    }
}

/// In kilobits a second.
fn bitrate(file: &RecordedFile) -> u64 {
    file.bytes.saturating_mul(8) / file.duration_ms.max(1)
}
