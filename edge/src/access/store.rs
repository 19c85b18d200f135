use std::fmt;

/// The key-value store that holds the directory: Workers KV in production, a map in tests. Reads may be some seconds old.
pub trait Store {
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<String>, StoreError>>;

    /// `ttl_s`: seconds after which the store forgets the value, `None` for never. Workers KV takes 60 or more.
    fn put(&self, key: &str, value: &str, ttl_s: Option<u64>) -> impl Future<Output = Result<(), StoreError>>;

    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>>;

    /// At most `limit` keys that begin with `prefix`, in order, from where `cursor` of the page before ended.
    fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> impl Future<Output = Result<Keys, StoreError>>;
}

/// One page of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    pub keys: Vec<String>,
    /// Where the next page begins; `None` on the last one.
    pub cursor: Option<String>,
}

/// The store did not answer, or refused. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the directory's store failed: {}", self.0)
    }
}

impl std::error::Error for StoreError {}
