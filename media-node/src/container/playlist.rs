//! HLS media playlists from slices, after RFC 8216, with the lines that the slices bring.

use std::fmt::Write;

use protocol::FileStyle;
use time::format_description::FormatItem;
use time::macros::format_description;

use super::initialization::{initialization, initialization_bytes};
use super::utc::format_ms;
use crate::spool::{DuePlaylist, Slice};

/// What playlists are called over HTTP: the value of `Content-Type`.
pub const MEDIA_TYPE: &str = "application/vnd.apple.mpegurl";

const DATE_TIME: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The smallest target duration, in seconds: an audio slice is closed at 15 seconds and one frame. With it the value of
/// most playlists never changes while they grow.
const MIN_TARGET_SECS: i64 = 16;

/// The text of a playlist.
///
/// The strict style is RFC 8216 to the letter: `#EXTINF` ends with a comma, no discontinuity stands before the first slice,
/// each stretch without a discontinuity begins with its wall-clock time, and a playlist that is only ever appended to says
/// so with its type, `EVENT`, which it keeps at its end: changing it would be more than appending. The other style has no
/// comma, marks the first slice as a discontinuity, and has neither wall-clock times nor a type.
pub fn render(playlist: &DuePlaylist, style: &FileStyle) -> String {
    let DuePlaylist {
        slices,
        only_grows,
        ended,
        ..
    } = playlist;
    let mut text = String::with_capacity(160 + 256 * slices.len());
    // RFC 8216 section 7: the version that knows initialization sections, where there are such.
    let is_initialized = slices.iter().any(|slice| own_initialization(slice).is_some());
    let version = if is_initialized { 6 } else { 3 };
    text.push_str("#EXTM3U\n");
    line(&mut text, format_args!("#EXT-X-VERSION:{version}"));
    text.push_str("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-ALLOW-CACHE:YES\n");
    line(&mut text, format_args!("#EXT-X-TARGETDURATION:{}", target_secs(slices)));
    if *only_grows && style.strict_extinf {
        text.push_str("#EXT-X-PLAYLIST-TYPE:EVENT\n");
    }
    let mut before = None;
    for slice in slices {
        entry(&mut text, slice, before, style);
        before = Some(slice);
    }
    if *ended {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

/// The text of a playlist that is complete, for tests.
#[cfg(test)]
pub fn complete(slices: &[Slice], style: &FileStyle) -> String {
    let due = DuePlaylist {
        name: String::new(),
        slices: slices.to_vec(),
        own: slices.len(),
        learned: 0,
        only_grows: true,
        ended: true,
    };
    render(&due, style)
}

/// How many bytes at a slice's beginning initialise players, where it brings such.
fn own_initialization(slice: &Slice) -> Option<u64> {
    slice.tags.iter().find_map(|tag| initialization_bytes(tag))
}

fn entry(text: &mut String, slice: &Slice, before: Option<&Slice>, style: &FileStyle) {
    let first = before.is_none();
    let strict = style.strict_extinf;
    if slice.discontinuity && !(strict && first) {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    let initialized = before.filter(|_| !slice.discontinuity).and_then(own_initialization);
    for tag in &slice.tags {
        match initialization_bytes(tag) {
            // That of the slice before is the same.
            Some(_) if initialized.is_some() => {}
            Some(bytes) => line(text, format_args!("{}", initialization(&slice.name, bytes))),
            None => line(text, format_args!("{tag}")),
        }
    }
    if strict
        && (slice.discontinuity || first)
        && let Some(date) = format_ms(slice.start_ms, DATE_TIME)
    {
        line(text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{date}"));
    }
    let micros = slice.duration_us.max(0);
    let comma = if strict { "," } else { "" };
    line(
        text,
        format_args!("#EXTINF:{}.{:06}{comma}", micros / 1_000_000, micros % 1_000_000),
    );
    if let Some(from) = own_initialization(slice) {
        let bytes = slice.bytes.saturating_sub(from);
        line(text, format_args!("#EXT-X-BYTERANGE:{bytes}@{from}"));
    }
    line(text, format_args!("{}", slice.name));
}

/// No slice is longer, not even by the part of a second that RFC 8216 lets rounding hide.
fn target_secs(slices: &[Slice]) -> i64 {
    let longest = slices.iter().map(|slice| slice.duration_us).max().unwrap_or(0);
    (longest.max(0) as u64)
        .div_ceil(1_000_000)
        .try_into()
        .unwrap_or(i64::MAX)
        .max(MIN_TARGET_SECS)
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _ = text.write_fmt(line);
    text.push('\n');
}

#[cfg(test)]
mod tests;
