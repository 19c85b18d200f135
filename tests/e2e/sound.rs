//! What becomes of sound in each codec that is published, recorded by user and mixed.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use protocol::ProblemCode;
use protocol::TrackKind::Audio;
use serde_json::json;
use tapedeck_tests::heard::{ABSENT, PRESENT, Sound};
use tapedeck_tests::mixed::Mixed;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{probe, wait};

use crate::composed::{counters, verdict};
use crate::steps::{self, CAPTURE_LIMIT, record_for};

/// A user each for PCMU, PCMA, G.722, L16, MP3 and HE-AAC: the uid, the tone, and what is in the user's files. Telephones carry
/// no tone above 3400 Hz.
const USERS: [(&str, u32, &str); 6] = [
    ("1", 400, "aac"),
    ("2", 700, "aac"),
    ("3", 1100, "aac"),
    ("4", 1600, "aac"),
    ("5", 2300, "mp3"),
    ("6", 3000, "aac"),
];

/// HE-AAC at 48 kHz in stereo, a tone of 3000 Hz, of which a whole number of waves passes from its beginning to its end.
const HE_AAC: &str = "fixtures/he-aac.aac";

/// The length of the pieces in which sound is looked at, in seconds.
const WINDOW: f64 = 0.1;

/// What is left out at either end, where users come and go, in seconds.
const EDGE: f64 = 1.5;

fn publish(stack: &Stack, cname: &str, he_aac: &str) -> [Publisher; 6] {
    let [pcmu, pcma, g722, l16, mp3, he] = USERS.map(|(uid, tone, _)| (stack.publish_url(cname, uid), tone));
    let by_ffmpeg = |url: &str, media, transport| Publisher::ffmpeg(url, &media, transport, stack.logs());
    let by_gstreamer = |(url, tone): &(String, u32), coding, transport| {
        Publisher::gstreamer_tone(url, *tone, coding, transport, stack.logs())
    };
    [
        by_ffmpeg(
            &pcmu.0,
            Media::tone_in(pcmu.1, 8_000, "-c:a pcm_mulaw -ac 1"),
            Transport::Tcp,
        ),
        by_gstreamer(&pcma, "audio/x-raw,rate=8000,channels=1 ! alawenc", Transport::Udp),
        by_gstreamer(&g722, "audio/x-raw,rate=16000,channels=1 ! avenc_g722", Transport::Tcp),
        by_ffmpeg(
            &l16.0,
            Media::tone_in(l16.1, 44_100, "-c:a pcm_s16be -ac 2"),
            Transport::Tcp,
        ),
        by_ffmpeg(
            &mp3.0,
            Media::tone_in(mp3.1, 44_100, "-c:a libmp3lame -b:a 96k -ac 2"),
            Transport::Udp,
        ),
        by_ffmpeg(&he.0, Media::file(he_aac), Transport::Tcp),
    ]
}

/// The same codecs by other publishers, and Opus: GStreamer, FFmpeg by RTMP, and an FFmpeg that sends Opus in that.
fn publish_by_others(stack: &Stack, cname: &str) -> [Publisher; 6] {
    let [pcmu, pcma, g722, l16, mp3, opus] = USERS;
    let logs = stack.logs();
    let by_gstreamer = |(uid, tone, _): (&str, u32, &str), coding| {
        Publisher::gstreamer_tone(&stack.publish_url(cname, uid), tone, coding, Transport::Tcp, logs)
    };
    let by_rtmp = |(uid, tone, _): (&str, u32, &str), rate, coding| {
        Publisher::ffmpeg_by_rtmp(&stack.rtmp_url(cname, uid), &Media::tone_in(tone, rate, coding), logs)
    };
    [
        by_gstreamer(pcmu, "audio/x-raw,rate=8000,channels=1 ! mulawenc"),
        by_rtmp(pcma, 8_000, "-c:a pcm_alaw -ac 1"),
        Publisher::ffmpeg(
            &stack.publish_url(cname, g722.0),
            &Media::tone_in(g722.1, 16_000, "-c:a g722 -ac 1"),
            Transport::Udp,
            logs,
        ),
        by_gstreamer(l16, "audio/x-raw,format=S16BE,rate=44100,channels=2"),
        by_rtmp(mp3, 44_100, "-c:a libmp3lame -b:a 96k -ac 2"),
        Publisher::newer_ffmpeg(
            &stack.rtmp_url(cname, opus.0),
            &Media::tone_in(opus.1, 48_000, "-c:a libopus -b:a 64k -ac 2"),
            logs,
        ),
    ]
}

