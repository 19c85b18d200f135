use protocol::Scene;

use crate::recording::contract::{CallId, Effect, Outcome, ScenePart, Status, Unfit, UpdateLayout, reply};
use crate::recording::rules::job::secrets_missing;
use crate::recording::rules::look_up;
use crate::recording::state::{Opening, State, Wanted};

/// Replaces the scene of a mixed recording, and lets one begin that has waited for it. The node is told at once, and otherwise hears it with the answer to its next
/// report.
pub(super) fn update_layout(state: &mut State, by: CallId, update: UpdateLayout, now_ms: u64, out: &mut Vec<Effect>) {
    let recording = match look_up(state, &update.target, now_ms) {
        Ok(recording) => recording,
        Err(outcome) => return reply(out, by, outcome),
    };
    let is_ending = recording.status() >= Status::Stopping;
    let outcome = match recording.scene_version {
        None => Outcome::Unfit(Unfit::NotMixed),
        Some(_) if is_ending => Outcome::AlreadyEnded(Box::new(recording.view())),
        Some(_) if recording.spec.is_none() => Outcome::Refused(secrets_missing()),
        Some(_) if update.begins && recording.wanted == Wanted::Pause && !recording.waits() => {
            Outcome::Unfit(Unfit::Paused)
        }
        Some(version) => {
            if update.begins && recording.waits() {
                recording.opening = Some(Opening::Begun);
                recording.wanted = Wanted::Record;
            }
            if let Some(audio) = update.audio
                && recording.subscription.audio != audio
            {
                recording.subscription.version = recording.subscription.version.saturating_add(1);
                recording.subscription.audio = audio;
            }
            let scene = changed(recording.scene(), update.scene, update.part);
            recording.set_scene(Scene {
                version: version.saturating_add(1),
                ..scene
            });
            recording.send_desired(0, now_ms, out);
            Outcome::Updated
        }
    };
    reply(out, by, outcome);
}

fn changed(old: Option<&Scene>, new: Scene, part: ScenePart) -> Scene {
    let Some(old) = old.cloned() else { return new };
    match part {
        ScenePart::Whole => new,
        ScenePart::ButTexts => Scene {
            texts: old.texts,
            ..new
        },
        ScenePart::Texts => Scene {
            texts: new.texts,
            ..old
        },
        ScenePart::Nothing => old,
    }
}
