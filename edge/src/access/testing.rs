//! Doubles for the tests of this crate: a store in memory, fixed keys and randomness, an executor for futures that are
//! always ready.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use protocol::{Addressing, Secret, Storage, StorageKind};
use serde_json::Value;

use super::{Entropy, KeyRing, Keys, Store, StoreError};

/// A store in memory. `broken` makes every call fail.
#[derive(Default)]
pub(crate) struct MapStore {
    pub(crate) map: RefCell<BTreeMap<String, String>>,
    pub(crate) broken: bool,
}

impl MapStore {
    fn check(&self) -> Result<(), StoreError> {
        if self.broken {
            Err(StoreError("broken".into()))
        } else {
            Ok(())
        }
    }
}

impl Store for MapStore {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.check()?;
        Ok(self.map.borrow().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &str, _ttl_s: Option<u64>) -> Result<(), StoreError> {
        self.check()?;
        self.map.borrow_mut().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.check()?;
        self.map.borrow_mut().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Keys, StoreError> {
        self.check()?;
        let map = self.map.borrow();
        let from = cursor.map_or(Bound::Included(prefix), Bound::Excluded);
        let mut keys: Vec<_> = map
            .range::<str, _>((from, Bound::Unbounded))
            .map(|(key, _)| key.clone())
            .take_while(|key| key.starts_with(prefix))
            .take(limit + 1)
            .collect();
        let more = keys.len() > limit;
        keys.truncate(limit);
        Ok(Keys {
            cursor: keys.last().filter(|_| more).cloned(),
            keys,
        })
    }
}

/// A store with S3's interface.
pub(crate) fn storage() -> Storage {
    Storage {
        kind: StorageKind::S3,
        endpoint: "https://s3.example".into(),
        region: "us-east-1".into(),
        addressing: Addressing::Path,
        bucket: "records".into(),
        access_key: "AK".into(),
        secret_key: Secret::new("SK"),
        session_token: None,
        session_ends_ms: None,
        prefix: "house".into(),
        encryption: None,
        tags: None,
        video: Default::default(),
    }
}

pub(crate) fn key_ring() -> KeyRing {
    let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    KeyRing::parse(&Secret::new(format!("k1:{key}"))).unwrap()
}

/// Bytes that differ for each seed.
pub(crate) fn entropy(seed: u8) -> Entropy {
    Entropy::new(std::array::from_fn(|i| seed.wrapping_mul(31).wrapping_add(i as u8)))
}

/// Runs a future that never waits.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

/// A channel token with these claims.
pub(crate) fn jwt(claims: &Value, secret: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!(
        "{}.{}",
        part(r#"{"alg":"HS256","typ":"JWT"}"#),
        part(&claims.to_string())
    );
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let signature = mac.chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
