//! The event gateway's messages: what a client says over its WebSocket, and what it is told. Each request has a number, its answer
//! the next one; what is told unasked has numbers of its own.

use serde_json::{Map, Value, json};

use super::code::{
    AUTHENTICATION_FAILED, ApiError, BUSY, CONNECTED, GATEWAY_PARAMETER, NOT_ALLOWED, NOT_SIGNED_IN, OPERATION_FAILED,
    PARAMETER_MISSING, TOKEN_OVER,
};
use super::flavour::Flavour;
use super::params::{Object, text};
use crate::gateway::feed::{ChannelState, Happened, Happening, Media};
use crate::gateway::listener::{Answer, AppState, Said, Told, What, Why, Wish};
use crate::input::Fields;
use protocol::Secret;

/// Where clients open their socket.
pub(in crate::dialect) const PATH: &str = "/v1/record/events";

/// Messages are short: 50 apps with some groups each.
const MAX_MESSAGE_BYTES: usize = 64 * 1_024;
/// Of one message to a client: below the least that WebSocket clients and proxies take.
const MAX_TOLD_BYTES: usize = 900_000;
/// Groups that one message names.
const MAX_GROUPS: usize = 1_000;

const SIGN_IN: u64 = 20_000;
const SIGN_OUT: u64 = 20_002;
const SUBSCRIBE: u64 = 20_004;
const UNSUBSCRIBE: u64 = 20_006;
const LOOK: u64 = 20_008;
const BEAT: u64 = 20_010;
const JOINED: u64 = 20_100;
const LEFT: u64 = 20_101;
const MEDIA_BEGAN: u64 = 20_102;
const MEDIA_ENDED: u64 = 20_103;
/// Tells how a task stands.
pub(super) const RECORD_STATUS: u32 = 20_104;

pub(in crate::dialect) fn read(message: &str) -> Said {
    if message.len() > MAX_MESSAGE_BYTES {
        return nonsense(
            &Object::new(),
            format!("the message is longer than {MAX_MESSAGE_BYTES} bytes"),
        );
    }
    let fields: Object = match serde_json::from_str(message) {
        Ok(fields) => fields,
        // The place only: serde's texts can quote what stands there.
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            return nonsense(&Object::new(), format!("the message must be a JSON object: {place}"));
        }
    };
    match what(&fields) {
        Ok(what) => Said {
            what,
            echo: echo(&fields),
        },
        Err(problem) => nonsense(&fields, problem),
    }
}

fn nonsense(fields: &Object, problem: String) -> Said {
    Said {
        what: What::Nonsense(problem),
        echo: echo(fields),
    }
}

/// What an answer says again, and the number of the request.
fn echo(fields: &Object) -> String {
    let is_short = |value: &Value| value.as_str().is_none_or(|text| text.len() <= 128);
    let seen = ["id", "seq", "seq_id"].into_iter().filter_map(|name| {
        let value = fields.get(name).filter(|value| !value.is_object() && !value.is_array());
        Some((name.to_owned(), value.filter(|value| is_short(value))?.clone()))
    });
    Value::Object(seen.collect()).to_string()
}

fn what(fields: &Object) -> Result<What, String> {
    let read = Fields::new(fields);
    let text = |name: &str| text(&read, name).map_err(|error| error.to_string());
    let Some(id) = fields.get("id").and_then(Value::as_u64) else {
        return Ok(What::Lacking("id"));
    };
    Ok(match id {
        SIGN_IN => match (text("dev_id")?, text("token")?) {
            (Some(account), Some(token)) => What::SignIn {
                account,
                token: Secret::new(token),
                app_id: text("app_id")?,
            },
            (None, _) => What::Lacking("dev_id"),
            (Some(_), None) => What::Lacking("token"),
        },
        SIGN_OUT => What::SignOut,
        SUBSCRIBE => What::Subscribe(wishes(fields)?),
        UNSUBSCRIBE => What::Unsubscribe(wishes(fields)?),
        LOOK => What::Look(wishes(fields)?),
        BEAT => What::Beat,
        _ => return Err(format!("id {id} is no request of the event gateway")),
    })
}

fn wishes(fields: &Object) -> Result<Vec<Wish>, String> {
    let list = match fields.get("app_list") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err("app_list must be an array".to_owned()),
    };
    list.iter().map(wish).collect()
}

