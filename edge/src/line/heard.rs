//! What comes over a socket. Nothing that a node sends breaks its line, but for a hello that cannot be taken.

use protocol::line::{
    Beat, CLOSED_REFUSED, EdgeAnswer, EdgeHello, FromEdge, FromNode, Identity, MAX_CLOSE_REASON_BYTES,
    MAX_MESSAGE_BYTES, NodeAnswer, NodeAsk, NodeHello, Unread, UnreadPart, Versions,
};
use protocol::{Fault, Heartbeat, Refusal, RefusalCode};

use super::contract::{Asked, Effect, Greeting, Output, Reply, SocketId};
use super::limits::MAX_ASKED;
use super::state::{Line, reply, send};

impl Line {
    /// Takes in a message. One of a socket that has been closed meanwhile is passed over.
    pub(super) fn heard(&mut self, socket: SocketId, message: &str, out: &mut Vec<Output>) {
        if self.sockets.get(socket).is_none() {
            return;
        }
        match read(message) {
            Ok(FromNode::Hello(hello)) => self.hello(socket, hello, out),
            Ok(FromNode::Refused(refusal)) => {
                self.close(socket, CLOSED_REFUSED, brief(&refusal.reason), out);
            }
            Ok(FromNode::Ask { id, ask }) => self.asked(Asked { socket, id }, ask, out),
            Ok(FromNode::Answer { id, answer }) => self.answered(socket, id, answer, out),
            Err((unread, refusal)) => self.unread(socket, unread, refusal, out),
        }
    }

    fn hello(&mut self, socket: SocketId, hello: NodeHello, out: &mut Vec<Output>) {
        let told = self.admit(socket, hello);
        let attachment = told.and_then(|told| {
            let gone = || Refusal::internal("the socket is closed".to_owned());
            self.sockets.tell(socket, told).ok_or_else(gone)
        });
        match attachment {
            Ok(attachment) => {
                out.push(Output::Effect(Effect::Attach { socket, attachment }));
                let hello = EdgeHello {
                    versions: Versions::OWN,
                };
                send(socket, &FromEdge::Hello(hello), out);
            }
            Err(refusal) => {
                send(socket, &FromEdge::Refused(refusal.clone()), out);
                self.close(socket, CLOSED_REFUSED, brief(&refusal.reason), out);
            }
        }
    }

    fn admit(&self, socket: SocketId, NodeHello { versions, node }: NodeHello) -> Result<Greeting, Refusal> {
        let own = self.sockets.get(socket).map(|attachment| &attachment.node_id);
        if own != Some(&node.node_id) {
            return Err(refused(format!(
                "the line was opened for node {}, and its hello names node {}",
                own.map_or("", String::as_str),
                brief(&node.node_id)
            )));
        }
        let texts = [&node.node_id, &node.region, &node.version];
        let bytes: usize = texts.into_iter().chain(&node.url).map(String::len).sum();
        if bytes > Identity::MAX_BYTES {
            return Err(refused(format!(
                "id, region, version and URL of the node have {bytes} bytes; give it shorter ones, of {} bytes together",
                Identity::MAX_BYTES
            )));
        }
        let version = Versions::OWN.agree(versions, &format!("node {} ({})", node.node_id, node.version))?;
        Ok(Greeting { node, version })
    }

    fn asked(&mut self, asked: Asked, ask: NodeAsk, out: &mut Vec<Output>) {
        let told = self.sockets.get(asked.socket).and_then(|open| open.greeting.as_ref());
        let effect = match told {
            None => Err(refused("the first message has to be a hello".to_owned())),
            Some(_) if self.asked.contains(&asked) => return,
            Some(_) if self.asked.len() >= MAX_ASKED => Err(Refusal::internal(format!(
                "{MAX_ASKED} questions of this node are being answered: ask again later"
            ))),
            Some(told) => effect(asked, ask, &told.node),
        };
        match effect {
            Ok(effect) => {
                self.asked.insert(asked);
                out.push(Output::Effect(effect));
            }
            Err(refusal) => self.answer(asked, EdgeAnswer::Refused(refusal), out),
        }
    }

    fn answered(&mut self, socket: SocketId, id: u64, answer: NodeAnswer, out: &mut Vec<Output>) {
        // Whoever asked may have given it up.
        if let Some(by) = self.questions.answered(id, socket) {
            reply(out, by, Reply::Answer(answer));
        }
    }

    fn unread(&mut self, socket: SocketId, unread: Unread, refusal: Refusal, out: &mut Vec<Output>) {
        if let Some(UnreadPart { id }) = unread.ask {
            self.answer(Asked { socket, id }, EdgeAnswer::Refused(refusal), out);
        } else if let Some(UnreadPart { id }) = unread.answer {
            let reason = format!("the node's answer is not understood: {}", refusal.reason);
            self.answered(socket, id, NodeAnswer::Refused(Refusal::internal(reason)), out);
        }
    }
}

/// What a node's question comes to. It speaks for itself alone.
fn effect(asked: Asked, ask: NodeAsk, node: &Identity) -> Result<Effect, Refusal> {
    let is_own = |node_id: &str| {
        if node_id == node.node_id {
            return Ok(());
        }
        Err(refused(format!("this is the line of node {}", node.node_id)))
    };
    match ask {
        NodeAsk::Beat(beat) => Ok(Effect::Beat {
            asked,
            heartbeat: heartbeat(beat, node.clone()),
        }),
        NodeAsk::Report(report) => is_own(&report.node_id).map(|()| Effect::Report { asked, report }),
        NodeAsk::Job(request) => is_own(&request.node_id).map(|()| Effect::Job { asked, request }),
        NodeAsk::Channels(news) => Ok(Effect::Channels {
            asked,
            node_id: node.node_id.clone(),
            news,
        }),
        NodeAsk::Follow(question) => Ok(Effect::Follow {
            asked,
            node_id: node.node_id.clone(),
            question,
        }),
    }
}

fn heartbeat(beat: Beat, node: Identity) -> Heartbeat {
    Heartbeat {
        node_id: node.node_id,
        url: node.url,
        region: node.region,
        version: node.version,
        capacity: node.capacity,
        load: beat.load,
        draining: beat.draining,
        spool_full: beat.spool_full,
        recordings: beat.recordings,
    }
}

fn read(message: &str) -> Result<FromNode, (Unread, Refusal)> {
    if message.len() > MAX_MESSAGE_BYTES {
        let reason = format!("a message of {} bytes; at most {MAX_MESSAGE_BYTES}", message.len());
        return Err((Unread::default(), refused(reason)));
    }
    serde_json::from_slice(message.as_bytes()).map_err(|error| {
        let unread = serde_json::from_slice(message.as_bytes()).unwrap_or_default();
        (unread, refused(format!("the edge does not understand it: {error}")))
    })
}

fn refused(reason: String) -> Refusal {
    Refusal {
        fault: Fault::Caller,
        code: RefusalCode::BadJob,
        reason,
    }
}

/// As much of a text as the frame that closes a socket carries.
fn brief(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_CLOSE_REASON_BYTES);
    text.get(..end).unwrap_or_default()
}
