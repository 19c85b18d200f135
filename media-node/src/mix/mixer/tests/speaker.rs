//! The picture turns to who speaks.

use super::*;

fn speaking(script: &mut Script, index: usize, from_us: i64, to_us: i64) {
    let (uid, colour, frequency) = USERS[index];
    script.join(0, uid);
    script.send(uid, video(0, 8 * SECOND, 15, |_| colour));
    let level = move |us: i64| if (from_us..to_us).contains(&us) { 0.1 } else { 0.0 };
    script.send(uid, tone(0, 8 * SECOND, frequency, level));
}

fn mixed(large_speaker: bool) -> (Vec<(i64, Picture)>, Option<String>) {
    let mut script = Script::default();
    speaking(&mut script, 0, SECOND, 4 * SECOND);
    speaking(&mut script, 1, 4 * SECOND, 8 * SECOND);
    speaking(&mut script, 2, 0, 0);
    let layout = Layout::Vertical {
        large_uid: Some("3".to_owned()),
        large_speaker,
    };
    let mut mixer = Mixer::new(&settings(640, 360, 15), scene(layout), everybody()).unwrap();
    let output = script.play(&mut mixer, 8 * SECOND, 20_000);
    (pictures(&output), mixer.speaker().map(str::to_owned))
}

#[test]
fn who_speaks_is_large_and_before_that_whoever_is_named() {
    let (pictures, speaker) = mixed(true);
    let large = |us: i64| colour_at(at(&pictures, us), 0.4, 0.5);
    let small = |us: i64| [0.1, 0.35].map(|y| colour_at(at(&pictures, us), 0.9, y));
    let check = |us: i64, expected: Yuv, rest: [Yuv; 2]| {
        assert!(alike(large(us), expected), "at {us}: {:?}", large(us));
        let right = small(us)
            .iter()
            .zip(rest)
            .all(|(found, expected)| alike(*found, expected));
        assert!(right, "at {us}: {:?}", small(us));
    };
    check(9 * SECOND / 10, BLUE, [RED, GREEN]);
    check(2 * SECOND, RED, [GREEN, BLUE]);
    check(4 * SECOND + SECOND / 2, RED, [GREEN, BLUE]);
    check(6 * SECOND, GREEN, [RED, BLUE]);
    assert_eq!(speaker.as_deref(), Some("2"));
}

#[test]
fn a_layout_that_does_not_follow_stays_as_it_is() {
    let (pictures, speaker) = mixed(false);
    for us in [SECOND, 3 * SECOND, 6 * SECOND] {
        assert!(alike(colour_at(at(&pictures, us), 0.4, 0.5), BLUE));
    }
    assert_eq!(speaker, None);
}
