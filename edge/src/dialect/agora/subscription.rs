//! Whose audio and video is recorded: `streamTypes` and the lists of uids.

use protocol::{Selection, StreamTypes, Subscription, VideoQuality};

use super::flavour::Flavour;
use crate::input::{FieldError, Fields};
use crate::recording::is_empty;

const MAX_UIDS: usize = 32;
const EVERYBODY: &str = "#allstream#";

/// The fields that list the uids of one kind of stream.
pub(super) struct Lists {
    only: &'static str,
    /// The field's name in both spellings that clients use.
    except: [&'static str; 2],
}

pub(super) const AUDIO: Lists = Lists {
    only: "subscribeAudioUids",
    except: ["unSubscribeAudioUids", "unsubscribeAudioUids"],
};
pub(super) const VIDEO: Lists = Lists {
    only: "subscribeVideoUids",
    except: ["unSubscribeVideoUids", "unsubscribeVideoUids"],
};

pub(super) fn read(config: &Fields<'_>, flavour: Flavour) -> Result<Subscription, FieldError> {
    let types = match config.integer("streamTypes", 0..=2)? {
        Some(0) => StreamTypes::Audio,
        Some(1) => StreamTypes::Video,
        _ => StreamTypes::Both,
    };
    let audio = selection(config, &AUDIO, flavour)?;
    let video = selection(config, &VIDEO, flavour)?;
    // A list for one kind alone means that nothing of the other kind is wanted.
    let (audio, video) = match (audio, video) {
        (None, None) => (Selection::All, Selection::All),
        (audio, video) => (audio.unwrap_or(Selection::None), video.unwrap_or(Selection::None)),
    };
    let subscription = Subscription {
        version: 1,
        types,
        audio,
        video,
        quality: match config.integer("videoStreamType", 0..=1)? {
            Some(1) => VideoQuality::Low,
            _ => VideoQuality::High,
        },
    };
    if is_empty(&subscription) {
        let problem =
            "and the lists of uids leave nothing to record: a list for audio alone means no video, and the reverse";
        return Err(config.error("streamTypes", problem));
    }
    Ok(subscription)
}

/// One of the lists, which must be there and not be empty.
pub(super) fn required(config: &Fields<'_>, lists: &Lists, flavour: Flavour) -> Result<Selection, FieldError> {
    let [except, _] = lists.except;
    let problem = format!("or {except} is required, and must not be empty");
    selection(config, lists, flavour)?.ok_or_else(|| config.error(lists.only, problem))
}

/// `None` without a list. An empty list counts as none: clients send it for what they leave out.
fn selection(config: &Fields<'_>, lists: &Lists, flavour: Flavour) -> Result<Option<Selection>, FieldError> {
    let mut found = None;
    for name in [lists.only].into_iter().chain(lists.except) {
        let Some(uids) = config.strings(name, MAX_UIDS)?.filter(|uids| !uids.is_empty()) else {
            continue;
        };
        if let Some((other, _)) = found {
            return Err(config.error(name, format!("must not be set together with {other}")));
        }
        if !uids.iter().all(|uid| *uid == EVERYBODY || flavour.is_uid(uid)) {
            let problem = format!("must hold, as strings, {} each, or \"{EVERYBODY}\"", flavour.uid_rule());
            return Err(config.error(name, problem));
        }
        let everybody = uids.contains(&EVERYBODY);
        let uids = uids.into_iter().map(str::to_owned).collect();
        let selection = match (name == lists.only, everybody) {
            (true, true) => Selection::All,
            (true, false) => Selection::Only(uids),
            (false, true) => Selection::None,
            (false, false) => Selection::Except(uids),
        };
        found = Some((name, selection));
    }
    Ok(found.map(|(_, selection)| selection))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(config: &Value) -> Result<(StreamTypes, Selection, Selection), String> {
        let subscription =
            read(&Fields::new(config.as_object().unwrap()), Flavour::Agora).map_err(|error| error.to_string())?;
        Ok((subscription.types, subscription.audio, subscription.video))
    }

    fn uids(uids: &[&str]) -> Vec<String> {
        uids.iter().map(|uid| (*uid).to_owned()).collect()
    }

    #[test]
    fn what_is_recorded() {
        use Selection::{All, Except, None, Only};
        use StreamTypes::{Audio, Both, Video};
        let table = [
            (json!({}), (Both, All, All)),
            (json!({"streamTypes": 0}), (Audio, All, All)),
            (json!({"streamTypes": 1}), (Video, All, All)),
            (json!({"streamTypes": 2}), (Both, All, All)),
            (json!({"subscribeAudioUids": ["1"]}), (Both, Only(uids(&["1"])), None)),
            (
                json!({"subscribeVideoUids": ["1", "2"]}),
                (Both, None, Only(uids(&["1", "2"]))),
            ),
            (
                json!({"unSubscribeAudioUids": ["1"]}),
                (Both, Except(uids(&["1"])), None),
            ),
            (
                json!({"unsubscribeVideoUids": ["1"]}),
                (Both, None, Except(uids(&["1"]))),
            ),
            (json!({"subscribeAudioUids": ["#allstream#"]}), (Both, All, None)),
            (
                json!({"subscribeAudioUids": ["5", "#allstream#"], "subscribeVideoUids": ["5"]}),
                (Both, All, Only(uids(&["5"]))),
            ),
            (
                json!({"unSubscribeAudioUids": ["#allstream#"], "subscribeVideoUids": ["1"]}),
                (Both, None, Only(uids(&["1"]))),
            ),
            (
                json!({"subscribeAudioUids": [], "subscribeVideoUids": []}),
                (Both, All, All),
            ),
            (
                json!({"subscribeAudioUids": [], "unSubscribeAudioUids": ["1"], "subscribeVideoUids": ["#allstream#"]}),
                (Both, Except(uids(&["1"])), All),
            ),
            (
                json!({"streamTypes": 0, "subscribeAudioUids": ["1"], "subscribeVideoUids": ["2"]}),
                (Audio, Only(uids(&["1"])), Only(uids(&["2"]))),
            ),
        ];
        for (config, expected) in table {
            assert_eq!(parse(&config), Ok(expected), "{config}");
        }
    }

    #[test]
    fn what_is_refused() {
        let many: Vec<_> = (1..=33).map(|n| n.to_string()).collect();
        let table = [
            (
                json!({"streamTypes": 3}),
                "streamTypes must be a whole number from 0 to 2",
            ),
            (
                json!({"subscribeAudioUids": many}),
                "subscribeAudioUids must be a list of at most 32 strings",
            ),
            (json!({"subscribeAudioUids": [1]}), "subscribeAudioUids must be a list"),
            (
                json!({"subscribeAudioUids": ["0"]}),
                "subscribeAudioUids must hold, as strings, a whole number",
            ),
            (
                json!({"subscribeVideoUids": ["bob"]}),
                "subscribeVideoUids must hold, as strings, a whole number",
            ),
            (json!({"subscribeVideoUids": "1"}), "subscribeVideoUids must be a list"),
            (
                json!({"subscribeAudioUids": ["1"], "unSubscribeAudioUids": ["2"]}),
                "unSubscribeAudioUids must not be set together with subscribeAudioUids",
            ),
            (
                json!({"unsubscribeVideoUids": ["1"], "subscribeVideoUids": ["2"]}),
                "unsubscribeVideoUids must not be set together with subscribeVideoUids",
            ),
            (
                json!({"unsubscribeVideoUids": ["1"], "unSubscribeVideoUids": ["2"]}),
                "unsubscribeVideoUids must not be set together with unSubscribeVideoUids",
            ),
            (
                json!({"streamTypes": 0, "subscribeVideoUids": ["1"]}),
                "nothing to record",
            ),
            (
                json!({"streamTypes": 1, "subscribeAudioUids": ["1"]}),
                "nothing to record",
            ),
            (json!({"unSubscribeAudioUids": ["#allstream#"]}), "nothing to record"),
        ];
        for (config, part) in table {
            let error = parse(&config).unwrap_err();
            assert!(error.contains(part), "{config}: {error}");
        }
    }
}
