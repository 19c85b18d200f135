//! Users who publish by RTMP: recorded, mixed and played like those of RTSP, and let in by the same tokens.

use std::time::Duration;

use protocol::TrackKind::{Audio, Video};
use serde_json::json;
use tapedeck_tests::heard::Sound;
use tapedeck_tests::mixed::Mixed;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::sync::{beeps, flashes, flashes_in, offsets};
use tapedeck_tests::{probe, wait};

use crate::channel_tokens::App;
use crate::composed::{await_frames, counters, verdict};
use crate::steps::{self, CAPTURE_LIMIT, record_for};

/// What a viewer does not notice, in seconds.
const TOGETHER: f64 = 0.080;

pub(crate) async fn users_are_recorded_and_mixed_beside_one_by_rtsp(stack: &Stack) {
    let seconds = 20;
    let (customer, cname) = (stack.customer(), "byrtmp");
    // x264's default has B-frames.
    let media = |pitch| Media::flash_and_beep().beeping_at(pitch);
    let mut users = Vec::new();
    for (number, join) in [
        &(|| Publisher::ffmpeg_by_rtmp(&stack.rtmp_url(cname, "1"), &media(1000), stack.logs()))
            as &dyn Fn() -> Publisher,
        &|| {
            Publisher::ffmpeg(
                &stack.publish_url(cname, "2"),
                &media(2000),
                Transport::Tcp,
                stack.logs(),
            )
        },
        &|| Publisher::ffmpeg_by_rtmp(&stack.rtmp_url(cname, "3"), &media(3000), stack.logs()),
    ]
    .into_iter()
    .enumerate()
    {
        users.push(join());
        wait::until("one more user", CAPTURE_LIMIT, async || {
            (stack.roster(cname).await.users.len() > number).then_some(())
        })
        .await;
    }
    let individual = customer.record(cname, |_| {}).await;
    let mix = customer
        .record_as("9001", "byrtmpmixed", "mix", cname, |request| {
            request["recordingConfig"]["transcodingConfig"] = json!({
                "width": 640, "height": 360, "fps": 30, "bitrate": 500, "mixedVideoLayout": 1,
            });
        })
        .await;
    steps::await_playlists(&customer, &individual, 6).await;
    await_frames(stack, &mix, 30).await;
    let streams = probe::played(&stack.publish_url(cname, "1"))
        .await
        .expect("it is played by RTSP");
    let codecs: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
    assert_eq!(codecs, ["h264", "aac"]);
    record_for(seconds).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    let verdict = verdict(&counters(stack, &mix).await);
    customer.stop(&mix).await.expect(200);
    steps::stop(&customer, &individual).await;

    let recording = Recording::fetch(&stack.bucket(), &individual).await;
    recording.check().await;
    for uid in ["1", "2", "3"] {
        let (audio, video) = (recording.track(uid, Audio), recording.track(uid, Video));
        for track in [audio, video] {
            assert!(track.duration() > seconds as f64, "{uid}: {} s", track.duration());
            assert_eq!(track.breaks(), 0, "{}", track.file_name());
        }
        let mut packets = video.slices.iter().flat_map(|slice| &slice.packets);
        assert!(
            packets.any(|packet| packet.pts - packet.dts > 0.05),
            "{uid}: no B-frames"
        );
        let apart = offsets(&flashes(&video.file).await, &beeps(&audio.file).await);
        assert!(apart.len() as u64 + 3 >= seconds, "{uid}: {} events", apart.len());
        assert!(apart.iter().all(|apart| apart.abs() <= TOGETHER), "{uid}: {apart:?}");
    }

    let mixed = Mixed::fetch(&stack.bucket(), &mix).await;
    mixed.check().await;
    let tracks = probe::starts(&mixed.slices[0].1).await;
    let sound = Sound::read(&mixed.file).await;
    for number in 0..3 {
        // The middle of the user's quarter.
        let (x, y) = (80 + number % 2 * 320, 45 + number / 2 * 180);
        let flashes = flashes_in(&mixed.file, &format!("crop=160:90:{x}:{y}")).await;
        let onsets = sound.onsets(1000 * (number + 1));
        let beeps: Vec<_> = onsets.into_iter().map(|beep| beep + tracks.audio).collect();
        let apart = offsets(&flashes, &beeps);
        let uid = number + 1;
        assert!(
            apart.len() as u64 + 3 >= seconds,
            "{uid}: {} events\n{verdict}",
            apart.len()
        );
        let mut worst: Vec<f64> = apart.iter().map(|apart| apart.abs()).collect();
        worst.sort_by(f64::total_cmp);
        let usual = worst[worst.len() * 95 / 100];
        assert!(usual <= TOGETHER, "{uid}: {apart:.3?}\n{verdict}");
    }
}

pub(crate) async fn a_token_lets_in_and_whoever_has_none_is_told(stack: &Stack) {
    let app = App::new(stack, &json!({})).await;
    let media = Media::picture_and_tone(320, 180).without_delay();
    let base = format!("{}/{}/lobby", stack.info.rtmp, app.app_id());
    let (own, play) = (
        app.token("lobby", "1", &["publish"]),
        app.token("lobby", "1", &["play"]),
    );
    for (url, said) in [
        (format!("{base}/1"), "asks for a channel token"),
        (format!("{base}/1?token=wrong"), "the channel token is refused"),
        (format!("{base}/2?token={own}"), "the channel token is refused"),
        (format!("{base}/1?token={play}"), "does not allow to publish"),
        (format!("{base}/1/nothing?token={own}"), "camera, low, screen"),
    ] {
        let mut publisher = Publisher::ffmpeg_by_rtmp(&url, &media, stack.logs());
        let output = publisher.ended(Duration::from_secs(60)).await;
        assert!(output.contains(said), "{url}: {output}");
        assert!(!output.contains("panicked"), "{output}");
    }
    // As a part of the server's address, which is how OBS has it, and as one of the stream key.
    for (stream, url) in [
        ("", format!("{base}?token={own}/1")),
        ("/screen", format!("{base}/1/screen?token={own}")),
    ] {
        let mut publisher = Publisher::ffmpeg_by_rtmp(&url, &media, stack.logs());
        played(stack, &app, stream, &play, &mut publisher).await;
        publisher.leave().await;
    }
    let mut publisher = Publisher::gstreamer_by_rtmp(&format!("{base}/1/low?token={own}"), stack.logs());
    played(stack, &app, "/low", &play, &mut publisher).await;
}

/// Waits until the picture and the sound of a stream of user 1 are played by RTSP.
async fn played(stack: &Stack, app: &App, stream: &str, token: &str, publisher: &mut Publisher) {
    let url = format!("{}/{}/lobby/1{stream}?token={token}", stack.info.rtsp, app.app_id());
    wait::until("the user is played", CAPTURE_LIMIT, async || {
        publisher.assert_alive();
        let streams = probe::played(&url).await?;
        let codecs: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
        (codecs == ["h264", "aac"]).then_some(())
    })
    .await;
}
