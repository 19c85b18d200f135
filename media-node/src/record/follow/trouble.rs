use protocol::{Fault, ProblemCode, StreamName};

use crate::stream::{Locked, StreamEvent, Track};

/// What it is told once for that a track cannot be entered.
pub(super) fn no_entry(track: Track) -> &'static str {
    match track {
        Track::Audio => "no audio entry",
        Track::Video => "no video entry",
    }
}

/// What is wrong with how a stream is sent, for whoever can change that.
pub(super) struct Trouble {
    /// What it is told once for.
    pub(super) cause: String,
    pub(super) fault: Fault,
    pub(super) code: ProblemCode,
    pub(super) message: String,
}

impl Trouble {
    pub(super) fn of(event: &StreamEvent, stream: StreamName, uid: &str) -> Option<Self> {
        let (cause, code, message) = match event {
            StreamEvent::Locked(track, locked) => return Some(Self::locked(*track, *locked, uid)),
            StreamEvent::Lost(track, _) => (
                match track {
                    Track::Audio => "lost audio",
                    Track::Video => "lost video",
                },
                ProblemCode::PacketsLost,
                format!(
                    "packets of the {} of the {stream} of user {uid} have not arrived: {}; see that the network from its publisher to the node has room for it, or have it publish by TCP",
                    track.name(),
                    match track {
                        Track::Audio => "there is silence in their place",
                        Track::Video => "what depends on them is missing, up to the next keyframe",
                    }
                ),
            ),
            StreamEvent::Unreadable(track, why) => {
                let track = track.name();
                return Some(Self {
                    cause: format!("unreadable {track} {why}"),
                    fault: Fault::Destination,
                    code: ProblemCode::UnsupportedMedia,
                    message: format!(
                        "packets of the {track} of the {stream} of user {uid} cannot be read ({why}): they are left out, with \
                         what depends on them; check its publisher's encoder"
                    ),
                });
            }
            StreamEvent::NoEntry(track, Some(why)) => (
                no_entry(*track),
                ProblemCode::UnsupportedMedia,
                format!(
                    "{} of the {stream} of user {uid} comes, but for 10 s nothing of it can be read ({why}): it is recorded \
                     from the next {} on that decoding can begin with; check its publisher's encoder",
                    track.name(),
                    match track {
                        Track::Audio => "frame",
                        Track::Video => "picture",
                    }
                ),
            ),
            StreamEvent::Skipped(track) => (
                "clock set",
                ProblemCode::SourceClock,
                format!(
                    "the clock of the {} of the {stream} of user {uid} was set anew amid pictures that need one another: they \
                     are left out up to the next keyframe; have its publisher send one whenever its timestamps begin anew",
                    track.name()
                ),
            ),
            StreamEvent::NoEntry(track, None) => (
                no_entry(*track),
                ProblemCode::UnsupportedMedia,
                format!(
                    "video of the {stream} of user {uid} comes, but for 10 s no picture that decoding can begin with: it is \
                     recorded from the next one on; have its publisher send a keyframe every two seconds (for ffmpeg -g and \
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
        Some(Self {
            cause: cause.to_owned(),
            fault: Fault::Destination,
            code,
            message,
        })
    }

    /// Why a track cannot be had in clear.
    fn locked(track: Track, locked: Locked, uid: &str) -> Self {
        let (fault, why) = match locked {
            Locked::NoSecret => (
                Fault::Caller,
                "is encrypted: start the recording with the channel's decryptionMode and secret",
            ),
            Locked::WrongSecret => (
                Fault::Caller,
                "cannot be decrypted: decryptionMode or secret are not those that it is encrypted with",
            ),
            Locked::Codec => (
                Fault::Destination,
                "is in a codec that is not decrypted, and the recording has a secret: have it published as H.264, AAC or Opus",
            ),
            Locked::Clear => (
                Fault::Destination,
                "is not encrypted, though the recording has a secret: have its publisher encrypt it",
            ),
        };
        let track = track.name();
        Self {
            cause: format!("locked {track} {locked:?}"),
            fault,
            code: ProblemCode::DecryptionFailed,
            message: format!("{track} of user {uid} {why}; what cannot be decrypted is not recorded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each way in which media is left out behind the network: what it is told once for, as which problem, and something of what it
    /// says to do.
    #[test]
    fn no_media_is_left_out_without_a_word_of_whose_it_is_and_what_to_do() {
        use ProblemCode::{DecryptionFailed, PacketsLost, SourceClock, UnsupportedMedia};
        let (audio, video) = (Track::Audio, Track::Video);
        for (event, cause, code, part) in [
            (StreamEvent::Lost(audio, 3), "lost audio", PacketsLost, "publish by TCP"),
            (StreamEvent::Lost(video, 1), "lost video", PacketsLost, "next keyframe"),
            (StreamEvent::Lost(video, 0), "lost video", PacketsLost, "next keyframe"),
            (
                StreamEvent::Unreadable(audio, "AAC: odd"),
                "unreadable audio AAC: odd",
                UnsupportedMedia,
                "(AAC: odd)",
            ),
            (
                StreamEvent::NoEntry(audio, Some("AAC: odd")),
                "no audio entry",
                UnsupportedMedia,
                "(AAC: odd)",
            ),
            (
                StreamEvent::NoEntry(video, Some("JPEG: odd")),
                "no video entry",
                UnsupportedMedia,
                "publisher's encoder",
            ),
            (
                StreamEvent::NoEntry(video, None),
                "no video entry",
                UnsupportedMedia,
                "send a keyframe",
            ),
            (
                StreamEvent::Skipped(video),
                "clock set",
                SourceClock,
                "send one whenever",
            ),
            (
                StreamEvent::TooLate(audio),
                "too late",
                SourceClock,
                "TAPEDECK_JITTER_MS",
            ),
            (StreamEvent::Moved(720_000), "slow clock", SourceClock, "0.7 s"),
            (StreamEvent::Moved(-60_000), "fast clock", SourceClock, "sample rate"),
            (
                StreamEvent::Locked(audio, Locked::NoSecret),
                "locked audio NoSecret",
                DecryptionFailed,
                "decryptionMode",
            ),
            (
                StreamEvent::Locked(video, Locked::Codec),
                "locked video Codec",
                DecryptionFailed,
                "published as H.264",
            ),
        ] {
            let trouble = Trouble::of(&event, StreamName::Camera, "7").unwrap();
            assert_eq!((trouble.cause.as_str(), &trouble.code), (cause, &code));
            assert!(
                trouble.message.contains("user 7") && trouble.message.contains(part),
                "{}",
                trouble.message
            );
        }
        // Nothing is left out.
        assert!(Trouble::of(&StreamEvent::Restamped(audio), StreamName::Camera, "7").is_none());
    }
}
