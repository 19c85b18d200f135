//! Dates as the vendor's customers write and read them: `2020-02-20 11:52:05`, in China's time.

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

const FORM: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
/// The form in the names of tasks.
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");

/// Numbers from here on are milliseconds, below it seconds.
const FIRST_MS: u64 = 100_000_000_000;

pub(super) fn date(unix_ms: u64) -> String {
    written(unix_ms, FORM)
}

pub(super) fn compact(unix_ms: u64) -> String {
    written(unix_ms, COMPACT)
}

fn written(unix_ms: u64, form: &[BorrowedFormatItem<'_>]) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(0);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.to_offset(offset!(+8)).format(form).unwrap_or_default()
}

/// Which end of a day a day alone means.
#[derive(Clone, Copy)]
pub(super) enum End {
    First,
    Last,
}

/// Unix milliseconds of a date: with a time or without, or as a number of seconds or milliseconds.
pub(super) fn parse(text: &str, end: End) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        let ms = if number < FIRST_MS {
            number.checked_mul(1_000)?
        } else {
            number
        };
        // Above 2^53 a number is not the same everywhere.
        return (ms < 1 << 53).then_some(ms);
    }
    let text = text.trim().replacen('T', " ", 1);
    let at = match PrimitiveDateTime::parse(&text, FORM) {
        Ok(at) => at,
        Err(_) => {
            let day = Date::parse(&text, DAY).ok()?;
            match end {
                End::First => day.with_time(Time::MIDNIGHT),
                End::Last => day.with_hms_milli(23, 59, 59, 999).ok()?,
            }
        }
    };
    let ms = at.assume_offset(offset!(+8)).unix_timestamp_nanos() / 1_000_000;
    u64::try_from(ms).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        let at_ms = 1_582_170_725_000;
        assert_eq!(date(at_ms), "2020-02-20 11:52:05");
        assert_eq!(compact(at_ms), "20200220115205");
        for text in [
            "2020-02-20 11:52:05",
            "2020-02-20T11:52:05",
            "1582170725",
            "1582170725000",
        ] {
            assert_eq!(parse(text, End::Last), Some(at_ms), "{text}");
        }
        let day = "2020-02-20";
        assert_eq!(parse(day, End::First).map(date).as_deref(), Some("2020-02-20 00:00:00"));
        assert_eq!(parse(day, End::Last).map(date).as_deref(), Some("2020-02-20 23:59:59"));
        for text in [
            "",
            "x",
            "2020-13-01",
            "2020-02-20 25:00:00",
            "1900-01-01",
            "99999999999999999999",
            "-5",
        ] {
            assert_eq!(parse(text, End::First), None, "{text}");
        }
        assert_eq!(date(u64::MAX), "1970-01-01 08:00:00");
    }
}
