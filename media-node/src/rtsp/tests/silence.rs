//! Publishers whose packets come and are of no use: what a recorder is told of each.

use std::time::Duration;

use futures_util::future::join_all;

use super::raw::{Client, rtp, sender_report};
use super::support::{Server, within};
use crate::capture::open;
use crate::capture::tests::request;
use crate::stream::{StreamEvent, Track};

/// From one packet to the next.
const EVERY: Duration = Duration::from_millis(100);
/// No recorder takes it for silence.
const LIMIT: Duration = Duration::from_secs(60);

/// The next packet: its channel, and the packet.
type Next = fn(u16) -> (u8, Vec<u8>);

/// What a publisher sends, and what is wrong with it as a recorder hears.
const FAULTS: [(&str, Next, &str); 5] = [
    (
        "no-rtp",
        |_| (0, b"nothing that anybody could play".to_vec()),
        "they are no RTP",
    ),
    (
        "other-channels",
        |n| (6, rtp(n, 40)),
        "on channels that SETUP has not named",
    ),
    ("empty", |n| (0, rtp(n, 12)), "they are empty"),
    ("reports-alone", |n| (1, counting_report(n)), "none arrives"),
    (
        "another-payload-type",
        |n| {
            let mut packet = rtp(n, 40);
            if n > 0 {
                packet[1] = 97;
            }
            (0, packet)
        },
        "payload type",
    ),
];

/// A sender report of ever more packets.
fn counting_report(n: u16) -> Vec<u8> {
    let mut report = sender_report(u32::from(n));
    report[20..24].copy_from_slice(&u32::from(n).to_be_bytes());
    report
}

async fn told_why(server: &Server, (uid, next, why): (&str, Next, &str)) {
    let url = server.url(uid);
    let mut publisher = Client::connect(server).await;
    publisher.publish(&url).await;
    let mut events = open(request(&url, LIMIT));
    let mut number = 0;
    let told = async {
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {
                    let (channel, packet) = next(number);
                    publisher.packet(channel, &packet).await.unwrap();
                    number += 1;
                }
                event = events.recv() => match event.unwrap() {
                    StreamEvent::NoEntry(Track::Video, told) => break told,
                    StreamEvent::Ended(end) => panic!("{uid}: {end:?}"),
                    _ => {}
                }
            }
        }
    };
    let told = within(uid, told).await;
    assert!(told.is_some_and(|told| told.contains(why)), "{uid}: {told:?}");
}

#[tokio::test]
async fn of_packets_that_are_of_no_use_it_is_told_why() {
    let server = Server::start().await;
    join_all(FAULTS.into_iter().map(|fault| told_why(&server, fault))).await;
    assert!(server.figures.unreadable() >= 2);
    server.stop().await;
}
