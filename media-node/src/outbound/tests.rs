use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Answers each connection with this head and the body `here`. Returns its port on the loopback interface.
async fn server(head: impl Fn(u16) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = format!(
                "HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: 4\r\n\r\nhere",
                head(port)
            );
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

async fn get(targets: Targets, url: &str) -> Result<String, FetchError> {
    let client = Client::new(targets).unwrap();
    Ok(client.get(url.parse().unwrap(), LIMIT).await?.text().await?)
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let port = server(|_| "200 OK".to_owned()).await;
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "bucket.LOCALHOST",
        "localhost.",
    ] {
        let url = format!("http://{host}:{port}/");
        assert_eq!(get(Targets::Any, &url).await.unwrap(), "here", "{host}");
        let error = get(Targets::Public, &url).await.unwrap_err();
        assert!(matches!(error, FetchError::Blocked(_)), "{host}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_does_not_lead_to_a_blocked_address() {
    let port = server(|port| format!("302 Found\r\nlocation: http://{ELSEWHERE}:{port}/")).await;
    let error = get(Targets::AllBut(ELSEWHERE), &format!("http://127.0.0.1:{port}/")).await;
    let FetchError::Blocked(blocked) = error.unwrap_err() else {
        panic!("not blocked")
    };
    let said = blocked.to_string();
    assert!(
        said.starts_with("127.0.0.2 is at the private address 127.0.0.2"),
        "{said}"
    );
}

/// Answers without a length, and never ends: once it sends as fast as it can, once a byte now and then.
async fn endless(pause: Option<Duration>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n";
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(head.as_bytes()).await;
            let chunk = match pause {
                Some(_) => "1\r\nx\r\n".to_owned(),
                None => format!("1000\r\n{}\r\n", "x".repeat(0x1000)),
            };
            while stream.write_all(chunk.as_bytes()).await.is_ok() {
                tokio::time::sleep(pause.unwrap_or_default()).await;
            }
        }
    });
    port
}

#[tokio::test]
async fn an_answer_that_never_ends_is_read_up_to_its_most_bytes() {
    let url = format!("http://127.0.0.1:{}/", endless(None).await);
    let client = Client::new(Targets::Any).unwrap();
    let answer = client.get(url.parse().unwrap(), LIMIT).await.unwrap();
    let error = read_body(answer, 100_000).await.unwrap_err();
    assert_eq!(error.to_string(), "the answer is longer than 100000 bytes");
}

#[tokio::test]
async fn an_answer_that_comes_too_slowly_is_given_up() {
    let url = format!("http://127.0.0.1:{}/", endless(Some(Duration::from_millis(20))).await);
    let client = Client::new(Targets::Any).unwrap();
    let limit = Duration::from_millis(200);
    let answer = client.get(url.parse().unwrap(), limit).await.unwrap();
    let error = read_body(answer, 100_000).await.unwrap_err();
    assert!(
        matches!(&error, BodyError::Http(error) if error.is_timeout()),
        "{error}"
    );
}

#[tokio::test]
async fn redirects_end() {
    let port = server(|port| format!("302 Found\r\nlocation: http://127.0.0.1:{port}/")).await;
    let error = get(Targets::Any, &format!("http://127.0.0.1:{port}/"))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Http(_)), "{error}");
    let client = Client::without_redirects(Targets::Any).unwrap();
    let url = format!("http://127.0.0.1:{port}/").parse().unwrap();
    assert_eq!(client.get(url, LIMIT).await.unwrap().status(), 302);
}

#[test]
fn a_name_with_public_and_private_addresses_leads_to_the_public_ones() {
    let found = ["10.0.0.1:0", "1.1.1.1:0", "[::1]:0", "[2606:4700::1]:0"].map(|found| found.parse().unwrap());
    let admitted = Targets::Public.admit("h", found.to_vec()).unwrap();
    assert_eq!(admitted, [found[1], found[3]]);
    let blocked = Targets::Public.admit("h", vec![found[2], found[0]]).unwrap_err();
    assert!(
        blocked.to_string().starts_with("h is at the private address ::1"),
        "{blocked}"
    );
    assert_eq!(Targets::Any.admit("h", found.to_vec()).unwrap(), found);
    assert_eq!(Targets::Public.admit("h", Vec::new()).unwrap(), []);
}
