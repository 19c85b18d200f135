use proptest::prelude::*;
use protocol::TrackKind;

use super::*;
use crate::container::{Container, Discontinuity, RecordingNames};
use crate::spool::PlaylistKey;

fn style(strict_extinf: bool) -> FileStyle {
    FileStyle {
        strict_extinf,
        ..FileStyle::default()
    }
}

fn rendered(slices: &[Slice], style: &FileStyle, ended: bool) -> String {
    render(&due(slices, ended), style)
}

/// A playlist of this node alone.
fn due(slices: &[Slice], ended: bool) -> DuePlaylist {
    DuePlaylist {
        name: "0af0_room__uid_s_123__uid_e_video.m3u8".to_owned(),
        slices: slices.to_vec(),
        own: slices.len(),
        learned: 0,
        only_grows: true,
        ended,
    }
}

/// 2020-11-26T02:18:42.528Z
const START_MS: u64 = 1_606_357_122_528;

fn slice(track: TrackKind, start_us: i64, duration_us: i64, discontinuity: bool) -> Slice {
    let start_ms = START_MS + start_us as u64 / 1000;
    let names = RecordingNames::new(&FileStyle::default(), "0af0", "room", 0).user("123", track);
    let lines = names.tags().lines(Discontinuity {
        track,
        picture: (track == TrackKind::Video).then_some((640, 360)),
        restarts: true,
        at_ms: start_ms,
    });
    Slice {
        playlist: PlaylistKey {
            uid: "123".into(),
            track,
        },
        name: names.slice(start_ms, Container::MpegTs),
        start_us,
        duration_us,
        start_ms,
        bytes: 188,
        discontinuity,
        tags: if discontinuity { lines } else { Vec::new() },
        form: None,
    }
}

#[test]
fn strict_style_to_the_letter() {
    let slices = [
        slice(TrackKind::Video, 0, 15_040_000, true),
        slice(TrackKind::Video, 15_040_000, 33_300_001, false),
        slice(TrackKind::Video, 60_000_000, 1_000_000, true),
    ];
    let expected = "\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-ALLOW-CACHE:YES
#EXT-X-TARGETDURATION:34
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-AGORA-ROTATE:WIDTH=640,HEIGHT=360,ROTATE=0,TIME=20201126021842528
#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=VIDEO,TIME=20201126021842528
#EXT-X-PROGRAM-DATE-TIME:2020-11-26T02:18:42.528Z
#EXTINF:15.040000,
0af0_room__uid_s_123__uid_e_video_20201126021842528.ts
#EXTINF:33.300001,
0af0_room__uid_s_123__uid_e_video_20201126021857568.ts
#EXT-X-DISCONTINUITY
#EXT-X-AGORA-ROTATE:WIDTH=640,HEIGHT=360,ROTATE=0,TIME=20201126021942528
#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=VIDEO,TIME=20201126021942528
#EXT-X-PROGRAM-DATE-TIME:2020-11-26T02:19:42.528Z
#EXTINF:1.000000,
0af0_room__uid_s_123__uid_e_video_20201126021942528.ts
#EXT-X-ENDLIST
";
    assert_eq!(rendered(&slices, &style(true), true), expected);
}

#[test]
fn the_other_style_to_the_letter() {
    let slices = [
        slice(TrackKind::Audio, 0, 15_019_000, true),
        slice(TrackKind::Audio, 15_019_000, 2_000_000, false),
    ];
    let expected = "\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-ALLOW-CACHE:YES
#EXT-X-TARGETDURATION:16
#EXT-X-DISCONTINUITY
#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=AUDIO,TIME=20201126021842528
#EXTINF:15.019000
0af0_room__uid_s_123__uid_e_audio_20201126021842528.ts
#EXTINF:2.000000
0af0_room__uid_s_123__uid_e_audio_20201126021857547.ts
";
    assert_eq!(rendered(&slices, &style(false), false), expected);
}

#[test]
fn slices_of_another_node_make_a_playlist_no_event() {
    let slices = [slice(TrackKind::Video, 0, 15_040_000, true)];
    let merged = DuePlaylist {
        learned: 1,
        only_grows: false,
        ..due(&slices, false)
    };
    let event = "#EXT-X-PLAYLIST-TYPE:EVENT\n";
    let text = render(&merged, &style(true));
    assert_eq!(text, rendered(&slices, &style(true), false).replace(event, ""));
    assert!(!text.contains("PLAYLIST-TYPE"), "{text}");
}

/// What the vendor's merge script takes from a line with `#EXTINF:(\d+\.\d+)` and the patterns of its other lines.
fn vendor_fields<'a>(line: &'a str, tag: &str, names: &[&str]) -> Option<Vec<&'a str>> {
    let mut rest = line.strip_prefix(tag)?;
    let mut values = Vec::new();
    for (index, name) in names.iter().enumerate() {
        rest = rest
            .strip_prefix(if index == 0 { "" } else { "," })?
            .strip_prefix(name)?
            .strip_prefix('=')?;
        let end = rest
            .find(|char: char| !char.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        values.push(&rest[..end]);
        rest = &rest[end..];
    }
    Some(values)
}

