//! Telling those who listen to an app who is in a channel.

use protocol::CarriedUser;
use worker::{Env, console_error};

use super::automatic::settings;
use crate::channel::{ChannelKey, Heard};
use crate::dialect::Dialect;
use crate::gateway::feed::{self, User};
use crate::worker::objects::feed_of::ask_feed;

pub(super) async fn announce(channel: &ChannelKey, users: Vec<CarriedUser>, env: &Env) -> Heard {
    let app = match settings(&channel.app_id, env).await {
        Ok(Some(app)) => app,
        Ok(None) => return Heard::Nobody,
        Err(error) => {
            console_error!(
                "whether anybody may listen to app {} is not known: {error}",
                channel.app_id
            );
            return Heard::Failed;
        }
    };
    if !Dialect::named(&app.dialect).is_some_and(Dialect::has_listeners) {
        return Heard::Nobody;
    }
    let users = users.into_iter().map(|user| User {
        uid: user.uid,
        streams: user.streams.into_iter().map(|stream| stream.name).collect(),
    });
    let request = feed::Request::Roster {
        channel: channel.channel.clone(),
        users: users.collect(),
    };
    match ask_feed(&channel.app_id, request, env).await {
        Ok(feed::Reply::Done) => Heard::Listeners,
        Ok(_) => {
            console_error!("app {} has more channels than can be listened to", channel.app_id);
            Heard::Listeners
        }
        Err(_) => Heard::Failed,
    }
}
