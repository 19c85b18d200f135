//! Fetches the images that scenes name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::Fault;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

use super::desk::Wishes;
use super::mixing::Told;
use crate::backoff::{Backoff, chance};
use crate::capture::Clock;
use crate::media::{Picture, decode_image};
use crate::mix::images;
use crate::outbound::{Client, FetchError};
use crate::record::status::{SharedBoard, problem};

/// Largest file in bytes, as Agora has it.
const MAX_BYTES: usize = 6 << 20;

/// From the request to the last byte.
const TIME: Duration = Duration::from_secs(20);

/// A server that does not answer is asked so often.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Images fetched at a time.
const AT_ONCE: usize = 4;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
enum ImageError {
    #[error("it is no URL that begins with http:// or https://")]
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

/// Where images go, and how they are fetched.
pub struct Images {
    pub client: Client,
    /// Of the mix.
    pub width: u32,
    pub height: u32,
    pub told: mpsc::WeakSender<Told>,
    pub board: SharedBoard,
    pub clock: Clock,
}

impl Images {
    /// Tells the desk the images of each scene, as they come. Ends with the wishes.
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
                        // The desk forgets images with their scene.
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
        if let (Some(told), Ok(picture)) = (self.told.upgrade(), picture.share()) {
            let url = url.to_owned();
            // A desk that has gone needs no images.
            let _ = told.send(Told::Image { url, picture }).await;
        }
    }

    fn report(&self, url: &str, error: &ImageError) {
        // A query may hold a key.
        let place = url.split(['?', '#']).next().unwrap_or_default();
        let message = format!("the image {place} cannot be used ({error}); the mix goes on without it");
        let at_ms = self.clock.wall_ms(self.clock.now_us());
        let told = problem(Fault::Destination, "image_unusable", message, at_ms);
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
mod tests {
    use protocol::{Scene, UserImage};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::media::testing::bmp;
    use crate::mix::testing::everybody;
    use crate::outbound::Targets;
    use crate::record::status::Board;

    /// Answers each request by its path: an image, a text, too much, or a failure the first two times.
    async fn server() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut failures = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 4096];
                let length = stream.read(&mut head).await.unwrap();
                let path = String::from_utf8_lossy(&head[..length])
                    .split(' ')
                    .nth(1)
                    .unwrap_or_default()
                    .to_owned();
                let (status, body) = match path.as_str() {
                    "/red.bmp?key=hunter2" => ("200 OK", bmp(32, 20, [0, 0, 255])),
                    "/text" => ("200 OK", b"hello".to_vec()),
                    "/large" => ("200 OK", vec![0; MAX_BYTES + 1]),
                    "/flaky" if failures < 2 => {
                        failures += 1;
                        ("503 Service Unavailable", Vec::new())
                    }
                    "/flaky" => ("200 OK", bmp(2, 2, [255, 0, 0])),
                    _ => ("404 Not Found", Vec::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&body).await;
            }
        });
        port
    }

    fn naming(urls: &[String]) -> Wishes {
        let image = |(index, url): (usize, &String)| UserImage {
            uid: index.to_string(),
            url: url.clone(),
            fill: Default::default(),
        };
        Wishes {
            scene: Scene {
                user_images: urls.iter().enumerate().map(image).collect(),
                ..Scene::default()
            },
            subscription: everybody(),
            present: Vec::new(),
        }
    }

    struct Stage {
        wishes: watch::Sender<Wishes>,
        queue: mpsc::Receiver<Told>,
        _told: mpsc::Sender<Told>,
        board: SharedBoard,
    }

    fn stage(targets: Targets, wishes: Wishes) -> Stage {
        crate::media::init().unwrap();
        let (told, queue) = mpsc::channel(16);
        let board = SharedBoard::new(Board::new(0, None));
        let images = Images {
            client: Client::new(targets).unwrap(),
            width: 16,
            height: 16,
            told: told.downgrade(),
            board: board.clone(),
            clock: Clock::new(0),
        };
        let (wishes, wished) = watch::channel(wishes);
        tokio::spawn(images.follow(wished));
        Stage {
            wishes,
            queue,
            _told: told,
            board,
        }
    }

    impl Stage {
        async fn next(&mut self) -> (String, Picture) {
            match timeout(Duration::from_secs(20), self.queue.recv()).await.unwrap() {
                Some(Told::Image { url, picture }) => (url, picture),
                _ => panic!("not an image"),
            }
        }

        async fn problems(&self, count: usize) -> Vec<String> {
            for _ in 0..400 {
                let problems = self.board.lock().status(0).problems;
                if problems.len() >= count {
                    assert!(problems.iter().all(|problem| problem.code == "image_unusable"));
                    return problems.into_iter().map(|problem| problem.message).collect();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("fewer than {count} problems");
        }
    }

    #[tokio::test]
    async fn images_come_scaled_and_come_again_with_the_next_scene_that_names_them() {
        let base = format!("http://127.0.0.1:{}", server().await);
        let red = format!("{base}/red.bmp?key=hunter2");
        let mut stage = stage(Targets::Any, naming(std::slice::from_ref(&red)));
        let (url, picture) = stage.next().await;
        assert_eq!((&url, picture.width(), picture.height()), (&red, 26, 16));
        stage
            .wishes
            .send_replace(naming(&[red.clone(), format!("{base}/flaky")]));
        assert_eq!(stage.next().await.0, red);
        assert!(stage.next().await.0.ends_with("/flaky"), "at the third attempt");
        assert_eq!(stage.board.lock().status(0).problems, []);
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_told_once_without_keys() {
        let base = format!("http://127.0.0.1:{}", server().await);
        let urls = ["/text", "/large", "/gone?key=hunter2"].map(|path| format!("{base}{path}"));
        let stage = stage(
            Targets::Any,
            naming(&[&urls[..], &["file:///etc/passwd".to_owned()]].concat()),
        );
        let problems = stage.problems(4).await;
        assert!(
            problems.iter().all(|message| !message.contains("hunter2")),
            "{problems:?}"
        );
        for part in ["neither JPEG nor BMP", "more than 6 MB", "404", "no URL"] {
            assert!(
                problems.iter().any(|message| message.contains(part)),
                "{part}: {problems:?}"
            );
        }
    }

    #[tokio::test]
    async fn private_addresses_are_not_asked() {
        let url = format!("http://127.0.0.1:{}/red.bmp?key=hunter2", server().await);
        let stage = stage(Targets::Public, naming(&[url]));
        let problems = stage.problems(1).await;
        assert!(problems[0].contains("private address"), "{problems:?}");
    }
}
