use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Calls a server of this machine, and returns the status and the body of its answer. A client of few lines: a greater one would be
/// most of this program.
///
/// # Panics
/// When the server does not answer as it should.
pub(crate) async fn call(method: &str, url: &str, content_type: &str, body: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").expect("a URL of http");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).await.expect("the server listens");
    let request = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = BufReader::new(stream);
    let (mut status, mut length) = (None, None);
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).await.expect("an answer");
        let line = line.trim_end();
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        } else if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        } else {
            break;
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            answer.read_exact(&mut body).await.map(drop)
        }
        // In this version of HTTP, the body ends where the connection does.
        None => answer.read_to_end(&mut body).await.map(drop),
    }
    .expect("a body");
    (status.expect("a status"), String::from_utf8(body).expect("UTF-8"))
}
