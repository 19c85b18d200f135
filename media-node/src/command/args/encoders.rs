use clap::Args;

use crate::media::VideoEncoderChoice;
use crate::mix::MixOptions;

/// The encoders of mixed recordings.
#[derive(Args, Clone, Debug)]
pub(in crate::command) struct EncoderArgs {
    /// FFmpeg's name of an H.264 encoder. Default: libx264.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER")]
    video_encoder: Option<String>,
    /// Options of the encoder as FFmpeg names them, `name=value` separated by colons. Default for libx264:
    /// `preset=veryfast`.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER_OPTIONS")]
    video_encoder_options: Option<String>,
    /// Threads of the video encoder; with two it works in parallel with the decoders.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER_THREADS", default_value_t = 2)]
    video_encoder_threads: usize,
    /// Threads that decode and scale, for channels with several users.
    #[arg(long = "mix-threads", env = "TAPEDECK_MIX_THREADS", default_value_t = 2)]
    workers: usize,
    /// FFmpeg's name of an AAC encoder.
    #[arg(long, env = "TAPEDECK_AUDIO_ENCODER", default_value = "aac")]
    audio_encoder: String,
    /// How long to wait for late packets, in milliseconds.
    #[arg(long, env = "TAPEDECK_JITTER_MS", default_value_t = 500)]
    jitter_ms: u32,
}

impl EncoderArgs {
    /// Whether the operator has chosen an encoder; else a machine without the usual ones may do without mixes.
    pub(in crate::command) fn are_chosen(&self) -> bool {
        self.video_encoder.is_some() || self.video_encoder_options.is_some()
    }

    pub(in crate::command) fn options(&self) -> Result<MixOptions, String> {
        let usual = VideoEncoderChoice::default();
        let name = self.video_encoder.clone().unwrap_or(usual.name.clone());
        let options = match &self.video_encoder_options {
            Some(options) => options
                .split(':')
                .filter(|part| !part.is_empty())
                .map(pair)
                .collect::<Result<_, _>>()?,
            None if name == usual.name => usual.options,
            None => Vec::new(),
        };
        Ok(MixOptions {
            jitter_us: i64::from(self.jitter_ms) * 1000,
            video_encoder: VideoEncoderChoice {
                name,
                threads: self.video_encoder_threads,
                options,
            },
            audio_encoder: self.audio_encoder.clone(),
            workers: self.workers.max(1),
            ..MixOptions::default()
        })
    }

    /// For a process that mixes with the same options.
    pub(in crate::command) fn as_arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            ("--video-encoder-threads", self.video_encoder_threads.to_string()),
            ("--mix-threads", self.workers.to_string()),
            ("--audio-encoder", self.audio_encoder.clone()),
            ("--jitter-ms", self.jitter_ms.to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
        if let Some(name) = &self.video_encoder {
            arguments.extend(["--video-encoder".to_owned(), name.clone()]);
        }
        if let Some(options) = &self.video_encoder_options {
            arguments.push(format!("--video-encoder-options={options}"));
        }
        arguments
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("encoder option {text}: no value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        encoders: EncoderArgs,
    }

    fn parse(arguments: &[&str]) -> EncoderArgs {
        let arguments = std::iter::once(&"node").chain(arguments);
        Program::try_parse_from(arguments).unwrap().encoders
    }

    #[test]
    fn the_usual_encoder_has_a_preset_and_others_the_options_that_are_given() {
        let choice = |arguments| parse(arguments).options().unwrap().video_encoder;
        assert_eq!(choice(&[]), VideoEncoderChoice::default());
        let nvenc = choice(&["--video-encoder", "h264_nvenc"]);
        assert_eq!((nvenc.name.as_str(), nvenc.options), ("h264_nvenc", Vec::new()));
        let options = choice(&[
            "--video-encoder",
            "h264_vaapi",
            "--video-encoder-options",
            "qp=23:profile=main",
        ])
        .options;
        let options: Vec<_> = options.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(options, [("qp", "23"), ("profile", "main")]);
        assert!(parse(&["--video-encoder-options", "preset"]).options().is_err());
    }

    #[test]
    fn a_process_that_mixes_gets_the_same_options() {
        for arguments in [
            &[][..],
            &[
                "--video-encoder",
                "h264_nvenc",
                "--video-encoder-options",
                "preset=p4",
                "--jitter-ms",
                "250",
            ],
            &[
                "--video-encoder-threads",
                "1",
                "--mix-threads",
                "3",
                "--audio-encoder",
                "libfdk_aac",
            ],
        ] {
            let own = parse(arguments);
            let passed = own.as_arguments();
            let passed: Vec<&str> = passed.iter().map(String::as_str).collect();
            let of_child = parse(&passed);
            let both = [&own, &of_child].map(|args| args.options().unwrap());
            assert_eq!(format!("{:?}", both[0]), format!("{:?}", both[1]));
            assert_eq!(own.are_chosen(), of_child.are_chosen());
        }
    }
}
