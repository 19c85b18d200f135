use protocol::Job;

use crate::container::{self, RecordingNames, multivariant, playlist};
use crate::upload::Formats;

/// What the uploader of a recording has to know of its files. `job`: `None` where it is lost.
pub(super) fn formats(job: Option<&Job>) -> Formats {
    let style = job.map(|job| job.spec.files.clone()).unwrap_or_default();
    let names = match job {
        Some(job) => RecordingNames::new(&style, &job.sid, &job.recorder.channel, job.assignment.lane),
        None => RecordingNames::new(&style, "", "", 0),
    };
    Formats {
        render: Box::new(move |due| playlist::render(due, &style)),
        index: Box::new(move |due| multivariant(due, &names)),
        playlist_type: playlist::MEDIA_TYPE,
        file_type: container::media_type,
    }
}
