//! What tests of single codecs have in common: the packets that they hand to a depacketizer, and what it makes of them.

use bytes::Bytes;

use crate::stream::depacketize::{Depacketizer, Frame, Packet};

pub(super) fn packet(timestamp: u32, marker: bool, payload: &[u8]) -> Packet {
    Packet {
        arrival_us: i64::from(timestamp),
        sequence: 0,
        timestamp,
        marker,
        payload: Bytes::copy_from_slice(payload),
    }
}

/// A packet whose payload is these parts.
pub(super) fn packet_of(timestamp: u32, marker: bool, parts: &[&[u8]]) -> Packet {
    packet(timestamp, marker, &parts.concat())
}

pub(super) fn push_all(depacketizer: &mut dyn Depacketizer, packets: &[Packet]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for packet in packets {
        depacketizer.push(packet, &mut frames).unwrap();
    }
    frames
}

/// The same, to the end of the stream.
pub(super) fn push_to_end(depacketizer: &mut dyn Depacketizer, packets: &[Packet]) -> Vec<Frame> {
    let mut frames = push_all(depacketizer, packets);
    depacketizer.end(&mut frames);
    frames
}

pub(super) fn timestamps(frames: &[Frame]) -> Vec<u32> {
    frames.iter().map(|frame| frame.timestamp).collect()
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// NAL units in the form of Annex B.
pub(super) fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1][..], nal].concat()).collect()
}
