use protocol::Secret;
use serde::{Deserialize, Serialize};

use super::{App, Callback};

/// What a customer has set for the callback of one channel; it goes before what the app has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelCallback {
    /// As [`Callback::url`]; `None` for the app's own.
    pub url: Option<Secret>,
    /// What the events are signed with.
    pub secret: Secret,
    /// As [`Callback::events`]; `None` for those that the app's callback wants.
    pub events: Option<Vec<u32>>,
}

impl ChannelCallback {
    /// The callback that is told of the channel's events.
    pub fn of(set: Option<Self>, app: Option<Callback>) -> Option<Callback> {
        let Some(set) = set else { return app };
        let events = set.events.or_else(|| app.as_ref().and_then(|app| app.events.clone()));
        match set.url {
            Some(url) => Some(Callback {
                url,
                secret: set.secret,
                events,
            }),
            None => app.map(|app| Callback { events, ..app }),
        }
    }
}

/// A change of what the directory has.
#[derive(Debug)]
pub enum Setting {
    App(Box<App>),
    /// `None` for none.
    ChannelCallback {
        app_id: String,
        channel: String,
        set: Option<ChannelCallback>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channels_setting_goes_before_the_apps() {
        let callback = |url: &str, events: &[u32]| Callback {
            url: Secret::new(url),
            secret: Secret::new("s"),
            events: (!events.is_empty()).then(|| events.to_vec()),
        };
        let set = |url: Option<&str>, events: &[u32]| ChannelCallback {
            url: url.map(Secret::new),
            secret: Secret::new("s"),
            events: (!events.is_empty()).then(|| events.to_vec()),
        };
        let app = || Some(callback("app", &[1]));
        for (channels, apps, result) in [
            (None, None, None),
            (None, app(), app()),
            (Some(set(None, &[])), None, None),
            (Some(set(None, &[2])), app(), Some(callback("app", &[2]))),
            (Some(set(Some("channel"), &[])), app(), Some(callback("channel", &[1]))),
            (Some(set(Some("channel"), &[])), None, Some(callback("channel", &[]))),
            (Some(set(Some("channel"), &[2])), app(), Some(callback("channel", &[2]))),
        ] {
            assert_eq!(ChannelCallback::of(channels, apps), result);
        }
    }
}
