use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::support::{large_chunks, message};
use crate::rtmp::chunk::{ChunkError, ChunkReader, MAX_MESSAGE_BYTES, Message, put_message};

fn read_in(bytes: &[u8], step: usize) -> Result<Vec<Message>, ChunkError> {
    let (mut chunks, mut input, mut messages) = (ChunkReader::default(), BytesMut::new(), Vec::new());
    for part in bytes.chunks(step) {
        input.extend_from_slice(part);
        while let Some(message) = chunks.next(&mut input)? {
            if message.kind == 1 {
                chunks.set_chunk_size(u32::from_be_bytes(*message.payload.first_chunk().unwrap()))?;
            }
            messages.push(message);
        }
    }
    Ok(messages)
}

fn read(bytes: &[u8]) -> Result<Vec<Message>, ChunkError> {
    read_in(bytes, bytes.len().max(1))
}

fn times(messages: &[Message]) -> Vec<u32> {
    messages.iter().map(|message| message.timestamp).collect()
}

#[test]
fn what_is_written_is_read_however_it_is_cut() {
    let long: Vec<u8> = (0..1_000u32).map(|n| n as u8).collect();
    let mut out = BytesMut::new();
    put_message(&mut out, 3, 20, 1, &long);
    put_message(&mut out, 2, 5, 0, &[0, 0, 1, 0]);
    put_message(&mut out, 3, 20, 1, &[]);
    let expected = read(&out).unwrap();
    assert_eq!(expected.len(), 3);
    assert_eq!((expected[0].payload.as_ref(), expected[0].stream), (&long[..], 1));
    for step in [1, 7, 128, 140] {
        assert_eq!(read_in(&out, step).unwrap(), expected);
    }
}

#[test]
fn messages_come_in_turns() {
    let head = |chunk_stream: u8, kind: u8| [chunk_stream, 0, 0, 9, 0, 0, 200, kind, 1, 0, 0, 0];
    let bytes = [
        &head(4, 8)[..],
        &[1; 128],
        &head(6, 9),
        &[2; 128],
        &[0xc4],
        &[1; 72],
        &[0xc6],
        &[2; 72],
    ]
    .concat();
    let messages = read(&bytes).unwrap();
    let got: Vec<_> = messages
        .iter()
        .map(|message| (message.kind, message.payload.clone()))
        .collect();
    assert_eq!(got, [(8, Bytes::from(vec![1; 200])), (9, Bytes::from(vec![2; 200]))]);
}

#[test]
fn headers_leave_out_what_has_not_changed() {
    let bytes = [
        &message(4, 8, 1, 1_000, b"ab")[..],
        // With a time and a length, with a time, with nothing.
        &[0x44, 0, 0, 20, 0, 0, 1, 8, b'c'],
        &[0x84, 0, 0, 30, b'd'],
        &[0xc4, b'e'],
        &[0xc4, b'f'],
    ]
    .concat();
    let messages = read(&bytes).unwrap();
    assert_eq!(times(&messages), [1_000, 1_020, 1_050, 1_080, 1_110]);
    assert!(messages.iter().all(|message| message.stream == 1 && message.kind == 8));
    let of_even_sound = [&message(4, 8, 1, 20, b"a")[..], &[0xc4, b'b'], &[0xc4, b'c']].concat();
    assert_eq!(times(&read(&of_even_sound).unwrap()), [20, 40, 60]);
}

#[test]
fn long_times_stand_behind_the_header_and_may_be_repeated_or_not() {
    let late = 0x0123_4567u32;
    let first = message(4, 8, 1, late, &[7; 128]);
    // The header says 200 bytes.
    let mut first = first;
    first[4..7].copy_from_slice(&[0, 0, 200]);
    let repeated = [&first[..], &[0xc4], &late.to_be_bytes(), &[7; 72]].concat();
    let not_repeated = [&first[..], &[0xc4], &[7; 72]].concat();
    for bytes in [repeated, not_repeated] {
        let messages = read_in(&bytes, 5).unwrap();
        assert_eq!(
            (times(&messages), messages[0].payload.clone()),
            (vec![late], vec![7; 200].into())
        );
    }
    let wraps = [&message(4, 8, 1, u32::MAX - 1, b"a")[..], &[0x84, 0, 0, 9, b'b']].concat();
    assert_eq!(times(&read(&wraps).unwrap()), [u32::MAX - 1, 7]);
}

