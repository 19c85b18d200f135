//! The agent against an edge of a few lines.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use protocol::{
    Desired, Directive, EndCause, Fault, Heartbeat, HeartbeatAnswer, Job, JobRequest, Phase, Refusal, RefusalCode,
    Report, ReportAnswer, Secret,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::channel::Limits;
use crate::supervisor::{Config, Memory, Node, SpaceLimits};

const SID: &str = "0123456789abcdef0123456789abcdef";

/// Reports that it starts, and that it has ended once it is told to stop.
const RECORDER: &str = r#"#!/bin/bash
read -r job
report() {
  echo "{\"report\":{\"node_id\":\"n\",\"recorder\":{\"app_id\":\"a\",\"channel\":\"c\",\"uid\":\"1\"},\"sid\":\"0123456789abcdef0123456789abcdef\",\"epoch\":1,\"seq\":$2,\"at_ms\":$2,\"phase\":\"$1\",\"files\":[],\"pending_uploads\":0}}"
}
report starting 1
while read -r line; do
  case $line in *stop*) report ended 2; exit 0;; *release*) exit 1;; esac
done
"#;

#[derive(Default)]
struct EdgeState {
    heartbeats: Vec<Heartbeat>,
    reports: Vec<Report>,
    job_requests: Vec<JobRequest>,
    knows_jobs: bool,
    stops: bool,
}

type Shared = Arc<Mutex<EdgeState>>;

async fn edge_on(port: u16, state: Shared) -> (u16, tokio::task::JoinHandle<()>) {
    let router = Router::new()
        .route("/base/node/v1/heartbeats", post(heartbeat))
        .route("/base/node/v1/reports", post(report))
        .route("/base/node/v1/jobs", post(job_request))
        .with_state(state);
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (
        port,
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }),
    )
}

async fn heartbeat(State(state): State<Shared>, Json(heartbeat): Json<Heartbeat>) -> Json<HeartbeatAnswer> {
    state.lock().unwrap().heartbeats.push(heartbeat);
    Json(HeartbeatAnswer { interval_ms: 200 })
}

async fn report(State(state): State<Shared>, Json(report): Json<Report>) -> Json<ReportAnswer> {
    let mut state = state.lock().unwrap();
    let directive = if state.stops {
        Directive::Stop(EndCause::Stopped)
    } else {
        Directive::Record
    };
    let desired = Desired {
        epoch: report.epoch,
        directive,
        subscription: job().spec.subscription,
        scene: None,
        keys: None,
        terms: Default::default(),
    };
    state.reports.push(report);
    Json(ReportAnswer {
        desired,
        confirmed: None,
        lease_ms: None,
        node_lease: false,
        inventory: Default::default(),
    })
}

async fn job_request(
    State(state): State<Shared>,
    Json(request): Json<JobRequest>,
) -> Result<Json<Job>, (StatusCode, Json<Refusal>)> {
    let mut state = state.lock().unwrap();
    state.job_requests.push(request);
    if state.knows_jobs {
        return Ok(Json(job()));
    }
    let reason = "no such recording".to_owned();
    Err((
        StatusCode::NOT_FOUND,
        Json(Refusal {
            fault: Fault::Caller,
            code: RefusalCode::UnknownRecording,
            reason,
        }),
    ))
}

fn job() -> Job {
    serde_json::from_value(json!({
        "sid": SID, "epoch": 1, "recorder": {"app_id": "a", "channel": "c", "uid": "1"}, "mode": "individual",
        "source": {"type": "builtin"},
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
        "playlist": {"strict_extinf": true},
        "storage": {"kind": "s3", "endpoint": "https://s3", "region": "r", "bucket": "b", "access_key": "ak",
            "secret_key": "hunter2", "prefix": ""},
    }))
    .unwrap()
}

struct World {
    dir: tempfile::TempDir,
    supervisor: Supervisor,
    edge: Shared,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("recorder");
    std::fs::write(&program, RECORDER).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(dir.path().join("spool")).unwrap();
    let supervisor = Supervisor::new(Config {
        spool: dir.path().join("spool"),
        program,
        arguments: Vec::new(),
        node: Node {
            node_id: "n".to_owned(),
            rtsp: String::new(),
            roster: String::new(),
            node_token: Secret::default(),
            roster_key: None,
            play_key: None,
            pass_secret: Secret::default(),
        },
        capacity: 4,
        space: SpaceLimits {
            spool_bytes: None,
            reserve_bytes: 0,
        },
        memory: Memory::new(None).into(),
        await_acknowledgement: true,
    });
    World {
        dir,
        supervisor,
        edge: Shared::default(),
    }
}

