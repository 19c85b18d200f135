//! A recording outlives its node: another one goes on in the same playlists.

use std::time::Duration;

use protocol::TrackKind::{Audio, Video};
use protocol::{ConfirmedSlice, Phase};
use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::fake_node::FakeNode;
use tapedeck_tests::node::Node;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::{Recording, Slice, Track};
use tapedeck_tests::stack::{Info, Part, Stack};
use tapedeck_tests::{wait, writers};

use crate::steps::{self, now_ms, record_for};

/// The time from the loss of a node to the media of the next one, in seconds.
const GAP_AT_MOST: f64 = 30.0;
/// What a crash may cost, in seconds.
const LOST_AT_MOST: f64 = 2.0;
/// What moving from one node to another may cost, in seconds: sound comes in pieces of up to a quarter of a second.
pub(crate) const SWITCH_AT_MOST: f64 = 0.3;
/// What is on its way from a publisher at any moment, in seconds: it cannot be told from what is lost.
const UNDER_WAY: f64 = 1.0;
/// By how much media of two nodes may meet without being the same twice: a frame.
const TWICE_AT_MOST: f64 = 0.045;
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A node that records, with the stack's own one, which has no room for recordings, as the channel server.
pub(crate) async fn one_node(stack: &Stack, id: &str) -> Node {
    one_node_of(stack, &stack.info, id).await
}

/// The same, which knows the stack as this says.
pub(crate) async fn one_node_of(stack: &Stack, info: &Info, id: &str) -> Node {
    take_from_stack(stack).await;
    Node::start(info, stack.logs(), id).await
}

/// Lets all nodes take media from the stack's own one.
pub(crate) async fn take_from_stack(stack: &Stack) {
    let source = json!({ "source": { "type": "builtin", "rtsp": stack.info.rtsp, "roster": stack.info.node } });
    let path = format!("apps/{}", stack.info.app_id);
    stack.admin(Method::PATCH, &path, &source).await.expect(200);
}

pub(crate) async fn two_nodes(stack: &Stack) -> [Node; 2] {
    [one_node(stack, "one").await, one_node(stack, "two").await]
}

/// The node that records, and the other one.
pub(crate) async fn holder(nodes: [Node; 2], sid: &str) -> (Node, Node) {
    let [one, two] = nodes;
    match one.report(sid).await {
        Some(_) => (one, two),
        None => (two, one),
    }
}

pub(crate) async fn await_recording(node: &Node, sid: &str) {
    wait::until("the other node records", LIMIT, async || {
        let report = node.report(sid).await?;
        (report.phase == Phase::Recording && report.files.len() == 2).then_some(())
    })
    .await;
}

pub(crate) fn publish(stack: &Stack, cname: &str) -> Publisher {
    let media = Media::picture_and_tone(320, 180).without_delay();
    Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs())
}

/// What happened, as the operator sees it.
pub(crate) async fn history(stack: &Stack, task: &Task) -> Vec<String> {
    let path = format!("apps/{}/recordings/{}", stack.info.app_id, task.sid);
    let reply = stack.admin(Method::GET, &path, &Value::Null).await.expect(200);
    let lines = reply.body["history"].as_array().expect("a history").clone();
    lines
        .iter()
        .map(|line| line["what"].as_str().unwrap_or_default().to_owned())
        .collect()
}

pub(crate) async fn fetch(stack: &Stack, customer: &Customer, task: &Task) -> Recording {
    steps::stop(customer, task).await;
    let recording = Recording::fetch(&stack.bucket(), task).await;
    assert_eq!(
        recording.names(),
        [("1", Audio), ("1", Video)],
        "the same playlists as before"
    );
    recording.check().await;
    recording
}

/// Where the second node's slices begin.
pub(crate) fn seam(track: &Track) -> usize {
    let seam = track
        .slices
        .iter()
        .position(|slice| is_of_second(&slice.file.to_string_lossy()));
    seam.unwrap_or_else(|| panic!("{}: nothing of the second node", track.file_name()))
}

/// Whether a slice is the second node's.
pub(crate) fn is_of_second(name: &str) -> bool {
    name.contains("-n1.")
}

/// Which of a recording's nodes has made a slice: 0 for the first.
fn lane(slice: &Slice) -> u64 {
    writers::lane(&slice.file.to_string_lossy())
}

/// The same for two nodes: the length of the gap between them.
pub(crate) fn check_seam(track: &Track) -> f64 {
    let gaps = check_seams(track);
    assert_eq!(gaps.len(), 1, "{}: {gaps:?}", track.file_name());
    gaps[0]
}

