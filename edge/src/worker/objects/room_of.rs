use super::ask::Object;
use crate::room::{Question, Reply};

/// How the object of a room is asked. Its id alone names it, since whoever opens a socket to it knows nothing else.
pub(in crate::worker) enum RoomOf {}

impl Object for RoomOf {
    const BINDING: &'static str = "ROOM";
    type Key = str;
    type Request = Question;
    type Reply = Reply;

    fn name(room_id: &str) -> String {
        room_id.to_owned()
    }
}
