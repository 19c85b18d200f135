use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::{Storage, StorageKind};

use super::fault::{UploadFault, disk};
use super::headers::Headers;
use super::{Bucket, Vod};
use crate::outbound::Client;
use crate::spool::{DueFile, DuePlaylist, HeldFile, Spool};

/// Where objects go.
#[derive(Clone, Debug)]
pub enum Store {
    Bucket(Bucket),
    Vod(Box<Vod>),
    /// A directory on this machine.
    Directory(PathBuf),
}

impl Store {
    /// Speaks to nobody yet. An error says what is wrong with the description of the storage.
    pub fn new(storage: &Storage, client: &Client) -> Result<Self, String> {
        match storage.kind {
            StorageKind::AliyunVod => Ok(Self::Vod(Box::new(Vod::new(storage, client)?))),
            _ => Ok(Self::Bucket(Bucket::new(storage, client)?)),
        }
    }

    /// For messages.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Bucket(bucket) => bucket.place().to_owned(),
            Self::Vod(vod) => vod.place().to_owned(),
            Self::Directory(dir) => dir.display().to_string(),
        }
    }

    /// Whether a playlist may travel as it is: some stores take it once, when it is complete.
    pub(super) fn takes(&self, playlist: &DuePlaylist) -> bool {
        match self {
            Self::Vod(_) => playlist.ended,
            Self::Bucket(_) | Self::Directory(_) => true,
        }
    }

    pub(super) async fn put_file(
        &self,
        spool: &Arc<Spool>,
        file: &DueFile,
        headers: Headers,
    ) -> Result<(), UploadFault> {
        match self {
            Self::Bucket(bucket) => bucket.put_file(&file.name, headers, &file.path, file.bytes).await,
            Self::Vod(vod) => vod.put_file(spool, file, headers).await,
            Self::Directory(dir) => {
                let (place, new) = in_directory(dir, &file.name);
                link_or_copy(&file.path, &new, &place)
                    .await
                    .map_err(disk("write", &place))
            }
        }
    }

    /// An object that the backup holds.
    pub(super) async fn put_from(&self, backup: &Bucket, file: &HeldFile, headers: Headers) -> Result<(), UploadFault> {
        match self {
            Self::Bucket(bucket) => bucket.put_from(backup, &file.name, headers, file.bytes).await,
            Self::Vod(_) | Self::Directory(_) => {
                let what = format!("{} accepts nothing from a backup", self.place());
                Err(UploadFault::Disk(what))
            }
        }
    }

    pub(super) async fn put_playlist(
        &self,
        spool: &Arc<Spool>,
        name: &str,
        headers: Headers,
        text: String,
    ) -> Result<(), UploadFault> {
        match self {
            Self::Bucket(bucket) => bucket.put(name, headers, text.into_bytes()).await,
            Self::Vod(vod) => vod.put_playlist(spool, name, headers, &text).await,
            Self::Directory(dir) => {
                let (place, new) = in_directory(dir, name);
                let write = async {
                    tokio::fs::write(&new, text).await?;
                    tokio::fs::rename(&new, &place).await
                };
                write.await.map_err(disk("write", &place))
            }
        }
    }
}

/// Where an object belongs, and where it is made.
fn in_directory(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    (dir.join(name), dir.join(format!(".{name}.new")))
}

/// Gives the file a second name where the file system can; the spool removes the first. Repeated, it does no harm: the
/// second name may stand already, and a copy over it would empty the file.
async fn link_or_copy(file: &Path, new: &Path, place: &Path) -> io::Result<()> {
    let _ = tokio::fs::remove_file(new).await;
    if tokio::fs::hard_link(file, new).await.is_err() {
        tokio::fs::copy(file, new).await?;
    }
    tokio::fs::rename(new, place).await?;
    // Of two names of one file neither is renamed.
    let _ = tokio::fs::remove_file(new).await;
    Ok(())
}
