use crate::spool::{Content, DueIndex, DuePlaylist};

/// Writes the text of a playlist.
pub type Render = Box<dyn Fn(&DuePlaylist) -> String + Send + Sync>;

/// Writes an index: its name and its text.
pub type RenderIndex = Box<dyn Fn(&DueIndex) -> (String, String) + Send + Sync>;

/// How what is recorded is written and called outside, told by who knows containers.
pub struct Formats {
    pub render: Render,
    pub index: RenderIndex,
    /// The media type of playlists and indexes.
    pub playlist_type: &'static str,
    /// The media type of each other file, by what is in it and its object's name.
    pub file_type: fn(Content, &str) -> &'static str,
}
