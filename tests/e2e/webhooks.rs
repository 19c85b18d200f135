//! Callbacks: each event arrives, in order and rightly signed, whatever the customer's server and the edge go through.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::callback::{Mood, Server};
use tapedeck_tests::customer::{Customer, Reply, send};
use tapedeck_tests::fake_node::FakeNode;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::{Part, Stack};
use tapedeck_tests::wait;

use crate::steps::{self, record_for};

const SECRET: &str = "notification-secret";
const LIMIT: Duration = Duration::from_secs(120);

async fn admin(stack: &Stack, method: Method, path: &str, body: Option<&Value>) -> Reply {
    let url = format!("{}/admin/v1/apps/{}{path}", stack.info.edge, stack.info.app_id);
    let request = stack.customer().client.request(method, url);
    let request = request.bearer_auth(&stack.info.admin_token);
    send(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

async fn set_callback(stack: &Stack, callback: &Value) -> Value {
    let body = json!({ "callback": callback });
    let reply = admin(stack, Method::PATCH, "", Some(&body)).await.expect(200);
    reply.body["callback"].clone()
}

/// Starts a recording on the fake node, and returns its sid.
async fn start(customer: &Customer, cname: &str) -> tapedeck_tests::customer::Task {
    customer.record(cname, |_| {}).await
}

/// How many events each recording causes by itself: it starts, leaves and ends.
const OWN_EVENTS: u64 = 4;

pub(crate) async fn every_event_arrives_in_order(stack: &mut Stack) {
    let soak = steps::is_soak();
    let (recordings, each) = if soak { (10, 100) } else { (4, 50) };
    let node = FakeNode::start(&stack.info.edge, &stack.info.node_token).await;
    let mut server = Server::start(SECRET).await;
    let callback = json!({ "url": server.url(), "secret": SECRET });
    let shown = set_callback(stack, &callback).await;
    assert!(!shown["url"].to_string().contains("hunter2"), "{shown}");
    server.behave(Mood { fails: 30, hangs: 5 });
    let customer = stack.customer();
    let mut tasks = Vec::new();
    for index in 0..recordings {
        tasks.push(start(&customer, &format!("hook{index}")).await);
    }
    let half = |node: &FakeNode| tasks.iter().for_each(|task| node.happen(&task.sid, each / 2));
    half(&node);
    let arrived = |server: &Server| server.sequences().values().map(Vec::len).sum::<usize>();
    wait::until("some events", LIMIT, async || (arrived(&server) > 20).then_some(())).await;
    server.go_away().await;
    half(&node);
    tokio::time::sleep(Duration::from_secs(if soak { 60 } else { 3 })).await;
    stack.crash(Part::Edge).await;
    server.come_back().await;
    let before = arrived(&server);
    wait::until("more events", LIMIT, async || {
        (arrived(&server) > before + 20).then_some(())
    })
    .await;
    stack.crash(Part::Edge).await;
    for task in &tasks {
        let customer = stack.customer();
        customer.post(&task.path("stop"), &task.stop_body()).await;
    }
    let total = recordings * (each + OWN_EVENTS) as usize;
    wait::until("all events", LIMIT * if soak { 10 } else { 1 }, async || {
        (arrived(&server) >= total).then_some(())
    })
    .await;
    for (sid, numbers) in server.sequences() {
        assert_eq!(
            numbers,
            (0..each + OWN_EVENTS).collect::<Vec<_>>(),
            "{sid}: in order, none lost"
        );
    }

    let sid = &tasks[0].sid;
    let log = admin(stack, Method::GET, &format!("/recordings/{sid}/notices?limit=40"), None).await;
    let items = log.expect(200).body["items"].as_array().expect("a page").clone();
    assert_eq!(items.len(), 40);
    assert!(items.iter().all(|item| item["state"] == "delivered"), "{items:?}");
    assert!(
        items.iter().any(|item| item["attempts"].as_u64() > Some(1)),
        "{items:?}"
    );
    let recording = admin(stack, Method::GET, &format!("/recordings/{sid}"), None)
        .await
        .expect(200);
    let history = recording.body["history"].as_array().expect("a history").clone();
    let what: Vec<_> = history.iter().filter_map(|line| line["what"].as_str()).collect();
    for expected in ["requested", "started", "stop_ordered", "capture_ended", "ended"] {
        assert!(what.contains(&expected), "{expected}: {what:?}");
    }

    // One that was delivered is delivered once more, with its id.
    server.behave(Mood::default());
    let replay = format!("/recordings/{sid}/notices/2/replay");
    let count = |server: &Server| {
        let arrivals = server.arrivals();
        arrivals
            .iter()
            .filter(|one| one.notice_id == format!("{sid}:2"))
            .count()
    };
    let before = count(&server);
    admin(stack, Method::POST, &replay, None).await.expect(202);
    wait::until("the replay", LIMIT, async || (count(&server) > before).then_some(())).await;
    admin(
        stack,
        Method::POST,
        &format!("/recordings/{sid}/notices/9999/replay"),
        None,
    )
    .await
    .expect(404);
}

pub(crate) async fn what_is_given_up_is_replayed(stack: &mut Stack) {
    let node = FakeNode::start(&stack.info.edge, &stack.info.node_token).await;
    let mut server = Server::start(SECRET).await;
    server.go_away().await;
    set_callback(
        stack,
        &json!({ "url": server.url(), "secret": SECRET, "events": [40, 43, 44] }),
    )
    .await;
    let test = admin(stack, Method::POST, "/callback/test", None).await.expect(200);
    assert_eq!(test.body["items"][0]["delivered"], false, "{}", test.body);
    assert!(!test.body.to_string().contains("hunter2"), "{}", test.body);
    let task = start(&stack.customer(), "givenup").await;
    node.happen(&task.sid, 5);
    let notices = format!("/recordings/{}/notices", task.sid);
    let given_up = format!("{notices}?state=given_up");
    wait::until("six events to be given up", LIMIT, async || {
        let page = admin(stack, Method::GET, &given_up, None).await.expect(200);
        let items = page.body["items"].as_array().expect("a page").len();
        (items >= 6).then_some(())
    })
    .await;
    server.come_back().await;
    let replayed = admin(stack, Method::POST, &format!("{notices}/replay"), None)
        .await
        .expect(202);
    assert!(replayed.body["replayed"].as_u64() >= Some(6), "{}", replayed.body);
    wait::until("the replay", LIMIT, async || {
        (server.arrivals().len() >= 6).then_some(())
    })
    .await;
    let types: Vec<_> = server
        .arrivals()
        .iter()
        .map(|one| one.body["eventType"].clone())
        .collect();
    assert!(
        types
            .iter()
            .all(|number| [40, 43, 44].contains(&number.as_u64().unwrap_or_default())),
        "only what is wanted: {types:?}"
    );
    let test = admin(stack, Method::POST, "/callback/test", None).await.expect(200);
    let items = test.body["items"].as_array().expect("results").clone();
    assert_eq!(items.len(), 3, "{items:?}");
    assert!(items.iter().all(|item| item["delivered"] == true), "{items:?}");

    // Counts are sent every few seconds.
    wait::until("the figures of deliveries", LIMIT, async || {
        let metrics = stack.metrics().await;
        let figure = |name: &str| metrics.get(&format!("tapedeck_edge_notice{name}")).copied();
        let delivered = figure(r#"_deliveries_total{result="delivered"}"#)? >= 6.0;
        let failed = figure(r#"_deliveries_total{result="failed"}"#)? >= 1.0;
        (delivered && failed && figure("s_given_up_total")? >= 6.0).then_some(())
    })
    .await;
}

pub(crate) async fn a_real_recording_tells_its_course(stack: &mut Stack) {
    let server = Server::start(SECRET).await;
    set_callback(stack, &json!({ "url": server.url(), "secret": SECRET })).await;
    let (customer, cname) = (stack.customer(), "course");
    let media = Media::picture_and_tone(320, 180).without_delay();
    let _publisher = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let task = start(&customer, cname).await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(5).await;
    let files = steps::stop(&customer, &task).await;
    let types = |server: &Server| -> Vec<u64> {
        let arrivals = server.arrivals();
        arrivals
            .iter()
            .filter_map(|one| one.body["eventType"].as_u64())
            .collect()
    };
    wait::until("the last event", LIMIT, async || {
        types(&server).contains(&11).then_some(())
    })
    .await;
    let told = types(&server);
    assert_eq!(told[..2], [40, 30], "{told:?}");
    assert_eq!(told[told.len() - 2..], [31, 11], "{told:?}");
    // For the user's audio and video each: begun, published, received, and received no longer.
    let count = |number| told.iter().filter(|one| **one == number).count();
    assert_eq!([4, 41, 42, 43, 44].map(count), [2, 1, 2, 2, 2], "{told:?}");
    let arrivals = server.arrivals();
    let details = |number: u64| {
        let one = arrivals.iter().find(|one| one.body["eventType"] == number);
        one.expect("it arrived").body["payload"]["details"].clone()
    };
    assert_eq!(details(31)["fileList"].as_array().map(Vec::len), Some(files.len()));
    assert_eq!(details(42)["streamUid"], "1");
    assert_eq!(details(11)["exitStatus"], 0);
    let names: Vec<_> = files.iter().map(|file| &file["fileName"]).collect();
    assert!(names.contains(&&details(4)["fileList"]), "{names:?}");
}
