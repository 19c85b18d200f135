//! `GET /metrics`: what the node does, in Prometheus' text format. All values are read at the time of the scrape.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{
    Encoder, Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry as Metrics, TextEncoder,
};
use protocol::{Phase, ProblemCode};

use super::Health;
use crate::channel::{Counts, Registry};
use crate::clock::unix_ms;
use crate::hub::TurnedAway;
use crate::rtc::{self, Rtc};
use crate::rtsp::Figures;
use crate::supervisor::{KeptAside, ProblemCounts, Space, Stage, Status, Supervisor, Total, Vitals};

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
        sessions(&metrics, figures)?;
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

/// What there is to tell of WebRTC.
fn sessions(metrics: &Metrics, figures: &rtc::Figures) -> prometheus::Result<()> {
    let sessions = IntGaugeVec::new(
        Opts::new("rtc_sessions", "Sessions by WebRTC, by what they do"),
        &["kind"],
    )?;
    for (kind, count) in [("publish", figures.publishing), ("play", figures.playing)] {
        sessions.with_label_values(&[kind]).set(whole(count));
    }
    metrics.register(Box::new(sessions))?;
    for (name, help, value) in [
        (
            "rtc_received_packets_total",
            "Datagrams that came by WebRTC",
            figures.received_packets,
        ),
        ("rtc_received_bytes_total", "Bytes in them", figures.received_bytes),
        (
            "rtc_sent_packets_total",
            "Packets that were sent by WebRTC",
            figures.sent_packets,
        ),
        ("rtc_sent_bytes_total", "Bytes in them", figures.sent_bytes),
        (
            "rtc_dropped_packets_total",
            "Packets by WebRTC that a session or a socket had no room for",
            figures.dropped_packets,
        ),
        (
            "rtc_keyframes_asked_total",
            "Keyframes that publishers by WebRTC were asked for",
            figures.keyframes_asked,
        ),
        (
            "rtc_refused_offers_total",
            "Offers by WebRTC that could not be taken, because of codecs or B-frames",
            figures.refused_offers,
        ),
        (
            "rtc_failed_sessions_total",
            "Sessions by WebRTC that ended by a fault of this software",
            figures.failed_sessions,
        ),
    ] {
        counter(metrics, name, help, value)?;
    }
    gauge(
        metrics,
        "rtc_transcoded_sounds",
        "Streams whose sound is made Opus for players by WebRTC",
        figures.transcoded_sounds,
    )?;
    gauge(
        metrics,
        "rtc_transcoded_pictures",
        "Streams whose picture is encoded anew for players by WebRTC, since it has B-frames",
        figures.transcoded_pictures,
    )?;
    gauge(
        metrics,
        "rtc_paused_pictures",
        "Players by WebRTC who lack pictures, because their way does not carry them",
        figures.paused_pictures,
    )?;
    let quality = &figures.quality;
    let lost = GaugeVec::new(
        Opts::new(
            "rtc_lost_ratio",
            "Packets by WebRTC that were lost, the mean of the sessions",
        ),
        &["kind"],
    )?;
    for (kind, ratio) in [("publish", quality.lost_in), ("play", quality.lost_out)] {
        // No session, no ratio.
        if let Some(ratio) = ratio {
            lost.with_label_values(&[kind]).set(ratio);
        }
    }
    metrics.register(Box::new(lost))?;
    for (name, help, value) in [
        (
            "rtc_round_trip_seconds",
            "To clients by WebRTC and back, the mean of the sessions",
            quality.round_trip,
        ),
        (
            "rtc_estimated_bits_per_second",
            "What the ways to players carry, the mean of those that are measured",
            quality.estimate,
        ),
    ] {
        if let Some(value) = value {
            let gauge = Gauge::new(name, help)?;
            gauge.set(value);
            metrics.register(Box::new(gauge))?;
        }
    }
    Ok(())
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

fn gauge(metrics: &Metrics, name: &str, help: &str, value: u64) -> prometheus::Result<()> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(whole(value));
    metrics.register(Box::new(gauge))
}

