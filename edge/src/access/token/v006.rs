//! Version 006: `006`, the App ID, and in base64 a signature, checksums of channel and uid, and the signed message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use protocol::Secret;
use sha2::Sha256;

use super::reader::Reader;
use super::{Entry, Privileges, TokenError, privilege};

const APP_ID_LEN: usize = 32;

/// `text` is what follows the version.
pub(super) fn verify(text: &str, certificate: &Secret, entry: &Entry<'_>) -> Result<Privileges, TokenError> {
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
    let uid = if uid_sum == 0 { Some("") } else { entry.uid };
    let uid = uid.ok_or(TokenError::ForeignUid)?;
    if uid_sum != crc32fast::hash(uid.as_bytes()) {
        return Err(TokenError::ForeignUid);
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(certificate.expose().as_bytes()).map_err(|_| TokenError::BadSignature)?;
    for part in [app_id.as_bytes(), entry.channel.as_bytes(), uid.as_bytes(), message] {
        mac.update(part);
    }
    mac.verify_slice(signature).map_err(|_| TokenError::BadSignature)?;
    privileges(message)
}

/// The token ends as a whole, and each privilege by itself, at a Unix second; 0 for a privilege that ends with the token.
fn privileges(message: &[u8]) -> Result<Privileges, TokenError> {
    let mut reader = Reader::new(message);
    let _salt = reader.u32()?;
    let token_ends = reader.u32()?;
    let given = reader.privileges()?;
    privilege::read(&given, |ends| match ends {
        0 => token_ends.into(),
        ends => token_ends.min(ends).into(),
    })
}
