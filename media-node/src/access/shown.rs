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
    password: Option<Secret>,
}

impl Shown {
    /// `key`, `token`: those of the URL. `authorization`: the header of this name, with `Bearer` or `Basic`; any user name will do.
    pub fn new(key: Option<Secret>, token: Option<Secret>, authorization: Option<&str>) -> Self {
        let (mut bearer, mut password) = (None, None);
        if let Some((scheme, given)) = authorization.and_then(|text| text.trim().split_once(' ')) {
            if scheme.eq_ignore_ascii_case("Bearer") {
                bearer = Some(Secret::new(given.trim()));
            } else if scheme.eq_ignore_ascii_case("Basic") {
                password = password_of(given.trim());
            }
        }
        Self {
            key,
            token,
            bearer,
            password,
        }
    }

    /// What can be a key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Secret> {
        self.key.iter().chain(&self.password)
    }

    /// What is taken for a channel token.
    pub(super) fn token(&self) -> Option<&Secret> {
        let all = [&self.token, &self.bearer, &self.password];
        all.into_iter().flatten().find(|token| !token.is_empty())
    }

    /// What can be a recorder's pass.
    pub(super) fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }
}

fn password_of(credentials: &str) -> Option<Secret> {
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| Secret::new(password))
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
    fn it_prints_nothing_of_what_was_shown() {
        let shown = Shown::new(
            Some(Secret::new("hunter2")),
            Some(Secret::new("hunter2")),
            Some("Bearer hunter2"),
        );
        assert!(!format!("{shown:?}").contains("hunter2"));
    }
}
