//! The parameters of init and of layouts: each with its default, its range, and what is said of a value outside it.

use protocol::{
    AudioProfile, ChannelType, Colour, CustomRegion, FileFormat, Fill, Layout, MixOutput, NamePart, Selection,
    StreamKind, StreamTypes, Text, TextContent, Tiles,
};
use serde_json::json;

use super::*;
use crate::recording::{ScenePart, Start, UpdateLayout};

pub(super) const INIT: &str = "/v1/record/init";
pub(super) const LAYOUT: &str = "/v1/record/set/layout";
const OVERLAY: &str = "/v1/record/set-output-overlay";

pub(super) fn init_body(extra: &Value) -> Value {
    let mut body = json!({"group_id": GROUP, "seq": "s-1"});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

pub(super) fn start(extra: &Value) -> Start {
    let bench = Bench::new();
    let done = bench.run(&bench.post(INIT, &init_body(extra)), &[]);
    match done.commands.first() {
        Some(Command::Start(start)) => *start.clone(),
        other => panic!("{extra}: {other:?}, {}", body(&done.response)),
    }
}

/// What a call with a value that must not be is answered, whatever the task.
fn refusal(path: &str, body_of_call: &Value) -> Value {
    let bench = Bench::new().with_task(Standing::Capturing);
    let done = bench.run(&bench.post(path, body_of_call), &[Some(Outcome::Updated)]);
    assert!(done.commands.is_empty(), "{body_of_call} is carried out");
    body(&done.response)
}

#[test]
fn what_init_leaves_out_has_its_documented_default() {
    let start = start(&json!({}));
    let mix = start.spec.mix.unwrap();
    let output = MixOutput {
        width: 1920,
        height: 1080,
        fps: 30,
        bitrate_kbps: 4_354,
        audio: AudioProfile::Mono128,
        in_order: false,
    };
    assert_eq!(mix.output, output);
    assert_eq!(mix.scene.layout, Layout::Custom { regions: vec![] });
    assert_eq!(start.spec.outputs.files, [FileFormat::Mp4]);
    assert_eq!(
        (start.spec.outputs.hls, start.spec.outputs.max_ms),
        (false, Some(3_600_000))
    );
    assert_eq!(start.spec.subscription.types, StreamTypes::Both);
    assert_eq!(start.spec.channel_type, ChannelType::Live);
    assert_eq!((start.max_idle_ms, start.waits_ms), (600_000, Some(600_000)));
    let label = Label::read(&start.house.unwrap().label).unwrap();
    assert_eq!(
        (label.file_name, label.auto),
        (format!("20200220115205_{}", start.sid), None)
    );
    assert_eq!(start.spec.storage.prefix, format!("house/{APP}/{}", start.sid));
}

#[test]
fn what_init_gives_is_taken_over() {
    let given = json!({
        "file_name": "第一课", "file_type": 1, "file_duration": 15, "width": 1280, "height": 720, "record_mode": 0,
        "frame_rate": 15, "timeout": 10, "company_id": 7, "white_board": 1,
    });
    let start = start(&given);
    let mix = start.spec.mix.unwrap();
    assert_eq!(
        (mix.output.width, mix.output.height, mix.output.fps, mix.mp4),
        (1280, 720, 15, false)
    );
    assert_eq!(start.spec.outputs.files, [FileFormat::Mp3]);
    assert_eq!(start.spec.outputs.max_ms, Some(900_000));
    assert_eq!(start.spec.subscription.types, StreamTypes::Audio);
    assert_eq!((start.max_idle_ms, start.waits_ms), (10_000, Some(10_000)));
    assert_eq!(start.spec.files.names.stem, [NamePart::Text("第一课".into())]);
    let label = Label::read(&start.house.unwrap().label).unwrap();
    assert_eq!((label.company_id.as_deref(), label.audio_only), (Some("7"), true));
    // The values that the vendor's sample has are far from what an encoder likes, and are taken all the same.
    let tiny = super::defaults::start(&json!({"width": 1, "height": 10}));
    let output = tiny.spec.mix.unwrap().output;
    assert_eq!((output.width, output.height), (2, 10));
}

#[test]
fn automatic_tasks_begin_at_once_with_a_layout_of_their_own() {
    let tiles = |most, fill, board: bool| {
        let mut order = vec![StreamKind::Screen, StreamKind::Camera];
        order.extend(board.then_some(StreamKind::Whiteboard));
        Tiles { most, fill, order }
    };
    let even = |most, fill, board| Layout::Even {
        tiles: tiles(most, fill, board),
    };
    let master = |large_uid: Option<&str>, large_stream| Layout::Master {
        large_uid: large_uid.map(str::to_owned),
        large_stream,
        tiles: tiles(9, Fill::Crop, true),
    };
    for (auto, expected) in [
        (json!({}), even(9, Fill::Crop, true)),
        (
            json!({"type": 1, "media_type": 2, "media_count": 4, "crop_mode": 3}),
            even(4, Fill::Fit, true),
        ),
        (json!({"crop_mode": 1}), even(9, Fill::Stretch, true)),
        (json!({"crop_mode": 2}), even(9, Fill::Crop, true)),
        (json!({"type": 2}), master(None, None)),
        (json!({"type": 2, "user_id": 2}), master(Some("2"), None)),
        (
            json!({"type": 2, "user_id": "u", "main_media_type": 0}),
            master(Some("u"), Some(StreamKind::Screen)),
        ),
        (
            json!({"type": 2, "main_media_type": 2}),
            master(None, Some(StreamKind::Camera)),
        ),
        (
            json!({"type": 2, "main_media_type": 4}),
            master(None, Some(StreamKind::Whiteboard)),
        ),
    ] {
        let start = start(&json!({"auto": auto}));
        assert_eq!(start.spec.mix.unwrap().scene.layout, expected, "{auto}");
        assert_eq!(start.waits_ms, None, "{auto}");
    }
    let start = start(&json!({"auto": {}, "white_board": 0}));
    assert_eq!(start.spec.mix.unwrap().scene.layout, even(9, Fill::Crop, false));
}

#[test]
fn each_value_outside_its_range_is_named() {
    for (field, below, above) in [
        ("file_duration", json!(14), json!(301)),
        ("width", json!(0), json!(1921)),
        ("height", json!(0), json!(1081)),
        ("frame_rate", json!(0), json!(31)),
        ("timeout", json!(4), json!(1801)),
        ("file_type", json!(-1), json!(2)),
        ("record_mode", json!("x"), json!(1)),
        ("white_board", json!(1.5), json!(2)),
        ("file_name", json!("a/b"), json!("x".repeat(129))),
        ("group_id", json!({}), json!("a/b")),
        ("auto", json!([]), json!(1)),
    ] {
        for value in [below, above] {
            let mut given = init_body(&json!({}));
            given[field] = value.clone();
            let reply = refusal(INIT, &given);
            assert_eq!(reply["code"], 6_050_030_003_u64, "{field} {value}: {reply}");
            assert_eq!(reply["seq"], "s-1");
            let msg = reply["msg"].as_str().unwrap();
            assert!(msg.contains(field), "{field} {value}: {msg}");
        }
    }
    for (field, below, above) in [
        ("type", json!(0), json!(3)),
        ("media_type", json!(0), json!(3)),
        ("media_count", json!(0), json!(10)),
        ("crop_mode", json!(0), json!(4)),
        ("main_media_type", json!(1), json!(3)),
        ("user_id", json!("a/b"), json!([])),
    ] {
        for value in [below, above] {
            let reply = refusal(INIT, &init_body(&json!({"auto": {field: value}})));
            assert_eq!(reply["code"], 6_050_030_003_u64, "auto.{field} {value}: {reply}");
        }
    }
    let bench = Bench::new();
    let reply = body(&bench.send(&bench.post(INIT, &json!({}))));
    assert_eq!(
        (&reply["code"], &reply["msg"]),
        (
            &json!(6_050_030_003_u64),
            &json!("parameter error: group_id is required")
        )
    );
}

fn layout(given: &Value) -> UpdateLayout {
    update(LAYOUT, given)
}

fn update(path: &str, given: &Value) -> UpdateLayout {
    let bench = Bench::new().with_task(Standing::Capturing);
    let mut whole = json!({"record_id": record_id(), "seq": 5});
    whole
        .as_object_mut()
        .unwrap()
        .extend(given.as_object().unwrap().clone());
    let done = bench.run(&bench.post(path, &whole), &[Some(Outcome::Updated)]);
    let reply = body(&done.response);
    assert_eq!(
        reply,
        json!({"code": 0, "msg": "OK", "seq": 5, "record_id": record_id()})
    );
    match done.commands.first() {
        Some(Command::UpdateLayout(update)) => *update.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_layout_places_pictures_by_pixels() {
    let update = layout(&json!({
        "audio_list": [
            {"user_id": "Paul_ID", "media_id": 1, "media_type": 1},
            {"user_id": "Jack_ID", "media_id": "appdef_mic", "media_type": 1},
            {"user_id": "Jack_ID", "media_id": "appdef_mic_magic", "media_type": 1},
        ],
        "video_list": [
            {"user_id": "Jack_ID", "media_id": 0, "media_type": 2, "crop_mode": 3, "w": 640, "h": 360},
            {"user_id": 7, "media_id": "0", "media_type": 0, "x": 640, "y": 360, "w": 1920, "h": 1080},
            {"user_id": "P", "media_id": "whiteboard2", "media_type": 4, "crop_mode": 2},
            // Nothing of these would be seen.
            {"user_id": "right", "media_id": "0", "media_type": 2, "x": 1280},
            {"user_id": "below", "media_id": "0", "media_type": 2, "y": 1080},
        ],
    }));
    let region = |uid: &str, stream, [x, y, width, height]: [f64; 4], fill| CustomRegion {
        uid: Some(uid.to_owned()),
        stream: Some(stream),
        x,
        y,
        width,
        height,
        alpha: 1.0,
        fill,
    };
    let regions = vec![
        region("Jack_ID", StreamKind::Camera, [0.0, 0.0, 0.5, 0.5], Fill::Fit),
        region("7", StreamKind::Screen, [0.5, 0.5, 0.5, 0.5], Fill::Stretch),
        region("P", StreamKind::Whiteboard, [0.0, 0.0, 0.25, 240.0 / 720.0], Fill::Crop),
    ];
    assert_eq!(update.scene.layout, Layout::Custom { regions });
    assert_eq!(
        update.audio,
        Some(Selection::Only(vec!["Jack_ID".into(), "Paul_ID".into()]))
    );
    assert_eq!((update.part, update.begins), (ScenePart::ButTexts, true));
}

#[test]
fn what_a_layout_leaves_out_stays_and_what_is_empty_is_nobody() {
    let update = layout(&json!({}));
    assert_eq!(
        (update.part, update.audio, update.begins),
        (ScenePart::Nothing, None, true)
    );
    let update = layout(&json!({"audio_list": [], "video_list": []}));
    assert_eq!(
        (update.part, update.audio),
        (ScenePart::ButTexts, Some(Selection::None))
    );
    assert_eq!(update.scene.layout, Layout::Custom { regions: vec![] });
}

#[test]
fn each_wrong_picture_and_voice_is_named() {
    let video = |field: &str, value: Value| {
        let mut video = json!({"user_id": "u", "media_id": "0", "media_type": 2});
        video[field] = value;
        json!({"record_id": record_id(), "video_list": [video]})
    };
    for (field, value) in [
        ("user_id", Value::Null),
        ("media_type", Value::Null),
        ("media_type", json!(1)),
        ("media_type", json!(3)),
        ("x", json!(-1)),
        ("x", json!(1921)),
        ("y", json!(1081)),
        ("w", json!(0)),
        ("w", json!(1921)),
        ("h", json!(0)),
        ("h", json!(1081)),
        ("crop_mode", json!(0)),
        ("crop_mode", json!(4)),
    ] {
        let reply = refusal(LAYOUT, &video(field, value.clone()));
        assert_eq!(reply["code"], 6_050_030_003_u64, "{field} {value}: {reply}");
        assert!(
            reply["msg"]
                .as_str()
                .unwrap()
                .contains(&format!("video_list[0].{field}")),
            "{reply}"
        );
    }
    for voice in [
        json!({"media_type": 1}),
        json!({"user_id": "u", "media_type": 2}),
        json!(1),
    ] {
        let reply = refusal(LAYOUT, &json!({"record_id": record_id(), "audio_list": [voice]}));
        assert_eq!(reply["code"], 6_050_030_003_u64, "{reply}");
    }
}

#[test]
fn texts_are_set_over_the_picture() {
    let update = update(
        OVERLAY,
        &json!({"subtitle_list": [
            {"content": "第一课"},
            {"x": 640, "y": 360, "type": 2, "color": 0xFF8000, "size": 60, "transparency": 50},
        ]}),
    );
    assert_eq!(update.part, ScenePart::Texts);
    assert!(!update.begins);
    let white = Colour { r: 255, g: 255, b: 255 };
    let expected = [
        Text {
            x: 0.0,
            y: 0.0,
            content: TextContent::Fixed("第一课".into()),
            colour: white,
            size_px: 30,
            opacity: 1.0,
        },
        Text {
            x: 0.5,
            y: 0.5,
            content: TextContent::Time {
                utc_offset_minutes: 480,
            },
            colour: Colour { r: 255, g: 128, b: 0 },
            size_px: 60,
            opacity: 0.5,
        },
    ];
    assert_eq!(update.scene.texts, expected);
    for subtitle in [
        json!({}),
        json!({"content": "x", "size": 0}),
        json!({"content": "x", "size": 201}),
        json!({"content": "x", "transparency": 101}),
        json!({"content": "x", "type": 3}),
        json!({"content": "x", "color": 0x1000000}),
        json!({"content": "x".repeat(1_025)}),
        json!({"content": "x", "x": 1921}),
    ] {
        let reply = refusal(OVERLAY, &json!({"record_id": record_id(), "subtitle_list": [subtitle]}));
        assert_eq!(reply["code"], 6_050_030_003_u64, "{subtitle}");
    }
    let reply = refusal(
        OVERLAY,
        &json!({"record_id": record_id(), "logo_list": [{"file_path": "x"}]}),
    );
    assert_eq!(reply["code"], 6_050_030_003_u64);
}
