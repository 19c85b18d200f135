//! Alibaba Cloud's video-on-demand service as a store: each playlist, and each MP4 file, becomes a video. It knows the
//! service's calls and the keys that these give; it does not know how an object is put into the service's store.
//!
//! A video is made once, before its first object travels, and its name is in the spool's journal before anything else
//! happens, so that each later process goes on with it. Only an answer that never came leaves a video without a recording
//! behind, empty. The playlist goes last, when it is complete, because the service begins to work on the video then.

mod api;
mod grant;
mod rpc;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Fault, Refusal, RefusalCode, Storage};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Bucket;
use super::fault::UploadFault;
use super::headers::Headers;
use crate::outbound::Client;
use crate::spool::{Content, DueFile, KeptVideo, Spool, SpoolError};
use api::Api;
use grant::Grant;

/// None that the service has made: its answer shows whether it knows the keys.
const NO_VIDEO: &str = "00000000000000000000000000000000";
const PROOF_TIME: Duration = Duration::from_secs(6);
/// In sixths, for how much of their life keys are used before others are asked for.
const GOOD_SIXTHS: u32 = 5;
/// Between two attempts while the keys at hand are good.
const RENEWALS_APART: Duration = Duration::from_secs(30);
/// A video of which the edge has heard nothing after so long is uploaded to all the same: the edge may be away for hours.
const KNOWN_TIME: Duration = Duration::from_secs(10);

/// The service, for one recording. Clones share its keys.
#[derive(Clone, Debug)]
pub struct Vod {
    api: Api,
    /// What each video is made with.
    video: BTreeMap<String, String>,
    region: String,
    place: String,
    client: Client,
    videos: Arc<Mutex<Videos>>,
}

/// By the names of playlists and files.
#[derive(Debug, Default)]
struct Videos {
    open: BTreeMap<String, Renewable>,
    /// Made, and not in the journal because that could not be written.
    unkept: BTreeMap<String, KeptVideo>,
}

/// A video that can be uploaded to until its keys end.
#[derive(Debug)]
struct Open {
    grant: Grant,
    bucket: Bucket,
    ends_at: Instant,
}

#[derive(Debug)]
struct Renewable {
    open: Arc<Open>,
    /// Other keys are asked for from then on.
    renew_at: Instant,
}

/// What is uploaded.
enum Body<'a> {
    File { path: &'a std::path::Path, bytes: u64 },
    Text(&'a str),
}

impl Vod {
    /// Speaks to nobody yet. An error says what is wrong with the description of the service.
    pub(super) fn new(storage: &Storage, client: &Client) -> Result<Self, String> {
        Ok(Self {
            api: Api::new(storage, client)?,
            video: storage.video.clone(),
            region: storage.region.clone(),
            place: place(storage),
            client: client.clone(),
            videos: Arc::default(),
        })
    }

    /// For messages.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) async fn put_file(
        &self,
        spool: &Arc<Spool>,
        file: &DueFile,
        headers: Headers,
    ) -> Result<(), UploadFault> {
        let body = Body::File {
            path: &file.path,
            bytes: file.bytes,
        };
        match file.content {
            Content::Slice => {
                let playlist = spool.playlist_of(file.number);
                let playlist = playlist.ok_or_else(|| UploadFault::Disk(format!("{} is in no playlist", file.name)))?;
                self.put(spool, &playlist, Some(&file.name), headers, &body).await
            }
            Content::Lone(_) => self.put(spool, &file.name, None, headers, &body).await,
        }
    }

    pub(super) async fn put_playlist(
        &self,
        spool: &Arc<Spool>,
        name: &str,
        headers: Headers,
        text: &str,
    ) -> Result<(), UploadFault> {
        self.put(spool, name, None, headers, &Body::Text(text)).await
    }

    /// Puts a slice, or without one the thing itself, to the video of `name`. Keys that have ended before their time are
    /// replaced once.
    async fn put(
        &self,
        spool: &Arc<Spool>,
        name: &str,
        slice: Option<&str>,
        headers: Headers,
        body: &Body<'_>,
    ) -> Result<(), UploadFault> {
        let open = self.open(spool, name, None).await?;
        match open.put(slice, headers, body).await {
            Err(fault) if fault.is_about_ended_keys() => {
                tracing::info!(name, said = fault.message(), "the video's keys have ended");
                let open = self.open(spool, name, Some(&open)).await?;
                open.put(slice, headers, body).await
            }
            other => other,
        }
    }

    /// The video of a playlist or a file, made if there is none, with keys that are good, and that are not those of `ended`.
    async fn open(&self, spool: &Arc<Spool>, name: &str, ended: Option<&Arc<Open>>) -> Result<Arc<Open>, UploadFault> {
        let mut videos = self.videos.lock().await;
        let Videos { open: all, unkept } = &mut *videos;
        let now = Instant::now();
        let is_good = |open: &Arc<Open>| now < open.ends_at && !ended.is_some_and(|ended| Arc::ptr_eq(ended, open));
        let present = all.get_mut(name).filter(|present| is_good(&present.open));
        if let Some(present) = &present
            && now < present.renew_at
        {
            return Ok(Arc::clone(&present.open));
        }
        match (self.grant(spool, name, unkept).await, present) {
            (Ok(grant), _) => {
                await_known(spool, name).await;
                let renew_at = now + grant.life * GOOD_SIXTHS / 6;
                let open = Arc::new(Open::new(grant, now, &self.client)?);
                let renewable = Renewable {
                    open: Arc::clone(&open),
                    renew_at,
                };
                all.insert(name.to_owned(), renewable);
                Ok(open)
            }
            (Err(fault), Some(present)) => {
                tracing::warn!(name, said = fault.message(), "the video's keys cannot be renewed yet");
                present.renew_at = now + RENEWALS_APART;
                Ok(Arc::clone(&present.open))
            }
            (Err(fault), None) => Err(fault),
        }
    }

    async fn grant(
        &self,
        spool: &Arc<Spool>,
        name: &str,
        unkept: &mut BTreeMap<String, KeptVideo>,
    ) -> Result<Grant, UploadFault> {
        if let Some(video) = unkept.get(name) {
            keep(spool, video.clone()).await?;
            unkept.remove(name);
        }
        let Some(video) = spool.video(name) else {
            let answer = self.api.create(&self.video, &file_name(name)).await;
            let answer = answer.map_err(|fault| fault.into_upload_fault(true))?;
            let grant = Grant::read(&answer, &self.region);
            let video = KeptVideo {
                name: name.to_owned(),
                video_id: grant::video_id(&answer).map_err(UploadFault::Unavailable)?.to_owned(),
                slices: grant.as_ref().map(|grant| grant.slices.clone()).unwrap_or_default(),
            };
            tracing::info!(name, video_id = video.video_id, "video made");
            if let Err(fault) = keep(spool, video.clone()).await {
                unkept.insert(name.to_owned(), video);
                return Err(fault);
            }
            return grant.map_err(UploadFault::Unavailable);
        };
        let answer = self.api.refresh(&video.video_id).await;
        let answer = answer.map_err(|fault| fault.into_upload_fault(false))?;
        let grant = Grant::read(&answer, &self.region).map_err(UploadFault::Unavailable)?;
        // Slices of one video lie in one place, wherever a later answer would have them.
        let place = Some(video.slices).filter(|slices| !slices.is_empty());
        Ok(Grant {
            slices: place.unwrap_or(grant.slices),
            ..grant
        })
    }
}

