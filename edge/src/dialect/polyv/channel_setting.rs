//! What one channel of an account has set for its callback.

use serde_json::json;

use super::answer::{Refusal, success};
use super::caller::Caller;
use super::format::Format;
use super::params::Params;
use super::record_callback::{address, save};
use crate::access::{App, Callback, ChannelCallback, Setting, Store, is_id};
use crate::dialect::step::Step;
use crate::dialect::vendor::Server;
use crate::input::Targets;

/// The callbacks that the vendor has beside that of recorded files. They can be cleared here, but not set.
const OTHERS: [&str; 5] = [
    "playbackCallbackUrl",
    "streamCallbackUrl",
    "pptRecordCallbackUrl",
    "liveScanCallbackUrl",
    "playbackCacheCallbackUrl",
];

/// The channel that is asked about, with what it has set.
pub(super) struct Known {
    channel: String,
    set: Option<ChannelCallback>,
}

pub(super) async fn read<S: Store>(caller: &Caller, params: &Params, server: &Server<'_, S>) -> Result<Known, Refusal> {
    read_of(caller, channel_id(params.get("channelId"))?, server).await
}

/// Of a channel that is named elsewhere.
pub(super) async fn read_of<S: Store>(
    caller: &Caller,
    channel: String,
    server: &Server<'_, S>,
) -> Result<Known, Refusal> {
    let set = server.directory.channel_callback(&caller.app.app_id, &channel).await;
    Ok(Known {
        set: set.map_err(Refusal::Unavailable)?,
        channel,
    })
}

impl Known {
    /// The callback that is told of the channel's files.
    pub(super) fn callback(&self, app: &App) -> Option<Callback> {
        ChannelCallback::of(self.set.clone(), app.callback.clone())
    }
}

/// The number of a channel; names of channels are taken as well, as long as they can be part of a path.
pub(super) fn channel_id(text: Option<&str>) -> Result<String, Refusal> {
    let id = text.filter(|id| is_id(id)).ok_or(Refusal::Param("channelId"))?;
    Ok(id.to_owned())
}

pub(super) fn get(caller: &Caller, known: &Known) -> Step {
    let set = known.set.as_ref();
    let own = set.and_then(|set| set.url.as_ref()).map_or("", |url| url.expose());
    let account = caller.app.callback.as_ref();
    let events = set
        .and_then(|set| set.events.as_deref())
        .or(account.and_then(|callback| callback.events.as_deref()));
    let mut data = json!({
        "channelId": known.channel,
        "recordCallbackVideoType": Format::names(events),
        "recordCallbackUrl": own,
        "globalSettingEnabled": if set.is_none() { "Y" } else { "N" },
    });
    if let Some(data) = data.as_object_mut() {
        data.extend(OTHERS.map(|name| (name.to_owned(), json!(""))));
    }
    Step::Respond(success(data))
}

/// Changes what is given: an empty text clears, what is absent stays.
pub(super) fn update(caller: &Caller, params: &Params, known: Known, targets: Targets) -> Result<Step, Refusal> {
    if let Some(name) = OTHERS.into_iter().find(|name| params.get(name).is_some()) {
        return Err(Refusal::Param(name));
    }
    let Known { channel, set } = known;
    let mut set = set.unwrap_or(ChannelCallback {
        url: None,
        secret: caller.secret.clone(),
        events: None,
    });
    match params.given("recordCallbackUrl") {
        None => {}
        Some("") => set.url = None,
        Some(url) => {
            set.url = Some(address(url, targets)?);
            set.secret = caller.secret.clone();
        }
    }
    match params.given("recordCallbackVideoType") {
        None => {}
        Some("") => set.events = None,
        Some(names) => {
            let numbers = Format::numbers(names);
            set.events = Some(numbers.ok_or(Refusal::Param("recordCallbackVideoType"))?);
        }
    }
    let is_something = set.url.is_some() || set.events.is_some();
    Ok(save(Setting::ChannelCallback {
        app_id: caller.app.app_id.clone(),
        channel,
        set: is_something.then_some(set),
    }))
}
