use std::collections::BTreeMap;
use std::fmt;

use protocol::{Backup, Secret, Source};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    App, Automatic, Callback, ChannelAccess, ChannelCallback, ChannelSecret, Channels, Credential, HouseStorage,
    KeyRing, Limits, Purpose, RecorderDefaults, Setting, Store, StoreError, Tenant,
};

/// Tenants, credentials and apps in a [`Store`], with their secrets sealed.
///
/// `tenant:{id}`, `credential:{customer_id}` and `app:{app_id}` hold the records; `tenant-credential:{tenant}:{customer_id}`
/// and `tenant-app:{tenant}:{app_id}` hold nothing and list what a tenant owns. The list entry is written before its record
/// and deleted after it, so that an interrupted write leaves an entry without a record, which is skipped, and never the
/// reverse.
pub struct Directory<'a, S> {
    store: &'a S,
    keys: &'a KeyRing,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct CredentialRecord {
    tenant: String,
    sealed_secret: String,
    created_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct AppRecord {
    tenant: String,
    name: String,
    dialect: String,
    /// The dialect's name in records of earlier versions, whose `dialect` was the family that it belongs to.
    #[serde(default, skip_serializing)]
    flavour: Option<String>,
    sealed_secrets: String,
    #[serde(default)]
    channel_access: ChannelAccess,
    recorder: RecorderDefaults,
    #[serde(default)]
    limits: Limits,
    disabled: bool,
    created_ms: u64,
}

/// The part of an app that rests sealed.
#[derive(Serialize, Deserialize)]
struct AppSecrets {
    source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<Secret>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    channel_secrets: Vec<ChannelSecret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<Callback>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    further: BTreeMap<String, Callback>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backup: Option<Backup>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    house_storage: Option<HouseStorage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    automatic: Option<Automatic>,
}

impl<'a, S: Store> Directory<'a, S> {
    pub fn new(store: &'a S, keys: &'a KeyRing) -> Self {
        Self { store, keys }
    }

    pub fn keys(&self) -> &KeyRing {
        self.keys
    }

    pub async fn tenant(&self, id: &str) -> Result<Option<Tenant>, DirectoryError> {
        self.read("tenant", id).await
    }

    pub async fn put_tenant(&self, tenant: &Tenant) -> Result<(), DirectoryError> {
        self.write("tenant", &tenant.id, tenant).await
    }

    /// The caller has made sure that it owns nothing.
    pub async fn delete_tenant(&self, id: &str) -> Result<(), DirectoryError> {
        Ok(self.store.delete(&format!("tenant:{id}")).await?)
    }

