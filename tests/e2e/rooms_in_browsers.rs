//! People in a room: two by the client for browsers, one on the page `/room`, and one who comes by RTSP. Each sees and hears the
//! others, and the recording has all of them.

use reqwest::Method;
use serde_json::json;
use tapedeck_tests::heard::{PRESENT, Sound};
use tapedeck_tests::mixed::{Colour, pictures};
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;

use crate::browsers::Page;
use crate::rooms::{await_status, customer, fetch_record, text};
use crate::steps::record_for;

pub(crate) async fn people_see_and_hear_one_another(stack: &Stack) {
    let customer = customer(stack);
    let body = json!({"masterId": "liubei", "memberIds": ["guanyu", "zhangfei", "zhaoyun"]});
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let (room_id, code) = (text(&room["roomId"]), room["invitationCode"].to_string());
    let url = format!("{}/{}/{room_id}/zhangfei", stack.info.rtsp, customer.info.app_id);
    let media = Media::plain_and_tone("green", 1320).in_opus().without_delay();
    let mut zhangfei = Publisher::ffmpeg(&url, &media, Transport::Tcp, stack.logs());
    let client = format!("{}{code}", text(&room["serverUrl"]));
    let logs = stack.logs().to_string_lossy().into_owned();
    let mut page = Page::run("room.cjs", &[&stack.info.edge, &client, &code, "zhangfei", &logs]);
    let seen = page.line().await;
    assert_eq!(
        seen["refused"],
        json!({"stranger": "not-invited", "again": "joined-elsewhere"}),
        "{seen}"
    );
    assert_eq!(
        seen["states"],
        json!(["connected", "reconnecting", "connected"]),
        "{seen}"
    );
    assert_eq!(
        seen["width"], 360,
        "a phone shows it without scrolling sideways: {seen}"
    );
    assert_eq!(seen["faults"], json!([]), "somebody cannot use the page");

    let start = json!({"roomId": room_id, "resolution": "480p"});
    let record = customer.done(Method::POST, "/record/start", Some(&start)).await;
    let of_record = format!("/record/{}/status", text(&record["recordId"]));
    await_status(&customer, &of_record, 2).await;
    record_for(5).await;
    zhangfei.assert_alive();
    customer
        .done(Method::POST, &format!("/record/stop/{room_id}"), None)
        .await;
    let left = page.close().await;
    assert_eq!(left["complaints"], json!([]), "{left}");
    await_status(&customer, &of_record, 6).await;
    let file = fetch_record(&customer, stack, text(&record["recordId"]), "browsers.mp4").await;
    customer.done(Method::DELETE, &format!("/room/{room_id}"), None).await;

    let middle = probe::duration(&file).await / 2.0;
    let shown = pictures(&file, 1).await;
    let picture = &shown[middle as usize];
    let points = (0..20).flat_map(|x| (0..20).map(move |y| ((f64::from(x) + 0.5) / 20.0, (f64::from(y) + 0.5) / 20.0)));
    let colours: Vec<_> = points.map(|point| picture.at(point)).collect();
    for colour in [Colour::Red, Colour::Green, Colour::Blue] {
        assert!(
            colours.contains(&colour),
            "{colour:?} is not in the recording: {colours:?}"
        );
    }
    let heard = Sound::read(&file).await;
    for frequency in [440, 880, 1320] {
        // A browser stretches and shortens sound here and there, so long tones are not the sums of their parts.
        let parts = (5..15).map(|part| heard.level(middle - 1.0 + f64::from(part) / 10.0, 0.1, frequency));
        let levels: Vec<_> = parts.collect();
        // Two of the three are so loud that the mix is turned down, as a whole.
        let present = levels.iter().filter(|level| **level >= PRESENT / 2.0).count();
        assert!(present > 5, "{frequency} Hz is not in the recording: {levels:?}");
    }
}
