//! Channels whose users publish at several nodes.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::TrackKind::{Audio, Video};
use protocol::{CarriedChannel, CarriedStream, CarriedUser, ChannelNews, StreamName};
use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::customer::{Customer, Task};
use tapedeck_tests::fake_node::{FakeNode, Traits};
use tapedeck_tests::far::Far;
use tapedeck_tests::node::Node;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::{self, Recording};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::{probe, wait};

use crate::clients;
use crate::steps::{self, now_ms};

const LIMIT: Duration = Duration::from_secs(60);

/// A user of a channel at the server with this base.
fn publish(stack: &Stack, rtsp: &str, cname: &str, uid: &str) -> Publisher {
    let colour = ["red", "green", "blue", "white"][uid.len() % 4];
    let media = Media::plain_and_tone(colour, 440).without_delay();
    let url = format!("{rtsp}/{}/{cname}/{uid}", stack.info.app_id);
    Publisher::ffmpeg(&url, &media, Transport::Tcp, stack.logs())
}

async fn node(stack: &Stack, id: &str) -> Node {
    Node::start(&stack.info, stack.logs(), id).await
}

/// Waits until a node says that these users are in the channel.
async fn await_users(stack: &Stack, rosters: &[&Node], cname: &str, uids: &[&str]) {
    wait::until(&format!("{uids:?} are in {cname} at each node"), LIMIT, async || {
        for node in rosters {
            let roster = node.roster(&stack.info.app_id, cname).await?;
            let mut present: Vec<_> = roster.users.into_iter().map(|user| user.uid).collect();
            present.sort_unstable();
            if present != uids {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// The names of the slices in each playlist of a recording, by playlist.
async fn listed(stack: &Stack, task: &Task) -> Vec<(String, Vec<String>)> {
    let bucket = stack.bucket();
    let mut all = Vec::new();
    for key in bucket.keys(&task.prefix).await {
        if key.ends_with(".m3u8") {
            let text = bucket.get(&key).await.expect("a listed object").data;
            let text = String::from_utf8(text.to_vec()).expect("UTF-8");
            let slices = text.lines().filter(|line| line.ends_with(".ts"));
            all.push((key.clone(), slices.map(str::to_owned).collect()));
        }
    }
    all
}

/// When the newest of a playlist's slices began, Unix milliseconds.
fn newest_ms(playlist: &str, slices: &[String]) -> Option<i64> {
    let stem = playlist.rsplit('/').next().and_then(|name| name.strip_suffix(".m3u8"));
    let stem = stem.expect("a playlist");
    let times = slices.iter().filter_map(|slice| recorded::slice_ms(slice, stem));
    times.max()
}

/// Waits until the playlists of these users in each recording name slices that began after `after_ms`.
async fn await_newer(stack: &Stack, tasks: &[Task], uids: &[&str], after_ms: i64) {
    for task in tasks {
        let what = format!("media of {uids:?} after the change in {}", task.prefix);
        wait::until(&what, LIMIT, async || {
            let listed = listed(stack, task).await;
            let is_newer = |uid: &&str| {
                let of = format!("__uid_s_{uid}__");
                let own = listed.iter().filter(|(name, _)| name.contains(&of));
                let newest: Vec<_> = own.map(|(name, slices)| newest_ms(name, slices)).collect();
                newest.len() == 2 && newest.iter().all(|newest_ms| *newest_ms > Some(after_ms))
            };
            uids.iter().all(is_newer).then_some(())
        })
        .await;
    }
}

async fn record_six(customer: &Customer, cname: &str) -> Vec<Task> {
    let starts = (1..=6).map(|number| {
        let (uid, prefix) = (format!("900{number}"), format!("{cname}{number}"));
        let mode = if number == 6 { "mix" } else { "individual" };
        async move { customer.record_as(&uid, &prefix, mode, cname, |_| {}).await }
    });
    join_all(starts).await
}

/// Stops an individual recording: it has the playlists of all these users, and each keeps its promises.
async fn stop_and_check(stack: &Stack, customer: &Customer, task: &Task, uids: &[&str]) -> Recording {
    steps::stop(customer, task).await;
    let recording = Recording::fetch(&stack.bucket(), task).await;
    let expected: Vec<_> = uids.iter().flat_map(|uid| [(*uid, Audio), (*uid, Video)]).collect();
    assert_eq!(recording.names(), expected, "{}", task.prefix);
    recording
}

/// Wherever a recording runs, and wherever the users are, it has all of them: those who come later, those who move, and those who
/// come back elsewhere when their node is lost or shut down. The nodes are on machines of their own, as far as the network goes.
pub(crate) async fn six_recordings_hold_all_users_of_four_nodes(stack: &mut Stack) {
    let _turn = crate::TURN.lock().await;
    let (customer, cname) = (stack.customer(), "spread");
    let (info, logs) = (stack.info.clone(), stack.logs().to_owned());
    let (mut one, at_one) = Far::start_open(&info, &logs, "one").await;
    let (mut two, at_two) = Far::start_open(&info, &logs, "two").await;
    // The stack's own node carries a user and has no room for a recording.
    let at_stack = stack.info.rtsp.clone();
    let first = publish(stack, &at_stack, cname, "1");
    let _second = publish(stack, &at_one, cname, "2");
    let third = publish(stack, &at_two, cname, "3");
    let tasks = record_six(&customer, cname).await;
    await_users(stack, &[&one.node, &two.node], cname, &["1", "2", "3"]).await;
    let (mixed, individual) = tasks.split_last().expect("six");
    for task in individual {
        steps::await_playlists(&customer, task, 6).await;
    }

    // One comes, and one moves.
    let moved_ms = now_ms();
    drop(third);
    let _third = publish(stack, &at_stack, cname, "3");
    let _fourth = publish(stack, &at_two, cname, "4");
    await_users(stack, &[&one.node, &two.node], cname, &["1", "2", "3", "4"]).await;
    await_newer(stack, individual, &["3", "4"], moved_ms).await;

    // One leaves, and a node is lost with its user.
    let (three, at_three) = Far::start_open(&info, &logs, "three").await;
    drop(first);
    let lost_ms = now_ms();
    one.node.kill();
    let _second_again = publish(stack, &at_three, cname, "2");
    await_newer(stack, individual, &["2", "3", "4"], lost_ms).await;
    await_users(stack, &[&two.node, &three.node], cname, &["2", "3", "4"]).await;
    // The lost node's disk has what it captured last: it gives that away when it is back.
    one.node.restart().await;
    wait::until("the returned node has given everything away", LIMIT, async || {
        one.node.spools().is_empty().then_some(())
    })
    .await;

    // A node is shut down with its user.
    let ended_ms = now_ms();
    two.node.terminate();
    let status = wait::until("the node ends", LIMIT, async || two.node.ended()).await;
    assert!(status.success(), "{status}");
    let _fourth_again = publish(stack, &at_three, cname, "4");
    await_newer(stack, individual, &["2", "3", "4"], ended_ms).await;

    for task in individual {
        let recording = stop_and_check(stack, &customer, task, &["1", "2", "3", "4"]).await;
        for kind in [Audio, Video] {
            let breaks = recording.track("3", kind).breaks();
            assert!(breaks >= 1, "{}: who moved has a break", task.prefix);
        }
    }
    customer.stop(mixed).await.expect(200);
    wait::until("the mix goes on to its end", LIMIT, async || {
        let listed = listed(stack, mixed).await;
        let newest = listed
            .iter()
            .filter_map(|(playlist, slices)| newest_ms(playlist, slices));
        newest.max().filter(|newest_ms| *newest_ms > ended_ms)
    })
    .await;
}

/// A user is played at any node, and a node that ends is left at once by what follows it.
pub(crate) async fn a_user_is_played_at_each_node_and_gone_with_its_own(stack: &mut Stack) {
    let cname = "anywhere";
    let [mut ending, other] = [node(stack, "ending").await, node(stack, "other").await];
    let _publisher = publish(stack, &ending.rtsp(), cname, "1");
    await_users(stack, &[&ending, &other], cname, &["1"]).await;
    for rtsp in [ending.rtsp(), other.rtsp(), stack.info.rtsp.clone()] {
        let url = format!("{rtsp}/{}/{cname}/1", stack.info.app_id);
        let streams = wait::until(&format!("{url} is played"), LIMIT, async || probe::played(&url).await).await;
        let mut kinds: Vec<_> = streams.iter().map(|stream| stream.codec_name.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["aac", "h264"], "{url}");
    }
    // The stack's own node serves WebRTC, and has nobody who publishes.
    let whep = format!("{}/whep/{}/{cname}/1", stack.info.node, stack.info.app_id);
    let played = clients::play_by_aiortc(&[whep]).await;
    assert_eq!(played[0]["size"], json!([320, 180]), "{played:?}");
    ending.terminate();
    let status = wait::until("the node ends", LIMIT, async || ending.ended()).await;
    assert!(status.success(), "{status}");
    await_users(stack, &[&other], cname, &[]).await;
    let _back = publish(stack, &other.rtsp(), cname, "1");
    await_users(stack, &[&other], cname, &["1"]).await;
}

/// An app's setting records each channel from its first user until it is idle, and again; the operator sees who is there.
pub(crate) async fn an_app_records_its_channels_by_itself(stack: &mut Stack) {
    let (customer, cname) = (stack.customer(), "byitself");
    let mut body = customer.start_body(cname, "9100", cname);
    body.as_object_mut().expect("a body").remove("cname");
    body["clientRequest"]["recordingConfig"]["maxIdleTime"] = json!(5);
    let app = format!("apps/{}", stack.info.app_id);
    let setting = json!({ "automatic": { "mode": "individual", "body": body } });
    stack.admin(Method::PATCH, &app, &setting).await.expect(200);
    let node = node(stack, "auto").await;

    let first = publish(stack, &node.rtsp(), cname, "1");
    let sid = await_listed(stack, cname, "recording", None).await;
    let channels = format!("{app}/channels?channel={cname}");
    wait::until("the user is shown", LIMIT, async || {
        let live = stack.admin(Method::GET, &channels, &Value::Null).await.expect(200);
        let user = &live.body["items"][0]["users"][0];
        let stream = &user["streams"][0];
        let is_shown = user["uid"] == "1" && user["node_id"] == "auto" && stream["tracks"][0]["codec"] == "H264";
        let track = &stream["tracks"][0];
        let size = (track["width"].as_u64(), track["height"].as_u64());
        let flows = stream["bits_per_second"].as_u64() > Some(0);
        (is_shown && size == (Some(320), Some(180)) && flows).then_some(())
    })
    .await;
    drop(first);
    assert_eq!(await_listed(stack, cname, "ended", None).await, sid);

    let _second = publish(stack, &node.rtsp(), cname, "2");
    let next = await_listed(stack, cname, "recording", Some(&sid)).await;
    assert_ne!(next, sid);
    let user = |uid: &str| format!("{app}/channels/{cname}/users/{uid}");
    stack.admin(Method::DELETE, &user("1"), &Value::Null).await.expect(404);
    stack.admin(Method::DELETE, &user("2"), &Value::Null).await.expect(204);
    await_users(stack, &[&node], cname, &[]).await;
}

/// Waits until a recording of the channel other than `not` has this status; its sid.
async fn await_listed(stack: &Stack, cname: &str, status: &str, not: Option<&str>) -> String {
    let path = format!("apps/{}/recordings?channel={cname}&status={status}", stack.info.app_id);
    wait::until(
        &format!("{cname} has a recording that is {status}"),
        LIMIT,
        async || {
            let listed = stack.admin(Method::GET, &path, &Value::Null).await.expect(200);
            let items = listed.body["items"].as_array().expect("a list").clone();
            let mut sids = items.iter().map(|item| item["sid"].as_str().expect("a sid").to_owned());
            sids.find(|sid| Some(sid.as_str()) != not)
        },
    )
    .await
}

/// A node that carries many channels costs the edge what one with few does, while nobody comes or goes.
pub(crate) async fn five_hundred_channels_cost_no_more_than_two(stack: &mut Stack) {
    const CHANNELS: usize = 250;
    let node = |id| FakeNode::lined(&stack.info.edge, &stack.info.node_token, id, Traits::default());
    let nodes = [node("many1"), node("many2")];
    wait::until("both have a line", LIMIT, async || {
        nodes.iter().all(FakeNode::has_line).then_some(())
    })
    .await;
    let before = work(stack).await;
    // By turns: neither may be silent for as long as a lease lasts.
    let mut leases = [None; 2];
    let numbers: Vec<_> = (0..CHANNELS).collect();
    for numbers in numbers.chunks(ChannelNews::MAX_CHANNELS) {
        for (place, (node, lease)) in nodes.iter().zip(&mut leases).enumerate() {
            let channels = numbers
                .iter()
                .map(|number| carried(stack, &format!("many{place}x{number}")));
            let channels: Vec<_> = channels.collect();
            let told = node.tell(news(*lease, &channels)).await;
            assert!(told.untold.is_empty(), "{:?}", told.untold);
            *lease = Some(told.lease);
        }
    }
    let told = work(stack).await;
    // The messages of a minute, without the minute.
    for (node, lease) in nodes.iter().zip(&leases) {
        for _ in 0..6 {
            assert_eq!(Some(node.tell(news(*lease, &[])).await.lease), *lease);
        }
    }
    let renewed = work(stack).await;
    for (object, [calls, rows]) in &renewed {
        let [first, quiet] = [(&before, &told), (&told, &renewed)].map(|(from, to)| {
            let of = |work: &Work| work.get(object).copied().unwrap_or_default();
            [of(to)[0] - of(from)[0], of(to)[1] - of(from)[1]]
        });
        println!("{object}: {first:?} calls and rows to tell of all, {quiet:?} a minute; {calls} and {rows} in all");
    }
    let quiet = |object: &str, place: usize| {
        let of = |work: &Work| work.get(object).copied().unwrap_or_default()[place];
        of(&renewed) - of(&told)
    };
    assert_eq!(
        (quiet("channel", 0), quiet("channel", 1)),
        (0.0, 0.0),
        "the channels sleep"
    );
    assert_eq!(quiet("carried", 0), 12.0, "one call for each message");
    assert!(quiet("carried", 1) <= 12.0, "one row for each message at most");
    let first = told["channel"][0] - before.get("channel").copied().unwrap_or_default()[0];
    assert_eq!(first, 2.0 * CHANNELS as f64, "each channel is told once");
}

/// Calls of, and rows written by, objects of each kind.
type Work = std::collections::BTreeMap<String, [f64; 2]>;

async fn work(stack: &Stack) -> Work {
    let mut work = Work::new();
    for (series, value) in stack.metrics().await {
        let Some((_, rest)) = series.split_once("{object=\"") else {
            continue;
        };
        let (object, kind) = rest.split_once("\",kind=\"").expect("a kind");
        let place = match kind.trim_end_matches("\"}") {
            "request" => 0,
            "written" => 1,
            _ => continue,
        };
        work.entry(object.to_owned()).or_default()[place] += value;
    }
    work
}

fn news(lease: Option<u64>, channels: &[CarriedChannel]) -> ChannelNews {
    ChannelNews {
        lease,
        address: "rtsp://127.0.0.1:1".to_owned(),
        channels: channels.to_vec(),
    }
}

fn carried(stack: &Stack, channel: &str) -> CarriedChannel {
    let stream = CarriedStream {
        name: StreamName::Camera,
        publication: 1,
        of_camera: false,
    };
    CarriedChannel {
        app_id: stack.info.app_id.clone(),
        channel: channel.to_owned(),
        version: 1,
        users: vec![CarriedUser {
            uid: "1".to_owned(),
            joined_at_ms: 1,
            streams: vec![stream],
        }],
    }
}
