//! Which frame a picture shows: a publisher paints each frame's number into it, and the number is read again from recorded
//! video and from pictures.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Frames a second.
pub const RATE: i64 = 25;
const WIDTH: usize = 320;
const HEIGHT: usize = 180;

/// The number is told by so many columns from the left on, black for 0 and white for 1, the lowest bit first.
const BITS: usize = 16;

/// FFmpeg's input.
pub fn source() -> String {
    let column = WIDTH / BITS;
    format!(
        "nullsrc=s={WIDTH}x{HEIGHT}:r={RATE},\
         geq=lum='16+219*mod(floor(N/pow(2\\,floor(X/{column})))\\,2)':cb=128:cr=128,format=yuv420p"
    )
}

/// The number of the frame in a JPEG file.
///
/// # Panics
/// When it is not a picture of the publisher's size.
pub async fn number(jpeg: &[u8]) -> i64 {
    let numbers = decode(&["-f", "image2pipe", "-c:v", "mjpeg", "-i", "pipe:0"], jpeg).await;
    assert_eq!(numbers.len(), 1, "one picture");
    numbers[0]
}

/// The numbers of all frames of a file or playlist, in the order of their presentation.
pub async fn numbers(media: &Path) -> Vec<i64> {
    let path = media.to_str().expect("a printable path");
    decode(&["-i", path, "-map", "0:v:0", "-fps_mode", "passthrough"], &[]).await
}

async fn decode(input: &[&str], data: &[u8]) -> Vec<i64> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(input)
        .args(["-vf", &format!("scale={BITS}:1:flags=area,format=gray")])
        .args(["-f", "rawvideo", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg runs");
    let mut stdin = ffmpeg.stdin.take().expect("a pipe");
    let (sent, output) = tokio::join!(
        async {
            let sent = stdin.write_all(data).await;
            drop(stdin);
            sent
        },
        ffmpeg.wait_with_output()
    );
    sent.expect("ffmpeg takes the picture");
    let output = output.expect("ffmpeg ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    let number = |levels: &[u8]| -> i64 {
        let bits = levels.iter().enumerate();
        bits.map(|(bit, level)| i64::from(*level > 128) << bit).sum()
    };
    output.stdout.chunks_exact(BITS).map(number).collect()
}
