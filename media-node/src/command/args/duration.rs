use std::time::Duration;

/// Reads `90`, `90s`, `5m` or `1h`; a number alone is seconds.
pub(in crate::command) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        other => return Err(format!("{other:?} is no unit of time: use s, m or h")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{digits:?} is no whole number"))?;
    number
        .checked_mul(unit)
        .map(Duration::from_secs)
        .ok_or_else(|| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_seconds_minutes_and_hours() {
        for (text, seconds) in [("90", 90), ("10s", 10), ("5m", 300), ("1h", 3600), ("0", 0)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "-1",
            "1d",
            "1.5s",
            "99999999999999999999",
            "9999999999999999999h",
            "é",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
