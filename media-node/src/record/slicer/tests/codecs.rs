//! Codecs beside the usual one: what their slices hold, and that these can be played.

use super::*;
use crate::record::testing::coded_pictures;

/// Slices of 40 seconds with a key frame each two.
fn sliced(coded: &Coded) -> Arc<DirSink> {
    let sink = Arc::new(DirSink::new());
    let mut slicer = slicer(&sink, TrackKind::Video);
    feed(&mut slicer, &coded.format, &coded.units);
    slicer.interrupt().unwrap();
    sink
}

#[test]
fn h265_is_sliced_in_mpeg_ts_as_it_comes() {
    let options = "log-level=none:bframes=3:keyint=50:open-gop=0:pools=1";
    let coding = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", options];
    let coded = coded_pictures("mp4", &coding, 40);
    assert!(matches!(coded.format, Format::H265(_)));
    let sink = sliced(&coded);
    assert_eq!(check_playlist(&sink, TrackKind::Video, PICTURE_TICKS), 1_000);
    let slices = sink.slices();
    assert_eq!(slices.len(), 3);
    for slice in slices {
        assert!(slice.name.ends_with(".ts"), "{}", slice.name);
        // ISO/IEC 13818-1 table 2-34: the type of the stream in the map, and the stream.
        let bytes = std::fs::read(sink.path(&slice)).unwrap();
        let map = bytes
            .chunks(188)
            .find(|packet| packet[1] & 0x5f == 0x50 && packet[2] == 0);
        let map = map.unwrap();
        assert!(map.windows(3).any(|stream| stream == [0x24, 0xe1, 0]), "{map:02x?}");
    }
}
