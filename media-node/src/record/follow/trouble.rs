use protocol::{ProblemCode, StreamName};

use crate::stream::StreamEvent;

/// What is wrong with how a stream is sent, for whoever can change that.
pub(super) struct Trouble {
    /// What it is told once for.
    pub(super) cause: &'static str,
    pub(super) code: ProblemCode,
    pub(super) message: String,
}

impl Trouble {
    pub(super) fn of(event: &StreamEvent, stream: StreamName, uid: &str) -> Option<Self> {
        let (cause, code, message) = match event {
            StreamEvent::NoEntry(_) => (
                "no entry",
                ProblemCode::UnsupportedMedia,
                format!(
                    "video of the {stream} of user {uid} comes, but for 10 s no picture that decoding can begin with: it is \
                     recorded from the next one on; have its publisher send a key frame every two seconds (for ffmpeg -g and \
                     -force_key_frames), not only at its beginning"
                ),
            ),
            StreamEvent::TooLate(track) => (
                "too late",
                ProblemCode::SourceClock,
                format!(
                    "{} of the {stream} of user {uid} comes too late for the mix and is missing there: see that its publisher \
                     sends it as it arises, not in bursts between rare pictures, or raise TAPEDECK_JITTER_MS on the node",
                    track.name()
                ),
            ),
            StreamEvent::Moved(by_us) if *by_us > 0 => (
                "slow clock",
                ProblemCode::SourceClock,
                format!(
                    "the {stream} of user {uid} stood still for {:.1} s, or its clock is slow: what follows is recorded that \
                     much later, so that it stays in time, and what came late may be missing in a mix; see that its publisher \
                     has processor time enough and states the true sample rate",
                    *by_us as f64 / 1e6
                ),
            ),
            StreamEvent::Moved(_) => (
                "fast clock",
                ProblemCode::SourceClock,
                format!(
                    "the {stream} of user {uid} sends more than a second of media in a second: its timestamps are brought \
                     closer together, by at most 5 %, so that it stays in time; see that its publisher states the true sample \
                     rate"
                ),
            ),
            _ => return None,
        };
        Some(Self { cause, code, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Track;

    #[test]
    fn each_says_whose_it_is_and_what_to_do() {
        let causes: Vec<_> = [
            (StreamEvent::NoEntry(Track::Video), "key frame"),
            (StreamEvent::TooLate(Track::Audio), "audio of the camera"),
            (StreamEvent::Moved(720_000), "0.7 s"),
            (StreamEvent::Moved(-60_000), "sample rate"),
        ]
        .into_iter()
        .map(|(event, part)| {
            let trouble = Trouble::of(&event, StreamName::Camera, "7").unwrap();
            assert!(trouble.message.contains("camera of user 7"), "{}", trouble.message);
            assert!(trouble.message.contains(part), "{}", trouble.message);
            trouble.cause
        })
        .collect();
        assert_eq!(causes, ["no entry", "too late", "slow clock", "fast clock"]);
        assert!(Trouble::of(&StreamEvent::Lost(Track::Audio, 1), StreamName::Camera, "7").is_none());
    }
}
