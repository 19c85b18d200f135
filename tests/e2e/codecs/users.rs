//! Who publishes in which codec, and in which way.

use std::path::{Path, PathBuf};

use tapedeck_tests::mixed::Colour;
use tapedeck_tests::publisher::{Media, Publisher, Transport, newer_ffmpeg};
use tapedeck_tests::stack::Stack;

use crate::steps;

/// Seconds that a user has to send: more than the test takes.
const LENGTH_S: u64 = 120;

/// How a user comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Rtsp,
    /// By an FFmpeg that sends AV1.
    NewerRtsp,
    NewerRtmp,
    /// By GStreamer, with its parser of the codec.
    GStreamer(&'static str),
}

/// A user who publishes a colour and a tone, and what becomes of the picture.
pub(super) struct Sent {
    pub(super) uid: &'static str,
    pub(super) way: Way,
    pub(super) colour: (&'static str, Colour),
    pub(super) tone: u32,
    /// In FFmpeg's words.
    pub(super) coding: &'static str,
    pub(super) codec: &'static str,
    pub(super) height: u32,
    pub(super) extension: &'static str,
    /// It is in a container that HLS knows.
    pub(super) is_hls: bool,
    /// Chromium decodes it.
    pub(super) is_for_browsers: bool,
}

const AV1: &str =
    "-c:v libsvtav1 -preset 10 -g 15 -b:v 200k -pix_fmt yuv420p -svtav1-params lp=1:pred-struct=1:rc=2 -loglevel error";

pub(super) const USERS: [Sent; 6] = [
    Sent {
        uid: "1",
        way: Way::Rtsp,
        colour: ("0xff0000", Colour::Red),
        tone: 400,
        coding: "-c:v libx265 -preset ultrafast -g 15 -bf 2 -pix_fmt yuv420p -x265-params log-level=none:pools=1:open-gop=0",
        codec: "hevc",
        height: 180,
        extension: "ts",
        is_hls: true,
        is_for_browsers: false,
    },
    Sent {
        uid: "2",
        way: Way::Rtsp,
        colour: ("0x00ff00", Colour::Green),
        tone: 700,
        coding: "-c:v libvpx -deadline realtime -cpu-used 8 -g 15 -b:v 200k",
        codec: "vp8",
        height: 180,
        extension: "webm",
        is_hls: false,
        is_for_browsers: true,
    },
    Sent {
        uid: "3",
        way: Way::Rtsp,
        colour: ("0x0000ff", Colour::Blue),
        tone: 1100,
        coding: "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 15 -b:v 200k -pix_fmt yuv420p",
        codec: "vp9",
        height: 180,
        extension: "mp4",
        is_hls: true,
        is_for_browsers: true,
    },
    Sent {
        uid: "4",
        way: Way::Rtsp,
        colour: ("0xffff00", Colour::Yellow),
        tone: 1600,
        coding: "-c:v mjpeg -huffman default -pix_fmt yuvj420p -q:v 5",
        codec: "h264",
        // RFC 2435 counts in blocks of eight.
        height: 184,
        extension: "ts",
        is_hls: true,
        is_for_browsers: true,
    },
    Sent {
        uid: "5",
        way: Way::NewerRtsp,
        colour: ("0xff00ff", Colour::Magenta),
        tone: 2300,
        coding: AV1,
        codec: "av1",
        height: 180,
        extension: "mp4",
        is_hls: true,
        is_for_browsers: true,
    },
    Sent {
        uid: "6",
        way: Way::NewerRtmp,
        colour: ("0x00ffff", Colour::Cyan),
        tone: 3000,
        coding: AV1,
        codec: "av1",
        height: 180,
        extension: "mp4",
        is_hls: true,
        is_for_browsers: true,
    },
];

/// The same codecs by other publishers. GStreamer's payloader of AV1 is in no package of Debian's.
pub(super) const OTHERS: [Sent; 6] = [
    Sent {
        way: Way::GStreamer("h265parse"),
        ..USERS[0]
    },
    Sent {
        way: Way::GStreamer("identity"),
        ..USERS[1]
    },
    Sent {
        way: Way::GStreamer("vp9parse"),
        ..USERS[2]
    },
    Sent {
        way: Way::GStreamer("jpegparse"),
        ..USERS[3]
    },
    Sent {
        uid: "5",
        way: Way::NewerRtmp,
        colour: USERS[4].colour,
        tone: USERS[4].tone,
        ..USERS[0]
    },
    Sent {
        uid: "6",
        way: Way::NewerRtmp,
        colour: USERS[5].colour,
        tone: USERS[5].tone,
        ..USERS[2]
    },
];

impl Sent {
    /// What the user sends, encoded beforehand: six encoders at once would fall behind on a small machine.
    pub(super) async fn file(&self, dir: &Path) -> PathBuf {
        let media = Media::plain_and_tone(self.colour.0, self.tone).with_video(self.coding);
        let ffmpeg = match self.codec {
            "av1" => newer_ffmpeg(),
            _ => Path::new("ffmpeg"),
        };
        steps::make_file_by(ffmpeg, dir, &format!("{}.mkv", self.uid), &media.file_options(LENGTH_S)).await
    }

    pub(super) fn publish(&self, stack: &Stack, cname: &str, file: &Path) -> Publisher {
        // VP9 over RTP is still an experiment to FFmpeg.
        let media = Media::file(file.to_str().expect("UTF-8")).with_video("-c copy -strict experimental");
        let url = stack.publish_url(cname, self.uid);
        match self.way {
            Way::Rtsp => Publisher::ffmpeg(&url, &media, Transport::Tcp, stack.logs()),
            Way::NewerRtsp => Publisher::newer_ffmpeg(&url, &media, stack.logs()),
            Way::NewerRtmp => Publisher::newer_ffmpeg(&stack.rtmp_url(cname, self.uid), &media, stack.logs()),
            Way::GStreamer(parser) => {
                Publisher::gstreamer_copy(&url, file, [parser, "aacparse"], Transport::Tcp, stack.logs())
            }
        }
    }
}
