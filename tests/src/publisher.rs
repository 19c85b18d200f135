//! Users of a channel: FFmpeg and GStreamer as child processes that publish over RTSP and RTMP until they are dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use tokio::process::{Child, Command};

use crate::stack::node_program;
use crate::{frames, sync};

/// How RTP travels.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What FFmpeg makes and sends.
#[derive(Clone, Debug)]
pub struct Media {
    inputs: Vec<String>,
    coding: Vec<String>,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn replace(words: &mut [String], old: &str, new: &str) {
    words
        .iter_mut()
        .filter(|word| *word == old)
        .for_each(|word| *word = new.to_owned());
}

impl Media {
    /// A moving test picture of `width` × `height` at 25 frames a second with a key frame each second, encoded by x264 as
    /// FFmpeg does by default, B-frames included, and a tone.
    pub fn picture_and_tone(width: u32, height: u32) -> Self {
        let picture = Self::picture_only(width, height);
        let tone = Self::tone_only();
        Self {
            inputs: [picture.inputs, tone.inputs].concat(),
            coding: [picture.coding, tone.coding].concat(),
        }
    }

    pub fn picture_only(width: u32, height: u32) -> Self {
        let inputs = words(&format!("-re -f lavfi -i testsrc2=size={width}x{height}:rate=25"));
        Self {
            inputs,
            coding: words("-c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p"),
        }
    }

    pub fn tone_only() -> Self {
        let inputs = words("-re -f lavfi -i sine=frequency=440:sample_rate=48000");
        Self {
            inputs,
            coding: words("-c:a aac -b:a 64k"),
        }
    }

    /// A tone of its own frequency, sampled and coded as these words of FFmpeg say.
    pub fn tone_in(frequency: u32, rate: u32, coding: &str) -> Self {
        Self {
            inputs: words(&format!(
                "-re -f lavfi -i sine=frequency={frequency}:sample_rate={rate}"
            )),
            coding: words(coding),
        }
    }

    /// A picture of one colour, in FFmpeg's words, and a tone of its own frequency.
    pub fn plain_and_tone(colour: &str, frequency: u32) -> Self {
        let picture = format!("-re -f lavfi -i color=c={colour}:s=320x180:r=15");
        let tone = format!("-re -f lavfi -i sine=frequency={frequency}:sample_rate=48000");
        Self {
            inputs: [words(&picture), words(&tone)].concat(),
            coding: words("-c:v libx264 -preset ultrafast -g 15 -pix_fmt yuv420p -c:a aac -b:a 64k"),
        }
    }

    /// Frames with their numbers in them, a key frame each second, and a tone.
    pub fn numbered_frames() -> Self {
        let tone = Self::tone_only();
        let mut inputs = words("-re -f lavfi -i");
        inputs.push(frames::source());
        inputs.extend(tone.inputs);
        Self {
            inputs,
            coding: [
                words("-c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p"),
                tone.coding,
            ]
            .concat(),
        }
    }

    /// A flash and a beep at each full second.
    pub fn flash_and_beep() -> Self {
        let mut inputs = words("-re -f lavfi -i");
        inputs.push(sync::FLASH.to_owned());
        inputs.extend(words("-re -f lavfi -i"));
        inputs.push(sync::BEEP.to_owned());
        Self {
            inputs,
            coding: words("-c:v libx264 -g 50 -pix_fmt yuv420p -c:a aac -b:a 64k"),
        }
    }

    /// With its picture coded so, in FFmpeg's words, and its sound as before.
    pub fn with_video(mut self, coding: &str) -> Self {
        let sound = self.coding.iter().position(|word| word == "-c:a");
        let sound = self.coding.split_off(sound.unwrap_or(self.coding.len()));
        self.coding = [words(coding), sound].concat();
        self
    }

    /// With its flashes on this colour, in FFmpeg's words: none that is as bright.
    pub fn on(mut self, colour: &str) -> Self {
        let flash = sync::FLASH.replace("c=black", &format!("c={colour}"));
        replace(&mut self.inputs, sync::FLASH, &flash);
        self
    }

    /// The same with Opus in place of AAC.
    pub fn flash_and_opus_beep() -> Self {
        Self::flash_and_beep().in_opus()
    }

    pub fn in_opus(mut self) -> Self {
        replace(&mut self.coding, "aac", "libopus");
        self
    }

    /// With its beep at this frequency, so that it can be told from those of others in one sound.
    pub fn beeping_at(mut self, frequency: u32) -> Self {
        replace(&mut self.inputs, sync::BEEP, &sync::beep(frequency));
        self
    }

