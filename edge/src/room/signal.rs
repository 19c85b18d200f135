//! The frames that clients and rooms exchange, JSON texts. `docs/rooms.md` is their contract.

use std::collections::BTreeMap;

use protocol::{RoomSource, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::offer::MediaKind;
use super::problem::Problem;
use super::terms::Side;

/// The version of the contract. A field or a frame that may be ignored needs no new one.
pub(super) const VERSION: u32 = 1;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum FromClient {
    #[serde(rename_all = "camelCase")]
    Join {
        #[serde(default)]
        id: u64,
        peer_id: String,
        #[serde(default)]
        token: Option<Secret>,
        #[serde(default)]
        resume: Option<String>,
        #[serde(default)]
        seen: Option<u64>,
    },
    Publish {
        #[serde(default)]
        id: u64,
        sdp: String,
        /// By mid.
        sources: BTreeMap<String, RoomSource>,
    },
    Subscribe {
        #[serde(default)]
        id: u64,
        sdp: String,
    },
    Restart {
        #[serde(default)]
        id: u64,
        pc: Side,
        sdp: String,
    },
    #[serde(rename_all = "camelCase")]
    Prefer {
        #[serde(default)]
        id: u64,
        track_id: String,
        height: u32,
    },
    #[serde(rename_all = "camelCase")]
    Mute {
        #[serde(default)]
        id: u64,
        track_id: String,
        on: bool,
    },
    Msg {
        #[serde(default)]
        id: u64,
        #[serde(default)]
        to: Option<Vec<String>>,
        data: Value,
    },
    Leave {},
}

/// What can be read of a frame that is not understood as a whole.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Unread {
    #[serde(default)]
    pub(super) id: u64,
}

/// What a room says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum ToClient<'a> {
    #[serde(rename_all = "camelCase")]
    Joined {
        id: u64,
        v: u32,
        resume: &'a str,
        /// Whether the peer is as it was, with its connections and its messages.
        resumed: bool,
        role: &'static str,
        can: Vec<&'static str>,
        protocol: u8,
        min_bitrate: u64,
        max_bitrate: u64,
        peers: Vec<PeerView>,
    },
    Answer {
        id: u64,
        sdp: &'a str,
    },
    Slots {
        v: u64,
        map: BTreeMap<&'a str, Option<&'a str>>,
        want: Want,
    },
    Msg {
        n: u64,
        from: Option<&'a str>,
        data: &'a Value,
    },
    #[serde(rename_all = "camelCase")]
    Peer {
        peer_id: &'a str,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<&'static str>,
    },
    Track(TrackView),
    #[serde(rename_all = "camelCase")]
    Untrack {
        track_id: &'a str,
    },
    /// The client cannot play a track; the others go on.
    #[serde(rename_all = "camelCase")]
    Unshown {
        track_id: &'a str,
        reason: &'a str,
    },
    Role {
        role: &'static str,
        can: Vec<&'static str>,
        #[serde(rename = "maxBitrate")]
        max_bitrate: u64,
    },
    #[serde(rename_all = "camelCase")]
    Speakers {
        peer_ids: &'a [String],
    },
    /// A connection is not there any more.
    Lost {
        pc: Side,
        reason: &'a str,
    },
    Bye {
        code: u16,
        msg: &'a str,
    },
    Err {
        id: u64,
        code: u16,
        msg: &'a str,
    },
}

/// How many slots of each kind a peer needs at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Want {
    pub(super) audio: usize,
    pub(super) video: usize,
}

/// A peer with what it publishes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PeerView {
    pub(super) peer_id: String,
    pub(super) role: &'static str,
    /// Of a peer of a connected room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room_id: Option<String>,
    pub(super) tracks: Vec<TrackView>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrackView {
    pub(super) track_id: String,
    pub(super) peer_id: String,
    /// Of a track of a connected room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room_id: Option<String>,
    pub(super) kind: MediaKind,
    pub(super) source: RoomSource,
    pub(super) on: bool,
}

impl ToClient<'_> {
    pub(super) fn text(&self) -> String {
        // Nothing in it cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn error(id: u64, problem: Problem) -> String {
        let (code, msg) = (problem.code(), problem.text());
        ToClient::Err { id, code, msg }.text()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_have_the_form_of_the_contract() {
        let join = json!({"t": "join", "id": 1, "peerId": "liubei", "token": "x", "resume": null});
        let read: FromClient = serde_json::from_value(join).unwrap();
        assert!(matches!(
            read,
            FromClient::Join {
                id: 1,
                resume: None,
                token: Some(_),
                ..
            }
        ));
        let publish = json!({"t": "publish", "id": 2, "sdp": "v=0", "sources": {"0": "audio", "1": "camera"}});
        let read: FromClient = serde_json::from_value(publish).unwrap();
        assert!(matches!(read, FromClient::Publish { id: 2, ref sources, .. } if sources["1"] == RoomSource::Camera));
        for frame in [
            json!({"t": "subscribe", "id": 3, "sdp": "v=0"}),
            json!({"t": "restart", "id": 4, "pc": "sub", "sdp": "v=0"}),
            json!({"t": "prefer", "trackId": "x1", "height": 180}),
            json!({"t": "mute", "trackId": "x1", "on": false}),
            json!({"t": "msg", "to": ["guanyu"], "data": {}}),
            json!({"t": "leave"}),
        ] {
            assert!(serde_json::from_value::<FromClient>(frame.clone()).is_ok(), "{frame}");
        }
        assert!(serde_json::from_value::<FromClient>(json!({"t": "dance"})).is_err());
        let lost = ToClient::Lost {
            pc: Side::Publish,
            reason: "why",
        };
        assert_eq!(lost.text(), r#"{"t":"lost","pc":"pub","reason":"why"}"#);
        let from_server = ToClient::Msg {
            n: 3,
            from: None,
            data: &json!({}),
        };
        assert_eq!(from_server.text(), r#"{"t":"msg","n":3,"from":null,"data":{}}"#);
        assert_eq!(
            ToClient::error(1, Problem::NotInvited),
            r#"{"t":"err","id":1,"code":50003,"msg":"the user is not invited to the room: add them to its members"}"#
        );
    }
}
