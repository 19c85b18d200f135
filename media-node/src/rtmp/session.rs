//! RTMP 1.0 as a server speaks it with a publisher: bytes in, events and bytes out. Pure; it decides nothing about who may publish.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::amf;
use super::chunk::{ChunkError, ChunkReader, Message, put_message};

/// C1, S1 and the like.
const HANDSHAKE: usize = 1536;
const VERSION: u8 = 3;

/// What each side may send before the other has to acknowledge it.
pub(super) const WINDOW: u32 = 2_500_000;
/// A peer that wants acknowledgements more often gets them so often.
const SMALLEST_WINDOW: u32 = 65_536;
/// Longer commands and metadata are not looked at.
const MAX_COMMAND_BYTES: usize = 64 << 10;

/// Tags of an aggregate message that are taken.
const MAX_TAGS: usize = 1_024;

const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 3;
pub(super) const USER_CONTROL: u8 = 4;
pub(super) const WINDOW_SIZE: u8 = 5;
pub(super) const PEER_BANDWIDTH: u8 = 6;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const DATA_AMF3: u8 = 15;
const COMMAND_AMF3: u8 = 17;
const DATA: u8 = 18;
pub(super) const COMMAND: u8 = 20;
const AGGREGATE: u8 = 22;

pub(super) const STREAM_BEGIN: u16 = 0;
const PING_REQUEST: u16 = 6;
const PING_RESPONSE: u16 = 7;

/// The chunk stream by which this side speaks of the protocol itself.
const CONTROL_CHUNKS: u8 = 2;

/// What a publisher does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// It wants to publish: to be answered with [`Session::accept`] or [`Session::refuse`].
    Publish(Wish),
    /// What it says that it will send.
    Metadata { audio: bool, video: bool },
    Media {
        kind: MediaKind,
        /// Milliseconds, which wrap.
        timestamp: u32,
        /// An FLV tag without its head.
        tag: Bytes,
    },
    /// It publishes no more.
    Unpublish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MediaKind {
    Audio,
    Video,
}

/// What is published, in the words of the publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) app: String,
    pub(super) key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SessionError {
    #[error(
        "version {0} of the protocol is not spoken here, or it is no RTMP: publish to rtmp://, not to rtmps:// or rtmpe://"
    )]
    Version(u8),
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    #[error("a message of the protocol's own is cut off")]
    Control,
}

/// One connection.
pub(super) struct Session {
    stage: Stage,
    chunks: ChunkReader,
    input: BytesMut,
    pub(super) out: BytesMut,
    /// Bytes that came, which wrap.
    received: u32,
    acknowledged: u32,
    window: u32,
    pub(super) app: Option<String>,
    /// Message streams that were made.
    pub(super) streams: u32,
    /// The message stream that is published.
    pub(super) published: Option<u32>,
    /// Of an aggregate message.
    pub(super) waiting: std::collections::VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// C0 and C1 are to come,
    Hello,
    /// C2,
    Echo,
    /// and chunks.
    Chunks,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            stage: Stage::Hello,
            chunks: ChunkReader::default(),
            input: BytesMut::new(),
            out: BytesMut::new(),
            received: 0,
            acknowledged: 0,
            window: WINDOW,
            app: None,
            streams: 0,
            published: None,
            waiting: std::collections::VecDeque::new(),
        }
    }
}

impl Session {
    /// Where bytes of the peer go; then [`Self::next`] is asked until it says nothing more.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// So many bytes were put there.
    pub(super) fn received(&mut self, bytes: usize) {
        self.received = self.received.wrapping_add(bytes as u32);
        if self.stage == Stage::Chunks && self.received.wrapping_sub(self.acknowledged) >= self.window {
            self.acknowledged = self.received;
            self.control(ACKNOWLEDGEMENT, &self.received.to_be_bytes());
        }
    }

