use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::{Addressing, Secret, Storage, StorageKind};
use serde::Deserialize;
use serde_json::Value;
use url::{Host, Url};

use crate::upload::fault::short;

/// What the service documents, whatever an answer says beyond it.
const LONGEST_LIFE: Duration = Duration::from_secs(3_000);

/// A place for one video in the service's store, and keys that open it for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The service's store, with an empty prefix.
    pub(super) storage: Storage,
    /// The key of the playlist, or of the file.
    pub(super) object: String,
    /// What stands in front of each slice's name.
    pub(super) slices: String,
    /// From the answer on.
    pub(super) life: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Address {
    endpoint: String,
    bucket: String,
    file_name: String,
    object_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Auth {
    access_key_id: String,
    access_key_secret: Secret,
    security_token: Secret,
    /// Seconds, as a text or as a number.
    expiration: Option<Value>,
    region: Option<String>,
}

impl Grant {
    /// Reads an answer of `CreateUploadVideo` or `RefreshUploadVideo`. `region` is the service's.
    pub(super) fn read(answer: &Value, region: &str) -> Result<Self, String> {
        let address: Address = part(answer, "UploadAddress")?;
        let auth: Auth = part(answer, "UploadAuth")?;
        let endpoint = match address.endpoint.contains("://") {
            true => address.endpoint,
            false => format!("https://{}", address.endpoint),
        };
        let url = Url::parse(&endpoint).map_err(|error| format!("the store's address is not a URL: {error}"))?;
        // No bucket's name can stand before an address of numbers.
        let addressing = match url.host() {
            Some(Host::Domain(_)) => Addressing::Virtual,
            _ => Addressing::Path,
        };
        let signing_region = auth.region.filter(|region| !region.is_empty());
        let region = signing_region
            .or_else(|| region_of(url.host_str().unwrap_or_default()))
            .unwrap_or_else(|| region.to_owned());
        let beside = address.file_name.rfind('/').map_or(0, |slash| slash + 1);
        let slices = address
            .object_prefix
            .filter(|prefix| !prefix.is_empty())
            .unwrap_or_else(|| address.file_name.get(..beside).unwrap_or_default().to_owned());
        Ok(Self {
            storage: Storage {
                kind: StorageKind::Oss,
                endpoint,
                region,
                addressing,
                bucket: address.bucket,
                access_key: auth.access_key_id,
                secret_key: auth.access_key_secret,
                session_token: Some(auth.security_token),
                session_ends_ms: None,
                prefix: String::new(),
                encryption: None,
                tags: None,
                video: Default::default(),
            },
            object: address.file_name,
            slices,
            life: life(auth.expiration.as_ref()),
        })
    }
}

/// What the service calls the video that an answer is about.
pub(super) fn video_id(answer: &Value) -> Result<&str, String> {
    let id = answer.get("VideoId").and_then(Value::as_str);
    id.filter(|id| !id.is_empty())
        .ok_or_else(|| "its answer has no VideoId".to_owned())
}

/// A JSON object in base64.
fn part<T: for<'de> Deserialize<'de>>(answer: &Value, name: &str) -> Result<T, String> {
    let text = answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| format!("its {name} is not base64: {error}"))?;
    // The message of a parser quotes no values of strings, so no key is told.
    serde_json::from_slice(&bytes).map_err(|error| format!("its {name} cannot be read: {}", short(&error.to_string())))
}

/// `oss-cn-shanghai.aliyuncs.com` and `oss-cn-shanghai-internal.aliyuncs.com` are of `cn-shanghai`. The address that serves
/// all regions tells none.
fn region_of(host: &str) -> Option<String> {
    let name = host.strip_suffix(".aliyuncs.com")?.strip_prefix("oss-")?;
    let region = name.strip_suffix("-internal").unwrap_or(name);
    (!region.starts_with("accelerate")).then(|| region.to_owned())
}

fn life(expiration: Option<&Value>) -> Duration {
    let seconds = expiration.and_then(|value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    });
    seconds.map_or(LONGEST_LIFE, |seconds| Duration::from_secs(seconds).min(LONGEST_LIFE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(address: &Value, auth: &Value) -> Value {
        json!({
            "RequestId": "r", "VideoId": "v",
            "UploadAddress": STANDARD.encode(address.to_string()),
            "UploadAuth": STANDARD.encode(auth.to_string()),
        })
    }

    fn auth() -> Value {
        json!({
            "AccessKeyId": "STS.k", "AccessKeySecret": "hunter2", "SecurityToken": "hunter2", "Expiration": "3600",
            "ExpireUTCTime": "2017-10-10T12:02:54Z",
        })
    }

    fn address() -> Value {
        json!({
            "Endpoint": "https://oss-cn-shanghai.aliyuncs.com", "Bucket": "outin-1", "FileName": "sv/a/b.m3u8",
            "ObjectPrefix": "sv/a/p-",
        })
    }

    #[test]
    fn the_documents_example_is_read() {
        let answer = answer(&address(), &auth());
        let grant = Grant::read(&answer, "cn-beijing").unwrap();
        assert_eq!((video_id(&answer), grant.object.as_str()), (Ok("v"), "sv/a/b.m3u8"));
        assert_eq!((grant.slices.as_str(), grant.life), ("sv/a/p-", LONGEST_LIFE));
        let storage = &grant.storage;
        assert_eq!(
            (storage.kind, storage.addressing),
            (StorageKind::Oss, Addressing::Virtual)
        );
        assert_eq!(
            (storage.region.as_str(), storage.bucket.as_str()),
            ("cn-shanghai", "outin-1")
        );
        assert!(!format!("{grant:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_left_out_follows_from_the_rest() {
        let mut address = address();
        address["Endpoint"] = json!("http://127.0.0.1:9");
        address.as_object_mut().unwrap().remove("ObjectPrefix");
        let mut auth = auth();
        auth["Expiration"] = json!(10);
        let grant = Grant::read(&answer(&address, &auth), "cn-beijing").unwrap();
        assert_eq!((grant.slices.as_str(), grant.life), ("sv/a/", Duration::from_secs(10)));
        assert_eq!(grant.storage.addressing, Addressing::Path);
        assert_eq!(grant.storage.region, "cn-beijing");
        auth["Region"] = json!("eu-central-1");
        let grant = Grant::read(&answer(&address, &auth), "cn-beijing").unwrap();
        assert_eq!(grant.storage.region, "eu-central-1");
    }

    #[test]
    fn what_cannot_be_read_is_told_without_keys() {
        let mut auth = auth();
        auth["SecurityToken"] = json!(["hunter2"]);
        for broken in [
            answer(&address(), &auth),
            answer(&json!({}), &auth),
            json!({"VideoId": "v", "UploadAddress": "%", "UploadAuth": "e30="}),
            json!({}),
        ] {
            let error = Grant::read(&broken, "cn-beijing").unwrap_err();
            assert!(error.contains("UploadA") && !error.contains("hunter2"), "{error}");
        }
    }
}
