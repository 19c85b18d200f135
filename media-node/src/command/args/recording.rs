use clap::builder::{FalseyValueParser, RangedI64ValueParser};
use clap::{Args, ValueEnum, value_parser};

use super::encoders::EncoderArgs;
use crate::capture::Transport;
use crate::mix::{self, MixOptions};
use crate::outbound::Targets;
use crate::record::Options;
use crate::stream::PictureLimit;

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

    /// Which servers may be connected to, as arguments.
    pub(in crate::command) fn target_arguments(&self) -> Vec<String> {
        let private = self.capture.allow_private_targets.then_some("--allow-private-targets");
        private.map(str::to_owned).into_iter().collect()
    }

    /// For a process that joins files: which servers it may connect to, and how it encodes.
    pub(in crate::command) fn joining_arguments(&self) -> Vec<String> {
        [self.target_arguments(), self.encoders.as_arguments()].concat()
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
    /// The largest pictures that are decoded, for mixes and snapshots: the area counts, in whatever shape.
    #[arg(long, env = "TAPEDECK_MAX_PICTURE", value_name = "WIDTHxHEIGHT", default_value = "7680x4320", value_parser = picture_limit)]
    max_picture: PictureLimit,
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
            max_users: self.max_users.into(),
            max_users_in_all: self.max_users_in_all.into(),
            picture_limit: self.max_picture,
            mix: MixOptions {
                picture_limit: self.max_picture,
                ..mix
            },
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
        let size = format!("{}x{}", self.max_picture.width(), self.max_picture.height());
        let arguments = ["--transport", name, "--max-picture", &size].into_iter().chain(private);
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

/// Reads `7680x4320`. Nothing smaller than a macroblock is coded.
fn picture_limit(text: &str) -> Result<PictureLimit, String> {
    let sides = text.split_once('x').and_then(|(width, height)| {
        let side = |text: &str| text.parse().ok().filter(|side| (16..=32_768).contains(side));
        Some((side(width)?, side(height)?))
    });
    let (width, height) = sides.ok_or("it has to be WIDTHxHEIGHT, with sides of 16 to 32768 pixels")?;
    Ok(PictureLimit::new(width, height))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        recording: RecordingArgs,
    }

    fn options(arguments: &[String]) -> Options {
        let name = "node".to_owned();
        let program = Program::try_parse_from(std::iter::once(&name).chain(arguments)).unwrap();
        program.recording.options().unwrap()
    }

    #[test]
    fn a_recording_s_process_decodes_what_its_node_decodes() {
        let arguments = ["--max-picture", "1920x1088"].map(str::to_owned);
        let node = Program::try_parse_from(["node".to_owned()].iter().chain(&arguments)).unwrap();
        let of_process = options(&node.recording.as_arguments());
        assert_eq!(of_process.picture_limit, PictureLimit::new(1920, 1088));
        assert_eq!(of_process.mix.picture_limit, of_process.picture_limit);
        assert_eq!(options(&[]).picture_limit, PictureLimit::default());
        for text in ["1920", "0x100", "1920x-1", "99999x16", "x"] {
            assert!(picture_limit(text).is_err(), "{text}");
        }
    }
}
