//! State that an older version has kept is read with its meaning.

use protocol::{Directive, EndCause};
use serde_json::{Value, json};

use super::bench::*;
use super::samples::*;
use crate::recording::{Ledgers, Policy, Secrets, State, Status};

/// A recording that `n1` holds, whose older form has `order`: the cause with which it was told to end, or `null`.
fn older_state(order: Value) -> Value {
    json!({
        "epoch": 1,
        "recordings": [{
            "key": {"app_id": "app", "channel": "room", "uid": "1"},
            "sid": "s1",
            "ticket": {"nonce": "a", "issued_ms": T0, "expires_hours": 1, "preference": {}},
            "mode": "individual",
            "mp4": false,
            "snapshots": null,
            "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all", "quality": "high"},
            "renewals": 0,
            "max_idle_ms": 30_000,
            "requested_ms": T0,
            "stage": {"running": {"started_ms": T0}},
            "order": order,
            "nodes": {
                "lease": {
                    "epoch": 1, "node": {"id": "n1", "url": "http://n1"}, "lane": 0, "heard_ms": T0, "excused": false,
                },
                "last": null, "search": null, "leaving": null, "successor": null, "leaver": null,
                "cuts": {}, "next_lane": 1, "strays": false,
            },
            "inventory": {
                "total": 0, "changed_ms": 0, "finished": null,
                "spools": [{"id": 1, "node_id": "n1", "told": 0, "newest": 0, "ended": false}],
                "forgotten": 0, "closed": false,
            },
            "history": [],
            "stopped_by_operator": true,
            "token_expires_ms": null,
            "seen": {
                "seq": 2, "phase": "recording", "cause": null, "idle_since_ms": null, "first_media_ms": T0 + 5,
                "files": [], "pictures": null, "pending_uploads": 0, "backed_up": null, "problems": [], "vod": null,
            },
            "publication": {
                "shown": {"status": "recording", "progress": null}, "revision": 3, "document": 3, "written": 0,
                "failures": 0, "shown_ms": T0, "held_up": 0, "renewed": true, "not_before_ms": T0 + 15_000,
            },
        }],
        "spent": [{"nonce": "a", "forget_ms": T0 + 360_000}],
    })
}

/// The older form of a specification says when the recording ends by itself.
fn older_secrets() -> Value {
    json!({"s1": {
        "mode": "individual",
        "source": {"type": "builtin"},
        "channel_type": "live",
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all", "quality": "high"},
        "playlist": {"strict_extinf": true},
        "storage": {
            "kind": "s3", "endpoint": "http://s3", "region": "us-east-1", "addressing": "path", "bucket": "b",
            "access_key": "ak", "secret_key": "storage-secret", "prefix": "",
        },
        "max_idle_ms": 30_000,
        "token_expires_ms": null,
    }})
}

fn older_ledgers() -> Value {
    json!({"s1": {
        "subject": {
            "key": {"app_id": "app", "channel": "room", "uid": "1"}, "sid": "s1", "mode": "individual",
            "pictures_only": false,
        },
        "told": {
            "requested": true, "refusals": 0, "lease": {"epoch": 1, "node": "n1", "lost": false}, "media": true,
            "ordered": false, "subscription": 1, "scene": 0, "token": false, "problems": [], "progress_ms": T0,
            "left": false, "uploaded": false, "vod_completed": false, "exited": false,
        },
        "outbox": {
            "next_number": 0, "end": 0, "head": 0, "failures": 0, "not_before_ms": T0, "marks": [], "dropped": 0,
        },
        "incidents": 0,
        "nodes": ["n1"],
        "logs": [],
        "misfit_ms": 0,
        "progress": null,
        "kept_until_ms": T0 + 7 * 24 * HOUR,
    }})
}

fn bench(order: Value) -> Bench {
    let mut bench = Bench::new();
    bench.state = serde_json::from_value(older_state(order)).unwrap();
    let secrets: Secrets = serde_json::from_value(older_secrets()).unwrap();
    let ledgers: Ledgers = serde_json::from_value(older_ledgers()).unwrap();
    bench.state.restore_secrets(secrets);
    bench.state.restore_ledgers(ledgers);
    bench.state.wake(Policy::default(), T0);
    bench
}

