//! Not a test of its own: prints what a source on hand gives.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::capture::{CaptureRequest, KeyframeWish, Transport, Wanted, open};
use crate::stream::{Clock, StreamEvent, UserClock};

/// `TAPEDECK_WATCH=rtsp://… [TAPEDECK_WATCH_UDP=1] [TAPEDECK_WATCH_SECONDS=10] cargo test -p tapedeck-media-node -- --ignored --nocapture watch`
#[tokio::test]
#[ignore = "needs a source: TAPEDECK_WATCH=rtsp://…"]
async fn watch() {
    let env = |name: &str| std::env::var(name).ok();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let clock = Clock::new(now_ms);
    let seconds = env("TAPEDECK_WATCH_SECONDS").and_then(|s| s.parse().ok()).unwrap_or(10);
    let mut events = open(CaptureRequest {
        foreign: false,
        url: env("TAPEDECK_WATCH").expect("TAPEDECK_WATCH").into(),
        username: env("TAPEDECK_WATCH_USER"),
        password: env("TAPEDECK_WATCH_PASSWORD").map(protocol::Secret::new),
        keys: None,
        want: Wanted {
            audio: true,
            video: true,
        },
        clock,
        user: UserClock::default(),
        first_media_timeout: Duration::from_secs(5),
        silence_timeout: Duration::from_secs(5),
        transport: if env("TAPEDECK_WATCH_UDP").is_some() {
            Transport::Udp
        } else {
            Transport::Tcp
        },
        keyframes: KeyframeWish::default(),
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
