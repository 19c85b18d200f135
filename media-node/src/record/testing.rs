//! Real coded media for tests, a sink that leaves playable files in a directory, and ffmpeg as the judge of them.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use protocol::{FileFormat, FileStyle};
use tempfile::TempDir;

use super::sink::SliceSink;
use super::snapshot::PictureSink;
use crate::container::{RecordingNames, finish_whole, playlist, to_us};
use crate::media::{Demuxer, TsDemuxer};
use crate::spool::{
    Finish, Lone, LoneKind, Opening, PlaylistKey, Probed as Measured, Remains, Slice, Spool, SpoolError,
};
use crate::stream::{AacFormat, AccessUnit, Format, H264Format, MpegFormat, MpegHead, PcmCoding, PcmFormat, Track};

/// The names of a recording's files, in the usual style.
pub(super) fn file_names() -> RecordingNames {
    RecordingNames::new(&FileStyle::default(), "51d", "room", 0)
}

pub(super) const SAMPLE_RATE: u32 = 48_000;
pub(super) const FRAME_SAMPLES: u32 = 1024;

/// One coded track, its first unit presented at 0.
pub(super) struct Coded {
    pub(super) format: Format,
    pub(super) units: Vec<AccessUnit>,
}

/// 70 seconds at 25 pictures a second with three B-frames and a keyframe every two seconds.
pub(super) fn video() -> &'static Coded {
    static VIDEO: OnceLock<Coded> = OnceLock::new();
    VIDEO.get_or_init(|| coded_video(320, 180, 70, 50))
}

/// 70 seconds of AAC-LC, stereo.
pub(super) fn audio() -> &'static Coded {
    static AUDIO: OnceLock<Coded> = OnceLock::new();
    AUDIO.get_or_init(|| coded_audio(70))
}

pub(super) fn coded_video(width: u32, height: u32, seconds: u32, keyframe_every: u32) -> Coded {
    let source = format!("testsrc2=size={width}x{height}:rate=25:duration={seconds}");
    let every = keyframe_every.to_string();
    let encoder = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-bf",
        "3",
        "-g",
        &every,
        "-sc_threshold",
        "0",
    ];
    let (_dir, file) = encode(&source, &encoder);
    let mut units = Vec::new();
    let (mut sps, mut pps) = (Bytes::new(), Bytes::new());
    let mut demuxer = TsDemuxer::open(&file).unwrap();
    while let Some(unit) = demuxer.next_unit().unwrap() {
        for nal in nals(&unit.data) {
            match nal[0] & 31 {
                7 => sps = Bytes::copy_from_slice(nal),
                8 => pps = Bytes::copy_from_slice(nal),
                _ => {}
            }
        }
        units.push(AccessUnit {
            pts_us: to_us(unit.pts),
            dts_us: to_us(unit.dts),
            data: unit.data.into(),
            keyframe: unit.keyframe,
        });
    }
    assert_eq!(units.len(), 25 * seconds as usize);
    Coded {
        format: Format::H264(H264Format {
            sps,
            pps,
            width,
            height,
            reorder_depth: 2,
        }),
        units,
    }
}

/// Pictures of 320x180, 25 a second, coded by FFmpeg with these options and kept in this container of its.
pub(super) fn coded_pictures(container: &str, coding: &[&str], seconds: u32) -> Coded {
    let source = format!("testsrc2=size=320x180:rate=25:duration={seconds}");
    coded_source(container, &source, &[coding, &["-pix_fmt", "yuv420p"]].concat())
}

/// The same of a source of FFmpeg's.
pub(super) fn coded_source(container: &str, source: &str, coding: &[&str]) -> Coded {
    crate::media::init().unwrap();
    let (_dir, file) = encode_as(container, container, source, coding);
    let mut demuxer = Demuxer::open(&file).unwrap();
    let [(Track::Video, format)] = demuxer.formats() else {
        panic!("one video track");
    };
    let format = format.clone();
    let units = std::iter::from_fn(|| demuxer.next_unit().unwrap()).map(|(_, unit)| unit);
    let units = units.collect();
    Coded { format, units }
}

