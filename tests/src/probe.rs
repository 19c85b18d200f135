//! What FFmpeg says about a file. It has made up none of the timestamps in it.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

/// For a player to find out what it plays.
const PLAY_LIMIT: Duration = Duration::from_secs(20);

/// One packet of a file with a single stream. Times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    pub pts: f64,
    pub dts: f64,
    /// Decoding can begin here.
    pub key: bool,
}

/// One stream of a file.
#[derive(Clone, Debug, Deserialize)]
pub struct Stream {
    pub codec_type: String,
    pub codec_name: String,
    #[serde(default)]
    pub width: u32,
    #[serde(default)]
    pub height: u32,
    #[serde(default)]
    pub sample_rate: Option<String>,
}

/// All packets in the order of the file.
pub async fn packets(file: &Path) -> Vec<Packet> {
    #[derive(Deserialize)]
    struct Shown {
        packets: Vec<Raw>,
    }
    #[derive(Deserialize)]
    struct Raw {
        pts_time: String,
        #[serde(default)]
        dts_time: Option<String>,
        flags: String,
    }
    let shown: Shown = ffprobe(
        file,
        &["-show_packets", "-show_entries", "packet=pts_time,dts_time,flags"],
    )
    .await;
    let packet = |raw: Raw| {
        let pts = raw.pts_time.parse().expect("ffprobe prints seconds");
        let dts = raw
            .dts_time
            .map_or(pts, |dts| dts.parse().expect("ffprobe prints seconds"));
        Packet {
            pts,
            dts,
            key: raw.flags.contains('K'),
        }
    };
    shown.packets.into_iter().map(packet).collect()
}

/// When a file's tracks begin, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Starts {
    pub audio: f64,
    pub video: f64,
}

/// When the tracks of a file with a picture and a sound begin.
pub async fn starts(file: &Path) -> Starts {
    let first = async |track| times(file, track).await.into_iter().fold(f64::MAX, f64::min);
    Starts {
        audio: first("a:0").await,
        video: first("v:0").await,
    }
}

/// When each picture of the first video track is shown, in seconds and in the order of the file.
pub async fn picture_times(file: &Path) -> Vec<f64> {
    times(file, "v:0").await
}

async fn times(file: &Path, track: &str) -> Vec<f64> {
    #[derive(Deserialize)]
    struct Shown {
        packets: Vec<Raw>,
    }
    #[derive(Deserialize)]
    struct Raw {
        pts_time: String,
    }
    let what = [
        "-select_streams",
        track,
        "-show_packets",
        "-show_entries",
        "packet=pts_time",
    ];
    let shown: Shown = ffprobe(file, &what).await;
    let packets = shown.packets.into_iter();
    packets
        .map(|raw| raw.pts_time.parse().expect("ffprobe prints seconds"))
        .collect()
}

pub async fn streams(file: &Path) -> Vec<Stream> {
    #[derive(Deserialize)]
    struct Shown {
        streams: Vec<Stream>,
    }
    let shown: Shown = ffprobe(file, &["-show_streams"]).await;
    shown.streams
}

/// Width and height of the pictures of the first video track, each time that they change.
pub async fn sizes(file: &Path) -> Vec<(u32, u32)> {
    #[derive(Deserialize)]
    struct Shown {
        frames: Vec<Frame>,
    }
    #[derive(Deserialize)]
    struct Frame {
        width: u32,
        height: u32,
    }
    let what = ["-select_streams", "v:0", "-show_entries", "frame=width,height"];
    let shown: Shown = ffprobe(file, &what).await;
    let mut sizes: Vec<_> = shown.frames.iter().map(|frame| (frame.width, frame.height)).collect();
    sizes.dedup();
    sizes
}

/// How long a file plays by its own index, in seconds.
pub async fn duration(file: &Path) -> f64 {
    #[derive(Deserialize)]
    struct Shown {
        format: Format,
    }
    #[derive(Deserialize)]
    struct Format {
        duration: String,
    }
    let shown: Shown = ffprobe(file, &["-show_format"]).await;
    shown.format.duration.parse().expect("ffprobe prints seconds")
}

