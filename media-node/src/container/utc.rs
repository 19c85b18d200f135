use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

const UTC17: &[FormatItem<'_>] = format_description!("[year][month][day][hour][minute][second][subsecond digits:3]");

/// `YYYYMMDDHHMMSSmmm` in UTC of a time in Unix milliseconds; of the year 9999's end for all later times.
pub fn utc17(unix_ms: u64) -> String {
    format_ms(unix_ms, UTC17).unwrap_or_else(|| "99991231235959999".to_owned())
}

pub(super) fn format_ms(unix_ms: u64, format: &[FormatItem<'_>]) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok()?;
    time.format(format).ok()
}
