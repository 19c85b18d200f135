//! `startParameter` of acquire: the start that follows must ask for the same. What counts is the meaning: the order of
//! keys, numbers' spelling, what is absent in one way or another, and defaults make no difference.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::access::hex;

/// Bytes of the digest that are kept.
const DIGEST_LEN: usize = 16;
/// Values that say the same as their absence, by the object that holds them.
const DEFAULTS: [(&str, &str, &str); 22] = [
    ("recordingConfig", "channelType", "0"),
    ("recordingConfig", "streamTypes", "2"),
    ("recordingConfig", "streamMode", "\"default\""),
    ("recordingConfig", "decryptionMode", "0"),
    ("recordingConfig", "audioProfile", "0"),
    ("recordingConfig", "videoStreamType", "0"),
    ("recordingConfig", "maxIdleTime", "30"),
    ("transcodingConfig", "width", "360"),
    ("transcodingConfig", "height", "640"),
    ("transcodingConfig", "fps", "15"),
    ("transcodingConfig", "bitrate", "500"),
    ("transcodingConfig", "mixedVideoLayout", "0"),
    ("transcodingConfig", "backgroundColor", "\"#000000\""),
    ("layoutConfig", "alpha", "1"),
    ("layoutConfig", "render_mode", "0"),
    ("backgroundConfig", "render_mode", "0"),
    ("snapshotConfig", "captureInterval", "10"),
    ("storageConfig", "vendor", "0"),
    ("storageConfig", "region", "0"),
    ("appsCollection", "combinationPolicy", "\"default\""),
    ("extensionServiceConfig", "errorHandlePolicy", "\"error_abort\""),
    ("extensionServices", "errorHandlePolicy", "\"error_abort\""),
];

/// The digest of a start's `clientRequest`: 32 lower-case hexadecimal characters; `None` when it says nothing.
pub(super) fn digest(client_request: &Map<String, Value>) -> Option<String> {
    let mut request = members("", client_request);
    let files = request.get("recordingFileConfig");
    // Without snapshots, media files are what is made anyway.
    if !request.contains_key("snapshotConfig") && files.is_some_and(|files| *files == json!({})) {
        request.remove("recordingFileConfig");
    }
    if request.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    feed(&Value::Object(request), &mut hash);
    hash.finalize().get(..DIGEST_LEN).map(hex)
}

fn members(parent: &str, object: &Map<String, Value>) -> Map<String, Value> {
    object
        .iter()
        .filter_map(|(name, value)| {
            let name = match name.as_str() {
                "unsubscribeAudioUids" => "unSubscribeAudioUids",
                "unsubscribeVideoUids" => "unSubscribeVideoUids",
                name => name,
            };
            let value = canonical(name, value)?;
            let is_default = DEFAULTS.iter().any(|(holder, field, default)| {
                *holder == parent
                    && *field == name
                    && serde_json::from_slice::<Value>(default.as_bytes()).is_ok_and(|d| d == value)
            });
            (!is_default).then(|| (name.to_owned(), value))
        })
        .collect()
}

/// `None` for what says nothing. `name` is the field's, and for the elements of a list the list's.
fn canonical(name: &str, value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) => Some(match number.as_f64() {
            // Whole numbers up to 2^53 are exact in a float.
            Some(float) if float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 => json!(float as i64),
            _ => value.clone(),
        }),
        Value::String(text) => string(name, text),
        Value::Array(items) => list(name, items),
        Value::Object(object) => {
            let members = members(name, object);
            // These two matter by their presence.
            let kept = !members.is_empty() || matches!(name, "recordingFileConfig" | "snapshotConfig");
            kept.then_some(Value::Object(members))
        }
    }
}

fn string(name: &str, text: &str) -> Option<Value> {
    match name {
        _ if text.is_empty() => None,
        "backgroundColor" => Some(Value::from(text.to_ascii_lowercase())),
        "privateParams" => match serde_json::from_slice(text.as_bytes()) {
            Ok(Value::Object(params)) => canonical("", &Value::Object(params)),
            _ => Some(Value::from(text)),
        },
        _ => Some(Value::from(text)),
    }
}

