use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{Address, Carrier};
use super::login::Login;
use super::trust;

/// For all of connecting: names, TCP, TLS, the tunnel.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer of HTTP that is read.
const MAX_HEAD: usize = 16 << 10;
/// What the POST of a tunnel says of its length, as Apple's clients do; servers do not hold it against what follows.
const TUNNEL_LENGTH: u32 = 32_767;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
pub(super) type Pipe = Box<dyn Stream>;

/// A connected source.
pub(super) struct Source {
    /// This machine's address as the source sees it,
    pub(super) local: IpAddr,
    /// and the source's.
    pub(super) peer: IpAddr,
    pub(super) read: ReadHalf<Pipe>,
    /// What came already.
    pub(super) first: Vec<u8>,
    pub(super) write: SourceWrite,
}

/// Sends requests to a source.
pub(super) struct SourceWrite {
    pipe: WriteHalf<Pipe>,
    /// In a tunnel requests are Base64.
    encoded: bool,
    /// The other direction of a tunnel's connection, which must not be closed.
    _unread: Option<ReadHalf<Pipe>>,
    _unwritten: Option<WriteHalf<Pipe>>,
}

impl SourceWrite {
    pub(super) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.encoded {
            self.pipe.write_all(STANDARD.encode(bytes).as_bytes()).await?;
        } else {
            self.pipe.write_all(bytes).await?;
        }
        self.pipe.flush().await
    }

    pub(super) async fn close(&mut self) {
        // It is closed either way.
        let _ = self.pipe.shutdown().await;
    }
}

/// Connects to a source, in the way that its address says.
///
/// # Errors
/// A reason for a person.
pub(super) async fn dial(address: &Address, login: Option<&mut Login>) -> Result<Source, String> {
    let dialled = async {
        match address.carrier {
            Carrier::Plain => {
                let (pipe, local, peer) = connect(address).await?;
                let (read, pipe) = split(pipe);
                let write = SourceWrite {
                    pipe,
                    encoded: false,
                    _unread: None,
                    _unwritten: None,
                };
                Ok(Source {
                    local,
                    peer,
                    read,
                    first: Vec::new(),
                    write,
                })
            }
            Carrier::Http => tunnel(address, login).await,
        }
    };
    let (host, port) = (&address.host, address.port);
    timeout(CONNECT_TIMEOUT, dialled).await.unwrap_or_else(|_| {
        Err(format!(
            "{host}:{port} did not answer within {} s",
            CONNECT_TIMEOUT.as_secs()
        ))
    })
}

/// A connection, with this machine's address and the source's.
async fn connect(address: &Address) -> Result<(Pipe, IpAddr, IpAddr), String> {
    let (host, port) = (address.host.as_str(), address.port);
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| format!("{host}:{port} cannot be connected to: {error}"))?;
    // Without it only small requests are somewhat slower.
    let _ = stream.set_nodelay(true);
    let ends = stream
        .local_addr()
        .and_then(|local| Ok((local.ip(), stream.peer_addr()?.ip())));
    let (local, peer) = ends.map_err(|error| format!("{host}:{port} cannot be connected to: {error}"))?;
    if !address.tls {
        return Ok((Box::new(stream), local, peer));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("{host} is no name for TLS: {error}"))?;
    let trust = trust::of(address.certificate)?;
    let connector = TlsConnector::from(trust.config.clone());
    match connector.connect(name, stream).await {
        Ok(stream) => Ok((Box::new(stream), local, peer)),
        Err(error) => Err(trust.reason(&format!("{host}:{port}"), &error)),
    }
}

/// RTSP in HTTP: what comes is the body of a GET, and requests are the body of a POST; a cookie joins the two.
async fn tunnel(address: &Address, mut login: Option<&mut Login>) -> Result<Source, String> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(|error| format!("the system gives no random numbers ({error})"))?;
    let cookie = URL_SAFE_NO_PAD.encode(random);
    let mut asked_again = false;
    let (pipe, local, peer, first) = loop {
        let (mut pipe, local, peer) = connect(address).await?;
        let head = request(
            "GET",
            address,
            &cookie,
            login.as_deref_mut(),
            "Accept: application/x-rtsp-tunnelled\r\n",
        );
        let (answer, first) = exchange(&mut pipe, &head).await.map_err(broken)?;
        let mut lines = answer.split("\r\n");
        let status = lines.next().unwrap_or_default();
        match status.split(' ').nth(1) {
            Some("200") => break (pipe, local, peer, first),
            Some("401") if !asked_again => {
                let challenges = header(lines, "www-authenticate");
                asked_again = login.as_deref_mut().is_some_and(|login| login.challenge(&challenges));
                if !asked_again {
                    return Err(
                        "the source's tunnel over HTTP asks for credentials, which are not set or not of its kind"
                            .to_owned(),
                    );
                }
            }
            _ => {
                let status: String = status.chars().take(60).collect();
                return Err(format!("the source refuses RTSP over HTTP: it answered \"{status}\""));
            }
        }
    };
    let (read, unwritten) = split(pipe);
    let (mut pipe, ..) = connect(address).await?;
    let length = format!(
        "Content-Type: application/x-rtsp-tunnelled\r\nContent-Length: {TUNNEL_LENGTH}\r\nExpires: Sun, 9 Jan 1972 00:00:00 GMT\r\n"
    );
    let head = request("POST", address, &cookie, login, &length);
    pipe.write_all(head.as_bytes()).await.map_err(broken)?;
    pipe.flush().await.map_err(broken)?;
    let (unread, pipe) = split(pipe);
    let write = SourceWrite {
        pipe,
        encoded: true,
        _unread: Some(unread),
        _unwritten: Some(unwritten),
    };
    Ok(Source {
        local,
        peer,
        read,
        first,
        write,
    })
}

fn broken(error: std::io::Error) -> String {
    format!("the source broke off its tunnel over HTTP: {error}")
}

fn request(method: &str, address: &Address, cookie: &str, login: Option<&mut Login>, more: &str) -> String {
    let path = address.path_and_query();
    let authorization = login
        .and_then(|login| login.answer(method, path))
        .map(|answer| format!("Authorization: {answer}\r\n"))
        .unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.0\r\nHost: {}\r\nx-sessioncookie: {cookie}\r\nUser-Agent: Tapedeck\r\nPragma: no-cache\r\n\
         Cache-Control: no-cache\r\n{authorization}{more}\r\n",
        address.host
    )
}

/// Sends a request; the head of its answer, and what came behind it.
async fn exchange(pipe: &mut Pipe, request: &str) -> std::io::Result<(String, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    pipe.write_all(request.as_bytes()).await?;
    pipe.flush().await?;
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(END.len()).position(|window| window == END) {
            let rest = bytes.split_off(at + END.len());
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        if bytes.len() > MAX_HEAD {
            return Err(std::io::Error::other("its answer has no end"));
        }
        if pipe.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The values of a header, joined as a list.
fn header<'a>(lines: impl Iterator<Item = &'a str>, name: &str) -> String {
    let values = lines.filter_map(|line| line.split_once(':'));
    let values = values.filter(|(named, _)| named.eq_ignore_ascii_case(name));
    values.map(|(_, value)| value.trim()).collect::<Vec<_>>().join(", ")
}
