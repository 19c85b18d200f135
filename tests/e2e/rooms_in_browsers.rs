//! People in a room: two by the client for browsers, one on the page `/room`, and one by aiortc. Each sees and hears the others, and
//! the recording has all of them.

use reqwest::Method;
use serde_json::json;
use tapedeck_tests::heard::{PRESENT, Sound};
use tapedeck_tests::mixed::{Colour, pictures};
use tapedeck_tests::peers::Peers;
use tapedeck_tests::probe;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::uprtc::Uprtc;

use crate::browsers::Page;
use crate::room_nodes::peers_file;
use crate::rooms::{await_status, customer, fetch_record, text};
use crate::steps::{now_ms, record_for};

pub(crate) async fn people_see_and_hear_one_another(stack: &Stack) {
    let customer = customer(stack);
    let members = ["guanyu", "zhangfei", "zhaoyun", "machao"];
    let body = json!({"masterId": "liubei", "memberIds": members, "maxMemberNum": 4});
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let (room_id, code) = (text(&room["roomId"]), room["invitationCode"].to_string());
    let client = format!("{}{code}", text(&room["serverUrl"]));
    let green = peers_file(stack, "green", 1320).await;
    let mut peers = Peers::start(stack.logs(), "aiortc");
    let entered = peers.enter("zhangfei", &client, Some(&green)).await;
    assert_eq!(entered["role"], "member", "{entered}");
    let logs = stack.logs().to_string_lossy().into_owned();
    let mut page = Page::run("room.cjs", &[&stack.info.edge, &client, &code, "zhangfei", &logs]);
    let seen = page.line().await;
    assert_eq!(
        seen["refused"],
        json!({"stranger": "not-invited", "again": "joined-elsewhere"}),
        "{seen}"
    );
    // Sound and picture of a peer are one stream, which the browser plays in time.
    assert_eq!(seen["pairs"], json!([true, true, true, true]), "{seen}");
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

    peers
        .see("zhangfei", &[("liubei", "red", 440), ("guanyu", "blue", 880)])
        .await;
    peers.hear("zhangfei", &json!({"hello": "all"})).await;
    let door = async |opens: bool| {
        let path = format!("/room/{room_id}/join/enbale/{opens}");
        customer.done(Method::POST, &path, None).await;
    };
    for (peer, opens, code) in [
        ("stranger", true, 50_003),
        ("liubei", true, 50_006),
        ("machao", true, 50_012),
        ("machao", false, 50_022),
    ] {
        door(opens).await;
        let refused = peers.enter(peer, &client, None).await;
        assert_eq!(refused["refused"], code, "{peer}: {refused}");
    }

    let start = json!({"roomId": room_id, "resolution": "480p"});
    let record = customer.done(Method::POST, "/record/start", Some(&start)).await;
    let of_record = format!("/record/{}/status", text(&record["recordId"]));
    await_status(&customer, &of_record, 2).await;
    record_for(5).await;
    peers
        .see("zhangfei", &[("liubei", "red", 440), ("guanyu", "blue", 880)])
        .await;
    customer
        .done(Method::POST, &format!("/record/stop/{room_id}"), None)
        .await;
    let left = page.close().await;
    assert_eq!(left["complaints"], json!([]), "{left}");
    await_status(&customer, &of_record, 6).await;
    let file = fetch_record(&customer, stack, text(&record["recordId"]), "browsers.mp4").await;
    customer.done(Method::DELETE, &format!("/room/{room_id}"), None).await;
    peers.leave("zhangfei").await;
    is_shown_again(stack, &customer, text(&record["recordId"]), &mut peers).await;

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

/// Whoever comes to the room of a recording sees it, and hears all who are in it.
async fn is_shown_again(stack: &Stack, customer: &Uprtc, record_id: &str, peers: &mut Peers) {
    let body = json!({"recordId": record_id, "loopPlay": true, "endTime": now_ms() + 300_000});
    let room = customer.done(Method::POST, "/record/playback", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), text(&room["roomId"]));
    let entered = peers.enter("machao", &url, None).await;
    assert_eq!(entered["role"], "audience", "{entered}");
    for tone in [440, 880, 1320] {
        peers.see("machao", &[(record_id, "red+green+blue", tone)]).await;
    }
    let logs = stack.logs().to_string_lossy().into_owned();
    let mut page = Page::run("room.cjs", &[&stack.info.edge, &url, "watch", "zhaoyun", &logs]);
    let seen = page.line().await;
    assert_eq!(seen["complaints"], json!([]), "{seen}");
    peers.leave("machao").await;
    let path = format!("/room/{}", text(&room["roomId"]));
    customer.done(Method::DELETE, &path, None).await;
}
