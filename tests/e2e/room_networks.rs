//! A room in a browser through a restart of its node, and what happens to the networks of its clients: another address, one that lets no
//! datagrams through, and somebody who comes by such a one.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::far::Far;
use tapedeck_tests::stack::Stack;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::docs_page::CHROMIUM;
use crate::room_nodes::recycle;
use crate::rooms::{customer, text};

const BROWSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/room_moving.cjs");
/// Addresses for documents (RFC 5737): nobody has this one.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 8);
const LIMIT: Duration = Duration::from_secs(90);
/// Chromium notices after some five seconds that nothing comes, and a client waits for three more; finding another way takes a second.
const GONE_AT_MOST_MS: f64 = 25_000.0;

pub(crate) async fn a_room_goes_on_when_its_clients_have_another_network(stack: &mut Stack) {
    let customer = customer(stack);
    let (mut far, port) = Far::start_translated(&stack.info, stack.logs(), "behind", ADDRESS).await;
    recycle(&customer, &stack.info.uprtc.server_alias, true).await;
    let members = json!({"masterId": "liubei", "memberIds": ["guanyu", "zhangfei"], "protocol": 2});
    let room = customer.done(Method::POST, "/room/convo", Some(&members)).await;
    assert_eq!(room["serverAlias"], "behind:behind", "{room}");
    let url = format!("{}{}", text(&room["serverUrl"]), room["invitationCode"]);

    let mut page = Command::new("node")
        .args([BROWSER, CHROMIUM, &stack.info.edge, &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut input = page.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(page.stdout.take().expect("a pipe")).lines();
    let mut said = async || {
        let line = timeout(LIMIT, lines.next_line()).await.expect("in time");
        let line = line.expect("a pipe").expect("the page has failed");
        serde_json::from_str::<Value>(&line).expect("JSON")
    };
    let number = |told: &Value, name: &str| told[name].as_f64().unwrap_or_else(|| panic!("no {name}: {told}"));
    let entered = said().await;
    assert_eq!(entered["way"], "udp", "{entered}");
    let killed = Instant::now();
    far.node.kill();
    far.node.restart().await;
    let down = killed.elapsed();
    input.write_all(b"lost\n").await.expect("the page lives");
    let restarted = said().await;
    assert_eq!(restarted["way"], "udp", "{restarted}");
    far.namespace.change_networks(ADDRESS, port);
    input.write_all(b"moved\n").await.expect("the page lives");
    let moved = said().await;
    far.namespace.block_datagrams();
    input.write_all(b"lost\n").await.expect("the page lives");
    let lost = said().await;
    assert_eq!((&moved["way"], &lost["way"]), (&json!("udp"), &json!("tcp")), "{lost}");
    input.write_all(b"join zhangfei\n").await.expect("the page lives");
    let joined = said().await;
    assert_eq!(joined["way"], "tcp", "{joined}");
    for told in [&restarted, &moved, &lost] {
        assert!(number(told, "pause_ms") < GONE_AT_MOST_MS, "{told}");
    }
    println!(
        "without a picture for {} ms where the node was not ready for {down:?}, {} ms by another address, and {} ms where no datagrams get \
         through any more; who comes then has one after {} ms",
        number(&restarted, "pause_ms"),
        number(&moved, "pause_ms"),
        number(&lost, "pause_ms"),
        number(&joined, "first_ms")
    );
}
