//! `cname` and `uid`, which stand in the body of every POST.

use super::error::{ApiError, INVALID_CHANNEL};
use super::flavour::Flavour;
use crate::input::{FieldError, Fields};

/// The characters of a channel's name besides letters, digits and the space.
const CHANNEL_SYMBOLS: &str = "!#$%&()+-:;<=.>?@[]^_{}|~,";
const MAX_CHANNEL_BYTES: usize = 64;

/// The recorder that a request is about: the channel and the recorder's own uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names<'a> {
    pub(super) cname: &'a str,
    pub(super) uid: &'a str,
}

impl<'a> Names<'a> {
    pub(super) fn read(body: &Fields<'a>, flavour: Flavour) -> Result<Self, ApiError> {
        let cname = body.require("cname", body.string("cname")?)?;
        if !is_channel(cname) {
            let detail = "cname must have 1 to 64 characters: a-z A-Z 0-9, space and ! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ ,";
            return Err(ApiError::new(INVALID_CHANNEL, detail));
        }
        let uid = body.require("uid", body.string("uid")?)?;
        if !flavour.is_uid(uid) {
            return Err(uid_error(body, "uid", flavour).into());
        }
        Ok(Self { cname, uid })
    }
}

pub(super) fn uid_error(fields: &Fields<'_>, name: &str, flavour: Flavour) -> FieldError {
    fields.error(name, format!("must be a string that holds {}", flavour.uid_rule()))
}

fn is_channel(name: &str) -> bool {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == ' ' || CHANNEL_SYMBOLS.contains(c);
    (1..=MAX_CHANNEL_BYTES).contains(&name.len()) && name.chars().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_the_89_documented_characters() {
        let legal = (0..=255u8)
            .filter(|byte| is_channel(&char::from(*byte).to_string()))
            .count();
        assert_eq!(legal, 89);
        assert!(is_channel(&"a".repeat(64)));
        for name in [
            "",
            &"a".repeat(65),
            "a/b",
            "a\"b",
            "a\\b",
            "a*b",
            "a'b",
            "a`b",
            "频道",
            "a\nb",
            "é",
        ] {
            assert!(!is_channel(name), "{name}");
        }
    }
}
