//! The body of `update`.

use protocol::{Secret, Selection};

use super::flavour::Flavour;
use super::subscription;
use crate::input::{FieldError, Fields};
use crate::recording::Renewal;
use crate::store;

/// Whose streams are recorded from now on, and with which keys they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) audio: Option<Selection>,
    pub(super) video: Option<Selection>,
    pub(super) keys: Option<Box<Renewal>>,
}

impl Update {
    /// `now_ms`: Unix milliseconds.
    pub(super) fn read(body: &Fields<'_>, flavour: Flavour, now_ms: u64) -> Result<Self, FieldError> {
        let request = body.require("clientRequest", body.object("clientRequest")?)?;
        for name in ["webRecordingConfig", "rtmpPublishConfig"] {
            if request.get(name).is_some() {
                return Err(request.error(name, "is not offered by this server"));
            }
        }
        let keys = request.object("storageConfig")?;
        let keys = keys.map(|config| renewal(&config, now_ms).map(Box::new)).transpose()?;
        let lists = request.object("streamSubscribe")?;
        let lists = match keys {
            None => Some(request.require("streamSubscribe", lists)?),
            Some(_) => lists,
        };
        let Some(lists) = lists else {
            return Ok(Self {
                audio: None,
                video: None,
                keys,
            });
        };
        let audio = lists.object("audioUidList")?;
        let audio = audio
            .map(|list| subscription::required(&list, &subscription::AUDIO, flavour))
            .transpose()?;
        let video = lists.object("videoUidList")?;
        let video = video
            .map(|list| subscription::required(&list, &subscription::VIDEO, flavour))
            .transpose()?;
        if audio.is_none() && video.is_none() {
            return Err(request.error("streamSubscribe", "must have audioUidList, videoUidList or both"));
        }
        Ok(Self { audio, video, keys })
    }
}

/// New keys of the recording's own bucket. Where the bucket is stays as it was.
fn renewal(config: &Fields<'_>, now_ms: u64) -> Result<Renewal, FieldError> {
    let access_key = store::key(config, "accessKey", store::MAX_KEY_LEN)?;
    let secret_key = store::key(config, "secretKey", store::MAX_KEY_LEN)?;
    let pair = match (access_key, secret_key) {
        (Some(access_key), Some(secret_key)) => Some((access_key.to_owned(), Secret::new(secret_key))),
        (None, None) => None,
        (Some(_), None) => return Err(config.error("secretKey", "is required with accessKey")),
        (None, Some(_)) => return Err(config.error("accessKey", "is required with secretKey")),
    };
    let session_token = store::session_token(config)?.map(Secret::new);
    if pair.is_none() && session_token.is_none() {
        return Err(config.error("stsToken", "is required, or accessKey and secretKey are"));
    }
    Ok(Renewal {
        bucket: config.string("bucket")?.map(str::to_owned),
        pair,
        session_token,
        session_ends_ms: store::session_ends_ms(config, now_ms)?,
    })
}
