use crate::recording::contract::{Effect, Node};
use crate::recording::rules::{give_up, job, no_node};
use crate::recording::state::{Lifecycle, Search, State, Step, find_mut};

/// The fleet's answer.
pub(super) fn placed(
    state: &mut State,
    sid: &str,
    epoch: u64,
    node: Result<Node, String>,
    now_ms: u64,
    out: &mut Vec<Effect>,
) {
    let (newest, Some(recording)) = (&mut state.epoch, find_mut(&mut state.recordings, sid)) else {
        return;
    };
    let asked = |search: &mut Search| matches!(search.step, Step::Asked { .. }) && search.epoch == epoch;
    let Some(mut search) = recording.nodes.search.take_if(asked) else {
        return;
    };
    let is_start = recording.lifecycle == Lifecycle::Placing;
    let refusal = match node {
        Ok(node) => match job::offered(recording, epoch, now_ms) {
            Some(job) => {
                out.push(Effect::SendJob {
                    node: node.clone(),
                    job: Box::new(job),
                });
                recording.nodes.offer(&node.id);
                search.offers = search.offers.saturating_add(1);
                search.step = Step::Offered { node, since_ms: now_ms };
                recording.nodes.search = Some(search);
                return;
            }
            None => job::secrets_missing(),
        },
        Err(why) => no_node(&search.tried, &why),
    };
    if is_start {
        recording.nodes.search = Some(search);
        return give_up(state, sid, refusal, out);
    }
    if let Some(leaving) = &mut recording.nodes.leaving {
        leaving.alone = true;
    } else if !search.everybody {
        search.everybody = true;
        return recording.ask(search, newest, now_ms, out);
    }
    recording.pause(search, now_ms);
}