impl Open {
    fn new(grant: Grant, now: Instant, client: &Client) -> Result<Self, UploadFault> {
        let bucket = Bucket::new(&grant.storage, client).map_err(UploadFault::Unavailable)?;
        Ok(Self {
            ends_at: now + grant.life,
            bucket,
            grant,
        })
    }

    async fn put(&self, slice: Option<&str>, headers: Headers, body: &Body<'_>) -> Result<(), UploadFault> {
        let key = match slice {
            Some(name) => format!("{}{name}", self.grant.slices),
            None => self.grant.object.clone(),
        };
        match body {
            Body::File { path, bytes } => self.bucket.put_file(&key, headers, path, *bytes).await,
            Body::Text(text) => self.bucket.put(&key, headers, text.as_bytes().to_vec()).await,
        }
    }
}

/// Proves that the service knows the keys and lets them upload, by asking for a video that does not exist. Nothing is made.
/// Takes at most 6 s.
pub(super) async fn check(storage: &Storage, client: &Client) -> Result<(), Refusal> {
    let refuse = |what: String| Refusal {
        fault: Fault::Destination,
        code: RefusalCode::StorageUnusable,
        reason: format!("{} cannot be used: {what}", place(storage)),
    };
    let vod = Vod::new(storage, client).map_err(refuse)?;
    match tokio::time::timeout(PROOF_TIME, vod.api.refresh(NO_VIDEO)).await {
        Ok(Err(fault)) if fault.is_about_the_video() => Ok(()),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(fault)) => Err(refuse(fault.into_upload_fault(false).message().to_owned())),
        Err(_) => Err(refuse(format!("no answer within {} s", PROOF_TIME.as_secs()))),
    }
}

fn place(storage: &Storage) -> String {
    format!("Alibaba Cloud VoD at {}", storage.endpoint)
}

/// Which characters the service takes in the name of a file is not published; it uses nothing of it but the end.
fn file_name(name: &str) -> String {
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    name.chars().map(legal).collect()
}

/// Resolves when the edge knows the video. If this node is lost before, the next one makes another video, and what went into
/// this one would be missing there.
async fn await_known(spool: &Spool, name: &str) {
    let mut changes = spool.changes();
    let known = async { while !spool.is_video_known(name) && changes.changed().await.is_ok() {} };
    if tokio::time::timeout(KNOWN_TIME, known).await.is_err() {
        tracing::warn!(name, "the edge has not heard of the video yet");
    }
}

async fn keep(spool: &Arc<Spool>, video: KeptVideo) -> Result<(), UploadFault> {
    let spool = Arc::clone(spool);
    let kept = tokio::task::spawn_blocking(move || -> Result<(), SpoolError> { spool.keep_video(video) }).await;
    match kept {
        Ok(result) => Ok(result?),
        Err(error) => Err(UploadFault::Disk(format!("the journal's writer has stopped: {error}"))),
    }
}
