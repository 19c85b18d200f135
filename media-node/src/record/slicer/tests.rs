use protocol::TrackKind;

use super::*;
use crate::capture::{AacFormat, H264Format, Track};
use crate::container::{cut_slice, probe_slice, to_ticks};
use crate::media::TsDemuxer;
use crate::record::testing::{Coded, DirSink, audio, coded_video, complaints, packets, shifted, units_in, video};

const START_MS: u64 = 1_606_357_122_528;
const FRAME_TICKS: i64 = 1920;
const PICTURE_TICKS: i64 = 3600;

fn clock() -> Clock {
    Clock::at(
        START_MS,
        std::time::Duration::from_millis(START_MS),
        std::time::Instant::now(),
    )
}

fn key(track: TrackKind) -> PlaylistKey {
    PlaylistKey { uid: "7".into(), track }
}

fn slicer(sink: &Arc<DirSink>, track: TrackKind) -> Slicer<DirSink> {
    Slicer::new(
        sink.clone(),
        clock(),
        FileNames::new("51d", "room", "7", track),
        key(track),
    )
}

fn feed(slicer: &mut Slicer<DirSink>, format: &Format, units: &[AccessUnit]) {
    slicer.format(format.clone()).unwrap();
    for unit in units {
        slicer.unit(unit).unwrap();
    }
}

/// What holds of every playlist: each slice and the whole decode without a warning, each slice begins with a keyframe,
/// decoding times grow throughout, each slice is as long as the playlist says, within `unit_ticks`. Returns the number of
/// units.
fn check_playlist(sink: &DirSink, track: TrackKind, unit_ticks: i64) -> usize {
    let slices = sink.slices_of(&key(track));
    assert_eq!(complaints(&sink.playlist(&slices)), "", "of the playlist");
    let mut units = 0;
    let mut last_dts = i64::MIN;
    for (index, slice) in slices.iter().enumerate() {
        let path = sink.path(slice);
        assert_eq!(complaints(&path), "", "of {}", slice.name);
        let packets = packets(&path);
        assert!(packets[0].keyframe, "{} begins with a keyframe", slice.name);
        for packet in &packets {
            assert!(
                packet.dts > last_dts,
                "decoding times grow: {packet:?} after {last_dts}"
            );
            last_dts = packet.dts;
        }
        let first = packets.iter().map(|packet| packet.pts).min().unwrap();
        let end = packets.iter().map(|packet| packet.pts + packet.duration).max().unwrap();
        assert!(
            (first - to_ticks(slice.start_us)).abs() <= 1,
            "{} begins where it says",
            slice.name
        );
        let duration = slice.duration_us * 9 / 100;
        assert!(
            (end - first - duration).abs() <= unit_ticks,
            "{}: {} ticks, not {duration}",
            slice.name,
            end - first
        );
        if let Some(next) = slices.get(index + 1).filter(|next| !next.discontinuity) {
            assert_eq!(
                next.start_us,
                slice.start_us + slice.duration_us,
                "no hole between slices"
            );
        }
        units += packets.len();
    }
    units
}

#[test]
fn video_with_b_frames_becomes_clean_slices() {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &video().format, &shifted(&video().units, 3_210_987));
    slicer.interrupt().unwrap();
    assert_eq!(
        check_playlist(&sink, TrackKind::Video, PICTURE_TICKS),
        video().units.len()
    );
    let slices = sink.slices();
    let durations: Vec<i64> = slices.iter().map(|slice| slice.duration_us / 1000).collect();
    assert_eq!(
        durations,
        [16_000, 16_000, 16_000, 16_000, 6_000],
        "cut at the first keyframe from 15 seconds on"
    );
    assert_eq!(slices[0].name, "51d_room__uid_s_7__uid_e_video_20201126021845738.ts");
    assert_eq!(
        slices[0].tags,
        [
            "#EXT-X-AGORA-ROTATE:WIDTH=320,HEIGHT=180,ROTATE=0,TIME=20201126021845738",
            "#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=VIDEO,TIME=20201126021845738"
        ]
    );
    assert!(slices[0].discontinuity);
    assert!(
        slices[1..]
            .iter()
            .all(|slice| slice.tags.is_empty() && !slice.discontinuity)
    );
}

