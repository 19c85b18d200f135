//! The directory's store and the recordings' session documents, in Workers KV.

use protocol::RecorderKey;
use worker::KvError;

use crate::access::{Keys, Store, StoreError};
use crate::recording::RecordingView;

/// The documents that Workers KV has: credentials, and what sessions tell of.
pub(super) struct KvStore(worker::KvStore);

impl KvStore {
    pub(super) fn new(store: worker::KvStore) -> Self {
        Self(store)
    }

    /// Writes a recording's session document, to be forgotten at `expires_ms`.
    pub(super) async fn put_session(
        &self,
        view: &RecordingView,
        expires_ms: u64,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let value = serde_json::to_string(view).map_err(|error| StoreError(error.to_string()))?;
        let ttl_s = expires_ms.saturating_sub(now_ms).div_ceil(1_000).max(60);
        self.put(&session_key(&view.key, &view.sid), &value, Some(ttl_s)).await
    }

    /// Forgets a recording's session document.
    pub(super) async fn delete_session(&self, app_id: &str, sid: &str) -> Result<(), StoreError> {
        self.delete(&format!("{}{sid}", session_prefix(app_id))).await
    }

    /// May be some seconds old. What cannot be read any more counts as absent.
    pub(super) async fn session(&self, app_id: &str, sid: &str) -> Result<Option<RecordingView>, StoreError> {
        let value = self.get(&format!("{}{sid}", session_prefix(app_id))).await?;
        Ok(value.and_then(|value| serde_json::from_slice(value.as_bytes()).ok()))
    }
}

fn session_prefix(app_id: &str) -> String {
    format!("session:{app_id}:")
}

fn session_key(key: &RecorderKey, sid: &str) -> String {
    format!("{}{sid}", session_prefix(&key.app_id))
}

impl Store for KvStore {
    async fn get(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.0.get(key).text().await.map_err(failed)
    }

    async fn put(&self, key: &str, value: &str, ttl_s: Option<u64>) -> Result<(), StoreError> {
        let put = self.0.put(key, value).map_err(failed)?;
        match ttl_s {
            Some(ttl_s) => put.expiration_ttl(ttl_s),
            None => put,
        }
        .execute()
        .await
        .map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key).await.map_err(failed)
    }

    async fn list(&self, prefix: &str, limit: usize, cursor: Option<&str>) -> Result<Keys, StoreError> {
        let list = self.0.list().prefix(prefix.to_owned()).limit(limit as u64);
        let list = match cursor {
            Some(cursor) => list.cursor(cursor.to_owned()),
            None => list,
        };
        let page = list.execute().await.map_err(failed)?;
        let cursor = page.cursor.filter(|_| !page.list_complete);
        Ok(Keys {
            keys: page.keys.into_iter().map(|key| key.name).collect(),
            cursor,
        })
    }
}

fn failed(error: KvError) -> StoreError {
    StoreError(error.to_string())
}
