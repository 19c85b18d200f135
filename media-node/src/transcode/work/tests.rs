use super::super::Transcoding;
use super::*;
use crate::channel::StreamPath;
use crate::hub::Overflow;

fn source() -> Arc<Publication> {
    crate::media::init().unwrap();
    let description = Description::parse(b"v=0\r\nm=audio 0 RTP/AVP 0\r\n").unwrap();
    let path = StreamPath::parse("/a/b/c").unwrap();
    Arc::new(Publication::new(path, description, Manner::Once))
}

fn pcmu(sequence: u16) -> bytes::Bytes {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend([0, 0, 0, 9]);
    packet.extend([0xff; 160]);
    packet.into()
}

#[tokio::test]
async fn who_listens_gets_opus_with_the_senders_time_and_all_get_the_same() {
    let (transcoding, source) = (Transcoding::default(), source());
    let sound = transcoding.opus(&source, 0).unwrap();
    assert!(Arc::ptr_eq(&sound, &transcoding.opus(&source, 0).unwrap()));
    assert_eq!(transcoding.sounds(), 1);
    let mut player = sound.subscribe(&[0], 1 << 20, Overflow::Drop, false).unwrap().packets;
    let mut report = vec![0u8; 28];
    report[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, 9]);
    report[16..20].copy_from_slice(&8_000u32.to_be_bytes());
    for sequence in 0..50 {
        source.relay(0, Flow::Rtp, pcmu(sequence));
    }
    source.relay(0, Flow::Rtcp, report.into());
    let (mut frames, mut told) = (0, None);
    while frames < 45 || told.is_none() {
        let packet = player.next().await.unwrap();
        match packet.flow {
            Flow::Rtp => frames += 1,
            Flow::Rtcp => told = rtp::reported_time(&packet.payload).map(|(timestamp, _)| timestamp),
        }
    }
    let told = told.unwrap();
    assert!((47_500..48_500).contains(&told), "a second is {told} ticks");
    source.end();
    while player.next().await.is_some() {}
    assert!(sound.ended.is_cancelled());
    assert_eq!(transcoding.sounds(), 0);
}

#[tokio::test]
async fn another_publication_of_the_same_path_is_another_sound() {
    let (transcoding, first) = (Transcoding::default(), source());
    let sound = transcoding.opus(&first, 0).unwrap();
    let second = source();
    let other = transcoding.opus(&second, 0).unwrap();
    assert!(!Arc::ptr_eq(&sound, &other));
    let third = transcoding.opus(&source(), 7);
    assert_eq!(third.err(), Some(NotMade::Failed("there is none".to_owned())));
}
