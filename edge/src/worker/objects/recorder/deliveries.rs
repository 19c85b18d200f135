use std::cell::RefCell;

use protocol::RecorderKey;
use worker::Env;

use super::log;
use crate::gateway::feed;
use crate::recording::{Delivery, Subject};
use crate::worker::bindings;
use crate::worker::objects::feed_of::ask_feed;
use crate::worker::objects::platform::Platform;
use crate::worker::webhooks::{self, Receiver};

/// The settings of an app's callback are taken for so long as they were read.
const RECEIVER_MS: u64 = 30_000;

/// Who is told of events, and since when that is known.
#[derive(Default)]
pub(super) struct Receivers(RefCell<Option<(u64, Option<Receiver>)>>);

impl Receivers {
    /// `None` when the event does not wait any more.
    pub(super) async fn deliver(&self, subject: &Subject, position: u64, platform: &Platform) -> Option<Delivery> {
        let failed = |error: String| Some(Delivery::Failed { status: None, error });
        let notice = match log::waiting(&platform.sql(), &subject.sid, position) {
            Ok(notice) => notice?,
            Err(error) => return failed(format!("the event cannot be read: {error}")),
        };
        let env = platform.env();
        match self.find(&subject.key, platform).await {
            Ok(Some(Receiver::Callback(calling))) => {
                let timeout_ms = bindings::pacing(env).timeout_ms;
                Some(calling.deliver(subject, &notice, timeout_ms, env).await)
            }
            Ok(Some(Receiver::Listeners(dialect))) => Some(match dialect.told(subject, &notice.event) {
                Some(text) => tell_listeners(subject, notice.number, text, env).await,
                None => Delivery::Unwanted,
            }),
            Ok(None) => Some(Delivery::NoReceiver),
            Err(error) => failed(format!("the callback's settings cannot be read: {error}")),
        }
    }

    async fn find(&self, key: &RecorderKey, platform: &Platform) -> Result<Option<Receiver>, String> {
        let now_ms = bindings::now_ms();
        if let Some((since_ms, receiver)) = &*self.0.borrow()
            && now_ms.saturating_sub(*since_ms) < RECEIVER_MS
        {
            return Ok(receiver.clone());
        }
        let receiver = webhooks::receiver(&key.app_id, &key.channel, platform.env()).await?;
        self.0.replace(Some((now_ms, receiver.clone())));
        Ok(receiver)
    }
}

async fn tell_listeners(subject: &Subject, number: u64, text: String, env: &Env) -> Delivery {
    let request = feed::Request::Told {
        channel: subject.key.channel.clone(),
        sid: subject.sid.clone(),
        number,
        text,
    };
    match ask_feed(&subject.key.app_id, request, env).await {
        Ok(_) => Delivery::Delivered { status: 200 },
        Err(_) => Delivery::Failed {
            status: None,
            error: "those who listen to the app could not be told".to_owned(),
        },
    }
}
