//! `extensionServiceConfig`: Alibaba Cloud's video-on-demand service in the bucket's place.

use std::collections::BTreeMap;

use protocol::{Addressing, Mode, Secret, Storage, StorageKind};
use serde_json::{Map, Value};

use super::storage_config::Terms;
use crate::input::{FieldError, Fields, base_url};
use crate::store::{MAX_KEY_LEN, key};

pub(super) const ALIYUN_VOD: &str = "aliyun_vod_service";
const MAX_SERVICES: usize = 8;

/// Fields of `videoData`, the service's names for them, and how many characters they may have.
const VIDEO_DATA: [(&str, &str, usize); 9] = [
    ("title", "Title", 128),
    ("description", "Description", 1024),
    ("coverUrl", "CoverURL", 1024),
    ("cateId", "CateId", 20),
    ("tags", "Tags", 16 * 33),
    ("templateGroupId", "TemplateGroupId", 256),
    ("userData", "UserData", 4096),
    ("storageLocation", "StorageLocation", 256),
    ("workflowId", "WorkflowId", 256),
];
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
        video: description(&video)?,
    })
}

/// The service's endpoint, or the one that the customer names instead.
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

/// The service's parameters.
fn description(video: &Fields<'_>) -> Result<BTreeMap<String, String>, FieldError> {
    video.require("title", video.string("title")?)?;
    let mut parameters = BTreeMap::new();
    for (name, parameter, most) in VIDEO_DATA {
        let Some(text) = video.string(name)? else { continue };
        if text.chars().count() > most {
            return Err(video.error(name, format!("must have at most {most} characters")));
        }
        let problem = match name {
            "cateId" if text.parse::<i64>().is_err() => Some("must hold a whole number"),
            "tags" if !are_tags(text) => Some("must be at most 16 tags of at most 32 characters, with commas between"),
            "userData" if serde_json::from_slice::<Map<String, Value>>(text.as_bytes()).is_err() => {
                Some("must hold a JSON object")
            }
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(video.error(name, problem));
        }
        parameters.insert(parameter.to_owned(), text.to_owned());
    }
    Ok(parameters)
}

fn are_tags(text: &str) -> bool {
    text.split(',').count() <= MAX_TAGS && text.split(',').all(|tag| tag.chars().count() <= MAX_TAG)
}
