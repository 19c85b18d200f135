use std::cell::RefCell;

use protocol::RecorderKey;

use super::log;
use crate::recording::{Delivery, Subject};
use crate::worker::bindings;
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
            Ok(Some(receiver)) => {
                let timeout_ms = bindings::pacing(env).timeout_ms;
                Some(receiver.deliver(subject, &notice, timeout_ms, env).await)
            }
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
