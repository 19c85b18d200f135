//! What query and stop tell of a recording that goes to a video-on-demand service.

use protocol::{EndCause, Phase, ProblemCode, Vod};
use serde::Serialize;

use super::extension_config::ALIYUN_VOD;
use super::uploads::is_uploaded;
use crate::recording::{RecordingView, Status};

/// One entry of `extensionServiceState`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExtensionState {
    payload: Payload,
    service_name: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    /// `inProgress` or `idle`.
    state: &'static str,
    video_info: Vec<VideoInfo>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VideoInfo {
    file_name: String,
    video_id: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubServiceStatus {
    recording_service: &'static str,
}

impl ExtensionState {
    pub(super) fn of(snapshot: &RecordingView, vod: &Vod) -> Self {
        let videos = vod.videos.iter().map(|video| VideoInfo {
            file_name: video.name.clone(),
            video_id: video.video_id.clone(),
        });
        Self {
            payload: Payload {
                state: if is_uploading(snapshot) { "inProgress" } else { "idle" },
                video_info: videos.collect(),
            },
            service_name: ALIYUN_VOD,
        }
    }
}

/// Whether media comes, or has come and is still on its way to the service.
fn is_uploading(snapshot: &RecordingView) -> bool {
    let captures = snapshot.status == Status::Recording && snapshot.idle_since_ms.is_none();
    captures || (snapshot.first_media_ms.is_some() && !is_uploaded(snapshot))
}

impl SubServiceStatus {
    pub(super) fn of(snapshot: &RecordingView) -> Self {
        let has = |code| snapshot.problems.iter().any(|problem| problem.code == code);
        let recording_service = match snapshot.status {
            _ if has(ProblemCode::VodRefused) => "serviceValidationFailed",
            Status::Placing => "serviceIdle",
            Status::Started if snapshot.phase == Some(Phase::Starting) => "serviceStarted",
            Status::Started => "serviceReady",
            _ if snapshot.cause == Some(EndCause::Failed) => "serviceAbnormal",
            Status::Recording | Status::Stopping => "serviceInProgress",
            Status::Ended | Status::Failed if is_uploaded(snapshot) => "serviceCompleted",
            Status::Ended | Status::Failed => "servicePartialCompleted",
        };
        Self { recording_service }
    }
}