/// What a player finds at an RTSP URL; `None` when it does not play.
pub async fn played(url: &str) -> Option<Vec<Stream>> {
    #[derive(Deserialize)]
    struct Shown {
        streams: Vec<Stream>,
    }
    let probe = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-rtsp_transport",
            "tcp",
            "-of",
            "json",
            "-show_streams",
            url,
        ])
        .output();
    let output = tokio::time::timeout(PLAY_LIMIT, probe)
        .await
        .ok()?
        .expect("ffprobe runs");
    let shown: Shown = serde_json::from_slice(&output.stdout).ok()?;
    output.status.success().then_some(shown.streams)
}

/// A digest of each picture of the first video track, decoded, in the order of their presentation.
pub async fn pictures(file: &Path) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(file)
        .args(["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-"])
        .output()
        .await
        .expect("ffmpeg runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit(',').next().map(|digest| digest.trim().to_owned()))
        .collect()
}

/// What FFmpeg complains of while it decodes the whole file; empty if nothing is wrong with it. Frames keep their own times: those of the
/// frame rate that it guesses may fall together.
pub async fn warnings(file: &Path) -> String {
    warnings_by(&[], file).await
}

/// The same of one of its decoders of pictures.
pub async fn warnings_of(decoder: &str, file: &Path) -> String {
    warnings_by(&["-c:v", decoder], file).await
}

async fn warnings_by(how: &[&str], file: &Path) -> String {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-v", "warning"])
        .args(how)
        .arg("-i")
        .arg(file)
        .args(["-enc_time_base", "-1", "-f", "null", "-"])
        .output()
        .await
        .expect("ffmpeg runs");
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        text.push_str(&format!("\n{}", output.status));
    }
    text
}

/// Plays a file or playlist from its beginning to its end, and stops at the first error.
///
/// # Panics
/// With that error.
pub async fn play_through(file: &Path) {
    let (_, said) = decode(&["-xerror"], file, &["-enc_time_base", "-1", "-f", "null", "-"]).await;
    assert!(said.is_empty(), "{} does not play through: {said}", file.display());
}

/// What FFmpeg makes of a file or playlist, and which errors it tells. `how` stands before the input, `into` behind it.
///
/// # Panics
/// When it fails.
pub async fn decode(how: &[&str], media: &Path, into: &[&str]) -> (Vec<u8>, String) {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(how)
        .arg("-i")
        .arg(media)
        .args(into)
        .output()
        .await
        .expect("ffmpeg runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", media.display());
    (output.stdout, said)
}

async fn ffprobe<T: for<'a> Deserialize<'a>>(file: &Path, what: &[&str]) -> T {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json"])
        .args(what)
        .arg(file)
        .output()
        .await
        .expect("ffprobe");
    assert!(
        output.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{}: ffprobe: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn make(file: &Path, options: &str) {
        let input = "-v error -f lavfi -i testsrc2=size=128x72:rate=25:duration=2 -c:v libx264 -g 25";
        let made = Command::new("ffmpeg")
            .args(input.split(' '))
            .args(options.split(' '))
            .arg(file)
            .status()
            .await;
        assert!(made.unwrap().success());
    }

    #[tokio::test]
    async fn shows_packets_and_streams() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.ts");
        make(&file, "-bf 2").await;
        let packets = packets(&file).await;
        assert_eq!(packets.len(), 50);
        assert!(packets[0].key && !packets[1].key && packets[25].key);
        assert!(packets.windows(2).all(|pair| pair[0].dts < pair[1].dts));
        assert!(
            packets.windows(2).any(|pair| pair[0].pts > pair[1].pts),
            "B-frames come out of order"
        );
        let streams = streams(&file).await;
        assert_eq!(
            (streams.len(), streams[0].codec_name.as_str(), streams[0].width),
            (1, "h264", 128)
        );
    }

    #[tokio::test]
    async fn warns_of_a_broken_file_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.ts");
        make(&file, "-bf 2").await;
        assert_eq!(warnings(&file).await, "");
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2 / 188 * 188;
        bytes.drain(middle..middle + 188 * 3);
        std::fs::write(&file, bytes).unwrap();
        assert_ne!(warnings(&file).await, "");
    }
}
