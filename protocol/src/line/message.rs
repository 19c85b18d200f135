use serde::{Deserialize, Serialize};

use super::{EdgeAnswer, EdgeAsk, EdgeHello, MAX_MESSAGE_BYTES, NodeAnswer, NodeAsk, NodeHello};
use crate::Refusal;

/// One frame of the line. `H`: the sender's hello, `Q`: what it asks, `A`: what it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message<H, Q, A> {
    Hello(H),
    /// The line cannot be had; the sender closes it behind this.
    Refused(Refusal),
    Ask {
        /// Unique among the sender's questions over this line, which may outlast a sender's memory.
        id: u64,
        ask: Q,
    },
    Answer {
        /// That of the other side's question.
        id: u64,
        answer: A,
    },
}

/// What a node sends.
pub type FromNode = Message<NodeHello, NodeAsk, NodeAnswer>;

/// What the edge sends.
pub type FromEdge = Message<EdgeHello, EdgeAsk, EdgeAnswer>;

impl<H: Serialize, Q: Serialize, A: Serialize> Message<H, Q, A> {
    /// The message as text.
    ///
    /// # Errors
    /// When it is longer than the line carries.
    pub fn text(&self) -> Result<String, Refusal> {
        let text = serde_json::to_string(self);
        carried(text.map_err(|error| Refusal::internal(format!("the message cannot be written: {error}")))?)
    }
}

/// A text of a message, if the line carries it.
///
/// # Errors
/// When it is too long.
pub fn carried(text: String) -> Result<String, Refusal> {
    match text.len() {
        bytes if bytes > MAX_MESSAGE_BYTES => Err(Refusal::internal(format!(
            "the message has {bytes} bytes, and the line carries {MAX_MESSAGE_BYTES}"
        ))),
        _ => Ok(text),
    }
}

/// What can be read of a message that is not understood as a whole: whether somebody waits because of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Unread {
    /// It is a question, which wants a refusal.
    #[serde(default)]
    pub ask: Option<UnreadPart>,
    /// It is an answer, which ends the wait for one.
    #[serde(default)]
    pub answer: Option<UnreadPart>,
}

/// What can be read of a question or an answer whose content is not known: its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct UnreadPart {
    pub id: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;
    use crate::line::{Beat, Identity, RosterQuestion, Versions};
    use crate::{Fault, HeartbeatAnswer, RefusalCode};

    #[test]
    fn messages_have_the_form_that_is_written_here() {
        let hello = FromNode::Hello(NodeHello {
            versions: Versions { oldest: 1, newest: 2 },
            node: Identity {
                node_id: "n1".into(),
                region: "here".into(),
                version: "0.1".into(),
                capacity: 4,
                url: None,
                started_ms: None,
            },
        });
        let beat = FromNode::Ask {
            id: 7,
            ask: NodeAsk::Beat(Beat {
                load: 0.5,
                draining: false,
                spool_full: false,
                threads: Vec::new(),
                recordings: Vec::new(),
            }),
        };
        let texts = [
            json!({"hello": {
                "versions": {"oldest": 1, "newest": 2},
                "node": {"node_id": "n1", "region": "here", "version": "0.1", "capacity": 4},
            }}),
            json!({"ask": {"id": 7, "ask": {
                "beat": {"load": 0.5, "draining": false, "spool_full": false, "recordings": []},
            }}}),
        ];
        for (message, text) in [hello, beat].into_iter().zip(texts) {
            assert_eq!(to_value(&message).unwrap(), text);
            assert_eq!(from_value::<FromNode>(text).unwrap(), message);
        }
        let beat = FromEdge::Answer {
            id: 7,
            answer: EdgeAnswer::Beat(HeartbeatAnswer { interval_ms: 2_000 }),
        };
        let roster = FromEdge::Ask {
            id: 9,
            ask: EdgeAsk::Roster(RosterQuestion {
                app_id: "a".into(),
                channel: "c".into(),
                version: None,
                wait_ms: 0,
            }),
        };
        let refused = FromEdge::Refused(Refusal {
            fault: Fault::Ours,
            code: RefusalCode::Internal,
            reason: "why".into(),
        });
        let texts = [
            json!({"answer": {"id": 7, "answer": {"beat": {"interval_ms": 2_000}}}}),
            json!({"ask": {"id": 9, "ask": {"roster": {"app_id": "a", "channel": "c", "wait_ms": 0}}}}),
            json!({"refused": {"fault": "ours", "code": "internal", "reason": "why"}}),
        ];
        for (message, text) in [beat, roster, refused].into_iter().zip(texts) {
            assert_eq!(to_value(&message).unwrap(), text);
            assert_eq!(from_value::<FromEdge>(text).unwrap(), message);
        }
    }

    #[test]
    fn what_a_later_version_adds_to_a_message_is_passed_over() {
        let text = json!({"hello": {
            "versions": {"oldest": 1, "newest": 2, "odd": true},
            "node": {"node_id": "n1", "region": "", "version": "", "capacity": 4, "colour": "red"},
            "more": [],
        }});
        assert!(matches!(from_value::<FromNode>(text).unwrap(), FromNode::Hello(_)));
    }

    #[test]
    fn of_an_unknown_kind_of_message_the_id_can_be_read() {
        let ask = json!({"ask": {"id": 7, "ask": {"dance": {"where": "here"}}}});
        assert!(from_value::<FromNode>(ask.clone()).is_err());
        let unread: Unread = from_value(ask).unwrap();
        assert_eq!(unread.ask, Some(UnreadPart { id: 7 }));
        let answer = json!({"answer": {"id": 8, "answer": {"danced": {}}}});
        let unread: Unread = from_value(answer).unwrap();
        assert_eq!((unread.ask, unread.answer), (None, Some(UnreadPart { id: 8 })));
        assert_eq!(
            from_value::<Unread>(json!({"farewell": {}})).unwrap(),
            Unread::default()
        );
    }
}
