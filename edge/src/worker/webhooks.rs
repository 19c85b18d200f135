//! Calls to the callbacks of apps. Each has a time-out and follows no redirect, so that an address that is allowed cannot
//! lead to one that is not.

use std::collections::BTreeMap;

use worker::{AbortSignal, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, ResponseBody, web_sys};

use super::bindings;
use crate::access::{Callback, ChannelCallback, Directory, HouseStorage};
use crate::admin::TestResult;
use crate::dialect::{Dialect, NoticeTerms, Notification};
use crate::recording::{Delivery, Event, Notice, Subject};

/// An error in the log is cut after so many bytes.
const MAX_ERROR_BYTES: usize = 300;

/// Who is told of an app's events, and the dialect that they are told in.
#[derive(Clone)]
pub(super) enum Receiver {
    Callback(Box<Calling>),
    /// Those who listen to the app.
    Listeners(Dialect),
}

/// The callbacks that are told of an app's events.
#[derive(Clone)]
pub(super) struct Calling {
    dialect: Dialect,
    /// `None` when there are but further ones.
    callback: Option<Callback>,
    further: BTreeMap<String, Callback>,
    house_storage: Option<HouseStorage>,
}

/// The receiver of a channel's events as the directory has it at this moment; `None` when there is none, or no such app.
pub(super) async fn receiver(app_id: &str, channel: &str, env: &Env) -> Result<Option<Receiver>, String> {
    let (store, keys) = match (bindings::directory(env), bindings::seal_keys(env)) {
        (Ok(store), Ok(keys)) => (store, keys),
        (Err(error), _) | (_, Err(error)) => return Err(error.to_string()),
    };
    let directory = Directory::new(&store, &keys);
    let app = directory.app(app_id).await.map_err(|error| error.to_string())?;
    let Some(app) = app else { return Ok(None) };
    // The events wait for a server that offers it, or for the operator.
    let dialect = Dialect::named(&app.dialect);
    let dialect = dialect.ok_or_else(|| format!("this server does not offer the app's dialect {:?}", app.dialect))?;
    if dialect.has_listeners() {
        return Ok(Some(Receiver::Listeners(dialect)));
    }
    let own = match dialect.has_channel_callbacks() {
        true => directory.channel_callback(app_id, channel).await,
        false => Ok(None),
    };
    let callback = ChannelCallback::of(own.map_err(|error| error.to_string())?, app.callback);
    let is_there = callback.is_some() || !app.further.is_empty();
    let calling = Calling {
        dialect,
        callback,
        further: app.further,
        house_storage: app.house_storage,
    };
    Ok(is_there.then(|| Receiver::Callback(Box::new(calling))))
}

impl Calling {
    pub(super) async fn deliver(&self, subject: &Subject, notice: &Notice, timeout_ms: u64, env: &Env) -> Delivery {
        let Some(callback) = self.callback_for(&notice.event) else {
            return Delivery::Unwanted;
        };
        let public_url = bindings::public_url(env);
        let terms = NoticeTerms {
            callback,
            house_storage: self.house_storage.as_ref(),
            public_url: public_url.as_deref(),
            now_ms: bindings::now_ms(),
        };
        let notification = self.dialect.notification(subject, notice, terms);
        call(callback, notification, timeout_ms, env).await
    }

    /// The callback that wants to be told of an event.
    fn callback_for(&self, event: &Event) -> Option<&Callback> {
        match self.dialect.callback_name(event) {
            Some(name) => self.further.get(name),
            None => {
                let callback = self.callback.as_ref();
                callback.filter(|callback| self.dialect.wants(event, callback))
            }
        }
    }
}

/// Sends a notification to its callback.
pub(super) async fn call(callback: &Callback, notification: Notification, timeout_ms: u64, env: &Env) -> Delivery {
    let url = callback.url.expose();
    // The operator may have changed what is allowed since the callback was set.
    if let Err(problem) = bindings::targets(env).check(url) {
        return failed(None, &format!("the callback's URL {problem}"));
    }
    match send(&notification.url(url), notification, timeout_ms).await {
        Ok(status @ 200..300) => Delivery::Delivered { status },
        Ok(status @ 300..400) => failed(Some(status), "it answered with a redirect, which is not followed"),
        Ok(status) => failed(Some(status), &format!("it answered with status {status}")),
        Err(error) => failed(None, &error),
    }
}

impl Calling {
    pub(super) fn new(dialect: Dialect, callback: Callback) -> Self {
        Self {
            dialect,
            callback: Some(callback),
            further: BTreeMap::new(),
            house_storage: None,
        }
    }

    /// Sends one event of each type that is wanted, until one gets no answer in time.
    pub(super) async fn test(&self, app_id: &str, env: &Env) -> Vec<TestResult> {
        let timeout_ms = bindings::pacing(env).timeout_ms;
        let mut results = Vec::new();
        let Some(callback) = &self.callback else { return results };
        let samples = self.dialect.samples(app_id, callback, bindings::now_ms());
        for (subject, notice) in samples {
            let started_ms = bindings::now_ms();
            let (delivered, status, error) = match self.deliver(&subject, &notice, timeout_ms, env).await {
                Delivery::Delivered { status } => (true, Some(status), None),
                Delivery::Failed { status, error } => (false, status, Some(error)),
                Delivery::Unwanted | Delivery::NoReceiver => continue,
            };
            results.push(TestResult {
                event_type: self.dialect.event_type(&notice.event),
                delivered,
                status,
                error,
            });
            if bindings::now_ms().saturating_sub(started_ms) >= timeout_ms {
                break;
            }
        }
        results
    }
}

fn failed(status: Option<u16>, error: &str) -> Delivery {
    Delivery::Failed {
        status,
        error: error[..error.floor_char_boundary(MAX_ERROR_BYTES)].to_owned(),
    }
}

/// The status of the answer. Its body is not looked at.
async fn send(url: &str, notification: Notification, timeout_ms: u64) -> Result<u16, String> {
    let started_ms = bindings::now_ms();
    let sent = async {
        let headers = Headers::new();
        for (name, value) in notification.headers.iter() {
            headers.set(name, value)?;
        }
        let body = notification.body.as_deref().map(worker::js_sys::Uint8Array::from);
        let mut init = RequestInit::new();
        init.with_method(Method::from(notification.method.to_owned()))
            .with_headers(headers)
            .with_redirect(RequestRedirect::Manual)
            .with_body(body.map(Into::into));
        let request = Request::new_with_init(url, &init)?;
        let timeout = u32::try_from(timeout_ms).unwrap_or(u32::MAX);
        let limit = AbortSignal::from(web_sys::AbortSignal::timeout_with_u32(timeout));
        let response = Fetch::Request(request).send_with_signal(&limit).await?;
        if let ResponseBody::Stream(body) = response.body() {
            // Nobody waits for the end of it; a body that cannot be cancelled ends with the time-out.
            let _ = body.cancel();
        }
        Ok(response.status_code())
    };
    sent.await.map_err(|error: worker::Error| {
        if bindings::now_ms().saturating_sub(started_ms) >= timeout_ms {
            format!("it gave no answer within {timeout_ms} ms")
        } else {
            format!("it could not be reached: {}", without_url(&error.to_string(), url))
        }
    })
}

/// What stands behind the host in a URL can be secret.
fn without_url(error: &str, url: &str) -> String {
    error.replace(url, "its URL")
}
