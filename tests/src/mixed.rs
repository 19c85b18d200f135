//! A finished mixed recording: its playlist and its MP4 files, and what is seen in them.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::bucket::Bucket;
use crate::customer::Task;
use crate::playlist::{self, Playlist};
use crate::probe;
use crate::recorded::slice_ms;

/// The number of cells in which pictures are measured.
const COLUMNS: usize = 32;
const ROWS: usize = 18;

/// Everything that one mixed recording left behind.
pub struct Mixed {
    pub playlist: Playlist,
    /// The playlist, next to its slices.
    pub file: PathBuf,
    /// The slices in the order of the playlist, with the times in their names, Unix milliseconds.
    pub slices: Vec<(i64, PathBuf)>,
    /// The MP4 files in the order of their numbers.
    pub mp4: Vec<PathBuf>,
    // The files that were fetched live as long as this.
    _dir: tempfile::TempDir,
}

/// A colour that is told apart from the others however it was coded: each primary is there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Black,
    Red,
    Green,
    Blue,
    Yellow,
    Magenta,
    Cyan,
    White,
}

/// One decoded picture.
pub struct Picture(Vec<u8>);

impl Mixed {
    /// Fetches everything below the task's prefix, which must be its own.
    ///
    /// # Panics
    /// When a name or a header is not as documented, or a playlist and the slices do not belong together.
    pub async fn fetch(bucket: &Bucket, task: &Task) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let stem = format!("{}_{}", task.sid, task.cname);
        let (mut slices, mut mp4) = (Vec::new(), Vec::new());
        for key in bucket.keys(&task.prefix).await {
            let object = bucket.get(&key).await.expect("a listed object");
            let name = key.strip_prefix(&task.prefix).expect("a listed object").to_owned();
            assert!(name.starts_with(&stem), "{name}");
            let path = dir.path().join(&name);
            object.assert_headers();
            std::fs::write(&path, &object.data).expect("a file");
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("m3u8") => {}
                Some("ts") => slices.push(name),
                Some("mp4") => mp4.push(path),
                _ => panic!("{name} does not belong to a mix"),
            }
        }
        for (number, path) in mp4.iter().enumerate() {
            assert_eq!(path.file_name(), Some(format!("{stem}_{number}.mp4").as_ref()));
        }
        let file = dir.path().join(format!("{stem}.m3u8"));
        let text = std::fs::read_to_string(&file).expect("a playlist");
        let playlist = playlist::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let named: Vec<_> = playlist.entries.iter().map(|entry| entry.name.clone()).collect();
        assert_eq!(named, slices, "the playlist names all slices in their order");
        let slices = slices
            .into_iter()
            .map(|name| {
                let start_ms = slice_ms(&name, &stem).unwrap_or_else(|| panic!("not the name of a slice: {name}"));
                (start_ms, dir.path().join(name))
            })
            .collect();
        Self {
            playlist,
            file,
            slices,
            mp4,
            _dir: dir,
        }
    }

    /// Every file decodes without a warning, the playlist has its end, each file has a picture and a sound, and each MP4
    /// file has its index in front and is played by GStreamer.
    ///
    /// # Panics
    /// With the first promise that is broken.
    pub async fn check(&self) {
        assert!(
            self.playlist.ended,
            "the playlist of an ended recording has its end mark"
        );
        for file in self.mp4.iter().chain([&self.file]) {
            assert_eq!(probe::warnings(file).await, "", "{}", file.display());
            let streams = probe::streams(file).await;
            let mut codecs: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
            codecs.sort_unstable();
            assert_eq!(codecs, ["aac", "h264"], "{}", file.display());
        }
        for file in &self.mp4 {
            assert_eq!(boxes(file)[..2], ["ftyp", "moov"], "{}", file.display());
            play_by_gstreamer(file).await;
        }
    }

    /// Sum of the slices' `#EXTINF`, in seconds.
    pub fn duration(&self) -> f64 {
        self.playlist.entries.iter().map(|entry| entry.duration).sum()
    }
}

/// The kinds of a file's boxes, ISO/IEC 14496-12, in their order.
fn boxes(file: &Path) -> Vec<String> {
    let data = std::fs::read(file).expect("a file");
    let mut kinds = Vec::new();
    let mut rest = &data[..];
    while let Some((header, _)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        kinds.push(String::from_utf8_lossy(&header[4..]).into_owned());
        rest = rest.get(length.max(8)..).unwrap_or_default();
    }
    kinds
}

/// Both tracks, as fast as they are decoded.
async fn play_by_gstreamer(file: &Path) {
    let pipeline = format!(
        "filesrc location={} ! qtdemux name=file \
         file.video_0 ! queue ! h264parse ! avdec_h264 ! fakesink sync=false \
         file.audio_0 ! queue ! aacparse ! avdec_aac ! fakesink sync=false",
        file.display()
    );
    let output = Command::new("gst-launch-1.0")
        .arg("-q")
        .args(pipeline.split_whitespace())
        .output()
        .await
        .expect("GStreamer runs");
    assert!(
        output.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The pictures of a file or playlist at so many a second.
pub async fn pictures(media: &Path, a_second: u32) -> Vec<Picture> {
    let filter = format!("fps={a_second},scale={COLUMNS}:{ROWS}:flags=area");
    let raw = [
        "-map", "0:v:0", "-vf", &filter, "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
    ];
    let (pixels, _) = probe::decode(&[], media, &raw).await;
    Picture::read(&pixels)
}

impl Colour {
    /// Of red, green and blue.
    pub fn of(pixel: [u8; 3]) -> Self {
        match pixel.map(|value| value > 110) {
            [true, false, false] => Self::Red,
            [false, true, false] => Self::Green,
            [false, false, true] => Self::Blue,
            [true, true, false] => Self::Yellow,
            [true, false, true] => Self::Magenta,
            [false, true, true] => Self::Cyan,
            [true, true, true] => Self::White,
            [false, false, false] => Self::Black,
        }
    }
}

impl Picture {
    /// As what GStreamer has to make pictures that are [read](Self::read).
    pub const CAPS: &str = "video/x-raw,format=RGB,width=32,height=18,pixel-aspect-ratio=1/1";

    /// Of pixels in red, green and blue, one for each cell.
    pub fn read(pixels: &[u8]) -> Vec<Self> {
        let pictures = pixels.chunks_exact(COLUMNS * ROWS * 3);
        pictures.map(|cells| Self(cells.to_vec())).collect()
    }

    /// The colour at a fraction of the picture's width and height.
    pub fn at(&self, (x, y): (f64, f64)) -> Colour {
        let cell = (y * ROWS as f64) as usize * COLUMNS + (x * COLUMNS as f64) as usize;
        let pixel = &self.0[cell * 3..][..3];
        Colour::of([pixel[0], pixel[1], pixel[2]])
    }
}
