//! Version 007: `007`, and in base64 and zlib a signature and the signed services of an app.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use protocol::Secret;
use sha2::Sha256;

use super::inflate::inflate;
use super::reader::Reader;
use super::{Entry, Privileges, TokenError, privilege};

/// What a token may grow to; one with every service has some 300 bytes.
const MAX_INFLATED: usize = 4 * 1024;
/// No token admits for longer, whatever it says.
const MAX_LIFE_S: u32 = 24 * 60 * 60;

mod service {
    pub(super) const RTC: u16 = 1;
    pub(super) const RTM: u16 = 2;
    pub(super) const STREAMING: u16 = 3;
    pub(super) const FPA: u16 = 4;
    pub(super) const CHAT: u16 = 5;
    pub(super) const FCDN: u16 = 6;
    pub(super) const APAAS: u16 = 7;
}

/// `text` is what follows the version.
pub(super) fn verify(text: &str, certificate: &Secret, entry: &Entry<'_>) -> Result<Privileges, TokenError> {
    let compressed = STANDARD.decode(text).map_err(|_| TokenError::Malformed)?;
    let content = inflate(&compressed, MAX_INFLATED).ok_or(TokenError::Malformed)?;
    let mut reader = Reader::new(&content);
    let signature = reader.string()?;
    let info = reader.rest();
    let app_id = reader.string()?;
    let (issued, life, salt) = (reader.u32()?, reader.u32()?, reader.u32()?);
    if app_id != entry.app_id.as_bytes() {
        return Err(TokenError::ForeignApp);
    }
    let key = keyed(&issued.to_le_bytes(), certificate.expose().as_bytes())?
        .finalize()
        .into_bytes();
    let key = keyed(&salt.to_le_bytes(), &key)?.finalize().into_bytes();
    keyed(&key, info)?
        .verify_slice(signature)
        .map_err(|_| TokenError::BadSignature)?;
    services(&mut reader, Life { issued, life }, entry)
}

fn keyed(key: &[u8], data: &[u8]) -> Result<Hmac<Sha256>, TokenError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| TokenError::BadSignature)?;
    mac.update(data);
    Ok(mac)
}

/// When a token was made, in Unix seconds, and for how many seconds from then on.
#[derive(Clone, Copy)]
struct Life {
    issued: u32,
    life: u32,
}

/// Each privilege lasts as long as the longest of the services that fit the entry gives it.
fn services(reader: &mut Reader<'_>, token: Life, entry: &Entry<'_>) -> Result<Privileges, TokenError> {
    let mut longest: Result<Privileges, _> = Err(TokenError::NoJoin);
    for _ in 0..reader.u16()? {
        let kind = reader.u16()?;
        let given = reader.privileges()?;
        match kind {
            service::RTC => {
                let (channel, uid) = (reader.string()?, reader.string()?);
                let of_this = of_channel(&given, token, channel, uid, entry);
                longest = match (longest, of_this) {
                    (Ok(longest), Ok(of_this)) => Ok(longest.longest(of_this)),
                    (Ok(longest), Err(_)) => Ok(longest),
                    (Err(_), of_this) => of_this,
                };
            }
            service::RTM | service::CHAT => drop(reader.string()?),
            service::STREAMING | service::FCDN => drop((reader.string()?, reader.string()?)),
            service::FPA => {}
            service::APAAS => drop((reader.string()?, reader.string()?, reader.u16()?)),
            // Of an unknown service not even the length is known. Services stand in the order of their numbers, so
            // that of the channels has been read.
            _ => break,
        }
    }
    longest
}

fn of_channel(
    given: &[(u16, u32)],
    Life { issued, life }: Life,
    channel: &[u8],
    uid: &[u8],
    entry: &Entry<'_>,
) -> Result<Privileges, TokenError> {
    if !admits(channel, entry.channel) {
        return Err(TokenError::ForeignChannel);
    }
    if uid != b"0" && entry.uid.is_some_and(|wanted| !admits(uid, wanted)) {
        return Err(TokenError::ForeignUid);
    }
    privilege::read(given, |own_life| {
        let life = match own_life {
            0 => life,
            own_life => life.min(own_life),
        };
        u64::from(issued) + u64::from(life.min(MAX_LIFE_S))
    })
}

/// Whether a name fits a pattern. An empty pattern fits every name; `*` stands for any characters, none included.
fn admits(pattern: &[u8], name: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let mut parts = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| name.as_bytes().strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let found = (0..=rest.len()).find_map(|at| rest.get(at..)?.strip_prefix(part));
        match found {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}
