//! `GET /metrics`: what the node does, in Prometheus' text format. All values are read at the time of the scrape.

mod kinds;
#[cfg(test)]
mod tests;
mod webrtc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, Gauge, IntCounterVec, IntGaugeVec, Opts, Registry as Metrics, TextEncoder};
use protocol::{Phase, ProblemCode};

use super::Health;
use crate::channel::{Counts, Registry};
use crate::clock::unix_ms;
use crate::hub::TurnedAway;
use crate::rtc::{self, Rtc};
use crate::rtsp::Figures;
use crate::supervisor::{KeptAside, ProblemCounts, Space, Stage, Status, Supervisor, Total, Vitals};
use kinds::{counter, gauge, whole};

#[derive(Clone)]
pub(super) struct Scrape {
    pub(super) supervisor: Supervisor,
    pub(super) channels: Registry,
    pub(super) rtsp: Figures,
    pub(super) rtc: Option<Rtc>,
    pub(super) health: Health,
}

/// What is told of a node at one moment.
struct Observed {
    node_id: String,
    capacity: usize,
    load: f64,
    draining: bool,
    edge_heard: Option<bool>,
    recordings: Vec<(&'static str, Vitals)>,
    total: Total,
    problems: ProblemCounts,
    space: Option<Space>,
    kept_aside: KeptAside,
    channels: Counts,
    relayed_streams: usize,
    turned_away: TurnedAway,
    unreadable: u64,
    /// `None` where the node serves no WebRTC.
    rtc: Option<rtc::Figures>,
    now_ms: u64,
}

pub(super) async fn answer(State(scrape): State<Scrape>) -> Response {
    let supervisor = &scrape.supervisor;
    let recordings = supervisor.recordings();
    let observed = Observed {
        node_id: scrape.health.node_id.clone(),
        capacity: supervisor.capacity(),
        load: supervisor.load(),
        draining: supervisor.is_draining(),
        edge_heard: scrape.health.edge_heard.as_ref().map(|heard| *heard.borrow()),
        recordings: recordings
            .iter()
            .map(|recording| {
                let status = recording.status();
                let status = status.borrow();
                (state(&status), status.vitals)
            })
            .collect(),
        total: supervisor.total(),
        problems: supervisor.problems(),
        space: supervisor.space(),
        kept_aside: supervisor.kept_aside(),
        channels: scrape.channels.counts(),
        relayed_streams: scrape.rtsp.relayed_streams(),
        turned_away: scrape.rtsp.turned_away(),
        unreadable: scrape.rtsp.unreadable(),
        rtc: scrape.rtc.as_ref().map(Rtc::figures),
        now_ms: unix_ms(),
    };
    match text(&observed) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The values of the label `state`.
const STATES: [&str; 6] = ["waiting", "unclaimed", "starting", "recording", "draining", "ended"];

fn state(status: &Status) -> &'static str {
    match (&status.stage, status.phase()) {
        (Stage::Ended | Stage::Refused(_), _) | (_, Some(Phase::Ended)) => "ended",
        (Stage::Waiting | Stage::Interrupted, _) => "waiting",
        (Stage::Unclaimed, _) => "unclaimed",
        (Stage::Running, None | Some(Phase::Starting)) => "starting",
        (Stage::Running, Some(Phase::Recording)) => "recording",
        (Stage::Running, Some(Phase::Draining)) => "draining",
    }
}

fn text(observed: &Observed) -> prometheus::Result<String> {
    let metrics = Metrics::new_custom(Some("tapedeck".to_owned()), None)?;
    node(&metrics, observed)?;
    spool(&metrics, observed)?;
    let counted = observed.total.counted;
    counter(
        &metrics,
        "recorder_restarts_total",
        "Recorder processes that died and were started again",
        observed.total.restarts,
    )?;
    counter(
        &metrics,
        "uploads_total",
        "Objects that a store confirmed",
        counted.uploads,
    )?;
    counter(
        &metrics,
        "upload_failures_total",
        "Uploads that failed and are retried",
        counted.upload_failures,
    )?;
    counter(
        &metrics,
        "uploaded_bytes_total",
        "Bytes that stores confirmed",
        counted.uploaded_bytes,
    )?;
    counter(
        &metrics,
        "lost_packets_total",
        "Packets of publishers that never came",
        counted.lost_packets,
    )?;
    counter(
        &metrics,
        "unreadable_units_total",
        "Units of publishers by RTMP, and packets of others, that could not be read and were left out",
        observed.unreadable,
    )?;
    counter(
        &metrics,
        "restamped_units_total",
        "Units whose timestamps stood still, went back or leapt, and were replaced",
        counted.restamped_units,
    )?;
    counter(
        &metrics,
        "mixed_frames_total",
        "Pictures of mixed recordings",
        counted.mixed_frames,
    )?;
    counter(
        &metrics,
        "mixed_frames_shed_total",
        "Pictures of mixed recordings that were left out because the node could not keep up",
        counted.shed_frames,
    )?;
    let problems = IntCounterVec::new(
        Opts::new("problems_total", "Problems that recordings told of, by their code"),
        &["code"],
    )?;
    for code in ProblemCode::ALL {
        let told = observed.problems.get(code).copied().unwrap_or(0);
        problems.with_label_values(&[code.as_str()]).inc_by(told);
    }
    metrics.register(Box::new(problems))?;
    if let Some(figures) = &observed.rtc {
        webrtc::tell(&metrics, figures)?;
    }
    let mut text = Vec::new();
    TextEncoder::new().encode(&metrics.gather(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn node(metrics: &Metrics, observed: &Observed) -> prometheus::Result<()> {
    let info = IntGaugeVec::new(
        Opts::new("node_info", "1; the labels say which node and version"),
        &["node_id", "version"],
    )?;
    info.with_label_values(&[observed.node_id.as_str(), env!("CARGO_PKG_VERSION")])
        .set(1);
    metrics.register(Box::new(info))?;
    let states = IntGaugeVec::new(Opts::new("recordings", "Recordings on this node by state"), &["state"])?;
    for state in STATES {
        let count = observed.recordings.iter().filter(|(at, _)| *at == state).count();
        states.with_label_values(&[state]).set(whole(count as u64));
    }
    metrics.register(Box::new(states))?;
    gauge(
        metrics,
        "recordings_capacity",
        "Recordings that it takes at most",
        observed.capacity as u64,
    )?;
    let load = Gauge::new("load", "From 0, idle, to 1, no room")?;
    load.set(observed.load);
    metrics.register(Box::new(load))?;
    gauge(
        metrics,
        "draining",
        "1 while the node accepts no new work",
        observed.draining.into(),
    )?;
    if let Some(heard) = observed.edge_heard {
        gauge(
            metrics,
            "edge_heard",
            "1 when the edge answered the last heartbeat",
            heard.into(),
        )?;
    }
    gauge(
        metrics,
        "channels",
        "Channels with a publisher on this node's channel server",
        observed.channels.channels,
    )?;
    gauge(
        metrics,
        "published_streams",
        "Streams that are published to it",
        observed.channels.streams,
    )?;
    gauge(
        metrics,
        "relayed_streams",
        "Streams that it reads from other nodes",
        observed.relayed_streams as u64,
    )?;
    let refused = IntCounterVec::new(
        Opts::new(
            "entries_refused_total",
            "Publishers and players that were not let in, by the status",
        ),
        &["status"],
    )?;
    let TurnedAway {
        strangers,
        forbidden,
        undecided,
    } = observed.turned_away;
    for (status, count) in [("401", strangers), ("403", forbidden), ("503", undecided)] {
        refused.with_label_values(&[status]).inc_by(count);
    }
    metrics.register(Box::new(refused))
}

fn spool(metrics: &Metrics, observed: &Observed) -> prometheus::Result<()> {
    let vitals = || observed.recordings.iter().map(|(_, vitals)| vitals);
    let bytes = vitals().map(|vitals| vitals.spool_bytes).fold(0, u64::saturating_add);
    gauge(
        metrics,
        "spool_bytes",
        "Bytes of media that wait for their stores",
        bytes,
    )?;
    gauge(
        metrics,
        "spools_set_aside",
        "Spools that cannot be gone on with and are kept",
        observed.kept_aside.spools,
    )?;
    gauge(
        metrics,
        "spools_set_aside_bytes",
        "Bytes of media in them",
        observed.kept_aside.bytes,
    )?;
    if let Some(space) = observed.space {
        gauge(
            metrics,
            "spool_limit_bytes",
            "What spool_bytes may be at most",
            space.limit,
        )?;
    }
    let oldest = vitals().filter_map(|vitals| vitals.unconfirmed_since_ms).min();
    let age = oldest.map_or(0.0, |since_ms| {
        observed.now_ms.saturating_sub(since_ms) as f64 / 1_000.0
    });
    let oldest = Gauge::new(
        "oldest_unconfirmed_seconds",
        "Age of the oldest media that no store has confirmed",
    )?;
    oldest.set(age);
    metrics.register(Box::new(oldest))
}