fn coded_audio(seconds: u32) -> Coded {
    let (_dir, file) = encode(
        &format!("sine=frequency=440:sample_rate={SAMPLE_RATE}:duration={seconds}"),
        &["-ac", "2", "-c:a", "aac", "-b:a", "64k"],
    );
    let mut units = Vec::new();
    let mut demuxer = TsDemuxer::open(&file).unwrap();
    while let Some(unit) = demuxer.next_unit().unwrap() {
        let pts_us = units.len() as i64 * i64::from(FRAME_SAMPLES) * 1_000_000 / i64::from(SAMPLE_RATE);
        // An ADTS header without checksum has seven bytes.
        let data = Bytes::copy_from_slice(&unit.data[7..]);
        units.push(AccessUnit {
            pts_us,
            dts_us: pts_us,
            data,
            keyframe: true,
        });
    }
    let format = AacFormat {
        // AAC-LC, 48 kHz, two channels.
        config: Bytes::from_static(&[0x11, 0x90]),
        sample_rate: SAMPLE_RATE,
        channels: 2,
        frame_length: FRAME_SAMPLES,
    };
    Coded {
        format: Format::Aac(format),
        units,
    }
}

/// Opus of a sound that FFmpeg makes, its first sample that is heard at 0; `encoder`: options of libopus.
pub(super) fn coded_opus(source: &str, encoder: &[&str]) -> Coded {
    coded_in_matroska(source, &[&["-c:a", "libopus"], encoder].concat())
}

/// AAC or Opus of a sound that FFmpeg makes, as these options say.
pub(super) fn coded_in_matroska(source: &str, options: &[&str]) -> Coded {
    let (_dir, file) = encode_as("mka", "matroska", source, options);
    let mut demuxer = Demuxer::open(&file).unwrap();
    let [(Track::Audio, format)] = demuxer.formats() else {
        panic!("one audio track");
    };
    let format = format.clone();
    let units = std::iter::from_fn(|| demuxer.next_unit().unwrap()).map(|(_, unit)| unit);
    let units = units.collect();
    Coded { format, units }
}

/// The frames of a file of the tests that holds AAC with ADTS headers, for a decoder with this AudioSpecificConfig.
pub(super) fn coded_he_aac(name: &str, config: &'static [u8], channels: u16) -> Coded {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name);
    let data = Bytes::from(fs::read(file).unwrap());
    let (mut rest, mut units) = (data, Vec::new());
    while let [_, _, _, high, middle, low, ..] = rest[..] {
        let length = usize::from(high & 3) << 11 | usize::from(middle) << 3 | usize::from(low >> 5);
        let frame = rest.split_to(length);
        let pts_us = units.len() as i64 * i64::from(FRAME_SAMPLES) * 1_000_000 / 24_000;
        units.push(AccessUnit {
            pts_us,
            dts_us: pts_us,
            data: frame.slice(7..),
            keyframe: true,
        });
    }
    let format = AacFormat {
        config: Bytes::from_static(config),
        sample_rate: 24_000,
        channels,
        frame_length: FRAME_SAMPLES,
    };
    Coded {
        format: Format::Aac(format),
        units,
    }
}

/// MPEG audio of a sound that FFmpeg makes.
pub(super) fn coded_mpeg(source: &str, encoder: &[&str]) -> Coded {
    let options = [encoder, &["-write_xing", "0", "-id3v2_version", "0"]].concat();
    let (_dir, file) = encode_as(
        "mp3",
        if encoder.contains(&"mp2") { "mp2" } else { "mp3" },
        source,
        &options,
    );
    let mut rest = Bytes::from(fs::read(file).unwrap());
    let mut units = Vec::new();
    let mut format = None;
    while let Some(head) = MpegHead::read(&rest) {
        let MpegFormat {
            frame_length,
            sample_rate,
            ..
        } = head.format;
        let pts_us = units.len() as i64 * i64::from(frame_length) * 1_000_000 / i64::from(sample_rate);
        format = Some(head.format);
        units.push(AccessUnit {
            pts_us,
            dts_us: pts_us,
            data: rest.split_to(head.bytes.min(rest.len())),
            keyframe: true,
        });
    }
    Coded {
        format: Format::Mpeg(format.unwrap()),
        units,
    }
}