    pub async fn tenants(&self, limit: usize, cursor: Option<&str>) -> Result<Page<Tenant>, DirectoryError> {
        let (ids, cursor) = self.ids("tenant:", limit, cursor).await?;
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            items.extend(self.tenant(&id).await?);
        }
        Ok(Page { items, cursor })
    }

    /// Whether a tenant has an app or a credential.
    pub async fn owns_anything(&self, tenant: &str) -> Result<bool, DirectoryError> {
        let (apps, _) = self.ids(&format!("tenant-app:{tenant}:"), 1, None).await?;
        let (credentials, _) = self.ids(&format!("tenant-credential:{tenant}:"), 1, None).await?;
        Ok(!apps.is_empty() || !credentials.is_empty())
    }

    pub async fn credential(&self, customer_id: &str) -> Result<Option<Credential>, DirectoryError> {
        let Some(record) = self.read::<CredentialRecord>("credential", customer_id).await? else {
            return Ok(None);
        };
        let secret = self.open(Purpose::Credential(customer_id), &record.sealed_secret)?;
        let secret = String::from_utf8(secret).map_err(|_| DirectoryError::unreadable("credential", customer_id))?;
        Ok(Some(Credential {
            customer_id: customer_id.to_owned(),
            tenant: record.tenant,
            secret: Secret::new(secret),
            created_ms: record.created_ms,
        }))
    }

    /// `nonce`: fresh random bytes.
    pub async fn put_credential(&self, credential: &Credential, nonce: &[u8; 24]) -> Result<(), DirectoryError> {
        let id = &credential.customer_id;
        let sealed_secret = self.seal(Purpose::Credential(id), credential.secret.expose().as_bytes(), nonce)?;
        let record = CredentialRecord {
            tenant: credential.tenant.clone(),
            sealed_secret,
            created_ms: credential.created_ms,
        };
        self.store
            .put(&format!("tenant-credential:{}:{id}", credential.tenant), "{}", None)
            .await?;
        self.write("credential", id, &record).await
    }

    pub async fn delete_credential(&self, credential: &Credential) -> Result<(), DirectoryError> {
        let Credential {
            customer_id, tenant, ..
        } = credential;
        self.store.delete(&format!("credential:{customer_id}")).await?;
        Ok(self
            .store
            .delete(&format!("tenant-credential:{tenant}:{customer_id}"))
            .await?)
    }

    pub async fn credentials(
        &self,
        tenant: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Credential>, DirectoryError> {
        let (ids, cursor) = self.ids(&format!("tenant-credential:{tenant}:"), limit, cursor).await?;
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            items.extend(self.credential(&id).await?);
        }
        Ok(Page { items, cursor })
    }

    pub async fn app(&self, app_id: &str) -> Result<Option<App>, DirectoryError> {
        let Some(record) = self.read::<AppRecord>("app", app_id).await? else {
            return Ok(None);
        };
        let secrets = self.open(Purpose::App(app_id), &record.sealed_secrets)?;
        let secrets: AppSecrets =
            serde_json::from_slice(&secrets).map_err(|_| DirectoryError::unreadable("app", app_id))?;
        Ok(Some(App {
            app_id: app_id.to_owned(),
            tenant: record.tenant,
            name: record.name,
            dialect: record.flavour.unwrap_or(record.dialect),
            source: secrets.source,
            certificate: secrets.certificate,
            channels: Channels {
                access: record.channel_access,
                secrets: secrets.channel_secrets,
            },
            callback: secrets.callback,
            further: secrets.further,
            backup: secrets.backup,
            house_storage: secrets.house_storage,
            automatic: secrets.automatic,
            recorder: record.recorder,
            limits: record.limits,
            disabled: record.disabled,
            created_ms: record.created_ms,
        }))
    }

    /// `nonce`: fresh random bytes.
    pub async fn put_app(&self, app: &App, nonce: &[u8; 24]) -> Result<(), DirectoryError> {
        let id = &app.app_id;
        let secrets = AppSecrets {
            source: app.source.clone(),
            certificate: app.certificate.clone(),
            channel_secrets: app.channels.secrets.clone(),
            callback: app.callback.clone(),
            further: app.further.clone(),
            backup: app.backup.clone(),
            house_storage: app.house_storage.clone(),
            automatic: app.automatic.clone(),
        };
        let secrets = serde_json::to_vec(&secrets).map_err(|_| DirectoryError::unreadable("app", id))?;
        let record = AppRecord {
            tenant: app.tenant.clone(),
            name: app.name.clone(),
            dialect: app.dialect.clone(),
            flavour: None,
            sealed_secrets: self.seal(Purpose::App(id), &secrets, nonce)?,
            channel_access: app.channels.access,
            recorder: app.recorder,
            limits: app.limits,
            disabled: app.disabled,
            created_ms: app.created_ms,
        };
        self.store
            .put(&format!("tenant-app:{}:{id}", app.tenant), "{}", None)
            .await?;
        self.write("app", id, &record).await
    }

    pub async fn delete_app(&self, app: &App) -> Result<(), DirectoryError> {
        self.store.delete(&format!("app:{}", app.app_id)).await?;
        Ok(self
            .store
            .delete(&format!("tenant-app:{}:{}", app.tenant, app.app_id))
            .await?)
    }

    /// The apps of one tenant, or of all.
    pub async fn apps(
        &self,
        tenant: Option<&str>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<App>, DirectoryError> {
        let prefix = tenant.map_or_else(|| "app:".to_owned(), |tenant| format!("tenant-app:{tenant}:"));
        let (ids, cursor) = self.ids(&prefix, limit, cursor).await?;
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            items.extend(self.app(&id).await?);
        }
        Ok(Page { items, cursor })
    }

    /// What has been set for the callback of one channel. Only channels whose names are ids have such a setting.
    pub async fn channel_callback(
        &self,
        app_id: &str,
        channel: &str,
    ) -> Result<Option<ChannelCallback>, DirectoryError> {
        let Some(key) = channel_key(app_id, channel) else {
            return Ok(None);
        };
        let Some(sealed) = self.store.get(&key).await? else {
            return Ok(None);
        };
        let set = self.open(Purpose::ChannelCallback(app_id), &sealed)?;
        serde_json::from_slice(&set)
            .map(Some)
            .map_err(|_| DirectoryError::Unreadable { key })
    }

    /// Writes what a customer has changed. `nonce`: fresh random bytes.
    pub async fn save(&self, setting: &Setting, nonce: &[u8; 24]) -> Result<(), DirectoryError> {
        let (app_id, channel, set) = match setting {
            Setting::App(app) => return self.put_app(app, nonce).await,
            Setting::ChannelCallback { app_id, channel, set } => (app_id, channel, set),
        };
        let Some(key) = channel_key(app_id, channel) else {
            return Ok(());
        };
        let Some(set) = set else {
            return Ok(self.store.delete(&key).await?);
        };
        let set = serde_json::to_vec(set).map_err(|_| DirectoryError::Unreadable { key: key.clone() })?;
        let sealed = self.seal(Purpose::ChannelCallback(app_id), &set, nonce)?;
        Ok(self.store.put(&key, &sealed, None).await?)
    }

    async fn ids(
        &self,
        prefix: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), DirectoryError> {
        let page = self.store.list(prefix, limit, cursor).await?;
        let ids = page
            .keys
            .iter()
            .filter_map(|key| key.strip_prefix(prefix))
            .map(str::to_owned)
            .collect();
        Ok((ids, page.cursor))
    }

    /// What is no legal id is not looked for: a store refuses long keys.
    async fn read<T: DeserializeOwned>(&self, kind: &'static str, id: &str) -> Result<Option<T>, DirectoryError> {
        if !is_id(id) {
            return Ok(None);
        }
        let Some(text) = self.store.get(&format!("{kind}:{id}")).await? else {
            return Ok(None);
        };
        serde_json::from_slice(text.as_bytes())
            .map(Some)
            .map_err(|_| DirectoryError::unreadable(kind, id))
    }

    async fn write(&self, kind: &'static str, id: &str, record: &impl Serialize) -> Result<(), DirectoryError> {
        let text = serde_json::to_string(record).map_err(|_| DirectoryError::unreadable(kind, id))?;
        Ok(self.store.put(&format!("{kind}:{id}"), &text, None).await?)
    }

    fn seal(&self, purpose: Purpose<'_>, plain: &[u8], nonce: &[u8; 24]) -> Result<String, DirectoryError> {
        self.keys
            .seal_text(purpose, plain, nonce)
            .map_err(|_| DirectoryError::Sealing)
    }

    fn open(&self, purpose: Purpose<'_>, sealed: &str) -> Result<Vec<u8>, DirectoryError> {
        self.keys
            .open_text(purpose, sealed)
            .map_err(|_| DirectoryError::Sealing)
    }
}

fn channel_key(app_id: &str, channel: &str) -> Option<String> {
    (is_id(app_id) && is_id(channel)).then(|| format!("channel-callback:{app_id}:{channel}"))
}

/// Whether a text can be the id of a tenant, a credential or an app: 1 to 64 of `A–Z a–z 0–9 _ -`.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Ours or the operator's; the text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryError {
    Store(StoreError),
    /// A record is not in the form that this version writes.
    Unreadable {
        key: String,
    },
    /// A record's secret does not open: its key is no longer in the ring.
    Sealing,
}

impl DirectoryError {
    fn unreadable(kind: &str, id: &str) -> Self {
        Self::Unreadable {
            key: format!("{kind}:{id}"),
        }
    }
}

impl From<StoreError> for DirectoryError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Unreadable { key } => write!(f, "the record {key} cannot be read"),
            Self::Sealing => {
                f.write_str("an encrypted record cannot be decrypted: was its key removed from TAPEDECK_SEAL_KEYS?")
            }
        }
    }
}

impl std::error::Error for DirectoryError {}
