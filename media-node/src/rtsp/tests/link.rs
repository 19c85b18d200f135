//! A network that loses, delays and duplicates packets, by a seed: between what FFmpeg sends and what is captured of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::recorded::{SECONDS, Sent, WITHOUT_B_FRAMES, frames, record, rtp};
use crate::hub::Inflow;
use crate::hub::rtp::{is_sender_report, rtp_head};
use crate::media::{self, Picture, VideoDecoder};
use crate::mix::testing::Noise;
use crate::stream::VideoCodec;
use crate::stream::testing::Clear;
use crate::stream::tests::rtp::{assert_in_order, units};
use crate::stream::{
    AccessUnit, PictureLimit, RtpStream, RtpTrack, SenderReport, StreamEvent, Track, UserClock, depacketizer,
};

/// From sending to arrival at least.
const DELAY_US: i64 = 20_000;
/// How far from its time media may be.
const IN_TIME_US: i64 = 80_000;
/// Between two calls of what releases packets that have waited long enough.
const TICK_US: i64 = 10_000;
/// Seeds of networks in which the last packet overtakes another, and the one between them is lost.
const FOUND: [u64; 2] = [63, 88];

/// Percentages of packets.
#[derive(Clone, Copy, Debug)]
struct Link {
    seed: u64,
    lost: u64,
    delayed: u64,
    doubled: u64,
}

pub(super) struct Arrived {
    pub(super) at_us: i64,
    pub(super) socket: usize,
    pub(super) data: Bytes,
}

impl Link {
    /// What arrives, in its order, and the numbers of the packets that do not.
    fn carry(self, sent: &Sent) -> (Vec<Arrived>, BTreeSet<usize>) {
        let mut noise = Noise(self.seed);
        let mut chance = move |percent: u64| noise.next() >> 11 < (percent << 53) / 100;
        let mut delays = Noise(self.seed ^ 0x5555);
        let mut delay = move |most_us: u64| (delays.next() % most_us) as i64;
        let (mut arrived, mut lost) = (Vec::new(), BTreeSet::new());
        let mut begun = [false; 4];
        for (number, (sent_us, socket, data)) in sent.packets.iter().enumerate() {
            // What comes in front of the first packet of a track is not known to be missing.
            let first = !std::mem::replace(&mut begun[*socket], true);
            if first {
                arrived.push(Arrived {
                    at_us: sent_us + DELAY_US,
                    socket: *socket,
                    data: Bytes::copy_from_slice(data),
                });
                continue;
            }
            if chance(self.lost) {
                lost.insert(number);
                continue;
            }
            for _ in 0..1 + usize::from(chance(self.doubled)) {
                let overtaken_us = if chance(self.delayed) { delay(60_000) } else { 0 };
                arrived.push(Arrived {
                    at_us: sent_us + DELAY_US + delay(3_000) + overtaken_us,
                    socket: *socket,
                    data: Bytes::copy_from_slice(data),
                });
            }
        }
        arrived.sort_by_key(|packet| packet.at_us);
        (arrived, lost)
    }
}

