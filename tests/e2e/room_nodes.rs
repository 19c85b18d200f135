//! Rooms with media through what happens to servers: an audience on a mirror, rooms that are connected across nodes, a node that is
//! lost, crashes, and a crowd.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_load::room::{Entered, Entry};
use tapedeck_tests::mixed::{Colour, pictures};
use tapedeck_tests::node::Node;
use tapedeck_tests::peers::Peers;
use tapedeck_tests::probe;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Part, Stack, free_ports};
use tapedeck_tests::uprtc::Uprtc;
use tapedeck_tests::wait;
use tokio::sync::watch;

use crate::rooms::{await_status, customer, fetch_record, text};
use crate::steps::{make_file, record_for};

/// A client notices after five seconds that nothing comes; then it needs another connection, and its viewers a keyframe.
const GONE_AT_MOST: f64 = 30.0;

/// A node is lost when its lease is over, and the next one has to be asked.
const LOST_LIMIT: Duration = Duration::from_secs(60);
/// What the second node records, less what it takes to find the users.
const SECOND_PART_AT_LEAST: f64 = 5.0;

/// Media does not go through the edge: its crash is no more than a busy machine's delay.
const UNTOUCHED_AT_MOST: f64 = 2.0;
const CROWD: usize = 50;

/// A file that a peer publishes again and again.
pub(crate) async fn peers_file(stack: &Stack, colour: &str, tone: u32) -> String {
    let coding = "-c:v libx264 -preset ultrafast -profile:v baseline -g 15 -pix_fmt yuv420p";
    let media = Media::plain_and_tone(colour, tone).in_opus().with_video(coding);
    let file = make_file(stack.logs(), &format!("{colour}.mp4"), &media.file_options(8)).await;
    file.to_str().expect("UTF-8").to_owned()
}

async fn node(stack: &Stack, id: &str, recordings: &str) -> Node {
    let [port] = free_ports();
    let listen = format!("127.0.0.1:{port}");
    let settings = [
        ("TAPEDECK_RTC_LISTEN", listen.as_str()),
        ("TAPEDECK_CAPACITY", recordings),
    ];
    Node::start_with(&stack.info, stack.logs(), id, &settings).await
}

fn alias(id: &str) -> String {
    format!("{id}:default")
}

/// Has new rooms go to other servers than this one, or to this one again.
pub(crate) async fn recycle(customer: &Uprtc, server: &str, is_recycled: bool) {
    let body = json!({ "serverAlias": server, "recycle": is_recycled });
    customer.done(Method::POST, "/server/recycle", Some(&body)).await;
}

async fn live(customer: &Uprtc, master: &str) -> (Value, String) {
    let body = json!({ "masterId": master });
    let room = customer.done(Method::POST, "/room/live", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), text(&room["roomId"]));
    (room, url)
}