/// The rules of RFC 8216 that concern a playlist of this kind, as far as text alone can show them.
fn check_rfc8216(text: &str, slices: usize, ended: bool) -> Result<(), String> {
    let lines: Vec<&str> = text.lines().collect();
    let ensure = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}\n{text}")) };
    ensure(
        text.ends_with('\n') && !text.contains('\r'),
        "4.1: lines end with a line feed",
    )?;
    ensure(!text.starts_with('\u{feff}'), "4.1: no byte order mark")?;
    ensure(lines.first() == Some(&"#EXTM3U"), "4.3.1.1: EXTM3U is the first line")?;
    for tag in ["#EXT-X-VERSION:", "#EXT-X-TARGETDURATION:", "#EXT-X-MEDIA-SEQUENCE:"] {
        let places: Vec<_> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.starts_with(tag))
            .collect();
        ensure(places.len() == 1, "4.3.1.2, 4.3.3: exactly one of each")?;
        let first_segment = lines
            .iter()
            .position(|line| line.starts_with("#EXTINF"))
            .unwrap_or(lines.len());
        ensure(places[0].0 < first_segment, "4.3.3.2: before the first segment")?;
    }
    let number = |tag: &str| {
        lines
            .iter()
            .find_map(|line| line.strip_prefix(tag)?.parse::<u64>().ok())
    };
    ensure(
        number("#EXT-X-VERSION:").is_some_and(|version| version >= 3),
        "7: fractions of seconds need version 3",
    )?;
    let types: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("#EXT-X-PLAYLIST-TYPE:"))
        .collect();
    ensure(types == ["EVENT"], "4.3.3.5: an event is only appended to")?;
    let target = number("#EXT-X-TARGETDURATION:").ok_or("4.3.3.1: a decimal integer")? as f64;
    let mut uris = 0;
    let mut duration: Option<f64> = None;
    for line in &lines {
        if let Some(value) = line.strip_prefix("#EXTINF:") {
            ensure(duration.is_none(), "4.3.2.1: one EXTINF for each segment")?;
            let (value, _title) = value.split_once(',').ok_or("4.3.2.1: duration and comma")?;
            duration = Some(value.parse().map_err(|_| "4.3.2.1: a decimal number")?);
        } else if *line == "#EXT-X-DISCONTINUITY" {
            ensure(uris > 0, "4.3.2.3: between two segments")?;
        } else if let Some(date) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            let format = &time::format_description::well_known::Rfc3339;
            ensure(
                time::OffsetDateTime::parse(date, format).is_ok(),
                "4.3.2.6: ISO 8601 with milliseconds",
            )?;
        } else if !line.starts_with('#') {
            let seconds = duration.take().ok_or("4.3.2.1: each segment has its EXTINF")?;
            ensure(
                seconds.round() <= target,
                "4.3.3.1: no segment is longer than the target duration",
            )?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            ensure(
                !line.is_empty() && line.bytes().all(plain),
                "4.1: a relative URI reference",
            )?;
            uris += 1;
        }
    }
    ensure(duration.is_none() && uris == slices, "4.1: each segment has its URI")?;
    let ends: Vec<_> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| **line == "#EXT-X-ENDLIST")
        .collect();
    ensure(ends.len() == usize::from(ended), "4.3.3.4: the end list tag, once")?;
    ensure(
        ends.iter().all(|(index, _)| index + 1 == lines.len()),
        "the end list tag closes the playlist",
    )
}

fn any_slices() -> impl Strategy<Value = Vec<Slice>> {
    let one = (1i64..400_000_000, 0i64..2_000_000, any::<bool>(), any::<bool>());
    (prop::collection::vec(one, 1..30), any::<bool>()).prop_map(|(parts, video)| {
        let track = if video { TrackKind::Video } else { TrackKind::Audio };
        let mut start = 0;
        let mut slices = Vec::new();
        for (index, (duration, gap, breaks, _)) in parts.into_iter().enumerate() {
            let breaks = breaks || index == 0;
            start += if breaks { gap } else { 0 };
            slices.push(slice(track, start, duration, breaks));
            start += duration;
        }
        slices
    })
}

proptest! {
    #[test]
    fn strict_playlists_keep_to_the_rfc(slices in any_slices(), ended: bool) {
        let text = rendered(&slices, &style(true), ended);
        prop_assert_eq!(check_rfc8216(&text, slices.len(), ended), Ok(()));
    }

    #[test]
    fn a_growing_playlist_only_gets_longer(slices in any_slices()) {
        let body = |text: String| text.split_once("TARGETDURATION:").unwrap().1.split_once('\n').unwrap().1.to_owned();
        let whole = body(rendered(&slices, &style(true), true));
        for length in 0..slices.len() {
            prop_assert!(whole.starts_with(&body(rendered(&slices[..length], &style(true), false))));
        }
    }

    #[test]
    fn the_vendors_merge_script_finds_what_it_reads(slices in any_slices(), strict: bool) {
        let text = rendered(&slices, &style(strict), true);
        let (mut durations, mut starts, mut rotations) = (0, 0, 0);
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("#EXTINF:") {
                let digits = value.trim_end_matches(',');
                let (whole, fraction) = digits.split_once('.').unwrap();
                prop_assert!(whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(fraction.len(), 6);
                durations += 1;
            }
            if let Some(fields) = vendor_fields(line, "#EXT-X-AGORA-TRACK-EVENT:", &["EVENT", "TRACK_TYPE", "TIME"]) {
                prop_assert_eq!(fields[0], "START");
                prop_assert_eq!(fields[2].len(), 17);
                starts += 1;
            }
            if let Some(fields) = vendor_fields(line, "#EXT-X-AGORA-ROTATE:", &["WIDTH", "HEIGHT", "ROTATE", "TIME"]) {
                prop_assert_eq!(fields[3].len(), 17);
                rotations += 1;
            }
            prop_assert!(rotations > 0 || !line.contains("__uid_e_video_"), "a ROTATE line comes before video");
        }
        let runs = slices.iter().filter(|slice| slice.discontinuity).count();
        prop_assert_eq!((durations, starts), (slices.len(), runs));
        prop_assert_eq!(text.contains(','), strict || runs > 0);
    }
}
