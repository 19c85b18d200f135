//! Mode mix, and what goes with a recording of either mode: snapshots and decryption.

use super::*;
use crate::recording::{Command, Outcome, Unfit, UpdateLayout};
use protocol::{
    AudioProfile, Cipher, Colour, FileFormat, Layout, MixOutput, Mode, RecordingSpec, Scene, Snapshots, VideoQuality,
};

const CONFIG: &str = "/clientRequest/recordingConfig";

fn spec(mode: &str, changes: &[(&str, Option<Value>)]) -> RecordingSpec {
    let service = Service::new();
    let changed = changes
        .iter()
        .fold(start_body(), |body, (pointer, value)| set(body, pointer, value.clone()));
    let start = path(APP, &format!("resourceid/{}/mode/{mode}/start", service.resource_id()));
    let pending = service.pending(&post(&start, &changed));
    assert!(!format!("{pending:?}").contains("hunter2"));
    match &pending.call.command {
        Command::Start(start) => start.spec.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mixed_recording_has_a_picture_a_sound_and_a_scene() {
    let plain = spec("mix", &[]);
    assert_eq!(plain.mode, Mode::Mix);
    let mix = plain.mix.unwrap();
    let output = MixOutput {
        width: 360,
        height: 640,
        fps: 15,
        bitrate_kbps: 500,
        audio: AudioProfile::Mono48,
        in_order: false,
    };
    let scene = Scene {
        version: 1,
        ..Scene::default()
    };
    assert_eq!((mix.output, mix.scene, mix.mp4), (output, scene, false));

    let transcoding = json!({
        "width": 1280, "height": 720, "fps": 30, "bitrate": 2000, "mixedVideoLayout": 1, "backgroundColor": "#ff0000",
    });
    let full = spec(
        "mix",
        &[
            (
                "/clientRequest/recordingFileConfig/avFileType",
                Some(json!(["hls", "mp4"])),
            ),
            (&format!("{CONFIG}/subscribeUidGroup"), None),
            (&format!("{CONFIG}/transcodingConfig"), Some(transcoding)),
            (&format!("{CONFIG}/audioProfile"), Some(json!(2))),
            (&format!("{CONFIG}/videoStreamType"), Some(json!(1))),
        ],
    );
    assert_eq!(full.subscription.quality, VideoQuality::Low);
    let mix = full.mix.unwrap();
    assert_eq!((mix.output.width, mix.output.height, mix.output.fps), (1280, 720, 30));
    assert_eq!(
        (mix.output.bitrate_kbps, mix.output.audio),
        (2000, AudioProfile::Stereo192)
    );
    assert_eq!((mix.scene.layout, mix.mp4), (Layout::BestFit, true));
    assert_eq!(mix.scene.background, Colour { r: 255, g: 0, b: 0 });
}

#[test]
fn whole_files_are_written_in_both_modes_as_far_as_they_are_asked_for() {
    const FILES: &str = "/clientRequest/recordingFileConfig";
    for mode in ["individual", "mix"] {
        let outputs = |config| spec(mode, &[(FILES, Some(config))]).outputs;
        assert!(outputs(json!({})).is_default());
        assert!(outputs(json!({"avFileType": ["hls"]})).is_default());
        assert!(outputs(json!({"multivariantPlaylists": false})).is_default());
        assert!(outputs(json!({"multivariantPlaylists": true})).multivariant);
        let mp4 = outputs(json!({"avFileType": ["mp4", "hls"], "maxFileDuration": 600}));
        assert_eq!(
            (mp4.hls, mp4.files, mp4.max_ms),
            (true, vec![FileFormat::Mp4], Some(600_000))
        );
        let all = outputs(json!({"avFileType": ["mp3", "hls", "mp4", "m4a"]}));
        assert_eq!(all.files, [FileFormat::Mp4, FileFormat::M4a, FileFormat::Mp3]);
    }
    let sound = spec("mix", &[(FILES, Some(json!({"avFileType": ["hls", "mp3"]})))]);
    assert!(!sound.mix.unwrap().mp4, "an older node would write MP4");
}

#[test]
fn an_individual_recording_is_not_mixed() {
    let plain = spec("individual", &[]);
    assert_eq!((plain.mix, plain.snapshots, plain.decryption), (None, None, None));
}

#[test]
fn snapshots_are_taken_alone_or_beside_a_recording() {
    const SNAPSHOT: &str = "/clientRequest/snapshotConfig";
    let config = json!({"fileType": ["jpg"], "captureInterval": 5});
    let beside = spec("individual", &[(SNAPSHOT, Some(config.clone()))]);
    let expected = |interval_ms, alone| Some(Snapshots { interval_ms, alone });
    assert_eq!(beside.snapshots, expected(5_000, false));
    let no_files = ("/clientRequest/recordingFileConfig", None);
    let alone = spec("individual", &[(SNAPSHOT, Some(config)), no_files.clone()]);
    assert_eq!(alone.snapshots, expected(5_000, true));
    let default = spec(
        "individual",
        &[(SNAPSHOT, Some(json!({"fileType": ["jpg"]}))), no_files],
    );
    assert_eq!(default.snapshots, expected(10_000, true));
}

#[test]
fn channels_are_decrypted_in_three_ways() {
    for (number, cipher) in [(1, Cipher::Aes128Xts), (2, Cipher::Aes128Ecb), (3, Cipher::Aes256Xts)] {
        for mode in ["individual", "mix"] {
            let mode_and_secret = [
                (&*format!("{CONFIG}/decryptionMode"), Some(json!(number))),
                (&*format!("{CONFIG}/secret"), Some(json!("hunter2"))),
            ];
            let decryption = spec(mode, &mode_and_secret).decryption.unwrap();
            assert_eq!((decryption.cipher, decryption.secret.expose()), (cipher, "hunter2"));
        }
    }
    let unused = spec("individual", &[(&format!("{CONFIG}/secret"), Some(json!("hunter2")))]);
    assert_eq!(unused.decryption, None);
}

fn update_layout(service: &Service, client_request: &Value) -> Step {
    let call = format!("resourceid/{}/sid/{SID}/mode/mix/updateLayout", service.resource_id());
    let request = json!({"cname": "demo", "uid": "527841", "clientRequest": client_request});
    service.send(&post(&path(APP, &call), &request))
}

#[test]
fn update_layout_replaces_the_whole_scene() {
    let service = Service::new();
    let vertical = json!({"mixedVideoLayout": 2, "maxResolutionUid": "7"});
    let Step::Call(pending) = update_layout(&service, &vertical) else {
        panic!()
    };
    let Command::UpdateLayout(update) = &pending.call.command else {
        panic!("{pending:?}")
    };
    let UpdateLayout { target, scene, .. } = &**update;
    assert_eq!(target.sid, SID);
    let large_uid = Some("7".to_owned());
    let expected = Scene {
        version: 1,
        layout: Layout::Vertical {
            large_uid,
            large_speaker: false,
        },
        ..Scene::default()
    };
    assert_eq!(*scene, expected);

    let updated = pending.render(&Outcome::Updated);
    let answer = body(&updated);
    assert_eq!((updated.status, &answer["sid"]), (200, &json!(SID)));
    assert!(
        answer["resourceId"].is_string() && answer.get("code").is_none(),
        "{answer}"
    );
    let refused = pending.render(&Outcome::Unfit(Unfit::NotMixed));
    assert_error(&refused, 400, 1028, "the recording is not mixed");
}
