//! What a faulty publisher sends: pictures over and over, and sound.

use std::path::Path;

use tokio::process::Command;

/// Pictures a second.
pub(super) const FPS: u32 = 15;
/// Of the sound, Hz.
pub(super) const RATE: u32 = 48_000;
/// Samples of a frame of AAC.
pub(super) const FRAME: u32 = 1_024;
/// Pictures from one key frame to the next.
pub(super) const GROUP: usize = 15;

/// Of H.264 NAL units.
pub(super) const SPS: u8 = 7;
pub(super) const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// The pictures are 160×90, all of one colour below noise, so that each takes several packets; the sound is a tone.
pub struct Clip {
    /// Each as NAL units without start codes, a whole number of groups.
    pub(super) pictures: Vec<Vec<Vec<u8>>>,
    /// Frames of AAC.
    pub(super) sounds: Vec<Vec<u8>>,
    /// The sound's AudioSpecificConfig.
    pub(super) config: [u8; 2],
}

impl Clip {
    /// Encoded by FFmpeg; `coding` are more of its words for the picture. The tone lasts for `seconds`, at half the level of
    /// other publishers'.
    pub async fn make(dir: &Path, colour: &str, tone: u32, coding: &str, seconds: u32) -> Self {
        let (video, audio) = (dir.join(format!("{tone}.h264")), dir.join(format!("{tone}.aac")));
        let pictures = format!("color=c={colour}:s=160x90:r={FPS},noise=alls=30:allf=t");
        let sound = format!("sine=frequency={tone}:sample_rate={RATE},volume=0.5");
        let coded = format!(
            "-map 0 -t 4 -c:v libx264 -preset ultrafast -bf 0 -g {GROUP} -pix_fmt yuv420p -x264-params \
             aud=1:scenecut=0:threads=1{coding} -f h264"
        );
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", &pictures])
            .args(["-f", "lavfi", "-i", &sound])
            .args(coded.split_whitespace())
            .arg(&video)
            .args(["-map", "1", "-t", &seconds.to_string(), "-c:a", "aac", "-b:a", "64k"])
            .args(["-f", "adts"])
            .arg(&audio)
            .output()
            .await
            .expect("ffmpeg runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (sounds, config) = frames(&std::fs::read(audio).expect("a file"));
        Self {
            pictures: pictures_of(&std::fs::read(video).expect("a file")),
            sounds,
            config,
        }
    }

    /// With a group of `other` behind each of its own.
    pub fn alternating_with(mut self, other: Self) -> Self {
        let groups = self.pictures.chunks(GROUP).zip(other.pictures.chunks(GROUP));
        self.pictures = groups.flat_map(|(own, other)| [own, other].concat()).collect();
        self
    }
}

pub(super) fn kind(nal: &[u8]) -> u8 {
    nal[0] & 0x1f
}

/// The pictures of a file in Annex B, which delimiters part.
fn pictures_of(file: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let codes: Vec<usize> = (0..file.len().saturating_sub(3))
        .filter(|at| file[*at..*at + 3] == [0, 0, 1])
        .collect();
    let ends = codes.iter().skip(1).copied().chain([file.len()]);
    let mut pictures: Vec<Vec<Vec<u8>>> = Vec::new();
    for (begin, end) in codes.iter().zip(ends) {
        let mut nal = file[begin + 3..end].to_vec();
        while nal.last() == Some(&0) {
            nal.pop();
        }
        match (kind(&nal), pictures.last_mut()) {
            (DELIMITER, _) | (_, None) => pictures.push(Vec::new()),
            (_, Some(picture)) => picture.push(nal),
        }
    }
    pictures
}

/// The frames of a file of ADTS, and their AudioSpecificConfig.
fn frames(file: &[u8]) -> (Vec<Vec<u8>>, [u8; 2]) {
    const HEADER: usize = 7;
    let (mut frames, mut rest, mut config) = (Vec::new(), file, [0; 2]);
    while rest.len() > HEADER {
        let length = usize::from(rest[3] & 3) << 11 | usize::from(rest[4]) << 3 | usize::from(rest[5] >> 5);
        let (profile, rate, channels) = (rest[2] >> 6, rest[2] >> 2 & 15, (rest[2] & 1) << 2 | rest[3] >> 6);
        config = (u16::from(profile + 1) << 11 | u16::from(rate) << 7 | u16::from(channels) << 3).to_be_bytes();
        frames.push(rest[HEADER..length].to_vec());
        rest = &rest[length..];
    }
    (frames, config)
}
