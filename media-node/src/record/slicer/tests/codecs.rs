//! Codecs beside the usual one: what their slices hold, and that these can be played.

use protocol::{FileStyle, VpxContainer};

use super::*;
use crate::container::{RecordingNames, finish_slice};
use crate::record::testing::{coded_pictures, complaints_of};
use crate::stream::StreamEvent;
use crate::stream::tests::fields;

/// Slices of 40 seconds with a key frame each two.
fn sliced(coded: &Coded) -> Arc<DirSink> {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &coded.format, &coded.units);
    slicer.interrupt().unwrap();
    sink
}

#[test]
fn h265_is_sliced_in_mpeg_ts_as_it_comes() {
    let options = "log-level=none:bframes=3:keyint=50:open-gop=0:pools=1";
    let coding = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", options];
    let coded = coded_pictures("mp4", &coding, 40);
    assert!(matches!(coded.format, Format::H265(_)));
    let sink = sliced(&coded);
    assert_eq!(check_playlist(&sink, TrackKind::Video, PICTURE_TICKS), 1_000);
    let slices = sink.slices();
    assert_eq!(slices.len(), 3);
    for slice in slices {
        assert!(slice.name.ends_with(".ts"), "{}", slice.name);
        // ISO/IEC 13818-1 table 2-34: the type of the stream in the map, and the stream.
        let bytes = std::fs::read(sink.path(&slice)).unwrap();
        let map = bytes
            .chunks(188)
            .find(|packet| packet[1] & 0x5f == 0x50 && packet[2] == 0);
        let map = map.unwrap();
        assert!(map.windows(3).any(|stream| stream == [0x24, 0xe1, 0]), "{map:02x?}");
    }
}

/// Each slice is decoded without a word by itself, is as long as it says, and is so again when it is cut off anywhere, up to
/// little more than a second before that. Returns the number of pictures.
fn check_pieces(sink: &DirSink, extension: &str) -> u64 {
    let mut units = 0;
    for slice in sink.slices() {
        assert!(slice.name.ends_with(extension), "{}", slice.name);
        let path = sink.path(&slice);
        assert_eq!(complaints(&path), "", "{}", slice.name);
        let probe = finish_slice(&path).unwrap().unwrap();
        assert!(
            (probe.duration_us - slice.duration_us).abs() <= 41_000,
            "{probe:?} of {slice:?}"
        );
        assert_eq!(probe.bytes, slice.bytes);
        units += probe.units;
        let bytes = std::fs::read(&path).unwrap();
        let cut = sink.dir.path().join("cut");
        for part in 1..10 {
            let length = bytes.len() * part / 10;
            std::fs::write(&cut, &bytes[..length]).unwrap();
            let Some(left) = finish_slice(&cut).unwrap() else {
                assert!(part == 1, "nothing is left of {length} bytes");
                continue;
            };
            std::fs::write(&cut, &bytes[..left.bytes as usize]).unwrap();
            assert_eq!(complaints(&cut), "", "{} cut at {length}", slice.name);
            assert!(left.bytes <= length as u64);
            let behind = bytes.len() as f64 * 1.3 / (slice.duration_us as f64 / 1e6);
            assert!(
                left.bytes as f64 >= length as f64 - 2.0 * behind,
                "{left:?} of {length} bytes"
            );
        }
        for after_us in [3_000_000, 7_500_000] {
            let probe = cut_slice(&path, after_us).unwrap().unwrap();
            assert_eq!(probe.duration_us, after_us);
            assert!(probe.bytes < slice.bytes || slice.duration_us < after_us + 1_000_000);
        }
        assert_eq!(cut_slice(&path, 0).unwrap(), None);
    }
    units
}

/// How many packets FFmpeg finds, as it says it.
fn packets_in(playlist: &std::path::Path) -> String {
    let output = std::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_packets",
            "-show_entries",
            "stream=nb_read_packets",
            "-of",
            "csv=p=0",
        ])
        .arg(playlist)
        .output();
    String::from_utf8(output.unwrap().stdout)
        .unwrap()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn vp8_is_sliced_in_webm_as_it_comes() {
    let coded = coded_pictures("webm", &["-c:v", "libvpx", "-deadline", "realtime", "-g", "50"], 40);
    let sink = sliced(&coded);
    assert_eq!(sink.slices().len(), 3);
    assert_eq!(check_pieces(&sink, ".webm"), 1_000);
}

