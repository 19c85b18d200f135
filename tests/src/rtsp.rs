//! One request of RTSP over a connection of its own, as nobody's client library makes it.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
    a=control:streamid=0\r\n";

/// The status of the answer to `method`: `ANNOUNCE` brings a picture, others nothing. `url` is not changed in any way.
///
/// # Panics
/// When the server at `rtsp://host:port` does not answer.
pub async fn status(server: &str, method: &str, url: &str, authorization: Option<&str>) -> u16 {
    let address = server.strip_prefix("rtsp://").expect("an RTSP URL");
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let body = if method == "ANNOUNCE" { SDP } else { "" };
    let authorization = authorization.map_or(String::new(), |value| format!("Authorization: {value}\r\n"));
    let request = format!(
        "{method} {url} RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it takes the request");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.expect("an answer");
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no answer to {method}: {line:?}"))
}
