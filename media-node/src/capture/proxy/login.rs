use http_auth::{PasswordClient, PasswordParams};
use protocol::Secret;

/// A user name and password, and how the source asks for them: Basic or Digest (RFC 7616, MD5 and SHA-256).
pub(in crate::capture) struct Login {
    username: String,
    password: Secret,
    asked: Option<PasswordClient>,
}

impl Login {
    pub(in crate::capture) fn new(username: String, password: Secret) -> Self {
        Self {
            username,
            password,
            asked: None,
        }
    }

    /// The source asks, by the value of a `WWW-Authenticate` header; false when that is not understood.
    pub(super) fn challenge(&mut self, header: &str) -> bool {
        self.asked = PasswordClient::builder().challenges(header).build().ok();
        self.asked.is_some()
    }

    /// The value of the `Authorization` header of a request; `None` before the source has asked.
    pub(super) fn answer(&mut self, method: &str, uri: &str) -> Option<String> {
        let params = PasswordParams {
            username: &self.username,
            password: self.password.expose(),
            uri,
            method,
            body: Some(&[]),
        };
        self.asked.as_mut()?.respond(&params).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_is_answered() {
        let mut login = Login::new("admin".to_owned(), Secret::new("p@ss"));
        assert_eq!(login.answer("DESCRIBE", "rtsp://cam/1"), None);
        assert!(login.challenge("Basic realm=\"cam\""));
        assert_eq!(login.answer("DESCRIBE", "/").as_deref(), Some("Basic YWRtaW46cEBzcw=="));
        // RFC 2069, as most cameras have it; the digest by the formula of RFC 2617 §3.2.2.
        assert!(login.challenge("Digest realm=\"cam\", nonce=\"abc\""));
        let answer = login.answer("DESCRIBE", "rtsp://cam/1").unwrap();
        assert!(
            answer.starts_with("Digest ") && answer.contains("uri=\"rtsp://cam/1\""),
            "{answer}"
        );
        assert!(answer.contains(&format!("response=\"{}\"", digest())), "{answer}");
        assert!(!login.challenge("Negotiate"));
    }

    fn digest() -> String {
        use md5::{Digest, Md5};
        let hex = |text: &str| hex::encode(Md5::digest(text.as_bytes()));
        let (user, request) = (hex("admin:cam:p@ss"), hex("DESCRIBE:rtsp://cam/1"));
        hex(&format!("{user}:abc:{request}"))
    }
}