/// No field is cut off from the other one, wherever pictures begin to be coded as fields, and each slice is decoded by itself.
#[test]
fn frames_in_two_fields_are_sliced_as_they_come() {
    for manner in fields::manners() {
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, TrackKind::Video);
        for event in fields::captured(manner) {
            match event {
                StreamEvent::Format(_, format) => slicer.format(format).unwrap(),
                StreamEvent::Unit(_, unit) => drop(slicer.unit(&unit).unwrap()),
                other => panic!("{other:?}"),
            }
        }
        slicer.interrupt().unwrap();
        let slices = sink.slices();
        assert_eq!(slices.len(), 2, "{manner:?}");
        // FFmpeg's decoder calls fields behind frames damaged when it has several threads, also of a stream that nobody has cut.
        let decoding: &[&str] = match manner.whole {
            (_, 0) => &[],
            _ => &["-threads", "1"],
        };
        let whole = sink.playlist(&slices);
        for path in slices.iter().map(|slice| sink.path(slice)).chain([whole]) {
            assert_eq!(complaints_of(&path, decoding), "", "{manner:?}: {path:?}");
        }
    }
}

const VP9: &str = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50";

#[test]
fn vp9_is_sliced_in_mp4_as_it_comes_and_its_playlist_is_played() {
    let coded = coded_pictures("webm", &VP9.split(' ').collect::<Vec<_>>(), 40);
    let sink = sliced(&coded);
    assert_eq!(check_pieces(&sink, ".mp4"), 1_000);
    let slices = sink.slices();
    assert_eq!(slices.len(), 3);
    let playlist = sink.playlist(&slices);
    assert_eq!(complaints(&playlist), "");
    assert_eq!(packets_in(&playlist), "1000");
    let text = std::fs::read_to_string(&playlist).unwrap();
    assert_eq!(text.matches("#EXT-X-MAP:").count(), 1, "{text}");
    assert_eq!(text.matches("#EXT-X-BYTERANGE:").count(), 3, "{text}");
    // Without the slices before it, any of them begins a playlist.
    let rest = sink.playlist(&slices[1..]);
    assert_eq!(complaints(&rest), "");
    assert!(
        std::fs::read_to_string(&rest)
            .unwrap()
            .contains(&format!("URI=\"{}\"", slices[1].name))
    );
}

/// What is made of VP8 or VP9 where the app says in which container.
fn sliced_in(vpx_container: VpxContainer, coded: &Coded) -> Arc<DirSink> {
    let style = FileStyle {
        vpx_container,
        ..FileStyle::default()
    };
    let names = RecordingNames::new(&style, "51d", "room", 0).user("7", TrackKind::Video);
    let sink = Arc::new(DirSink::new());
    let mut slicer = Slicer::new(sink.clone(), clock(), names, key(TrackKind::Video));
    feed(&mut slicer, &coded.format, &coded.units);
    slicer.interrupt().unwrap();
    sink
}

#[test]
fn vp8_and_vp9_are_sliced_in_the_container_that_the_app_wants() {
    let vp8 = coded_pictures("webm", &["-c:v", "libvpx", "-deadline", "realtime", "-g", "50"], 40);
    let vp9 = coded_pictures("webm", &VP9.split(' ').collect::<Vec<_>>(), 40);
    for (container, coded, extension) in [
        (VpxContainer::Mp4, &vp8, ".mp4"),
        (VpxContainer::Webm, &vp9, ".webm"),
        (VpxContainer::Webm, &vp8, ".webm"),
        (VpxContainer::Mp4, &vp9, ".mp4"),
    ] {
        let sink = sliced_in(container, coded);
        assert_eq!(check_pieces(&sink, extension), 1_000, "{container:?}");
        if extension == ".mp4" {
            let playlist = sink.playlist(&sink.slices());
            assert_eq!(
                (complaints(&playlist).as_str(), packets_in(&playlist).as_str()),
                ("", "1000")
            );
        }
    }
}

const AV1: &str = "-c:v libsvtav1 -preset 12 -g 50";

#[test]
fn av1_is_sliced_in_mp4_as_it_comes_and_its_playlist_is_played() {
    let coded = coded_pictures("mp4", &AV1.split(' ').collect::<Vec<_>>(), 40);
    let sink = sliced(&coded);
    assert_eq!(check_pieces(&sink, ".mp4"), 1_000);
    let slices = sink.slices();
    assert_eq!(slices.len(), 3);
    let playlist = sink.playlist(&slices);
    assert_eq!(
        (complaints(&playlist).as_str(), packets_in(&playlist).as_str()),
        ("", "1000")
    );
}

/// The OBUs of a temporal unit without their sizes. None here has an extension.
fn bare_obus(unit: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut obus) = (unit, Vec::new());
    while let [header, after @ ..] = rest {
        let length = after.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let size = after[..length]
            .iter()
            .rev()
            .fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        let (payload, behind) = after[length..].split_at(size);
        obus.push([&[header & !2], payload].concat());
        rest = behind;
    }
    obus
}

