mod codecs;
mod course;
mod odd;
mod output;
mod sound;
mod speaker;
mod streams;
mod texts;
mod trouble;

use protocol::{AudioProfile, Colour, CustomRegion, Fill, Layout, Selection, UserImage};

use super::super::paint::{BLACK, Yuv};
use super::super::testing::*;
use super::*;
use crate::stream::OpusFormat;

const SECOND: i64 = 1_000_000;

/// Five users with a colour and a tone each.
const USERS: [(&str, Yuv, f32); 5] = [
    ("1", RED, 400.0),
    ("2", GREEN, 700.0),
    ("3", BLUE, 1100.0),
    ("4", WHITE, 1600.0),
    ("5", YELLOW, 2300.0),
];

fn user(script: &mut Script, index: usize, from_us: i64, to_us: i64) {
    let (uid, colour, frequency) = USERS[index];
    script.join(from_us, uid);
    script.send(uid, video(from_us, to_us, 15, |_| colour));
    script.send(uid, tone(from_us, to_us, frequency, |_| 0.1));
}

/// The picture that is shown at a time.
fn at(pictures: &[(i64, Picture)], us: i64) -> &Picture {
    &pictures.iter().rev().find(|(pts_us, _)| *pts_us <= us).unwrap().1
}

/// What of the five tones is heard around a time.
fn heard(samples: &[f32], us: i64) -> Vec<&'static str> {
    let middle = (us * 48 / 1000) as usize;
    let around = &samples[middle - 2400..middle + 2400];
    let loud = |(_, _, frequency): &&(&str, Yuv, f32)| loudness(around, *frequency) > 0.05;
    USERS.iter().filter(loud).map(|(uid, ..)| *uid).collect()
}