    /// Sent by a clock that runs `factor` times as fast as ours.
    pub fn paced(mut self, factor: f64) -> Self {
        let paced = |word: String| match word.as_str() {
            "-re" => vec!["-readrate".to_owned(), factor.to_string()],
            _ => vec![word],
        };
        self.inputs = self.inputs.into_iter().flat_map(paced).collect();
        self
    }

    /// The options by which FFmpeg makes `seconds` of this into a file, as fast as it can.
    pub fn file_options(&self, seconds: u64) -> Vec<String> {
        let inputs = self.inputs.iter().filter(|word| *word != "-re").cloned();
        let mut options: Vec<_> = inputs.chain(self.coding.iter().cloned()).collect();
        options.extend(words(&format!("-t {seconds}")));
        options
    }

    /// The options by which FFmpeg makes this at its own pace.
    pub fn live_options(&self) -> Vec<String> {
        [self.inputs.clone(), self.coding.clone()].concat()
    }

    /// The packets of a file, sent once, at the pace of their timestamps.
    pub fn file(path: &str) -> Self {
        Self {
            inputs: words(&format!("-re -i {path}")),
            coding: words("-c copy"),
        }
    }

    /// Encoded frame by frame: nothing waits in the encoder, so what was sent is known to within a frame.
    pub fn without_delay(mut self) -> Self {
        self.coding.extend(words("-preset ultrafast -tune zerolatency"));
        self
    }
}

/// One running publisher; dropped, it is killed.
pub struct Publisher {
    child: Child,
    log: PathBuf,
}

impl Publisher {
    /// Sends `media` to the RTSP `url` by FFmpeg. Its complaints go to a file of `logs`.
    pub fn ffmpeg(url: &str, media: &Media, transport: Transport, logs: &std::path::Path) -> Self {
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-hide_banner", "-v", "warning"])
            .args(&media.inputs)
            .args(&media.coding);
        command.args(["-f", "rtsp", "-rtsp_transport", transport.as_str(), url]);
        Self::spawn(command, logs, "ffmpeg")
    }

    /// Sends `media` to the RTMP `url` by FFmpeg.
    pub fn ffmpeg_by_rtmp(url: &str, media: &Media, logs: &Path) -> Self {
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-hide_banner", "-v", "warning"])
            .args(&media.inputs)
            .args(&media.coding)
            .args(["-f", "flv", url]);
        Self::spawn(command, logs, "ffmpeg")
    }

    /// Sends `media` to the RTSP, RTMP or RTMPS `url` by an FFmpeg that is newer than Debian's: that one does not send AV1.
    pub fn newer_ffmpeg(url: &str, media: &Media, logs: &Path) -> Self {
        let mut command = Command::new(newer_ffmpeg());
        command
            .args(["-nostdin", "-hide_banner", "-v", "warning"])
            .args(&media.inputs)
            .args(&media.coding);
        match url.starts_with("rtsp") {
            true => command.args(["-strict", "experimental", "-f", "rtsp", "-rtsp_transport", "tcp"]),
            false => command.args(["-f", "flv"]),
        };
        command.arg(url);
        Self::spawn(command, logs, "ffmpeg")
    }

    /// Sends a test picture and a tone to the RTMP `url` by GStreamer.
    pub fn gstreamer_by_rtmp(url: &str, logs: &Path) -> Self {
        let pipeline = format!(
            "flvmux name=mux streamable=true ! rtmp2sink location={url} \
             videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 \
             ! x264enc key-int-max=25 bitrate=400 ! video/x-h264,profile=main ! h264parse ! mux. \
             audiotestsrc is-live=true freq=880 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! mux."
        );
        let mut command = Command::new("gst-launch-1.0");
        command.arg("-q").args(pipeline.split_whitespace());
        Self::spawn(command, logs, "gstreamer")
    }

    /// Sends a test picture and a tone to the RTSP `url` by GStreamer's `rtspclientsink`.
    pub fn gstreamer(url: &str, transport: Transport, logs: &std::path::Path) -> Self {
        let pipeline = format!(
            "rtspclientsink name=sink protocols={} location={url} \
             videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 \
             ! x264enc tune=zerolatency key-int-max=25 bitrate=400 ! video/x-h264,profile=main ! h264parse ! sink. \
             audiotestsrc is-live=true freq=880 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! sink.",
            transport.as_str()
        );
        let mut command = Command::new("gst-launch-1.0");
        command.arg("-q").args(pipeline.split_whitespace());
        // AAC as RFC 3640 has it, which is also what FFmpeg sends.
        command.env("GST_PLUGIN_FEATURE_RANK", "rtpmp4gpay:MAX");
        Self::spawn(command, logs, "gstreamer")
    }