    /// What is to be sent to the peer.
    pub(super) fn out(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    /// The next thing that the peer does; `None` when more bytes are needed.
    ///
    /// # Errors
    /// When it does not speak RTMP, or wants more than it may use.
    pub(super) fn next(&mut self) -> Result<Option<Event>, SessionError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            if self.stage != Stage::Chunks {
                if !self.shake_hands()? {
                    return Ok(None);
                }
                continue;
            }
            match self.chunks.next(&mut self.input)? {
                None => return Ok(None),
                Some(message) => self.message(message)?,
            }
        }
    }

    /// The peer may publish.
    pub(super) fn accept(&mut self, description: &str) {
        self.status("status", "NetStream.Publish.Start", description);
    }

    /// The peer's media is not, or no longer, taken. Its client shows the description.
    pub(super) fn refuse(&mut self, code: &str, description: &str) {
        self.status("error", code, description);
        self.published = None;
    }

    /// The peer's stream has ended as it wished.
    pub(super) fn unpublished(&mut self) {
        self.status("status", "NetStream.Unpublish.Success", "The stream has ended");
        self.published = None;
    }

    /// The simple handshake. False when more bytes are needed.
    fn shake_hands(&mut self) -> Result<bool, SessionError> {
        match (self.stage, self.input.first()) {
            (Stage::Hello, Some(version)) if *version != VERSION => Err(SessionError::Version(*version)),
            (Stage::Hello, _) if self.input.len() > HANDSHAKE => {
                let hello = self.input.split_to(1 + HANDSHAKE);
                self.out.put_u8(VERSION);
                // S1 is to be echoed and nothing else.
                self.out.put_bytes(0, HANDSHAKE);
                self.out.put_slice(hello.get(1..).unwrap_or_default());
                self.stage = Stage::Echo;
                Ok(true)
            }
            (Stage::Echo, _) if self.input.len() >= HANDSHAKE => {
                self.input.advance(HANDSHAKE);
                self.stage = Stage::Chunks;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn message(&mut self, message: Message) -> Result<(), SessionError> {
        let payload = message.payload.clone();
        let number = || {
            let bytes = payload.first_chunk::<4>().ok_or(SessionError::Control)?;
            Ok::<_, SessionError>(u32::from_be_bytes(*bytes))
        };
        match message.kind {
            SET_CHUNK_SIZE => self.chunks.set_chunk_size(number()?)?,
            ABORT => self.chunks.abort(number()?),
            WINDOW_SIZE => self.window = number()?.max(SMALLEST_WINDOW),
            USER_CONTROL => self.user_control(&payload),
            COMMAND | COMMAND_AMF3 if payload.len() <= MAX_COMMAND_BYTES => {
                let values = amf::read(amf0_of(&message));
                self.command(message.stream, &values);
            }
            DATA | DATA_AMF3 if payload.len() <= MAX_COMMAND_BYTES => self.data(&amf::read(amf0_of(&message))),
            AUDIO | VIDEO => self.media(message),
            AGGREGATE => self.aggregate(&message),
            // Acknowledgements, bandwidths, shared objects, and what nobody knows.
            _ => {}
        }
        Ok(())
    }

    fn user_control(&mut self, mut payload: &[u8]) {
        if payload.try_get_u16() == Ok(PING_REQUEST) {
            let answer = [&PING_RESPONSE.to_be_bytes(), payload.get(..4).unwrap_or_default()].concat();
            self.control(USER_CONTROL, &answer);
        }
    }

    fn media(&mut self, message: Message) {
        if self.published != Some(message.stream) {
            return;
        }
        let kind = match message.kind {
            AUDIO => MediaKind::Audio,
            _ => MediaKind::Video,
        };
        self.waiting.push_back(Event::Media {
            kind,
            timestamp: message.timestamp,
            tag: message.payload,
        });
    }

    /// Tags of an FLV file, one behind the other: their times are meant relative to the first one's.
    fn aggregate(&mut self, message: &Message) {
        let mut rest = message.payload.clone();
        let mut first = None;
        while self.waiting.len() < MAX_TAGS
            && let Some(&[kind, l0, l1, l2, t0, t1, t2, t3, _, _, _]) = rest.first_chunk()
        {
            rest.advance(11);
            let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
            if length > rest.len() {
                return;
            }
            let time = u32::from_be_bytes([t3, t0, t1, t2]);
            let since = time.wrapping_sub(*first.get_or_insert(time));
            let payload = rest.split_to(length);
            if matches!(kind, AUDIO | VIDEO) {
                self.media(Message {
                    kind,
                    stream: message.stream,
                    timestamp: message.timestamp.wrapping_add(since),
                    payload,
                });
            }
            // The length again.
            rest.advance(rest.len().min(4));
        }
    }

    pub(super) fn control(&mut self, kind: u8, payload: &[u8]) {
        put_message(&mut self.out, CONTROL_CHUNKS, kind, 0, payload);
    }
}

/// In messages of AMF 3 a byte stands ahead; what follows is AMF 0 all the same.
fn amf0_of(message: &Message) -> &[u8] {
    match (message.kind, message.payload.split_first()) {
        (COMMAND_AMF3 | DATA_AMF3, Some((0, rest))) => rest,
        _ => &message.payload,
    }
}
