//! What happens to recordings, one file for each input: a caller asks, the fleet or a node answers, a node reports, a write
//! or a delivery has ended. What nodes tell is first made fit to be kept. An alarm brings nothing of its own: what is due
//! is settled after every input.

mod clean;
mod delivered;
mod desired_answered;
mod give_up;
mod job_answered;
mod job_requested;
mod lost;
mod missing;
mod pause;
mod placed;
mod published;
mod query;
mod replay;
mod reported;
mod start;
mod stop;
mod update;
mod update_layout;

use super::contract::{Call, CallId, Command, Effect, Input, Reply, Request};
use super::state::{State, Wanted};

pub(super) fn take(state: &mut State, mut input: Input, now_ms: u64, out: &mut Vec<Effect>) {
    clean::clean(&mut input);
    for report in input.reports() {
        if let Some(ledger) = state.ledgers.get_mut(&report.sid) {
            ledger.hear(report);
        }
    }
    match input {
        Input::Asked { by, request } => asked(state, by, request, now_ms, out),
        Input::Placed { sid, epoch, node } => placed::placed(state, &sid, epoch, node, now_ms, out),
        Input::JobAnswered {
            sid,
            epoch,
            answer,
            line,
        } => job_answered::job_answered(state, &sid, epoch, answer, line.into(), now_ms, out),
        Input::Looked(lost) => lost::lost(state, lost, now_ms, out),
        Input::DesiredAnswered { sid, desired, answer } => {
            desired_answered::desired_answered(state, &sid, &desired, answer, now_ms, out);
        }
        Input::Published { sid, revision, ok } => published::published(state, &sid, revision, ok, now_ms),
        Input::Delivered {
            sid,
            position,
            result,
            chance,
        } => delivered::delivered(state, &sid, position, result, chance, now_ms),
        Input::Alarm => {}
    }
}

fn asked(state: &mut State, by: CallId, request: Request, now_ms: u64, out: &mut Vec<Effect>) {
    match request {
        Request::Call(Call { key, command }) => match command {
            Command::Start(start) => start::start(state, by, key, *start, now_ms, out),
            Command::Query(target) => query::query(state, by, &target, now_ms, out),
            Command::Stop(stop) => stop::stop(state, by, &stop, now_ms, out),
            Command::Pause(target) => pause::pause(state, by, &target, Wanted::Pause, now_ms, out),
            Command::Resume(target) => pause::pause(state, by, &target, Wanted::Record, now_ms, out),
            Command::Update(update) => update::update(state, by, update, now_ms, out),
            Command::UpdateLayout(update) => update_layout::update_layout(state, by, *update, now_ms, out),
        },
        Request::Report { report, line } => reported::reported(state, by, *report, line.into(), now_ms, out),
        Request::Job { request, line } => job_requested::job_requested(state, by, &request, line.into(), now_ms, out),
        Request::Lost(lost) => {
            lost::lost(state, lost, now_ms, out);
            let reply = Reply::Noted;
            out.push(Effect::Reply { to: by, reply });
        }
        Request::Missing(missing) => {
            let is_with_node = missing::missing(state, missing, now_ms, out);
            let reply = Reply::Missed { is_with_node };
            out.push(Effect::Reply { to: by, reply });
        }
        Request::Replay(replay) => replay::replay(state, by, &replay, now_ms, out),
        Request::GiveUp { sid } => out.push(Effect::Reply {
            to: by,
            reply: Reply::GaveUp(give_up::give_up(state, &sid, now_ms)),
        }),
    }
}