/// A temporal unit as RTP payloads of at most so many bytes, one OBU or a part of one in each; and which one has the marker.
fn payloads(unit: &[u8], most: usize) -> Vec<(bool, Vec<u8>)> {
    let mut payloads = Vec::new();
    for obu in bare_obus(unit) {
        let parts: Vec<&[u8]> = obu.chunks(most).collect();
        for (at, part) in parts.iter().enumerate() {
            let continues = if at > 0 { 0x80 } else { 0 };
            let is_continued = if at + 1 < parts.len() { 0x40 } else { 0 };
            payloads.push((false, [&[0x10 | continues | is_continued], *part].concat()));
        }
    }
    payloads.last_mut().unwrap().0 = true;
    payloads
}

#[test]
fn real_av1_comes_through_rtp_as_it_was() {
    use crate::encryption::Lock;
    use crate::stream::{Fmtp, Packet, PayloadFormat, RtpStream, RtpTrack, StreamEvent, UserClock, depacketizer};
    let coded = coded_pictures("mp4", &AV1.split(' ').collect::<Vec<_>>(), 4);
    let offered = PayloadFormat::parse("AV1/90000", Fmtp::default()).unwrap();
    let lock = Box::new(Lock::new(Track::Video, None));
    let track = RtpTrack::new(Track::Video, 90_000, depacketizer(&offered).unwrap(), lock, 0);
    let mut stream = RtpStream::new(vec![track], UserClock::default().join("camera"));
    let (mut events, mut sequence) = (Vec::new(), 0);
    for (number, unit) in (0..).zip(&coded.units) {
        for (marker, payload) in payloads(&unit.data, 300) {
            let packet = Packet {
                arrival_us: i64::from(number) * 40_000,
                sequence,
                timestamp: number * 3_600,
                marker,
                payload: payload.into(),
            };
            sequence += 1;
            stream.packet(0, &packet, &mut events);
        }
    }
    stream.finish(&mut events);
    let formats = events.iter().filter_map(|event| match event {
        StreamEvent::Format(_, format) => format.picture_size(),
        _ => None,
    });
    assert_eq!(formats.collect::<Vec<_>>(), [(320, 180)]);
    let came = events.iter().filter_map(|event| match event {
        StreamEvent::Unit(_, unit) => Some((&unit.data, unit.keyframe)),
        _ => None,
    });
    let sent = coded.units.iter().map(|unit| (&unit.data, unit.keyframe));
    assert!(came.eq(sent), "a unit has changed on its way");
}

#[test]
fn a_playlist_with_mp4_stays_with_it() {
    let vp9 = coded_pictures("webm", &VP9.split(' ').collect::<Vec<_>>(), 4);
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &vp9.format, &vp9.units);
    feed(&mut slicer, &video().format, &shifted(&video().units[..100], 4_500_000));
    slicer.interrupt().unwrap();
    let slices = sink.slices();
    assert!(
        slices
            .iter()
            .all(|slice| slice.name.ends_with(".mp4") && slice.discontinuity)
    );
    slices
        .iter()
        .for_each(|slice| assert_eq!(complaints(&sink.path(slice)), "", "{}", slice.name));
    let text = std::fs::read_to_string(sink.playlist(&slices)).unwrap();
    assert_eq!(text.matches("#EXT-X-MAP:").count(), 2, "{text}");
    // Another process goes on with it.
    let mut slicer = super::slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &video().format, &shifted(&video().units[..100], 9_000_000));
    slicer.interrupt().unwrap();
    assert!(sink.slices().iter().all(|slice| slice.name.ends_with(".mp4")));
}

#[test]
fn a_user_who_turns_to_another_codec_goes_on_in_another_container() {
    let vp8 = coded_pictures("webm", &["-c:v", "libvpx", "-deadline", "realtime", "-g", "50"], 4);
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &video().format, &video().units[..100]);
    feed(&mut slicer, &vp8.format, &shifted(&vp8.units, 4_000_000));
    feed(&mut slicer, &video().format, &shifted(&video().units[..100], 8_000_000));
    slicer.interrupt().unwrap();
    let slices = sink.slices();
    let containers: Vec<_> = slices.iter().map(|slice| Container::of_name(&slice.name)).collect();
    assert_eq!(containers, [Container::MpegTs, Container::WebM, Container::MpegTs]);
    assert!(slices.iter().all(|slice| slice.discontinuity));
    slices
        .iter()
        .for_each(|slice| assert_eq!(complaints(&sink.path(slice)), "", "{}", slice.name));
}
