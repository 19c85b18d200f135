//! The privileges of versions 006 and 007, by their numbers.

use super::{Privileges, TokenError};

const JOIN: u16 = 1;
const PUBLISH_AUDIO: u16 = 2;
const PUBLISH_VIDEO: u16 = 3;

/// What a list of privileges allows. `ends` reads when one of them ends, as a Unix second. None outlasts the one to join, without
/// which the others are nothing.
pub(super) fn read(given: &[(u16, u32)], ends: impl Fn(u32) -> u64) -> Result<Privileges, TokenError> {
    let until_ms = |wanted: u16| {
        let (_, value) = given.iter().find(|(privilege, _)| *privilege == wanted)?;
        Some(ends(*value).saturating_mul(1_000))
    };
    let join = until_ms(JOIN).ok_or(TokenError::NoJoin)?;
    let publish = |wanted| until_ms(wanted).map(|until| until.min(join));
    Ok(Privileges {
        join: Some(join),
        publish_audio: publish(PUBLISH_AUDIO),
        publish_video: publish(PUBLISH_VIDEO),
    })
}
