use std::io;
use std::path::{Path, PathBuf};

use super::Bucket;
use super::fault::UploadFault;

const SLICE_TYPE: &str = "video/mp2t";
const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

/// Where objects go.
#[derive(Clone, Debug)]
pub enum Store {
    Bucket(Bucket),
    /// A directory on this machine.
    Directory(PathBuf),
}

impl Store {
    /// For messages.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Bucket(bucket) => bucket.place().to_owned(),
            Self::Directory(dir) => dir.display().to_string(),
        }
    }

    pub(super) async fn put_slice(&self, name: &str, file: &Path) -> Result<(), UploadFault> {
        match self {
            Self::Bucket(bucket) => {
                let body = tokio::fs::read(file).await.map_err(disk("read", file))?;
                bucket.put(name, SLICE_TYPE, body).await
            }
            Self::Directory(dir) => {
                let place = dir.join(name);
                link_or_copy(file, &place).await.map_err(disk("write", &place))
            }
        }
    }

    pub(super) async fn put_playlist(&self, name: &str, text: String) -> Result<(), UploadFault> {
        match self {
            Self::Bucket(bucket) => bucket.put(name, PLAYLIST_TYPE, text.into_bytes()).await,
            Self::Directory(dir) => {
                let (place, new) = (dir.join(name), dir.join(format!(".{name}.new")));
                let write = async {
                    tokio::fs::write(&new, text).await?;
                    tokio::fs::rename(&new, &place).await
                };
                write.await.map_err(disk("write", &place))
            }
        }
    }
}

/// Gives the file a second name where the file system can; the spool removes the first.
async fn link_or_copy(file: &Path, place: &Path) -> io::Result<()> {
    match tokio::fs::hard_link(file, place).await {
        Ok(()) => Ok(()),
        Err(_) => tokio::fs::copy(file, place).await.map(drop),
    }
}

fn disk(action: &str, path: &Path) -> impl FnOnce(io::Error) -> UploadFault {
    let what = format!("cannot {action} {}", path.display());
    move |error| UploadFault::Disk(format!("{what}: {error}"))
}
