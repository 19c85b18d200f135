use std::time::Duration;

use protocol::{NodeToken, Roster, Secret};
use reqwest::{Client, Url};

use super::{Credentials, MAX_WAIT, NodeAddresses, RosterError, http};
use crate::channel::StreamPath;

/// The user name that goes with the password; the channel server looks at the password only.
const USERNAME: &str = "recorder";

/// A node's embedded channel server, asked by long polling.
pub(super) struct Builtin {
    client: Client,
    url: Url,
    token: Secret,
    /// What its channel server is shown.
    password: Option<Secret>,
    app: String,
    channel: String,
    /// Replaces the base of the streams' URLs.
    rtsp: Option<String>,
    known: Option<u64>,
}

impl Builtin {
    pub(super) fn new(
        rtsp: Option<&str>,
        roster: Option<&str>,
        app: &str,
        channel: &str,
        node: &NodeAddresses,
    ) -> Result<Self, RosterError> {
        // A server that is somewhere else knows best where its streams are; of this node's own, the node does.
        let rtsp = rtsp.or(match roster {
            None => Some(node.rtsp.as_str()),
            Some(_) => None,
        });
        Ok(Self {
            client: http::client(MAX_WAIT + Duration::from_secs(5))?,
            url: http::url(roster.unwrap_or(&node.roster), &["v1", "channels", app, channel])?,
            token: match roster {
                None => node.node_token.clone(),
                Some(_) => token_for_others(node),
            },
            // A server of an earlier version knows the key and no passes.
            password: node.play_key.clone().or_else(|| node.passes.pass(app, channel)),
            app: app.to_owned(),
            channel: channel.to_owned(),
            rtsp: rtsp.map(str::to_owned),
            known: None,
        })
    }

    pub(super) async fn next(&mut self) -> Result<Roster, RosterError> {
        let mut request = self.client.get(self.url.clone()).bearer_auth(self.token.expose());
        if let Some(version) = self.known {
            let wait_ms = u64::try_from(MAX_WAIT.as_millis()).unwrap_or(u64::MAX);
            request = request.query(&[("version", version), ("wait_ms", wait_ms)]);
        }
        let mut roster: Roster = http::get_json(request, &self.url).await?;
        if let Some(base) = &self.rtsp {
            self.rebase(&mut roster, base);
        }
        self.known = Some(roster.version);
        Ok(roster)
    }

    fn rebase(&self, roster: &mut Roster, base: &str) {
        for user in &mut roster.users {
            for stream in &mut user.streams {
                let path = StreamPath {
                    app: self.app.clone(),
                    channel: self.channel.clone(),
                    uid: user.uid.clone(),
                    stream: stream.name,
                };
                stream.url = path.url(base).into();
            }
        }
    }

    pub(super) fn credentials(&self) -> Option<Credentials> {
        let password = self.password.clone()?;
        Some(Credentials {
            username: USERNAME.to_owned(),
            password,
        })
    }
}

/// What another node's roster is asked for with: a token of this node's own is nobody else's business.
fn token_for_others(node: &NodeAddresses) -> Secret {
    match (&node.roster_key, NodeToken::parse(node.node_token.expose())) {
        (Some(key), _) => key.clone(),
        (None, Some(_)) => Secret::default(),
        (None, None) => node.node_token.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_node_is_shown_a_token_of_this_nodes_own() {
        let own = NodeToken::new("n1", "ab").unwrap();
        let shown = |node_token: &Secret, roster_key: Option<&str>| {
            let node = NodeAddresses {
                node_token: node_token.clone(),
                roster_key: roster_key.map(Secret::new),
                ..NodeAddresses::default()
            };
            token_for_others(&node).expose().to_owned()
        };
        assert_eq!(shown(own.text(), None), "");
        assert_eq!(shown(own.text(), Some("key")), "key");
        assert_eq!(shown(&Secret::new("shared"), None), "shared");
    }
}
