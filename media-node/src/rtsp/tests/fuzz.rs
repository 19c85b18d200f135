//! Recorded sessions with changes that a seed makes: what is read of them, and what becomes of the media around a change.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::Decoder;

use super::link::{Arrived, capture};
use super::raw::{Client, SDP, rtp};
use super::recorded::{Sent, WITHOUT_B_FRAMES, frames};
use super::support::Server;
use crate::hub::Description;
use crate::hub::rtp as fields;
use crate::mix::testing::Noise;
use crate::rtsp::wire::Wire;
use crate::stream::tests::rtp::{assert_in_order, units};
use crate::stream::{StreamEvent, Track};

/// So many changed sessions, or those of the long form.
pub(crate) fn runs(usual: u64) -> u64 {
    if std::env::var("TAPEDECK_SOAK").is_ok_and(|soak| soak == "1") {
        100_000
    } else {
        usual
    }
}

/// The same as seeds; `TAPEDECK_SEED`: one seed alone, or the first and the last one with a dash between them.
pub(crate) fn seeds(usual: u64) -> RangeInclusive<u64> {
    match std::env::var("TAPEDECK_SEED") {
        Ok(told) => {
            let (first, last) = told.split_once('-').unwrap_or((&told, &told));
            first.parse().unwrap()..=last.parse().unwrap()
        }
        Err(_) => 1..=runs(usual),
    }
}

/// Changes a few bytes of something recorded: flips, replaces, takes out, doubles, puts in, cuts off.
pub(crate) fn mutate(bytes: &mut Vec<u8>, noise: &mut Noise) {
    const TELLING: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, b'\r', b'\n', b' ', b':', b'=', b'$', b'9'];
    for _ in 0..=noise.next() % 3 {
        let at = (noise.next() % (bytes.len() as u64 + 1)) as usize;
        let end = (at + (noise.next() % 8) as usize).min(bytes.len());
        match noise.next() % 6 {
            0 => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= 1 << (noise.next() % 8)),
            1 => {
                let telling = TELLING[(noise.next() % TELLING.len() as u64) as usize];
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = telling);
            }
            2 => drop(bytes.drain(at..end)),
            3 => {
                let doubled = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, doubled));
            }
            4 => {
                let put_in: Vec<u8> = (0..noise.next() % 6).map(|_| noise.next() as u8).collect();
                drop(bytes.splice(at..at, put_in));
            }
            _ => bytes.truncate(end.max(bytes.len() / 2)),
        }
    }
}

/// What a capture of a few seconds takes at most: its events, and what waits for its place.
const MOST_OF_A_CAPTURE: u64 = 8 << 20;
/// What a server and its clients take at most, however many of them misbehave one behind the other.
const MOST_OF_A_SERVER: u64 = 16 << 20;

/// A whole conversation, with packets of what FFmpeg sent.
fn conversation(url: &str, sent: &Sent) -> Vec<u8> {
    let head = format!(
        "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n\
         ANNOUNCE {url} RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}\
         SETUP {url}/streamid=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=\"record\"\r\n\r\n\
         RECORD {url} RTSP/1.0\r\nCSeq: 4\r\nRange: npt=0.000-\r\n\r\n",
        SDP.len()
    );
    let mut bytes = head.into_bytes();
    for (_, socket, packet) in sent.packets.iter().filter(|packet| packet.1 >= 2).take(20) {
        let length = (packet.len() as u16).to_be_bytes();
        bytes.extend([b'$', (socket % 2) as u8, length[0], length[1]]);
        bytes.extend(packet);
    }
    bytes.extend(format!("TEARDOWN {url} RTSP/1.0\r\nCSeq: 5\r\n\r\n").into_bytes());
    bytes
}

#[test]
fn whatever_is_read_of_a_changed_conversation_takes_no_more_than_one_message() {
    const MOST: usize = 200 << 10;
    let whole = conversation("rtsp://127.0.0.1:8554/app/room/u", &WITHOUT_B_FRAMES);
    for seed in seeds(3_000) {
        let mut noise = Noise(seed);
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut noise);
        let (mut wire, mut buffer) = (Wire::default(), BytesMut::new());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((1 + noise.next() as usize % 2_000).min(rest.len()));
            rest = behind;
            buffer.extend_from_slice(piece);
            while let Ok(Some(_)) = wire.decode(&mut buffer) {}
            assert!(buffer.capacity() <= MOST, "seed {seed}: {}", buffer.capacity());
        }
    }
}

#[test]
fn a_changed_description_is_refused_or_can_be_given_to_players() {
    const FFMPEG: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=tool:libavformat\r\n\
        m=video 0 RTP/AVP 96\r\nb=AS:200\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QAC6zZ,aOvjyyLA; profile-level-id=64000B\r\n\
        a=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\nb=AS:64\r\na=rtpmap:97 MPEG4-GENERIC/44100/1\r\n\
        a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1208\r\n\
        a=control:streamid=1\r\n";
    let mut taken = 0;
    for seed in seeds(5_000) {
        let mut bytes = FFMPEG.as_bytes().to_vec();
        mutate(&mut bytes, &mut Noise(seed));
        let Ok(description) = Description::parse(&bytes) else {
            continue;
        };
        taken += 1;
        let again = Description::parse(description.for_players());
        assert!(
            again.is_ok(),
            "seed {seed}: {}",
            String::from_utf8_lossy(description.for_players())
        );
    }
    assert!(taken > 0);
}

