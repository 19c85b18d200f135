//! Rooms, as the edge asks for them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use protocol::{
    RoomAction, RoomAsk, RoomConnect, RoomDirection, RoomEvent, RoomRefusal, RoomReply, RoomSlot, RoomSlots, RoomSource,
};
use str0m::media::Mid;

use super::support::{Client, Server, header, until};
use crate::channel::StreamPath;
use crate::hub::{Overflow, rtp};

/// Of VP8: a keyframe and another picture. The last byte is the sender's.
pub(super) const KEYFRAME: [u8; 2] = [0x10, 0x00];
const PICTURE: [u8; 2] = [0x10, 0x01];
const PATIENCE: Duration = Duration::from_secs(20);

async fn ask(server: &Server, action: RoomAction) -> RoomReply {
    let ask = RoomAsk {
        app_id: "a".to_owned(),
        room_id: "room".to_owned(),
        action,
    };
    server.rtc.room(&ask).await
}

pub(super) fn connect(peer: &str, sdp: &str, sources: Option<&[(Mid, RoomSource)]>) -> RoomConnect {
    let direction = match sources {
        Some(sources) => RoomDirection::Publish {
            sources: sources.iter().map(|(mid, source)| (mid.to_string(), *source)).collect(),
        },
        None => RoomDirection::Subscribe,
    };
    RoomConnect {
        connection: format!("{peer}-{}", if sources.is_some() { "pub" } else { "sub" }),
        peer_id: peer.to_owned(),
        sdp: sdp.to_owned(),
        direction,
        protocol: 2,
        min_bitrate: 600_000,
        max_bitrate: 3_000_000,
    }
}

