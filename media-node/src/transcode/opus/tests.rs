use bytes::Bytes;
use protocol::TrackKind;

use super::*;

const HZ: f64 = 440.0;

fn aac_track(config: &[u8]) -> MediaTrack {
    let config: String = config.iter().map(|byte| format!("{byte:02x}")).collect();
    MediaTrack {
        kind: TrackKind::Audio,
        codec: "MPEG4-GENERIC".to_owned(),
        parameters: format!(
            "mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; profile-level-id=1; config={config}"
        ),
    }
}

/// A tone in AAC, as RTP carries it, each packet with the sample that it begins with.
fn aac(rate: u32, channels: u16, seconds: u32) -> (MediaTrack, Vec<stream::Packet>) {
    crate::media::init().unwrap();
    let mut encoder = AudioEncoder::new("aac", rate, channels, 96_000).unwrap();
    let track = aac_track(&encoder.config());
    let mut packets = Vec::new();
    for frame in 0..rate * seconds / 1_024 {
        let sample =
            |index: u32| (f64::from(frame * 1_024 + index) * HZ * std::f64::consts::TAU / f64::from(rate)).sin();
        let samples: Vec<f32> = (0..1_024).map(|index| sample(index) as f32 / 2.0).collect();
        let sound = vec![samples; usize::from(channels)];
        encoder
            .encode(&sound, i64::from(frame * 1_024), |coded| {
                let size = (coded.data.len() as u16) << 3;
                let payload = [&[0, 16][..], &size.to_be_bytes(), &coded.data].concat();
                packets.push(stream::Packet {
                    arrival_us: 0,
                    sequence: packets.len() as u16,
                    timestamp: 7_000_u32.wrapping_add(coded.pts as u32),
                    marker: true,
                    payload: Bytes::from(payload),
                });
            })
            .unwrap();
    }
    (track, packets)
}

fn made(to_opus: &mut ToOpus, packets: &[stream::Packet]) -> Vec<OpusFrame> {
    let mut made = Vec::new();
    for packet in packets {
        to_opus.packet(packet, &mut made).unwrap();
    }
    made
}

/// The frequency of what is heard, from the middle of it.
fn heard(frames: &[OpusFrame]) -> (f64, u16) {
    let mut decoder = AudioDecoder::new(&AudioCodec::Opus { channels: 2 }).unwrap();
    let (mut samples, mut channels) = (Vec::new(), 0);
    let mut resampler = None;
    for frame in frames {
        let sound = decoder.decode(&frame.data).unwrap().unwrap();
        channels = sound.channels();
        let resampler = resampler.get_or_insert_with(|| Resampler::new(&sound, 48_000).unwrap());
        samples.extend_from_slice(resampler.convert(&sound).unwrap().0);
    }
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    (crossings as f64 * 48_000.0 / middle.len() as f64, channels)
}

#[test]
fn a_tone_in_aac_is_the_same_tone_in_opus_at_any_rate() {
    for (rate, channels) in [(48_000, 2), (44_100, 2), (44_100, 1), (32_000, 1)] {
        let (track, packets) = aac(rate, channels, 3);
        assert!(is_convertible(&track, rate));
        let mut to_opus = ToOpus::new(&track, rate).unwrap();
        let frames = made(&mut to_opus, &packets);
        let (hz, _) = heard(&frames);
        assert!((hz - HZ).abs() < 3.0, "{hz} Hz at {rate}");
        let step = |pair: &[OpusFrame]| pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(frames.windows(2).all(|pair| step(pair) == 960));
        let seconds = frames.len() as f64 / 50.0;
        assert!((2.8..3.05).contains(&seconds), "{seconds} s of 3 at {rate}");
    }
}

#[test]
fn what_is_missing_is_silence_and_what_was_long_is_a_leap() {
    let (track, packets) = aac(48_000, 1, 4);
    let mut to_opus = ToOpus::new(&track, 48_000).unwrap();
    let begin = made(&mut to_opus, &packets[..40]);
    // Ten packets are lost.
    let behind = made(&mut to_opus, &packets[50..90]);
    let all = [begin, behind].concat();
    assert!(
        all.windows(2)
            .all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == 960)
    );
    let length = all.len() as f64 * 960.0 / 1_024.0;
    assert!((86.0..=90.0).contains(&length), "{length} of 90 frames");
    let mut later = packets[90..130].to_vec();
    for packet in &mut later {
        packet.timestamp = packet.timestamp.wrapping_add(480_000);
    }
    let leapt = made(&mut to_opus, &later);
    // The first one still has the end of what was before.
    let leap = leapt[1].timestamp.wrapping_sub(all.last().unwrap().timestamp);
    assert!((480_000..483_000).contains(&leap), "{leap}");
    for packet in &mut later {
        packet.timestamp = packet.timestamp.wrapping_sub(2_000_000);
    }
    let anew = made(&mut to_opus, &later);
    let step = anew[0].timestamp.wrapping_sub(leapt.last().unwrap().timestamp);
    assert_eq!(step, 960, "who begins anew goes on");
}

#[test]
fn the_senders_time_is_that_of_the_sound() {
    let (track, packets) = aac(44_100, 1, 2);
    let mut to_opus = ToOpus::new(&track, 44_100).unwrap();
    assert_eq!(to_opus.timestamp(0), None);
    let first = packets[0].timestamp;
    made(&mut to_opus, &packets);
    let second_later = to_opus.timestamp(first.wrapping_add(44_100)).unwrap();
    let at_first = to_opus.timestamp(first).unwrap();
    let ticks = second_later.wrapping_sub(at_first);
    assert!((47_999..=48_001).contains(&ticks), "{ticks}");
    assert!((at_first as i32).abs() <= 1 + TOLERANCE as i32, "{at_first}");
}

#[test]
fn what_is_no_sound_that_can_be_decoded_is_refused_with_the_reason() {
    let track = |codec: &str| MediaTrack {
        kind: TrackKind::Audio,
        codec: codec.to_owned(),
        parameters: String::new(),
    };
    assert!(
        ["PCMU", "PCMA", "G722"]
            .iter()
            .all(|codec| is_convertible(&track(codec), 8_000))
    );
    assert!(is_convertible(&track("MPA"), 90_000));
    let no = ["OPUS", "L16", "X", "MPEG4-GENERIC"];
    assert!(!no.iter().any(|codec| is_convertible(&track(codec), 48_000)));
    assert!(
        ToOpus::new(&track("MPEG4-GENERIC"), 44_100)
            .err()
            .unwrap()
            .contains("configuration")
    );
    let (aac, packets) = aac(48_000, 1, 1);
    let mut to_opus = ToOpus::new(&aac, 48_000).unwrap();
    let mut broken = packets;
    for packet in &mut broken {
        packet.payload = Bytes::from_static(&[0, 16, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
    assert!(made(&mut to_opus, &broken).is_empty());
}
