//! Whether somebody may enter a channel.

use protocol::{EntryAnswer, EntryQuestion, Rights};

use super::token::{Entry, privileges};
use super::{App, ChannelAccess};

/// Answers a node. `app`: the one that is asked about, if there is one. `now_ms`: Unix milliseconds.
pub fn enter(app: Option<&App>, question: &EntryQuestion, now_ms: u64) -> EntryAnswer {
    let Some(app) = app else {
        return refused("there is no such app: the first part of the path must be an App ID");
    };
    if app.disabled {
        return refused("the app is disabled");
    }
    if app.channels.access == ChannelAccess::Open {
        return EntryAnswer::Open;
    }
    let Some(token) = question.token.as_ref().filter(|token| !token.is_empty()) else {
        return refused("the channel asks for a channel token");
    };
    let entry = Entry {
        app_id: &app.app_id,
        channel: &question.channel,
        uid: Some(&question.uid),
    };
    match privileges(token.expose(), app, &entry, question.own_uid.as_deref(), now_ms) {
        Err(error) => refused(&format!("the channel token is refused: {error}")),
        Ok(allowed) => {
            let left = |until_ms: Option<u64>| until_ms.unwrap_or_default().saturating_sub(now_ms);
            EntryAnswer::Granted(Rights {
                play_ms: left(allowed.join),
                publish_audio_ms: left(allowed.publish_audio),
                publish_video_ms: left(allowed.publish_video),
            })
        }
    }
}

fn refused(reason: &str) -> EntryAnswer {
    EntryAnswer::Refused {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
