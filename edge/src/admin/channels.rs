//! The channels of an app that somebody is in.

use percent_encoding::percent_decode_str;
use protocol::{LiveChannel, LiveSession, LiveStream, LiveUser, UserRemoval};
use serde::Serialize;

use super::error::AdminError;
use super::{Admin, Question};
use crate::access::{Page, Store, is_id};
use crate::http::Response;

/// A channel as the operator sees it.
#[derive(Serialize)]
struct View {
    channel: String,
    users: Vec<UserView>,
    sessions: Vec<SessionView>,
}

#[derive(Serialize)]
struct SessionView {
    node_id: String,
    #[serde(flatten)]
    session: LiveSession,
}

#[derive(Serialize)]
struct UserView {
    uid: String,
    node_id: String,
    joined_at_ms: u64,
    streams: Vec<LiveStream>,
}

impl<S: Store> Admin<'_, S> {
    pub(super) fn channels(&self, app_id: &str) -> Result<Question, AdminError> {
        match is_id(app_id) {
            true => Ok(Question::Channels {
                app_id: app_id.to_owned(),
                channel: self.channel()?,
            }),
            false => Err(AdminError::not_found("app", app_id)),
        }
    }

    pub(super) fn remove_user(&self, app_id: &str, channel: &str, uid: &str) -> Result<Question, AdminError> {
        let decode = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .ok()
                .map(|text| text.into_owned())
        };
        match (is_id(app_id), decode(channel), decode(uid)) {
            (true, Some(channel), Some(uid)) => Ok(Question::RemoveUser(UserRemoval {
                app_id: app_id.to_owned(),
                channel,
                uid,
            })),
            _ => Err(AdminError::not_found("user", uid)),
        }
    }
}

/// What the nodes say of an app's channels, each with its node's id, as one list by channel.
pub fn channels(told: Vec<(String, Vec<LiveChannel>)>) -> Response {
    let mut items = Vec::<View>::new();
    for (node_id, channels) in told {
        for LiveChannel {
            channel,
            users,
            sessions,
        } in channels
        {
            let user = |user: LiveUser| UserView {
                uid: user.uid,
                node_id: node_id.clone(),
                joined_at_ms: user.joined_at_ms,
                streams: user.streams,
            };
            let session = |session: LiveSession| SessionView {
                node_id: node_id.clone(),
                session,
            };
            let (users, sessions) = (users.into_iter().map(user), sessions.into_iter().map(session));
            match items.iter_mut().find(|item| item.channel == channel) {
                Some(item) => {
                    item.users.extend(users);
                    item.sessions.extend(sessions);
                }
                None => items.push(View {
                    channel,
                    users: users.collect(),
                    sessions: sessions.collect(),
                }),
            }
        }
    }
    for item in &mut items {
        item.users.sort_by_key(|user| user.joined_at_ms);
        item.sessions.sort_by_key(|view| view.session.since_ms);
    }
    items.sort_by(|one, other| one.channel.cmp(&other.channel));
    Response::json(200, &Page { items, cursor: None })
}

/// The answer when so many streams of a user have ended.
pub fn removed(uid: &str, streams: u32) -> Response {
    match streams {
        0 => AdminError::not_found("user", uid).response(),
        _ => Response::empty(204),
    }
}
