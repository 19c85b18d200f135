use protocol::Subscription;
use serde_json::Value;

use super::subscription;
use crate::input::{FieldError, Fields};

const DEFAULT_IDLE_S: u64 = 30;

/// `recordingConfig` in individual mode.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecordingConfig {
    pub(super) subscription: Subscription,
    pub(super) max_idle_s: u64,
    /// `correctEXTINF` of `privateParams`.
    pub(super) correct_extinf: Option<bool>,
}

impl RecordingConfig {
    pub(super) fn read(config: &Fields<'_>) -> Result<Self, FieldError> {
        config.integer("channelType", 0..=1)?;
        for name in ["transcodingConfig", "audioProfile"] {
            if config.get(name).is_some() {
                return Err(config.error(name, "must not be set in individual mode"));
            }
        }
        refuse_what_is_not_offered(config)?;
        let group = config.integer("subscribeUidGroup", 0..=5)?;
        if group.is_none() {
            let problem = "is required in individual mode: 0 for 1-2 users, 1 for 3-7, 2 for 8-12, 3 for 13-17, 4 for 18-32, 5 for 33-49";
            return Err(config.error("subscribeUidGroup", problem));
        }
        Ok(Self {
            subscription: subscription::read(config)?,
            max_idle_s: config.integer("maxIdleTime", 5..=2_592_000)?.unwrap_or(DEFAULT_IDLE_S),
            correct_extinf: correct_extinf(config)?,
        })
    }
}

fn refuse_what_is_not_offered(config: &Fields<'_>) -> Result<(), FieldError> {
    if config.integer("decryptionMode", 0..=8)?.unwrap_or(0) != 0 {
        return Err(config.error("decryptionMode", "must be 0: this server does not decrypt channels"));
    }
    if config.integer("videoStreamType", 0..=1)?.unwrap_or(0) != 0 {
        return Err(config.error("videoStreamType", "must be 0: this server does not record low streams"));
    }
    match config.string("streamMode")? {
        None | Some("default") => Ok(()),
        Some(_) => Err(config.error("streamMode", "must be \"default\": this server offers no other")),
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
