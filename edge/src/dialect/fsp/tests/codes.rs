//! Each code of the vendor's table that this system can cause. `docs/api-fsp.md` has the others, with the reason.

use protocol::{Fault, Refusal, RefusalCode};
use serde_json::json;

use super::defaults::{INIT, LAYOUT, init_body};
use super::*;
use crate::recording::Unfit;

#[track_caller]
fn assert_code(bench: &Bench, request: &Request, outcomes: &[Option<Outcome>], code: u64) {
    let reply = body(&bench.run(request, outcomes).response);
    assert_eq!(reply["code"], 6_050_030_000 + code, "{reply}");
    assert!(!reply["msg"].as_str().unwrap().is_empty());
}

fn refused(fault: Fault, code: RefusalCode) -> Option<Outcome> {
    let reason = "why".to_owned();
    Some(Outcome::Refused(Refusal { fault, code, reason }))
}

#[test]
fn codes_of_a_beginning() {
    let mut bench = Bench::new();
    let init = bench.post(INIT, &init_body(&json!({})));
    let mut no_json = init.clone();
    no_json.body = b"{".to_vec();
    assert_code(&bench, &no_json, &[], 5);
    no_json.body = b"[]".to_vec();
    assert_code(&bench, &no_json, &[], 5);
    let nameless = Request {
        body: b"{}".to_vec(),
        ..init.clone()
    };
    assert_code(&bench, &nameless, &[], 3);
    for (fault, code, expected) in [
        (Fault::Ours, RefusalCode::Internal, 0),
        (Fault::Ours, RefusalCode::NoCapacity, 10),
        (Fault::Ours, RefusalCode::Draining, 10),
        (Fault::Destination, RefusalCode::StorageUnusable, 18),
        (Fault::Destination, RefusalCode::StorageUnavailable, 18),
        (Fault::Caller, RefusalCode::BadJob, 18),
    ] {
        assert_code(&bench, &init, &[refused(fault, code)], expected);
    }
    assert_code(&bench, &init, &[None], 16);
    assert_code(&bench, &init, &[Some(Outcome::Updated)], 17);
    assert_code(&bench, &init, &[Some(Outcome::TicketSpent)], 12);
    assert_code(&bench, &init, &[Some(Outcome::AlreadyStarted { sid: sid() })], 12);
    let automatic = bench.post(INIT, &init_body(&json!({"auto": {}})));
    assert_code(&bench, &automatic, &[Some(Outcome::Conflict { sid: sid() })], 38);
    let disabled = bench.post(INIT, &init_body(&json!({"app_id": DISABLED_APP})));
    assert_code(&bench, &disabled, &[], 28);
    let bare = bench.post(INIT, &init_body(&json!({"app_id": BARE_APP})));
    assert_code(&bench, &bare, &[], 18);
    bench.denial = Some(Denial::NoRoom { recordings: 50 });
    assert_code(&bench, &init, &[], 9);
    bench.denial = Some(Denial::TooManyRequests);
    assert_eq!(body(&bench.send(&init))["code"], 606_000_006);
    bench.break_store();
    assert_code(&bench, &init, &[], 0);
}

#[test]
fn codes_of_a_task() {
    let bench = Bench::new().with_task(Standing::Capturing);
    let of = |path: &str| bench.post(path, &json!({"record_id": record_id(), "mode": 1}));
    let [suspend, resume, finish, layout] =
        ["/v1/record/suspend", "/v1/record/resume", "/v1/record/finish", LAYOUT].map(of);
    for standing in [Standing::Waiting, Standing::Paused] {
        let mut held = view(standing);
        held.paused = true;
        assert_code(&bench, &suspend, &[Some(Outcome::State(Box::new(held)))], 39);
    }
    for standing in [Standing::Waiting, Standing::Capturing] {
        assert_code(&bench, &resume, &[state(standing)], 40);
    }
    let ended = || Some(Outcome::AlreadyEnded(Box::new(view(Standing::Done))));
    let gone = || {
        Some(Outcome::NotFound {
            reason: "why".to_owned(),
        })
    };
    for request in [&suspend, &resume] {
        assert_code(&bench, request, &[state(Standing::Done)], 1);
        assert_code(&bench, request, &[gone()], 1);
    }
    for request in [&finish, &layout] {
        assert_code(&bench, request, &[ended()], 1);
        assert_code(&bench, request, &[gone()], 1);
        assert_code(&bench, request, &[None], 32);
        assert_code(&bench, request, &[Some(Outcome::TicketSpent)], 17);
    }
    assert_code(&bench, &layout, &[Some(Outcome::Unfit(Unfit::Paused))], 33);
    assert_code(&bench, &layout, &[refused(Fault::Ours, RefusalCode::Internal)], 0);
    for record_id in ["nothing", "20200220115206_07070707070707070707070707070707"] {
        let unknown = bench.post(LAYOUT, &json!({"record_id": record_id}));
        assert_code(&bench, &unknown, &[], 1);
    }
    assert_code(&bench, &bench.post(LAYOUT, &json!({})), &[], 3);
    *bench.tasks.borrow_mut() = Some(vec![task(Standing::Capturing, Some(1))]);
    assert_code(&bench, &layout, &[], 35);
    *bench.tasks.borrow_mut() = Some(Vec::new());
    assert_code(&bench, &layout, &[], 1);
    *bench.tasks.borrow_mut() = None;
    assert_code(&bench, &layout, &[], 0);
}