fn wish(app: &Value) -> Result<Wish, String> {
    let app = app.as_object().ok_or("app_list must have objects")?;
    let app_id = app.get("app_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let app_id = app_id.ok_or("app_list must have objects with an app_id")?;
    let channels = match app.get("group_list") {
        None | Some(Value::Null) => None,
        Some(Value::Array(groups)) if groups.len() > MAX_GROUPS => {
            return Err(format!("group_list has more than {MAX_GROUPS} groups"));
        }
        Some(Value::Array(groups)) => {
            let names = groups.iter().map(|group| group.as_str().map(str::to_owned));
            Some(names.collect::<Option<_>>().ok_or("group_list must have strings")?)
        }
        Some(_) => return Err("group_list must be an array".to_owned()),
    };
    let since = match app.get("version") {
        None | Some(Value::Null) => None,
        Some(version) => Some(version.as_u64().ok_or("version must be a whole number")?),
    };
    Ok(Wish {
        app_id: app_id.to_owned(),
        channels,
        since,
    })
}

/// The messages, in order.
pub(in crate::dialect) fn write(told: &Told) -> Vec<String> {
    match told {
        Told::Answer { what, echo, answer } => answers(what, echo, answer),
        Told::Event { app_id, happened } => vec![event(app_id, happened).to_string()],
    }
}

fn answers(what: &What, echo: &str, answer: &Answer) -> Vec<String> {
    let mut again: Object = serde_json::from_str(echo).unwrap_or_default();
    let asked = again.remove("id").and_then(|id| id.as_u64()).unwrap_or_default();
    let frame = |result: u64, message: &str| {
        let mut frame = again.clone();
        frame.insert("id".to_owned(), asked.saturating_add(1).into());
        frame.insert("result".to_owned(), result.into());
        frame.insert("message".to_owned(), message.into());
        frame
    };
    let refuse = |why: &Why| {
        let error = refusal(why);
        Value::Object(frame(error.code.number(Flavour::default()), &error.msg)).to_string()
    };
    match answer {
        Answer::Done => vec![Value::Object(frame(0, success(what))).to_string()],
        Answer::Refused(why) => vec![refuse(why)],
        Answer::States(states) => {
            let text = |app: &AppState| {
                let mut frame = frame(0, success(what));
                frame.insert("app_id".to_owned(), app.app_id.clone().into());
                frame.insert("version".to_owned(), app.version.into());
                let groups: Vec<_> = app.channels.iter().map(group).collect();
                frame.insert("group_list".to_owned(), groups.into());
                let text = Value::Object(frame).to_string();
                match text.len() > MAX_TOLD_BYTES {
                    true => refuse(&Why::TooLarge),
                    false => text,
                }
            };
            states.iter().map(text).collect()
        }
    }
}

fn success(what: &What) -> &'static str {
    match what {
        What::SignIn { .. } => "login successful",
        What::SignOut => "logout successful",
        What::Subscribe(_) => "subscribe successful",
        What::Unsubscribe(_) => "unsubscribe successful",
        What::Look(_) => "synchronize all data successful",
        What::Beat => "heartbeat successful",
        What::Lacking(_) | What::Nonsense(_) => "OK",
    }
}

fn refusal(why: &Why) -> ApiError {
    match why {
        Why::NotSignedIn => ApiError::new(NOT_SIGNED_IN, "log in first"),
        Why::SignedInAlready => ApiError::new(CONNECTED, "this connection is logged in"),
        Why::BadToken => ApiError::new(AUTHENTICATION_FAILED, "token has to be the access_token of dev_id"),
        Why::TokenOver => ApiError::new(TOKEN_OVER, ""),
        Why::NotAllowed { app_id } => ApiError::new(NOT_ALLOWED, format!("{app_id} is none of the developer's")),
        Why::NoApp => ApiError::new(PARAMETER_MISSING, "app_list"),
        Why::TooMany => ApiError::new(BUSY, "too many apps for one connection, or connections for one app"),
        Why::TooLarge => ApiError::new(
            GATEWAY_PARAMETER,
            "so many groups fit into no message: name some in group_list",
        ),
        Why::Unavailable => ApiError::new(OPERATION_FAILED, "try again"),
        Why::Lacking(field) => ApiError::new(PARAMETER_MISSING, field),
        Why::Nonsense(problem) => ApiError::new(GATEWAY_PARAMETER, problem),
    }
}

fn group(state: &ChannelState) -> Value {
    let all = || state.users.values().flatten();
    let boards = all().filter(|media| is_of_group(**media)).map(|media| media_of(*media));
    let users = state.users.iter().map(|(uid, media)| {
        let own = media.iter().filter(|media| !is_of_group(**media));
        let own: Vec<_> = own.map(|media| media_of(*media)).collect();
        json!({"user_id": uid, "media_info": own})
    });
    json!({
        "group_id": state.channel,
        "group_media_list": boards.collect::<Vec<_>>(),
        "user_list": users.collect::<Vec<_>>(),
    })
}

/// Whether the group has it, rather than one of its users.
fn is_of_group(media: Media) -> bool {
    media == Media::Whiteboard
}

/// Its id and number. A user has one of each kind here, so that the id says no more than the kind.
fn media_fields(media: Media) -> (&'static str, u64) {
    match media {
        Media::Screen => ("0", 0),
        Media::Sound => ("appdef_mic", 1),
        Media::Camera => ("LocalCam_0", 2),
        Media::Whiteboard => ("whiteboard", 4),
    }
}

fn media_of(media: Media) -> Value {
    let (id, number) = media_fields(media);
    json!({"media_id": id, "media_type": number})
}

fn event(app_id: &str, happened: &Happened) -> Value {
    let (id, uid, media) = match &happened.what {
        Happening::Joined { uid } => (JOINED, Some(uid), None),
        Happening::Left { uid } => (LEFT, Some(uid), None),
        Happening::MediaBegan { uid, media } => (MEDIA_BEGAN, Some(uid), Some(*media)),
        Happening::MediaEnded { uid, media } => (MEDIA_ENDED, Some(uid), Some(*media)),
        Happening::Recording { .. } => (u64::from(RECORD_STATUS), None, None),
    };
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("business", "EGW".into());
    put("id", id.into());
    put("app_id", app_id.into());
    put("group_id", happened.channel.clone().into());
    put("version", happened.version.into());
    if let Some(uid) = uid {
        put("user_id", uid.clone().into());
    }
    if let Some(media) = media {
        let (id, number) = media_fields(media);
        put("media_id", id.into());
        put("media_type", number.into());
    }
    if let Happening::Recording { text, .. } = &happened.what
        && let Ok(told) = serde_json::from_str::<Object>(text)
    {
        fields.extend(told);
    }
    fields.into()
}
