//! Real sound: FFmpeg and GStreamer send a tone as RTP in each codec, and what is captured of it has its length and its pitch.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use bytes::Bytes;

use super::ffmpeg::{Capture, captured, ffmpeg, port_pair, receive};
use crate::capture::sdp::offers;
use crate::media::{self, AudioCodec, AudioDecoder, Resampler};
use crate::mix::testing::loudness;
use crate::stream::tests::rtp::{assert_in_order, formats};
use crate::stream::{AacFormat, Format, MpegFormat, PcmCoding, PcmFormat, StreamEvent, Track};

const SECONDS: u32 = 2;
const PITCH: u32 = 440;
/// What an encoder may keep for itself at the end, and a packetizer that fills its packets.
const KEPT_US: i64 = 350_000;

/// A tone from FFmpeg in these options, of the given rate and channels.
fn from_ffmpeg(rate: u32, channels: u16, options: &[&str]) -> Capture {
    let folder = tempfile::tempdir().unwrap();
    let sdp_file = folder.path().join("tone.sdp");
    let (rtp, rtcp) = port_pair();
    let source = format!("sine=f={PITCH}:r={rate}:d={SECONDS},volume=4");
    let mut command = ffmpeg(&["-re", "-f", "lavfi", "-i", &source, "-ac", &channels.to_string()]);
    let url = format!("rtp://127.0.0.1:{}", rtp.local_addr().unwrap().port());
    command
        .args(options)
        .args(["-f", "rtp", "-sdp_file"])
        .arg(&sdp_file)
        .arg(url);
    let received = receive(command.spawn().unwrap(), &[&rtp, &rtcp]);
    captured(offers(&std::fs::read(&sdp_file).unwrap()), received)
}

/// A tone from GStreamer, coded and packetized by these elements; `format`: as an SDP has it.
fn from_gstreamer(rate: u32, channels: u16, elements: &str, format: &str) -> Capture {
    let (rtp, rtcp) = port_pair();
    let pipeline = format!(
        "audiotestsrc is-live=true freq={PITCH} num-buffers={} samplesperbuffer={} \
         ! audio/x-raw,rate={rate},channels={channels} ! audioconvert ! {elements} ! udpsink host=127.0.0.1 port={}",
        SECONDS * 50,
        rate / 50,
        rtp.local_addr().unwrap().port()
    );
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(pipeline.split_whitespace());
    let received = receive(command.stdin(Stdio::null()).spawn().unwrap(), &[&rtp, &rtcp]);
    let sdp = format!("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP {format}\r\n");
    captured(offers(sdp.as_bytes()), received)
}

/// Of this format, as long as it was sent, without a hole, and decoded the tone that was sent.
fn check(capture: &Capture, expected: &Format, what: &str, pitch: u32) {
    media::init().unwrap();
    assert_in_order(&capture.events);
    assert_eq!(formats(&capture.events, Track::Audio), 1, "{what}");
    let format = capture.events.iter().find_map(|event| match event {
        StreamEvent::Format(_, format) => Some(format.clone()),
        _ => None,
    });
    assert_eq!(format.as_ref(), Some(expected), "{what}");
    let lost = |event: &&StreamEvent| matches!(event, StreamEvent::Lost(..));
    assert_eq!(capture.events.iter().find(lost), None, "{what}");
    let moves = capture
        .events
        .iter()
        .filter(|event| matches!(event, StreamEvent::Moved(_)));
    let moves = moves.count();

    let units = capture.units(Track::Audio);
    let mut decoder = AudioDecoder::new(&AudioCodec::of(expected).unwrap()).unwrap();
    let (mut resampler, mut samples) = (None::<Resampler>, Vec::new());
    let (mut steps, mut end_us) = (0, units[0].pts_us);
    for unit in &units {
        // Encoders place their run-up before the first sample, and may round.
        steps += usize::from((unit.pts_us - end_us).abs() > 1_000);
        let lasts_us = match expected {
            Format::Aac(AacFormat {
                frame_length,
                sample_rate,
                ..
            })
            | Format::Mpeg(MpegFormat {
                frame_length,
                sample_rate,
                ..
            }) => i64::from(*frame_length) * 1_000_000 / i64::from(*sample_rate),
            Format::Pcm(pcm) => {
                let samples = match pcm.coding {
                    PcmCoding::G722 => unit.data.len() * 2,
                    PcmCoding::L16 => unit.data.len() / 2,
                    PcmCoding::MuLaw | PcmCoding::ALaw => unit.data.len(),
                };
                samples as i64 * 1_000_000 / i64::from(pcm.sample_rate) / i64::from(pcm.channels)
            }
            other => panic!("{other:?}"),
        };
        end_us = unit.pts_us + lasts_us;
        if let Some(sound) = decoder.decode(&unit.data).unwrap() {
            let resampler = resampler.get_or_insert_with(|| Resampler::new(&sound, 48_000).unwrap());
            samples.extend_from_slice(resampler.convert(&sound).unwrap().0);
        }
    }
    assert!(steps <= moves, "{what}: {steps} holes, {moves} moves");
    let lasted_us = end_us - units[0].pts_us;
    let sent_us = i64::from(SECONDS) * 1_000_000;
    assert!(
        (sent_us - KEPT_US..sent_us + KEPT_US).contains(&lasted_us),
        "{what}: {lasted_us}"
    );
    let decoded_us = samples.len() as i64 * 1_000_000 / 48_000;
    assert!(
        (lasted_us - decoded_us).abs() < 5_000,
        "{what}: {lasted_us} {decoded_us}"
    );
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let (tone, other) = (loudness(middle, pitch as f32), loudness(middle, pitch as f32 * 1.7));
    assert!(tone > 0.1 && other < tone / 20.0, "{what}: {tone} {other}");
}

