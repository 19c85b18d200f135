//! `CreateUploadVideo` and `RefreshUploadVideo`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rpc::{Fault, fault, verified};
use super::{BUCKET, Inner, Key, Refused, Request, STORAGE_LOCATION, TEMPLATE_GROUP, Video, respond};

const EXTENSIONS: [&str; 6] = ["m3u8", "mp4", "ts", "flv", "mov", "mp3"];

pub(super) fn answer(inner: &mut Inner, address: SocketAddr, request: &Request) -> Response {
    let mut action = request.method.to_string();
    let result = verified(inner, request).and_then(|parameters| {
        action = parameters.get("Action").cloned().unwrap_or_default();
        carry_out(inner, address, &action, &parameters)
    });
    let request_id = inner.unique(32);
    match result {
        Ok(mut answer) => {
            inner.calls.push(action);
            answer["RequestId"] = json!(request_id);
            respond(200, "application/json", answer.to_string())
        }
        Err((status, code, message)) => {
            let body =
                json!({ "RequestId": request_id, "HostId": address.to_string(), "Code": code, "Message": message });
            inner.refused.push(Refused { what: action, code });
            respond(status, "application/json", body.to_string())
        }
    }
}

fn carry_out(
    inner: &mut Inner,
    address: SocketAddr,
    action: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Value, Fault> {
    if let Some((status, code)) = inner.failing.get(action) {
        return Err(fault(*status, code, "as a test wants it"));
    }
    let video = match action {
        "CreateUploadVideo" => create(inner, parameters)?,
        "RefreshUploadVideo" => {
            let id = needed(parameters, "VideoId")?;
            let known = inner.videos.iter().position(|video| video.id == id);
            known.ok_or_else(|| fault(404, "InvalidVideo.NotFound", "The video does not exist."))?
        }
        _ => return Err(fault(404, "InvalidAction.NotFound", "Specified api is not found.")),
    };
    Ok(grant(inner, address, video))
}

fn needed<'a>(parameters: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, Fault> {
    let value = parameters.get(name).filter(|value| !value.is_empty());
    value.map(String::as_str).ok_or_else(|| {
        fault(
            400,
            "MissingParameter",
            &format!("{name} is mandatory for this action."),
        )
    })
}

fn create(inner: &mut Inner, parameters: &BTreeMap<String, String>) -> Result<usize, Fault> {
    let title = needed(parameters, "Title")?;
    let (_, extension) = needed(parameters, "FileName")?.rsplit_once('.').unwrap_or_default();
    if !EXTENSIONS.contains(&extension) {
        return Err(fault(
            400,
            "InvalidFileName.Extension",
            "The extension of the file name is illegal.",
        ));
    }
    let text = |name: &str| parameters.get(name).map_or("", String::as_str);
    let is_long = |text: &str, most: usize| text.chars().count() > most;
    let tags: Vec<_> = text("Tags").split(',').collect();
    if is_long(title, 128) || is_long(text("Description"), 1024) || tags.iter().any(|tag| is_long(tag, 32)) {
        return Err(fault(
            400,
            "LengthExceededMax",
            "The length of a parameter exceeds the limit.",
        ));
    }
    if tags.len() > 16 {
        return Err(fault(400, "TagsExceededMax", "There are too many tags."));
    }
    if !["", TEMPLATE_GROUP].contains(&text("TemplateGroupId")) {
        return Err(fault(
            404,
            "InvalidTemplateGroupId.NotFound",
            "The TemplateGroupId does not exist.",
        ));
    }
    if !["", STORAGE_LOCATION].contains(&text("StorageLocation")) {
        return Err(fault(
            404,
            "InvalidStorage.NotFound",
            "The StorageLocation does not exist.",
        ));
    }
    let (id, folder) = (inner.unique(32), inner.unique(16));
    let common = ["Action", "Version", "Format", "AccessKeyId", "Timestamp"];
    let is_own = |name: &str| !common.contains(&name) && !name.starts_with("Signature");
    inner.videos.push(Video {
        parameters: parameters
            .iter()
            .filter(|(name, _)| is_own(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        file_name: format!("sv/{folder}/{folder}.{extension}"),
        object_prefix: format!("sv/{folder}/"),
        id,
    });
    Ok(inner.videos.len() - 1)
}

fn grant(inner: &mut Inner, address: SocketAddr, video: usize) -> Value {
    let key = Key {
        id: format!("STS.{}", inner.unique(22)),
        secret: inner.unique(44),
        token: format!("CAIS+/{}==", inner.unique(300)),
        ends: Instant::now() + inner.key_life,
        video,
    };
    let Video {
        id,
        file_name,
        object_prefix,
        ..
    } = inner.videos[video].clone();
    let mut place = json!({ "Endpoint": format!("http://{address}"), "Bucket": BUCKET, "FileName": file_name });
    if file_name.ends_with("m3u8") {
        place["ObjectPrefix"] = json!(object_prefix);
    }
    let auth = json!({
        "AccessKeyId": key.id,
        "AccessKeySecret": key.secret,
        "SecurityToken": key.token,
        "Expiration": inner.key_life.as_secs().to_string(),
    });
    inner.keys.push(key);
    json!({
        "VideoId": id,
        "UploadAddress": STANDARD.encode(place.to_string()),
        "UploadAuth": STANDARD.encode(auth.to_string()),
    })
}