#[test]
fn audio_becomes_clean_slices_of_fifteen_seconds() {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Audio);
    feed(&mut slicer, &audio().format, &shifted(&audio().units, 77_777));
    slicer.interrupt().unwrap();
    assert_eq!(
        check_playlist(&sink, TrackKind::Audio, FRAME_TICKS),
        audio().units.len()
    );
    let slices = sink.slices();
    assert_eq!(slices[0].duration_us / 1000, 15_018);
    assert_eq!(
        slices[0].tags,
        ["#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=AUDIO,TIME=20201126021842605"]
    );
    let total: i64 = slices.iter().map(|slice| slice.duration_us).sum();
    let exact = audio().units.len() as i64 * 1024 * 1000 / 48;
    assert!((total - exact).abs() <= 1, "{total} instead of {exact}");
}

#[test]
fn a_publisher_that_returns_goes_on_in_the_same_playlist() {
    for (track, Coded { format, units }, unit_ticks) in [
        (TrackKind::Video, video(), PICTURE_TICKS),
        (TrackKind::Audio, audio(), FRAME_TICKS),
    ] {
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, track);
        feed(&mut slicer, format, &units[..500]);
        slicer.interrupt().unwrap();
        let resumed_us = units[499].pts_us + 5_000_000;
        feed(&mut slicer, format, &shifted(&units[..500], resumed_us));
        slicer.interrupt().unwrap();
        assert_eq!(check_playlist(&sink, track, unit_ticks), 1000);
        let second = sink
            .slices()
            .into_iter()
            .filter(|slice| slice.discontinuity)
            .nth(1)
            .unwrap();
        assert_eq!(second.start_us, resumed_us);
        assert!(second.tags.last().unwrap().contains("EVENT=START"));
    }
}

#[test]
fn a_restarted_process_does_not_reach_back_into_the_playlist() {
    let sink = Arc::new(DirSink::new());
    feed(&mut slicer(&sink, TrackKind::Video), &video().format, &[]);
    let mut first = slicer(&sink, TrackKind::Video);
    feed(&mut first, &video().format, &video().units[..500]);
    first.interrupt().unwrap();
    let held_us = sink.slices().iter().map(|slice| slice.duration_us).sum::<i64>();
    let mut second = slicer(&sink, TrackKind::Video);
    // The new process maps the sender's times a little earlier: the first second of it is already there.
    let late = shifted(&video().units, held_us - 1_000_000);
    feed(&mut second, &video().format, &late[..600]);
    second.interrupt().unwrap();
    let units = check_playlist(&sink, TrackKind::Video, PICTURE_TICKS);
    assert_eq!(units, 500 + 550, "up to the next keyframe is let go");
    let mut names: Vec<_> = sink.slices().into_iter().map(|slice| slice.name).collect();
    names.dedup();
    assert_eq!(names.len(), sink.slices().len());
}

#[test]
fn another_picture_size_begins_another_slice() {
    let large = coded_video(640, 360, 4, 50);
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &video().format, &video().units[..100]);
    feed(&mut slicer, &large.format, &shifted(&large.units, 4_000_000));
    slicer.interrupt().unwrap();
    let slices = sink.slices();
    assert_eq!(slices.len(), 2);
    assert!(slices[1].discontinuity);
    assert_eq!(
        slices[1].tags,
        ["#EXT-X-AGORA-ROTATE:WIDTH=640,HEIGHT=360,ROTATE=0,TIME=20201126021846528"]
    );
    assert_eq!(slices[0].start_us + slices[0].duration_us, slices[1].start_us);
    for slice in &slices {
        assert_eq!(complaints(&sink.path(slice)), "");
    }
}

#[test]
fn lost_units_leave_the_rest_clean_and_in_its_place() {
    let sink = Arc::new(DirSink::new());
    let mut video_slicer = slicer(&sink, TrackKind::Video);
    video_slicer.format(video().format.clone()).unwrap();
    for (index, unit) in video().units.iter().enumerate() {
        match index {
            // Short: the next keyframe comes within the slice. Long: the run breaks.
            330..350 | 505..600 => video_slicer.lost(),
            _ => drop(video_slicer.unit(unit).unwrap()),
        }
    }
    video_slicer.interrupt().unwrap();
    let mut audio_slicer = slicer(&sink, TrackKind::Audio);
    audio_slicer.format(audio().format.clone()).unwrap();
    for (index, unit) in audio().units.iter().enumerate() {
        match index {
            100..105 | 1000..1100 => audio_slicer.lost(),
            _ => drop(audio_slicer.unit(unit).unwrap()),
        }
    }
    audio_slicer.interrupt().unwrap();
    assert_eq!(
        check_playlist(&sink, TrackKind::Video, PICTURE_TICKS),
        video().units.len() - 115
    );
    assert_eq!(
        check_playlist(&sink, TrackKind::Audio, FRAME_TICKS),
        audio().units.len() - 105
    );
    for (track, units) in [(TrackKind::Video, &video().units), (TrackKind::Audio, &audio().units)] {
        let slices = sink.slices_of(&key(track));
        let end_us = slices.last().map(|slice| slice.start_us + slice.duration_us).unwrap();
        assert!((end_us - units.last().unwrap().pts_us).abs() < 130_000);
        assert_eq!(slices.iter().filter(|slice| slice.discontinuity).count(), 2);
    }
    let tail = packets(&sink.path(&sink.slices_of(&key(TrackKind::Audio))[0]));
    assert!(
        (tail[100].pts - to_ticks(audio().units[105].pts_us)).abs() <= 1,
        "audio behind a short gap is in its place"
    );
}

