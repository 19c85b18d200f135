use protocol::Scene;

use crate::recording::contract::{CallId, Effect, Outcome, Status, Unfit, UpdateLayout, reply};
use crate::recording::rules::job::secrets_missing;
use crate::recording::rules::look_up;
use crate::recording::state::State;

/// Replaces the scene of a mixed recording. The node is told at once, and otherwise hears it with the answer to its next
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
        Some(version) => {
            recording.set_scene(Scene {
                version: version.saturating_add(1),
                ..*update.scene
            });
            recording.send_desired(0, now_ms, out);
            Outcome::Updated
        }
    };
    reply(out, by, outcome);
}
