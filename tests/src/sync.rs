//! How well audio and video keep together: a publisher sends a white flash and a 1 kHz beep at each full second, and both
//! are found again in the recorded files.

use std::path::Path;

use crate::probe;

/// FFmpeg's inputs for the flash and the beep, each 0.1 s long and beginning at the same full second.
pub const FLASH: &str = "color=c=black:s=320x180:r=25,drawbox=c=white:t=fill:enable='lt(mod(t\\,1)\\,0.1)'";
pub const BEEP: &str = "aevalsrc='if(lt(mod(t\\,1)\\,0.1)\\,0.8*sin(2*PI*1000*t)\\,0)':s=48000";

/// The beep at another pitch and quieter, so that several can be told apart in one sound.
pub fn beep(frequency: u32) -> String {
    BEEP.replace("0.8*sin(2*PI*1000*t)", &format!("0.25*sin(2*PI*{frequency}*t)"))
}

/// Mean luma above which a picture is a flash; black is 16 and white 235.
const BRIGHT: f64 = 125.0;
/// Level in dB relative to full scale above which a window holds the beep; the beep itself has about −5.
const LOUD: f64 = -25.0;
/// Samples of one window of sound: 5 ms at 48 kHz.
const WINDOW: u32 = 240;

/// Times in seconds at which the picture turns white. `media` is a file or a playlist; its timestamps are not moved.
pub async fn flashes(media: &Path) -> Vec<f64> {
    flashes_in(media, "null").await
}

/// The same of what a filter of FFmpeg leaves of the picture.
pub async fn flashes_in(media: &Path, part: &str) -> Vec<f64> {
    let filter = format!("{part},signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-");
    onsets(&measure(media, &["-map", "0:v:0", "-vf", &filter]).await, BRIGHT)
}

/// Times in seconds at which the beep begins, to within one window.
pub async fn beeps(media: &Path) -> Vec<f64> {
    let filter = format!(
        "asetnsamples=n={WINDOW}:p=0,astats=metadata=1:reset=1,\
         ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file=-"
    );
    onsets(&measure(media, &["-map", "0:a:0", "-af", &filter]).await, LOUD)
}

/// For each flash, the time of the nearest beep less its own, in seconds: negative where the sound is early. Events within
/// half a second of the ends of either track have no partner for certain and are left out.
pub fn offsets(flashes: &[f64], beeps: &[f64]) -> Vec<f64> {
    let begin = flashes
        .first()
        .copied()
        .unwrap_or_default()
        .max(beeps.first().copied().unwrap_or_default())
        - 0.5;
    let end = flashes
        .last()
        .copied()
        .unwrap_or_default()
        .min(beeps.last().copied().unwrap_or_default())
        + 0.5;
    let inside = flashes.iter().filter(|flash| (begin..=end).contains(*flash));
    inside
        .filter_map(|flash| {
            beeps
                .iter()
                .map(|beep| beep - flash)
                .min_by(|a, b| a.abs().total_cmp(&b.abs()))
        })
        .collect()
}

/// Rises over the threshold. The first sample does not count: whether it is an onset, nobody knows.
fn onsets(values: &[(f64, f64)], threshold: f64) -> Vec<f64> {
    let rises = values
        .windows(2)
        .filter(|pair| pair[0].1 < threshold && pair[1].1 >= threshold);
    rises.map(|pair| pair[1].0).collect()
}

/// (time, value) of each frame, as the metadata filter prints them.
async fn measure(media: &Path, args: &[&str]) -> Vec<(f64, f64)> {
    let into = [args, &["-f", "null", "-"]].concat();
    let (text, _) = probe::decode(&["-copyts"], media, &into).await;
    parse_metadata(&String::from_utf8_lossy(&text))
}

fn parse_metadata(text: &str) -> Vec<(f64, f64)> {
    let mut time = None;
    let mut values = Vec::new();
    for line in text.lines() {
        if let Some((_, seconds)) = line.split_once("pts_time:") {
            time = seconds.trim().parse().ok();
        } else if let (Some(at), Some((_, value))) = (time, line.split_once('=')) {
            values.push((at, value.parse().expect("the filter prints a number")));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use tokio::process::Command;

    use super::*;

    /// Makes a file in which the beep comes `late` seconds behind the flash.
    async fn offset_of(late: f64) -> Vec<f64> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.ts");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", FLASH])
            .args(["-itsoffset", &late.to_string(), "-f", "lavfi", "-i", BEEP, "-t", "8"])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-c:a",
                "aac",
                "-output_ts_offset",
                "1000",
            ])
            .arg(&file)
            .status()
            .await;
        assert!(made.unwrap().success());
        let flashes = flashes(&file).await;
        assert!(
            flashes.iter().all(|&at| at > 1000.0),
            "timestamps are left as they are: {flashes:?}"
        );
        offsets(&flashes, &beeps(&file).await)
    }

    #[tokio::test]
    async fn finds_a_file_in_step() {
        let offsets = offset_of(0.0).await;
        assert!(offsets.len() >= 6, "{offsets:?}");
        assert!(offsets.iter().all(|offset| offset.abs() < 0.03), "{offsets:?}");
    }

    #[tokio::test]
    async fn measures_late_and_early_sound() {
        for late in [0.12, -0.2] {
            let offsets = offset_of(late).await;
            assert!(offsets.len() >= 5, "{offsets:?}");
            assert!(
                offsets.iter().all(|offset| (offset - late).abs() < 0.03),
                "{late}: {offsets:?}"
            );
        }
    }

    #[test]
    fn an_event_without_a_partner_is_left_out_at_the_ends_only() {
        assert_eq!(offsets(&[1.0, 2.0, 3.0, 4.0], &[2.0, 3.0]).len(), 2);
        assert_eq!(offsets(&[1.0, 2.0, 3.0], &[1.0, 3.0]), [0.0, -1.0, 0.0]);
    }
}
