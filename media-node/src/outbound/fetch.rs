use std::time::Duration;

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::{Action, Attempt, Policy};
use url::Url;

use super::{Blocked, Client, Targets};

const MOST_REDIRECTS: usize = 5;
const FORM: &str = "application/x-www-form-urlencoded";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Blocked(#[from] Blocked),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

impl Client {
    /// Follows up to five redirects.
    pub fn new(targets: Targets) -> Result<Self, reqwest::Error> {
        Self::with(targets, Policy::custom(move |attempt| follow(targets, attempt)))
    }

    /// The answer to a GET. It has to be read within `limit`, counted from the call.
    pub async fn get(&self, url: Url, limit: Duration) -> Result<Response, FetchError> {
        self.targets.check(&url)?;
        told(self.http.get(url).timeout(limit).send().await)
    }

    /// The answer to a POST of a form, percent-encoded as it is sent. It has to be read within `limit`, counted from the
    /// call.
    pub async fn post_form(&self, url: Url, form: String, limit: Duration) -> Result<Response, FetchError> {
        self.targets.check(&url)?;
        let request = self.http.post(url).header(CONTENT_TYPE, FORM).body(form);
        told(request.timeout(limit).send().await)
    }
}

fn told(answer: Result<Response, reqwest::Error>) -> Result<Response, FetchError> {
    answer.map_err(|error| match Blocked::among(&error) {
        Some(blocked) => blocked.clone().into(),
        // The URL may hold what is secret.
        None => error.without_url().into(),
    })
}

fn follow(targets: Targets, attempt: Attempt<'_>) -> Action {
    if attempt.previous().len() > MOST_REDIRECTS {
        return attempt.error("it redirects too often");
    }
    match targets.check(attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(blocked) => attempt.error(blocked),
    }
}
