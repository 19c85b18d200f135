//! One TCP connection: bytes in, bytes out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::publisher::Publisher;
use super::refusal::Refusal;
use super::session::{Event, Session, SessionError, Wish};
use super::target::Target;
use crate::access::{self, Action, Denial, Kinds, Place};
use crate::clock::unix_ms;
use crate::hub::{Ends, Hub, Ticket, keep_alive, linger};

/// So much is read at a time.
const READ_BYTES: usize = 64 << 10;

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client closed it")]
    Client,
    #[error("{}: {}", .0.code, .0.reason)]
    Refused(Refusal),
    #[error("it sent what cannot be read: {0}")]
    Unreadable(#[from] SessionError),
    #[error("it could not be read from or written to: {0}")]
    Broken(io::Error),
    #[error("a newer connection took its place before it published")]
    Evicted,
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a client sends, and what it is sent, in TLS or not.
type Read = Box<dyn AsyncRead + Send + Unpin>;
type Write = Box<dyn AsyncWrite + Send + Unpin>;

struct Connection {
    read: Read,
    write: Write,
    session: Session,
    hub: Arc<Hub>,
    ends: Ends,
    ticket: Ticket,
    began: Instant,
    /// Unix milliseconds then.
    origin_ms: i64,
    heard: Instant,
    /// Since when it does not publish, if it does not.
    waiting_since: Instant,
    publisher: Option<Publisher>,
}

/// Serves a client until its connection is over. `acceptor`: all that is said is in TLS.
pub(super) async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    ends: Ends,
    ticket: Ticket,
    hub: Arc<Hub>,
    shutdown: CancellationToken,
) {
    let peer = ends.peer;
    if let Err(error) = stream.set_nodelay(true).and_then(|()| keep_alive(&stream)) {
        tracing::debug!(%peer, %error, "a connection was gone before it began");
        return;
    }
    let (read, write): (Read, Write) = match acceptor {
        None => {
            let (read, write) = stream.into_split();
            (Box::new(read), Box::new(write))
        }
        Some(acceptor) => {
            let evicted = ticket.evicted();
            let accepted = tokio::select! {
                accepted = timeout(hub.limits.setup, acceptor.accept(stream)) => accepted,
                () = evicted.cancelled() => return,
                () = shutdown.cancelled() => return,
            };
            match accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => {
                    let (read, write) = split(stream);
                    (Box::new(read), Box::new(write))
                }
                Err(error) => {
                    tracing::debug!(%peer, %error, "a client does not speak TLS as it should");
                    return;
                }
            }
        }
    };
    let began = Instant::now();
    let mut connection = Connection {
        read,
        write,
        session: Session::default(),
        hub,
        ends,
        ticket,
        began,
        origin_ms: i64::try_from(unix_ms()).unwrap_or_default(),
        heard: began,
        waiting_since: began,
        publisher: None,
    };
    let end = connection.run(&shutdown).await;
    match &end {
        // Its client may show nothing of it.
        End::Refused(_) => tracing::info!(%peer, %end, "a connection by RTMP is over"),
        _ => tracing::debug!(%peer, %end, "a connection by RTMP is over"),
    }
    connection.close(end).await;
}

