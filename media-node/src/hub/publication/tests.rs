use std::time::Duration;

use super::super::audience::MAX_PLAYERS;
use super::super::joined::Joined;
use super::super::queue::{Overflow, Receiver};
use super::*;

const SDP: &[u8] = b"v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n";

fn publication() -> Publication {
    let path = StreamPath::parse("/a/b/c").unwrap();
    Publication::new(path, Description::parse(SDP).unwrap(), Manner::Once)
}

fn rtp(sequence: u8) -> Bytes {
    Bytes::from(vec![0x80, 96, 0, sequence, 0, 0, 0, sequence, 0, 0, 0, 7])
}

fn report() -> Bytes {
    let mut report = vec![0u8; 28];
    report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
    report.into()
}

async fn all(mut packets: Receiver) -> Vec<(usize, Flow, u8)> {
    let mut seen = Vec::new();
    while let Some(packet) = packets.next().await {
        // The sequence number, or how many sources a report tells of.
        let number = match packet.flow {
            Flow::Rtp => packet.payload[3],
            Flow::Rtcp => packet.payload[0] & 0x1f,
        };
        seen.push((packet.track, packet.flow, number));
    }
    seen
}

#[tokio::test]
async fn a_late_player_learns_the_time_and_where_the_stream_is() {
    let publication = publication();
    publication.relay(1, Flow::Rtp, rtp(1));
    publication.relay(1, Flow::Rtcp, report());
    publication.relay(0, Flow::Rtcp, report());
    let subscription = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
    assert_eq!(subscription.next[0], None);
    assert_eq!(subscription.next[1].unwrap().sequence, 2);
    publication.relay(1, Flow::Rtp, rtp(2));
    publication.relay(0, Flow::Rtp, rtp(9));
    publication.relay(7, Flow::Rtp, rtp(9));
    publication.relay(1, Flow::Rtp, Bytes::from_static(b"no packet"));
    publication.relay(1, Flow::Rtp, Bytes::from_static(b"another"));
    publication.relay(1, Flow::Rtcp, Bytes::from_static(b"no report"));
    publication.stray(&rtp(9));
    assert_eq!(publication.unreadable.load(Ordering::Relaxed), 4);
    publication.relay(1, Flow::Rtp, rtp(3));
    publication.end();
    publication.relay(1, Flow::Rtp, rtp(4));
    // Why one packet does not come is told, once for a while.
    let expected = [
        (1, Flow::Rtcp, 0),
        (1, Flow::Rtp, 2),
        (1, Flow::Rtcp, 0),
        (1, Flow::Rtp, 3),
    ];
    assert_eq!(all(subscription.packets).await, expected);
    let late = publication.subscribe(&[1], 10_000, Overflow::CutOff, false);
    assert_eq!(late.err(), Some(SubscribeError::Ended));
    assert_eq!((publication.ssrc(1), publication.ssrc(7)), (Some(7), None));
}

#[tokio::test(start_paused = true)]
async fn who_comes_at_once_gets_the_stream_from_its_beginning() {
    let publication = publication();
    publication.relay(1, Flow::Rtp, rtp(5));
    publication.relay(1, Flow::Rtcp, report());
    publication.relay(0, Flow::Rtp, rtp(9));
    tokio::time::advance(Duration::from_secs(4)).await;
    let waiting = publication.subscribe(&[1], 10_000, Overflow::CutOff, true).unwrap();
    let first = waiting.next[1].unwrap();
    assert_eq!((first.sequence, first.timestamp), (5, 5));
    let again = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
    assert_eq!(again.next[1].unwrap().sequence, 6);
    tokio::time::advance(Duration::from_secs(1)).await;
    let late = publication.subscribe(&[1], 10_000, Overflow::CutOff, true).unwrap();
    publication.relay(1, Flow::Rtp, rtp(6));
    publication.end();
    let now = [(1, Flow::Rtcp, 0), (1, Flow::Rtp, 6)];
    let all_of_it = [(1, Flow::Rtcp, 0), (1, Flow::Rtp, 5), (1, Flow::Rtp, 6)];
    assert_eq!(all(waiting.packets).await, all_of_it);
    assert_eq!(all(again.packets).await, now);
    assert_eq!(all(late.packets).await, now);
    assert!(publication.lock().beginning.is_none());
}

