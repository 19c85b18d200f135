//! What users of calls do: they begin with one track and add the other, take one away and give it back.

use super::rtp::*;
use crate::stream::Track;

#[test]
fn sound_and_picture_that_begin_seconds_apart_stay_together() {
    for (audio_us, video_us) in [(SECOND, 7 * SECOND), (7 * SECOND, SECOND)] {
        let audio = Sender {
            from_us: audio_us,
            ..Sender::audio()
        };
        let video = Sender {
            from_us: video_us,
            delay_us: 200_000,
            ..Sender::video()
        };
        let sent = [
            audio.send(30 * SECOND, jitter(5_000)),
            video.send(30 * SECOND, jitter(20_000)),
        ];
        let events = capture(&interleave(sent), 0);
        assert_in_order(&events);
        assert_no_leap(&events);
        // By then both have told their clocks more than once.
        let late = apart_us(&events, 20 * SECOND);
        assert!(late <= 2_000, "{late} µs apart, begun at {audio_us} and {video_us}");
    }
}

#[test]
fn a_track_that_is_taken_away_and_given_back_is_in_its_place_again() {
    for taken in [Track::Audio, Track::Video] {
        let streams = [Sender::audio(), Sender::video()].map(|sender| {
            let mut sent = sender.send(60 * SECOND, none);
            if sender.track != taken {
                return sent;
            }
            // Nothing is sent meanwhile, not even empty packets: the numbers go on, and the timestamps leap.
            sent.retain(|sent| !(10 * SECOND..25 * SECOND).contains(&sent.arrival_us));
            let packets = sent.iter_mut().filter_map(|sent| match &mut sent.what {
                What::Packet(packet) => Some(packet),
                What::Report(_) => None,
            });
            packets
                .zip(0..)
                .for_each(|(packet, sequence)| packet.sequence = sequence);
            sent
        });
        let events = capture(&interleave(streams), 0);
        assert_in_order(&events);
        let meanwhile = |unit: &&&crate::stream::AccessUnit| (11 * SECOND..24 * SECOND).contains(&unit.pts_us);
        assert_eq!(units(&events, taken).iter().filter(meanwhile).count(), 0, "{taken:?}");
        assert!(apart_us(&events, 26 * SECOND) <= 2_100, "{taken:?}");
    }
}