pub(crate) async fn a_room_spans_three_nodes_and_outlives_one(stack: &mut Stack) {
    let customer = customer(stack);
    let mut nodes = Vec::new();
    // The one that is to be lost has the room, and no recording.
    for (id, recordings) in [("one", "0"), ("two", "9"), ("three", "9")] {
        nodes.push(node(stack, id, recordings).await);
    }
    let [one, two, three] = ["one", "two", "three"].map(alias);
    for server in [&stack.info.uprtc.server_alias, &two, &three] {
        recycle(&customer, server, true).await;
    }
    let (room, url) = live(&customer, "liubei").await;
    assert_eq!(room["serverAlias"], json!(one), "{room}");
    recycle(&customer, &three, false).await;
    recycle(&customer, &one, true).await;
    let (second, second_url) = live(&customer, "caocao").await;
    let (third, _) = live(&customer, "sunquan").await;
    assert_eq!(
        (&second["serverAlias"], &third["serverAlias"]),
        (&json!(three), &json!(three))
    );
    let path = |rest: &str| format!("/room/{}/live/{rest}", text(&room["roomId"]));
    recycle(&customer, &two, false).await;
    let mirror = json!({ "serverAlias": two });
    customer.done(Method::POST, &path("mirror"), Some(&mirror)).await;

    // The master of the third room publishes by RTSP, on another node still, and nobody is in the room.
    let by_rtsp = format!(
        "{}/{}/{}/sunquan",
        stack.info.rtsp,
        customer.info.app_id,
        text(&third["roomId"])
    );
    let green = Media::plain_and_tone("green", 1320).in_opus().without_delay();
    let _sunquan = Publisher::ffmpeg(&by_rtsp, &green, Transport::Tcp, stack.logs());
    let (red, blue) = (
        peers_file(stack, "red", 440).await,
        peers_file(stack, "blue", 880).await,
    );
    let mut peers = Peers::start(stack.logs(), "peers");
    assert_eq!(peers.enter("liubei", &url, Some(&red)).await["role"], "master");
    assert_eq!(peers.enter("zhangfei", &url, None).await["role"], "audience");
    assert_eq!(peers.enter("caocao", &second_url, Some(&blue)).await["role"], "master");
    peers.see("zhangfei", &[("liubei", "red", 440)]).await;
    let log = nodes[1].log();
    assert!(
        log.contains("a session by WebRTC begins"),
        "the audience is on the mirror: {log}"
    );

    for (from, to) in [(&room, &second), (&second, &third)] {
        let merge = format!("/room/{}/live/merge", text(&from["roomId"]));
        let body = json!({ "roomId": to["roomId"] });
        customer.done(Method::POST, &merge, Some(&body)).await;
    }
    let all = [
        ("liubei", "red", 440),
        ("caocao", "blue", 880),
        ("sunquan", "green", 1320),
    ];
    peers.see("zhangfei", &all).await;
    peers.see("caocao", &[all[0], all[2]]).await;
    // The room in the middle leaves, and the others stay together.
    let separate = format!("/room/{}/live/master/:caocao/separate", text(&second["roomId"]));
    customer.done(Method::POST, &separate, None).await;
    peers.miss("zhangfei", &["caocao"]).await;
    peers.miss("caocao", &["liubei", "sunquan"]).await;
    peers.see("zhangfei", &[all[0], all[2]]).await;

    let start = json!({ "roomId": room["roomId"], "resolution": "480p" });
    let record = customer.done(Method::POST, "/record/start", Some(&start)).await;
    let of_record = format!("/record/{}/status", text(&record["recordId"]));
    await_status(&customer, &of_record, 2).await;
    record_for(4).await;
    peers.pause("zhangfei", "liubei").await;
    nodes[0].kill();
    // What was on its way is seen to its end.
    peers.miss("zhangfei", &["liubei"]).await;
    let took = peers.see("zhangfei", &[all[0], all[2]]).await;
    let gone = peers.pause("zhangfei", "liubei").await;
    println!("the node's peer is back after {gone} s, {took} s of them behind the last picture");
    assert!(gone < GONE_AT_MOST, "{gone} s");
    // The recorder looks for the user again each 10 seconds at least.
    record_for(16).await;
    // The recorder's own node goes, and comes back when the recording is over.
    let recorder = nodes.iter().position(|node| !node.spools().is_empty());
    let recorder = recorder.expect("a node records");
    nodes[recorder].kill();
    wait::until("another node records", LOST_LIMIT, async || {
        let others = nodes.iter().enumerate().filter(|(place, _)| *place != recorder);
        others.flat_map(|(_, node)| node.spools()).next().map(drop)
    })
    .await;
    peers.see("zhangfei", &[all[0], all[2]]).await;
    record_for(12).await;
    nodes[recorder].restart().await;
    let stop = format!("/record/stop/{}", text(&room["roomId"]));
    customer.done(Method::POST, &stop, None).await;
    for peer in ["zhangfei", "liubei", "caocao"] {
        peers.leave(peer).await;
    }
    await_status(&customer, &of_record, 6).await;
    let file = fetch_record(&customer, stack, text(&record["recordId"]), "lost.mp4").await;
    let lasts = probe::duration(&file).await;
    assert!(lasts > gone + 6.0 + SECOND_PART_AT_LEAST, "{lasts} s in one file");
    let status = customer.done(Method::GET, &of_record, None).await;
    assert_eq!(status, json!({ "status": 6 }), "it is one file");
    let shown = pictures(&file, 1).await;
    let is_red = |second: usize| {
        shown
            .get(second)
            .is_some_and(|picture| picture.at((0.5, 0.5)) == Colour::Red)
    };
    let ends = shown.len().saturating_sub(3);
    assert!(
        is_red(2) && is_red(ends),
        "the master is there before and after: {lasts} s"
    );
}

