//! Slices that end before their time: their process was killed, or another node goes on.

use super::mixed::{mix, mixed_slicer};
use super::*;

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
