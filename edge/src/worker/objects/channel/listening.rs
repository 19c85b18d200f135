//! Telling those who listen to an app who is in a channel, and the room of a channel.

use protocol::CarriedUser;
use worker::{Env, console_error};

use super::automatic::settings;
use crate::channel::{ChannelKey, Heard};
use crate::dialect::Dialect;
use crate::gateway::feed::{self, User};
use crate::room;
use crate::worker::objects::ask::ask;
use crate::worker::objects::feed_of::ask_feed;
use crate::worker::objects::room_of::RoomOf;

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
    let dialect = Dialect::named(&app.dialect);
    if dialect.is_some_and(Dialect::has_rooms) {
        return announce_room(channel, users, env).await;
    }
    if !dialect.is_some_and(Dialect::has_listeners) {
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

/// A room that is not there yet asks by itself when it is.
async fn announce_room(channel: &ChannelKey, users: Vec<CarriedUser>, env: &Env) -> Heard {
    if room::ids::number_of(&channel.channel).is_none() {
        return Heard::Nobody;
    }
    let question = room::Question {
        room_id: channel.channel.clone(),
        app_id: channel.app_id.clone(),
        request: room::Request::Roster {
            users: room::publishers(users),
        },
    };
    match ask::<RoomOf>(env, &question.room_id, &question).await {
        Ok(_) => Heard::Listeners,
        Err(_) => Heard::Failed,
    }
}
