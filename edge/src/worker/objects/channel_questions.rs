//! What nodes tell and ask of channels, and recorders. Whoever brings it has made sure of the node.

use futures_util::future::join_all;
use protocol::{
    CarriedChannel, CarriedUser, ChannelLease, ChannelNews, Elsewhere, Fault, Follow, FollowQuestion, Refusal,
    RefusalCode,
};
use worker::Env;

use super::ask::{Unanswered, ask, unavailable};
use super::carried::Carried;
use super::channel_of::ChannelOf;
use super::relaying;
use crate::channel::carried::{self, RENEW_MS, Role};
use crate::channel::{ChannelKey, Question, Reply, Request, Standing};

/// Longest name of an app or a channel, in bytes: as a node's channel server takes them.
const MAX_NAME_BYTES: usize = 255;
const MAX_ADDRESS_BYTES: usize = 300;

/// Takes what is new of a node's channels. Each is kept as the node's before the channel is told so, and until it was told
/// that it is not any more, so that no channel is left out when the node is lost.
pub(in crate::worker) async fn told(node_id: &str, news: ChannelNews, env: &Env) -> Result<ChannelLease, Refusal> {
    check(&news)?;
    let (there, gone): (Vec<_>, Vec<_>) = news.channels.iter().partition(|carried| !carried.users.is_empty());
    let channels = there.into_iter().map(key).collect();
    let lease = lease(
        node_id,
        carried::Request::Carry {
            lease: news.lease,
            channels,
        },
        env,
    )
    .await?;
    let tell = news.channels.iter().map(|carried| {
        let request = Request::Tell {
            node_id: node_id.to_owned(),
            lease,
            address: news.address.clone(),
            version: carried.version,
            users: carried.users.clone(),
        };
        put(key(carried), request, env)
    });
    let told = join_all(tell).await;
    let untold = (0..)
        .zip(&told)
        .filter(|(_, told)| told.is_none())
        .map(|(place, _)| place);
    let channels: Vec<_> = gone.into_iter().map(key).collect();
    if !channels.is_empty() && told.iter().all(Option::is_some) {
        drop_channels(node_id, Some(lease), Role::Carries, channels, env).await;
    }
    Ok(ChannelLease {
        lease,
        interval_ms: RENEW_MS,
        relay_key: relaying::key_of(node_id, env).map_err(|_| unavailable())?,
        untold: untold.collect(),
    })
}

/// Where a channel lives besides at the node that asks.
pub(in crate::worker) async fn followed(
    node_id: &str,
    question: FollowQuestion,
    env: &Env,
) -> Result<Elsewhere, Refusal> {
    let FollowQuestion {
        app_id,
        channel,
        follow,
    } = question;
    check_name(&app_id)?;
    check_name(&channel)?;
    let key = ChannelKey { app_id, channel };
    let node = || node_id.to_owned();
    let reply = match follow {
        Follow::Once => put(key.clone(), Request::Look { node_id: node() }, env).await,
        Follow::Begin => {
            let channel = key.clone();
            let lease = lease(node_id, carried::Request::Follow { channel }, env).await?;
            let request = Request::Follow { node_id: node(), lease };
            put(key.clone(), request, env).await
        }
        Follow::End => {
            let left = put(key.clone(), Request::Leave { node_id: node() }, env).await;
            if left.is_some() {
                drop_channels(node_id, None, Role::Follows, vec![key.clone()], env).await;
            }
            left
        }
    };
    let standing = match reply {
        Some(Reply::Standing(standing)) => standing,
        Some(Reply::Done) => Standing::default(),
        Some(Reply::Carriers(_)) | None => return Err(unavailable()),
    };
    relaying::elsewhere(&key, standing, env).map_err(|_| unavailable())
}

/// The ids of the nodes that carry a channel; none when that cannot be known.
pub(in crate::worker) async fn carriers(channel: ChannelKey, env: &Env) -> Vec<String> {
    match put(channel, Request::Carriers, env).await {
        Some(Reply::Carriers(node_ids)) => node_ids,
        Some(_) | None => Vec::new(),
    }
}

/// Who publishes to a channel, at whatever node; nobody when that cannot be known.
pub(in crate::worker) async fn users(channel: ChannelKey, env: &Env) -> Vec<CarriedUser> {
    // As a node that carries none of it would be told.
    let node_id = String::new();
    match put(channel, Request::Look { node_id }, env).await {
        Some(Reply::Standing(standing)) => standing.carriers.into_iter().flat_map(|(_, _, users)| users).collect(),
        Some(_) | None => Vec::new(),
    }
}

/// Tells a channel that a recording of it captures no more. False when it did not hear of it.
pub(in crate::worker) async fn ended(channel: ChannelKey, sid: String, stopped: bool, env: &Env) -> bool {
    put(channel, Request::Ended { sid, stopped }, env).await.is_some()
}

/// Tells the channels that a node has carried and followed that its process is another one since this time.
pub(in crate::worker) async fn restarted(node_id: &str, at_ms: u64, env: &Env) {
    // What does not arrive is made good by the end of the lease.
    let _ = ask_carried(node_id, carried::Request::Restarted { at_ms }, env).await;
}

async fn put(channel: ChannelKey, request: Request, env: &Env) -> Option<Reply> {
    let question = Question {
        channel: channel.clone(),
        request,
    };
    ask::<ChannelOf>(env, &channel, &question).await.ok()
}

async fn lease(node_id: &str, request: carried::Request, env: &Env) -> Result<u64, Refusal> {
    match ask_carried(node_id, request, env).await {
        Ok(carried::Reply::Lease(lease)) => Ok(lease),
        Ok(carried::Reply::Full) => Err(Refusal {
            fault: Fault::Ours,
            code: RefusalCode::NoCapacity,
            reason: "this node carries and follows as many channels as one node may: add nodes".to_owned(),
        }),
        Err(_) => Err(unavailable()),
    }
}

/// What could not be dropped is told of the node's loss some day, which it passes over.
async fn drop_channels(node_id: &str, lease: Option<u64>, role: Role, channels: Vec<ChannelKey>, env: &Env) {
    let request = carried::Request::Drop { lease, role, channels };
    // The log says why.
    let _ = ask_carried(node_id, request, env).await;
}

async fn ask_carried(node_id: &str, request: carried::Request, env: &Env) -> Result<carried::Reply, Unanswered> {
    let question = carried::Question {
        node_id: node_id.to_owned(),
        request,
    };
    ask::<Carried>(env, node_id, &question).await
}

fn key(carried: &CarriedChannel) -> ChannelKey {
    ChannelKey {
        app_id: carried.app_id.clone(),
        channel: carried.channel.clone(),
    }
}

fn check(news: &ChannelNews) -> Result<(), Refusal> {
    if news.channels.len() > ChannelNews::MAX_CHANNELS {
        let most = ChannelNews::MAX_CHANNELS;
        return Err(refused(format!("one message tells of {most} channels at most")));
    }
    if news.address.len() > MAX_ADDRESS_BYTES || !news.address.starts_with("rtsp://") {
        return Err(refused(
            "the node's address has to have the form rtsp://host:port".to_owned(),
        ));
    }
    for carried in &news.channels {
        check_name(&carried.app_id)?;
        check_name(&carried.channel)?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    match name.len() {
        1..=MAX_NAME_BYTES => Ok(()),
        bytes => Err(refused(format!(
            "the name of an app or a channel has {bytes} bytes; give it 1 to {MAX_NAME_BYTES}"
        ))),
    }
}

fn refused(reason: String) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason,
    }
}
