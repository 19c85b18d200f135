//! The recording that a channel has by itself.

use protocol::{AudioProfile, FileFormat};

use super::*;
use crate::recording::Command;

fn begin(app: &App, mode: &str, body: &Value, channel: &str) -> Result<Call, String> {
    let automatic = Automatic {
        mode: mode.into(),
        body: Secret::new(body.to_string()),
    };
    let terms = StartTerms {
        targets: Targets::Any,
        now_ms: NOW,
        entropy: &entropy(9),
    };
    Polyv.automatic(&automatic, channel, app, terms)
}

fn app() -> App {
    App {
        house_storage: Some(house_storage()),
        ..App::new(APP, USER, "polyv", 1)
    }
}

#[test]
fn a_channel_is_recorded_into_a_place_of_its_own() {
    let call = begin(&app(), "mix", &json!({}), CHANNEL).unwrap();
    assert_eq!((call.key.channel.as_str(), call.key.uid.as_str()), (CHANNEL, "record"));
    let Command::Start(start) = call.command else {
        panic!("no start");
    };
    assert_eq!(start.spec.storage.prefix, format!("house/{APP}/{}", start.sid));
    let house = start.house.unwrap();
    assert_eq!(house.store, HouseStorage::id(&house_storage().storage));
    assert_eq!(house.kept_ms, Some(30 * 24 * 3_600_000));
    assert_eq!(house.label, r#"{"width":1280,"height":720}"#);
    let mix = start.spec.mix.unwrap();
    assert_eq!((mix.output.width, mix.output.height, mix.output.fps), (1280, 720, 25));
    assert_eq!(
        (mix.output.bitrate_kbps, mix.output.audio),
        (1_500, AudioProfile::Mono128)
    );
    assert!(mix.mp4);
    assert_eq!(start.spec.outputs.files, [FileFormat::Mp4]);
    assert!(start.spec.outputs.hls);
    assert_eq!(start.max_idle_ms, 30_000);
}

#[test]
fn each_setting_counts() {
    let body = json!({"formats": ["m3u8"], "width": 640, "height": 360, "fps": 15, "bitrate": 500, "maxIdleTime": 5});
    let Command::Start(start) = begin(&app(), "mix", &body, CHANNEL).unwrap().command else {
        panic!("no start");
    };
    let mix = start.spec.mix.unwrap();
    assert_eq!((mix.output.width, mix.output.height, mix.output.fps), (640, 360, 15));
    assert_eq!(
        (mix.output.bitrate_kbps, mix.mp4, start.max_idle_ms),
        (500, false, 5_000)
    );
}

#[test]
fn what_is_wrong_is_said() {
    let bare = App::new(APP, USER, "polyv", 1);
    for (app, mode, body, channel, part) in [
        (&app(), "individual", json!({}), CHANNEL, "mode"),
        (&app(), "mix", json!({"fps": 0}), CHANNEL, "body.fps"),
        (&app(), "mix", json!({"formats": ["flv"]}), CHANNEL, "body.formats"),
        (&app(), "mix", json!({"color": 1}), CHANNEL, "body.color"),
        (&app(), "mix", json!({}), "a/b", "channel"),
        (&bare, "mix", json!({}), CHANNEL, "house_storage"),
    ] {
        let problem = begin(app, mode, &body, channel).unwrap_err();
        assert!(problem.contains(part), "{problem}");
    }
}