fn counter(metrics: &Metrics, name: &str, help: &str, value: u64) -> prometheus::Result<()> {
    let counter = IntCounter::new(name, help)?;
    counter.inc_by(value);
    metrics.register(Box::new(counter))
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::Counted;

    fn vitals(spool_bytes: u64, unconfirmed_since_ms: Option<u64>) -> Vitals {
        Vitals {
            spool_bytes,
            unconfirmed_since_ms,
            counted: Counted::default(),
        }
    }

    #[test]
    fn the_values_are_those_of_the_node() {
        let observed = Observed {
            node_id: "n\"1".to_owned(),
            capacity: 50,
            load: 0.04,
            draining: false,
            edge_heard: Some(true),
            recordings: vec![
                ("recording", vitals(1_000, Some(10_000))),
                ("recording", vitals(200, None)),
                ("draining", vitals(30, Some(9_500))),
                ("unclaimed", vitals(0, None)),
            ],
            total: Total {
                counted: Counted {
                    uploads: 7,
                    upload_failures: 2,
                    uploaded_bytes: 70_000,
                    lost_packets: 3,
                    restamped_units: 4,
                    mixed_frames: 900,
                    shed_frames: 12,
                },
                restarts: 1,
            },
            problems: [(ProblemCode::SourceSilent, 2)].into(),
            space: Some(Space {
                used: 1_230,
                limit: 5_000,
            }),
            kept_aside: KeptAside { spools: 2, bytes: 77 },
            channels: Counts {
                channels: 2,
                streams: 5,
            },
            relayed_streams: 3,
            unreadable: 5,
            rtc: Some(rtc::Figures {
                publishing: 2,
                keyframes_asked: 6,
                quality: rtc::Quality {
                    lost_out: Some(0.25),
                    round_trip: Some(0.04),
                    ..rtc::Quality::default()
                },
                ..rtc::Figures::default()
            }),
            turned_away: TurnedAway {
                strangers: 4,
                forbidden: 1,
                undecided: 0,
            },
            now_ms: 12_000,
        };
        let text = text(&observed).unwrap();
        let values: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        for line in [
            "tapedeck_recordings{state=\"recording\"} 2",
            "tapedeck_recordings{state=\"draining\"} 1",
            "tapedeck_recordings{state=\"waiting\"} 0",
            "tapedeck_recordings{state=\"unclaimed\"} 1",
            "tapedeck_spools_set_aside 2",
            "tapedeck_spools_set_aside_bytes 77",
            "tapedeck_recordings_capacity 50",
            "tapedeck_load 0.04",
            "tapedeck_edge_heard 1",
            "tapedeck_channels 2",
            "tapedeck_published_streams 5",
            "tapedeck_relayed_streams 3",
            "tapedeck_unreadable_units_total 5",
            "tapedeck_entries_refused_total{status=\"401\"} 4",
            "tapedeck_entries_refused_total{status=\"403\"} 1",
            "tapedeck_entries_refused_total{status=\"503\"} 0",
            "tapedeck_spool_bytes 1230",
            "tapedeck_spool_limit_bytes 5000",
            "tapedeck_oldest_unconfirmed_seconds 2.5",
            "tapedeck_uploads_total 7",
            "tapedeck_upload_failures_total 2",
            "tapedeck_uploaded_bytes_total 70000",
            "tapedeck_lost_packets_total 3",
            "tapedeck_restamped_units_total 4",
            "tapedeck_mixed_frames_total 900",
            "tapedeck_mixed_frames_shed_total 12",
            "tapedeck_recorder_restarts_total 1",
            "tapedeck_problems_total{code=\"source_silent\"} 2",
            "tapedeck_problems_total{code=\"unsupported_media\"} 0",
            "tapedeck_rtc_sessions{kind=\"publish\"} 2",
            "tapedeck_rtc_sessions{kind=\"play\"} 0",
            "tapedeck_rtc_keyframes_asked_total 6",
            "tapedeck_rtc_lost_ratio{kind=\"play\"} 0.25",
            "tapedeck_rtc_round_trip_seconds 0.04",
        ] {
            assert!(values.contains(&line), "{line} is not in\n{text}");
        }
        for absent in ["rtc_lost_ratio{kind=\"publish\"}", "rtc_estimated_bits_per_second"] {
            assert!(!text.contains(absent), "{absent} is in\n{text}");
        }
        assert!(text.contains("node_id=\"n\\\"1\""), "{text}");
    }
}