#[test]
fn a_recording_of_more_than_a_day_passes_the_clocks_wrap() {
    let wrap_us = (1i64 << 33) * 100 / 9;
    for (track, Coded { format, units }) in [(TrackKind::Video, video()), (TrackKind::Audio, audio())] {
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, track);
        feed(&mut slicer, format, &shifted(units, wrap_us - 35_000_000));
        slicer.interrupt().unwrap();
        let slices = sink.slices();
        assert_eq!(complaints(&sink.playlist(&slices)), "", "of the playlist");
        for slice in &slices {
            assert_eq!(complaints(&sink.path(slice)), "", "of {}", slice.name);
            let probe = probe_slice(&sink.path(slice)).unwrap().unwrap();
            assert!(
                (probe.duration_us - slice.duration_us).abs() < 300_000,
                "{probe:?} of {slice:?}"
            );
        }
    }
}

#[test]
fn a_silent_track_does_not_hold_back_its_slice() {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &video().format, &video().units[..60]);
    let end_us = slicer.run.as_ref().unwrap().end_us();
    slicer.tick(end_us + cut::SILENCE_US - 200_000).unwrap();
    assert_eq!(sink.slices().len(), 0);
    slicer.tick(end_us + cut::SILENCE_US).unwrap();
    assert_eq!(sink.slices().len(), 1);
    feed(
        &mut slicer,
        &video().format,
        &shifted(&video().units[60..150], 20_000_000),
    );
    slicer.interrupt().unwrap();
    let slices = sink.slices();
    assert_eq!(
        slices.len(),
        2,
        "pictures behind the silence are kept without a keyframe too"
    );
    assert!(slices[1].discontinuity);
    let units: usize = slices.iter().map(|slice| units_in(&sink.path(slice))).sum();
    assert_eq!(units, 150);
}

#[test]
fn a_full_disk_costs_what_does_not_fit_and_no_more() {
    let sink = Arc::new(DirSink::new());
    *sink.room.lock().unwrap() = 1;
    let mut slicer = slicer(&sink, TrackKind::Video);
    slicer.format(video().format.clone()).unwrap();
    let failures = video().units.iter().filter(|unit| slicer.unit(unit).is_err()).count();
    assert!(
        (9..=11).contains(&failures),
        "one attempt every five seconds, not {failures}"
    );
    *sink.room.lock().unwrap() = usize::MAX;
    feed(
        &mut slicer,
        &video().format,
        &shifted(&video().units[..500], 80_000_000),
    );
    slicer.interrupt().unwrap();
    assert_eq!(check_playlist(&sink, TrackKind::Video, PICTURE_TICKS), 400 + 500);
}

#[test]
fn formats_that_a_transport_stream_cannot_carry_are_refused() {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Audio);
    // AAC-ELD has no ADTS form.
    let eld = AacFormat {
        config: vec![0xf8, 0xe6, 0x20, 0x00].into(),
        sample_rate: 48_000,
        channels: 1,
        frame_length: 512,
    };
    slicer.format(Format::Aac(eld)).unwrap();
    assert!(matches!(slicer.unit(&audio().units[0]), Err(SliceError::Media(_))));
    let nothing = H264Format {
        sps: b"".as_slice().into(),
        pps: b"".as_slice().into(),
        width: 2,
        height: 2,
        reorder_depth: 0,
    };
    slicer.format(Format::H264(nothing)).unwrap();
    let broken = AccessUnit {
        pts_us: 0,
        dts_us: 0,
        data: b"no start code".as_slice().into(),
        keyframe: true,
    };
    assert!(matches!(slicer.unit(&broken), Err(SliceError::Media(_))));
    assert_eq!(sink.slices().len(), 0);
}

