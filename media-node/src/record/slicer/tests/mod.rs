mod codecs;
mod early;
mod mixed;
mod odd;

use protocol::TrackKind;

use super::*;
use crate::container::{cut_slice, probe_slice, to_ticks};
use crate::media::TsDemuxer;
use crate::record::testing::{
    Coded, DirSink, audio, coded_video, complaints, file_names, packets, shifted, units_in, video,
};
use crate::stream::{AacFormat, H264Format, Track};

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
    Slicer::new(sink.clone(), clock(), file_names().user("7", track), key(track))
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
    assert_eq!(units, 500 + 550, "up to the next keyframe is dropped");
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
    for (track, coded, after_us) in [
        (TrackKind::Audio, audio(), cut::SILENCE_US),
        (TrackKind::Video, video(), cut::FORCED_US),
    ] {
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, track);
        feed(&mut slicer, &coded.format, &coded.units[..60]);
        let run = slicer.run.as_ref().unwrap().position();
        let from_us = if track == TrackKind::Audio {
            run.end_us
        } else {
            run.slice.unwrap().start_us
        };
        slicer.tick(from_us + after_us - 1).unwrap();
        assert_eq!(sink.slices().len(), 0);
        slicer.tick(from_us + after_us).unwrap();
        assert_eq!(sink.slices().len(), 1);
        feed(&mut slicer, &coded.format, &shifted(&coded.units[60..150], 400_000_000));
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
}

#[test]
fn pictures_behind_a_while_of_silence_stand_in_the_slice_of_those_that_they_need() {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &video().format, &video().units[..60]);
    let end_us = slicer.run.as_ref().unwrap().end_us();
    // A process that was stopped finds what came meanwhile behind it; a slow publisher sends no more often.
    for (after_us, units) in [(0, 60..80), (25_000_000, 80..video().units.len())] {
        slicer.tick(end_us + after_us + 2 * cut::SILENCE_US).unwrap();
        feed(&mut slicer, &video().format, &shifted(&video().units[units], after_us));
    }
    slicer.interrupt().unwrap();
    assert_eq!(
        check_playlist(&sink, TrackKind::Video, PICTURE_TICKS),
        video().units.len()
    );
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

#[test]
fn a_picture_that_stands_still_at_the_end_lasts_as_long_as_its_track() {
    // A slide show: a picture each four seconds.
    let slides: Vec<AccessUnit> = video().units.iter().filter(|unit| unit.keyframe).cloned().collect();
    let last_us = slides.last().unwrap().pts_us;
    for (after_us, lasts_us) in [(3_500_000, 3_500_000), (60_000_000, 15_000_000), (0, 1_000_000)] {
        let sink = Arc::new(DirSink::new());
        let mut slicer = slicer(&sink, TrackKind::Video);
        feed(&mut slicer, &video().format, &slides);
        slicer.last_until(last_us + after_us);
        slicer.interrupt().unwrap();
        let total: i64 = sink.slices().iter().map(|slice| slice.duration_us).sum();
        assert_eq!(total, last_us - slides[0].pts_us + lasts_us);
    }
    // Of a stream that flows, what passes until its end is noticed adds nothing.
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &video().format, &video().units[..100]);
    slicer.last_until(video().units[99].pts_us + 400_000);
    slicer.interrupt().unwrap();
    assert_eq!(sink.slices()[0].duration_us, 4_000_000);
}
