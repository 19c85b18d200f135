//! Slices of two tracks.

use super::*;

/// Pictures and sound in the order of playing, as a mixer makes them, 70 seconds from `by_us` on.
pub(super) fn mix(slicer: &mut Slicer<DirSink>, by_us: i64) {
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

pub(super) fn mixed_slicer(sink: &Arc<DirSink>) -> Slicer<DirSink> {
    Slicer::new(sink.clone(), clock(), file_names().mix(), key(TrackKind::Both))
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