/// A process may be killed after any byte that it wrote; what it wrote is in the file.
#[test]
fn a_slice_cut_off_anywhere_keeps_all_but_its_last_moment() {
    for (track, Coded { format, units }) in [(TrackKind::Video, video()), (TrackKind::Audio, audio())] {
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, track);
        slicer.format(format.clone()).unwrap();
        let mut sizes = Vec::new();
        for unit in &units[..300] {
            slicer.unit(unit).unwrap();
            sizes.push((
                slicer.run.as_ref().unwrap().position().slice.unwrap().bytes,
                unit.pts_us,
            ));
        }
        slicer.interrupt().unwrap();
        let bytes = std::fs::read(sink.path(&sink.slices()[0])).unwrap();
        let cut_file = sink.dir.path().join("cut.ts");
        let mut random = 7u64;
        for round in 0..60 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let cut = (random >> 33) as usize % bytes.len();
            let muxed_us = sizes
                .iter()
                .filter(|(size, _)| *size <= cut as u64)
                .map(|(_, pts)| *pts)
                .max()
                .unwrap_or(0);
            std::fs::write(&cut_file, &bytes[..cut]).unwrap();
            let probe = probe_slice(&cut_file).ok().flatten();
            let kept_us = probe.map_or(0, |probe| probe.duration_us);
            assert!(
                muxed_us - kept_us < 500_000,
                "{track:?} cut at {cut}: {kept_us} of {muxed_us} µs left"
            );
            let Some(probe) = probe.filter(|_| round % 6 == 0) else {
                continue;
            };
            std::fs::write(&cut_file, &bytes[..probe.bytes as usize]).unwrap();
            assert_eq!(complaints(&cut_file), "", "{track:?} cut at {cut}");
            assert_eq!(packets(&cut_file).len() as u64, probe.units);
        }
    }
}

/// Pictures and sound in the order of playing, as a mixer makes them, 70 seconds from `by_us` on.
fn mix(slicer: &mut Slicer<DirSink>, by_us: i64) {
    let format = |coded: &Coded| coded.format.clone();
    slicer.formats(format(video()), vec![format(audio())]).unwrap();
    let (pictures, sound) = (shifted(&video().units, by_us), shifted(&audio().units, by_us));
    // B-frames: a picture is decoded so much before it is shown.
    let delay_us = pictures[0].pts_us - pictures[0].dts_us;
    let mut sound = sound.iter().peekable();
    for picture in &pictures {
        while let Some(frame) = sound.next_if(|frame| frame.dts_us < picture.dts_us + delay_us) {
            slicer.companion(0, frame).unwrap();
        }
        slicer.unit(picture).unwrap();
    }
    for frame in sound {
        slicer.companion(0, frame).unwrap();
    }
    slicer.interrupt().unwrap();
}

fn mixed_slicer(sink: &Arc<DirSink>) -> Slicer<DirSink> {
    Slicer::new(
        sink.clone(),
        clock(),
        FileNames::of_mix("51d", "room"),
        key(TrackKind::Both),
    )
}

#[test]
fn two_tracks_share_slices_that_are_cut_at_key_frames() {
    let sink = Arc::new(DirSink::new());
    mix(&mut mixed_slicer(&sink), 0);
    // Another process goes on later.
    mix(&mut mixed_slicer(&sink), 80_000_000);
    let slices = sink.slices_of(&key(TrackKind::Both));
    assert_eq!(complaints(&sink.playlist(&slices)), "");
    let durations: Vec<i64> = slices.iter().map(|slice| slice.duration_us / 1_000_000).collect();
    assert_eq!(durations, [16, 16, 16, 16, 6, 16, 16, 16, 16, 6]);
    let breaks: Vec<usize> = (0..slices.len()).filter(|index| slices[*index].discontinuity).collect();
    assert_eq!(breaks, [0, 5]);
    let mut units = [0, 0];
    for (index, slice) in slices.iter().enumerate() {
        let path = sink.path(slice);
        assert_eq!(complaints(&path), "", "of {}", slice.name);
        let expected = if slice.discontinuity {
            vec![format!(
                "#EXT-X-AGORA-TRACK-EVENT:EVENT=START,TRACK_TYPE=AUDIO_VIDEO,TIME={}",
                slice.start_ms
            )]
        } else {
            Vec::new()
        };
        assert_eq!(slice.tags, expected, "of slice {index}");
        let mut demuxer = TsDemuxer::open(&path).unwrap();
        let found: Vec<_> = std::iter::from_fn(|| demuxer.next_unit().unwrap()).collect();
        for track in [Track::Audio, Track::Video] {
            let of_track: Vec<_> = found.iter().filter(|unit| unit.track == track).collect();
            assert!(of_track[0].keyframe && of_track.is_sorted_by_key(|unit| unit.dts));
            units[track as usize] += of_track.len();
        }
        let first = |track| {
            found
                .iter()
                .filter(|unit| unit.track == track)
                .map(|unit| unit.pts)
                .min()
                .unwrap()
        };
        let apart = first(Track::Audio) - first(Track::Video);
        assert!(
            (0..FRAME_TICKS).contains(&apart),
            "sound begins {apart} ticks behind the picture"
        );
    }
    assert_eq!(units[Track::Video as usize], 2 * video().units.len());
    assert_eq!(units[Track::Audio as usize], 2 * audio().units.len());
}

