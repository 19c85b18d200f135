//! The contract between the edge and the media nodes: jobs, desired state, reports, heartbeats and rosters, as they
//! travel in JSON over HTTP. Types only, no logic, but for the rules that both sides have to read alike: which addresses
//! are [public](is_public), what of a URL may be [printed](redact_urls), what follows from a [token](NodeToken), what
//! [opens](RelayKey) a channel to another node, and which versions of the line's protocol [fit](line::Versions::agree).
//!
//! | call | direction | request | answer |
//! |---|---|---|---|
//! | `POST /node/v1/heartbeats` | node → edge | [`Heartbeat`] | [`HeartbeatAnswer`] |
//! | `POST /node/v1/reports` | node → edge | [`Report`] | [`ReportAnswer`] |
//! | `POST /node/v1/jobs` | node → edge | [`JobRequest`] | [`Job`] |
//! | `POST /node/v1/entries` | node → edge | [`EntryQuestion`] | [`EntryAnswer`] |
//! | `PUT /v1/recordings/{sid}` | edge → node | [`Job`] | [`Report`] or [`Refusal`] |
//! | `POST /v1/recordings/{sid}/desired?wait_ms=` | edge → node | [`Desired`] | [`Report`] or [`Refusal`] |
//! | `GET /v1/recordings/{sid}` | any → node | – | [`Report`] or [`Refusal`] |
//! | `GET /v1/channels/{app}/{channel}?version=&wait_ms=` | recorder → node | – | [`Roster`] |
//!
//! The same is said over a node's [`line`], without anything having to reach the node; the calls are for nodes that have none.
//!
//! No body is longer than [`MAX_MESSAGE_BYTES`]. Calls carry `Authorization: Bearer …`: from a node its own [`NodeToken`], to a
//! node what follows from it; or in both directions the token that all nodes share. Times are Unix milliseconds, UTC.

mod address;
mod assignment;
mod cause;
mod channel;
mod colour;
mod desired;
mod entry;
mod fault;
mod heartbeat;
mod inventory;
mod job;
mod joining;
pub mod line;
mod live;
mod mix;
mod node_token;
mod occurrence;
mod outputs;
mod overlay;
mod playback;
mod problem_code;
mod relay_key;
mod report;
mod room;
mod roster;
mod rtc;
mod secret;
mod secret_url;
mod spec;
mod storage;
mod style;
mod track;
mod version;

pub use address::is_public;
pub use assignment::Assignment;
pub use cause::EndCause;
pub use channel::{
    CarriedChannel, CarriedStream, CarriedUser, ChannelCarrier, ChannelLease, ChannelNews, Elsewhere, Follow,
    FollowQuestion,
};
pub use colour::Colour;
pub use desired::{Desired, Directive, Terms};
pub use entry::{EntryAnswer, EntryQuestion, Rights};
pub use fault::{Fault, Problem, Refusal, RefusalCode};
pub use heartbeat::{Heartbeat, HeartbeatAnswer, HeldRecording};
pub use inventory::{ConfirmedSlice, InventoryPage, Span, SpoolReport};
pub use job::{Job, JobRequest, RecorderKey};
pub use joining::{Joined, JoinedFile, Joining, JoiningPart};
pub use live::{LiveChannel, LiveQuestion, LiveSession, LiveStream, LiveTrack, LiveUser, SessionKind, UserRemoval};
pub use mix::{AudioProfile, CustomRegion, Fill, Layout, MixOutput, Scene, StreamKind, Tiles, UserImage};
pub use node_token::NodeToken;
pub use occurrence::{Confirmed, Happening, MAX_OCCURRENCES, Occurrence, Occurrences, Vod, VodVideo};
pub use outputs::{FileFormat, Outputs};
pub use overlay::{Text, TextContent};
pub use playback::{Playback, PlaybackState};
pub use problem_code::ProblemCode;
pub use relay_key::{LAYERS_HEADER, RELAY_HEADER, RelayKey};
pub use report::{
    BackedUp, FileKind, MAX_MESSAGE_BYTES, MixCounters, Phase, Pictures, RecordedFile, Report, ReportAnswer,
};
pub use room::{
    RoomAction, RoomAsk, RoomConnect, RoomDirection, RoomEvent, RoomNews, RoomRefusal, RoomReply, RoomSlot, RoomSlots,
    RoomSource, RoomUnshown,
};
pub use roster::{Roster, RosterStream, RosterUser, StreamName};
pub use rtc::{RTC_CORS, RTC_SESSIONS, RtcCall, RtcReply, SDP_FRAGMENT_TYPE, SDP_TYPE, rtc_options};
pub use secret::Secret;
pub use secret_url::{SecretUrl, redact_urls};
pub use spec::{
    ChannelType, Cipher, Decryption, Mix, Mode, RecordingSpec, Selection, Snapshots, Source, StreamTypes, Subscription,
    VideoQuality,
};
pub use storage::{Addressing, Backup, Encryption, Storage, StorageKeys, StorageKind};
pub use style::{FileStyle, NamePart, NameScheme, TagStyle, VpxContainer};
pub use track::TrackKind;
