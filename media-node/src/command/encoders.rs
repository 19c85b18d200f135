use clap::Args;

use crate::media::VideoEncoderChoice;
use crate::record::MixOptions;

/// The encoders of mixed recordings.
#[derive(Args, Clone, Debug)]
pub(super) struct EncoderArgs {
    /// FFmpeg's name of an H.264 encoder.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER", default_value = "libx264")]
    video_encoder: String,
    /// Options of the encoder in FFmpeg's words, `name=value` with colons between them. Default for libx264:
    /// `preset=veryfast`.
    #[arg(long, env = "TAPEDECK_VIDEO_ENCODER_OPTIONS")]
    video_encoder_options: Option<String>,
    /// Threads of the video encoder; with two it works beside the decoders.
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
    pub(super) fn options(&self) -> Result<MixOptions, String> {
        let options = match &self.video_encoder_options {
            Some(options) => options
                .split(':')
                .filter(|part| !part.is_empty())
                .map(pair)
                .collect::<Result<_, _>>()?,
            None if self.video_encoder == "libx264" => VideoEncoderChoice::default().options,
            None => Vec::new(),
        };
        Ok(MixOptions {
            jitter_us: i64::from(self.jitter_ms) * 1000,
            video_encoder: VideoEncoderChoice {
                name: self.video_encoder.clone(),
                threads: self.video_encoder_threads,
                options,
            },
            audio_encoder: self.audio_encoder.clone(),
            workers: self.workers.max(1),
        })
    }

    /// For a process that mixes with the same options.
    pub(super) fn as_arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            ("--video-encoder", self.video_encoder.clone()),
            ("--video-encoder-threads", self.video_encoder_threads.to_string()),
            ("--mix-threads", self.workers.to_string()),
            ("--audio-encoder", self.audio_encoder.clone()),
            ("--jitter-ms", self.jitter_ms.to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
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
