//! What there is to tell of WebRTC.

use prometheus::{Gauge, GaugeVec, IntGaugeVec, Opts, Registry as Metrics};

use super::kinds::{counter, gauge, whole};
use crate::rtc::Figures;

pub(super) fn tell(metrics: &Metrics, figures: &Figures) -> prometheus::Result<()> {
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
