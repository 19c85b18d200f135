//! What nodes report, and what each report is answered: the desired state, to which the node converges, and what the
//! inventory has for it.

use protocol::{
    Confirmed, Desired, Directive, InventoryPage, Report, ReportAnswer, Selection, StreamTypes, Subscription, Terms,
    VideoQuality,
};

use crate::recording::contract::{CallId, Effect, PageWish};
use crate::recording::rules::accept;
use crate::recording::state::{Role, State, Way, told_up_to};

pub(super) fn reported(state: &mut State, by: CallId, report: Report, way: Way, now_ms: u64, out: &mut Vec<Effect>) {
    // What is confirmed here is persisted with this step, before the answer leaves.
    let confirmed = state
        .ledgers
        .get(&report.sid)
        .and_then(|ledger| ledger.confirmed(&report));
    let is_known = state
        .find(&report.sid)
        .is_some_and(|recording| recording.is_with(&report.node_id));
    if !is_known {
        out.push(answer_stranger(by, &report, confirmed));
        return;
    }
    let role = admit(state, &report, way, now_ms, out);
    let lease_ms = state.policy.lease_ms;
    let Some(recording) = state.find_mut(&report.sid) else {
        return;
    };
    recording.hear(report.clone(), way, now_ms, out);
    let mut page = recording.inventory.page(&report);
    let wanted = role != Role::Outsider && page.last > page.after;
    if wanted {
        page.next = page.last;
    }
    recording.answered(role, &report);
    let lease = recording.nodes.lease.as_ref().filter(|_| role == Role::Holder);
    let (time_ms, node_lease) = match way {
        // What has come over an earlier line gives nothing.
        Way::Line(_) => (0, lease.is_some_and(|lease| lease.is_by(way))),
        Way::Timed | Way::Aside => (lease.map_or(0, |_| lease_ms), false),
    };
    let answer = ReportAnswer {
        desired: recording.desired(role, report.epoch),
        confirmed,
        lease_ms: Some(time_ms),
        node_lease,
        inventory: page,
    };
    out.push(Effect::Answer {
        to: by,
        answer: Box::new(answer),
        page: wanted.then_some(PageWish {
            sid: report.sid,
            except_spool: report.spool.spool,
        }),
    });
}

/// What the node is to the recording, after a lost answer has been made good and a lost lease has come back.
fn admit(state: &mut State, report: &Report, way: Way, now_ms: u64, out: &mut Vec<Effect>) -> Role {
    let Some(recording) = state.find_mut(&report.sid) else {
        return Role::Outsider;
    };
    let search = recording.nodes.search.as_ref();
    if search.is_some_and(|search| search.is_offer_to(&report.node_id, report.epoch)) {
        accept(state, report.clone(), way, now_ms, out);
    } else {
        recording.reinstate(&report.node_id, report.epoch, way, now_ms);
    }
    let recording = state.find(&report.sid);
    recording.map_or(Role::Outsider, |recording| recording.nodes.role_of(report))
}

/// For a node whose recording nobody knows, or is not that node's: it captures no more, what it tells is taken as noted, and
/// it is told nothing of the recording.
fn answer_stranger(by: CallId, report: &Report, confirmed: Option<Confirmed>) -> Effect {
    let subscription = Subscription {
        version: 0,
        types: StreamTypes::Both,
        audio: Selection::None,
        video: Selection::None,
        quality: VideoQuality::High,
    };
    let desired = Desired {
        epoch: report.epoch,
        directive: Directive::Release,
        subscription,
        scene: None,
        keys: None,
        terms: Terms::default(),
    };
    let inventory = InventoryPage {
        noted: told_up_to(&report.spool),
        after: report.spool.learned,
        next: report.spool.learned,
        ..InventoryPage::default()
    };
    Effect::Answer {
        to: by,
        answer: Box::new(ReportAnswer {
            desired,
            confirmed,
            lease_ms: Some(0),
            node_lease: false,
            inventory,
        }),
        page: None,
    }
}
