//! `extensionServiceConfig`: Alibaba Cloud's video-on-demand service in the bucket's place.

use protocol::{Addressing, Mode, Secret, Storage, StorageKind, VideoDescription};
use serde_json::{Map, Value};

use super::storage_config::{MAX_KEY_LEN, Terms, key};
use crate::input::{FieldError, Fields, base_url};

pub(super) const ALIYUN_VOD: &str = "aliyun_vod_service";
const MAX_SERVICES: usize = 8;

// The service's own limits, in characters.
const MAX_TITLE: usize = 128;
const MAX_DESCRIPTION: usize = 1024;
const MAX_URL: usize = 1024;
const MAX_USER_DATA: usize = 4096;
const MAX_NAME: usize = 256;
const MAX_TAGS: usize = 16;
const MAX_TAG: usize = 32;

/// Regions whose endpoint has their name in it.
const OWN_ENDPOINT: [&str; 10] = [
    "cn-shanghai",
    "cn-beijing",
    "cn-shenzhen",
    "cn-hongkong",
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-5",
    "eu-central-1",
    "us-west-1",
    "me-central-1",
];
/// Older regions, which share one.
const SHARED_ENDPOINT: [&str; 10] = [
    "cn-qingdao",
    "cn-zhangjiakou",
    "cn-huhehaote",
    "cn-wulanchabu",
    "cn-chengdu",
    "us-east-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "eu-west-1",
    "me-east-1",
];

/// Where the recording goes when it is not a bucket, with what this excludes. `None` without the field.
pub(super) fn read(request: &Fields<'_>, mode: Mode, terms: Terms) -> Result<Option<Storage>, FieldError> {
    let Some(config) = request.object("extensionServiceConfig")? else {
        return Ok(None);
    };
    check_policy(&config)?;
    let services = config.require("extensionServices", config.objects("extensionServices", MAX_SERVICES)?)?;
    let mut vod = None;
    for service in &services {
        check_policy(service)?;
        match service.require("serviceName", service.string("serviceName")?)? {
            ALIYUN_VOD if vod.is_some() => return Err(service.error("serviceName", "must not be there twice")),
            ALIYUN_VOD => vod = Some(aliyun(service, terms)?),
            "web_recorder_service" | "rtmp_publish_service" => {
                return Err(service.error("serviceName", "is of mode web, which is not offered by this server"));
            }
            _ => return Err(service.error("serviceName", "must be \"aliyun_vod_service\"")),
        }
    }
    let Some(vod) = vod else {
        return Err(config.error("extensionServices", "must have at least one service"));
    };
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
    Ok(Some(vod))
}

fn check_policy(fields: &Fields<'_>) -> Result<(), FieldError> {
    match fields.string("errorHandlePolicy")? {
        None | Some("error_abort") => Ok(()),
        Some(_) => Err(fields.error("errorHandlePolicy", "must be \"error_abort\"")),
    }
}

fn aliyun(service: &Fields<'_>, terms: Terms) -> Result<Storage, FieldError> {
    let param = service.require("serviceParam", service.object("serviceParam")?)?;
    let access_key = param.require("accessKey", key(&param, "accessKey", MAX_KEY_LEN)?)?;
    let secret_key = param.require("secretKey", key(&param, "secretKey", MAX_KEY_LEN)?)?;
    let region = param.require("regionId", param.string("regionId")?)?;
    let endpoint = endpoint(&param, region, terms)?;
    let data = param.require("apiData", param.object("apiData")?)?;
    let video = data.require("videoData", data.object("videoData")?)?;
    Ok(Storage {
        kind: StorageKind::AliyunVod,
        endpoint,
        region: region.to_owned(),
        addressing: Addressing::default(),
        bucket: String::new(),
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key),
        session_token: None,
        session_ends_ms: None,
        prefix: String::new(),
        encryption: None,
        tags: None,
        video: Some(description(&video)?),
    })
}

/// The service's, or what the customer names instead of it.
fn endpoint(param: &Fields<'_>, region: &str, terms: Terms) -> Result<String, FieldError> {
    let named = param.string("endpoint")?.map(|endpoint| {
        let endpoint = base_url(endpoint, &["https", "http"]).and_then(|url| terms.targets.check(&url).map(|()| url));
        endpoint.map_err(|problem| param.error("endpoint", problem))
    });
    let host = match region {
        "cn-hangzhou" => "cn-shanghai.",
        _ if SHARED_ENDPOINT.contains(&region) => "",
        _ if OWN_ENDPOINT.contains(&region) => &format!("{region}."),
        _ => {
            let problem = format!(
                "must be one of cn-hangzhou, {}, {}",
                OWN_ENDPOINT.join(", "),
                SHARED_ENDPOINT.join(", ")
            );
            return Err(param.error("regionId", problem));
        }
    };
    named.unwrap_or_else(|| Ok(format!("https://vod.{host}aliyuncs.com")))
}

fn description(video: &Fields<'_>) -> Result<VideoDescription, FieldError> {
    let text = |name: &str, most: usize| match video.string(name)? {
        Some(text) if text.chars().count() > most => {
            Err(video.error(name, format!("must have at most {most} characters")))
        }
        text => Ok(text.map(str::to_owned)),
    };
    let category = text("cateId", MAX_NAME)?;
    if category.as_ref().is_some_and(|id| id.parse::<i64>().is_err()) {
        return Err(video.error("cateId", "must hold a whole number"));
    }
    let tags = text("tags", MAX_TAGS * (MAX_TAG + 1))?;
    let too_long = |tag: &str| tag.chars().count() > MAX_TAG;
    if tags
        .as_ref()
        .is_some_and(|tags| tags.split(',').count() > MAX_TAGS || tags.split(',').any(too_long))
    {
        let problem = format!("must be at most {MAX_TAGS} tags of at most {MAX_TAG} characters, with commas between");
        return Err(video.error("tags", problem));
    }
    let user_data = text("userData", MAX_USER_DATA)?;
    let is_object = |text: &String| serde_json::from_str::<Map<String, Value>>(text).is_ok();
    if user_data.as_ref().is_some_and(|text| !is_object(text)) {
        return Err(video.error("userData", "must hold a JSON object"));
    }
    Ok(VideoDescription {
        title: video.require("title", text("title", MAX_TITLE)?)?,
        description: text("description", MAX_DESCRIPTION)?,
        cover_url: text("coverUrl", MAX_URL)?,
        category,
        tags,
        template_group: text("templateGroupId", MAX_NAME)?,
        user_data,
        storage_location: text("storageLocation", MAX_NAME)?,
        workflow: text("workflowId", MAX_NAME)?,
    })
}