/// The slices are in the order of their times, by their names and by the media in them, and each node's are together; there
/// is a discontinuity where the node changes, and nowhere else. Returns the length of each gap there, in seconds.
pub(crate) fn check_seams(track: &Track) -> Vec<f64> {
    let name = track.file_name();
    let mut gaps = Vec::new();
    for pair in track.slices.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert!(lane(before) <= lane(after), "{name}: a node comes back");
        let is_seam = lane(before) < lane(after);
        assert_eq!(after.discontinuity, is_seam, "{name}: {}", after.file.display());
        if is_seam {
            gaps.push((after.start_ms - before.start_ms) as f64 / 1000.0 - before.duration);
        }
    }
    for pair in track.slices.windows(2) {
        let gap = (pair[1].start_ms - pair[0].start_ms) as f64 / 1000.0 - pair[0].duration;
        assert!(gap > -TWICE_AT_MOST, "{name}: {} s twice", -gap);
        let shown = |slice: &Slice| {
            let times = slice.packets.iter().map(|packet| packet.pts);
            times.fold((f64::MAX, f64::MIN), |(first, last), pts| {
                (first.min(pts), last.max(pts))
            })
        };
        let gap = shown(&pair[1]).0 - shown(&pair[0]).1;
        assert!(gap > 0.0, "{name}: {} s twice by presentation times", -gap);
    }
    gaps
}

pub(crate) async fn a_lost_node_is_replaced_and_its_slices_follow(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "failover");
    let nodes = two_nodes(stack).await;
    let mut publisher = publish(stack, cname);
    let task = customer.record(cname, |_| {}).await;
    let (mut lost, next) = holder(nodes, &task.sid).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(21).await;
    let lost_ms = now_ms();
    lost.kill();
    await_recording(&next, &task.sid).await;
    assert_eq!(
        lost.spools(),
        std::slice::from_ref(&task.sid),
        "what was being written is on the dead node's disk"
    );
    // Its own slices are in the playlists while the dead node's last ones are not.
    wait::until("the playlists go on", LIMIT, async || {
        let names = listed(stack, &task).await;
        (names.len() == 2 && names.iter().all(|names| names.iter().any(|name| is_of_second(name)))).then_some(())
    })
    .await;
    let before_return = listed(stack, &task).await;
    lost.restart().await;
    wait::until("the returned node has given everything away", LIMIT, async || {
        lost.spools().is_empty().then_some(())
    })
    .await;
    wait::until("its slices are in the playlists", LIMIT, async || {
        let names = listed(stack, &task).await;
        let first = |names: &[String]| names.iter().filter(|name| !is_of_second(name)).count();
        let mut both = names.iter().zip(&before_return);
        both.all(|(now, before)| first(now) > first(before)).then_some(())
    })
    .await;
    publisher.assert_alive();
    let told = history(stack, &task).await;
    assert!(
        told.contains(&"lease_lost".to_owned()) && told.contains(&"moved".to_owned()),
        "{told:?}"
    );
    let recording = fetch(stack, &customer, &task).await;
    for track in &recording.tracks {
        let gap = check_seam(track);
        println!("{}: {gap:.3} s between two nodes", track.file_name());
        assert!(gap < GAP_AT_MOST, "{}: {gap} s", track.file_name());
        let before: f64 = track.slices[..seam(track)].iter().map(|slice| slice.duration).sum();
        let wanted = (lost_ms - track.slices[0].start_ms) as f64 / 1000.0;
        assert!(
            before >= wanted - LOST_AT_MOST,
            "{}: {before} s of {wanted} s before",
            track.file_name()
        );
    }
    wait::until("nothing is left on a disk", LIMIT, async || {
        next.spools().is_empty().then_some(())
    })
    .await;
}

/// Slices of 1 s in one playlist, from the `first` second on.
fn slices(epoch: u64, first: u64, count: u64) -> Vec<ConfirmedSlice> {
    let slice = |second: u64| ConfirmedSlice {
        playlist: "long.m3u8".to_owned(),
        uid: "7".to_owned(),
        track: Video,
        epoch,
        name: format!("long_{second}.ts"),
        start_us: second.cast_signed() * 1_000_000,
        duration_us: 1_000_000,
        start_ms: second * 1_000,
        bytes: 10_000,
        discontinuity: false,
        tags: Vec::new(),
    };
    (first..first + count).map(slice).collect()
}

