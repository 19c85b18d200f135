//! Times as the vendor writes them, in China's time.

use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

const DAY_MS: u64 = 24 * 3_600_000;
const OFFSET_HOURS: i8 = 8;

fn offset() -> UtcOffset {
    UtcOffset::from_hms(OFFSET_HOURS, 0, 0).unwrap_or(UtcOffset::UTC)
}

/// `yyyyMMddHHmmss`; what no calendar holds becomes the epoch.
pub(super) fn digits(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(0);
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let form = format_description!("[year][month][day][hour][minute][second]");
    time.to_offset(offset()).format(form).unwrap_or_default()
}

/// The beginning of a day `yyyy-MM-dd`, Unix milliseconds.
pub(super) fn day_ms(text: &str) -> Option<u64> {
    let date = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    let begins = PrimitiveDateTime::new(date, time::Time::MIDNIGHT).assume_offset(offset());
    u64::try_from(begins.unix_timestamp()).ok()?.checked_mul(1_000)
}

/// The end of a day.
pub(super) fn day_end_ms(text: &str) -> Option<u64> {
    day_ms(text)?.checked_add(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_chinas() {
        assert_eq!(digits(1_629_334_739_239), "20210819085859");
        assert_eq!(day_ms("2021-08-19"), Some(1_629_302_400_000));
        assert_eq!(digits(1_629_302_400_000), "20210819000000");
        assert_eq!(day_end_ms("2021-08-18"), day_ms("2021-08-19"));
        for text in ["", "2021-8-19", "2021-13-01", "20210819", "1960-01-01"] {
            assert_eq!(day_ms(text), None, "{text}");
        }
    }
}