/// What is captured of what arrives, behind the cleaning that the server does.
pub(super) fn capture(sent: &Sent, arrived: Vec<Arrived>) -> Vec<StreamEvent> {
    let tracks = [Track::Audio, Track::Video].into_iter().zip(&sent.formats);
    let tracks = tracks.map(|(kind, format)| {
        RtpTrack::new(
            kind,
            format.clock_rate,
            depacketizer(format).unwrap(),
            Box::new(Clear),
            0,
        )
    });
    let mut stream = RtpStream::new(tracks.collect(), UserClock::default().join("camera"));
    let mut inflows = [Inflow::default(), Inflow::default()];
    let mut events = Vec::new();
    let mut tick_us = 0;
    for packet in arrived {
        while tick_us < packet.at_us {
            for (index, inflow) in inflows.iter_mut().enumerate() {
                let mut due = Vec::new();
                inflow.release(tick_us as u64 / 1_000, &mut due);
                due.iter()
                    .for_each(|data| stream.packet(index, &rtp(tick_us, data), &mut events));
            }
            stream.tick(tick_us, &mut events);
            tick_us += TICK_US;
        }
        let index = packet.socket / 2;
        if packet.socket % 2 == 1 {
            if is_sender_report(&packet.data) {
                let report = inflows[index].report(packet.data);
                stream.report(index, sender_report(&report), packet.at_us, &mut events);
            }
            continue;
        }
        let mut due = Vec::new();
        inflows[index].take(packet.data, packet.at_us as u64 / 1_000, &mut due);
        due.iter()
            .for_each(|data| stream.packet(index, &rtp(packet.at_us, data), &mut events));
    }
    for (index, inflow) in inflows.iter_mut().enumerate() {
        let mut due = Vec::new();
        inflow.release(u64::MAX, &mut due);
        due.iter()
            .for_each(|data| stream.packet(index, &rtp(tick_us, data), &mut events));
    }
    stream.finish(&mut events);
    events
}

fn sender_report(data: &[u8]) -> SenderReport {
    let word = |at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
    SenderReport {
        ntp_us: i64::from(word(8)) * 1_000_000 + ((i64::from(word(12)) * 1_000_000) >> 32),
        timestamp: word(16),
    }
}

/// The timestamps of the pictures that no loss can have touched: of each group, those in front of its first missing packet.
fn untouched(sent: &Sent, lost: &BTreeSet<usize>) -> BTreeMap<Bytes, u32> {
    let lost = lost
        .iter()
        .map(|number| &sent.packets[*number])
        .filter(|packet| packet.1 == 2);
    let touched: BTreeMap<u32, bool> = lost
        .map(|packet| (rtp_head(&packet.2).unwrap().timestamp, has_slices(&packet.2[12..])))
        .fold(BTreeMap::new(), |mut touched, (timestamp, slices)| {
            *touched.entry(timestamp).or_default() |= slices;
            touched
        });
    let mut whole = true;
    let mut kept = BTreeMap::new();
    for frame in frames(sent) {
        let spared = match touched.get(&frame.timestamp) {
            None => true,
            // What stands in front of a key frame's slices may be missing.
            Some(slices) => frame.keyframe && !slices,
        };
        whole = (whole || frame.keyframe) && spared;
        if whole {
            kept.insert(slices(&frame.data), frame.timestamp);
        }
    }
    kept
}

/// Whether an RTP payload holds some of a picture.
fn has_slices(payload: &[u8]) -> bool {
    match payload[0] & 0x1f {
        24 => {
            let mut rest = &payload[1..];
            let mut found = false;
            while let [high, low, header, ..] = rest {
                found |= is_slice(*header);
                rest = rest
                    .get(2 + usize::from(u16::from_be_bytes([*high, *low]))..)
                    .unwrap_or_default();
            }
            found
        }
        28 => is_slice(payload[1]),
        _ => is_slice(payload[0]),
    }
}

fn is_slice(header: u8) -> bool {
    (1..=5).contains(&(header & 0x1f))
}

/// A picture from its first slice on; sound as it is.
fn slices(unit: &Bytes) -> Bytes {
    let at = unit
        .windows(4)
        .position(|bytes| bytes[..3] == [0, 0, 1] && is_slice(bytes[3]));
    unit.slice(at.unwrap_or(0)..)
}

/// The pictures that a decoder makes of units, by the timestamps of these.
fn pictures(units: &[&AccessUnit], timestamps: &BTreeMap<Bytes, u32>) -> BTreeMap<u32, Picture> {
    media::init().unwrap();
    let sent: BTreeMap<i64, u32> = units
        .iter()
        .map(|unit| (unit.pts_us, timestamps[&slices(&unit.data)]))
        .collect();
    let mut decoder = VideoDecoder::new(VideoCodec::H264, PictureLimit::default()).unwrap();
    let mut pictures = BTreeMap::new();
    let mut keep = |picture, pts_us: i64| drop(pictures.insert(sent[&pts_us], picture));
    for unit in units {
        decoder.decode(&unit.data, unit.pts_us, unit.dts_us, &mut keep).unwrap();
    }
    decoder.finish(&mut keep).unwrap();
    pictures
}

