use clap::builder::{FalseyValueParser, RangedI64ValueParser};
use clap::{Args, ValueEnum, value_parser};

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
    /// The most users of a channel that are recorded at a time.
    #[arg(long, env = "TAPEDECK_MAX_USERS", value_name = "COUNT", default_value_t = Options::MAX_USERS, value_parser = users())]
    max_users: u16,
    /// The most users that one individual recording takes in all, those who have left included.
    #[arg(long, env = "TAPEDECK_MAX_USERS_IN_ALL", value_name = "COUNT", default_value_t = Options::MAX_USERS_IN_ALL, value_parser = users())]
    max_users_in_all: u16,
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
            max_users: self.max_users.into(),
            max_users_in_all: self.max_users_in_all.into(),
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
        let users = [
            ("--max-users", self.max_users),
            ("--max-users-in-all", self.max_users_in_all),
        ];
        let users = users
            .into_iter()
            .flat_map(|(flag, count)| [flag.to_owned(), count.to_string()]);
        arguments.map(str::to_owned).chain(users).collect()
    }
}

fn users() -> RangedI64ValueParser<u16> {
    value_parser!(u16).range(1..=i64::from(Options::MOST_USERS))
}