pub(super) async fn answer(server: &Server, wish: RoomConnect) -> String {
    match ask(server, RoomAction::Connect(wish)).await {
        RoomReply::Answer { sdp } => sdp,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn publishing(server: &Server, peer: &str) -> Client {
    enters(server, peer, Client::publisher().await).await
}

/// A publisher with its offer becomes a peer.
pub(super) async fn enters(server: &Server, peer: &str, (mut client, offer): (Client, String)) -> Client {
    let sources = [(client.video, RoomSource::Camera), (client.audio, RoomSource::Audio)];
    client.answered(&answer(server, connect(peer, &offer, Some(&sources))).await);
    client.connect().await;
    until("published", || server.is_live(&format!("/a/room/{peer}"))).await;
    client
}

pub(super) async fn viewing(server: &Server, peer: &str) -> Client {
    let (mut client, offer) = Client::player().await;
    client.answered(&answer(server, connect(peer, &offer, None)).await);
    client.connect().await;
    client
}

pub(super) fn slot(peer: &str, source: RoomSource) -> RoomSlot {
    RoomSlot {
        room_id: "room".to_owned(),
        peer_id: peer.to_owned(),
        source,
        height: None,
        paused: false,
    }
}

pub(super) async fn map(server: &Server, viewer: &str, slots: &[(Mid, Option<RoomSlot>)]) {
    let slots = RoomSlots {
        connection: format!("{viewer}-sub"),
        map: slots
            .iter()
            .map(|(mid, slot)| (mid.to_string(), slot.clone()))
            .collect::<BTreeMap<_, _>>(),
    };
    assert_eq!(ask(server, RoomAction::Slots(vec![slots])).await, RoomReply::Done);
}

pub(super) fn with(picture: [u8; 2], sender: u8) -> Vec<u8> {
    [&picture[..], &[sender; 20]].concat()
}

/// The senders of what a slot got, one after another without repetition.
fn senders(viewer: &mut Client, mid: Mid) -> Vec<u8> {
    let mut senders: Vec<u8> = viewer
        .payloads_of(mid)
        .iter()
        .map(|(_, _, payload)| *payload.last().unwrap())
        .collect();
    senders.dedup();
    senders
}

#[tokio::test]
async fn a_slot_shows_one_peer_after_another_without_a_gap() {
    let server = Server::start().await;
    let (mut one, mut two) = (publishing(&server, "1").await, publishing(&server, "2").await);
    let mut viewer = viewing(&server, "3").await;
    let (video, audio) = (viewer.video, viewer.audio);
    let of = |peer| {
        [
            (video, Some(slot(peer, RoomSource::Camera))),
            (audio, Some(slot(peer, RoomSource::Audio))),
        ]
    };
    map(&server, "3", &of("1")).await;
    let began = Instant::now();
    while viewer.payloads_of(video).len() < 5 || viewer.payloads_of(audio).len() < 5 {
        // Nothing can be shown before the keyframe, for which the publisher is asked.
        let picture = if one.keyframes_asked == 0 { PICTURE } else { KEYFRAME };
        one.send(&with(picture, 1)).await;
        two.send(&with(PICTURE, 2)).await;
        viewer.turn().await;
        assert!(began.elapsed() < PATIENCE, "nothing comes");
    }
    assert_eq!(senders(&mut viewer, video), [1]);
    assert!(viewer.payloads_of(video)[0].2.starts_with(&KEYFRAME));
    map(&server, "3", &of("2")).await;
    let asked = two.keyframes_asked;
    let began = Instant::now();
    while two.keyframes_asked == asked || senders(&mut viewer, audio) != [1, 2] {
        one.send(&with(KEYFRAME, 1)).await;
        two.send(&with(PICTURE, 2)).await;
        viewer.turn().await;
        assert!(began.elapsed() < PATIENCE, "the sound does not change");
    }
    assert_eq!(senders(&mut viewer, video), [1]);
    let began = Instant::now();
    while senders(&mut viewer, video) != [1, 2] {
        two.send(&with(KEYFRAME, 2)).await;
        viewer.turn().await;
        assert!(began.elapsed() < PATIENCE, "the picture does not change");
    }
    for mid in [video, audio] {
        let packets = viewer.payloads_of(mid);
        let goes_on =
            |pair: &[(u64, u32, Vec<u8>)]| pair[1].0 == pair[0].0 + 1 && (pair[1].1.wrapping_sub(pair[0].1) as i32) > 0;
        assert!(packets.windows(2).all(goes_on), "{packets:?}");
    }
}

#[tokio::test]
async fn a_picture_that_a_client_cannot_play_is_told_of_and_the_sound_goes_on() {
    let server = Server::start().await;
    let mut one = publishing(&server, "1").await;
    let (mut viewer, offer) = Client::player_of_h264().await;
    viewer.answered(&answer(&server, connect("3", &offer, None)).await);
    viewer.connect().await;
    let slots = [
        (viewer.video, Some(slot("1", RoomSource::Camera))),
        (viewer.audio, Some(slot("1", RoomSource::Audio))),
    ];
    map(&server, "3", &slots).await;
    let began = Instant::now();
    while viewer.payloads_of(viewer.audio).len() < 5 {
        one.send(&with(KEYFRAME, 1)).await;
        viewer.turn().await;
        assert!(began.elapsed() < PATIENCE, "no sound comes");
    }
    let told = async {
        loop {
            let news = server.rtc.room_news().await;
            if let Some(unshown) = news.into_iter().flat_map(|news| news.unshown).next() {
                return unshown;
            }
        }
    };
    let unshown = tokio::time::timeout(PATIENCE, told).await.unwrap();
    assert_eq!(
        (unshown.connection, unshown.mid),
        ("3-sub".to_owned(), viewer.video.to_string())
    );
    assert!(unshown.reason.contains("VP8"), "{}", unshown.reason);
}

#[tokio::test]
async fn what_is_paused_or_emptied_is_not_sent_and_a_peer_who_comes_later_is() {
    let server = Server::start().await;
    let mut viewer = viewing(&server, "3").await;
    let video = viewer.video;
    let of = |change: fn(&mut RoomSlot)| {
        let mut slot = slot("1", RoomSource::Camera);
        change(&mut slot);
        [(video, Some(slot))]
    };
    map(&server, "3", &of(|_| {})).await;
    let mut one = publishing(&server, "1").await;
    let began = Instant::now();
    while viewer.payloads_of(video).is_empty() {
        one.send(&with(KEYFRAME, 1)).await;
        viewer.turn().await;
        assert!(began.elapsed() < PATIENCE, "nothing comes");
    }
    for nothing in [
        of(|slot| slot.paused = true),
        of(|slot| slot.height = Some(0)),
        [(video, None)],
    ] {
        map(&server, "3", &nothing).await;
        let publication = server.hub.find(&StreamPath::parse("/a/room/1").unwrap()).unwrap();
        until("it is played no more", || !publication.has_players()).await;
        map(&server, "3", &of(|_| {})).await;
        until("it is played again", || publication.has_players()).await;
    }
}

#[tokio::test]
async fn a_screen_is_a_stream_beside_the_camera_which_goes_on() {
    let server = Server::start().await;
    let mut one = publishing(&server, "1").await;
    let camera = server.hub.find(&StreamPath::parse("/a/room/1").unwrap()).unwrap();
    let (screen, offer) = one.adds_picture();
    let sources = [
        (one.video, RoomSource::Camera),
        (one.audio, RoomSource::Audio),
        (screen, RoomSource::Screen),
    ];
    let answered = answer(&server, connect("1", &offer, Some(&sources))).await;
    assert_eq!(answered.matches("b=TIAS:1500000").count(), 2, "{answered}");
    one.answered(&answered);
    until("the screen", || server.is_live("/a/room/1/screen")).await;
    assert!(!camera.ended.is_cancelled());
    let published = server
        .hub
        .find(&StreamPath::parse("/a/room/1/screen").unwrap())
        .unwrap();
    let mut player = published.subscribe(&[0], 1 << 20, Overflow::Drop, true).unwrap();
    one.video = screen;
    let began = Instant::now();
    loop {
        one.send(&with(KEYFRAME, 9)).await;
        let packet = player.packets.try_next();
        if packet.is_some_and(|packet| rtp::payload(&packet.payload).is_some_and(|payload| payload.ends_with(&[9]))) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the screen does not come");
    }
}

#[tokio::test]
async fn a_client_that_begins_anew_takes_the_place_of_what_it_was() {
    let server = Server::start().await;
    let _before = publishing(&server, "1").await;
    let path = StreamPath::parse("/a/room/1").unwrap();
    let former = server.hub.find(&path).unwrap();
    let mut again = publishing(&server, "1").await;
    until("another one is published", || {
        server
            .hub
            .find(&path)
            .is_some_and(|now| !std::sync::Arc::ptr_eq(&now, &former))
    })
    .await;
    until("the former is gone", || server.rtc.figures().publishing == 1).await;
    // What is told now is not that the connection of this name is gone.
    again.send(&with(KEYFRAME, 1)).await;
    let told = server.rtc.room_news().await.into_iter().flat_map(|news| news.events);
    let told: Vec<_> = told.collect();
    assert!(
        !told.iter().any(|event| matches!(event, RoomEvent::Gone { .. })),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_edge_is_told_what_happens() {
    let server = Server::start().await;
    let mut one = publishing(&server, "1").await;
    one.level = Some(-20);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let rtc = server.rtc.clone();
    tokio::spawn(async move {
        loop {
            rtc.room_news().await.into_iter().for_each(|news| drop(tell.send(news)));
        }
    });
    let mut events = Vec::new();
    let track = |source, is_on| RoomEvent::Track {
        peer_id: "1".to_owned(),
        source,
        is_on,
    };
    let speaks = RoomEvent::Speakers {
        peer_ids: vec!["1".to_owned()],
    };
    let began = Instant::now();
    while !events.contains(&speaks) {
        one.send(&with(KEYFRAME, 1)).await;
        while let Ok(news) = told.try_recv() {
            assert!(news.room_id == "room" && news.app_id == "a");
            events.extend(news.events);
        }
        assert!(began.elapsed() < PATIENCE, "{events:?}");
    }
    let connected = RoomEvent::Connected {
        connection: "1-pub".to_owned(),
    };
    for event in [
        connected,
        track(RoomSource::Audio, true),
        track(RoomSource::Camera, true),
    ] {
        assert!(events.contains(&event), "{event:?}: {events:?}");
    }
    let lost = RoomSlots {
        connection: "lost".to_owned(),
        map: BTreeMap::new(),
    };
    ask(&server, RoomAction::Slots(vec![lost])).await;
    let is_gone = |events: &[RoomEvent], of: &str| {
        events
            .iter()
            .any(|event| matches!(event, RoomEvent::Gone { connection, .. } if connection == of))
    };
    while !is_gone(&events, "lost") {
        events = told.recv().await.unwrap().events;
    }
    let close = RoomAction::Close {
        connections: vec!["1-pub".to_owned(), "lost".to_owned()],
    };
    assert_eq!(ask(&server, close).await, RoomReply::Done);
    until("gone", || !server.is_live("/a/room/1")).await;
    // What is told of this comes behind what would be told of that.
    let other = RoomSlots {
        connection: "other".to_owned(),
        map: BTreeMap::new(),
    };
    ask(&server, RoomAction::Slots(vec![other])).await;
    let mut events = Vec::new();
    while !is_gone(&events, "other") {
        events.extend(told.recv().await.unwrap().events);
    }
    assert!(!is_gone(&events, "1-pub"), "the edge wanted it: {events:?}");
}

#[tokio::test]
async fn who_comes_by_other_means_is_told_of_until_they_leave() {
    let server = Server::start().await;
    let mut viewer = viewing(&server, "3").await;
    let (mut guest, offer) = Client::publisher().await;
    let reply = server.post("/whip/a/room/guest", &offer).await;
    guest.answered(&reply.body);
    guest.connect().await;
    let camera = |is_on| RoomEvent::Track {
        peer_id: "guest".to_owned(),
        source: RoomSource::Camera,
        is_on,
    };
    let told = async |event: RoomEvent| {
        while !server
            .rtc
            .room_news()
            .await
            .iter()
            .any(|news| news.events.contains(&event))
        {}
    };
    tokio::time::timeout(PATIENCE, told(camera(true))).await.unwrap();
    viewer.turn().await;
    let close = RoomAction::Close {
        connections: vec!["3-sub".to_owned()],
    };
    ask(&server, close).await;
    let ended = server.call("DELETE", header(&reply, "Location"), "", |_| {}).await;
    assert_eq!(ended.status, 200);
    tokio::time::timeout(PATIENCE, told(camera(false))).await.unwrap();
}

#[tokio::test]
async fn a_peer_sends_only_what_it_is_allowed() {
    let server = Server::start().await;
    let mut one = publishing(&server, "1").await;
    let path = StreamPath::parse("/a/room/1").unwrap();
    let published = server.hub.find(&path).unwrap();
    let allow = |audio, video| RoomAction::Allow {
        peer_id: "1".to_owned(),
        audio,
        video,
        max_bitrate: 100_000,
    };
    ask(&server, allow(true, false)).await;
    let mut player = published.subscribe(&[0, 1], 1 << 20, Overflow::Drop, false).unwrap();
    let kinds: Vec<_> = published.description.tracks().iter().map(|track| track.kind).collect();
    let mut heard = 0;
    let began = Instant::now();
    while heard < 20 {
        one.send(&with(KEYFRAME, 1)).await;
        while let Some(packet) = player.packets.try_next() {
            // What was on its way before that was heard is passed on.
            let is_sound = kinds[packet.track] == protocol::TrackKind::Audio;
            heard = if is_sound { heard + 1 } else { 0 };
        }
        assert!(began.elapsed() < PATIENCE, "the sound does not come alone");
    }
    ask(&server, allow(false, false)).await;
    until("nothing is published", || server.hub.find(&path).is_none()).await;
}

#[tokio::test]
async fn candidates_are_those_of_the_rooms_protocol() {
    let server = Server::start().await;
    for (protocol, by_udp, by_tcp) in [(0, true, false), (1, false, true), (2, true, true), (3, false, true)] {
        let (mut client, offer) = Client::player().await;
        let peer = protocol.to_string();
        let wish = RoomConnect {
            protocol,
            ..connect(&peer, &offer, None)
        };
        let answered = answer(&server, wish).await;
        let offered = |answer: &str| (answer.contains(" udp "), answer.contains("tcptype passive"));
        assert_eq!(offered(&answered), (by_udp, by_tcp), "{protocol}: {answered}");
        if protocol == 3 {
            client.answered(&answered);
            let sdp = client.moves().await;
            let restart = RoomAction::Restart {
                connection: "3-sub".to_owned(),
                sdp,
            };
            let RoomReply::Answer { sdp } = ask(&server, restart).await else {
                panic!("no answer")
            };
            assert_eq!(offered(&sdp), (true, true), "{sdp}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_the_reason() {
    let server = Server::start().await;
    let (client, offer) = Client::publisher().await;
    let refused = |reply| match reply {
        RoomReply::Refused { code, reason } => (code, reason),
        other => panic!("{other:?}"),
    };
    let bad = connect("1", "nonsense", None);
    assert_eq!(
        refused(ask(&server, RoomAction::Connect(bad)).await).0,
        RoomRefusal::BadOffer
    );
    for sources in [
        &[(client.video, RoomSource::Audio)][..],
        &[(Mid::from("9"), RoomSource::Camera)],
    ] {
        let wish = connect("1", &offer, Some(sources));
        let (code, reason) = refused(ask(&server, RoomAction::Connect(wish)).await);
        assert!(
            code == RoomRefusal::BadOffer && reason.contains("media section"),
            "{reason}"
        );
    }
    let restart = RoomAction::Restart {
        connection: "1-pub".to_owned(),
        sdp: offer,
    };
    assert_eq!(refused(ask(&server, restart).await).0, RoomRefusal::NoConnection);
}