fn list(name: &str, items: &[Value]) -> Option<Value> {
    let mut items: Vec<_> = items.iter().filter_map(|item| canonical(name, item)).collect();
    if name.ends_with("Uids") || name == "avFileType" {
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        items.dedup();
    }
    if name == "avFileType" && items == [json!("hls")] {
        return None;
    }
    (!items.is_empty()).then_some(Value::Array(items))
}

fn feed(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            hash.update(format!("{{{}", members.len()));
            for (name, value) in members {
                feed(&Value::from(name.as_str()), hash);
                feed(value, hash);
            }
        }
        Value::Array(items) => {
            hash.update(format!("[{}", items.len()));
            items.iter().for_each(|item| feed(item, hash));
        }
        // As JSON: with quotes, and ended by a byte that stands in none.
        leaf => hash.update(format!("{leaf}\0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(request: &Value) -> Option<String> {
        digest(request.as_object().unwrap())
    }

    #[test]
    fn the_same_meaning_has_the_same_digest() {
        let table = [
            (
                json!({}),
                json!({"token": "", "recordingConfig": {}, "storageConfig": null}),
            ),
            (
                json!({}),
                json!({"recordingConfig": {"streamTypes": 2, "channelType": 0.0, "maxIdleTime": 30}}),
            ),
            (json!({}), json!({"recordingFileConfig": {"avFileType": ["hls"]}})),
            (json!({}), json!({"recordingFileConfig": {}})),
            (
                json!({"storageConfig": {"vendor": 11, "region": 0}}),
                json!({"storageConfig": {"vendor": 11}}),
            ),
            (
                json!({"recordingConfig": {"unSubscribeAudioUids": ["2", "1"], "subscribeVideoUids": []}}),
                json!({"recordingConfig": {"unsubscribeAudioUids": ["1", "2", "1"]}}),
            ),
            (
                json!({"recordingConfig": {"transcodingConfig": {"backgroundColor": "#FF00aa", "width": 360}}}),
                json!({"recordingConfig": {"transcodingConfig": {"backgroundColor": "#ff00AA"}}}),
            ),
            (
                json!({"recordingConfig": {"privateParams": "{\"correctEXTINF\": true, \"x\": null}"}}),
                json!({"recordingConfig": {"privateParams": "{\"correctEXTINF\":true}"}}),
            ),
            (
                json!({"snapshotConfig": {"fileType": ["jpg"], "captureInterval": 10}}),
                json!({"snapshotConfig": {"fileType": ["jpg"]}}),
            ),
            (
                json!({"recordingConfig": {"maxIdleTime": 5}, "token": "t"}),
                json!({"token": "t", "recordingConfig": {"maxIdleTime": 5.0}}),
            ),
        ];
        for (a, b) in table {
            assert_eq!(of(&a), of(&b), "{a} {b}");
        }
        assert_eq!(of(&json!({"recordingConfig": {}})), None);
        assert_eq!(of(&json!({"token": "t"})).unwrap().len(), 32);
    }

    #[test]
    fn another_meaning_has_another_digest() {
        let requests = [
            json!({}),
            json!({"token": "t"}),
            json!({"recordingConfig": {"maxIdleTime": 31}}),
            json!({"recordingConfig": {"streamTypes": 0}}),
            json!({"recordingConfig": {"streamTypes": 1}}),
            json!({"recordingConfig": {"subscribeAudioUids": ["1", "2"]}}),
            json!({"recordingConfig": {"subscribeAudioUids": ["12"]}}),
            json!({"recordingConfig": {"subscribeVideoUids": ["1", "2"]}}),
            json!({"storageConfig": {"fileNamePrefix": ["a", "b"]}}),
            json!({"storageConfig": {"fileNamePrefix": ["b", "a"]}}),
            json!({"storageConfig": {"fileNamePrefix": ["ab"]}}),
            json!({"storageConfig": {"region": 1}}),
            json!({"storageConfig": {"region": "0"}}),
            json!({"snapshotConfig": {}}),
            json!({"snapshotConfig": {}, "recordingFileConfig": {}}),
            json!({"recordingFileConfig": {"avFileType": ["hls", "mp4"]}}),
            json!({"unknown": true}),
        ];
        let mut digests: Vec<_> = requests.iter().map(of).collect();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), requests.len());
    }
}
