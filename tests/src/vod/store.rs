//! The store that the service's videos lie in: OSS, opened by keys that are good for a while and for one video.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use time::macros::format_description;

use super::signatures::{pairs, version_1, version_4};
use super::{BUCKET, Inner, REGION, Refused, Request, Stored, respond};

const MOST_SKEW_S: i64 = 15 * 60;
/// The smallest size of a part but the last, in bytes.
const SMALLEST_PART: usize = 100 << 10;

type Fault = (u16, &'static str);

pub(super) fn answer(inner: &mut Inner, request: &Request) -> Response {
    let path = percent_decode_str(&request.path).decode_utf8_lossy().into_owned();
    match carry_out(inner, request, &path) {
        Ok(response) => response,
        Err((status, code)) => {
            let what = request.method.to_string();
            inner.refused.push(Refused {
                what,
                code: code.to_owned(),
            });
            let request_id = inner.unique(24);
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>It is so: {code}.\
                 </Message><RequestId>{request_id}</RequestId><HostId>{BUCKET}</HostId></Error>"
            );
            respond(status, "application/xml", body)
        }
    }
}

fn carry_out(inner: &mut Inner, request: &Request, path: &str) -> Result<Response, Fault> {
    let object = path
        .strip_prefix(&format!("/{BUCKET}/"))
        .ok_or((404, "NoSuchBucket"))?
        .to_owned();
    let video = verify(inner, request, path)?;
    let video = &inner.videos[video];
    let is_slice = video.file_name.ends_with(".m3u8") && object.starts_with(&video.object_prefix);
    if object != video.file_name && !is_slice {
        return Err((403, "AccessDenied"));
    }
    let query: BTreeMap<_, _> = pairs(&request.query).into_iter().collect();
    let upload = query.get("uploadId").cloned().flatten();
    let part = query.get("partNumber").cloned().flatten();
    match (&request.method, upload, part) {
        (&Method::PUT, None, None) => {
            let data = request.body.to_vec();
            Ok(store(inner, request.header("content-type"), object, data))
        }
        (&Method::POST, None, None) if query.contains_key("uploads") => {
            let id = inner.unique(32);
            inner.parts.insert(id.clone(), BTreeMap::new());
            Ok(respond(
                200,
                "application/xml",
                format!(
                    "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{object}</Key>\
                     <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ),
            ))
        }
        (&Method::PUT, Some(id), Some(number)) => {
            let parts = inner.parts.get_mut(&id).ok_or((404, "NoSuchUpload"))?;
            let number = number.parse().map_err(|_| (400, "InvalidArgument"))?;
            parts.insert(number, request.body.to_vec());
            Ok(([("etag", format!("\"{number}\""))], "").into_response())
        }
        (&Method::POST, Some(id), None) => {
            let parts = inner.parts.remove(&id).ok_or((404, "NoSuchUpload"))?;
            let last = parts.len().saturating_sub(1);
            if parts.values().take(last).any(|part| part.len() < SMALLEST_PART) {
                return Err((400, "EntityTooSmall"));
            }
            let data = parts.into_values().flatten().collect();
            store(inner, "", object.clone(), data);
            let body = format!(
                "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{object}</Key><ETag>\"e\"</ETag>\
                 </CompleteMultipartUploadResult>"
            );
            Ok(respond(200, "application/xml", body))
        }
        (&Method::DELETE, Some(id), None) => {
            inner.parts.remove(&id).ok_or((404, "NoSuchUpload"))?;
            Ok(respond(204, "application/xml", String::new()))
        }
        _ => Err((403, "AccessDenied")),
    }
}

fn store(inner: &mut Inner, content_type: &str, object: String, data: Vec<u8>) -> Response {
    let stored = Stored {
        content_type: content_type.to_owned(),
        data,
    };
    inner.objects.insert(object.clone(), stored);
    inner.order.push(object);
    let etag = inner.unique(32).to_uppercase();
    ([("etag", format!("\"{etag}\""))], "").into_response()
}

/// Which video the request's keys are for.
fn verify(inner: &Inner, request: &Request, path: &str) -> Result<usize, Fault> {
    let authorization = request.header("authorization");
    let is_v4 = authorization.starts_with("OSS4-HMAC-SHA256 ");
    check_date(request, is_v4)?;
    let (id, given) = match is_v4 {
        true => {
            let fields = fields(authorization);
            let credential = fields.get("Credential").copied().unwrap_or_default();
            (
                credential.split('/').next().unwrap_or_default(),
                fields.get("Signature").copied(),
            )
        }
        false => {
            let pair = authorization.strip_prefix("OSS ").and_then(|pair| pair.split_once(':'));
            let (id, signature) = pair.ok_or((403, "AccessDenied"))?;
            (id, Some(signature))
        }
    };
    let key = inner
        .keys
        .iter()
        .find(|key| key.id == id)
        .ok_or((403, "InvalidAccessKeyId"))?;
    if request.header("x-oss-security-token") != key.token {
        return Err((403, "InvalidSecurityToken"));
    }
    let computed = if is_v4 {
        let fields = fields(authorization);
        let scope = fields["Credential"].split_once('/').map_or("", |(_, scope)| scope);
        let date = request.header("x-oss-date").get(..8).unwrap_or_default();
        if scope != format!("{date}/{REGION}/oss/aliyun_v4_request") {
            return Err((400, "InvalidArgument"));
        }
        let additional = fields.get("AdditionalHeaders").copied().unwrap_or_default();
        version_4(request, path, &key.secret, scope, additional)
    } else {
        version_1(request, path, &key.secret)
    };
    if given != Some(computed.as_str()) {
        return Err((403, "SignatureDoesNotMatch"));
    }
    if Instant::now() >= key.ends {
        return Err((403, "SecurityTokenExpired"));
    }
    Ok(key.video)
}

/// `Credential=…,AdditionalHeaders=…,Signature=…`
fn fields(authorization: &str) -> BTreeMap<&str, &str> {
    let fields = authorization.split_once(' ').map_or("", |(_, fields)| fields);
    fields
        .split(',')
        .filter_map(|field| field.trim().split_once('='))
        .collect()
}

fn check_date(request: &Request, is_v4: bool) -> Result<(), Fault> {
    let at = match is_v4 {
        true => {
            let format = format_description!("[year][month][day]T[hour][minute][second]Z");
            time::PrimitiveDateTime::parse(request.header("x-oss-date"), &format)
                .ok()
                .map(time::PrimitiveDateTime::assume_utc)
        }
        false => OffsetDateTime::parse(request.header("date"), &Rfc2822).ok(),
    };
    let at = at.ok_or((403, "AccessDenied"))?;
    match (OffsetDateTime::now_utc() - at).whole_seconds().abs() > MOST_SKEW_S {
        true => Err((403, "RequestTimeTooSkewed")),
        false => Ok(()),
    }
}
