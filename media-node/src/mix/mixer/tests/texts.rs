//! Texts over the picture.

use protocol::{Text, TextContent};

use super::*;
use crate::text::Fonts;

fn text(content: TextContent, y: f64) -> Text {
    Text {
        x: 0.1,
        y,
        content,
        colour: Colour { r: 255, g: 255, b: 255 },
        size_px: 32,
        opacity: 1.0,
    }
}

fn mixed(texts: Vec<Text>, epoch_ms: u64, step_us: i64) -> (Vec<Output>, u64) {
    let mut script = Script::default();
    script.join(0, "1");
    script.send("1", video(0, 3 * SECOND, 15, |_| BLUE));
    script.changes.push((i64::MIN, Change::Fonts(Fonts::of_machine())));
    let mut scene = scene(Layout::Floating);
    scene.texts = texts;
    let settings = Settings {
        epoch_ms,
        ..settings(640, 360, 15)
    };
    let mut mixer = Mixer::new(&settings, scene, everybody()).unwrap();
    let output = script.play(&mut mixer, 3 * SECOND, step_us);
    let counters = mixer.counters();
    (output, counters.frames - counters.frames_repeated)
}

/// How many pixels of a part of the picture's height are as bright as the text.
fn ink(picture: &Picture, from: f64, to: f64) -> usize {
    let height = f64::from(picture.height());
    let rows = (from * height) as usize..(to * height) as usize;
    rows.map(|y| {
        picture.plane(0).row(y)[..picture.width() as usize]
            .iter()
            .filter(|luma| **luma > 150)
            .count()
    })
    .sum()
}

#[test]
fn a_fixed_text_is_seen_and_costs_nothing_while_nothing_changes() {
    let (output, painted) = mixed(vec![text(TextContent::Fixed("Lesson 7 第七课".into()), 0.5)], 0, 20_000);
    let pictures = pictures(&output);
    let picture = at(&pictures, 2 * SECOND);
    assert!(ink(picture, 0.5, 0.65) > 500);
    assert_eq!(ink(picture, 0.0, 0.49), 0);
    assert!(painted <= 3, "painted {painted} times");
}

#[test]
fn the_time_ticks_with_each_second_of_the_timeline() {
    let time = TextContent::Time {
        utc_offset_minutes: 480,
    };
    // Half a second before a full one.
    let epoch_ms = 1_582_171_199_500;
    let (output, painted) = mixed(vec![text(time.clone(), 0.1)], epoch_ms, 20_000);
    let pictures = pictures(&output);
    let digits = |us| ink(at(&pictures, us), 0.1, 0.25);
    assert!(digits(400_000) > 300);
    let same = |one, other| at(&pictures, one).same_content(at(&pictures, other));
    assert!(!same(400_000, 600_000), "12:00:00 is not 11:59:59");
    // The first picture, and one for each second that begins.
    assert!((4..=5).contains(&painted), "painted {painted} times");
    let (again, _) = mixed(vec![text(time, 0.1)], epoch_ms, 33_000);
    assert_eq!(again.len(), output.len());
    let data = |output: &[Output]| output.iter().map(|made| made.unit().data.clone()).collect::<Vec<_>>();
    assert_eq!(
        data(&again),
        data(&output),
        "the same input gives the same bytes at any speed"
    );
}

#[test]
fn half_of_a_text_s_opacity_is_half_of_its_brightness() {
    let half = Text {
        opacity: 0.5,
        ..text(TextContent::Fixed("\u{2588}\u{2588}".into()), 0.5)
    };
    let (output, _) = mixed(vec![half], 0, 20_000);
    let pictures = pictures(&output);
    // In the middle of a full block: half white, half blue.
    let found = colour_at(at(&pictures, 2 * SECOND), 0.1 + 16.0 / 640.0, 0.5 + 20.0 / 360.0);
    let middle = Yuv([0, 1, 2].map(|index| (u16::from(BLUE.0[index]) + u16::from(WHITE.0[index])).div_ceil(2) as u8));
    assert!(alike(found, middle), "{found:?}, not {middle:?}");
}

#[test]
fn without_fonts_there_is_no_text_and_with_another_scene_it_is_gone() {
    let mut script = Script::default();
    script.join(0, "1");
    script.send("1", video(0, 3 * SECOND, 15, |_| BLUE));
    script.changes.push((SECOND, Change::Fonts(Fonts::of_machine())));
    script
        .changes
        .push((2 * SECOND, Change::Scene(scene(Layout::Floating))));
    let mut with_text = scene(Layout::Floating);
    with_text.texts = vec![text(TextContent::Fixed("Tapedeck".into()), 0.5)];
    let mut mixer = Mixer::new(&settings(640, 360, 15), with_text, everybody()).unwrap();
    let output = script.play(&mut mixer, 3 * SECOND, 20_000);
    let pictures = pictures(&output);
    let seen = |us| ink(at(&pictures, us), 0.5, 0.65) > 300;
    assert_eq!([900_000, 1_500_000, 2_500_000].map(seen), [false, true, false]);
}
