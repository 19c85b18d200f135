use proptest::prelude::*;

use super::*;

fn packet(ssrc: u8, sequence: u16) -> Bytes {
    let [high, low] = sequence.to_be_bytes();
    Bytes::from(vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, ssrc, high, low])
}

/// Sequence numbers and sources as players see them.
fn seen(out: &[Bytes]) -> Vec<(u32, u16)> {
    out.iter()
        .map(|packet| rtp::rtp_head(packet).unwrap())
        .map(|head| (head.ssrc, head.sequence))
        .collect()
}

fn run(packets: &[(u8, u16, u64)]) -> Vec<(u32, u16)> {
    let (mut inflow, mut out) = (Inflow::default(), Vec::new());
    for (ssrc, sequence, now_ms) in packets {
        inflow.take(packet(*ssrc, *sequence), *now_ms, &mut out);
    }
    inflow.release(u64::MAX, &mut out);
    seen(&out)
}

#[test]
fn one_datagram_twice_and_two_that_overtake_each_other_cost_nothing() {
    let got = run(&[
        (7, 65_534, 0),
        (7, 65_534, 1),
        (7, 0, 2),
        (7, 65_535, 3),
        (7, 2, 4),
        (7, 2, 4),
        (7, 1, 5),
        (7, 0, 6),
        (7, 3, 7),
    ]);
    assert_eq!(got, [65_534, 65_535, 0, 1, 2, 3].map(|sequence| (7, sequence)));
}

#[test]
fn what_is_lost_is_waited_for_no_longer_than_the_budget() {
    let (mut inflow, mut out) = (Inflow::default(), Vec::new());
    for (sequence, now_ms) in [(1, 0), (3, 10), (4, 50), (5, 109)] {
        inflow.take(packet(7, sequence), now_ms, &mut out);
    }
    assert_eq!(out.len(), 1);
    inflow.release(110, &mut out);
    assert_eq!(
        seen(&out),
        [1, 3, 4, 5].map(|sequence| (7, sequence)),
        "what follows need not wait as well"
    );
    inflow.take(packet(7, 2), 111, &mut out);
    assert_eq!(out.len(), 4, "too late");
    for sequence in 7..2_000 {
        inflow.take(packet(7, sequence), 120, &mut out);
    }
    assert_eq!(seen(&out)[4], (7, 7), "nor for more than may wait");
}

#[test]
fn packets_without_a_payload_leave_no_holes_and_resent_ones_are_waited_for() {
    let (mut inflow, mut out) = (Inflow::new(Manner::Resending), Vec::new());
    let empty = |sequence| packet(7, sequence).slice(..12);
    for (packet, now_ms) in [
        (packet(7, 65_534), 0),
        (empty(65_535), 1),
        (packet(7, 0), 2),
        (packet(7, 2), 3),
        (empty(3), 4),
        (packet(7, 4), 5),
        (packet(7, 1), 240),
    ] {
        inflow.take(packet, now_ms, &mut out);
        inflow.release(now_ms, &mut out);
    }
    assert_eq!(
        seen(&out),
        [65_534, 65_535, 0, 1, 2].map(|sequence| (7, sequence)),
        "as if they had never been"
    );
    assert_eq!(inflow.lost(), 0);
    inflow.take(packet(7, 6), 300, &mut out);
    inflow.release(549, &mut out);
    assert_eq!(out.len(), 5);
    inflow.release(550, &mut out);
    assert_eq!((out.len(), inflow.lost()), (6, 1));
}

#[test]
fn another_source_goes_on_under_the_name_and_with_the_numbers_of_the_first() {
    let (mut inflow, mut out) = (Inflow::default(), Vec::new());
    let mut turns = Vec::new();
    for (ssrc, sequence) in [
        (7, 100),
        (7, 101),
        (9, 40_000),
        (7, 102),
        (8, 5),
        (8, 6),
        (8, 8),
        (8, 7),
        (8, 900),
    ] {
        turns.push(inflow.take(packet(ssrc, sequence), 0, &mut out));
    }
    inflow.release(u64::MAX, &mut out);
    assert_eq!(
        seen(&out),
        [100, 101, 102, 103, 104, 105, 106, 998].map(|sequence| (7, sequence)),
        "a single stray packet changes nothing"
    );
    assert_eq!(turns.iter().filter(|turn| **turn == Inflowing::Another).count(), 1);
    let mut report = vec![0u8; 28];
    report[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, 8]);
    assert_eq!(inflow.report(report.clone().into())[7], 7);
    report[7] = 9;
    assert_eq!(inflow.report(report.into())[7], 9, "a stranger's report");
}

