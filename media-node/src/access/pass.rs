use hmac::{Hmac, Mac as _};
use protocol::{NodeToken, Secret};
use sha2::Sha256;

use super::{Place, Shown, keys};

/// What recorders show to channel servers: for each channel a pass of its own, which is good for playing from that channel and
/// for nothing else. It follows from a secret, so that nobody has to be asked: from the one that the nodes of a fleet share,
/// or from one of this process alone. What a node publishes by itself is let in by another kind of pass.
#[derive(Clone, Debug, Default)]
pub struct Passes {
    secret: Secret,
}

impl Passes {
    /// `roster_key`, or a `node_token` that is no node's own, is what all nodes have in common; where there is neither, `random` is
    /// the secret, and only this node's own channel server takes its passes.
    pub fn new(roster_key: Option<&Secret>, node_token: Option<&Secret>, random: impl FnOnce() -> Secret) -> Self {
        let is_shared = |token: &&Secret| NodeToken::parse(token.expose()).is_none();
        let common = roster_key.or(node_token.filter(is_shared));
        let common = common.filter(|secret| !secret.is_empty());
        Self::following_from(common.cloned().unwrap_or_else(random))
    }

    /// Those that follow from the secret.
    pub fn following_from(secret: Secret) -> Self {
        Self { secret }
    }

    /// What [`Self::following_from`] takes.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The pass for playing from a channel: 64 hexadecimal characters. `None` without a secret.
    pub fn pass(&self, app: &str, channel: &str) -> Option<Secret> {
        // No app has a slash in its id.
        self.following(&["tapedeck/play/", app, "/", channel])
    }

    /// The pass for publishing as this user, as [`Self::pass`].
    pub fn publishing_pass(&self, place: &Place) -> Option<Secret> {
        let Place { app, channel, uid } = place;
        // No name has a zero in it.
        self.following(&["tapedeck/publish/", app, "\0", channel, "\0", uid])
    }

    fn following(&self, parts: &[&str]) -> Option<Secret> {
        if self.secret.is_empty() {
            return None;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes()).ok()?;
        for part in parts {
            mac.update(part.as_bytes());
        }
        Some(Secret::new(hex::encode(mac.finalize().into_bytes())))
    }

    /// Whether the channel's pass was shown, which is a password.
    pub(super) fn open(&self, place: &Place, shown: &Shown) -> bool {
        let Some(password) = shown.password() else { return false };
        self.pass(&place.app, &place.channel)
            .is_some_and(|pass| keys::shows(std::iter::once(password), &pass))
    }

    /// Whether the user's pass was shown, which is shown as a key.
    pub(super) fn open_publishing(&self, place: &Place, shown: &Shown) -> bool {
        let pass = self.publishing_pass(place);
        pass.is_some_and(|pass| keys::shows(shown.keys(), &pass))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn place(app: &str, channel: &str) -> Place {
        Place {
            app: app.into(),
            channel: channel.into(),
            uid: "u".into(),
        }
    }

    fn by_password(pass: &Secret) -> Shown {
        let basic = format!("Basic {}", STANDARD.encode(format!("recorder:{}", pass.expose())));
        Shown::new(None, None, Some(&basic))
    }

    #[test]
    fn a_pass_opens_its_own_channel_and_no_other() {
        let passes = Passes::following_from(Secret::new("s"));
        let pass = passes.pass("a", "c").unwrap();
        assert!(passes.open(&place("a", "c"), &by_password(&pass)));
        for (app, channel) in [("a", "d"), ("b", "c"), ("A", "c"), ("ac", ""), ("", "a/c")] {
            assert!(
                !passes.open(&place(app, channel), &by_password(&pass)),
                "{app} {channel}"
            );
        }
        let bearer = format!("Bearer {}", pass.expose());
        for elsewhere in [
            Shown::new(Some(pass.clone()), Some(pass.clone()), None),
            Shown::new(None, None, Some(&bearer)),
            Shown::default(),
            by_password(&Secret::new("s")),
        ] {
            assert!(!passes.open(&place("a", "c"), &elsewhere), "{elsewhere:?}");
        }
    }

    #[test]
    fn a_pass_for_publishing_opens_nothing_to_players_or_other_users() {
        let passes = Passes::following_from(Secret::new("s"));
        let own = place("a", "c");
        let pass = passes.publishing_pass(&own).unwrap();
        let by_key = Shown::new(Some(pass.clone()), None, None);
        assert!(passes.open_publishing(&own, &by_key));
        let other = Place {
            uid: "v".into(),
            ..own.clone()
        };
        for elsewhere in [other, place("a", "d"), place("b", "c"), place("a", "c\0u")] {
            assert!(!passes.open_publishing(&elsewhere, &by_key), "{elsewhere:?}");
        }
        assert!(!passes.open(&own, &by_password(&pass)));
        let playing = Shown::new(passes.pass("a", "c"), None, None);
        assert!(!passes.open_publishing(&own, &playing));
        assert!(!Passes::default().open_publishing(&own, &Shown::new(Some(Secret::default()), None, None)));
    }

    #[test]
    fn nodes_of_a_fleet_have_the_same_passes_and_others_have_their_own() {
        let own = NodeToken::new("n1", "ab").unwrap();
        let (shared, key) = (Secret::new("shared"), Secret::new("roster key"));
        let pass = |roster_key, token, random: &'static str| {
            let passes = Passes::new(roster_key, token, move || Secret::new(random));
            passes.pass("a", "c").unwrap().expose().to_owned()
        };
        assert_eq!(pass(None, Some(&shared), "1"), pass(None, Some(&shared), "2"));
        assert_eq!(pass(Some(&key), Some(own.text()), "1"), pass(Some(&key), None, "2"));
        assert_ne!(pass(Some(&key), Some(&shared), "1"), pass(None, Some(&shared), "1"));
        for alone in [None, Some(own.text()), Some(&Secret::default())] {
            assert_ne!(pass(None, alone, "1"), pass(None, alone, "2"));
        }
    }

    #[test]
    fn without_a_secret_no_pass_opens_anything() {
        let none = Passes::default();
        assert_eq!(none.pass("a", "c"), None);
        assert!(!none.open(&place("a", "c"), &by_password(&Secret::default())));
    }
}