impl Connection {
    async fn run(&mut self, shutdown: &CancellationToken) -> End {
        let evicted = self.ticket.evicted();
        loop {
            let deadline = self.deadline();
            let expires = self.publisher.as_ref().and_then(Publisher::expires);
            let due = self.due();
            let ended = self.publisher.as_ref().and_then(|publisher| publisher.ended().cloned());
            self.session.input().reserve(READ_BYTES);
            let step = tokio::select! {
                read = self.read.read_buf(self.session.input()) => self.incoming(read, &evicted, shutdown).await,
                () = sleep_until(due.unwrap_or(deadline)), if due.is_some() => self.wait_over(),
                () = sleep_until(deadline) => Err(self.silent()),
                () = sleep_until(expires.unwrap_or(deadline)), if expires.is_some() => Err(expired()),
                () = cancelled(ended.as_ref()) => Err(taken_over()),
                () = evicted.cancelled() => Err(End::Evicted),
                () = shutdown.cancelled() => Err(ending()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// When the client counts as gone if it is not heard until then.
    fn deadline(&self) -> Instant {
        let limits = &self.hub.limits;
        if self.publisher.as_ref().is_some_and(Publisher::is_live) {
            self.heard + limits.publisher_silence
        } else if self.publisher.is_some() {
            // One that has been let in and sends nothing that can be published.
            self.waiting_since + limits.publisher_silence
        } else {
            self.waiting_since + limits.setup
        }
    }

    /// When media that waits for more to be known has waited long enough.
    fn due(&self) -> Option<Instant> {
        let due_ms = self.publisher.as_ref()?.due_ms()?;
        Some(self.began + Duration::from_millis(u64::try_from(due_ms).unwrap_or_default()))
    }

    fn wait_over(&mut self) -> Result<(), End> {
        let now_ms = self.now_ms();
        match &mut self.publisher {
            Some(publisher) => Ok(publisher.wait_over(now_ms)?),
            None => Ok(()),
        }
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    async fn incoming(
        &mut self,
        read: io::Result<usize>,
        evicted: &CancellationToken,
        shutdown: &CancellationToken,
    ) -> Result<(), End> {
        let bytes = read.map_err(End::Broken)?;
        if bytes == 0 {
            return Err(End::Client);
        }
        self.heard = Instant::now();
        self.session.received(bytes);
        while let Some(event) = self.session.next()? {
            match event {
                Event::Publish(wish) => {
                    // The edge may have to be asked first.
                    tokio::select! {
                        admitted = self.publish(wish) => admitted?,
                        () = evicted.cancelled() => return Err(End::Evicted),
                        () = shutdown.cancelled() => return Err(ending()),
                    }
                }
                Event::Metadata { audio, video } => {
                    if let Some(publisher) = &mut self.publisher {
                        publisher.announced(Kinds { audio, video });
                    }
                }
                Event::Media { kind, timestamp, tag } => {
                    let now_ms = self.now_ms();
                    if let Some(publisher) = &mut self.publisher {
                        publisher.media(kind, timestamp, tag, now_ms)?;
                    }
                }
                Event::Unpublish => {
                    self.publisher = None;
                    self.ticket.rest();
                    self.waiting_since = Instant::now();
                    self.session.unpublished();
                }
            }
        }
        self.flush().await
    }

    async fn publish(&mut self, wish: Wish) -> Result<(), Refusal> {
        let target = Target::parse(&wish)?;
        let place = Place {
            app: target.path.app.clone(),
            channel: target.path.channel.clone(),
            uid: target.path.uid.clone(),
        };
        let wish = access::Wish {
            action: Action::Publish,
            place: &place,
            shown: &target.shown,
            source: self.ends.peer,
        };
        let grant = self.hub.gate.admit(&wish).await.inspect_err(|denial: &Denial| {
            self.hub.turned_away.count(denial);
        })?;
        self.ticket.activate()?;
        tracing::info!(path = %target.path, peer = %self.ends.peer, "publishing by RTMP");
        self.publisher = Some(Publisher::new(self.hub.clone(), target.path, grant, self.origin_ms));
        self.waiting_since = Instant::now();
        self.session.accept("Publishing");
        Ok(())
    }

    fn silent(&self) -> End {
        if self.publisher.is_some() {
            let seconds = self.hub.limits.publisher_silence.as_secs();
            return Refusal::failed(format!("Nothing that can be recorded has come for {seconds} s")).into();
        }
        let seconds = self.hub.limits.setup.as_secs();
        Refusal::failed(format!("Nothing has been published within {seconds} s")).into()
    }

    async fn flush(&mut self) -> Result<(), End> {
        let write = async {
            self.write.write_all_buf(self.session.out()).await?;
            self.write.flush().await
        };
        timeout(self.hub.limits.write, write)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(End::Broken)
    }

    /// Ends the publication first, so that the roster is right at once, then the connection.
    async fn close(mut self, end: End) {
        self.publisher = None;
        match end {
            End::Client | End::Broken(_) => return,
            End::Refused(refusal) => self.session.refuse(refusal.code, &refusal.reason),
            End::Unreadable(_) | End::Evicted => {}
        }
        if self.flush().await.is_ok() {
            linger(self.read, self.write).await;
        }
    }
}

/// Done when it is; never without one.
async fn cancelled(token: Option<&CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => std::future::pending().await,
    }
}

fn expired() -> End {
    Refusal::failed("The channel token that let it in has ended: publish again with a new one").into()
}

fn taken_over() -> End {
    Refusal::failed("Another publisher has taken this stream over, or its user was removed").into()
}

fn ending() -> End {
    Refusal::failed("This server ends: publish again, or at another node").into()
}
