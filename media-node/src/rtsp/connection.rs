//! One TCP connection: bytes in, bytes out.

use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Buf, BytesMut};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::FramedRead;

use super::Shared;
use super::conversation::{Conversation, Happening};
use super::publisher::News;
use super::wire::{self, Incoming, Wire, WireError};
use crate::hub::{Ends, Ticket, keep_alive, linger};

const READ_BUFFER: usize = 64 << 10;
/// So much is gathered before it is written.
const WRITE_BATCH: usize = 64 << 10;
/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client closed it")]
    Client,
    #[error("the stream that it played is over, or it did not keep up")]
    StreamOver,
    #[error("another publisher took its path over, or its user was removed")]
    TakenOver,
    #[error("it was silent for too long, or was given its time to say goodbye")]
    TimedOut,
    #[error("it neither published nor played, and a newer connection took its place")]
    Evicted,
    #[error("the channel token that let it in has ended: it may come again with a new one")]
    Expired,
    #[error("it sent what cannot be read: {0}")]
    Unreadable(WireError),
    #[error("it could not be written to: {0}")]
    Write(io::Error),
    #[error("the server ends")]
    Shutdown,
}

/// Serves a client until its connection is over.
pub(super) async fn serve(stream: TcpStream, ends: Ends, ticket: Ticket, server: Arc<Shared>) {
    let peer = ends.peer;
    if let Err(error) = stream.set_nodelay(true).and_then(|()| keep_alive(&stream)) {
        tracing::debug!(%peer, %error, "a connection was gone before its first request");
        return;
    }
    let (read, write) = stream.into_split();
    let mut connection = Connection {
        frames: FramedRead::with_capacity(read, Wire::default(), READ_BUFFER),
        write,
        out: BytesMut::new(),
        conversation: Conversation::new(server.clone(), ends, ticket),
        server,
    };
    let end = connection.run().await;
    if matches!(end, End::Expired) {
        tracing::info!(%peer, %end, "a connection is over");
    } else {
        tracing::debug!(%peer, %end, "a connection is over");
    }
    connection.close(&end).await;
}

struct Connection {
    frames: FramedRead<OwnedReadHalf, Wire>,
    write: OwnedWriteHalf,
    out: BytesMut,
    conversation: Conversation,
    server: Arc<Shared>,
}

impl Connection {
    async fn run(&mut self) -> End {
        let server = self.server.clone();
        let evicted = self.conversation.evicted();
        loop {
            let (deadline, expires) = (self.conversation.deadline(), self.conversation.expires());
            let step = tokio::select! {
                frame = self.frames.next() => self.incoming(frame).await,
                happening = self.conversation.happening() => self.outgoing(happening).await,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.silence(),
                () = sleep_until(expires.unwrap_or_else(Instant::now)), if expires.is_some() => Err(End::Expired),
                () = evicted.cancelled() => Err(End::Evicted),
                () = server.shutdown.cancelled() => Err(End::Shutdown),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn incoming(&mut self, frame: Option<Result<Incoming, WireError>>) -> Result<(), End> {
        match frame {
            None => Err(End::Client),
            Some(Ok(Incoming::Interleaved { channel, payload })) => {
                self.conversation.receive(channel, payload);
                Ok(())
            }
            // This server asks its clients nothing, so an answer means nothing but a sign of life.
            Some(Ok(Incoming::Response(_))) => Ok(()),
            Some(Ok(Incoming::Request(request))) => {
                let evicted = self.conversation.evicted();
                // The edge may have to be asked first.
                let response = tokio::select! {
                    response = self.conversation.handle(&request, now_ms()) => response,
                    () = evicted.cancelled() => return Err(End::Evicted),
                    () = self.server.shutdown.cancelled() => return Err(End::Shutdown),
                };
                wire::put_response(&mut self.out, &response);
                self.flush().await
            }
            Some(Err(error)) => {
                if let Some(response) = wire::unreadable(&error) {
                    wire::put_response(&mut self.out, &response);
                    self.flush().await?;
                }
                Err(End::Unreadable(error))
            }
        }
    }

    async fn outgoing(&mut self, happening: Happening) -> Result<(), End> {
        let packet = match happening {
            Happening::Packet(packet) => packet,
            Happening::News(News::TakenOver) => return Err(End::TakenOver),
            Happening::News(news) => return self.tell(news).await,
        };
        let Some(player) = self.conversation.player() else {
            return Ok(());
        };
        match packet {
            Some(packet) => {
                player.send(packet, &mut self.out, WRITE_BATCH).await;
                self.flush().await
            }
            // The end of the connection tells the end of what it carried itself. Of datagrams a BYE does, and a client that
            // understood it ends its session in order; GStreamer takes a lost connection for a fault.
            None if player.any_interleaved() => Err(End::StreamOver),
            None => {
                player.say_goodbye().await;
                Ok(())
            }
        }
    }

    /// Tells a publisher something that it can do without: one that reads nothing is not waited for.
    async fn tell(&mut self, news: News) -> Result<(), End> {
        self.write_some()?;
        if !self.out.is_empty() {
            return Ok(());
        }
        if let Some(publisher) = self.conversation.publisher() {
            publisher.tell(news, &mut self.out).await;
        }
        if self.write_some()? == 0 {
            self.out.clear();
        }
        Ok(())
    }

    /// Writes what the connection has room for. What is left of a packet comes ahead of all else.
    fn write_some(&mut self) -> Result<usize, End> {
        if self.out.is_empty() {
            return Ok(0);
        }
        match self.write.try_write(&self.out) {
            Ok(written) => {
                self.out.advance(written);
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(End::Write(error)),
        }
    }

    /// The deadline has passed; the client may have been heard by UDP since.
    fn silence(&self) -> Result<(), End> {
        match self.conversation.deadline() {
            Some(deadline) if deadline <= Instant::now() => Err(End::TimedOut),
            _ => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        let written = timeout(self.server.hub.limits.write, self.write.write_all_buf(&mut self.out)).await;
        self.out.clear();
        written
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(End::Write)
    }

    /// Ends the session first, so that the roster is right at once, then the connection.
    async fn close(self, end: &End) {
        drop(self.conversation);
        if matches!(end, End::Client | End::Write(_)) {
            return;
        }
        linger(self.frames.into_inner(), self.write).await;
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
