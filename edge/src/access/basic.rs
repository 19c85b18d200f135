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

#[cfg(test)]
mod tests {
    use super::super::testing::{MapStore, entropy, key_ring, run};
    use super::*;
    use protocol::Secret;

    fn check(header: Option<&str>, broken: bool) -> Result<Credential, AccessError> {
        let keys = key_ring();
        let mut store = MapStore::default();
        let credential = Credential {
            customer_id: "alice".into(),
            tenant: "t1".into(),
            secret: Secret::new("s3cret:with:colons"),
            created_ms: 5,
        };
        run(Directory::new(&store, &keys).put_credential(&credential, &entropy(1).nonce)).unwrap();
        store.broken = broken;
        run(authenticate(header, &Directory::new(&store, &keys)))
    }

    fn basic(scheme: &str, pair: &str) -> String {
        format!("{scheme} {}", STANDARD.encode(pair))
    }

    #[test]
    fn the_right_pair_is_let_in() {
        for scheme in ["Basic", "basic"] {
            let credential = check(Some(&basic(scheme, "alice:s3cret:with:colons")), false).unwrap();
            assert_eq!(credential.tenant, "t1");
        }
    }

    #[test]
    fn nobody_else_is() {
        assert_eq!(check(None, false), Err(AccessError::Missing));
        let long = format!("{}:x", "a".repeat(1000));
        for header in [
            basic("Basic", "alice:wrong"),
            basic("Basic", "alice:"),
            basic("Basic", "alice"),
            basic("Basic", "bob:s3cret:with:colons"),
            basic("Basic", ":"),
            basic("Basic", &long),
            basic("Basic", "t1:s3cret:with:colons"),
            basic("Bearer", "alice:s3cret:with:colons"),
            STANDARD.encode("alice:s3cret:with:colons"),
            "Basic ".into(),
            "Basic !!!".into(),
            "Basic /w==".into(),
            String::new(),
        ] {
            assert_eq!(check(Some(&header), false), Err(AccessError::Invalid), "{header}");
        }
    }

    #[test]
    fn a_broken_store_is_ours() {
        let result = check(Some(&basic("Basic", "alice:s3cret:with:colons")), true);
        assert!(matches!(result, Err(AccessError::Unavailable(_))), "{result:?}");
    }

    #[test]
    fn a_secret_does_not_open_under_another_customer_id() {
        let keys = key_ring();
        let store = MapStore::default();
        let directory = Directory::new(&store, &keys);
        let credential = Credential {
            customer_id: "alice".into(),
            tenant: "t1".into(),
            secret: Secret::new("hunter2"),
            created_ms: 5,
        };
        run(directory.put_credential(&credential, &entropy(1).nonce)).unwrap();
        let record = store.map.borrow()["credential:alice"].clone();
        assert!(!record.contains("hunter2"));
        store.map.borrow_mut().insert("credential:mallory".into(), record);
        assert_eq!(run(directory.credential("mallory")), Err(DirectoryError::Sealing));
    }
}
