use super::super::testing::Vp8;
use super::*;
use crate::access::{Gate, Keys, Passes};
use crate::channel::{Limits as ChannelLimits, Registry};
use crate::hub::Limits;

/// A publisher of two layers, the larger one first, and who plays what is made of them.
struct Scene {
    hub: Arc<Hub>,
    conductor: Conductor,
    _published: Published,
    best: Receiver,
    senders: [Vp8; 2],
}

const PATH: &str = "/app/room/u";

impl Scene {
    fn new() -> Self {
        let registry = Registry::new(ChannelLimits::default(), 0);
        let gate = Arc::new(Gate::new(Keys::default(), Passes::default()));
        let hub = Arc::new(Hub::new(registry, gate, "rtsp://h:1".into(), Limits::default()));
        let picture = Description::parse(b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n").unwrap();
        let published = hub
            .publish(&StreamPath::parse(PATH).unwrap(), picture.clone(), 0)
            .unwrap();
        let best = published
            .publication
            .subscribe(&[0], 1 << 20, Overflow::Drop, false)
            .unwrap();
        let conductor = conduct(Some(&hub), &published.publication, 0, &picture, 2, Manner::Resending);
        Self {
            hub,
            conductor,
            _published: published,
            best: best.packets,
            senders: [Vp8::new(11, 640, 360), Vp8::new(12, 320, 180)],
        }
    }

    /// One moment: a picture of each of these layers, a keyframe where one was asked for.
    async fn moment(&mut self, layers: &[usize]) {
        let mut asked = [false; 2];
        while let Ok(layer) = self.conductor.asked.try_recv() {
            asked[layer] = true;
        }
        for (layer, sender) in self.senders.iter_mut().enumerate() {
            let packets = sender.picture(asked[layer], 2);
            for packet in packets.into_iter().filter(|_| layers.contains(&layer)) {
                self.conductor.relay(layer, Flow::Rtp, packet.payload);
            }
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }

    async fn moments(&mut self, count: usize, layers: &[usize]) {
        for _ in 0..count {
            self.moment(layers).await;
        }
    }

    fn low(&self) -> Option<Arc<Publication>> {
        self.hub.find(&StreamPath::parse(&format!("{PATH}/low")).unwrap())
    }
}

/// Sequence numbers, timestamps and the sizes of keyframes.
fn seen(packets: &mut Receiver) -> Vec<(u16, u32, Option<u8>)> {
    let mut seen = Vec::new();
    while let Some(packet) = packets.try_next() {
        if packet.flow == Flow::Rtp {
            let head = rtp::rtp_head(&packet.payload).unwrap();
            assert_eq!(head.ssrc, 11, "one source, whatever it is made of");
            let payload = rtp::payload(&packet.payload).unwrap();
            let is_keyframe = payload[0] == 0x10 && payload[1] & 1 == 0;
            seen.push((head.sequence, head.timestamp, is_keyframe.then_some(payload[7])));
        }
    }
    seen
}

fn assert_whole(seen: &[(u16, u32, Option<u8>)]) {
    for pair in seen.windows(2) {
        assert_eq!(pair[1].0, pair[0].0.wrapping_add(1), "{pair:?}");
        assert!(pair[1].1.wrapping_sub(pair[0].1) < 100_000, "{pair:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_best_layer_that_comes_is_the_picture_without_a_gap() {
    let mut scene = Scene::new();
    scene.moments(30, &[0, 1]).await;
    let both = seen(&mut scene.best);
    assert!(both.len() > 30, "{}", both.len());
    scene.moments(40, &[1]).await;
    let small = seen(&mut scene.best);
    assert!(small.len() > 30, "{}", small.len());
    assert_eq!(small.iter().find_map(|(.., size)| *size), Some(320u16.to_le_bytes()[0]));
    scene.moments(30, &[0, 1]).await;
    let again = seen(&mut scene.best);
    assert!(again.iter().any(|(.., size)| *size == Some(640u16.to_le_bytes()[0])));
    let all = [both, small, again].concat();
    assert_whole(&all);
    let span = f64::from(all.last().unwrap().1.wrapping_sub(all[0].1)) / 90_000.0;
    assert!((3.4..4.1).contains(&span), "{span} s of about 4");
}

#[tokio::test(start_paused = true)]
async fn the_smallest_layer_is_a_stream_by_itself_once_there_are_two() {
    let mut scene = Scene::new();
    scene.moments(20, &[0]).await;
    assert!(scene.low().is_none());
    scene.moments(20, &[0, 1]).await;
    let low = scene.low().expect("listed");
    let mut packets = low.subscribe(&[0], 1 << 20, Overflow::Drop, false).unwrap().packets;
    scene.moments(30, &[0, 1]).await;
    let mut sizes = Vec::new();
    let mut count = 0;
    while let Some(packet) = packets.try_next() {
        count += 1;
        let payload = rtp::payload(&packet.payload).unwrap();
        if payload[0] == 0x10 && payload[1] & 1 == 0 {
            sizes.push(u16::from_le_bytes([payload[7], payload[8]]));
        }
    }
    assert!(count > 40, "{count}");
    assert_eq!(sizes, [320], "who plays it asked for one keyframe");
    drop(scene.conductor);
    tokio::task::yield_now().await;
    assert!(low.ended.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn reports_are_told_by_the_streams_own_time() {
    let mut scene = Scene::new();
    scene.moments(10, &[0, 1]).await;
    let mut report = vec![0u8; 28];
    report[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, 11]);
    report[16..20].copy_from_slice(&77u32.to_be_bytes());
    let mut other = report.clone();
    other[7] = 12;
    scene.conductor.relay(0, Flow::Rtcp, report.into());
    scene.conductor.relay(1, Flow::Rtcp, other.into());
    scene.moments(1, &[0, 1]).await;
    let mut reports = Vec::new();
    while let Some(packet) = scene.best.try_next() {
        if packet.flow == Flow::Rtcp {
            reports.push((packet.payload[7], rtp::reported_time(&packet.payload).unwrap().0));
        }
    }
    assert_eq!(reports, [(11, 77)]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_never_comes_is_not_waited_for() {
    let mut scene = Scene::new();
    scene.moments(20, &[1]).await;
    let mut count = 0;
    while scene.best.try_next().is_some() {
        count += 1;
    }
    assert!(count > 20, "{count}");
    let layers = scene._published.publication.layers();
    assert_eq!(
        layers.iter().map(|layer| layer.state().size).collect::<Vec<_>>(),
        [None, Some((320, 180))]
    );
    assert!(layers[1].state().bits_per_second > 0 && layers[1].state().is_sending);
}
