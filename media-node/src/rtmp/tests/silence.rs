//! Publishers of which one kind of media cannot be read.

use std::sync::Arc;

use bytes::Bytes;
use protocol::TrackKind;

use crate::access::{Gate, Grant, Keys, Passes};
use crate::channel::{Limits as ChannelLimits, Registry, StreamPath};
use crate::hub::{Flow, Hub, LeftOut, Limits, Overflow};
use crate::rtmp::publisher::Publisher;
use crate::rtmp::session::MediaKind;

/// A picture of AVC, whose configuration never comes, beside sound in µ-law, which needs none.
#[tokio::test]
async fn of_pictures_without_their_configuration_it_is_told_beside_the_sound() {
    let registry = Registry::new(ChannelLimits::default(), 0);
    let gate = Arc::new(Gate::new(Keys::default(), Passes::default()));
    let hub = Arc::new(Hub::new(registry, gate, "rtsp://h:1".to_owned(), Limits::default()));
    let path = StreamPath::parse("/app/room/7").unwrap();
    let mut publisher = Publisher::new(hub.clone(), path.clone(), Grant::ALL, 0);
    let mut packets = None;
    for number in 0..700u32 {
        let now_ms = i64::from(number) * 20;
        for (kind, tag) in [
            (MediaKind::Video, &b"\x17\x01\x00\x00\x50\x00\x00\x00\x02\x65\x09"[..]),
            (MediaKind::Audio, b"\x82\x7f\x7f"),
        ] {
            let tag = Bytes::from_static(tag);
            publisher.media(kind, number * 20, tag, now_ms).unwrap();
        }
        if packets.is_none()
            && let Some(publication) = hub.find(&path)
        {
            packets = Some(
                publication
                    .subscribe(&[0], 1 << 20, Overflow::CutOff, true)
                    .unwrap()
                    .packets,
            );
        }
    }
    drop(publisher);
    let mut packets = packets.expect("it is published");
    let (mut told, mut sounds) = (Vec::new(), 0);
    while let Some(packet) = packets.next().await {
        match packet.flow {
            Flow::Rtp => sounds += 1,
            Flow::Rtcp => told.extend(LeftOut::read(&packet.payload)),
        }
    }
    assert_eq!((told, sounds), (vec![LeftOut::Unreadable(TrackKind::Video)], 700));
    assert!(hub.unreadable.load(std::sync::atomic::Ordering::Relaxed) > 600);
}
