use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use super::encoders::EncoderArgs;
use crate::capture::Transport;
use crate::mix::{self, MixOptions};
use crate::outbound::Targets;
use crate::record::Options;

/// How channels are recorded.
#[derive(Args, Clone, Debug)]
pub(in crate::command) struct RecordingArgs {
    #[command(flatten)]
    capture: CaptureArgs,
    #[command(flatten)]
    encoders: EncoderArgs,
}

impl RecordingArgs {
    pub(in crate::command) fn options(&self) -> Result<Options, String> {
        Ok(self.capture.options(self.encoders.options()?))
    }

    /// Tries the encoders of mixes.
    ///
    /// # Errors
    /// When the operator has chosen one that this machine does not have.
    pub(in crate::command) fn try_encoders(&self, options: &MixOptions) -> Result<(), String> {
        match mix::try_encoders(options) {
            Err(error) if self.encoders.are_chosen() => Err(format!(
                "{error}: are TAPEDECK_VIDEO_ENCODER and its options right for this machine?"
            )),
            Err(error) => {
                tracing::warn!(%error, "mixed recordings will be refused; TAPEDECK_VIDEO_ENCODER chooses another encoder");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// For a process that records with the same options.
    pub(in crate::command) fn as_arguments(&self) -> Vec<String> {
        [self.capture.as_arguments(), self.encoders.as_arguments()].concat()
    }
}

#[derive(Args, Clone, Copy, Debug)]
struct CaptureArgs {
    /// How media is fetched: over the RTSP connection, or over UDP, where packets that arrive out of order are lost.
    #[arg(long, env = "TAPEDECK_CAPTURE_TRANSPORT", default_value = "tcp")]
    transport: TransportName,
    /// Also connect to private, loopback and link-local addresses if a customer names them: stores, images.
    #[arg(long, env = "TAPEDECK_ALLOW_PRIVATE_TARGETS", value_parser = FalseyValueParser::new())]
    allow_private_targets: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TransportName {
    Tcp,
    Udp,
}

impl CaptureArgs {
    fn options(self, mix: MixOptions) -> Options {
        let transport = match self.transport {
            TransportName::Tcp => Transport::Tcp,
            TransportName::Udp => Transport::Udp,
        };
        Options {
            transport,
            targets: match self.allow_private_targets {
                true => Targets::Any,
                false => Targets::Public,
            },
            mix,
            ..Options::default()
        }
    }

    /// For a process that records with the same options.
    fn as_arguments(self) -> Vec<String> {
        let name = match self.transport {
            TransportName::Tcp => "tcp",
            TransportName::Udp => "udp",
        };
        let private = self.allow_private_targets.then_some("--allow-private-targets");
        let arguments = ["--transport", name].into_iter().chain(private);
        arguments.map(str::to_owned).collect()
    }
}
