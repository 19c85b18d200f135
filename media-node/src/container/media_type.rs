use super::Container;
use crate::spool::{Content, LoneKind};

/// The media type of a file in a spool, whose slices are in the container that playlists are recorded in by default.
pub fn media_type(content: Content) -> &'static str {
    match content {
        Content::Slice => Container::default().media_type(),
        Content::Lone(LoneKind::Mp4) => "video/mp4",
        Content::Lone(LoneKind::Picture) => "image/jpeg",
    }
}
