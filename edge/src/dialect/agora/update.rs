//! The bodies of `update` and `updateLayout`.

use protocol::Selection;

use super::subscription;
use crate::access::Flavour;
use crate::input::{FieldError, Fields};

/// Whose streams are recorded from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) audio: Option<Selection>,
    pub(super) video: Option<Selection>,
}

impl Update {
    pub(super) fn read(body: &Fields<'_>, flavour: Flavour) -> Result<Self, FieldError> {
        let request = body.require("clientRequest", body.object("clientRequest")?)?;
        for name in ["webRecordingConfig", "rtmpPublishConfig", "storageConfig"] {
            if request.get(name).is_some() {
                return Err(request.error(name, "is not offered by this server"));
            }
        }
        let lists = request.require("streamSubscribe", request.object("streamSubscribe")?)?;
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
        Ok(Self { audio, video })
    }
}
