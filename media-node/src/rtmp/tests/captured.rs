//! What FFmpeg and GStreamer really sent, behind the handshake: a second of pictures with B-frames, and of sound.

use std::sync::Arc;

use bytes::Bytes;

use super::dice::Dice;
use super::support::hello;
use crate::access::{Gate, Grant, Keys, Passes};
use crate::channel::{Limits as ChannelLimits, Registry, StreamPath};
use crate::hub::{Flow, Hub, Limits, Overflow, Packet, Publication};
use crate::rtmp::flv::{self, Tag};
use crate::rtmp::publisher::Publisher;
use crate::rtmp::session::{Event, MediaKind, Session, SessionError, Wish};

const FFMPEG: &[u8] = include_bytes!("ffmpeg.rtmp");
/// By `rtmp2sink` and by the older `rtmpsink`.
const GSTREAMER: &[u8] = include_bytes!("rtmp2sink.rtmp");
const OLD_GSTREAMER: &[u8] = include_bytes!("rtmpsink.rtmp");

fn events(captured: &[u8], step: usize) -> Result<Vec<Event>, SessionError> {
    let (mut session, mut events) = (Session::default(), Vec::new());
    for part in [&hello()[..], captured].concat().chunks(step) {
        session.input().extend_from_slice(part);
        session.received(part.len());
        while let Some(event) = session.next()? {
            events.push(event);
        }
    }
    Ok(events)
}

/// Decoding and presentation times of the pictures, and times of sound, in milliseconds.
fn times(events: &[Event]) -> (Vec<(u32, i64)>, Vec<u32>) {
    let (mut pictures, mut sounds) = (Vec::new(), Vec::new());
    for event in events {
        let Event::Media { kind, timestamp, tag } = event else {
            continue;
        };
        match kind {
            MediaKind::Video => {
                if let Tag::Unit(unit) = flv::video(tag.clone()).unwrap() {
                    pictures.push((*timestamp, i64::from(*timestamp) + i64::from(unit.composition_ms)));
                }
            }
            MediaKind::Audio => {
                if let Tag::Unit(_) = flv::audio(tag.clone()).unwrap() {
                    sounds.push(*timestamp);
                }
            }
        }
    }
    (pictures, sounds)
}

#[test]
fn each_client_is_understood_however_its_bytes_come() {
    for (client, captured) in [
        ("ffmpeg", FFMPEG),
        ("rtmp2sink", GSTREAMER),
        ("rtmpsink", OLD_GSTREAMER),
    ] {
        let whole = events(captured, 1 << 20).unwrap();
        let wish = Wish {
            app: "app/room".to_owned(),
            key: "3".to_owned(),
        };
        assert_eq!(whole[0], Event::Publish(wish), "{client}");
        let metadata = Event::Metadata {
            audio: true,
            video: true,
        };
        assert!(whole.contains(&metadata), "{client}");
        assert_eq!(whole.last(), Some(&Event::Unpublish), "{client}");
        let (pictures, sounds) = times(&whole);
        let of_sound = if client == "ffmpeg" { 48 } else { 47 };
        assert_eq!((pictures.len(), sounds.len()), (25, of_sound), "{client}");
        let mut shown: Vec<_> = pictures.iter().map(|(_, shown)| *shown).collect();
        assert!(!shown.is_sorted(), "{client}: no B-frames");
        shown.sort_unstable();
        // GStreamer's muxer squeezes the first ones together.
        let (_, even) = shown.split_at(if client == "ffmpeg" { 0 } else { 5 });
        assert!(
            even.windows(2).all(|pair| pair[1] - pair[0] == 40),
            "{client}: {shown:?}"
        );
        assert!(
            sounds.windows(2).all(|pair| pair[1] - pair[0] <= 40),
            "{client}: {sounds:?}"
        );
        for step in [1, 129, 1_000] {
            assert_eq!(events(captured, step).unwrap(), whole, "{client} {step}");
        }
    }
}

struct House {
    hub: Arc<Hub>,
    path: StreamPath,
}

impl House {
    fn new() -> Self {
        let registry = Registry::new(ChannelLimits::default(), 0);
        let gate = Arc::new(Gate::new(Keys::default(), Passes::default()));
        Self {
            hub: Arc::new(Hub::new(registry, gate, "rtsp://h:1".to_owned(), Limits::default())),
            path: StreamPath::parse("/app/room/3").unwrap(),
        }
    }

