use protocol::Secret;
use subtle::{Choice, ConstantTimeEq};

use super::{Action, Shown};

/// The operator's keys, which open every channel of the node.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    pub publish: Option<Secret>,
    pub play: Option<Secret>,
}

impl Keys {
    pub(super) fn of(&self, action: Action) -> Option<&Secret> {
        match action {
            Action::Publish => self.publish.as_ref(),
            Action::Play => self.play.as_ref(),
        }
    }

    /// Whether the key for this was shown.
    pub(super) fn open(&self, action: Action, shown: &Shown) -> bool {
        self.of(action)
            .is_some_and(|key| !key.is_empty() && shows(shown.keys(), key))
    }
}

/// Whether one of these is the secret, in a time that tells nothing but their lengths.
pub(super) fn shows<'a>(shown: impl Iterator<Item = &'a Secret>, secret: &Secret) -> bool {
    let same = shown.map(|shown| shown.expose().as_bytes().ct_eq(secret.expose().as_bytes()));
    same.fold(Choice::from(0), |found, same| found | same).into()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_key_counts_wherever_it_stands_and_for_its_action_only() {
        let keys = Keys {
            publish: Some(Secret::new("p:1")),
            play: Some(Secret::new("q")),
        };
        let url = |key: &str, action| keys.open(action, &Shown::new(Some(Secret::new(key)), None, None));
        assert!(url("p:1", Action::Publish));
        assert!(!url("q", Action::Publish));
        assert!(url("q", Action::Play));
        assert!(!url("", Action::Play));
        let basic = |login: &str| format!("Basic {}", STANDARD.encode(login));
        let header = |text: &str| {
            let shown = Shown::new(Some(Secret::new("wrong")), None, Some(text));
            keys.open(Action::Publish, &shown)
        };
        assert!(header(&basic("anybody:p:1")));
        assert!(header(&basic(":p:1").replace("Basic", "basic")));
        for wrong in [
            "Basic",
            "Basic ???",
            "Digest x",
            "Bearer p:1",
            &basic("p:1"),
            &basic("anybody:"),
        ] {
            assert!(!header(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_empty_key_opens_nothing() {
        let keys = Keys {
            publish: Some(Secret::default()),
            play: None,
        };
        let shown = Shown::new(Some(Secret::default()), None, None);
        assert!(!keys.open(Action::Publish, &shown) && !keys.open(Action::Play, &shown));
    }
}