pub(crate) async fn media_outlives_crashes_and_a_crowd(stack: &mut Stack) {
    let customer = customer(stack);
    let crowd_of: Vec<String> = (0..CROWD).map(|number| format!("c{number}")).collect();
    let members: Vec<&str> = crowd_of.iter().map(String::as_str).chain(["guanyu"]).collect();
    let body = json!({ "masterId": "liubei", "memberIds": members, "maxMemberNum": CROWD + 2 });
    let room = customer.done(Method::POST, "/room/convo", Some(&body)).await;
    let url = format!("{}{}", text(&room["serverUrl"]), room["invitationCode"]);
    let (red, blue) = (
        peers_file(stack, "red", 440).await,
        peers_file(stack, "blue", 880).await,
    );
    let mut peers = Peers::start(stack.logs(), "crashes");
    peers.enter("liubei", &url, Some(&red)).await;
    peers.enter("guanyu", &url, Some(&blue)).await;
    let see = async |peers: &mut Peers| {
        peers.see("guanyu", &[("liubei", "red", 440)]).await;
        peers.see("liubei", &[("guanyu", "blue", 880)]).await;
    };
    see(&mut peers).await;

    peers.pause("guanyu", "liubei").await;
    let asked = keyframes_asked(stack).await;
    let (came, clients) = crowd(&url, &crowd_of).await;
    let known = customer
        .done(Method::GET, &format!("/room/{}", text(&room["roomId"])), None)
        .await;
    assert_eq!(known["total"], json!(CROWD + 2));
    let asked = keyframes_asked(stack).await - asked;
    // Each of the two is asked twice a second at most.
    let most = 2.0 * (1.0 + came.as_secs_f64() / 0.5);
    assert!(asked <= most, "{asked} keyframes were asked for, of {most}");
    see(&mut peers).await;
    let beside = peers.pause("guanyu", "liubei").await;
    assert!(beside < UNTOUCHED_AT_MOST, "{beside} s without a picture");
    drop(clients);

    stack.crash(Part::Edge).await;
    peers.say("liubei", &json!("still here")).await;
    peers.hear("guanyu", &json!("still here")).await;
    see(&mut peers).await;
    let without_edge = peers.pause("guanyu", "liubei").await;
    assert!(without_edge < UNTOUCHED_AT_MOST, "{without_edge} s without a picture");

    stack.crash(Part::Node).await;
    see(&mut peers).await;
    let without_node = peers.pause("guanyu", "liubei").await;
    assert!(without_node < GONE_AT_MOST, "{without_node} s without a picture");
    println!(
        "{CROWD} came in {came:?} with {asked} keyframes, beside which pictures paused for {beside} s; {without_edge} s for the edge's crash, \
         and {without_node} s for the node's"
    );
}

async fn keyframes_asked(stack: &Stack) -> f64 {
    stack.node_metric("tapedeck_rtc_keyframes_asked_total").await
}

/// Has all of these come at once to see two others, and says how long it took until all did.
async fn crowd(url: &str, names: &[String]) -> (Duration, Vec<Entered>) {
    let (_phase, phases) = watch::channel(false);
    let began = Instant::now();
    let enter = |name: &String| {
        let entry = Entry {
            url: url.to_owned(),
            name: name.clone(),
            publishes: false,
            slots: 2,
            waits: true,
            phases: phases.clone(),
        };
        entry.enter()
    };
    let clients = join_all(names.iter().map(enter)).await;
    let of = |time: fn(&Entered) -> Option<Duration>| {
        let mut times: Vec<Duration> = clients.iter().filter_map(time).collect();
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() - 1])
    };
    println!(
        "half of them, and all, had joined in {:?}, connected in {:?}, and a picture in {:?}",
        of(|client| Some(client.joined)),
        of(|client| client.connected),
        of(|client| client.shown)
    );
    (began.elapsed(), clients)
}
