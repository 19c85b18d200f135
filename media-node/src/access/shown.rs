use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::Secret;

/// What a client has shown to be let in.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// `key` of the URL.
    key: Option<Secret>,
    /// `token` of the URL.
    token: Option<Secret>,
    bearer: Option<Secret>,
    login: Option<Login>,
    /// `uid` of the URL.
    uid: Option<String>,
}

/// What a header with `Basic` says.
#[derive(Clone, Debug)]
struct Login {
    user: String,
    password: Secret,
}

impl Shown {
    /// `key`, `token`: those of the URL. `authorization`: the header of this name, with `Bearer` or `Basic`. The user name of the
    /// latter is who it is, and need not be.
    pub fn new(key: Option<Secret>, token: Option<Secret>, authorization: Option<&str>) -> Self {
        let (mut bearer, mut login) = (None, None);
        if let Some((scheme, given)) = authorization.and_then(|text| text.trim().split_once(' ')) {
            if scheme.eq_ignore_ascii_case("Bearer") {
                bearer = Some(Secret::new(given.trim()));
            } else if scheme.eq_ignore_ascii_case("Basic") {
                login = read_login(given.trim());
            }
        }
        Self {
            key,
            token,
            bearer,
            login,
            uid: None,
        }
    }

    /// With the uid by which the URL calls whoever shows it.
    #[must_use]
    pub fn by(self, uid: Option<String>) -> Self {
        Self { uid, ..self }
    }

    /// What can be a key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Secret> {
        self.key.iter().chain(self.password())
    }

    /// What is taken for a channel token.
    pub(super) fn token(&self) -> Option<&Secret> {
        let all = [self.token.as_ref(), self.bearer.as_ref(), self.password()];
        all.into_iter().flatten().find(|token| !token.is_empty())
    }

    /// Who shows it, if it says.
    pub(super) fn own_uid(&self) -> Option<&str> {
        let user = self.login.as_ref().map(|login| login.user.as_str());
        self.uid.as_deref().or(user).filter(|uid| !uid.is_empty())
    }

    /// What can be a recorder's pass.
    pub(super) fn password(&self) -> Option<&Secret> {
        self.login.as_ref().map(|login| &login.password)
    }
}

/// What a URL says without the slash that clients put behind it: in front of what they append, and only where there is none yet. So
/// one that a token needs stays: base64 behind the three characters of its version. Tokens of the other kind have full stops in them.
pub fn without_slash(value: &str) -> &str {
    let Some(alone) = value.strip_suffix('/') else {
        return value;
    };
    let needs_it = alone.starts_with("00") && alone.len() % 4 == 2 && !alone.contains(['.', '=', '%']);
    if needs_it { value } else { alone }
}

fn read_login(credentials: &str) -> Option<Login> {
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Login {
        user: user.to_owned(),
        password: Secret::new(password),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_the_url_as_a_bearer_and_as_a_password() {
        let basic = format!("Basic {}", STANDARD.encode("me:by password"));
        let token = |url: Option<&str>, header: Option<&str>| {
            let shown = Shown::new(Some(Secret::new("key")), url.map(Secret::new), header);
            shown.token().map(|token| token.expose().to_owned())
        };
        assert_eq!(token(Some("by url"), None).unwrap(), "by url");
        assert_eq!(token(None, Some("Bearer  by.bearer ")).unwrap(), "by.bearer");
        assert_eq!(token(None, Some("bearer by.bearer")).unwrap(), "by.bearer");
        assert_eq!(token(None, Some(&basic)).unwrap(), "by password");
        assert_eq!(token(Some(""), Some(&basic)).unwrap(), "by password");
        assert_eq!(token(Some("by url"), Some(&basic)).unwrap(), "by url");
        for none in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("Basic me"),
            Some("Digest x=y"),
        ] {
            assert_eq!(token(None, none), None, "{none:?}");
        }
    }

    #[test]
    fn who_shows_it_is_named_by_the_url_or_the_user_name() {
        let basic = format!("Basic {}", STANDARD.encode("me:t"));
        let own_uid = |url: Option<&str>, header: Option<&str>| {
            let shown = Shown::new(None, None, header).by(url.map(str::to_owned));
            shown.own_uid().map(str::to_owned)
        };
        assert_eq!(own_uid(Some("7"), Some(&basic)).unwrap(), "7");
        assert_eq!(own_uid(None, Some(&basic)).unwrap(), "me");
        assert_eq!((own_uid(None, None), own_uid(Some(""), None)), (None, None));
    }

    #[test]
    fn it_prints_nothing_of_what_was_shown() {
        let shown = Shown::new(
            Some(Secret::new("hunter2")),
            Some(Secret::new("hunter2")),
            Some("Bearer hunter2"),
        );
        assert!(!format!("{shown:?}").contains("hunter2"));
    }
}