impl World {
    fn start_agent(&self, port: u16) -> watch::Receiver<bool> {
        let edge = Edge::new(&format!("http://127.0.0.1:{port}/base"), Secret::new("token")).unwrap();
        let identity = Identity {
            node_id: "n".to_owned(),
            url: Some("http://node".to_owned()),
            listens_at: "http://127.0.0.1:1".to_owned(),
            region: "here".to_owned(),
            capacity: 4,
            rtsp: "rtsp://127.0.0.1:2".to_owned(),
            started_ms: 1,
        };
        let (heard, state) = watch::channel(false);
        let channels = Registry::new(Limits::default(), 1);
        let told = watch::Sender::new(0);
        tokio::spawn(run(
            edge,
            identity,
            self.supervisor.clone(),
            channels,
            line::tests::services(),
            heard,
            told,
        ));
        state
    }

    async fn until(&self, what: &str, condition: impl Fn(&EdgeState) -> bool) {
        for _ in 0..400 {
            if condition(&self.edge.lock().unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("never: {what}");
    }
}

#[tokio::test]
async fn an_answer_to_a_report_stops_the_recording_and_its_end_is_told_and_forgotten() {
    let world = world();
    let (port, _edge) = edge_on(0, Arc::clone(&world.edge)).await;
    let mut heard = world.start_agent(port);
    heard.wait_for(|heard| *heard).await.unwrap();
    world.supervisor.put(job()).await.unwrap();
    world.until("a report", |edge| !edge.reports.is_empty()).await;
    world
        .until("a heartbeat with it", |edge| {
            edge.heartbeats.iter().any(|beat| beat.recordings.len() == 1)
        })
        .await;
    world.edge.lock().unwrap().stops = true;
    world
        .until("the end", |edge| {
            edge.reports.iter().any(|report| report.phase == Phase::Ended)
        })
        .await;
    world
        .until("nothing is held", |edge| {
            edge.heartbeats.last().unwrap().recordings.is_empty()
        })
        .await;
    assert!(!world.dir.path().join("spool").join(SID).exists());
    let edge = world.edge.lock().unwrap();
    let beat = &edge.heartbeats[0];
    assert_eq!(
        (beat.url.as_deref(), beat.region.as_str(), beat.capacity),
        (Some("http://node"), "here", 4)
    );
}

#[tokio::test]
async fn a_recording_whose_spool_was_set_aside_keeps_no_lease_by_old_reports() {
    let world = world();
    let (port, _edge) = edge_on(0, Arc::clone(&world.edge)).await;
    world.start_agent(port);
    world.supervisor.put(job()).await.unwrap();
    world.until("a report", |edge| !edge.reports.is_empty()).await;
    std::fs::write(world.dir.path().join("spool").join(SID).join("journal"), "?\n{}\n").unwrap();
    let lost = Desired {
        epoch: 2,
        directive: Directive::Record,
        subscription: job().spec.subscription,
        scene: None,
        keys: None,
        terms: Default::default(),
    };
    world.supervisor.converge(SID, lost).unwrap();
    let held = |edge: &EdgeState| edge.heartbeats.last().unwrap().recordings.len();
    world.until("nothing is held", |edge| held(edge) == 0).await;
    let (told, beats) = {
        let edge = world.edge.lock().unwrap();
        (edge.reports.len(), edge.heartbeats.len())
    };
    world
        .until("more heartbeats", |edge| edge.heartbeats.len() >= beats + 5)
        .await;
    // One may have been on its way.
    assert!(world.edge.lock().unwrap().reports.len() <= told + 1);
}

#[tokio::test]
async fn while_the_edge_is_away_recording_goes_on_and_it_hears_the_newest_state_afterwards() {
    let world = world();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut heard = world.start_agent(port);
    world.supervisor.put(job()).await.unwrap();
    let stop = Desired {
        epoch: 1,
        directive: Directive::Stop(EndCause::Stopped),
        subscription: job().spec.subscription,
        scene: None,
        keys: None,
        terms: Default::default(),
    };
    world
        .supervisor
        .desire(SID, stop, Duration::from_secs(10))
        .await
        .unwrap();
    assert!(!*heard.borrow());
    assert_eq!(world.supervisor.held().len(), 1);
    let (_, _edge) = edge_on(port, Arc::clone(&world.edge)).await;
    heard.wait_for(|heard| *heard).await.unwrap();
    world
        .until("the end", |edge| {
            edge.reports.iter().any(|report| report.phase == Phase::Ended)
        })
        .await;
    assert_eq!(world.edge.lock().unwrap().reports.len(), 1);
}

#[tokio::test]
async fn a_spool_of_an_earlier_process_gets_its_job_from_the_edge() {
    let world = world();
    crate::spool::store_job(&world.dir.path().join("spool").join(SID), &job()).unwrap();
    world.supervisor.adopt().unwrap();
    let (port, _edge) = edge_on(0, Arc::clone(&world.edge)).await;
    world.start_agent(port);
    world.until("a request", |edge| !edge.job_requests.is_empty()).await;
    // The edge does not know it, but the spool is not known to be empty: it is kept and asked for again.
    world.edge.lock().unwrap().knows_jobs = true;
    world.until("a report", |edge| !edge.reports.is_empty()).await;
    let edge = world.edge.lock().unwrap();
    assert_eq!(
        (edge.job_requests[0].sid.as_str(), edge.job_requests[0].epoch),
        (SID, 1)
    );
}
