use protocol::Mode;

use crate::input::{FieldError, Fields};

const ALIYUN_VOD: &str = "aliyun_vod_service";
const MAX_SERVICES: usize = 8;

/// Checks `extensionServiceConfig` and what it excludes, then says that it is not offered.
pub(super) fn check(request: &Fields<'_>, mode: Mode) -> Result<(), FieldError> {
    let Some(config) = request.object("extensionServiceConfig")? else {
        return Ok(());
    };
    check_policy(&config)?;
    let services = config.require("extensionServices", config.objects("extensionServices", MAX_SERVICES)?)?;
    if services.is_empty() {
        return Err(config.error("extensionServices", "must have at least one service"));
    }
    for service in &services {
        check_policy(service)?;
        match service.require("serviceName", service.string("serviceName")?)? {
            ALIYUN_VOD => check_aliyun(service)?,
            "web_recorder_service" | "rtmp_publish_service" => {
                return Err(service.error("serviceName", "is of mode web, which is not offered by this server"));
            }
            _ => return Err(service.error("serviceName", "must be \"aliyun_vod_service\"")),
        }
    }
    if mode != Mode::Mix {
        return Err(request.error("extensionServiceConfig", "must not be set unless the mode is mix"));
    }
    for name in ["snapshotConfig", "storageConfig"] {
        if request.get(name).is_some() {
            return Err(request.error(
                "extensionServiceConfig",
                format!("must not be set together with {name}"),
            ));
        }
    }
    Err(request.error("extensionServiceConfig", "is not offered by this server"))
}

fn check_policy(fields: &Fields<'_>) -> Result<(), FieldError> {
    match fields.string("errorHandlePolicy")? {
        None | Some("error_abort") => Ok(()),
        Some(_) => Err(fields.error("errorHandlePolicy", "must be \"error_abort\"")),
    }
}

fn check_aliyun(service: &Fields<'_>) -> Result<(), FieldError> {
    let param = service.require("serviceParam", service.object("serviceParam")?)?;
    for name in ["accessKey", "secretKey", "regionId"] {
        param.require(name, param.string(name)?)?;
    }
    let data = param.require("apiData", param.object("apiData")?)?;
    let video = data.require("videoData", data.object("videoData")?)?;
    video.require("title", video.string("title")?)?;
    for name in [
        "description",
        "coverUrl",
        "cateId",
        "tags",
        "templateGroupId",
        "userData",
        "storageLocation",
        "workflowId",
    ] {
        video.string(name)?;
    }
    Ok(())
}
