//! Real media: FFmpeg packetizes a file as RTP, and what the depacketizers and the timeline make of it is compared with
//! the file.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::decoded::decode;
use crate::capture::sdp::{Offer, offers};
use crate::stream::testing::Clear;
use crate::stream::tests::rtp::{assert_in_order, formats, units};
use crate::stream::{
    AccessUnit, Format, OpusFormat, Packet, RtpStream, RtpTrack, SenderReport, StreamEvent, Track, UserClock,
    depacketizer,
};

const SECONDS: &str = "4";

pub fn ffmpeg(arguments: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

pub(super) const AAC: [&str; 2] = ["-c:a", "aac"];

/// A file with a moving picture and a tone, coded with the given options.
pub(super) fn make_file(path: &Path, video: &[&str], audio: &[&str]) {
    let picture = format!("testsrc2=s=320x180:r=25:d={SECONDS}");
    let tone = format!("sine=r=48000:d={SECONDS}");
    let mut command = ffmpeg(&[
        "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone, "-c:v", "libx264", "-threads", "1",
    ]);
    let status = command.args(video).args(audio).args(["-ac", "2"]).arg(path).status();
    assert!(status.unwrap().success());
}

/// Ports n and n + 1, for RTP and RTCP.
pub fn port_pair() -> (UdpSocket, UdpSocket) {
    for _ in 0..100 {
        let rtp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = rtp.local_addr().unwrap().port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = UdpSocket::bind(("127.0.0.1", port + 1))
        {
            return (rtp, rtcp);
        }
    }
    panic!("no pair of ports is free");
}

pub(super) struct Capture {
    pub(super) offers: Vec<Offer>,
    pub(super) events: Vec<StreamEvent>,
}

impl Capture {
    pub(super) fn units(&self, track: Track) -> Vec<&AccessUnit> {
        units(&self.events, track)
    }
}

/// Sends the file as RTP in real time and captures it.
pub(super) fn capture(file: &Path) -> Capture {
    let (offers, received) = sent(file);
    captured(offers, received)
}

/// Sends the file as RTP in real time: what is offered, and what came.
fn sent(file: &Path) -> (Vec<Offer>, Received) {
    let (video, audio) = (port_pair(), port_pair());
    let url = |pair: &(UdpSocket, UdpSocket)| format!("rtp://127.0.0.1:{}", pair.0.local_addr().unwrap().port());
    let sdp_file = file.with_extension("sdp");
    let mut command = ffmpeg(&[
        "-re",
        "-i",
        file.to_str().unwrap(),
        "-sdp_file",
        sdp_file.to_str().unwrap(),
    ]);
    // Otherwise each output is moved to begin at 0 by itself.
    // VP9 is still an experiment to it.
    let copy = "-c copy -avoid_negative_ts disabled -strict experimental -f rtp".split(' ');
    command.args(["-map", "0:v"]).args(copy.clone()).arg(url(&video));
    command.args(["-map", "0:a"]).args(copy).arg(url(&audio));
    let received = receive(command.spawn().unwrap(), &[&audio.0, &audio.1, &video.0, &video.1]);
    let mut offers = offers(&std::fs::read(&sdp_file).unwrap());
    offers.sort_by_key(|offer| offer.track);
    (offers, received)
}

/// What came, with its time and the number of its socket.
pub type Received = Vec<(i64, usize, Vec<u8>)>;

/// What comes at the sockets until the sender ends.
pub fn receive(mut sender: Child, sockets: &[&UdpSocket]) -> Received {
    let started = Instant::now();
    sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
    let mut received = Vec::new();
    let mut buffer = [0; 65536];
    let mut idle_since = None;
    loop {
        let mut idle = true;
        for (at, socket) in sockets.iter().enumerate() {
            while let Ok(length) = socket.recv(&mut buffer) {
                received.push((started.elapsed().as_micros() as i64, at, buffer[..length].to_vec()));
                idle = false;
            }
        }
        let over = sender.try_wait().unwrap().is_some();
        assert!(started.elapsed() < Duration::from_secs(60), "the sender does not end");
        if idle {
            if over && *idle_since.get_or_insert_with(Instant::now) + Duration::from_millis(200) < Instant::now() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    assert!(sender.wait().unwrap().success());
    received
}

/// What is captured of it, where each offered track has two sockets.
pub(super) fn captured(offers: Vec<Offer>, received: Received) -> Capture {
    let tracks = offers.iter().map(|offer| {
        RtpTrack::new(
            offer.track,
            offer.format.clock_rate,
            depacketizer(&offer.format).unwrap(),
            Box::new(Clear),
            0,
        )
    });
    let mut stream = RtpStream::new(tracks.collect(), UserClock::default().join("camera"));
    let mut events = Vec::new();
    for (arrival_us, at, datagram) in received {
        let index = at / 2;
        match (at % 2, datagram.get(1)) {
            (0, _) => stream.packet(index, &rtp(arrival_us, &datagram), &mut events),
            (_, Some(200)) => stream.report(index, sender_report(&datagram), arrival_us, &mut events),
            _ => {}
        }
    }
    stream.finish(&mut events);
    Capture { offers, events }
}

pub(super) fn rtp(arrival_us: i64, datagram: &[u8]) -> Packet {
    Packet {
        arrival_us,
        sequence: u16::from_be_bytes(datagram[2..4].try_into().unwrap()),
        timestamp: u32::from_be_bytes(datagram[4..8].try_into().unwrap()),
        marker: datagram[1] & 0x80 != 0,
        payload: Bytes::copy_from_slice(&datagram[12..]),
    }
}

fn sender_report(datagram: &[u8]) -> SenderReport {
    let word = |at: usize| u32::from_be_bytes(datagram[at..at + 4].try_into().unwrap());
    let ntp_us = i64::from(word(8)) * 1_000_000 + ((i64::from(word(12)) * 1_000_000) >> 32);
    SenderReport {
        ntp_us,
        timestamp: word(16),
    }
}

/// Presentation and decoding times of a file's packets, in microseconds and in decoding order.
fn times(file: &Path, stream: &str) -> Vec<(i64, i64)> {
    let entries = [
        "-v",
        "error",
        "-select_streams",
        stream,
        "-show_entries",
        "packet=pts_time,dts_time",
        "-of",
        "csv=p=0",
    ];
    let output = Command::new("ffprobe").args(entries).arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let us = |text: &str| (text.parse::<f64>().unwrap() * 1e6).round() as i64;
    text.lines()
        .filter_map(|line| line.trim_end_matches(',').split_once(','))
        .map(|(p, d)| (us(p), us(d)))
        .collect()
}

/// Each unit lies where the file has it, up to a shift that grows only where the publisher stood still, as it does on a busy
/// machine; returns the first shift.
fn assert_times(capture: &Capture, got: &[&AccessUnit], expected: &[(i64, i64)], tolerance_us: i64) -> i64 {
    assert_eq!(got.len(), expected.len());
    let moves = capture.events.iter().filter_map(|event| match event {
        StreamEvent::Moved(by_us) => Some(*by_us),
        _ => None,
    });
    let moves: Vec<_> = moves.collect();
    let first_us = got[0].pts_us - expected[0].0;
    let (mut shift_us, mut steps) = (first_us, 0);
    for (unit, (pts, dts)) in got.iter().zip(expected) {
        let off_us = unit.pts_us - pts - shift_us;
        if off_us.abs() > tolerance_us {
            steps += 1;
            shift_us += off_us;
        }
        assert!(
            steps <= moves.len()
                && (first_us - tolerance_us..=first_us + tolerance_us + moves.iter().sum::<i64>()).contains(&shift_us),
            "{} {} {pts} {shift_us} {moves:?}",
            unit.pts_us,
            unit.dts_us
        );
        assert!(
            (first_us - tolerance_us..=shift_us + tolerance_us).contains(&(unit.dts_us - dts)),
            "{} {} {dts} {shift_us} {moves:?}",
            unit.pts_us,
            unit.dts_us
        );
    }
    first_us
}

fn check(video: &[&str], codec: &str, reorder_depth: u8) {
    let folder = tempfile::tempdir().unwrap();
    // Matroska counts in milliseconds.
    let (name, tolerance_us) = match codec {
        "vp8" | "vp9" => ("source.mkv", 1_000),
        _ => ("source.mp4", 25),
    };
    let file = folder.path().join(name);
    make_file(&file, video, &AAC);
    let capture = capture(&file);
    assert_in_order(&capture.events);
    let lost: Vec<_> = capture
        .events
        .iter()
        .filter(|event| matches!(event, StreamEvent::Lost(..)))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(
        (
            formats(&capture.events, Track::Audio),
            formats(&capture.events, Track::Video)
        ),
        (1, 1)
    );
    assert_eq!(capture.offers.len(), 2);
    let format = capture.events.iter().find_map(|event| match event {
        StreamEvent::Format(Track::Video, format) => Some(format),
        _ => None,
    });
    let told = match format.unwrap() {
        Format::H264(h264) => ("h264", h264.reorder_depth),
        Format::H265(h265) => ("hevc", h265.reorder_depth),
        Format::Vp8(_) => ("vp8", 0),
        Format::Vp9(_) => ("vp9", 0),
        other => panic!("{other:?}"),
    };
    assert_eq!(told, (codec, reorder_depth));
    assert_eq!(format.unwrap().picture_size(), Some((320, 180)));

    let video_shift = assert_times(&capture, &capture.units(Track::Video), &times(&file, "v"), tolerance_us);
    let (audio, expected) = (capture.units(Track::Audio), times(&file, "a"));
    // FFmpeg never sends the packet of several frames that the end of the file leaves unfinished.
    assert!(
        (expected.len() - 6..=expected.len()).contains(&audio.len()),
        "{} of {}",
        audio.len(),
        expected.len()
    );
    let audio_shift = assert_times(&capture, &audio, &expected[..audio.len()], tolerance_us);
    // Two outputs of FFmpeg start their clocks one after the other.
    assert!(
        (video_shift - audio_shift).abs() <= 20_000,
        "{video_shift} {audio_shift}"
    );
    let (frames, said) = decode(&capture, codec, &folder.path().join("captured"));
    assert_eq!((frames, said.as_str()), (100, ""));
}

#[test]
fn b_frames_in_a_pyramid() {
    check(&["-bf", "3", "-g", "50"], "h264", 2);
}

#[test]
fn low_latency() {
    check(
        &["-tune", "zerolatency", "-profile:v", "baseline", "-g", "25"],
        "h264",
        0,
    );
}

#[test]
fn vp8() {
    check(&["-c:v", "libvpx", "-deadline", "realtime", "-g", "50"], "vp8", 0);
}

#[test]
fn vp9() {
    let coding = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -pix_fmt yuv420p";
    check(&coding.split(' ').collect::<Vec<_>>(), "vp9", 0);
}

#[test]
fn h265_in_open_groups() {
    let coding = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
    let options = [
        "-x265-params",
        "log-level=none:bframes=3:keyint=25:open-gop=1:pools=1:frame-threads=1",
    ];
    check(&[coding.as_slice(), &options].concat(), "hevc", 2);
}

#[test]
fn who_comes_between_open_groups_of_h265_enters_at_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.mp4");
    let coding =
        "-c:v libx265 -pix_fmt yuv420p -x265-params log-level=none:keyint=25:scenecut=0:pools=1:frame-threads=1";
    make_file(&file, &coding.split(' ').collect::<Vec<_>>(), &AAC);
    let (offers, received) = sent(&file);
    let later = |by_us: i64| received[0].0 + by_us;
    let in_midst = received.iter().filter(|(at_us, ..)| *at_us > later(500_000));
    assert_entered(&folder, &captured(offers.clone(), in_midst.cloned().collect()), 70..=76);
    // What was sent before the recording's beginning comes at once. The next group may have begun when its place is known.
    let in_burst = received.iter().cloned().map(|(at_us, socket, datagram)| {
        let since_us = at_us - later(1_700_000);
        (since_us.max(0), socket, datagram)
    });
    assert_entered(&folder, &captured(offers, in_burst.collect()), 20..=51);
}

/// So many pictures, of which all can be decoded.
fn assert_entered(folder: &tempfile::TempDir, capture: &Capture, pictures: std::ops::RangeInclusive<usize>) {
    assert_in_order(&capture.events);
    let units = capture.units(Track::Video);
    assert!(
        pictures.contains(&units.len()),
        "{} pictures, not {pictures:?}",
        units.len()
    );
    let (frames, said) = decode(capture, "hevc", &folder.path().join("captured"));
    assert_eq!((frames, said.as_str()), (units.len(), ""));
}

#[test]
fn changing_frame_rate() {
    // Every other frame is left out in the second half.
    let select = "select='lt(n,50)+not(mod(n,2))+gt(n,90)'";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.mp4");
    make_file(
        &file,
        &["-vf", select, "-fps_mode", "vfr", "-bf", "2", "-g", "30"],
        &AAC,
    );
    let capture = capture(&file);
    assert_in_order(&capture.events);
    let presented = |times: Vec<(i64, i64)>| -> Vec<_> { times.into_iter().map(|(pts, _)| pts).collect() };
    let (got, expected) = (capture.units(Track::Video), presented(times(&file, "v")));
    // Decode times of a stream without a rate are made anew.
    let shifted: Vec<_> = got
        .iter()
        .zip(&expected)
        .map(|(unit, pts)| (*pts, unit.dts_us - unit.pts_us + pts))
        .collect();
    assert_times(&capture, &got, &shifted, 15);
}

#[test]
fn opus() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.mkv");
    make_file(&file, &["-bf", "0"], &["-c:a", "libopus"]);
    let capture = capture(&file);
    assert_in_order(&capture.events);
    let format = capture.events.iter().find_map(|event| match event {
        StreamEvent::Format(Track::Audio, format) => Some(format),
        _ => None,
    });
    assert_eq!(format, Some(&Format::Opus(OpusFormat { channels: 2 })));
    let audio_shift = assert_times(&capture, &capture.units(Track::Audio), &times(&file, "a"), 25);
    let video_shift = assert_times(&capture, &capture.units(Track::Video), &times(&file, "v"), 1_000);
    assert!(
        (video_shift - audio_shift).abs() <= 20_000,
        "{video_shift} {audio_shift}"
    );
}

#[test]
fn motion_jpeg() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.mkv");
    let coding = "-c:v mjpeg -huffman default -pix_fmt yuvj420p -vf scale=320:176 -q:v 5";
    make_file(&file, &coding.split(' ').collect::<Vec<_>>(), &AAC);
    let capture = capture(&file);
    assert_in_order(&capture.events);
    assert_times(&capture, &capture.units(Track::Video), &times(&file, "v"), 1_000);
    let (frames, said) = decode(&capture, "mjpeg", &folder.path().join("captured"));
    assert_eq!((frames, said.as_str()), (100, ""));
}