/// Samples of a sound that FFmpeg makes, in packets of 20 ms; `options`: its words for the coding and the raw format.
pub(super) fn coded_pcm(source: &str, options: &str, pcm: PcmFormat) -> Coded {
    let (coder, raw) = options.split_once(' ').unwrap();
    let (rate, channels) = (pcm.sample_rate.to_string(), pcm.channels.to_string());
    let encoder = ["-c:a", coder, "-ar", &rate, "-ac", &channels];
    let (_dir, file) = encode_as(raw, raw, source, &encoder);
    let samples = pcm.sample_rate as usize / 50;
    let packet = match pcm.coding {
        PcmCoding::MuLaw | PcmCoding::ALaw => samples * usize::from(pcm.channels),
        PcmCoding::L16 => samples * usize::from(pcm.channels) * 2,
        PcmCoding::G722 => samples / 2,
    };
    let unit = |(number, data): (usize, &[u8])| {
        let pts_us = (number * samples) as i64 * 1_000_000 / i64::from(pcm.sample_rate);
        AccessUnit {
            pts_us,
            dts_us: pts_us,
            data: Bytes::copy_from_slice(data),
            keyframe: true,
        }
    };
    Coded {
        units: fs::read(file)
            .unwrap()
            .chunks_exact(packet)
            .enumerate()
            .map(unit)
            .collect(),
        format: Format::Pcm(pcm),
    }
}

fn encode(source: &str, encoder: &[&str]) -> (TempDir, PathBuf) {
    encode_as("ts", "mpegts", source, encoder)
}

fn encode_as(extension: &str, container: &str, source: &str, encoder: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("coded").with_extension(extension);
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", source])
        .args(encoder)
        .args(["-f", container])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (dir, file)
}

/// The NAL units of an Annex B stream.
fn nals(data: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> = (0..data.len().saturating_sub(3))
        .filter(|i| data[*i..].starts_with(&[0, 0, 1]))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    let trimmed = |nal: &mut &[u8]| nal.strip_suffix(&[0]).map(|rest| *nal = rest).is_some();
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let mut nal = &data[start + 3..end];
            while trimmed(&mut nal) {}
            nal
        })
        .filter(|nal| !nal.is_empty())
        .collect()
}

/// The same units later.
pub(super) fn shifted(units: &[AccessUnit], by_us: i64) -> Vec<AccessUnit> {
    let shift = |unit: &AccessUnit| AccessUnit {
        pts_us: unit.pts_us + by_us,
        dts_us: unit.dts_us + by_us,
        ..unit.clone()
    };
    units.iter().map(shift).collect()
}

/// Keeps slices under their own names in a directory.
pub(super) struct DirSink {
    pub(super) dir: TempDir,
    slices: Mutex<Vec<Slice>>,
    pictures: Mutex<Vec<Lone>>,
    /// How many more files can be begun.
    pub(super) room: Mutex<usize>,
}

impl DirSink {
    pub(super) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            slices: Mutex::default(),
            pictures: Mutex::default(),
            room: Mutex::new(usize::MAX),
        }
    }

    pub(super) fn slices(&self) -> Vec<Slice> {
        self.slices.lock().unwrap().clone()
    }

    /// The pictures so far with their files.
    pub(super) fn pictures(&self) -> Vec<(Lone, Vec<u8>)> {
        let pictures = self.pictures.lock().unwrap().clone();
        pictures
            .into_iter()
            .map(|picture| {
                let jpeg = fs::read(self.dir.path().join(&picture.name)).unwrap();
                (picture, jpeg)
            })
            .collect()
    }

    fn create(&self, name: &str) -> Result<File, SpoolError> {
        let mut room = self.room.lock().unwrap();
        let path = self.dir.path().join(name);
        if *room == 0 {
            return Err(SpoolError::Io {
                action: "make",
                path,
                source: std::io::ErrorKind::StorageFull.into(),
            });
        }
        *room -= 1;
        Ok(File::create_new(path).unwrap())
    }

    pub(super) fn slices_of(&self, key: &PlaylistKey) -> Vec<Slice> {
        self.slices()
            .into_iter()
            .filter(|slice| slice.playlist == *key)
            .collect()
    }

    pub(super) fn path(&self, slice: &Slice) -> PathBuf {
        self.dir.path().join(&slice.name)
    }

    /// Writes the playlist of some slices next to them.
    pub(super) fn playlist(&self, slices: &[Slice]) -> PathBuf {
        let path = self.dir.path().join("playlist.m3u8");
        fs::write(&path, playlist::complete(slices, &FileStyle::default())).unwrap();
        path
    }
}

