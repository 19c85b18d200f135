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
        url: url.as_str().into(),
        fill: Default::default(),
    };
    Wishes {
        paused: false,
        scene: Scene {
            user_images: urls.iter().enumerate().map(image).collect(),
            ..Scene::default()
        },
        subscription: everybody(),
        present: Vec::new(),
    }
}

struct Fixture {
    wishes: watch::Sender<Wishes>,
    queue: mpsc::Receiver<MixEvent>,
    _events: mpsc::Sender<MixEvent>,
    board: SharedBoard,
}

fn fixture(targets: Targets, wishes: Wishes) -> Fixture {
    crate::media::init().unwrap();
    let (events, queue) = mpsc::channel(16);
    let board = SharedBoard::new(Board::new(0, None));
    let images = Images {
        client: Client::new(targets).unwrap(),
        width: 16,
        height: 16,
        events: events.downgrade(),
        board: board.clone(),
        clock: Clock::new(0),
    };
    let (wishes, wished) = watch::channel(wishes);
    tokio::spawn(images.follow(wished));
    Fixture {
        wishes,
        queue,
        _events: events,
        board,
    }
}

impl Fixture {
    async fn next(&mut self) -> (String, Picture) {
        match timeout(Duration::from_secs(20), self.queue.recv()).await.unwrap() {
            Some(MixEvent::Image { url, picture }) => (url.expose().to_owned(), picture),
            _ => panic!("not an image"),
        }
    }

    async fn problems(&self, count: usize) -> Vec<String> {
        for _ in 0..400 {
            let problems = self.board.lock().status(0).problems;
            if problems.len() >= count {
                assert!(
                    problems
                        .iter()
                        .all(|problem| problem.code == ProblemCode::ImageUnusable)
                );
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
    let mut fixture = fixture(Targets::Any, naming(std::slice::from_ref(&red)));
    let (url, picture) = fixture.next().await;
    assert_eq!((&url, picture.width(), picture.height()), (&red, 26, 16));
    fixture
        .wishes
        .send_replace(naming(&[red.clone(), format!("{base}/flaky")]));
    assert_eq!(fixture.next().await.0, red);
    assert!(fixture.next().await.0.ends_with("/flaky"), "at the third attempt");
    assert_eq!(fixture.board.lock().status(0).problems, []);
}

#[tokio::test]
async fn what_cannot_be_used_is_told_once_without_keys() {
    let base = format!("http://127.0.0.1:{}", server().await);
    let urls =
        ["/text", "/large", "/gone?key=hunter2"].map(|path| format!("{}{path}", base.replace("//", "//me:hunter2@")));
    let fixture = fixture(
        Targets::Any,
        naming(&[&urls[..], &["file:///etc/passwd".to_owned()]].concat()),
    );
    let problems = fixture.problems(4).await;
    assert!(
        problems.iter().all(|message| !message.contains("hunter2")),
        "{problems:?}"
    );
    for part in ["neither JPEG nor BMP", "more than 6 MB", "404", "not a URL"] {
        assert!(
            problems.iter().any(|message| message.contains(part)),
            "{part}: {problems:?}"
        );
    }
}

#[tokio::test]
async fn private_addresses_are_not_asked() {
    let url = format!("http://127.0.0.1:{}/red.bmp?key=hunter2", server().await);
    let fixture = fixture(Targets::Public, naming(&[url]));
    let problems = fixture.problems(1).await;
    assert!(problems[0].contains("private address"), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoding_that_nobody_waits_for_any_more_keeps_its_turn() {
    let turns = Turns::new();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (end, may_end) = std::sync::mpsc::channel::<()>();
    let first = tokio::spawn({
        let turns = turns.clone();
        async move {
            let work = move || {
                begun.send(()).unwrap();
                may_end.recv().unwrap();
            };
            turns.decode(work).await
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv())
        .await
        .unwrap()
        .unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    // The scene has changed, and the next image has come.
    assert_eq!(turns.decoding.available_permits(), 0);
    let second = tokio::spawn(async move { turns.decode(|| 2).await });
    end.send(()).unwrap();
    assert_eq!(second.await.unwrap(), Some(2));
}