#[test]
fn a_slice_of_two_tracks_cut_off_anywhere_keeps_all_but_its_last_moment() {
    let sink = Arc::new(DirSink::new());
    mix(&mut mixed_slicer(&sink), 0);
    let slice = &sink.slices()[0];
    let bytes = std::fs::read(sink.path(slice)).unwrap();
    let cut = sink.dir.path().join("cut.ts");
    for part in 2..=20 {
        let length = bytes.len() * part / 20 - 77;
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let probe = probe_slice(&cut).unwrap().unwrap();
        assert!(length as u64 - probe.bytes < 60_000, "{length}: {probe:?}");
        std::fs::write(&cut, &bytes[..probe.bytes as usize]).unwrap();
        assert_eq!(complaints(&cut), "", "cut at {length}");
        let mut demuxer = TsDemuxer::open(&cut).unwrap();
        let found: Vec<_> = std::iter::from_fn(|| demuxer.next_unit().unwrap()).collect();
        let end = |track, unit_ticks| {
            let of_track = found.iter().filter(|unit| unit.track == track);
            of_track.map(|unit| unit.pts + unit_ticks).max().unwrap()
        };
        let (video, audio) = (end(Track::Video, PICTURE_TICKS), end(Track::Audio, FRAME_TICKS));
        assert!(
            (probe.duration_us * 9 / 100 - video).abs() <= 1,
            "{length}: {probe:?} {video}"
        );
        // What the muxer and the reordering of pictures hold back.
        assert!(
            (video - audio).abs() < 45_000,
            "{length}: video ends at {video}, sound at {audio}"
        );
    }
}

#[test]
fn a_slice_ends_where_another_node_goes_on() {
    for (track, coded, unit_ticks) in [
        (TrackKind::Video, video(), PICTURE_TICKS),
        (TrackKind::Audio, audio(), FRAME_TICKS),
    ] {
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, track);
        feed(&mut slicer, &coded.format, &coded.units);
        slicer.interrupt().unwrap();
        let slice = &sink.slices()[0];
        let path = sink.path(slice);
        let whole = std::fs::read(&path).unwrap();
        for after_us in (200_000..slice.duration_us).step_by(700_000) {
            let probe = cut_slice(&path, after_us).unwrap();
            let Some(probe) = probe else {
                assert!(after_us < 500_000, "{track:?}: nothing of {after_us} us is left");
                continue;
            };
            assert!(
                probe.duration_us <= after_us && after_us - probe.duration_us < 300_000,
                "{probe:?} of {after_us}"
            );
            let cut = sink.dir.path().join("cut.ts");
            std::fs::write(&cut, &whole[..probe.bytes as usize]).unwrap();
            assert_eq!(complaints(&cut), "", "{track:?} cut at {after_us}");
            let mut demuxer = TsDemuxer::open(&cut).unwrap();
            let units: Vec<_> = std::iter::from_fn(|| demuxer.next_unit().unwrap()).collect();
            let last = units.iter().map(|unit| unit.pts).max().unwrap();
            assert!(
                last * 100 / 9 < after_us,
                "{track:?}: a unit is shown behind {after_us}"
            );
            let measured_us = (last + unit_ticks) * 100 / 9;
            assert!(
                (measured_us - probe.duration_us).abs() < 45_000,
                "{measured_us} {probe:?}"
            );
        }
        assert_eq!(cut_slice(&path, 0).unwrap(), None);
    }
}
