//! Pictures of real H.264 whose frames carry their numbers, so that each picture proves which frame it shows.

mod codecs;
mod trouble;

use std::sync::{Arc, OnceLock};

use super::gop::KEPT_BYTES;
use super::taker::{Subject, Taker};
use super::*;
use crate::media::{self, Picture, VideoEncoder, VideoEncoderChoice, VideoTarget, decode_image};
use crate::record::status::{Board, SharedBoard};
use crate::record::testing::{DirSink, file_names, shifted};
use crate::spool::LoneKind;
use crate::stream::{AccessUnit, Clock, PictureLimit};

const FPS: i64 = 25;
const FRAME_US: i64 = 1_000_000 / FPS;
const SECOND_US: i64 = 1_000_000;

/// A frame's number is told by so many columns, black for 0 and white for 1.
const BITS: usize = 12;
const COLUMN: usize = 16;

#[derive(Clone, Copy)]
struct Film {
    frames: i64,
    gop: u32,
    b_frames: u32,
    height: u32,
}

impl Film {
    const fn new(frames: i64, gop: u32, b_frames: u32) -> Self {
        Self {
            frames,
            gop,
            b_frames,
            height: 48,
        }
    }

    /// Frame n is shown at n · 40 ms.
    fn shoot(self) -> Vec<AccessUnit> {
        media::init().unwrap();
        let target = VideoTarget {
            width: (BITS * COLUMN) as u32,
            height: self.height,
            fps: FPS as u32,
            bitrate: 500_000,
            gop: self.gop,
        };
        let options = [("preset", "veryfast"), ("bf", &self.b_frames.to_string())];
        let choice = VideoEncoderChoice {
            options: options
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            ..Default::default()
        };
        let mut encoder = VideoEncoder::new(&choice, &target).unwrap();
        let mut units = Vec::new();
        let mut unit = |coded: media::Coded| {
            units.push(AccessUnit {
                pts_us: coded.pts * FRAME_US,
                dts_us: coded.dts * FRAME_US,
                data: coded.data.into(),
                keyframe: coded.keyframe,
            });
        };
        for number in 0..self.frames {
            let picture = numbered(number, target.width, target.height);
            let keyframe = number % i64::from(self.gop) == 0;
            encoder.encode(&picture, number, keyframe, &mut unit).unwrap();
        }
        encoder.finish(&mut unit).unwrap();
        assert_eq!(units.len() as i64, self.frames);
        units
    }
}

fn numbered(number: i64, width: u32, height: u32) -> Picture {
    let mut picture = Picture::new(width, height).unwrap();
    let plane = picture.plane_mut(0);
    for (at, level) in plane.data.iter_mut().enumerate() {
        let column = at % plane.stride / COLUMN;
        *level = if number >> column & 1 == 1 { 235 } else { 16 };
    }
    (1..3).for_each(|chroma| picture.plane_mut(chroma).data.fill(128));
    picture
}

/// The number that a picture shows.
fn number(jpeg: &[u8]) -> i64 {
    let picture = decode_image(jpeg, 4096, 4096).unwrap();
    let plane = picture.plane(0);
    let row = plane.row(picture.height() as usize / 2);
    (0..BITS)
        .map(|bit| i64::from(row[bit * COLUMN + COLUMN / 2] > 128) << bit)
        .sum()
}

/// 32 seconds with a key frame each second and three B-frames in a row.
fn film() -> &'static [AccessUnit] {
    static FILM: OnceLock<Vec<AccessUnit>> = OnceLock::new();
    FILM.get_or_init(|| Film::new(800, 25, 3).shoot())
}

/// Instants in milliseconds and the numbers of the frames shown.
fn shown(sink: &DirSink) -> Vec<(i64, i64)> {
    let pictures = sink.pictures().into_iter();
    pictures
        .map(|(picture, jpeg)| (picture.start_us / 1000, number(&jpeg)))
        .collect()
}

fn board() -> SharedBoard {
    SharedBoard::new(Board::new(0, None))
}

fn subject(board: &SharedBoard) -> Subject {
    Subject {
        uid: "7".to_owned(),
        names: file_names().user("7", protocol::TrackKind::Video),
        clock: Clock::new(1_700_000_000_000),
        board: board.clone(),
    }
}

fn taker(sink: &Arc<impl PictureSink + 'static>, board: &SharedBoard, interval_us: i64) -> Taker {
    let snapshots = Snapshots {
        interval_us,
        alone: true,
        sink: sink.clone(),
        limit: PictureLimit::default(),
    };
    Taker::new(subject(board), snapshots)
}

/// What is taken of whole films, one user's.
fn take(films: &[&[AccessUnit]], interval_us: i64) -> (Arc<DirSink>, u64) {
    let album = Arc::new(DirSink::new());
    let board = board();
    let mut taker = taker(&album, &board, interval_us);
    for units in films {
        units.iter().for_each(|unit| taker.unit(unit.clone()));
        taker.end();
    }
    assert_eq!(board.lock().status(0).problems, []);
    (album, taker.decoded())
}

/// Every `interval` from 0 on, each picture within one frame of its instant.
fn assert_regular(taken: &[(i64, i64)], interval_us: i64, end_us: i64) {
    let wanted: Vec<i64> = (0..)
        .map(|n| n * interval_us)
        .take_while(|at_us| *at_us < end_us)
        .collect();
    let instants: Vec<i64> = taken.iter().map(|(at_ms, _)| at_ms * 1000).collect();
    assert_eq!(instants, wanted);
    for (at_ms, number) in taken {
        let off = (number * FRAME_US - at_ms * 1000).abs();
        assert!(off <= FRAME_US, "at {at_ms} ms frame {number} is {off} µs off");
    }
}

