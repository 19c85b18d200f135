use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;

use super::Targets;
use super::resolver::Resolver;

const CONNECT_TIME: Duration = Duration::from_secs(10);

/// An HTTP client for servers that customers name. Clones share their connections. A request has no time-out but for the
/// connection: the caller sets one.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) targets: Targets,
}

impl Client {
    /// Takes a redirect for an answer: a signed request is good for one address.
    pub fn without_redirects(targets: Targets) -> Result<Self, reqwest::Error> {
        Self::with(targets, Policy::none())
    }

    pub(super) fn with(targets: Targets, redirects: Policy) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .dns_resolver(Arc::new(Resolver(targets)))
            .redirect(redirects)
            .connect_timeout(CONNECT_TIME)
            .no_proxy()
            .build()?;
        Ok(Self { http, targets })
    }
}