#[tokio::test(start_paused = true)]
async fn packets_that_overtake_one_another_are_put_in_order_for_players() {
    let publication = publication();
    let player = publication.subscribe(&[1], 10_000, Overflow::CutOff, true).unwrap();
    for sequence in [1, 3, 2, 2, 5] {
        publication.relay(1, Flow::Rtp, rtp(sequence));
    }
    publication.release();
    tokio::time::advance(Duration::from_millis(100)).await;
    publication.release();
    publication.end();
    assert_eq!(
        all(player.packets).await,
        [1, 2, 3, 5].map(|sequence| (1, Flow::Rtp, sequence))
    );
}

#[tokio::test]
async fn a_bad_report_is_neither_passed_on_nor_kept_for_later_players() {
    let publication = publication();
    let early = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
    publication.relay(1, Flow::Rtcp, report());
    publication.relay(1, Flow::Rtcp, [&report()[..], &[0; 4]].concat().into());
    let cut_off = rtp(5).slice(..11);
    publication.relay(1, Flow::Rtp, cut_off);
    let late = publication.subscribe(&[1], 10_000, Overflow::CutOff, false).unwrap();
    publication.end();
    // And that something is left out.
    assert_eq!(all(early.packets).await, [(1, Flow::Rtcp, 0), (1, Flow::Rtcp, 0)]);
    assert_eq!(all(late.packets).await, [(1, Flow::Rtcp, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_player_that_joins_and_a_lost_picture_ask_for_a_keyframe() {
    let publication = publication();
    let asked = || tokio::time::timeout(Duration::from_secs(1), publication.keyframes.due());
    let _sound = publication.subscribe(&[0], 10_000, Overflow::Drop, false).unwrap();
    for sequence in [1, 3] {
        publication.relay(0, Flow::Rtp, rtp(sequence));
    }
    tokio::time::advance(Duration::from_millis(100)).await;
    publication.release();
    assert!(asked().await.is_err(), "sound needs none");
    let _picture = publication.subscribe(&[1], 10_000, Overflow::Drop, false).unwrap();
    assert!(asked().await.is_ok());
    publication.relay(1, Flow::Rtp, rtp(1));
    publication.relay(1, Flow::Rtp, rtp(3));
    assert!(asked().await.is_err(), "it may only have been overtaken");
    publication.release();
    assert!(asked().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_stands_still_is_asked_for_now_and_then() {
    let publication = publication();
    let asked = || tokio::time::timeout(Duration::from_secs(1), publication.keyframes.due());
    tokio::time::advance(Duration::from_secs(60)).await;
    publication.release();
    assert!(asked().await.is_err(), "it has shown nothing yet");
    publication.relay(1, Flow::Rtp, rtp(1));
    publication.relay(0, Flow::Rtp, rtp(1));
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(8)).await;
        publication.release();
        assert!(asked().await.is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
        publication.release();
        assert!(asked().await.is_ok());
    }
}

#[test]
fn a_publisher_is_told_how_its_packets_arrive_and_asked_for_keyframes_where_it_listens() {
    let publication = publication();
    assert_eq!(publication.reception_report(1, 9), None);
    publication.relay(1, Flow::Rtp, rtp(1));
    publication.relay(1, Flow::Rtp, rtp(3));
    assert_eq!(
        publication.reception_report(1, 9),
        None,
        "it has not shown that it listens"
    );
    assert_eq!(publication.keyframe_wishes(9), []);
    publication.relay(1, Flow::Rtcp, report_of_7());
    let report = publication.reception_report(1, 9).unwrap();
    assert_eq!((&report[8..12], report[15]), (&[0, 0, 0, 7][..], 1), "one is lost");
    let wishes = publication.keyframe_wishes(9);
    assert_eq!(wishes.len(), 1);
    assert!(wishes[0].0 == 1 && rtp::wants_keyframe(&wishes[0].1) && wishes[0].1.ends_with(&[7]));
}

fn report_of_7() -> Bytes {
    let mut report = report().to_vec();
    report[7] = 7;
    report.into()
}

#[test]
fn players_are_counted() {
    let publication = publication();
    let kept: Vec<_> = (0..MAX_PLAYERS)
        .map(|_| publication.subscribe(&[0], 100, Overflow::Drop, false).ok().unwrap())
        .collect();
    assert_eq!(
        publication.subscribe(&[0], 100, Overflow::Drop, false).err(),
        Some(SubscribeError::TooManyPlayers)
    );
    drop(kept);
    publication.relay(0, Flow::Rtp, rtp(1));
    assert!(publication.subscribe(&[0], 100, Overflow::Drop, false).is_ok());
}

/// What a lossy way does to a stream of 50 packets a second: one in twenty is lost, and sent again 60 ms later, but for each
/// fifth of those, which never comes. The delays of what players got, in milliseconds behind its arrival at this node.
async fn delays(mut packets: Receiver, publication: &Publication) -> Vec<u64> {
    let began = Instant::now();
    let mut arrivals: Vec<(u64, u8)> = (0..200u8)
        .filter_map(|number| {
            let sent_ms = u64::from(number) * 20;
            match (number % 20 == 7, number % 100 == 7) {
                (true, true) => None,
                (true, false) => Some((sent_ms + 60, number)),
                _ => Some((sent_ms, number)),
            }
        })
        .collect();
    arrivals.sort_unstable();
    let (mut arrivals, mut came, mut delays) = (arrivals.into_iter().peekable(), [0; 256], Vec::new());
    // As the hub's own clock releases what has waited, but for its rougher steps.
    for now_ms in 0..5_000u64 {
        tokio::time::advance(Duration::from_millis(1)).await;
        while let Some((_, number)) = arrivals.next_if(|(at_ms, _)| *at_ms <= now_ms) {
            came[usize::from(number)] = now_ms;
            publication.relay(1, Flow::Rtp, with_payload(number));
        }
        publication.release();
        while let Some(packet) = packets.try_next() {
            delays.push(now_ms - came[usize::from(packet.payload[3])]);
        }
    }
    assert_eq!(began.elapsed().as_secs(), 5);
    delays
}

fn with_payload(sequence: u8) -> Bytes {
    [&rtp(sequence)[..], &[1]].concat().into()
}

#[tokio::test(start_paused = true)]
async fn packets_wait_for_lost_ones_only_where_players_need_their_order() {
    let publish = || {
        let path = StreamPath::parse("/a/b/c").unwrap();
        Publication::new(path, Description::parse(SDP).unwrap(), Manner::Resending)
    };
    let (ordered, fast) = (publish(), publish());
    let in_order = ordered.subscribe(&[1], 1 << 20, Overflow::Drop, false).unwrap().packets;
    let as_they_come = fast.subscribe_fast(&[1], 1 << 20).unwrap();
    let in_order = delays(in_order, &ordered).await;
    let as_they_come = delays(as_they_come, &fast).await;
    assert_eq!(
        (in_order.len(), as_they_come.len()),
        (198, 198),
        "nothing is missing that came"
    );
    assert_eq!(as_they_come.iter().sum::<u64>(), 0);
    let (worst, mean_us) = (in_order.iter().max(), in_order.iter().sum::<u64>() * 1_000 / 198);
    assert_eq!(worst, Some(&250));
    assert!((15_000..20_000).contains(&mean_us), "{mean_us}");
}

/// One of H.264, whose picture is told by the sequence number.
fn h264(sequence: u8, unit: u8) -> Bytes {
    let mut packet = rtp(sequence).to_vec();
    packet[1] = 0xe0;
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 3_600).to_be_bytes());
    packet.push(unit);
    packet.into()
}

async fn joined(mut packets: Joined) -> Vec<(u8, u32)> {
    let mut seen = Vec::new();
    while let Some(packet) = std::future::poll_fn(|context| packets.poll_next(context)).await {
        seen.push((
            packet.payload[3],
            rtp::rtp_head(&packet.payload).map_or(0, |head| head.timestamp),
        ));
    }
    seen
}

fn filmed() -> Publication {
    let sdp = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
    let path = StreamPath::parse("/a/b/c").unwrap();
    Publication::new(path, Description::parse(sdp).unwrap(), Manner::Once)
}

const KEYFRAME: u8 = 0x65;
const OTHER: u8 = 0x41;

#[tokio::test(start_paused = true)]
async fn who_comes_in_the_middle_begins_with_the_last_keyframe_either_way() {
    let publication = filmed();
    for (sequence, unit) in [(1, OTHER), (2, KEYFRAME), (3, OTHER), (4, OTHER)] {
        publication.relay(0, Flow::Rtp, h264(sequence, unit));
    }
    let players = [true, false].map(|in_order| publication.join(0, 1 << 20, in_order).unwrap());
    publication.relay(0, Flow::Rtp, h264(5, OTHER));
    publication.end();
    for player in players {
        let seen = joined(player).await;
        assert_eq!(
            seen.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(),
            [2, 3, 4, 5]
        );
        let late = seen[0].1 - 4 * 3_600;
        // Some milliseconds, in which the player before it was served.
        assert!(
            late <= 900,
            "the keyframe is told to be {late} ticks newer than the newest picture"
        );
    }
    assert_eq!(publication.join(0, 1 << 20, true).err(), Some(SubscribeError::Ended));
}

#[tokio::test(start_paused = true)]
async fn what_lacks_a_picture_is_not_kept() {
    let publication = filmed();
    for (sequence, unit) in [(1, KEYFRAME), (2, OTHER), (4, OTHER)] {
        publication.relay(0, Flow::Rtp, h264(sequence, unit));
    }
    tokio::time::advance(Duration::from_millis(200)).await;
    publication.release();
    let players = [true, false].map(|in_order| publication.join(0, 1 << 20, in_order).unwrap());
    publication.relay(0, Flow::Rtp, h264(5, OTHER));
    publication.end();
    for player in players {
        assert_eq!(joined(player).await, [(5, 5 * 3_600)]);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_misses_a_picture_gets_the_group_again_but_not_at_once() {
    let publication = filmed();
    for (sequence, unit) in [(1, KEYFRAME), (2, OTHER)] {
        publication.relay(0, Flow::Rtp, h264(sequence, unit));
    }
    let mut player = publication.join(0, 1 << 20, true).unwrap();
    for _ in 0..2 {
        std::future::poll_fn(|context| player.poll_next(context)).await.unwrap();
    }
    assert!(
        publication.join_anew(&player, 1 << 20, true).is_none(),
        "it has just come"
    );
    tokio::time::advance(Duration::from_secs(3)).await;
    publication.relay(0, Flow::Rtp, h264(77, OTHER));
    publication.relay(0, Flow::Rtp, h264(78, OTHER));
    tokio::time::advance(Duration::from_millis(200)).await;
    publication.release();
    assert!(
        publication.join_anew(&player, 1 << 20, true).is_none(),
        "pictures are missing"
    );
    publication.relay(0, Flow::Rtp, h264(79, KEYFRAME));
    let anew = publication.join_anew(&player, 1 << 20, true).unwrap();
    publication.end();
    assert_eq!(joined(anew).await, [(79, 79 * 3_600)]);
}

#[tokio::test(start_paused = true)]
async fn who_answers_is_asked_and_nothing_of_it_is_kept() {
    let publication = filmed();
    publication.keyframes.probe();
    for sequence in 1..=4 {
        publication.keyframes.due().await;
        publication.relay(0, Flow::Rtp, h264(sequence, KEYFRAME));
    }
    assert!(publication.keyframes.are_answered());
    let player = publication.join(0, 1 << 20, false).unwrap();
    publication.relay(0, Flow::Rtp, h264(5, OTHER));
    publication.end();
    assert_eq!(joined(player).await, [(5, 5 * 3_600)]);
}

#[tokio::test]
async fn a_player_by_the_fast_way_gets_what_is_sent_again_by_its_own_number() {
    let path = StreamPath::parse("/a/b/c").unwrap();
    let publication = Publication::new(path, Description::parse(SDP).unwrap(), Manner::Resending);
    publication.relay(1, Flow::Rtcp, report());
    let packets = publication.subscribe_fast(&[1], 10_000).unwrap();
    for sequence in [1, 3, 2, 3] {
        publication.relay(1, Flow::Rtp, with_payload(sequence));
    }
    publication.relay(1, Flow::Rtcp, report());
    publication.relay(1, Flow::Rtp, rtp(4));
    publication.relay(1, Flow::Rtp, with_payload(5));
    publication.end();
    let expected = [
        (1, Flow::Rtcp, 0),
        (1, Flow::Rtp, 1),
        (1, Flow::Rtp, 3),
        (1, Flow::Rtp, 2),
        (1, Flow::Rtcp, 0),
        (1, Flow::Rtp, 4),
    ];
    assert_eq!(all(packets).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_track_that_is_sent_on_channels_without_a_name_is_told_of_and_one_that_comes_is_not() {
    let publication = publication();
    let subscription = publication.subscribe(&[0, 1], 10_000, Overflow::CutOff, false).unwrap();
    publication.relay(1, Flow::Rtp, rtp(1));
    for _ in 0..8 {
        publication.stray(&rtp(9));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    publication.end();
    let told = [(1, Flow::Rtp, 1), (0, Flow::Rtcp, 0), (0, Flow::Rtcp, 0)];
    assert_eq!(all(subscription.packets).await, told);
}
