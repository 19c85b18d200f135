mod drift;
mod files;
mod same_bytes;

use std::sync::Arc;
use std::time::Duration;

use protocol::{Directive, EndCause, Layout, StreamTypes, TrackKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::everybody::playlist_key;
use super::*;
use crate::mix::testing::*;
use crate::outbound::Targets;
use crate::record::Ending;
use crate::record::follow::testing::{CAMERA, FakeCaptures, FakeRosters, everything, roster, shared};
use crate::record::status::{Board, SharedBoard};
use crate::record::testing::{DirSink, complaints, file_names};
use crate::stream::{Clock, Format, H264Format, StreamEnd, StreamEvent};

/// Sends units to a session when their time has come.
async fn send(session: mpsc::Sender<StreamEvent>, clock: Clock, units: Timed, format: Format) {
    let mut format = Some(format);
    for (track, unit) in units {
        let wait_us = (unit.dts_us - clock.now_us()).max(0).unsigned_abs();
        sleep_until(Instant::now() + Duration::from_micros(wait_us)).await;
        if let Some(format) = format.take() {
            session.send(StreamEvent::Format(track, format)).await.unwrap();
        }
        session.send(StreamEvent::Unit(track, unit)).await.unwrap();
    }
    // Who has left may not be listened to any more.
    let _ = session.send(StreamEvent::Ended(StreamEnd::Finished)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_mixed_into_one_playlist_until_the_stop() {
    let second = 1_000_000;
    let (picture, sound) = (video(0, 3 * second, 15, |_| RED), tone(0, 3 * second, 440.0, |_| 0.1));
    let sink = Arc::new(DirSink::new());
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let clock = Clock::new(now.as_millis() as u64);
    let board = SharedBoard::new(Board::new(clock.wall_ms(0), None));
    let shared = shared(clock, board.clone());
    let settings = settings(320, 180, 15);
    let spec = MixSpec {
        epoch_ms: 0,
        output: settings.output,
        types: StreamTypes::Both,
        options: MixOptions {
            video_encoder: settings.video_encoder,
            ..MixOptions::default()
        },
        mp3: false,
        split_us: None,
    };
    let wishes = Wishes {
        paused: false,
        scene: scene(Layout::BestFit),
        subscription: everything(),
        present: Vec::new(),
    };
    let destination = Destination {
        sink: sink.clone(),
        hls: true,
        files: None,
        recorded_us: None,
        names: file_names().mix(),
        clock,
        board,
        targets: Targets::Public,
    };
    let recorder = MixedRecorder::start(spec, wishes, destination);
    let (rosters, roster_queue) = mpsc::channel(4);
    let captures = FakeCaptures::default();
    let (one, two) = (captures.session("1/camera"), captures.session("2/camera"));
    let (desired, desired_now) = watch::channel(Desired {
        epoch: 1,
        directive: Directive::Record,
        subscription: everything(),
        scene: Some(scene(Layout::BestFit)),
        keys: None,
        terms: Default::default(),
    });
    let (status, statuses) = watch::channel(Status::default());
    let rosters_now = FakeRosters(roster_queue);
    let recording = tokio::spawn(follow::run(
        shared,
        rosters_now,
        captures,
        recorder,
        desired_now,
        status,
    ));
    rosters.send(roster(&[("1", CAMERA), ("2", CAMERA)])).await.unwrap();
    let h264 = Format::H264(H264Format {
        sps: Default::default(),
        pps: Default::default(),
        width: 160,
        height: 90,
        reorder_depth: 0,
    });
    tokio::join!(send(one, clock, picture, h264), send(two, clock, sound, aac_format()));
    desired.send_modify(|desired| desired.directive = Directive::Stop(EndCause::Stopped));
    let ending = timeout(Duration::from_secs(10), recording).await.unwrap().unwrap();
    assert_eq!(ending, Ending::Over(EndCause::Stopped));

    let slices = sink.slices();
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0].playlist, playlist_key(TrackKind::Both));
    assert!(
        slices[0].name.starts_with("51d_room_") && slices[0].name.ends_with(".ts"),
        "{}",
        slices[0].name
    );
    assert_eq!(slices[0].tags.len(), 1);
    assert!(
        slices[0].tags[0].ends_with(&format!("TRACK_TYPE=AUDIO_VIDEO,TIME={}", slices[0].start_ms)),
        "{}",
        slices[0].tags[0]
    );
    assert!(slices[0].duration_us > 2_500_000, "{}", slices[0].duration_us);
    assert_eq!(complaints(&sink.playlist(&slices)), "");
    let status = statuses.borrow().clone();
    let counters = status.mix.unwrap();
    let frames = slices[0].duration_us * 15 / second;
    assert!(
        (frames - 1..=frames + 1).contains(&(counters.frames as i64)),
        "{counters:?}"
    );
    assert!(counters.samples > 0 && status.first_media_ms == Some(slices[0].start_ms));
    assert_eq!((status.problems, counters.frames_shed), (Vec::new(), 0));
}

#[test]
fn a_job_without_a_mix_or_with_one_that_cannot_be_made_is_refused() {
    let text = r#"{"sid": "0", "epoch": 1, "recorder": {"app_id": "a", "channel": "c", "uid": "1"}, "mode": "mix",
        "mix": {"output": {"width": 320, "height": 180, "fps": 15, "bitrate_kbps": 300, "audio": "mono48"},
            "scene": {"layout": {"type": "floating"}, "background": {"r": 0, "g": 0, "b": 0}}, "mp4": false},
        "source": {"type": "builtin"}, "playlist": {"strict_extinf": true},
        "subscription": {"version": 1, "types": "both", "audio": "all", "video": "all"},
        "storage": {"kind": "s3", "endpoint": "", "region": "", "bucket": "", "access_key": "",
            "secret_key": "", "prefix": ""}}"#;
    crate::media::init().unwrap();
    let job: Job = serde_json::from_str(text).unwrap();
    let options = MixOptions::default();
    assert_eq!(check(&job, &options), Ok(()));
    let code = |change: &dyn Fn(&mut Job, &mut MixOptions)| {
        let (mut job, mut options) = (job.clone(), options.clone());
        change(&mut job, &mut options);
        check(&job, &options).unwrap_err().code
    };
    assert_eq!(code(&|job, _| job.spec.mix = None), RefusalCode::BadJob);
    assert_eq!(
        code(&|job, _| job.spec.mix.as_mut().unwrap().output.width = 1_000_000),
        RefusalCode::BadJob
    );
    assert_eq!(
        code(&|_, options| options.video_encoder.name = "nonesuch".to_owned()),
        RefusalCode::Internal
    );
}
