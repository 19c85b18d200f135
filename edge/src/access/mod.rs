//! Who may call, and for which app: sealing keys, resource IDs, credentials, channel tokens, and the directory of tenants
//! and apps that all of these are read from. It knows neither a dialect's words nor Cloudflare: the directory is behind
//! [`Store`], time and randomness are arguments.

mod basic;
mod channel_callback;
mod directory;
mod entropy;
mod entry;
mod house_storage;
mod keys;
mod limits;
mod model;
mod resource_id;
mod store;
mod token;

pub use basic::{AccessError, authenticate};
pub use channel_callback::{ChannelCallback, Setting};
pub(crate) use directory::is_id;
pub use directory::{Directory, DirectoryError, Page};
pub use entropy::Entropy;
pub(crate) use entropy::hex;
pub use entry::enter;
pub use house_storage::{HouseStorage, backup_of};
pub use keys::{KeyRing, KeyRingError, OpenError, Purpose, SealError, same_secret};
pub use limits::{Limits, Method, Rates};
pub use model::{
    App, Automatic, Callback, ChannelAccess, ChannelSecret, Channels, Credential, RecorderDefaults, Tenant,
};
pub use resource_id::ResourceId;
pub use store::{Keys, Store, StoreError};
pub use token::{Entry, TokenError, verify_token};

#[cfg(test)]
pub(crate) mod testing;
