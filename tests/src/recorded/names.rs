//! How the objects of an individual recording are named.

use protocol::TrackKind;

/// `<sid>_<channel>__uid_s_<uid>__uid_e_<type>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// 32 lower-case hexadecimal characters.
    pub sid: String,
    pub channel: String,
    pub uid: String,
    pub kind: TrackKind,
}

impl Name {
    /// `None` for what is not such a name.
    pub fn parse(stem: &str) -> Option<Self> {
        let (sid, rest) = stem.split_at_checked(32)?;
        let (rest, kind) = rest.strip_prefix('_')?.rsplit_once("__uid_e_")?;
        let (channel, uid) = rest.rsplit_once("__uid_s_")?;
        let kind = match kind {
            "audio" => TrackKind::Audio,
            "video" => TrackKind::Video,
            _ => return None,
        };
        let is_sid = sid.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        is_sid.then(|| Self {
            sid: sid.into(),
            channel: channel.into(),
            uid: uid.into(),
            kind,
        })
    }
}

/// When a slice begins, in Unix milliseconds, by its name; `stem` is that of its playlist's name.
pub fn slice_ms(name: &str, stem: &str) -> Option<i64> {
    let (utc, _) = name.strip_prefix(stem)?.strip_prefix('_')?.rsplit_once('.')?;
    // Behind the time stands the number of the node, but for the first one.
    parse_utc(utc.split_once("-n").map_or(utc, |(utc, _)| utc))
}

/// Reads `YYYYMMDDHHMMSSmmm`, UTC, as Unix milliseconds.
pub fn parse_utc(text: &str) -> Option<i64> {
    if text.len() != 17 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let field = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (field(0, 4)?, field(4, 6)?, field(6, 8)?);
    // Days of the proleptic Gregorian calendar, years beginning in March.
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + field(8, 10)?) * 60 + field(10, 12)?) * 60_000 + field(12, 17)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names() {
        let name = Name::parse("0123456789abcdef0123456789abcdef_room_1__uid_s_42__uid_e_video").unwrap();
        assert_eq!(
            (name.channel.as_str(), name.uid.as_str(), name.kind),
            ("room_1", "42", TrackKind::Video)
        );
        for wrong in [
            "",
            "0123_room__uid_s_42__uid_e_video",
            "0123456789abcdef0123456789abcdef_room__uid_s_42",
        ] {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
        assert_eq!(
            Name::parse("0123456789abcdef0123456789abcdef_room__uid_s_42__uid_e_av"),
            None
        );
    }

    #[test]
    fn reads_utc() {
        assert_eq!(parse_utc("19700101000000000"), Some(0));
        assert_eq!(parse_utc("20000229123456789"), Some(951_827_696_789));
        assert_eq!(parse_utc("20260401000000001"), Some(1_775_001_600_001));
        assert_eq!(parse_utc("2026040100000000"), None);
    }
}
