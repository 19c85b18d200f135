//! Clients of WebRTC in networks that are hard to cross: a node behind a NAT, a link that loses packets or is narrow, a change to another
//! network, and one that lets no datagrams through.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tapedeck_tests::far::Far;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::clients::play_by_aiortc;
use crate::docs_page::CHROMIUM;

const BROWSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/moving.cjs");
const PUBLISHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/whip.cjs");
/// Addresses for documents (RFC 5737): nobody has this one.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const LIMIT: Duration = Duration::from_secs(60);
/// What carries the sound and not the picture, in bytes a second.
const SOUND_ALONE: u32 = 16_000;
/// Whoever is not heard for so long is gone.
const VANISHED: Duration = Duration::from_secs(15);
const SLACK: Duration = Duration::from_secs(4);

pub(crate) async fn a_node_is_reached_behind_a_nat_through_losses_and_without_datagrams(stack: &mut Stack) {
    let (far, port) = Far::start_translated(&stack.info, stack.logs(), "behind", ADDRESS).await;
    far.namespace.lose(5);
    // The edge takes the node of this region, and all others who come to the channel are sent there.
    let url = format!("{}?region=behind", stack.web_url("whip", "networks", "2"));
    let input = "-re -f lavfi -i testsrc2=s=320x180:r=25 -re -f lavfi -i sine=f=440:r=48000";
    let _publisher = Command::new("node")
        .args([PUBLISHER, &url])
        .args(input.split(' '))
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    // Its media goes no way that can be blocked.
    let coding = "-c:v libx264 -preset veryfast -profile:v baseline -g 25 -pix_fmt yuv420p -c:a libopus -f rtsp -rtsp_transport tcp";
    let near = format!("{}/{}/networks/1", far.node.rtsp(), stack.info.app_id);
    let [ip, inside @ ..] = far.namespace.words();
    let _near = Command::new(ip)
        .args(inside)
        .args(["ffmpeg", "-nostdin", "-v", "error"])
        .args(input.split(' ').chain(coding.split(' ')))
        .arg(near)
        .kill_on_drop(true)
        .spawn()
        .expect("FFmpeg runs");
    let are_there = async || {
        let roster = far.node.roster(&stack.info.app_id, "networks").await?;
        (roster.users.len() == 2).then_some(())
    };
    wait::until("both users are there", LIMIT, are_there).await;
    assert!(
        far.node.log().contains("a session by WebRTC begins"),
        "the node of the region was taken"
    );

    let mut page = Command::new("node")
        .args([BROWSER, CHROMIUM, &stack.info.edge, &stack.info.app_id, "networks", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut lines = BufReader::new(page.stdout.take().expect("a pipe")).lines();
    let mut said = async || {
        let line = timeout(LIMIT, lines.next_line())
            .await
            .expect("in time")
            .expect("a pipe");
        serde_json::from_str::<Value>(&line.expect("the page has failed")).expect("JSON")
    };
    assert_eq!(said().await, json!({ "plays": true }));
    // Its packets are lost on the way in, and once more on the way out.
    let lossy = play_by_aiortc(&[stack.web_url("whep", "networks", "2")]).await;
    assert_eq!(lossy[0]["size"], json!([320, 180]), "{lossy:?}");
    let mut input = page.stdin.take().expect("a pipe");
    let paused = async || far.node.figure("tapedeck_rtc_paused_pictures").await;
    assert_eq!(paused().await, Some(0.0));
    far.namespace.narrow(SOUND_ALONE);
    wait::until("the picture pauses", LIMIT, async || {
        (paused().await == Some(1.0)).then_some(())
    })
    .await;
    input.write_all(b"sound\n").await.expect("the page lives");
    println!("a narrow way: {}", said().await);
    far.namespace.widen();
    input.write_all(b"picture\n").await.expect("the page lives");
    println!("a wide way: {}", said().await);
    wait::until("it is told that the picture goes on", LIMIT, async || {
        (paused().await == Some(0.0)).then_some(())
    })
    .await;
    let is_connected = |told: &Value| {
        let last = told["told"].as_array().and_then(|told| told.last());
        assert_eq!(last, Some(&json!("connected")), "{told}");
    };
    far.namespace.change_networks(ADDRESS, port);
    input.write_all(b"moved\n").await.expect("the page lives");
    let told = said().await;
    assert!(told["told"].is_array(), "{told}");
    far.namespace.block_datagrams();
    input.write_all(b"lost\n").await.expect("the page lives");
    let left = async {
        let (what, began) = ("who knows no other way is gone", Instant::now());
        wait::until(what, LIMIT, async || {
            let roster = far.node.roster(&stack.info.app_id, "networks").await?;
            (roster.users.len() == 1).then(|| began.elapsed())
        })
        .await
    };
    let (told, left) = tokio::join!(said(), left);
    assert!((VANISHED - SLACK..VANISHED + SLACK).contains(&left), "{left:?}");
    is_connected(&told);
}
