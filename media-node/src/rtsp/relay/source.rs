//! One stream of another node's channel server, read over TCP.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use protocol::{LAYERS_HEADER, RELAY_HEADER, Secret, TrackKind};
use rtsp_types::headers::{self, HeaderName};
use rtsp_types::{Method, Request, Response, StatusCode, Url, Version};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tokio_util::codec::FramedRead;

use crate::channel::StreamPath;
use crate::hub::{Description, DescriptionError, Flow, track_control};
use crate::layers::{Area, MAX_LAYERS};
use crate::rtsp::target::{ALL_LAYERS, asked};
use crate::rtsp::wire::{self, Incoming, Wire, WireError};

const READ_BUFFER: usize = 64 << 10;
const DEFAULT_PORT: u16 = 554;
/// Packets that are kept while an answer is waited for.
const MAX_EARLY: usize = 256;
/// How long the other node may take to take a wish.
const ASKING: Duration = Duration::from_secs(2);

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::rtsp) enum SourceError {
    #[error("its address is not rtsp://host:port: correct its TAPEDECK_RTSP_ADVERTISE")]
    Address,
    #[error("it cannot be reached ({0}): can this node reach the address that the other one advertises?")]
    Unreachable(std::io::Error),
    #[error("it does not speak RTSP ({0})")]
    Wire(#[from] WireError),
    #[error("it has closed the connection")]
    Closed,
    #[error("it refuses with status {0}")]
    Refused(u16),
    #[error(transparent)]
    Description(#[from] DescriptionError),
}

/// A stream that is being read.
pub(super) struct Source {
    connection: Connection,
    description: Description,
    /// So many of the last tracks are one size of the picture each.
    layers: usize,
}

struct Connection {
    frames: FramedRead<OwnedReadHalf, Wire>,
    write: OwnedWriteHalf,
    url: Url,
    token: Secret,
    cseq: u32,
    session: Option<String>,
    /// Packets that came before an answer.
    early: VecDeque<(u8, Bytes)>,
}

impl Source {
    /// Begins to read a stream, or its picture in the size that fills the area. `token`: what opens it there.
    pub(super) async fn open(
        address: &str,
        path: &StreamPath,
        area: Option<Area>,
        token: &Secret,
    ) -> Result<Self, SourceError> {
        let mut url = Url::parse(&path.url(address)).map_err(|_| SourceError::Address)?;
        url.set_query(Some(&area.map_or_else(|| ALL_LAYERS.to_owned(), asked)));
        let mut connection = Connection::connect(url, token.clone()).await?;
        let described = connection
            .ask(Method::Describe, None, &[(headers::ACCEPT, "application/sdp")])
            .await?;
        let description = Description::parse(described.body())?;
        let layers = layers_of(&described).filter(|layers| (1..=MAX_LAYERS).contains(layers));
        let layers = layers.filter(|layers| *layers < description.track_count()).unwrap_or(0);
        let first = description.track_count() - layers;
        let kinds = description.tracks().iter().enumerate();
        // The picture itself is made of the layers.
        let wanted = kinds.filter(|(track, of)| layers == 0 || *track >= first || of.kind == TrackKind::Audio);
        for (track, _) in wanted {
            let transport = format!("RTP/AVP/TCP;unicast;interleaved={}-{}", track * 2, track * 2 + 1);
            let set_up = [(headers::TRANSPORT, transport.as_str())];
            let answer = connection.ask(Method::Setup, Some(track), &set_up).await?;
            let session = answer.header(&headers::SESSION).map(|session| session.as_str());
            let session = session.and_then(|session| session.split(';').next());
            connection.session = session.map(|session| session.trim().to_owned());
        }
        connection.ask(Method::Play, None, &[]).await?;
        Ok(Self {
            connection,
            description,
            layers,
        })
    }

    pub(super) fn layers(&self) -> usize {
        self.layers
    }

    pub(super) fn description(&self) -> &Description {
        &self.description
    }

    /// Asks for keyframes, by track. False when the connection takes nothing more.
    pub(super) async fn ask(&mut self, wishes: Vec<(usize, Vec<u8>)>) -> bool {
        let mut out = BytesMut::new();
        for (track, wish) in wishes {
            if let Ok(channel) = u8::try_from(track * 2 + 1) {
                wire::put_interleaved(&mut out, channel, &wish);
            }
        }
        let written = timeout(ASKING, self.connection.write.write_all_buf(&mut out)).await;
        matches!(written, Ok(Ok(())))
    }

    /// The next packet; `None` when there will be no more. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<(usize, Flow, Bytes)> {
        loop {
            let (channel, payload) = match self.connection.early.pop_front() {
                Some(early) => early,
                None => match self.connection.frames.next().await?.ok()? {
                    Incoming::Interleaved { channel, payload } => (channel, payload),
                    Incoming::Request(_) | Incoming::Response(_) => continue,
                },
            };
            let flow = match channel % 2 {
                0 => Flow::Rtp,
                _ => Flow::Rtcp,
            };
            return Some((usize::from(channel / 2), flow, payload));
        }
    }
}

fn layers_of(described: &Response<Vec<u8>>) -> Option<usize> {
    let mut headers = described.headers();
    let told = headers.find(|(name, _)| name.as_str().eq_ignore_ascii_case(LAYERS_HEADER));
    told.and_then(|(_, value)| value.as_str().trim().parse().ok())
}

impl Connection {
    async fn connect(url: Url, token: Secret) -> Result<Self, SourceError> {
        let host = url.host_str().ok_or(SourceError::Address)?;
        // IPv6 addresses stand in brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = (host, url.port().unwrap_or(DEFAULT_PORT));
        let stream = TcpStream::connect(address).await.map_err(SourceError::Unreachable)?;
        stream.set_nodelay(true).map_err(SourceError::Unreachable)?;
        let (read, write) = stream.into_split();
        Ok(Self {
            frames: FramedRead::with_capacity(read, Wire::default(), READ_BUFFER),
            write,
            url,
            token,
            cseq: 0,
            session: None,
            early: VecDeque::new(),
        })
    }

    async fn ask(
        &mut self,
        method: Method,
        track: Option<usize>,
        headers: &[(HeaderName, &str)],
    ) -> Result<Response<Vec<u8>>, SourceError> {
        self.cseq += 1;
        let request = self.request(method, track, headers);
        let mut bytes = BytesMut::from(&wire::request_bytes(&request)[..]);
        let written = self.write.write_all_buf(&mut bytes).await;
        written.map_err(SourceError::Unreachable)?;
        loop {
            match self.frames.next().await.ok_or(SourceError::Closed)?? {
                Incoming::Response(response) if response.status() == StatusCode::Ok => return Ok(*response),
                Incoming::Response(response) => return Err(SourceError::Refused(response.status().into())),
                Incoming::Interleaved { channel, payload } if self.early.len() < MAX_EARLY => {
                    self.early.push_back((channel, payload));
                }
                Incoming::Interleaved { .. } | Incoming::Request(_) => {}
            }
        }
    }

    fn request(&self, method: Method, track: Option<usize>, headers: &[(HeaderName, &str)]) -> Request<Vec<u8>> {
        let mut url = self.url.clone();
        if let Some(track) = track {
            url.set_path(&format!("{}/{}", self.url.path(), track_control(track)));
        }
        let mut builder = Request::builder(method, Version::V1_0)
            .request_uri(url)
            .header(headers::CSEQ, self.cseq.to_string());
        // It is a name: its letters are ASCII.
        if let Ok(name) = HeaderName::from_static_str(RELAY_HEADER) {
            builder = builder.header(name, self.token.expose());
        }
        if let Some(session) = &self.session {
            builder = builder.header(headers::SESSION, session.as_str());
        }
        for (name, value) in headers {
            builder = builder.header(name.clone(), *value);
        }
        builder.build(Vec::new())
    }
}
