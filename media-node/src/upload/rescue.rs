//! Brings what was salvaged from a spool to a bucket. What is there already is not sent again, so that it can be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::Bucket;
use super::fault::UploadFault;
use super::formats::Formats;
use super::headers::Headers;
use crate::spool::{DuePlaylist, Salvage, SalvagedFile, SalvagedPlaylist, Slice};

/// Requests at the same time.
const AT_ONCE: usize = 8;
/// A request that the store does not answer is made so often.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// What stands at the end of a playlist's name when another one has that name.
const BESIDE: &str = "-rescued";
const EXTENSION: &str = ".m3u8";
/// The media type of a file of which nothing is known.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// How a spool is rescued.
pub struct Rescue {
    pub bucket: Bucket,
    pub formats: Formats,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rescued {
    /// Files that were sent now, and their size.
    pub sent: u64,
    pub sent_bytes: u64,
    /// Files that were in the bucket already.
    pub found: u64,
    /// The names of files that are neither on this disk nor in the bucket.
    pub missing: Vec<String>,
    pub playlists: Vec<RescuedPlaylist>,
}

/// A playlist that is in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RescuedPlaylist {
    /// Under which it is there.
    pub name: String,
    pub slices: usize,
    pub duration_us: i64,
    /// Another playlist had its name, which names slices that this spool knows nothing of.
    pub beside: bool,
}

impl Rescue {
    /// Sends each file that is on this disk and not in the bucket, and sees that it is there; then the playlists of what is.
    ///
    /// # Errors
    /// When the bucket refuses something, or does not answer for a while. Repeated, it goes on.
    pub async fn run(&self, salvage: &Salvage) -> Result<Rescued, String> {
        let mut rescued = Rescued::default();
        let wanted = salvage.files.iter().map(|file| (file.name.as_str(), Some(file)));
        let learned = salvage.playlists().flat_map(SalvagedPlaylist::slices);
        let learned = learned.map(|name| (name, None));
        // A file that the spool has itself counts as that.
        let wanted: BTreeMap<_, _> = learned.chain(wanted).collect();
        let results = stream::iter(wanted)
            .map(|(name, file)| self.file(name, file))
            .buffer_unordered(AT_ONCE);
        let results: Vec<(&str, Outcome)> = results.try_collect().await.map_err(|fault| self.failed(&fault))?;
        let mut there = BTreeSet::new();
        for (name, outcome) in results {
            match outcome {
                Outcome::Missing => rescued.missing.push(name.to_owned()),
                Outcome::Found => rescued.found += 1,
                Outcome::Sent(bytes) => {
                    (rescued.sent, rescued.sent_bytes) = (rescued.sent + 1, rescued.sent_bytes + bytes)
                }
            }
            if outcome != Outcome::Missing {
                there.insert(name);
            }
        }
        rescued.missing.sort();
        for playlist in salvage.playlists() {
            let slices = playlist.playable(|name| there.contains(name));
            if !slices.is_empty() {
                let put = self.playlist(playlist.name(), slices).await;
                rescued.playlists.push(put.map_err(|fault| self.failed(&fault))?);
            }
        }
        Ok(rescued)
    }

    async fn file<'a>(&self, name: &'a str, file: Option<&SalvagedFile>) -> Result<(&'a str, Outcome), UploadFault> {
        let size = patiently(|| self.bucket.size_of(name)).await?;
        let known = file.and_then(|file| file.bytes);
        let on_disk = file.and_then(|file| Some((file, file.path.as_ref()?, file.bytes?)));
        let outcome = match (size, on_disk) {
            (Some(size), _) if known.is_none_or(|bytes| bytes == size) => Outcome::Found,
            (_, None) => Outcome::Missing,
            (_, Some((file, path, bytes))) => {
                let media_type = file
                    .content
                    .map_or(UNKNOWN_TYPE, |content| (self.formats.file_type)(content, name));
                let headers = Headers::immutable(media_type);
                patiently(|| self.bucket.put_file(name, headers, path, bytes)).await?;
                let size = patiently(|| self.bucket.size_of(name)).await?;
                if size != Some(bytes) {
                    let what = format!("{name} was sent and is not there as it was: {size:?} bytes instead of {bytes}");
                    return Err(UploadFault::Unavailable(what));
                }
                tracing::info!(name, bytes, "file rescued");
                Outcome::Sent(bytes)
            }
        };
        Ok((name, outcome))
    }

    /// Under its own name, unless another one there names what this one does not.
    async fn playlist(&self, name: &str, slices: Vec<Slice>) -> Result<RescuedPlaylist, UploadFault> {
        let playlist = DuePlaylist {
            name: name.to_owned(),
            own: slices.len(),
            slices,
            learned: 0,
            only_grows: false,
            ended: true,
        };
        let text = (self.formats.render)(&playlist);
        let slices = playlist.slices;
        let mut put = RescuedPlaylist {
            name: name.to_owned(),
            slices: slices.len(),
            duration_us: slices.iter().map(|slice| slice.duration_us).sum(),
            beside: false,
        };
        let there = patiently(|| self.bucket.read(name)).await?;
        if let Some(there) = there {
            if there == text.as_bytes() {
                return Ok(put);
            }
            let own: BTreeSet<_> = slices.iter().map(|slice| slice.name.as_str()).collect();
            if !names_in(&String::from_utf8_lossy(&there)).all(|name| own.contains(name)) {
                let stem = name.strip_suffix(EXTENSION).unwrap_or(name);
                put.name = format!("{stem}{BESIDE}{EXTENSION}");
                put.beside = true;
            }
        }
        let headers = Headers::changing(self.formats.playlist_type);
        patiently(|| self.bucket.put(&put.name, headers, text.clone().into_bytes())).await?;
        Ok(put)
    }

    fn failed(&self, fault: &UploadFault) -> String {
        let hint = match fault {
            UploadFault::Refused(_) => ". The keys have to be able to write, read and list",
            _ => "",
        };
        format!("{}: {}{hint}", self.bucket.place(), fault.message())
    }
}

/// What became of one file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Found,
    /// With so many bytes, by this call.
    Sent(u64),
    Missing,
}

/// The objects that a playlist names.
fn names_in(playlist: &str) -> impl Iterator<Item = &str> {
    let lines = playlist.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Makes a request again while the store does not answer.
async fn patiently<T, F: Future<Output = Result<T, UploadFault>>>(
    mut request: impl FnMut() -> F,
) -> Result<T, UploadFault> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match request().await {
            Err(UploadFault::Unavailable(_)) => tokio::time::sleep(pause).await,
            result => return result,
        }
        pause *= 2;
    }
    request().await
}
