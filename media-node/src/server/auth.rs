//! Who may publish and who may play.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{RELAY_HEADER, Secret};
use rtsp_types::Request;
use subtle::ConstantTimeEq;

/// The keys of a channel server; without a key everybody may.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    pub publish: Option<Secret>,
    pub play: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Publish,
    Play,
    /// Another node plays, for those who play there.
    Relay,
}

/// What another node shows to play. Whoever shows something plays as one or not at all.
pub(super) fn relay_token(request: &Request<Vec<u8>>) -> Option<&str> {
    let mut headers = request.headers();
    let shown = headers.find(|(name, _)| name.as_str().eq_ignore_ascii_case(RELAY_HEADER));
    shown.map(|(_, value)| value.as_str())
}

impl Keys {
    /// The key may come as `?key=` of the URL or as the password of an `Authorization: Basic` header; any user name will do.
    pub(super) fn allow(&self, access: Access, url_key: Option<&Secret>, authorization: Option<&str>) -> bool {
        let wanted = match access {
            Access::Publish => self.publish.as_ref(),
            Access::Play => self.play.as_ref(),
            // No key opens that.
            Access::Relay => return false,
        };
        let Some(wanted) = wanted else { return true };
        let password = authorization.and_then(basic_password);
        [url_key, password.as_ref()]
            .into_iter()
            .flatten()
            .any(|given| same(given, wanted))
    }
}

/// In a time that tells nothing but the length.
fn same(a: &Secret, b: &Secret) -> bool {
    a.expose().as_bytes().ct_eq(b.expose().as_bytes()).into()
}

fn basic_password(authorization: &str) -> Option<Secret> {
    let (scheme, credentials) = authorization.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| Secret::new(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(login: &str) -> String {
        format!("Basic {}", STANDARD.encode(login))
    }

    #[test]
    fn without_a_key_everybody_may() {
        let keys = Keys {
            publish: Some(Secret::new("p")),
            play: None,
        };
        assert!(keys.allow(Access::Play, None, None));
        assert!(!keys.allow(Access::Publish, None, None));
    }

    #[test]
    fn the_key_counts_wherever_it_stands() {
        let keys = Keys {
            publish: Some(Secret::new("p:1")),
            play: Some(Secret::new("q")),
        };
        let url = |key: &str, access| keys.allow(access, Some(&Secret::new(key)), None);
        assert!(url("p:1", Access::Publish));
        assert!(!url("q", Access::Publish));
        assert!(url("q", Access::Play));
        assert!(!url("", Access::Play));
        let header = |text: &str| keys.allow(Access::Publish, Some(&Secret::new("wrong")), Some(text));
        assert!(header(&basic("anybody:p:1")));
        assert!(header(&basic(":p:1").replace("Basic", "basic")));
        for wrong in ["Basic", "Basic ???", "Digest x", &basic("p:1"), &basic("anybody:")] {
            assert!(!header(wrong), "{wrong}");
        }
    }
}
