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
