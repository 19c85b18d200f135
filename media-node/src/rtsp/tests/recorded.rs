//! What FFmpeg sends, recorded once and the same each time.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::capture::tests::ffmpeg::{ffmpeg, port_pair, receive};
use crate::hub::rtp::rtp_head;
use crate::stream::{Fmtp, Frame, Packet, PayloadFormat, depacketizer};

pub(super) const SECONDS: u32 = 6;
/// When FFmpeg starts.
const BEGUN_US: i64 = 5_000_000;

pub(super) static WITHOUT_B_FRAMES: LazyLock<Sent> = LazyLock::new(|| record("-tune zerolatency -g 25"));

/// What FFmpeg sent: the tracks' formats, and its packets with their times, each by the number of its socket: RTP and RTCP of
/// the sound, then of the picture.
pub(super) struct Sent {
    pub(super) formats: [PayloadFormat; 2],
    pub(super) packets: Vec<(i64, usize, Vec<u8>)>,
}

pub(super) fn record(video: &str) -> Sent {
    let folder = tempfile::tempdir().unwrap();
    let sdp_file = folder.path().join("sent.sdp");
    let (audio_ports, video_ports) = (port_pair(), port_pair());
    let url = |port: &std::net::UdpSocket| format!("rtp://127.0.0.1:{}", port.local_addr().unwrap().port());
    let picture = format!("testsrc2=s=320x180:r=25:d={SECONDS}");
    // No two of its packets are the same.
    let tone = format!("anoisesrc=r=48000:d={SECONDS}:a=0.3:seed=1");
    let mut command = ffmpeg(&["-re", "-f", "lavfi", "-i", &picture, "-re", "-f", "lavfi", "-i", &tone]);
    command.arg("-sdp_file").arg(&sdp_file);
    command.args(["-map", "0:v", "-c:v", "libx264", "-threads", "1", "-pix_fmt", "yuv420p"]);
    command.args(video.split_whitespace());
    command.args(["-f", "rtp", &url(&video_ports.0)]);
    command.args(["-map", "1:a", "-c:a", "libopus", "-f", "rtp", &url(&audio_ports.0)]);
    let sockets = [&audio_ports.0, &audio_ports.1, &video_ports.0, &video_ports.1];
    let received = receive(command.spawn().unwrap(), &sockets);
    let sdp = std::fs::read_to_string(&sdp_file).unwrap();
    let format = |kind: &str| {
        let media = sdp.split("m=").find(|media| media.starts_with(kind)).unwrap();
        let value = |name: &str| {
            let line = media.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_once(' '))
                .map_or("", |(_, value)| value)
        };
        PayloadFormat::parse(value("a=rtpmap:"), Fmtp::parse(value("a=fmtp:"))).unwrap()
    };
    let formats = [format("audio"), format("video")];
    let packets = formats.iter().zip([0, 2]).flat_map(|(format, socket)| {
        let of_track = received.iter().filter(|packet| packet.1 == socket);
        as_ever(
            of_track.map(|packet| packet.2.clone()).collect(),
            format.clock_rate,
            socket,
        )
    });
    let mut packets: Vec<_> = packets.collect();
    packets.sort_by_key(|(at_us, socket, _)| (*at_us, *socket));
    Sent { formats, packets }
}

/// A track with the same source, numbers, timestamps and times each time: those are chance. A frame after the other comes as
/// steadily as they are made, and reports say so.
fn as_ever(packets: Vec<Vec<u8>>, clock_rate: u32, socket: usize) -> Vec<(i64, usize, Vec<u8>)> {
    /// Both pass zero on the way.
    const FIRST_SEQUENCE: u16 = u16::MAX - 100;
    const FIRST_TIMESTAMP: u32 = u32::MAX - 100_000;
    const FRAME_US: [i64; 2] = [20_000, 40_000];
    const REPORT_US: i64 = 2_000_000;
    // No picture comes before its time, with three B-frames.
    const LEAD_US: [i64; 2] = [0, 160_000];
    let ssrc = [0, 0, 0, 7 + socket as u8];
    let first = rtp_head(&packets[0]).unwrap();
    let (mut frames, mut last, mut report_us) = (-1, None, 0);
    let mut sent = Vec::new();
    for mut packet in packets {
        let head = rtp_head(&packet).unwrap();
        frames += i64::from(last.replace(head.timestamp) != Some(head.timestamp));
        let since_us = frames * FRAME_US[socket / 2];
        let sequence = head.sequence.wrapping_sub(first.sequence).wrapping_add(FIRST_SEQUENCE);
        let timestamp = head
            .timestamp
            .wrapping_sub(first.timestamp)
            .wrapping_add(FIRST_TIMESTAMP);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc);
        let at_us = BEGUN_US + LEAD_US[socket / 2] + since_us;
        sent.push((at_us, socket, packet));
        if since_us >= report_us {
            report_us += REPORT_US;
            let ticks = (since_us * i64::from(clock_rate) / 1_000_000) as u32;
            let mut report = vec![0x80, 200, 0, 6];
            report.extend(ssrc);
            report.extend((3_900_000_000 + (since_us / 1_000_000) as u32).to_be_bytes());
            report.extend((((since_us % 1_000_000) << 32) / 1_000_000).to_be_bytes()[4..].iter());
            report.extend(FIRST_TIMESTAMP.wrapping_add(ticks).to_be_bytes());
            report.extend([0; 8]);
            sent.push((at_us, socket + 1, report));
        }
    }
    sent
}

/// The pictures as they are sent.
pub(super) fn frames(sent: &Sent) -> Vec<Frame> {
    let mut depacketizer = depacketizer(&sent.formats[1]).unwrap();
    let mut frames = Vec::new();
    for (_, _, data) in sent.packets.iter().filter(|packet| packet.1 == 2) {
        depacketizer
            .push(&rtp(0, &Bytes::copy_from_slice(data)), &mut frames)
            .unwrap();
    }
    depacketizer.end(&mut frames);
    frames
}

pub(super) fn rtp(arrival_us: i64, data: &Bytes) -> Packet {
    let head = rtp_head(data).unwrap();
    Packet {
        arrival_us,
        sequence: head.sequence,
        timestamp: head.timestamp,
        marker: data[1] & 0x80 != 0,
        payload: data.slice(12..),
    }
}