#[test]
fn a_padding_bit_without_padding_costs_nothing() {
    let (mut inflow, mut out) = (Inflow::default(), Vec::new());
    for sequence in 1..=200 {
        let mut media = packet(7, sequence).to_vec();
        media[0] |= 0x20;
        // Whatever its last byte is, as of coded media.
        media.extend([9, 9, (sequence * 7 % 256) as u8 | 1]);
        inflow.take(media.into(), 0, &mut out);
    }
    assert_eq!((out.len(), inflow.unreadable()), (200, 0));
    let short = out
        .iter()
        .filter(|packet| rtp::payload(packet).map(<[u8]>::len) != Some(5));
    assert_eq!(short.count(), 0);
    inflow.take(Bytes::from_static(b"no packet"), 0, &mut out);
    assert_eq!((out.len(), inflow.unreadable()), (200, 1));
}

#[test]
fn a_source_that_counts_anew_is_followed() {
    let got = run(&[(7, 100, 0), (7, 101, 0), (7, 30_000, 0), (7, 30_001, 0), (7, 30_002, 0)]);
    assert_eq!(got, [100, 101, 102, 103, 104].map(|sequence| (7, sequence)));
}

#[test]
fn what_is_sent_again_comes_however_late_it_is_from_the_same_source() {
    let (mut inflow, mut out) = (Inflow::new(Manner::Resending), Vec::new());
    let lost = 11..400u16;
    let come = (0..lost.start).chain([lost.end]).map(|sequence| (sequence, 0));
    let again = lost.clone().map(|sequence| (sequence, 300));
    let later = (401..410u16).map(|sequence| (sequence, 310));
    for (sequence, now_ms) in come.chain(again).chain(later) {
        inflow.release(now_ms, &mut out);
        assert_eq!(inflow.take(packet(7, sequence), now_ms, &mut out), Inflowing::Same);
    }
    let expected = (0..lost.start).chain(lost.end..410);
    assert_eq!(seen(&out), expected.map(|sequence| (7, sequence)).collect::<Vec<_>>());
    assert_eq!(inflow.lost(), u64::from(lost.end - lost.start));
}

#[test]
fn one_stray_number_costs_no_more_than_its_packet() {
    // In a stream that goes on meanwhile, and in one whose packets come seldom.
    for step_ms in [20, 200] {
        for stray in [8, 150, 290, 2_000] {
            let (mut inflow, mut out) = (Inflow::default(), Vec::new());
            for number in 0..400u16 {
                let sequence = if number == 5 { number + stray } else { number };
                inflow.take(packet(7, sequence), u64::from(number) * step_ms, &mut out);
                inflow.release(u64::from(number) * step_ms + 100, &mut out);
            }
            // Its payload has the number that it came with.
            let payloads: Vec<u16> = out
                .iter()
                .map(|packet| u16::from_be_bytes([packet[12], packet[13]]))
                .collect();
            let own = (0..400).filter(|number| *number != 5 && !payloads.contains(number));
            assert_eq!(own.count(), 0, "{stray} each {step_ms} ms");
            assert!(payloads.len() <= 400, "{stray} each {step_ms} ms");
        }
    }
}

proptest! {
    #[test]
    fn players_see_numbers_that_only_grow(
        packets in proptest::collection::vec((0u8..3, any::<u16>(), 0u16..400, 0u64..60), 1..300),
    ) {
        let (mut inflow, mut out) = (Inflow::default(), Vec::new());
        let (mut now_ms, mut at) = (0, 0u16);
        for (ssrc, jump, step, after_ms) in packets {
            now_ms += after_ms;
            at = at.wrapping_add(if jump % 16 == 0 { jump } else { step % 4 });
            inflow.take(packet(ssrc / 2, at), now_ms, &mut out);
            prop_assert!(inflow.held.len() <= MOST_HELD);
        }
        inflow.release(u64::MAX, &mut out);
        let seen = seen(&out);
        for pair in seen.windows(2) {
            prop_assert_eq!(pair[0].0, pair[1].0);
            let step = pair[1].1.wrapping_sub(pair[0].1);
            prop_assert!((1..MAX_DROPOUT).contains(&step), "{:?}", pair);
        }
    }
}
