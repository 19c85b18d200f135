//! What comes out: key frames, tracks, times, and the same bytes each time.

use super::*;
use crate::media::VideoEncoderChoice;

#[test]
fn the_same_input_gives_the_same_bytes_however_it_is_cut_and_shared_out() {
    let once = |step_us, workers| {
        let mut script = Script::default();
        for index in 0..5 {
            user(&mut script, index, index as i64 * SECOND / 4, 3 * SECOND);
        }
        script.leave(2 * SECOND, "1");
        let mut settings = Settings {
            workers,
            ..settings(320, 180, 30)
        };
        settings.video_encoder.threads = 2;
        let mut mixer = Mixer::new(&settings, scene(Layout::Floating), everybody()).unwrap();
        script.play(&mut mixer, 3 * SECOND, step_us)
    };
    let output = once(10_000, 1);
    assert!(output.len() > 200);
    assert!(output == once(10_000, 1), "twice the same");
    assert!(output == once(370_000, 1), "in larger pieces");
    assert!(output == once(10_000, 2), "by more threads");
}

#[test]
fn key_frames_come_each_two_seconds_and_the_output_can_be_cut_there() {
    let mut script = Script::default();
    user(&mut script, 0, 0, 7 * SECOND);
    let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), everybody()).unwrap();
    let output = script.play(&mut mixer, 7 * SECOND, 20_000);
    let keys: Vec<i64> = output
        .iter()
        .filter(|made| matches!(made, Output::Video(_)) && made.unit().keyframe)
        .map(|made| made.unit().pts_us)
        .collect();
    assert_eq!(keys, [0, 2 * SECOND, 4 * SECOND, 6 * SECOND]);
    let times = |video| {
        let of_track = output
            .iter()
            .filter(move |made| matches!(made, Output::Video(_)) == video);
        of_track.map(|made| made.unit().dts_us).collect::<Vec<_>>()
    };
    assert!(times(true).is_sorted() && times(false).is_sorted());
    for key in keys {
        let cut = output
            .iter()
            .position(|made| made.unit().keyframe && made.unit().pts_us == key);
        let (before, after) = output.split_at(cut.unwrap());
        assert!(before.iter().all(|made| made.unit().pts_us < key));
        assert!(after.iter().all(|made| made.unit().pts_us >= key));
    }
}

#[test]
fn a_recording_can_begin_at_any_time_and_carry_one_track_only() {
    let mut late = settings(320, 180, 15);
    late.start_us = 10_010_000;
    let mut mixer = Mixer::new(&late, scene(Layout::Floating), everybody()).unwrap();
    let mut output = Vec::new();
    mixer.finish(12 * SECOND, |made| output.push(made)).unwrap();
    let first = |video| {
        output
            .iter()
            .find(|made| matches!(made, Output::Video(_)) == video)
            .unwrap()
            .unit()
            .pts_us
    };
    assert_eq!(first(true), 10_066_667);
    assert!(
        (10_066_667..10_088_000).contains(&first(false)),
        "sound begins with the picture"
    );

    for types in [StreamTypes::Audio, StreamTypes::Video] {
        let one = Settings {
            types,
            ..settings(320, 180, 15)
        };
        let mut mixer = Mixer::new(&one, scene(Layout::Floating), everybody()).unwrap();
        let mut video = 0;
        let mut audio = 0;
        mixer
            .finish(SECOND, |made| match made {
                Output::Video(_) => video += 1,
                Output::Audio(_) => audio += 1,
                Output::Mp3(_) => panic!("nobody has asked for it"),
            })
            .unwrap();
        let expected = if types == StreamTypes::Video { (15, 0) } else { (0, 47) };
        assert_eq!((video, audio), expected);
    }
}

#[test]
fn a_recording_shorter_than_the_encoders_delay_is_whole() {
    let mut slow = settings(320, 180, 30);
    slow.video_encoder = VideoEncoderChoice::default();
    let mut mixer = Mixer::new(&slow, scene(Layout::Floating), everybody()).unwrap();
    let mut output = Vec::new();
    mixer.finish(200_000, |made| output.push(made)).unwrap();
    assert_eq!(mixer.tracks().unwrap().len(), 2);
    assert_eq!(pictures(&output).len(), 6);
}

#[test]
fn an_unknown_encoder_is_refused_by_name() {
    let mut wrong = settings(320, 180, 15);
    wrong.video_encoder.name = "h264_of_nobody".to_owned();
    let error = Mixer::new(&wrong, scene(Layout::Floating), everybody()).err().unwrap();
    assert!(error.to_string().contains("h264_of_nobody"), "{error}");
}

/// Against the sound they are early as often as late.
#[test]
fn pictures_are_shown_by_the_frame_that_is_nearest_in_time() {
    for (fps, turns_us, shown_us) in [
        (15, 1_032_000, 1_000_000),
        (15, 1_034_000, 1_066_667),
        // A viewer would notice more, and late media needs its time.
        (1, 1_049_000, 1_000_000),
        (1, 1_051_000, 2_000_000),
    ] {
        let mut script = Script::default();
        script.join(0, "1");
        script.send("1", video(0, SECOND, 25, |_| RED));
        script.send("1", video(turns_us, turns_us + SECOND, 25, |_| GREEN));
        let mut mixer = Mixer::new(&settings(320, 180, fps), scene(Layout::Floating), everybody()).unwrap();
        let pictures = pictures(&script.play(&mut mixer, 3 * SECOND, 20_000));
        let green = pictures
            .iter()
            .find(|(_, picture)| alike(colour_at(picture, 0.5, 0.5), GREEN));
        assert_eq!(green.unwrap().0, shown_us, "{turns_us} in {fps} a second");
    }
}