#[test]
fn a_message_that_is_given_up_costs_nothing() {
    let (mut chunks, mut input) = (ChunkReader::default(), BytesMut::new());
    input.extend_from_slice(&[4, 0, 0, 9, 0, 0, 200, 8, 1, 0, 0, 0]);
    input.extend_from_slice(&[1; 128]);
    assert_eq!(chunks.next(&mut input), Ok(None));
    chunks.abort(4);
    chunks.abort(99);
    input.extend_from_slice(&message(4, 8, 1, 10, b"new"));
    assert_eq!(chunks.next(&mut input).unwrap().unwrap().payload, "new");
}

#[test]
fn what_breaks_the_rules_or_wants_too_much_is_refused() {
    assert_eq!(read(&[0xc4, 1]), Err(ChunkError::NoHeader));
    assert_eq!(read(&[0x44, 0, 0, 0, 0, 0, 1, 8, 1]), Err(ChunkError::NoHeader));
    let long = [4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0];
    assert_eq!(read(&long), Err(ChunkError::TooLong));
    let interrupted = [
        &[4, 0, 0, 0, 0, 0, 200, 8, 1, 0, 0, 0][..],
        &[1; 128],
        &message(4, 8, 1, 0, b"x"),
    ]
    .concat();
    assert_eq!(read(&interrupted), Err(ChunkError::Interrupted));
    let many: Vec<u8> = (2..=63)
        .chain(64..80)
        .flat_map(|id: u32| match id {
            2..=63 => [&[id as u8][..], &message(4, 8, 1, 0, b"x")[1..]].concat(),
            _ => [&[0, (id - 64) as u8][..], &message(4, 8, 1, 0, b"x")[1..]].concat(),
        })
        .collect();
    assert_eq!(read(&many), Err(ChunkError::TooManyStreams));
    assert_eq!(read(&message(2, 1, 0, 0, &[0; 4])), Err(ChunkError::ChunkSize(0)));
    assert_eq!(
        read(&message(2, 1, 0, 0, &[0xff; 4])),
        Err(ChunkError::ChunkSize(u32::MAX))
    );
}

#[test]
fn what_is_announced_takes_no_memory_until_it_comes() {
    let (mut chunks, mut input) = (ChunkReader::default(), BytesMut::new());
    input.extend_from_slice(&large_chunks());
    chunks.next(&mut input).unwrap();
    chunks.set_chunk_size(i32::MAX as u32).unwrap();
    let whole = MAX_MESSAGE_BYTES as u32;
    let mut outcome = Ok(None);
    for id in 3..=6u8 {
        let [_, l0, l1, l2] = whole.to_be_bytes();
        input.extend_from_slice(&[id, 0, 0, 0, l0, l1, l2, 9, 1, 0, 0, 0]);
        // All but its last byte, which would have to come before the next chunk.
        assert_eq!(chunks.next(&mut input), Ok(None));
        assert!(input.is_empty());
        chunks = ChunkReader::default();
    }
    // With small chunks, several can be under way at once.
    for id in 3..=6u8 {
        let [_, l0, l1, l2] = whole.to_be_bytes();
        input.extend_from_slice(&[id, 0, 0, 0, l0, l1, l2, 9, 1, 0, 0, 0]);
        input.extend_from_slice(&[0; 128]);
    }
    while outcome == Ok(None) {
        outcome = chunks.next(&mut input);
        for id in 3..=6u8 {
            input.extend_from_slice(&[0xc0 | id]);
            input.extend_from_slice(&[0; 128]);
        }
    }
    assert_eq!(outcome, Err(ChunkError::TooManyPartial));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), step in 1usize..50) {
        let _ = read_in(&bytes, step);
    }
}
