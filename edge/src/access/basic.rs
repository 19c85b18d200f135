use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Credential, Directory, DirectoryError, Purpose, Store, same_secret};

/// Why a caller is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// There is no `Authorization` header.
    Missing,
    /// It is malformed, or id and secret do not match.
    Invalid,
    /// Nobody could look: ours.
    Unavailable(DirectoryError),
}

/// Checks an `Authorization: Basic` header's value. An id that does not exist costs the same work as a wrong secret.
pub async fn authenticate<S: Store>(
    authorization: Option<&str>,
    directory: &Directory<'_, S>,
) -> Result<Credential, AccessError> {
    let (customer_id, secret) = parse(authorization.ok_or(AccessError::Missing)?).ok_or(AccessError::Invalid)?;
    match directory
        .credential(&customer_id)
        .await
        .map_err(AccessError::Unavailable)?
    {
        Some(credential) if same_secret(credential.secret.expose(), &secret) => Ok(credential),
        Some(_) => Err(AccessError::Invalid),
        None => {
            decoy(directory, &customer_id, &secret);
            Err(AccessError::Invalid)
        }
    }
}

/// The opening and the comparison that a known id would have cost.
fn decoy<S: Store>(directory: &Directory<'_, S>, customer_id: &str, secret: &str) {
    let sealed = directory
        .keys()
        .seal(Purpose::Credential(customer_id), &[b'0'; 64], &[0; 24]);
    std::hint::black_box((sealed.is_ok(), same_secret(&"0".repeat(64), secret)));
}

fn parse(authorization: &str) -> Option<(String, String)> {
    let (scheme, encoded) = authorization.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
