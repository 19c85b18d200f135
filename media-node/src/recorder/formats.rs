use protocol::FileStyle;

use crate::container::{self, playlist};
use crate::upload::Formats;

/// What the uploader of a recording has to know of its files.
pub(super) fn formats(style: FileStyle) -> Formats {
    Formats {
        render: Box::new(move |due| playlist::render(due, &style)),
        playlist_type: playlist::MEDIA_TYPE,
        file_type: container::media_type,
    }
}
