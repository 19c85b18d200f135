//! A user in each codec is heard, with its pitch, where it belongs.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;

use super::*;
use crate::media::Demuxer;
use crate::stream::{AacFormat, MpegFormat, MpegHead, PcmCoding, PcmFormat};

const PITCH: f32 = 440.0;

/// Three seconds of a tone, coded by FFmpeg into a file with this ending.
fn coded(directory: &Path, ending: &str, rate: u32, options: &str) -> std::path::PathBuf {
    crate::media::init().unwrap();
    let path = directory.join("tone").with_extension(ending);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"])
        .arg(format!("sine=f=440:r={rate}:d=3,volume=4"))
        .args(options.split_whitespace())
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

fn unit(pts_us: i64, data: Bytes) -> (Track, AccessUnit) {
    let unit = AccessUnit {
        pts_us,
        dts_us: pts_us,
        data,
        keyframe: true,
    };
    (Track::Audio, unit)
}

fn aac(rate: u32, options: &str) -> (Format, Timed) {
    let directory = tempfile::tempdir().unwrap();
    let path = coded(directory.path(), "mka", rate, &format!("{options} -c:a aac"));
    let mut demuxer = Demuxer::open(&path).unwrap();
    let format = demuxer.formats()[0].1.clone();
    (format, std::iter::from_fn(|| demuxer.next_unit().unwrap()).collect())
}

/// HE-AAC of 3000 Hz, which the tests have as a file: no encoder of FFmpeg's own makes it.
fn he_aac(name: &str, config: &'static [u8], channels: u16) -> (Format, Timed) {
    crate::media::init().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name);
    let mut rest = Bytes::from(std::fs::read(file).unwrap());
    let mut units = Timed::new();
    while let [_, _, _, high, middle, low, ..] = rest[..] {
        let length = usize::from(high & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5);
        let frame = rest.split_to(length);
        units.push(unit(units.len() as i64 * 1024 * 125 / 3, frame.slice(7..)));
    }
    let format = AacFormat {
        config: Bytes::from_static(config),
        sample_rate: 24_000,
        channels,
        frame_length: 1024,
    };
    (Format::Aac(format), units)
}

fn pcm(coding: PcmCoding, sample_rate: u32, channels: u16, coder: &str, raw: &str) -> (Format, Timed) {
    let directory = tempfile::tempdir().unwrap();
    let path = coded(
        directory.path(),
        raw,
        sample_rate,
        &format!("-c:a {coder} -ac {channels} -f {raw}"),
    );
    let samples_a_byte = |bytes: usize| match coding {
        PcmCoding::G722 => bytes * 2,
        PcmCoding::L16 => bytes / 2,
        PcmCoding::MuLaw | PcmCoding::ALaw => bytes,
    };
    let packet = 320 * usize::from(channels);
    let step = samples_a_byte(packet) as i64 / i64::from(channels);
    let bytes = Bytes::from(std::fs::read(path).unwrap());
    let units = (0..bytes.len() / packet).map(|number| {
        let at_us = number as i64 * step * SECOND / i64::from(sample_rate);
        unit(at_us, bytes.slice(number * packet..(number + 1) * packet))
    });
    let format = PcmFormat {
        coding,
        sample_rate,
        channels,
    };
    (Format::Pcm(format), units.collect())
}

fn mpeg(rate: u32, options: &str) -> (Format, Timed) {
    let directory = tempfile::tempdir().unwrap();
    let path = coded(
        directory.path(),
        "mp3",
        rate,
        &format!("{options} -write_xing 0 -id3v2_version 0"),
    );
    let mut rest = Bytes::from(std::fs::read(path).unwrap());
    let (mut format, mut units) = (None, Timed::new());
    while let Some(head) = MpegHead::read(&rest) {
        let MpegFormat {
            frame_length,
            sample_rate,
            ..
        } = head.format;
        let at_us = units.len() as i64 * i64::from(frame_length) * SECOND / i64::from(sample_rate);
        units.push(unit(at_us, rest.split_to(head.bytes.min(rest.len()))));
        format = Some(head.format);
    }
    (Format::Mpeg(format.unwrap()), units)
}

#[test]
fn each_codec_is_heard() {
    let explicit: &[u8] = &[0x2b, 0x11, 0x88, 0x00];
    for (what, (format, units), pitch) in [
        ("AAC in mono at 8 kHz", aac(8_000, "-ac 1"), PITCH),
        ("AAC at 96 kHz", aac(96_000, "-ac 2"), PITCH),
        ("AAC in 5.1", aac(48_000, "-af aformat=channel_layouts=5.1"), PITCH),
        (
            "AAC in four channels",
            aac(44_100, "-af aformat=channel_layouts=quad"),
            PITCH,
        ),
        ("HE-AAC", he_aac("he-aac.aac", explicit, 2), 3_000.0),
        (
            "HE-AAC that does not say so",
            he_aac("he-aac.aac", &[0x13, 0x10], 2),
            3_000.0,
        ),
        (
            "HE-AAC v2",
            he_aac("hev2-aac.aac", &[0xeb, 0x09, 0x88, 0x00], 1),
            3_000.0,
        ),
        (
            "HE-AAC v2 that does not say so",
            he_aac("hev2-aac.aac", &[0x13, 0x08], 1),
            3_000.0,
        ),
        ("MP3", mpeg(44_100, "-c:a libmp3lame -b:a 96k -ac 2"), PITCH),
        ("MP3 at 16 kHz", mpeg(16_000, "-c:a libmp3lame -b:a 32k -ac 1"), PITCH),
        ("MP2", mpeg(48_000, "-c:a mp2 -b:a 128k -f mp2"), PITCH),
        ("PCMU", pcm(PcmCoding::MuLaw, 8_000, 1, "pcm_mulaw", "mulaw"), PITCH),
        ("PCMA", pcm(PcmCoding::ALaw, 8_000, 2, "pcm_alaw", "alaw"), PITCH),
        ("G.722", pcm(PcmCoding::G722, 16_000, 1, "g722", "g722"), PITCH),
        ("L16", pcm(PcmCoding::L16, 44_100, 2, "pcm_s16be", "s16be"), PITCH),
        (
            "L16 at 192 kHz",
            pcm(PcmCoding::L16, 192_000, 1, "pcm_s16be", "s16be"),
            PITCH,
        ),
    ] {
        let mut mixer = Mixer::new(&settings(320, 180, 15), scene(Layout::Floating), everybody()).unwrap();
        mixer.format("1", &format);
        mixer.change(0, Change::Join { uid: "1".to_owned() });
        for (track, unit) in units {
            mixer.unit("1", track, unit);
        }
        let mut output = Vec::new();
        mixer.finish(5 * SECOND / 2, |made| output.push(made)).unwrap();
        let samples = samples(&mixer.tracks().unwrap(), &output);
        let middle = &samples[48_000 / 2..48_000 * 2];
        let (tone, other) = (loudness(middle, pitch), loudness(middle, pitch * 1.7));
        assert!(tone > 0.06 && other < tone / 20.0, "{what}: {tone} {other}");
        let counters = mixer.counters();
        assert_eq!(counters.units_undecodable, 0, "{what}");
        assert!(counters.samples_missing < 2_400, "{what}: {}", counters.samples_missing);
    }
}