#[test]
fn what_was_wanted_of_a_kept_recording_still_is() {
    let cases = [
        (json!(null), Status::Recording, Directive::Record),
        (json!("stopped"), Status::Stopping, Directive::Stop(EndCause::Stopped)),
        (json!("idle"), Status::Stopping, Directive::Stop(EndCause::Idle)),
    ];
    for (order, status, directive) in cases {
        let mut bench = bench(order.clone());
        for _ in 0..2 {
            assert_eq!(bench.view("s1").status, status, "{order}");
            let job = bench.request_job("s1", "n1", 1).unwrap();
            assert_eq!(job.assignment.directive, Some(directive), "{order}");
            assert_eq!(job.spec, spec(), "{order}");
            // It is read back in its present form too.
            bench.crash();
        }
    }
}

#[test]
fn a_recording_without_what_is_wanted_is_not_read() {
    let mut state = older_state(json!(null));
    state["recordings"][0].as_object_mut().unwrap().remove("order");
    assert!(serde_json::from_value::<State>(state).is_err());
    assert!(serde_json::from_value::<State>(older_state(json!("somehow"))).is_err());
}

#[test]
fn who_was_sent_the_job_by_an_older_edge_still_gets_it_and_nobody_else() {
    let mut state = older_state(json!(null));
    let nodes = &mut state["recordings"][0]["nodes"];
    nodes["last"] = json!({"lease": nodes["lease"], "since_ms": T0, "over": false});
    nodes["lease"] = json!(null);
    nodes["search"] = json!({
        "epoch": 2, "step": {"offered": {"node": {"id": "n2", "url": "http://n2"}, "since_ms": T0}}, "tried": [],
        "offers": 1, "pauses": 0, "everybody": false,
    });
    state["epoch"] = json!(2);
    let mut bench = bench(json!(null));
    bench.state = serde_json::from_value(state).unwrap();
    bench
        .state
        .restore_secrets(serde_json::from_value(older_secrets()).unwrap());
    bench.state.wake(Policy::default(), T0);
    assert!(bench.request_job("s1", "n1", 1).is_ok() && bench.request_job("s1", "n2", 2).is_ok());
    assert_eq!(bench.report("s1", "n2", 2, |_| {}).0.directive, Directive::Record);
    assert!(bench.request_job("s1", "n3", 2).is_err());
}

#[test]
fn a_scene_that_was_kept_in_clear_stays_in_force_and_is_sealed() {
    let scene = json!({
        "version": 3, "layout": {"type": "best_fit"}, "background": {"r": 0, "g": 0, "b": 0},
        "background_image": "https://h/b.jpg?sign=hunter2",
    });
    let mut state = older_state(json!(null));
    state["recordings"][0]["mode"] = json!("mix");
    state["recordings"][0]["scene"] = scene.clone();
    let mut secrets = older_secrets();
    secrets["s1"]["mix"] = json!({
        "output": {"width": 2, "height": 2, "fps": 1, "bitrate_kbps": 1, "audio": "mono48"}, "mp4": false,
        "scene": {"version": 1, "layout": {"type": "floating"}, "background": {"r": 0, "g": 0, "b": 0}},
    });
    let mut bench = bench(json!(null));
    bench.state = serde_json::from_value(state).unwrap();
    bench.state.restore_secrets(serde_json::from_value(secrets).unwrap());
    bench.state.wake(Policy::default(), T0);
    for _ in 0..2 {
        let kept = serde_json::to_string(&bench.state).unwrap();
        assert!(!kept.contains("hunter2"), "{kept}");
        let mix = bench.request_job("s1", "n1", 1).unwrap().spec.mix.unwrap();
        assert_eq!(serde_json::to_value(mix.scene).unwrap(), scene);
        bench.crash();
    }
}