impl SliceSink for DirSink {
    type File = File;

    fn begin(&self, _: &str, opening: &Slice) -> Result<File, SpoolError> {
        self.create(&opening.name)
    }

    fn commit(&self, file: File, slice: Slice) -> Result<(), SpoolError> {
        assert_eq!(
            file.metadata().unwrap().len(),
            slice.bytes,
            "the size of {}",
            slice.name
        );
        self.slices.lock().unwrap().push(slice);
        Ok(())
    }

    fn discard(&self, _: File) -> Result<(), SpoolError> {
        Ok(())
    }

    fn last(&self, key: &PlaylistKey) -> Option<Slice> {
        self.slices_of(key).pop()
    }
}

impl PictureSink for DirSink {
    fn keep(&self, picture: Lone, jpeg: &[u8]) -> Result<(), SpoolError> {
        self.create(&picture.name)?.write_all(jpeg).unwrap();
        self.pictures.lock().unwrap().push(picture);
        Ok(())
    }

    fn latest_us(&self, _: &str) -> Option<i64> {
        None
    }
}

/// What ffmpeg complains of while it decodes all of a file or playlist.
pub(super) fn complaints(path: &Path) -> String {
    complaints_of(path, &[])
}

/// The same of a decoder with these options.
pub(super) fn complaints_of(path: &Path, decoding: &[&str]) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-nostdin"])
        .args(decoding)
        .arg("-i")
        .arg(path)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stderr),
        if output.status.success() { "" } else { "ffmpeg failed" }
    )
}

/// One packet as ffprobe reports it, in ticks of 90 kHz.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probed {
    pub(super) pts: i64,
    pub(super) dts: i64,
    pub(super) duration: i64,
    pub(super) keyframe: bool,
}

pub(super) fn packets(path: &Path) -> Vec<Probed> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "packet=pts,dts,duration,flags",
            "-of",
            "csv=p=0",
        ])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |index: usize| fields[index].parse().unwrap_or_else(|_| panic!("{line}"));
            Probed {
                pts: number(0),
                dts: number(1),
                duration: number(2),
                keyframe: fields[3].starts_with('K'),
            }
        })
        .collect()
}

/// How many units are in a file, whether they can be decoded or not.
pub(super) fn units_in(path: &Path) -> usize {
    let mut demuxer = TsDemuxer::open(path).unwrap();
    std::iter::from_fn(|| demuxer.next_unit().unwrap()).count()
}

/// A spool that finishes what a crash left in it.
pub(super) fn open_spool(dir: &Path) -> Arc<Spool> {
    let how = Finish {
        slice: &|_| Remains::Nothing,
        lone: &|lone, cut| {
            let format = match lone.kind {
                LoneKind::M4a => FileFormat::M4a,
                LoneKind::Mp3 => FileFormat::Mp3,
                _ => FileFormat::Mp4,
            };
            let whole = finish_whole(format, cut.path, cut.scratch).ok().flatten();
            let probed = whole.map(|whole| Measured {
                duration_us: whole.duration_us,
                bytes: whole.bytes,
                md5: Some(whole.md5),
            });
            probed.into()
        },
    };
    Arc::new(Spool::open(dir, Opening { epoch: 1, at_ms: 1 }, how).unwrap())
}
