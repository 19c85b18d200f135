//! Files that are played by a program that stands in for the real one.

use std::path::Path;

use protocol::{RefusalCode, Secret};

use super::*;
use crate::errand::testing::{program, storage};

fn playback(id: &str) -> Playback {
    Playback {
        id: id.into(),
        app_id: "app".into(),
        channel: "room".into(),
        uid: "刘备".into(),
        from: storage(),
        key: "p/1.mp4".into(),
        bytes: 10,
        starts_ms: None,
        ends_ms: None,
        is_looped: false,
        is_over: false,
        wait_ms: 60_000,
    }
}

/// A player whose program is this script.
fn player(dir: &Path, script: &str) -> Player {
    Player::new(Config {
        program: program(dir, script),
        arguments: vec!["--more".into()],
        dir: dir.join("playing"),
        reserve_bytes: 0,
        rtsp: "rtsp://127.0.0.1:5".into(),
        passes: Passes::following_from(Secret::new("secret")),
    })
}

/// Plays until its input ends.
const PLAYS: &str = r#"read question; echo "$question" >> "$3.asked"; echo '{"plays":{"starts_ms":7}}'; cat > /dev/null; echo '"over"'"#;

#[tokio::test]
async fn a_process_is_begun_once_and_plays_until_it_is_told_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let player = player(dir.path(), PLAYS);
    for _ in 0..2 {
        let state = player.play(playback("r1")).await;
        assert_eq!(state, Ok(PlaybackState::Plays { starts_ms: 7 }));
    }
    let asked = std::fs::read_to_string(dir.path().join("playing/r1.asked")).unwrap();
    let asked: Vec<_> = asked.lines().collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let question: Question = serde_json::from_str(asked[0]).unwrap();
    assert_eq!(question.playback, playback("r1"));
    let url = question.url.expose();
    assert!(
        url.starts_with("rtsp://127.0.0.1:5/app/room/%E5%88%98%E5%A4%87?key="),
        "{url}"
    );
    let end = Playback {
        is_over: true,
        ..playback("r1")
    };
    for _ in 0..2 {
        assert_eq!(player.play(end.clone()).await, Ok(PlaybackState::Over));
    }
    assert_eq!(
        player.play(playback("r1")).await,
        Ok(PlaybackState::Over),
        "it does not begin again"
    );
    let unknown = Playback { id: "r2".into(), ..end };
    assert_eq!(player.play(unknown).await, Ok(PlaybackState::Over));
}

#[tokio::test]
async fn a_process_that_dies_has_failed_and_may_be_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let player = player(dir.path(), "read question; kill -9 $$");
    for _ in 0..2 {
        let Ok(PlaybackState::Failed(refusal)) = player.play(playback("r1")).await else {
            panic!("it has failed");
        };
        assert!(refusal.reason.contains("did not say why"), "{refusal:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let player = player(dir.path(), PLAYS);
    for wrong in [
        Playback {
            id: "../x".into(),
            ..playback("r1")
        },
        Playback {
            channel: "..".into(),
            ..playback("r1")
        },
        Playback {
            bytes: Playback::MOST_BYTES + 1,
            ..playback("r1")
        },
    ] {
        assert_eq!(player.play(wrong).await.unwrap_err().code, RefusalCode::BadJob);
    }
    let huge = Playback {
        bytes: Playback::MOST_BYTES,
        ..playback("r1")
    };
    let strict = Player::new(Config {
        reserve_bytes: u64::MAX,
        ..player.inner.config.clone()
    });
    assert_eq!(strict.play(huge).await.unwrap_err().code, RefusalCode::NoCapacity);
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_for_a_minute_and_it_is_over() {
    let (asked, receiver) = watch::channel(Instant::now());
    let began = Instant::now();
    let ended = tokio::spawn(async move {
        unasked(receiver).await;
        began.elapsed()
    });
    tokio::time::sleep(Duration::from_secs(40)).await;
    asked.send_replace(Instant::now());
    let ended = ended.await.unwrap();
    assert_eq!(ended.as_secs(), 40 + Playback::KEPT_MS / 1_000);
}