/// Whether times are as far from one another as those of what came without a loss.
fn assert_in_time(got: &[&AccessUnit], reference: &[&AccessUnit], what: &str) {
    let times: BTreeMap<Bytes, i64> = reference.iter().map(|unit| (slices(&unit.data), unit.pts_us)).collect();
    for unit in got {
        let due_us = times[&slices(&unit.data)] + DELAY_US;
        let off_us = unit.pts_us - due_us;
        assert!(
            off_us.abs() <= IN_TIME_US,
            "{what}: a unit is {off_us} us from its time {due_us}"
        );
    }
}

fn check(sent: &Sent, reference: &[StreamEvent], whole: &BTreeMap<u32, Picture>, link: Link) {
    let (arrived, lost) = link.carry(sent);
    let events = capture(sent, arrived);
    let what = format!("{link:?}");
    assert_in_order(&events);
    let (audio, video) = (units(&events, Track::Audio), units(&events, Track::Video));
    let all_audio = units(reference, Track::Audio);
    let audio_lost = lost.iter().filter(|number| sent.packets[**number].1 == 0).count();
    assert_eq!(
        audio.len() + audio_lost,
        all_audio.len(),
        "{what}: what arrived is heard"
    );
    assert_in_time(&audio, &all_audio, &what);
    assert_in_time(&video, &units(reference, Track::Video), &what);

    let kept = untouched(sent, &lost);
    let damaged = video.iter().filter(|unit| !kept.contains_key(&slices(&unit.data)));
    assert_eq!(
        damaged.count(),
        0,
        "{what}: nothing is shown behind a loss but what a key frame begins"
    );
    assert_eq!(video.len(), kept.len(), "{what}: damage ends at the next key frame");
    let seen = pictures(&video, &kept);
    for (timestamp, picture) in &seen {
        assert!(picture.same_content(&whole[timestamp]), "{what}: a smeared picture");
    }
    assert_eq!(seen.len(), kept.len(), "{what}: each unit is a picture");
}

/// Some hundreds of networks, or more in the long form.
fn over_all_links(sent: &Sent) {
    let perfect = Link {
        seed: 1,
        lost: 0,
        delayed: 0,
        doubled: 0,
    };
    let no_delay = |packet: Arrived| Arrived {
        at_us: packet.at_us - DELAY_US,
        ..packet
    };
    let (arrived, _) = perfect.carry(sent);
    let reference = capture(sent, arrived.into_iter().map(no_delay).collect());
    let names = untouched(sent, &BTreeSet::new());
    let video = units(&reference, Track::Video);
    let whole = pictures(&video, &names);
    assert_eq!(whole.len(), SECONDS as usize * 25);
    let seeds = if std::env::var("TAPEDECK_SOAK").is_ok_and(|soak| soak == "1") {
        500
    } else {
        5
    };
    for seed in (1..=seeds).chain(FOUND) {
        for lost in [0, 1, 5, 10] {
            for (delayed, doubled) in [(0, 0), (5, 2), (30, 10)] {
                let link = Link {
                    seed: seed * 7_919,
                    lost,
                    delayed,
                    doubled,
                };
                check(sent, &reference, &whole, link);
            }
        }
    }
}

#[test]
fn damage_on_a_bad_network_ends_at_the_next_keyframe_and_all_stays_in_time() {
    over_all_links(&WITHOUT_B_FRAMES);
}

#[test]
fn nor_does_it_spread_where_pictures_come_in_another_order() {
    over_all_links(&record("-bf 3 -g 25"));
}