/// An answer of the edge has some thousand slices: the next node asks for the rest.
pub(crate) async fn a_long_recording_is_told_to_the_next_node(stack: &mut Stack) {
    let (edge, token) = (stack.info.edge.clone(), stack.info.node_token.clone());
    let mut nodes = vec![
        FakeNode::named(&edge, &token, "one").await,
        FakeNode::named(&edge, &token, "two").await,
    ];
    let task = stack.customer().record("long", |_| {}).await;
    let holder = nodes.iter().position(|node| node.holds(&task.sid)).expect("one has it");
    let (first, next) = (nodes.remove(holder), nodes.remove(0));
    let told = slices(1, 0, 2_350);
    first.confirm(&task.sid, told.clone());
    let await_noted = async |node: &FakeNode, count: u64| {
        let all = async || (node.noted(&task.sid) == count).then_some(());
        wait::until("all slices are noted", LIMIT, all).await;
    };
    await_noted(&first, 2_350).await;
    drop(first);
    stack.crash(Part::Edge).await;
    wait::until("the next node has it", LIMIT, async || {
        next.holds(&task.sid).then_some(())
    })
    .await;
    // What it captures itself meanwhile is not told to it.
    next.confirm(&task.sid, slices(2, 2_360, 10));
    wait::until("all slices of the first node", LIMIT, async || {
        (next.learned(&task.sid).len() >= told.len()).then_some(())
    })
    .await;
    await_noted(&next, 10).await;
    assert_eq!(next.learned(&task.sid), told);
}

/// The slices that each playlist names.
async fn listed(stack: &Stack, task: &Task) -> Vec<Vec<String>> {
    let bucket = stack.bucket();
    let keys = bucket.keys(&task.prefix).await;
    let mut all = Vec::new();
    for key in keys.iter().filter(|key| key.ends_with(".m3u8")) {
        let text = bucket.get(key).await.expect("a listed object").data;
        let text = String::from_utf8(text.to_vec()).expect("UTF-8");
        all.push(
            text.lines()
                .filter(|line| line.ends_with(".ts"))
                .map(str::to_owned)
                .collect(),
        );
    }
    all
}

pub(crate) async fn a_node_that_ends_hands_its_recordings_over(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "drain");
    let nodes = two_nodes(stack).await;
    let mut publisher = publish(stack, cname);
    let task = customer.record(cname, |_| {}).await;
    let (mut leaving, next) = holder(nodes, &task.sid).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(10).await;
    leaving.terminate();
    let status = wait::until("the node ends", LIMIT, async || leaving.ended()).await;
    assert!(status.success(), "{status}");
    assert_eq!(leaving.spools(), [""; 0], "everything is in the store");
    await_recording(&next, &task.sid).await;
    record_for(5).await;
    publisher.assert_alive();
    let recording = fetch(stack, &customer, &task).await;
    for track in &recording.tracks {
        let gap = check_seam(track);
        println!("{}: {gap:.3} s between two nodes", track.file_name());
        assert!(gap < SWITCH_AT_MOST, "{}: {gap} s", track.file_name());
    }
}

pub(crate) async fn a_node_that_ends_alone_goes_on_when_it_is_back(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "alone");
    let mut node = one_node(stack, "only").await;
    let mut publisher = publish(stack, cname);
    let task = customer.record(cname, |_| {}).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(8).await;
    let ended_ms = now_ms();
    node.terminate();
    let status = wait::until("the node ends", LIMIT, async || node.ended()).await;
    assert!(status.success(), "{status}");
    let captured = listed(stack, &task).await;
    assert!(
        captured.len() == 2 && captured.iter().all(|names| !names.is_empty()),
        "what it had is in the store: {captured:?}"
    );
    assert_eq!(customer.query(&task).await.expect(200).text("sid"), task.sid);
    node.restart().await;
    await_recording(&node, &task.sid).await;
    record_for(6).await;
    publisher.assert_alive();
    let recording = fetch(stack, &customer, &task).await;
    for track in &recording.tracks {
        let name = track.file_name();
        assert_eq!(track.breaks(), 1, "{name}");
        let (before, after) = track.parts();
        let lasts = |slices: &[Slice]| slices.iter().map(|slice| slice.duration).sum::<f64>();
        let wanted = (ended_ms - track.slices[0].start_ms) as f64 / 1000.0;
        assert!(
            lasts(before) >= wanted - UNDER_WAY,
            "{name}: {} s of {wanted} s",
            lasts(before)
        );
        assert!(lasts(after) > 4.0, "{name}: {} s after its return", lasts(after));
    }
}
