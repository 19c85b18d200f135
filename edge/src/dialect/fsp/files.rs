//! `/v1/record/file/download/url`: links to a task's files, which expire.

use serde_json::{Value, json};

use super::code::{ApiError, FILE_UNREADABLE};
use super::task::Task;
use super::tasks;
use crate::dialect::house::Handing;
use crate::dialect::step::Step;
use crate::recording::Standing;

/// Links of one page. At 15 minutes each, more than half a day.
const PAGE_SIZE: u64 = 50;

pub(super) fn urls(task: &Task, page: u64) -> Step {
    let fail = |detail: &str| task.asked.fail(ApiError::new(FILE_UNREADABLE, detail));
    if task.listed.standing != Standing::Done {
        let status = tasks::status(task.listed.standing);
        return fail(&format!(
            "files can be had when the task's status is 6, and it is {status}"
        ));
    }
    let there: Vec<_> = tasks::files(&task.listed.files)
        .filter(|file| file.bytes > 0 && file.uploaded_slices > 0)
        .collect();
    if there.is_empty() {
        return fail("the task has no file");
    }
    let app = &task.asked.app;
    let handing = Handing {
        app_id: &app.app_id,
        own: app.house_storage.as_ref(),
        // It is for playlists.
        public_url: None,
        now_ms: task.asked.now_ms,
    };
    let skipped = usize::try_from((page - 1).saturating_mul(PAGE_SIZE)).unwrap_or(usize::MAX);
    let shown = there.iter().enumerate().skip(skipped).take(PAGE_SIZE as usize);
    let list: Option<Vec<Value>> = shown
        .map(|(number, file)| {
            let name = file_name(&task.label.file_name, &file.name, number, there.len());
            Some(json!({
                "url": handing.link(task.listed.house.as_ref()?, file, &name)?,
                "md5": file.md5.clone().unwrap_or_default(),
                "file_name": name,
                "extent": extent(file),
            }))
        })
        .collect();
    let Some(list) = list else {
        return fail("the app_id has no longer the storage that the file is in");
    };
    let reply = task.asked.reply().with("total_num", there.len()).with("page", page);
    Step::Respond(reply.with("data_list", list).success())
}

/// The name under which a file is saved: that of the task, with a number if there are several.
fn file_name(task: &str, object: &str, place: usize, files: usize) -> String {
    let ending = object.rsplit_once('.').map_or("mp4", |(_, ending)| ending);
    match files {
        1 => format!("{task}.{ending}"),
        _ => format!("{task}_{}.{ending}", place + 1),
    }
}

/// The further field that the vendor leaves open, a JSON text.
fn extent(file: &protocol::RecordedFile) -> String {
    json!({"size": file.bytes, "duration": tasks::seconds(file.duration_ms), "start_time": file.start_ms / 1_000})
        .to_string()
}
