//! The setting of a channel's callback.

use super::*;
use crate::access::ChannelCallback;

const GET: &str = "/live/v3/channel/callback/get-setting";
const UPDATE: &str = "/live/v3/channel/callback/update-setting";

fn setting(bench: &Bench) -> Value {
    data(&bench.answer(&signed("GET", GET, &[("channelId", CHANNEL)])))
}

fn update(bench: &Bench, params: &[(&str, &str)]) -> Response {
    let params = [&[("channelId", CHANNEL)], params].concat();
    let request = signed("POST", UPDATE, &params);
    // What is given and empty is not signed, but sent.
    bench.answer(&request)
}

fn callback(bench: &Bench) -> Option<(String, Option<Vec<u32>>)> {
    let set = run(bench.directory().channel_callback(APP, CHANNEL)).unwrap();
    let callback = ChannelCallback::of(set, bench.app().callback)?;
    Some((callback.url.expose().to_owned(), callback.events))
}

#[test]
fn without_a_setting_the_accounts_counts() {
    let bench = Bench::new();
    data(&bench.answer(&signed("POST", &set_callback(), &[("url", "https://account/")])));
    assert_eq!(
        setting(&bench),
        json!({
            "channelId": CHANNEL,
            "recordCallbackVideoType": "m3u8,mp4",
            "recordCallbackUrl": "",
            "playbackCallbackUrl": "",
            "streamCallbackUrl": "",
            "pptRecordCallbackUrl": "",
            "liveScanCallbackUrl": "",
            "playbackCacheCallbackUrl": "",
            "globalSettingEnabled": "Y",
        })
    );
    assert_eq!(callback(&bench), Some(("https://account/".into(), None)));
}

#[test]
fn a_channels_setting_is_changed_part_by_part() {
    let bench = Bench::new();
    data(&bench.answer(&signed("POST", &set_callback(), &[("url", "https://account/")])));
    data(&update(&bench, &[("recordCallbackVideoType", "mp4")]));
    assert_eq!(callback(&bench), Some(("https://account/".into(), Some(vec![2]))));
    data(&update(&bench, &[("recordCallbackUrl", "https://channel/")]));
    assert_eq!(callback(&bench), Some(("https://channel/".into(), Some(vec![2]))));
    let shown = setting(&bench);
    assert_eq!(shown["recordCallbackUrl"], "https://channel/");
    assert_eq!(shown["recordCallbackVideoType"], "mp4");
    assert_eq!(shown["globalSettingEnabled"], "N");
    data(&update(&bench, &[("recordCallbackUrl", "")]));
    assert_eq!(callback(&bench), Some(("https://account/".into(), Some(vec![2]))));
    data(&update(&bench, &[("recordCallbackVideoType", "")]));
    assert_eq!(callback(&bench), Some(("https://account/".into(), None)));
    assert_eq!(setting(&bench)["globalSettingEnabled"], "Y");
}

#[test]
fn both_formats_in_any_order() {
    let bench = Bench::new();
    for (names, numbers) in [("m3u8", vec![1]), ("mp4,m3u8", vec![1, 2]), ("m3u8,mp4", vec![1, 2])] {
        data(&update(
            &bench,
            &[("recordCallbackUrl", "https://c/"), ("recordCallbackVideoType", names)],
        ));
        assert_eq!(callback(&bench), Some(("https://c/".into(), Some(numbers))));
    }
}

#[test]
fn what_cannot_be_set_is_refused_by_name() {
    let bench = Bench::new();
    for (params, message) in [
        (
            &[("recordCallbackVideoType", "flv")][..],
            "param validate error: recordCallbackVideoType",
        ),
        (
            &[("streamCallbackUrl", "https://h/")],
            "param validate error: streamCallbackUrl",
        ),
        (
            &[("playbackCallbackUrl", "https://h/")],
            "param validate error: playbackCallbackUrl",
        ),
        (&[("recordCallbackUrl", "h/")], "url format error."),
    ] {
        assert_refused(&update(&bench, params), 400, message);
    }
    data(&update(&bench, &[("streamCallbackUrl", "")]));
    for channel in ["", "a/b", &"1".repeat(65)] {
        let request = signed("GET", GET, &[("channelId", channel)]);
        assert_refused(&bench.answer(&request), 400, "param validate error: channelId");
    }
}
