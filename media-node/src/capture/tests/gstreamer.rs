//! Real media: GStreamer packetizes a file as RTP, with its own choice among what the formats allow.

use std::path::Path;
use std::process::{Command, Stdio};

use super::decoded::decode;
use super::ffmpeg::{AAC, Received, captured, make_file, port_pair, receive};
use crate::capture::sdp::offers;
use crate::stream::tests::rtp::assert_in_order;
use crate::stream::{StreamEvent, Track};

/// What is left of 100 pictures when up to a group of 50 is missing.
const LEAST: usize = 49;

/// Sends the video of a Matroska file through these elements; what comes.
fn sent(file: &Path, elements: &str) -> Received {
    let (rtp, rtcp) = port_pair();
    let port = rtp.local_addr().unwrap().port();
    let pipeline = format!(
        "filesrc location={} ! matroskademux name=file file.video_0 ! queue ! {elements} pt=96 \
         ! udpsink host=127.0.0.1 port={port}",
        file.display()
    );
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(pipeline.split_whitespace()).stdin(Stdio::null());
    receive(command.spawn().unwrap(), &[&rtp, &rtcp])
}

/// All 100 pictures come and are decoded without a word; and where a packet is changed, no more is missing than up to the next
/// key frame. `rtpmap`: as in a session description.
fn check(coding: &[&str], rtpmap: &str, elements: &str, format: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.mkv");
    make_file(&file, coding, &AAC);
    let datagrams = sent(&file, elements);
    let sdp =
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {rtpmap}\r\n");
    let capture = captured(offers(sdp.as_bytes()), datagrams.clone());
    assert_in_order(&capture.events);
    let lost = capture
        .events
        .iter()
        .filter(|event| matches!(event, StreamEvent::Lost(..)));
    assert_eq!(lost.count(), 0);
    assert_eq!(capture.units(Track::Video).len(), 100);
    let (frames, said) = decode(&capture, format, &folder.path().join("captured"));
    assert_eq!((frames, said.as_str()), (100, ""));
    for seed in 1..40 {
        let mut changed = datagrams.clone();
        let at = changed.len() * seed / 40;
        let mut noise = seed as u64;
        for byte in &mut changed[at].2[12..] {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (noise >> 56) as u8;
        }
        let capture = captured(offers(sdp.as_bytes()), changed);
        assert_in_order(&capture.events);
        let units = capture.units(Track::Video).len();
        assert!(
            (LEAST..=101).contains(&units),
            "{units} pictures, packet {at} of {}",
            datagrams.len()
        );
    }
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