#[test]
fn changed_packets_are_dropped_or_read_within_their_bounds() {
    let sent = &*WITHOUT_B_FRAMES;
    for seed in seeds(20_000) {
        let mut noise = Noise(seed);
        let mut bytes = sent.packets[noise.next() as usize % sent.packets.len()].2.clone();
        mutate(&mut bytes, &mut noise);
        if let Some(repaired) = fields::without_wrong_padding(&bytes, noise.next().is_multiple_of(2)) {
            assert!(repaired.len() <= bytes.len());
        }
        let _ = (fields::rtp_head(&bytes), fields::with_reporter(&bytes, 7, 8));
        if fields::is_sender_report(&bytes) {
            assert!(fields::is_compound(&bytes) && bytes.len() >= 28, "seed {seed}");
        }
    }
}

/// All that lies in front of a changed packet, and all behind the next key frame, is captured as it was sent.
#[test]
fn media_before_a_changed_packet_and_behind_the_next_keyframe_is_whole() {
    let sent = &*WITHOUT_B_FRAMES;
    let pictures = frames(sent);
    let sounds: Vec<Bytes> = sent
        .packets
        .iter()
        .filter(|packet| packet.1 == 0)
        .map(|packet| Bytes::copy_from_slice(&packet.2[12..]))
        .collect();
    for seed in seeds(400) {
        let mut noise = Noise(seed);
        let changed = noise.next() as usize % sent.packets.len();
        let mut arrived: Vec<Arrived> = sent
            .packets
            .iter()
            .map(|(at_us, socket, data)| Arrived {
                at_us: *at_us,
                socket: *socket,
                data: Bytes::copy_from_slice(data),
            })
            .collect();
        let mut bytes = arrived[changed].data.to_vec();
        mutate(&mut bytes, &mut noise);
        arrived[changed].data = Bytes::copy_from_slice(&bytes);
        let mut events = Vec::new();
        let memory = allocation_counter::measure(|| events = capture(sent, arrived));
        assert!(memory.bytes_max < MOST_OF_A_CAPTURE, "seed {seed}: {memory:?}");
        assert_in_order(&events);
        let of = |events: &[StreamEvent], track| -> BTreeSet<Bytes> {
            units(events, track).iter().map(|unit| unit.data.clone()).collect()
        };
        let (_, socket, original) = &sent.packets[changed];
        let what = format!("seed {seed}: packet {changed}");
        // A report costs nothing, whatever it says; a packet of sound no picture. With another's number it takes that one's
        // place, and what lies between the two may be passed over if that is not much.
        const NEAR: u16 = 16;
        let own = fields::rtp_head(original).filter(|_| socket % 2 == 0);
        let number = own.and_then(|own| Some((own.sequence, fields::rtp_head(&bytes)?.sequence)));
        let is_touched = |sequence: u16| {
            number.is_some_and(|(own, now)| {
                let near = now.wrapping_sub(own) <= NEAR && sequence.wrapping_sub(own) <= now.wrapping_sub(own);
                near || sequence == own || sequence == now
            })
        };
        let of_track = sent
            .packets
            .iter()
            .filter(|packet| own.is_some() && packet.1 == *socket);
        let heads = of_track.filter_map(|packet| fields::rtp_head(&packet.2));
        let touched: Vec<_> = heads
            .filter(|head| is_touched(head.sequence))
            .map(|head| head.timestamp)
            .collect();
        // What has no number any more is touched all the same.
        let touched: Vec<_> = touched.into_iter().chain(own.map(|own| own.timestamp)).collect();
        let video = of(&events, Track::Video);
        let groups: Vec<_> = touched
            .iter()
            .filter(|_| *socket == 2)
            .filter_map(|stamp| pictures.iter().position(|frame| frame.timestamp == *stamp))
            .map(|at| {
                at..(at + 1..pictures.len())
                    .find(|next| pictures[*next].keyframe)
                    .unwrap_or(pictures.len())
            })
            .collect();
        for (number, frame) in pictures.iter().enumerate() {
            let spared = !groups.iter().any(|group| group.contains(&number));
            assert!(
                !spared || video.contains(&frame.data),
                "{what}: picture {number} is missing"
            );
        }
        let audio = of(&events, Track::Audio);
        let missing = sounds.iter().filter(|sound| !audio.contains(*sound)).count();
        let most = if *socket == 0 { touched.len() } else { 0 };
        assert!(missing <= most, "{what}: {missing} packets of sound are missing");
    }
}

/// Whole sessions with changes, one behind the other, while a user is played: none of that one's packets is lost.
#[test]
fn changed_sessions_cost_other_users_nothing_and_leave_nothing_behind() {
    // FFmpeg takes its time, in which nobody must be silent.
    let sent = &*WITHOUT_B_FRAMES;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let memory = allocation_counter::measure(|| runtime.block_on(play_beside_changed_sessions(sent)));
    assert!(memory.bytes_max < MOST_OF_A_SERVER, "{memory:?}");
}

async fn play_beside_changed_sessions(sent: &Sent) {
    let server = Server::start().await;
    let url = server.url("good");
    let mut publisher = Client::connect(&server).await;
    publisher.publish(&url).await;
    let mut player = Client::connect(&server).await;
    player.play(&url, "RTP/AVP/TCP;interleaved=0-1").await;
    let whole = conversation(&server.url("bad"), sent);
    let mut noise = Noise(1);
    for number in 0..runs(1_500) {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut noise);
        let mut client = Client::connect(&server).await;
        // The server may hang up in the midst of it.
        drop(client.send(&bytes).await);
        let packet = rtp(number as u16, 50);
        publisher.packet(0, &packet).await.unwrap();
        assert_eq!(player.next_packet().await, Some((0, packet)), "behind session {number}");
    }
    server
        .roster(|roster| roster.users.iter().all(|user| user.uid == "good"))
        .await;
    server.stop().await;
}
