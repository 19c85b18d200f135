//! Version 006: `006`, the App ID, and in base64 a signature, checksums of channel and uid, and the signed message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use protocol::Secret;
use sha2::Sha256;

use super::reader::Reader;
use super::{Entry, JOIN, TokenError};

const APP_ID_LEN: usize = 32;

/// `text` is what follows the version. Returns the Unix second at which the token dies.
pub(super) fn verify(text: &str, certificate: &Secret, entry: &Entry<'_>) -> Result<u64, TokenError> {
    let (app_id, content) = text.split_at_checked(APP_ID_LEN).ok_or(TokenError::Malformed)?;
    let content = STANDARD.decode(content).map_err(|_| TokenError::Malformed)?;
    let mut reader = Reader::new(&content);
    let signature = reader.string()?;
    let (channel_sum, uid_sum) = (reader.u32()?, reader.u32()?);
    let message = reader.string()?;
    // Nothing outside the message is signed, so nothing else may be there.
    if !reader.rest().is_empty() {
        return Err(TokenError::Malformed);
    }
    if app_id != entry.app_id {
        return Err(TokenError::ForeignApp);
    }
    if channel_sum != crc32fast::hash(entry.channel.as_bytes()) {
        return Err(TokenError::ForeignChannel);
    }
    // A token for uid 0 names no uid and admits every one.
    let uid = if uid_sum == 0 { "" } else { entry.uid };
    if uid_sum != crc32fast::hash(uid.as_bytes()) {
        return Err(TokenError::ForeignUid);
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(certificate.expose().as_bytes()).map_err(|_| TokenError::BadSignature)?;
    for part in [app_id.as_bytes(), entry.channel.as_bytes(), uid.as_bytes(), message] {
        mac.update(part);
    }
    mac.verify_slice(signature).map_err(|_| TokenError::BadSignature)?;
    dies(message)
}

fn dies(message: &[u8]) -> Result<u64, TokenError> {
    let mut reader = Reader::new(message);
    let _salt = reader.u32()?;
    let token_dies = reader.u32()?;
    let privileges = reader.privileges()?;
    let (_, join_dies) = privileges
        .iter()
        .find(|(privilege, _)| *privilege == JOIN)
        .ok_or(TokenError::NoJoin)?;
    Ok(match *join_dies {
        0 => token_dies,
        join_dies => token_dies.min(join_dies),
    }
    .into())
}
