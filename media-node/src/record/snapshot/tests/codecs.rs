//! Pictures of what is coded otherwise.

use super::*;
use crate::record::testing::coded_pictures;

#[test]
fn pictures_are_taken_whatever_the_video_is_coded_in() {
    let codings = [
        (
            "mp4",
            "-c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=3:keyint=25:pools=1",
        ),
        ("webm", "-c:v libvpx -deadline realtime -g 25"),
        ("webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25"),
        ("mp4", "-c:v libsvtav1 -preset 12 -g 25"),
        ("matroska", "-c:v mjpeg -huffman default"),
    ];
    let (album, board) = (Arc::new(DirSink::new()), board());
    let mut taker = taker(&album, &board, 2 * SECOND_US);
    for ((container, coding), begin_us) in codings.into_iter().zip((0..).step_by(4_000_000)) {
        let coded = coded_pictures(container, &coding.split(' ').collect::<Vec<_>>(), 4);
        taker.coding(coded.format.coding().unwrap());
        shifted(&coded.units[..95], begin_us)
            .into_iter()
            .for_each(|unit| taker.unit(unit));
    }
    taker.end();
    assert_eq!(board.lock().status(0).problems, []);
    let taken = album.pictures();
    let instants: Vec<_> = taken.iter().map(|(picture, _)| picture.start_us).collect();
    assert_eq!(instants, (0..10).map(|n| n * 2 * SECOND_US).collect::<Vec<_>>());
    for (picture, jpeg) in taken {
        let shown = decode_image(&jpeg, 320, 180).unwrap();
        assert_eq!((shown.width(), shown.height()), (320, 180), "{}", picture.name);
    }
}
