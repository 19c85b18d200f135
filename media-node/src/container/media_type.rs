use super::Container;
use crate::spool::{Content, LoneKind};

/// The media type of a file in a spool, by its object's name.
pub fn media_type(content: Content, name: &str) -> &'static str {
    match content {
        Content::Slice => Container::of_name(name).media_type(),
        Content::Lone(LoneKind::Mp4) => "video/mp4",
        Content::Lone(LoneKind::M4a) => "audio/mp4",
        Content::Lone(LoneKind::Mp3) => "audio/mpeg",
        Content::Lone(LoneKind::Picture) => "image/jpeg",
    }
}
