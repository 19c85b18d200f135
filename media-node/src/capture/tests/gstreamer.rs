//! Real media: GStreamer packetizes a file as RTP, with its own choice among what the formats allow.

use std::path::Path;
use std::process::{Command, Stdio};

use super::ffmpeg::{AAC, Capture, decode, make_file, port_pair, receive, replay};
use crate::capture::sdp::offers;
use crate::stream::tests::rtp::assert_in_order;
use crate::stream::{StreamEvent, Track};

/// Sends the video of a Matroska file through these elements and captures it. `rtpmap`: as in a session description.
fn capture(file: &Path, rtpmap: &str, elements: &str) -> Capture {
    let (rtp, rtcp) = port_pair();
    let port = rtp.local_addr().unwrap().port();
    let pipeline = format!(
        "filesrc location={} ! matroskademux name=file file.video_0 ! queue ! {elements} pt=96 \
         ! udpsink host=127.0.0.1 port={port}",
        file.display()
    );
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(pipeline.split_whitespace()).stdin(Stdio::null());
    let received = receive(command, [&rtp, &rtcp]);
    let sdp =
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {rtpmap}\r\n");
    replay(offers(sdp.as_bytes()), &received)
}

/// All 100 pictures come and are decoded without a word.
fn check(coding: &[&str], rtpmap: &str, elements: &str, format: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.mkv");
    make_file(&file, coding, &AAC);
    let capture = capture(&file, rtpmap, elements);
    assert_in_order(&capture.events);
    let lost = capture
        .events
        .iter()
        .filter(|event| matches!(event, StreamEvent::Lost(..)));
    assert_eq!(lost.count(), 0);
    assert_eq!(capture.units(Track::Video).len(), 100);
    let (frames, said) = decode(&capture, format, &folder.path().join("captured"));
    assert_eq!((frames, said.as_str()), (100, ""));
}

#[test]
fn h265_with_parameter_sets_in_band_alone() {
    let coding = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
    let options = [
        "-x265-params",
        "log-level=none:bframes=3:keyint=25:pools=1:frame-threads=1:slices=2",
    ];
    let elements = "h265parse config-interval=-1 ! rtph265pay mtu=1200 aggregate-mode=zero-latency";
    check(&[coding.as_slice(), &options].concat(), "H265/90000", elements, "hevc");
}

#[test]
fn vp8_with_picture_ids() {
    let elements = "rtpvp8pay mtu=1200 picture-id-mode=15-bit";
    check(
        &["-c:v", "libvpx", "-deadline", "realtime", "-g", "50"],
        "VP8/90000",
        elements,
        "vp8",
    );
}

#[test]
fn vp9_with_picture_ids() {
    let coding = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -pix_fmt yuv420p";
    let elements = "rtpvp9pay mtu=1200 picture-id-mode=15-bit";
    check(&coding.split(' ').collect::<Vec<_>>(), "VP9/90000", elements, "vp9");
}

#[test]
fn motion_jpeg() {
    let coding = "-c:v mjpeg -huffman default -pix_fmt yuvj420p -vf scale=320:176 -q:v 5";
    let elements = "jpegparse ! rtpjpegpay mtu=1200";
    check(&coding.split(' ').collect::<Vec<_>>(), "JPEG/90000", elements, "mjpeg");
}
