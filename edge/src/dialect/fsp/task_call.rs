//! What is asked of one task.

use super::asked::Asked;
use super::code::{AUTOMATIC_LAYOUT, ApiError, CANNOT_RESUME, CANNOT_SUSPEND, NO_CONTEXT};
use super::layout::SetLayout;
use super::plan::{Action, OfTask};
use super::task::{Task, find};
use super::{files, tasks};
use crate::dialect::step::Step;
use crate::http::Response;
use crate::recording::{Command, Outcome, RecordingView, ScenePart, Standing, Status, Stop, UpdateLayout};

pub(super) fn call(asked: Asked, task: OfTask) -> Step {
    let OfTask { record_id, sid, action } = task;
    find(asked, record_id, sid, move |task| act(task, action))
}

fn act(task: Result<Task, Asked>, action: Action) -> Step {
    let task = match task {
        Ok(task) => task,
        Err(asked) => return asked.fail(ApiError::new(NO_CONTEXT, "no task has this record_id")),
    };
    match action {
        Action::SetLayout(layout) => set_layout(task, layout),
        Action::SetOverlay(overlay) => {
            let mut update = UpdateLayout::new(task.target(), overlay.scene(&task.label));
            update.part = ScenePart::Texts;
            task.update(update)
        }
        Action::Suspend => task.when_standing(CANNOT_SUSPEND, is_running, Command::Pause),
        Action::Resume => task.when_standing(CANNOT_RESUME, |view| view.standing == Standing::Paused, Command::Resume),
        Action::Finish => {
            let stop = Stop {
                target: task.target(),
                at_once: false,
            };
            task.ask(Command::Stop(stop), |task, outcome| match outcome {
                Some(Outcome::State(view) | Outcome::Stopping(view)) => Step::Respond(finished(task, view)),
                other => task.fail(other),
            })
        }
        Action::Info => task.refreshed(|task| {
            let reply = task.asked.reply();
            Step::Respond(tasks::info(reply, &task.listed, &task.label))
        }),
        Action::DownloadUrl { page } => task.refreshed(move |task| files::urls(task, page)),
    }
}

fn set_layout(task: Task, layout: SetLayout) -> Step {
    if task.label.auto.is_some() {
        return task.asked.fail(ApiError::new(AUTOMATIC_LAYOUT, ""));
    }
    let scene = layout.scene(&task.label);
    let part = if scene.is_some() {
        ScenePart::ButTexts
    } else {
        ScenePart::Nothing
    };
    let update = UpdateLayout {
        part,
        audio: layout.audio,
        begins: true,
        ..UpdateLayout::new(task.target(), scene.unwrap_or_default())
    };
    task.update(update)
}

/// Whether it records, or will with the first media that comes.
fn is_running(view: &RecordingView) -> bool {
    !view.paused && matches!(view.status, Status::Started | Status::Recording)
}

/// How much was recorded, and how long it took.
fn finished(task: &Task, view: &RecordingView) -> Response {
    let (media, bytes) = tasks::recorded(&view.files);
    let until_ms = view.ended_ms.unwrap_or(task.asked.now_ms);
    let lasted = tasks::seconds(until_ms.saturating_sub(view.started_ms));
    let reply = task
        .asked
        .reply()
        .with("media_duration", media)
        .with("record_duration", lasted);
    reply.with("flow", bytes.div_ceil(1_024)).success()
}
