//! What a source is told in turn, where it listens: how its packets arrive, and that a picture cannot be shown. Pure.

use crate::hub::{Description, Reception, rtp};

/// How often a source is told how its packets arrive.
const REPORT_EVERY_MS: u64 = 5_000;
/// Between two keyframes that are asked for: each is many times as large as another picture.
const SPACING_MS: u64 = 1_000;

/// Of one track.
#[derive(Debug)]
pub(super) struct Feedback {
    /// By which this side tells the source something.
    ssrc: u32,
    is_video: bool,
    /// Its description says so, or it reports itself: some that do not would not expect it.
    listens: bool,
    reception: Reception,
    reported_ms: u64,
    wants_keyframe: bool,
    asked_ms: Option<u64>,
}

impl Feedback {
    /// Of the track with this number in a source's description. `None` where there is no such track.
    pub(super) fn new(ssrc: u32, description: &Description, track: usize, now_ms: u64) -> Option<Self> {
        let is_video = description.tracks().get(track)?.kind == protocol::TrackKind::Video;
        Some(Self {
            ssrc,
            is_video,
            listens: description.takes_feedback(),
            reception: Reception::new(*description.clock_rates().get(track)?),
            reported_ms: now_ms,
            // Whoever comes in the midst of a group cannot show its pictures.
            wants_keyframe: is_video,
            asked_ms: None,
        })
    }

    /// A packet of RTP has come.
    pub(super) fn packet(&mut self, packet: &[u8], now_ms: u64) {
        if let Some(head) = rtp::rtp_head(packet) {
            self.reception.take(head, now_ms.saturating_mul(1_000));
        }
    }

    /// A compound packet of RTCP has come.
    pub(super) fn report(&mut self, packet: &[u8], now_ms: u64) {
        if rtp::is_sender_report(packet) {
            self.listens = true;
            self.reception.reported(packet, now_ms.saturating_mul(1_000));
        }
    }

    /// Pictures cannot be shown before the next keyframe: packets have not come in time, or could not be used.
    pub(super) fn want_keyframe(&mut self) {
        self.wants_keyframe = self.is_video;
    }

    /// What the source is to be told now.
    pub(super) fn due(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        let source = self.reception.ssrc().filter(|_| self.listens)?;
        let is_early = |asked_ms: u64| now_ms.saturating_sub(asked_ms) < SPACING_MS;
        if self.wants_keyframe && !self.asked_ms.is_some_and(is_early) {
            (self.wants_keyframe, self.asked_ms) = (false, Some(now_ms));
            return Some(rtp::keyframe_wish(self.ssrc, source));
        }
        if now_ms.saturating_sub(self.reported_ms) < REPORT_EVERY_MS {
            return None;
        }
        self.reported_ms = now_ms;
        let block = self.reception.block(now_ms.saturating_mul(1_000))?;
        Some(rtp::reception_report(self.ssrc, &block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";

    fn of(sdp: &str, track: usize) -> Feedback {
        Feedback::new(1, &Description::parse(sdp.as_bytes()).unwrap(), track, 0).unwrap()
    }

    const PACKET: [u8; 13] = [0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1];

    fn sender_report() -> [u8; 28] {
        let mut report = [0; 28];
        report[..8].copy_from_slice(&[0x80, 200, 0, 6, 0, 0, 0, 7]);
        report
    }

    fn is_wish(told: Option<Vec<u8>>) -> bool {
        told.is_some_and(|told| rtp::wants_keyframe(&told) && told.ends_with(&[0, 0, 0, 7]))
    }

    #[test]
    fn a_source_that_listens_is_asked_at_the_beginning_and_behind_losses_but_seldom() {
        let mut video = of(SDP, 1);
        video.packet(&PACKET, 0);
        assert_eq!(video.due(0), None, "it has not shown that it listens");
        video.report(&sender_report(), 10);
        assert!(is_wish(video.due(10)));
        video.want_keyframe();
        assert_eq!(video.due(900), None);
        assert!(is_wish(video.due(1_010)));
        assert_eq!(video.due(1_020), None);
        let report = video.due(5_000).unwrap();
        assert!(rtp::is_compound(&report) && !rtp::wants_keyframe(&report));
        assert_eq!(video.due(5_001), None);
    }

    #[test]
    fn sound_has_no_keyframes_and_a_description_may_say_that_its_source_listens() {
        let mut audio = of(SDP, 0);
        audio.packet(&PACKET, 0);
        audio.report(&sender_report(), 0);
        audio.want_keyframe();
        assert_eq!(audio.due(0), None);
        let told = SDP.replace("RTP/AVP 96", "RTP/AVPF 96") + "a=rtcp-fb:96 nack pli\r\n";
        let mut video = of(&told, 1);
        assert_eq!(video.due(0), None, "its name is not known yet");
        video.packet(&PACKET, 0);
        assert!(is_wish(video.due(0)));
        assert!(Feedback::new(1, &Description::parse(SDP.as_bytes()).unwrap(), 2, 0).is_none());
    }
}