    /// Sends a tone as loud as FFmpeg's to the RTSP `url` by GStreamer; `coding`: from the format of its samples to its coder.
    pub fn gstreamer_tone(
        url: &str,
        frequency: u32,
        coding: &str,
        transport: Transport,
        logs: &std::path::Path,
    ) -> Self {
        let pipeline = format!(
            "rtspclientsink name=sink protocols={} location={url} \
             audiotestsrc is-live=true freq={frequency} volume=0.125 ! {coding} ! sink.",
            transport.as_str()
        );
        let mut command = Command::new("gst-launch-1.0");
        command.arg("-q").args(pipeline.split_whitespace());
        Self::spawn(command, logs, "gstreamer")
    }

    /// Sends the H.264 and the Opus of a Matroska file to the RTSP `url` by GStreamer, at the pace of their timestamps.
    pub fn gstreamer_file(url: &str, file: &std::path::Path, transport: Transport, logs: &std::path::Path) -> Self {
        Self::gstreamer_copy(url, file, ["h264parse", "opusparse"], transport, logs)
    }

    /// The same with any picture and sound; `parsers`: GStreamer's elements for them.
    pub fn gstreamer_copy(
        url: &str,
        file: &std::path::Path,
        parsers: [&str; 2],
        transport: Transport,
        logs: &std::path::Path,
    ) -> Self {
        let [video, audio] = parsers;
        let pipeline = format!(
            "rtspclientsink name=sink protocols={} location={url} \
             filesrc location={} ! matroskademux name=file \
             file.video_0 ! queue ! {video} ! identity sync=true ! sink. \
             file.audio_0 ! queue ! {audio} ! identity sync=true ! sink.",
            transport.as_str(),
            file.display()
        );
        let mut command = Command::new("gst-launch-1.0");
        command.arg("-q").args(pipeline.split_whitespace());
        // AAC as RFC 3640 has it, which is also what FFmpeg sends.
        command.env("GST_PLUGIN_FEATURE_RANK", "rtpmp4gpay:MAX");
        Self::spawn(command, logs, "gstreamer")
    }

    /// Sends a file once, encrypted in a mode of docs/encryption.md, to the RTSP `url` by `media-node publish`.
    pub fn encrypted(url: &str, file: &Path, mode: &str, secret_file: &Path, logs: &Path) -> Self {
        let mut command = Command::new(node_program());
        command.args(["publish", "--url", url, "--encrypt", mode, "--input"]);
        command.arg(file).arg("--secret-file").arg(secret_file);
        Self::spawn(command, logs, "publish")
    }

    fn spawn(mut command: Command, logs: &std::path::Path, program: &str) -> Self {
        let (file, log) = tempfile::Builder::new()
            .prefix(program)
            .suffix(".log")
            .tempfile_in(logs)
            .and_then(|file| file.keep().map_err(Into::into))
            .expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::from(clone(&file)))
            .stderr(Stdio::from(file))
            .kill_on_drop(true)
            .spawn()
            .expect("the publisher starts");
        Self { child, log }
    }

    /// Kills it: no TEARDOWN, no last packets.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the publisher can be killed");
    }

    /// Ends it as a user who leaves does: the session is torn down.
    pub async fn leave(mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().expect("it runs").try_into().expect("a pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it runs");
        let limit = std::time::Duration::from_secs(5);
        tokio::time::timeout(limit, self.child.wait())
            .await
            .expect("the publisher leaves when asked")
            .expect("a child");
    }

    /// Waits until it ends by itself in failure, and returns what it said.
    ///
    /// # Panics
    /// When it does not end within `limit`, or ends well.
    pub async fn ended(&mut self, limit: std::time::Duration) -> String {
        let ended = tokio::time::timeout(limit, self.child.wait()).await;
        let status = ended.expect("the publisher ends").expect("a child");
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        assert!(!status.success(), "the publisher ended well: {said}");
        said
    }

    /// # Panics
    /// When it has ended by itself, with what it last said.
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child") {
            panic!(
                "the publisher ended ({status}): {}",
                std::fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}

/// An FFmpeg that is newer than Debian's: the program that a Python package of the tests brings.
pub fn newer_ffmpeg() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let output = std::process::Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python/bin/python3"))
            .args(["-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"])
            .output()
            .expect("python3 runs; scripts/setup --tests installs it");
        let said = String::from_utf8(output.stdout).expect("a path");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        said.trim().into()
    })
}

fn clone(file: &File) -> File {
    file.try_clone().expect("a file descriptor")
}
