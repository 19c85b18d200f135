use protocol::Secret;
use serde_json::Value;

use super::answer::{Refusal, success, unavailable};
use super::caller::Caller;
use super::params::Params;
use crate::access::{Callback, Setting};
use crate::dialect::step::{Saving, Step};
use crate::input::{Targets, plain_web_url};

const MAX_URL_BYTES: usize = 1024;

/// Sets the account's callback for recorded files, or switches it off when no address is given.
pub(super) fn set(caller: Caller, params: &Params, targets: Targets) -> Result<Step, Refusal> {
    let url = params.get("url").map(|url| address(url, targets)).transpose()?;
    let Caller { mut app, secret } = caller;
    let events = app.callback.take().and_then(|callback| callback.events);
    app.callback = url.map(|url| Callback { url, secret, events });
    Ok(save(Setting::App(Box::new(app))))
}

/// Sets a callback of the account for something else, or switches it off.
pub(super) fn set_further(
    caller: Caller,
    name: &'static str,
    params: &Params,
    targets: Targets,
) -> Result<Step, Refusal> {
    let url = params.get("url").map(|url| address(url, targets)).transpose()?;
    let Caller { mut app, secret } = caller;
    match url {
        Some(url) => {
            let callback = Callback {
                url,
                secret,
                events: None,
            };
            app.further.insert(name.to_owned(), callback);
        }
        None => {
            app.further.remove(name);
        }
    }
    Ok(save(Setting::App(Box::new(app))))
}

/// The address of a callback.
pub(super) fn address(url: &str, targets: Targets) -> Result<Secret, Refusal> {
    let has_scheme = url.starts_with("http://") || url.starts_with("https://");
    let is_good = has_scheme && url.len() <= MAX_URL_BYTES && plain_web_url(url) && targets.check(url).is_ok();
    is_good.then(|| Secret::new(url)).ok_or(Refusal::Url)
}

pub(super) fn save(setting: Setting) -> Step {
    let saved = |saved| match saved {
        Ok(()) => Step::Respond(success(Value::from(""))),
        Err(error) => Step::Failed(error, unavailable()),
    };
    Step::Save(Box::new(Saving::new(setting, saved)))
}