fn pcm(coding: PcmCoding, sample_rate: u32, channels: u16) -> Format {
    Format::Pcm(PcmFormat {
        coding,
        sample_rate,
        channels,
    })
}

fn mpeg(layer: u8, sample_rate: u32, channels: u16, frame_length: u32) -> Format {
    Format::Mpeg(MpegFormat {
        layer,
        sample_rate,
        channels,
        frame_length,
    })
}

/// All at once, since each takes as long as it plays.
fn check_all<const N: usize>(senders: [(&str, Sender, Format); N]) {
    let running = senders.map(|(what, sender, expected)| (what, thread::spawn(sender), expected));
    for (what, sender, expected) in running {
        check(&sender.join().unwrap(), &expected, what, PITCH);
    }
}

type Sender = Box<dyn FnOnce() -> Capture + Send>;

#[test]
fn sound_from_ffmpeg() {
    let from = |rate, channels, options: &'static str| -> Sender {
        Box::new(move || from_ffmpeg(rate, channels, &options.split_whitespace().collect::<Vec<_>>()))
    };
    check_all([
        (
            "PCMU",
            from(8_000, 1, "-c:a pcm_mulaw"),
            pcm(PcmCoding::MuLaw, 8_000, 1),
        ),
        ("PCMA", from(8_000, 1, "-c:a pcm_alaw"), pcm(PcmCoding::ALaw, 8_000, 1)),
        (
            "PCMU at 16 kHz",
            from(16_000, 2, "-c:a pcm_mulaw"),
            pcm(PcmCoding::MuLaw, 16_000, 2),
        ),
        ("G.722", from(16_000, 1, "-c:a g722"), pcm(PcmCoding::G722, 16_000, 1)),
        ("L16", from(44_100, 2, "-c:a pcm_s16be"), pcm(PcmCoding::L16, 44_100, 2)),
        (
            "L16 at 48 kHz",
            from(48_000, 1, "-c:a pcm_s16be"),
            pcm(PcmCoding::L16, 48_000, 1),
        ),
        (
            "MP3",
            from(44_100, 2, "-c:a libmp3lame -b:a 128k"),
            mpeg(3, 44_100, 2, 1_152),
        ),
        (
            "MP3 in fragments",
            from(48_000, 1, "-c:a libmp3lame -b:a 320k -pkt_size 400"),
            mpeg(3, 48_000, 1, 1_152),
        ),
        (
            "MP3 at 22 kHz",
            from(22_050, 1, "-c:a libmp3lame -b:a 48k"),
            mpeg(3, 22_050, 1, 576),
        ),
        ("MP2", from(48_000, 2, "-c:a mp2 -b:a 192k"), mpeg(2, 48_000, 2, 1_152)),
    ]);
}

#[test]
fn sound_from_gstreamer() {
    let from = |rate, channels, elements: &'static str, format: &'static str| -> Sender {
        Box::new(move || from_gstreamer(rate, channels, elements, format))
    };
    check_all([
        (
            "PCMU",
            from(8_000, 1, "mulawenc ! rtppcmupay", "0"),
            pcm(PcmCoding::MuLaw, 8_000, 1),
        ),
        (
            "PCMA",
            from(8_000, 1, "alawenc ! rtppcmapay", "8"),
            pcm(PcmCoding::ALaw, 8_000, 1),
        ),
        (
            "G.722",
            from(16_000, 1, "avenc_g722 ! rtpg722pay", "9"),
            pcm(PcmCoding::G722, 16_000, 1),
        ),
        (
            "L16 in stereo",
            from(44_100, 2, "rtpL16pay pt=10", "10"),
            pcm(PcmCoding::L16, 44_100, 2),
        ),
        (
            "L16",
            from(44_100, 1, "rtpL16pay pt=11", "11"),
            pcm(PcmCoding::L16, 44_100, 1),
        ),
        (
            "MP3",
            from(
                48_000,
                2,
                "lamemp3enc target=bitrate cbr=true bitrate=128 ! mpegaudioparse ! rtpmpapay",
                "14",
            ),
            mpeg(3, 48_000, 2, 1_152),
        ),
        (
            "MP2",
            from(48_000, 2, "twolamemp2enc ! mpegaudioparse ! rtpmpapay", "14"),
            mpeg(2, 48_000, 2, 1_152),
        ),
    ]);
}

#[test]
fn he_aac_from_ffmpeg() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    for (name, channels, config) in [("he-aac.aac", 2, &[0x13, 0x10]), ("hev2-aac.aac", 1, &[0x13, 0x08])] {
        let folder = tempfile::tempdir().unwrap();
        let (file, sdp_file) = (folder.path().join("he.m4a"), folder.path().join("he.sdp"));
        let copied = ffmpeg(&["-i"])
            .arg(fixtures.join(name))
            .args(["-c", "copy"])
            .arg(&file)
            .status();
        assert!(copied.unwrap().success());
        let (rtp, rtcp) = port_pair();
        let mut command = ffmpeg(&["-re", "-i"]);
        command
            .arg(&file)
            .args(["-t", &SECONDS.to_string(), "-c", "copy", "-f", "rtp", "-sdp_file"]);
        command
            .arg(&sdp_file)
            .arg(format!("rtp://127.0.0.1:{}", rtp.local_addr().unwrap().port()));
        let received = receive(command.spawn().unwrap(), &[&rtp, &rtcp]);
        let capture = captured(offers(&std::fs::read(&sdp_file).unwrap()), received);
        let expected = Format::Aac(AacFormat {
            config: Bytes::copy_from_slice(config),
            sample_rate: 24_000,
            channels,
            frame_length: 1_024,
        });
        check(&capture, &expected, name, 3_000);
    }
}