/// What is wrong with sound that is to hold these tones and no others, and may lack so many of its pieces.
fn faults(sound: &Sound, heard: &[u32], allowed: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let mut faint = Vec::new();
    let windows = ((sound.duration() - 2.0 * EDGE) / WINDOW).max(0.0) as usize;
    for at in (0..windows).map(|window| EDGE + window as f64 * WINDOW) {
        for (_, tone, _) in USERS {
            let wanted = heard.contains(&tone);
            // A mix brings what came late back by as much as half a per cent of its speed.
            let near = if wanted { tone / 200 } else { 0 };
            let pitches = (tone - near..=tone + near).step_by(4);
            let level = pitches.map(|pitch| sound.level(at, WINDOW, pitch)).fold(0.0, f64::max);
            if wanted && level < PRESENT {
                faint.push(format!("{tone} Hz at {at:.1} s, level {level:.3}"));
            }
            if !wanted && level > ABSENT {
                faults.push(format!("{tone} Hz at {at:.1} s, level {level:.3}"));
            }
        }
    }
    if faint.len() > allowed {
        faults.push(format!(
            "tones are faint in more than {allowed} windows of {windows}: {faint:?}"
        ));
    }
    faults
}

/// The fixture over and over, as long as the test may last.
async fn make_he_aac(dir: &Path) -> PathBuf {
    const TIMES: usize = 80;
    let fixture = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(HE_AAC)).expect("the fixture");
    let frames = dir.join("he.aac");
    std::fs::write(&frames, fixture.repeat(TIMES)).expect("a file");
    steps::make_media(dir, "he.m4a", &format!("-i {} -c copy", frames.display())).await
}

pub(crate) async fn each_codec_is_heard_by_itself_and_in_the_mix(stack: &Stack) {
    let dir = tempfile::tempdir().expect("a directory");
    let he_aac = make_he_aac(dir.path()).await;
    let cname = "sound";
    let users = publish(stack, cname, &he_aac.to_string_lossy());
    record_and_hear(stack, cname, users).await;
    if steps::is_soak() {
        let cname = "soundbyothers";
        record_and_hear(stack, cname, publish_by_others(stack, cname)).await;
    }
}

async fn record_and_hear(stack: &Stack, cname: &str, mut users: [Publisher; 6]) {
    let (customer, bucket) = (stack.customer(), stack.bucket());
    wait::until("all users have joined", CAPTURE_LIMIT, async || {
        (stack.roster(cname).await.users.len() == USERS.len()).then_some(())
    })
    .await;
    let individual = customer
        .record(cname, |request| {
            request["recordingConfig"]["streamTypes"] = json!(0);
        })
        .await;
    let mix = customer
        .record_as("9001", &format!("{cname}mix"), "mix", cname, |request| {
            request["recordingConfig"]["streamTypes"] = json!(0);
        })
        .await;
    steps::await_playlists(&customer, &individual, USERS.len()).await;
    for uid in USERS.map(|(uid, ..)| uid) {
        let played = probe::played(&stack.publish_url(cname, uid)).await;
        assert_eq!(played.map(|streams| streams.len()), Some(1), "{uid} is played on");
    }
    record_for(12).await;
    users.iter_mut().for_each(Publisher::assert_alive);
    let counted = counters(stack, &mix).await;
    let problems = stack.report(&individual.sid).await.expect("a report").problems;
    steps::stop(&customer, &individual).await;
    customer.stop(&mix).await.expect(200);
    // A machine that is busy makes publishers late.
    let other = problems.iter().find(|problem| problem.code != ProblemCode::SourceClock);
    assert!(other.is_none(), "{other:?}");

    let recording = Recording::fetch(&bucket, &individual).await;
    let expected: Vec<_> = USERS.iter().map(|(uid, ..)| (*uid, Audio)).collect();
    assert_eq!(recording.names(), expected);
    recording.check().await;
    join_all(USERS.map(async |(uid, tone, codec)| {
        let track = recording.track(uid, Audio);
        let streams = probe::streams(&track.file).await;
        assert_eq!(streams[0].codec_name, codec, "{uid}");
        assert_eq!(track.breaks(), 0, "{uid}");
        let sound = Sound::read(&track.file).await;
        let (told, long) = (track.duration(), sound.duration());
        assert!(
            told > 12.0 && (told - long).abs() < 0.2,
            "{uid}: {told} s told, {long} s long"
        );
        let faults = faults(&sound, &[tone], 1);
        assert!(faults.is_empty(), "{uid}: {faults:#?}");
    }))
    .await;

    let mixed = Mixed::fetch(&bucket, &mix).await;
    let sound = Sound::read(&mixed.file).await;
    let (told, long) = (mixed.duration(), sound.duration());
    assert!(told > 12.0 && (told - long).abs() < 0.2, "{told} s told, {long} s long");
    // Each piece that is missing makes two windows faint at most.
    let allowed = 2 * (counted.samples_missing as f64 / 48_000.0 / WINDOW).ceil() as usize;
    let faults = faults(&sound, &USERS.map(|(_, tone, _)| tone), allowed);
    assert!(faults.is_empty(), "{faults:#?}\n{}", verdict(&counted));
}