#[test]
fn pictures_at_key_frames_cost_one_unit_each() {
    let (album, decoded) = take(&[film()], 5 * SECOND_US);
    let taken = shown(&album);
    assert_regular(&taken, 5 * SECOND_US, 32 * SECOND_US);
    assert_eq!(taken.len() as u64, decoded);
    let pictures = album.pictures();
    assert_eq!(
        pictures[1].0.name,
        "51d_room__uid_s_7__uid_e_video_20231114221325000.jpg"
    );
    assert_eq!(
        (pictures[1].0.kind, pictures[1].0.start_ms),
        (LoneKind::Picture, 1_700_000_005_000)
    );
}

#[test]
fn between_key_frames_a_picture_shows_the_frame_of_its_instant() {
    for b_frames in [0, 3] {
        let units = Film::new(500, 60, b_frames).shoot();
        // Neither a number of groups of pictures nor one of frames.
        let interval_us = 1_730_000;
        let (album, decoded) = take(&[&units], interval_us);
        let taken = shown(&album);
        assert_regular(&taken, interval_us, 20 * SECOND_US);
        for (at_ms, number) in &taken {
            // At the instant, or at the key frame next to it.
            assert!(
                at_ms * 1000 / FRAME_US == *number || number % 60 == 0,
                "{at_ms}: {number}"
            );
        }
        // Each from the key frame before it at most, and what pushes it out of the decoder.
        let most: i64 = taken.iter().map(|(_, number)| number % 60 + 1 + 4).sum();
        assert!(decoded as i64 <= most, "{decoded} units for {most}");
    }
}

#[test]
fn an_instant_just_before_a_key_frame_shows_the_group_before_it() {
    // Instants move through the group of pictures by half a frame at a time.
    for interval_us in [980_000, 1_020_000] {
        let (album, _) = take(&[film()], interval_us);
        assert_regular(&shown(&album), interval_us, 32 * SECOND_US);
    }
}

#[test]
fn one_endless_group_of_pictures_is_decoded_once_at_most() {
    let units = Film::new(500, 500, 2).shoot();
    let (album, decoded) = take(&[&units], SECOND_US);
    assert_regular(&shown(&album), SECOND_US, 20 * SECOND_US);
    // The first one costs the key frame a second time.
    assert!(decoded <= 501, "{decoded} units of 500");
}

#[test]
fn a_group_of_pictures_of_any_size_takes_a_bounded_memory() {
    let mut units = Film::new(200, 200, 0).shoot();
    for unit in &mut units {
        // Filler data, H.264 7.3.2.7.
        let filler = [&unit.data[..], &[0, 0, 1, 12], &[0xff; 500_000], &[0x80]].concat();
        unit.data = filler.into();
    }
    let album = Arc::new(DirSink::new());
    let board = board();
    let mut taker = taker(&album, &board, 5 * SECOND_US);
    let mut most = 0;
    for unit in &units {
        taker.unit(unit.clone());
        most = most.max(taker.kept_bytes());
    }
    taker.end();
    assert!(most <= KEPT_BYTES + 500_000, "{most} bytes");
    assert_regular(&shown(&album), 5 * SECOND_US, 8 * SECOND_US);
}

#[test]
fn a_pause_leaves_the_last_frame_for_a_while_and_then_nothing() {
    let first = &film()[..100];
    for (pause_us, wanted) in [
        // At 5 s the last frame, of 3.96 s, is still shown.
        (3 * SECOND_US, vec![(0, 0), (5_000, 99), (10_000, 175)]),
        // At 5 s too, but not at 10 s; the next one is that of the first frame that comes again.
        (8 * SECOND_US, vec![(0, 0), (5_000, 99), (12_000, 100), (17_000, 225)]),
    ] {
        let second = shifted(&film()[100..300], pause_us);
        let (album, _) = take(&[&[first, &second].concat()], 5 * SECOND_US);
        assert_eq!(shown(&album), wanted);
    }
}

#[test]
fn who_leaves_and_returns_gets_no_picture_of_the_past_and_none_too_early() {
    let units = film();
    for (absence_us, wanted) in [
        // The picture of 5 s is not due before the user has returned.
        (500_000, vec![(0, 0), (5_000, 112)]),
        // While the user was away, no picture is taken, not even of the last frame.
        (4 * SECOND_US, vec![(0, 0), (8_000, 100)]),
    ] {
        let back = shifted(&units[100..200], absence_us);
        let (album, _) = take(&[&units[..100], &back], 5 * SECOND_US);
        assert_eq!(shown(&album), wanted);
    }
}

#[test]
fn the_last_frame_of_a_stream_is_as_good_as_others() {
    // At 4.98 s the last frame, of 4.96 s, is shown.
    let (album, _) = take(&[&film()[..125]], 4_980_000);
    assert_eq!(shown(&album), [(0, 0), (4_980, 124)]);
}

#[test]
fn pictures_have_the_size_of_the_stream_at_their_time() {
    let small = Film::new(100, 50, 2).shoot();
    let large = Film {
        height: 720,
        ..Film::new(100, 50, 2)
    };
    let large = shifted(&large.shoot(), 4 * SECOND_US);
    let (album, _) = take(&[&[small, large].concat()], 3 * SECOND_US);
    let pictures = album.pictures();
    let heights: Vec<_> = pictures
        .iter()
        .map(|(_, jpeg)| decode_image(jpeg, 4096, 4096).unwrap().height())
        .collect();
    assert_eq!(heights, [48, 48, 720]);
}
