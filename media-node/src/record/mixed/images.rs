//! Fetches the images that scenes name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::{Fault, ProblemCode};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

use super::feeder::Wishes;
use super::mixing::MixEvent;
use crate::backoff::{Backoff, chance};
use crate::media::{Picture, decode_image};
use crate::mix::images;
use crate::outbound::{Client, FetchError};
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
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        let mut fetching = JoinSet::new();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut scene = None;
        loop {
            let wanted = wishes.borrow_and_update().scene.clone();
            if scene.as_ref() != Some(&wanted) {
                let urls: BTreeSet<&str> = images(&wanted).collect();
                known.retain(|url, image| {
                    let stays = urls.contains(url.as_str()) && !matches!(image, Known::Missing);
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
                                url.to_owned(),
                                turns.clone(),
                                [self.width, self.height],
                            );
                            known.insert(url.to_owned(), Known::Coming(fetching.spawn(fetch)));
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

    async fn tell(&self, url: &str, picture: &Picture) {
        if let (Some(events), Ok(picture)) = (self.events.upgrade(), picture.share()) {
            let url = url.to_owned();
            // A feeder that has gone needs no images.
            let _ = events.send(MixEvent::Image { url, picture }).await;
        }
    }

    fn report(&self, url: &str, error: &ImageError) {
        // A query may hold a key.
        let place = url.split(['?', '#']).next().unwrap_or_default();
        let message = format!("the image {place} cannot be used ({error}); the mix continues without it");
        let at_ms = self.clock.wall_ms(self.clock.now_us());
        let told = problem(Fault::Destination, ProblemCode::ImageUnusable, message, at_ms);
        self.board.lock().problem_once(&cause(url), told);
    }
}

fn cause(url: &str) -> String {
    format!("image {url}")
}

async fn fetch(
    client: Client,
    url: String,
    turns: Arc<Semaphore>,
    size: [u32; 2],
) -> (String, Result<Picture, ImageError>) {
    let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let result = loop {
        let result = {
            let _turn = turns.acquire().await;
            fetch_once(&client, &url, size).await
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

async fn fetch_once(client: &Client, url: &str, [width, height]: [u32; 2]) -> Result<Picture, ImageError> {
    let url = Url::parse(url).map_err(|_| ImageError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ImageError::Url);
    }
    let mut answer = client.get(url, TIME).await.map_err(|error| match error {
        FetchError::Blocked(blocked) => ImageError::Useless(blocked.to_string()),
        FetchError::Http(error) => ImageError::Unreachable(error.to_string()),
    })?;
    let status = answer.status();
    if !status.is_success() {
        let said = format!("the server answers with status {status}");
        return Err(match status.is_server_error() {
            true => ImageError::Unreachable(said),
            false => ImageError::Useless(said),
        });
    }
    let mut data = Vec::new();
    loop {
        let part = answer.chunk().await;
        let part = part.map_err(|error| ImageError::Unreachable(error.without_url().to_string()))?;
        let Some(part) = part else { break };
        if data.len() + part.len() > MAX_BYTES {
            return Err(ImageError::Useless(format!("it has more than {} MB", MAX_BYTES >> 20)));
        }
        data.extend_from_slice(&part);
    }
    let decoded = tokio::task::spawn_blocking(move || decode_image(&data, width, height)).await;
    match decoded {
        Ok(Ok(picture)) => Ok(picture),
        Ok(Err(error)) => Err(ImageError::Useless(error.to_string())),
        Err(error) => Err(ImageError::Useless(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
