//! What has to be found out, or told to others, for somebody who listens.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use protocol::Secret;
use worker::{Env, console_error};

use crate::access::{Directory, DirectoryError, KeyRing};
use crate::dialect::Dialect;
use crate::gateway::feed::{Reply as FeedReply, Request as FeedRequest};
use crate::gateway::listener::{self, AppState, Why, Wish};
use crate::gateway::{Pass, Reply, Request};
use crate::worker::bindings;
use crate::worker::kv::KvStore;
use crate::worker::objects::ask::ask;
use crate::worker::objects::feed_of::ask_feed;
use crate::worker::objects::gateway::Gateway;
use crate::worker::objects::listener_of::ListenerOf;

/// The tenant of the account, if the token is the account's.
pub(super) async fn enter(name: &str, account: String, token: Secret, env: &Env) -> Result<String, Why> {
    let tenant = tenant_of(&account, env).await?;
    let request = Request::Listen {
        account,
        token: token.expose().to_owned(),
        listener: name.to_owned(),
    };
    match ask::<Gateway>(env, &tenant, &request).await {
        Ok(Reply::Listens { left }) => {
            if let Some(left) = left {
                // One that does not answer is gone.
                let _ = ask::<ListenerOf>(env, &left, &listener::Request::Close).await;
            }
            Ok(tenant)
        }
        Ok(Reply::Checked(Pass::Over)) => Err(Why::TokenOver),
        Ok(Reply::Checked(_)) => Err(Why::BadToken),
        Ok(_) | Err(_) => Err(Why::Unavailable),
    }
}

/// All of the apps are followed, or none of those that were not before.
pub(super) async fn follow(name: &str, tenant: &str, wishes: Vec<Wish>, env: &Env) -> Result<(), Why> {
    check(tenant, &wishes, env).await?;
    let mut followed = BTreeSet::new();
    for wish in wishes {
        let request = FeedRequest::Subscribe {
            listener: name.to_owned(),
            channels: wish.channels,
            since: wish.since,
        };
        let why = match ask_feed(&wish.app_id, request, env).await {
            Ok(FeedReply::Done) => {
                followed.insert(wish.app_id);
                continue;
            }
            Ok(_) => Why::TooMany,
            Err(_) => Why::Unavailable,
        };
        unfollow(name, followed, env).await;
        return Err(why);
    }
    Ok(())
}

pub(super) async fn look(tenant: &str, wishes: Vec<Wish>, env: &Env) -> Result<Vec<AppState>, Why> {
    check(tenant, &wishes, env).await?;
    let looks = wishes.into_iter().map(async |Wish { app_id, channels, .. }| {
        match ask_feed(&app_id, FeedRequest::Look { channels }, env).await {
            Ok(FeedReply::State { version, channels }) => Ok(AppState {
                app_id,
                version,
                channels,
            }),
            Ok(_) | Err(_) => Err(Why::Unavailable),
        }
    });
    join_all(looks).await.into_iter().collect()
}

/// A feed that was not reached finds out by itself.
pub(super) async fn unfollow(name: &str, apps: BTreeSet<String>, env: &Env) {
    let leaves = apps.iter().map(async |app_id| {
        let listener = name.to_owned();
        let _ = ask_feed(app_id, FeedRequest::Leave { listener }, env).await;
    });
    join_all(leaves).await;
}

pub(super) async fn leave(name: &str, tenant: &str, account: String, env: &Env) {
    let listener = name.to_owned();
    // The account's list makes room by itself.
    let _ = ask::<Gateway>(env, tenant, &Request::Leave { account, listener }).await;
}

/// Whether the apps are the tenant's, and can be listened to.
async fn check(tenant: &str, wishes: &[Wish], env: &Env) -> Result<(), Why> {
    let (store, keys) = directory(env)?;
    let directory = Directory::new(&store, &keys);
    for Wish { app_id, .. } in wishes {
        let app = directory.app(app_id).await.map_err(|error| unread(&error))?;
        let is_own = app.is_some_and(|app| {
            app.tenant == tenant && Dialect::named(&app.dialect).is_some_and(Dialect::has_listeners)
        });
        if !is_own {
            let app_id = app_id.clone();
            return Err(Why::NotAllowed { app_id });
        }
    }
    Ok(())
}

async fn tenant_of(account: &str, env: &Env) -> Result<String, Why> {
    let (store, keys) = directory(env)?;
    let credential = Directory::new(&store, &keys).credential(account).await;
    let credential = credential.map_err(|error| unread(&error))?;
    Ok(credential.ok_or(Why::BadToken)?.tenant)
}

fn directory(env: &Env) -> Result<(KvStore, KeyRing), Why> {
    let read = || Ok::<_, bindings::Misconfigured>((bindings::directory(env)?, bindings::seal_keys(env)?));
    read().map_err(|error| {
        console_error!("{error}");
        Why::Unavailable
    })
}

fn unread(error: &DirectoryError) -> Why {
    console_error!("{error}");
    Why::Unavailable
}
