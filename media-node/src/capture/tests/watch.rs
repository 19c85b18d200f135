//! Not a test of its own: prints what a source on hand gives.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::capture::{CaptureRequest, Transport, open};
use crate::stream::{Clock, StreamEvent};

/// `TAPEDECK_WATCH=rtsp://… [TAPEDECK_WATCH_UDP=1] [TAPEDECK_WATCH_SECONDS=10] cargo test -p tapedeck-media-node -- --ignored --nocapture watch`
#[tokio::test]
#[ignore = "needs a source: TAPEDECK_WATCH=rtsp://…"]
async fn watch() {
    let env = |name: &str| std::env::var(name).ok();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let clock = Clock::new(now_ms);
    let seconds = env("TAPEDECK_WATCH_SECONDS").and_then(|s| s.parse().ok()).unwrap_or(10);
    let url = env("TAPEDECK_WATCH").expect("TAPEDECK_WATCH");
    let mut events = open(CaptureRequest {
        username: env("TAPEDECK_WATCH_USER"),
        password: env("TAPEDECK_WATCH_PASSWORD").map(protocol::Secret::new),
        clock,
        transport: if env("TAPEDECK_WATCH_UDP").is_some() {
            Transport::Udp
        } else {
            Transport::Tcp
        },
        ..super::request(&url, Duration::from_secs(5))
    });
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while let Ok(Some(event)) = tokio::time::timeout_at(until, events.recv()).await {
        let now_us = clock.now_us();
        match event {
            StreamEvent::Unit(track, unit) => println!(
                "{:9.3} {track:?} pts {:9.3} dts {:9.3} late {:6.1} {:6} B{}",
                now_us as f64 / 1e6,
                unit.pts_us as f64 / 1e6,
                unit.dts_us as f64 / 1e6,
                (now_us - unit.pts_us) as f64 / 1e3,
                unit.data.len(),
                if unit.keyframe { " key" } else { "" },
            ),
            other => println!("{:9.3} {other:?}", now_us as f64 / 1e6),
        }
    }
}
