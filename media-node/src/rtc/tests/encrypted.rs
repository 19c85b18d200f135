//! Media that a page encrypts before it sends it, as its recorders take it.

use bytes::Bytes;
use protocol::{Cipher, Secret};

use super::media::publishing;
use super::support::Server;
use crate::channel::StreamPath;
use crate::encryption::{Codec, Keys, Lock};
use crate::hub::{Flow, Overflow, Publication, rtp};
use crate::layers::testing::Vp8;
use crate::stream::{Depacketizer, Fmtp, Locked, Passed, PayloadFormat, Track, Unlock, depacketizer};

/// How a recorder with the secret reads a track of this publication.
fn reader(publication: &Publication, index: usize, keys: &std::sync::Arc<Keys>) -> (Box<dyn Depacketizer>, Lock) {
    let track = &publication.description.tracks()[index];
    let rtpmap = format!("{}/{}", track.codec, publication.description.clock_rates()[index]);
    let format = PayloadFormat::parse(&rtpmap, Fmtp::parse(&track.parameters)).unwrap();
    let kind = if track.codec == "OPUS" {
        Track::Audio
    } else {
        Track::Video
    };
    (depacketizer(&format).unwrap(), Lock::new(kind, Some(keys.clone())))
}

#[tokio::test]
async fn encrypted_sound_is_recorded_in_clear_and_a_picture_that_has_no_such_form_is_left_out_with_the_reason() {
    let server = Server::start().await;
    let (mut client, _) = publishing(&server).await;
    let publication = server.hub.find(&StreamPath::parse("/a/room/u").unwrap()).unwrap();
    let index = |codec: &str| {
        let mut tracks = publication.description.tracks().iter();
        tracks.position(|track| track.codec == codec).unwrap()
    };
    let (sound, picture) = (index("OPUS"), index("VP8"));
    let keys = std::sync::Arc::new(Keys::derive(Cipher::Aes256Xts, &Secret::new("hunter2"), "room"));
    let frame = |number: u8| vec![0xf8, number, 1, 2, 3];
    let mut player = publication
        .subscribe(&[sound, picture], 1 << 20, Overflow::Drop, true)
        .unwrap();
    for number in 0..20 {
        let mut numbers = || [number; 8];
        client.send(&keys.seal(Codec::Opus, &frame(number), &mut numbers)).await;
    }
    let keyframe = Vp8::new(1, 320, 180).picture(true, 1).remove(0);
    client.send(rtp::payload(&keyframe.payload).unwrap()).await;
    let mut readers = [reader(&publication, 0, &keys), reader(&publication, 1, &keys)];
    let (mut heard, mut refused) = (Vec::<Bytes>::new(), None);
    client
        .until("both were read", |_| {
            while let Some(packet) = player.packets.try_next() {
                let Some(unpacked) = rtp::unpacked(&packet.payload).filter(|_| packet.flow == Flow::Rtp) else {
                    continue;
                };
                let (depacketizer, lock) = &mut readers[packet.track];
                let mut frames = Vec::new();
                // What is sealed is no picture of VP8, and a picture no sound.
                let _ = depacketizer.push(&unpacked, &mut frames);
                for frame in frames {
                    match lock.pass(frame) {
                        Passed::Clear(frame) if packet.track == sound => heard.push(frame.data),
                        Passed::Out(Some(locked)) if packet.track == picture => refused = Some(locked),
                        Passed::Clear(_) => panic!("a picture in clear"),
                        Passed::Out(_) => {}
                    }
                }
            }
            heard.len() == 20 && refused.is_some()
        })
        .await;
    assert_eq!(heard, (0..20).map(frame).collect::<Vec<_>>());
    assert_eq!(refused, Some(Locked::Codec));
}
