//! Fetches the images that scenes name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::{Fault, ProblemCode, SecretUrl};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

use super::feeder::Wishes;
use super::mixing::MixEvent;
use crate::backoff::{Backoff, chance};
use crate::media::{Picture, decode_image};
use crate::mix::images;
use crate::outbound::{BodyError, Client, FetchError, innermost_cause, read_body};
use crate::record::status::{SharedBoard, problem};
use crate::stream::Clock;

/// Largest file, in bytes.
const MAX_BYTES: usize = 6 << 20;

/// The longest time from the request to the last byte.
const TIME: Duration = Duration::from_secs(20);

/// How often a server that does not answer is asked.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Images fetched at a time.
const AT_ONCE: usize = 4;

/// Images decoded at a time: each may take some hundred megabytes meanwhile.
const DECODED_AT_ONCE: usize = 1;

/// The turns of a recording's images. Clones share them.
#[derive(Clone)]
struct Turns {
    fetching: Arc<Semaphore>,
    /// A turn goes with the work itself, which goes on when nobody waits for it any more.
    decoding: Arc<Semaphore>,
}

impl Turns {
    fn new() -> Self {
        Self {
            fetching: Arc::new(Semaphore::new(AT_ONCE)),
            decoding: Arc::new(Semaphore::new(DECODED_AT_ONCE)),
        }
    }

    /// Does the work in a thread of its own, once it is its turn; `None` when that has failed.
    async fn decode<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let turn = self.decoding.clone().acquire_owned().await.ok()?;
        let decoded = tokio::task::spawn_blocking(move || {
            let decoded = work();
            drop(turn);
            decoded
        });
        decoded.await.ok()
    }
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    #[error("it is not a URL that begins with http:// or https://")]
    Url,
    /// May be over soon.
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Useless(String),
}

/// What is known of an image of the present scene.
enum Known {
    Coming(AbortHandle),
    Here(Picture),
    Missing,
}

/// Fetches the images of a recording.
pub struct Images {
    pub client: Client,
    /// The size of the mix in pixels.
    pub width: u32,
    pub height: u32,
    pub events: mpsc::WeakSender<MixEvent>,
    pub board: SharedBoard,
    pub clock: Clock,
}

impl Images {
    /// Tells the feeder the images of each scene, as they come. Ends with the wishes.
    pub async fn follow(self, mut wishes: watch::Receiver<Wishes>) {
        let mut known: BTreeMap<SecretUrl, Known> = BTreeMap::new();
        let mut fetching = JoinSet::new();
        let turns = Turns::new();
        let mut scene = None;
        loop {
            let wanted = wishes.borrow_and_update().scene.clone();
            if scene.as_ref() != Some(&wanted) {
                let urls: BTreeSet<&SecretUrl> = images(&wanted).collect();
                known.retain(|url, image| {
                    let stays = urls.contains(url) && !matches!(image, Known::Missing);
                    if let (false, Known::Coming(task)) = (stays, image) {
                        task.abort();
                    }
                    stays
                });
                for url in urls {
                    match known.get(url) {
                        // The feeder forgets images with their scene.
                        Some(Known::Here(picture)) => self.tell(url, picture).await,
                        Some(Known::Coming(_) | Known::Missing) => {}
                        None => {
                            let fetch = fetch(
                                self.client.clone(),
                                url.clone(),
                                turns.clone(),
                                [self.width, self.height],
                            );
                            known.insert(url.clone(), Known::Coming(fetching.spawn(fetch)));
                        }
                    }
                }
                scene = Some(wanted);
            }
            tokio::select! {
                changed = wishes.changed() => if changed.is_err() { return },
                Some(fetched) = fetching.join_next() => {
                    // One that was aborted is not wanted any more.
                    let Ok((url, result)) = fetched else { continue };
                    let Some(image) = known.get_mut(&url) else { continue };
                    match result {
                        Ok(picture) => {
                            self.board.lock().over(&cause(&url));
                            self.tell(&url, &picture).await;
                            *image = Known::Here(picture);
                        }
                        Err(error) => {
                            self.report(&url, &error);
                            *image = Known::Missing;
                        }
                    }
                }
            }
        }
    }

    async fn tell(&self, url: &SecretUrl, picture: &Picture) {
        if let (Some(events), Ok(picture)) = (self.events.upgrade(), picture.share()) {
            let url = url.clone();
            // A feeder that has gone needs no images.
            let _ = events.send(MixEvent::Image { url, picture }).await;
        }
    }

    fn report(&self, url: &SecretUrl, error: &ImageError) {
        let message = format!(
            "the image {url} cannot be used ({error}); the mix continues without it: name a JPEG or BMP file at an address that \
             the node reaches, in a new layout or a new start"
        );
        let at_ms = self.clock.wall_ms(self.clock.now_us());
        let told = problem(Fault::Destination, ProblemCode::ImageUnusable, message, at_ms);
        self.board.lock().problem_once(&cause(url), told);
    }
}

/// Never printed.
fn cause(url: &SecretUrl) -> String {
    format!("image {}", url.expose())
}

async fn fetch(
    client: Client,
    url: SecretUrl,
    turns: Turns,
    size: [u32; 2],
) -> (SecretUrl, Result<Picture, ImageError>) {
    let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let result = loop {
        let result = {
            let _turn = turns.fetching.acquire().await;
            fetch_once(&client, &url, &turns, size).await
        };
        match result {
            Err(ImageError::Unreachable(_)) if pauses.failures() + 1 < ATTEMPTS => {
                tokio::time::sleep(pauses.pause(chance())).await;
            }
            result => break result,
        }
    };
    (url, result)
}

async fn fetch_once(
    client: &Client,
    url: &SecretUrl,
    turns: &Turns,
    [width, height]: [u32; 2],
) -> Result<Picture, ImageError> {
    let url = Url::parse(url.expose()).map_err(|_| ImageError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ImageError::Url);
    }
    let answer = client.get(url, TIME).await.map_err(|error| match error {
        FetchError::Blocked(blocked) => ImageError::Useless(blocked.to_string()),
        FetchError::Http(error) => ImageError::Unreachable(innermost_cause(&error)),
    })?;
    let status = answer.status();
    if !status.is_success() {
        let said = format!("the server answers with status {status}");
        return Err(match status.is_server_error() {
            true => ImageError::Unreachable(said),
            false => ImageError::Useless(said),
        });
    }
    let data = read_body(answer, MAX_BYTES).await.map_err(|error| match error {
        BodyError::Http(error) => ImageError::Unreachable(innermost_cause(&error)),
        BodyError::TooLong { .. } => ImageError::Useless(format!("it has more than {} MB", MAX_BYTES >> 20)),
    })?;
    match turns.decode(move || decode_image(&data, width, height)).await {
        Some(Ok(picture)) => Ok(picture),
        Some(Err(error)) => Err(ImageError::Useless(error.to_string())),
        None => Err(ImageError::Useless(
            "it cannot be decoded by a defect of the node".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