    /// A publisher that has taken these, each at the time that it is stamped with, and what it publishes.
    fn publish(&self, events: &[Event]) -> (Publisher, Option<Arc<Publication>>) {
        let mut publisher = Publisher::new(self.hub.clone(), self.path.clone(), Grant::ALL, 1_000_000);
        for event in events {
            if let Event::Media { kind, timestamp, tag } = event
                && publisher
                    .media(*kind, *timestamp, tag.clone(), i64::from(*timestamp))
                    .is_err()
            {
                break;
            }
        }
        (publisher, self.hub.find(&self.path))
    }
}

fn rtp(packet: &Packet) -> (u32, Bytes) {
    let timestamp = u32::from_be_bytes(*packet.payload[4..].first_chunk().unwrap());
    (timestamp, packet.payload.slice(12..))
}

#[tokio::test]
async fn pictures_and_sounds_become_packets_at_their_times() {
    let events = events(FFMPEG, 1 << 20).unwrap();
    let (pictures, sounds) = times(&events);
    let house = House::new();
    let (publisher, publication) = house.publish(&events);
    let publication = publication.unwrap();
    let mut packets = publication
        .subscribe(&[0, 1], 1 << 20, Overflow::CutOff, true)
        .unwrap()
        .packets;
    drop(publisher);
    let mut received = Vec::new();
    while let Some(packet) = packets.next().await {
        received.push(packet);
    }
    let media = |track: usize| {
        let of_track = received
            .iter()
            .filter(move |packet| packet.track == track && packet.flow == Flow::Rtp);
        of_track.map(rtp).collect::<Vec<_>>()
    };
    // The first unit's decoding time is 0.
    let origin = i64::from(pictures[0].0);
    let mut stamped: Vec<_> = media(0).iter().map(|(timestamp, _)| i64::from(*timestamp)).collect();
    stamped.dedup();
    let expected: Vec<_> = pictures.iter().map(|(_, shown)| (shown - origin) * 90).collect();
    assert_eq!(stamped, expected);
    let kinds: Vec<_> = media(0).iter().map(|(_, payload)| payload[0] & 0x1f).take(2).collect();
    assert_eq!(kinds, [7, 8], "parameter sets stand ahead");
    let stamped: Vec<_> = media(1).iter().map(|(timestamp, _)| i64::from(*timestamp)).collect();
    assert_eq!(stamped.len(), sounds.len());
    assert!(
        stamped[1..].windows(2).all(|pair| pair[1] - pair[0] == 1_024),
        "{stamped:?}"
    );
    for (stamped, told) in stamped.iter().zip(&sounds) {
        assert!((stamped - (i64::from(*told) - origin) * 48).abs() <= 3 * 48);
    }
    let reports = received.iter().filter(|packet| packet.flow == Flow::Rtcp).count();
    assert_eq!(reports, 2);
}

/// What a session and its publication take at most.
const MOST_OF_A_SESSION: u64 = 16 << 20;

/// Whatever becomes of the bytes, nothing panics, what came before the first wrong one is published, and all of it is let go.
#[test]
fn no_mutation_panics_or_takes_much_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let memory = allocation_counter::measure(|| runtime.block_on(publish_mutations()));
    assert!(memory.bytes_max < MOST_OF_A_SESSION, "{memory:?}");
}

async fn publish_mutations() {
    let mut dice = Dice::new(14);
    let house = House::new();
    let whole = events(FFMPEG, 1 << 20).unwrap();
    let rounds = if std::env::var_os("TAPEDECK_SOAK").is_some() {
        100_000
    } else {
        1_500
    };
    for round in 0..rounds {
        let captured = [FFMPEG, GSTREAMER, OLD_GSTREAMER][round % 3];
        let mut bytes = captured.to_vec();
        let first = dice.mutate(&mut bytes);
        let (mut session, mut taken) = (Session::default(), Vec::new());
        session.input().extend_from_slice(&[&hello()[..], &bytes].concat());
        while let Ok(Some(event)) = session.next() {
            taken.push(event);
        }
        if round % 3 == 0 {
            let before = events(&FFMPEG[..first], 1 << 20).unwrap();
            assert_eq!(taken[..before.len()], whole[..before.len()], "round {round}");
        }
        house.publish(&taken);
        // What served the publication is let go.
        tokio::task::yield_now().await;
    }
}
