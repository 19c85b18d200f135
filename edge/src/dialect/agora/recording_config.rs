use protocol::Subscription;
use serde_json::Value;

use super::mode::Mode;
use super::{subscription, transcoding};
use crate::access::Flavour;
use crate::input::{FieldError, Fields};

const DEFAULT_IDLE_S: u64 = 30;
/// The schemes that add a salt to the secret.
const SALTED: [u64; 2] = [7, 8];

/// `recordingConfig`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecordingConfig {
    pub(super) subscription: Subscription,
    pub(super) max_idle_s: u64,
    /// `correctEXTINF` of `privateParams`.
    pub(super) correct_extinf: Option<bool>,
}

impl RecordingConfig {
    pub(super) fn read(config: &Fields<'_>, mode: Mode, flavour: Flavour) -> Result<Self, FieldError> {
        config.integer("channelType", 0..=1)?;
        let group = config.integer("subscribeUidGroup", 0..=5)?;
        match mode {
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
            }
            Mode::Mix => {
                if config.get("streamMode").is_some() {
                    return Err(config.error("streamMode", "must not be set unless the mode is individual"));
                }
                transcoding::check(config, flavour)?;
            }
        }
        check_encryption(config)?;
        check_streams(config)?;
        Ok(Self {
            subscription: subscription::read(config, flavour)?,
            max_idle_s: config.integer("maxIdleTime", 5..=2_592_000)?.unwrap_or(DEFAULT_IDLE_S),
            correct_extinf: correct_extinf(config)?,
        })
    }
}

fn check_encryption(config: &Fields<'_>) -> Result<(), FieldError> {
    let scheme = config.integer("decryptionMode", 0..=8)?.unwrap_or(0);
    let (secret, salt) = (config.string("secret")?, config.string("salt")?);
    if scheme == 0 {
        return Ok(());
    }
    config.require("secret", secret)?;
    if SALTED.contains(&scheme) {
        config.require("salt", salt)?;
    }
    Err(config.error("decryptionMode", "must be 0: this server does not decrypt channels"))
}

fn check_streams(config: &Fields<'_>) -> Result<(), FieldError> {
    if config.integer("videoStreamType", 0..=1)?.unwrap_or(0) != 0 {
        return Err(config.error("videoStreamType", "must be 0: this server does not record low streams"));
    }
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
    let Ok(Value::Object(params)) = serde_json::from_str(text) else {
        return Err(config.error("privateParams", "must be a string that holds a JSON object"));
    };
    match params.get("correctEXTINF") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(correct)) => Ok(Some(*correct)),
        Some(_) => Err(config.error("privateParams", "must have true or false for correctEXTINF")),
    }
}
