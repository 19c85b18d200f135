use protocol::{ChannelType, Cipher, Decryption, MixOutput, Mode, Scene, Secret, Subscription};
use serde_json::Value;

use super::flavour::Flavour;
use super::{subscription, transcoding};
use crate::input::{FieldError, Fields, Targets};

const DEFAULT_IDLE_S: u64 = 30;
/// The limit of the older documents, for clients that mean never; the newest have 30 days.
const MAX_IDLE_S: u64 = u32::MAX as u64;

/// `recordingConfig`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecordingConfig {
    pub(super) channel_type: ChannelType,
    pub(super) subscription: Subscription,
    /// The picture of mode mix.
    pub(super) picture: Option<(MixOutput, Scene)>,
    pub(super) decryption: Option<Decryption>,
    pub(super) max_idle_s: u64,
    /// `correctEXTINF` of `privateParams`.
    pub(super) correct_extinf: Option<bool>,
}

impl RecordingConfig {
    pub(super) fn read(
        config: &Fields<'_>,
        mode: Mode,
        flavour: Flavour,
        targets: Targets,
    ) -> Result<Self, FieldError> {
        let channel_type = match config.integer("channelType", 0..=1)? {
            Some(1) => ChannelType::Live,
            _ => ChannelType::Communication,
        };
        let group = config.integer("subscribeUidGroup", 0..=5)?;
        let picture = match mode {
            Mode::Individual => {
                for name in ["transcodingConfig", "audioProfile"] {
                    if config.get(name).is_some() {
                        return Err(config.error(name, "must not be set in individual mode"));
                    }
                }
                if group.is_none() {
                    let problem = "is required in individual mode: 0 for 1-2 users, 1 for 3-7, 2 for 8-12, 3 for 13-17, 4 for 18-32, 5 for 33-49";
                    return Err(config.error("subscribeUidGroup", problem));
                }
                None
            }
            Mode::Mix => {
                if config.get("streamMode").is_some() {
                    return Err(config.error("streamMode", "must not be set unless the mode is individual"));
                }
                Some(transcoding::read(config, flavour, targets)?)
            }
        };
        let decryption = decryption(config)?;
        check_stream_mode(config)?;
        Ok(Self {
            channel_type,
            subscription: subscription::read(config, flavour)?,
            picture,
            decryption,
            max_idle_s: config.integer("maxIdleTime", 5..=MAX_IDLE_S)?.unwrap_or(DEFAULT_IDLE_S),
            correct_extinf: correct_extinf(config)?,
        })
    }
}

fn decryption(config: &Fields<'_>) -> Result<Option<Decryption>, FieldError> {
    let cipher = match config.integer("decryptionMode", 0..=8)? {
        None | Some(0) => None,
        Some(1) => Some(Cipher::Aes128Xts),
        Some(2) => Some(Cipher::Aes128Ecb),
        Some(3) => Some(Cipher::Aes256Xts),
        Some(_) => return Err(config.error("decryptionMode", "must be 0 to 3: this server offers no other")),
    };
    let secret = config.string("secret")?;
    let decryption = |cipher| {
        Ok(Decryption {
            cipher,
            secret: Secret::new(config.require("secret", secret)?),
        })
    };
    cipher.map(decryption).transpose()
}

fn check_stream_mode(config: &Fields<'_>) -> Result<(), FieldError> {
    match config.string("streamMode")? {
        None | Some("default") => Ok(()),
        Some("standard" | "original") => {
            Err(config.error("streamMode", "must be \"default\": this server offers no other"))
        }
        Some(_) => Err(config.error("streamMode", "must be \"default\", \"standard\" or \"original\"")),
    }
}

/// `privateParams` is a string that holds JSON.
fn correct_extinf(config: &Fields<'_>) -> Result<Option<bool>, FieldError> {
    let Some(text) = config.string("privateParams")? else {
        return Ok(None);
    };
    let Ok(Value::Object(params)) = serde_json::from_slice(text.as_bytes()) else {
        return Err(config.error("privateParams", "must be a string that holds a JSON object"));
    };
    match params.get("correctEXTINF") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(correct)) => Ok(Some(*correct)),
        Some(_) => Err(config.error("privateParams", "must have true or false for correctEXTINF")),
    }
}
