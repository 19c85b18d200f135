use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::media::{Demuxer, MediaError, RtspPublisher, duration_us};
use crate::stream::{AccessUnit, Format, Track};

/// Longest wait between two looks whether it is to stop.
const STEP: Duration = Duration::from_millis(100);
/// So much later than in the file units are sent: their times may begin below 0, and RTP's do not.
const LEAD_US: i64 = 500_000;

/// Which part of a file is published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// What is passed over, rounds of a loop counted.
    pub played: Duration,
    /// How long it goes on, or to its end.
    pub lasts: Option<Duration>,
    /// Behind its end the file begins again, and times go on.
    pub is_looped: bool,
}

/// Publishes a media file at the pace of its timestamps, until it is over or `stop` is cancelled. `sealed`: what is sent of a unit.
///
/// # Errors
/// For a person why it cannot be published.
pub fn publish(
    file: &Path,
    url: &str,
    pace: Pace,
    mut sealed: impl FnMut(&Format, &AccessUnit) -> Result<Vec<u8>, String>,
    stop: &CancellationToken,
) -> Result<(), String> {
    let failed = |error: MediaError| format!("{}: {error}", file.display());
    let mut input = Demuxer::open(file).map_err(failed)?;
    let tracks: Vec<(Track, Format)> = input.formats().to_vec();
    if tracks.iter().any(|(_, format)| is_headless(format)) {
        return Err(format!(
            "{}: its AAC has headers of its own (ADTS); put it into MP4",
            file.display()
        ));
    }
    let formats: Vec<Format> = tracks.iter().map(|(_, format)| format.clone()).collect();
    let mut output = RtspPublisher::connect(url, &formats).map_err(|error| error.to_string())?;
    let has_video = tracks.iter().any(|(track, _)| *track == Track::Video);
    let mut rounds = Rounds::new(pace, duration_us(file).map_err(failed)?, has_video);
    let begin = Instant::now();
    loop {
        let Some((track, unit)) = input.next_unit().map_err(failed)? else {
            if !pace.is_looped || !rounds.begin_again() {
                break;
            }
            input = Demuxer::open(file).map_err(failed)?;
            continue;
        };
        let Some(index) = tracks.iter().position(|(kind, _)| *kind == track) else {
            continue;
        };
        let Some(later_us) = rounds.take(track, &unit) else {
            continue;
        };
        let due = Duration::from_micros((unit.dts_us + later_us).max(0).unsigned_abs());
        let ends = pace.lasts.unwrap_or(Duration::MAX);
        if !wait(begin + due.min(ends), stop) || due >= ends {
            break;
        }
        let format = formats.get(index).ok_or("a track has no format")?;
        let unit = AccessUnit {
            data: sealed(format, &unit)?.into(),
            pts_us: unit.pts_us + later_us + LEAD_US,
            dts_us: unit.dts_us + later_us + LEAD_US,
            keyframe: unit.keyframe,
        };
        output.write(index, &unit).map_err(|error| error.to_string())?;
    }
    output.finish().map_err(|error| error.to_string())
}

/// Where units of the file, round after round, stand in what is published.
struct Rounds {
    played_us: i64,
    duration_us: i64,
    has_video: bool,
    /// What the first unit of the file is called there.
    first_us: Option<i64>,
    /// Where the present round begins.
    round_us: i64,
    /// Something of it is published.
    is_entered: bool,
    /// The present round has had a unit.
    has_come: bool,
    /// Where the last unit of each track stands.
    last_us: BTreeMap<Track, i64>,
}

impl Rounds {
    fn new(pace: Pace, duration_us: i64, has_video: bool) -> Self {
        let played_us = i64::try_from(pace.played.as_micros()).unwrap_or(i64::MAX);
        let round = match pace.is_looped {
            true => played_us.checked_div(duration_us).unwrap_or_default(),
            false => 0,
        };
        Self {
            played_us,
            duration_us,
            has_video,
            first_us: None,
            round_us: round.saturating_mul(duration_us),
            is_entered: played_us == 0,
            has_come: false,
            last_us: BTreeMap::new(),
        }
    }

    /// What is added to the unit's times; `None` for one that is passed over: what is published begins with a picture that can be
    /// shown.
    fn take(&mut self, track: Track, unit: &AccessUnit) -> Option<i64> {
        let first_us = *self.first_us.get_or_insert(unit.dts_us);
        self.has_come = true;
        let later_us = self.round_us.saturating_sub(first_us).saturating_sub(self.played_us);
        if !self.is_entered {
            let begins = !self.has_video || (track == Track::Video && unit.keyframe);
            self.is_entered = begins && unit.dts_us.saturating_add(later_us) >= 0;
        }
        if !self.is_entered {
            return None;
        }
        // The track that is longest reaches into the next round, which nothing may stand in twice.
        let at_us = unit.dts_us.saturating_add(later_us);
        if self.last_us.get(&track).is_some_and(|last_us| *last_us >= at_us) {
            return None;
        }
        self.last_us.insert(track, at_us);
        Some(later_us)
    }

    /// The file has ended; whether it can begin again.
    fn begin_again(&mut self) -> bool {
        self.round_us = self.round_us.saturating_add(self.duration_us);
        std::mem::take(&mut self.has_come) && self.duration_us > 0
    }
}

/// Until a moment; `false` when it was to stop before.
fn wait(until: Instant, stop: &CancellationToken) -> bool {
    while !stop.is_cancelled() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(STEP));
    }
    false
}

fn is_headless(format: &Format) -> bool {
    matches!(format, Format::Aac(aac) if aac.config.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn rounds(played_s: u64, is_looped: bool) -> Rounds {
        let pace = Pace {
            played: Duration::from_secs(played_s),
            is_looped,
            lasts: None,
        };
        Rounds::new(pace, 6 * S, true)
    }

    fn unit(dts_us: i64, keyframe: bool) -> AccessUnit {
        AccessUnit {
            pts_us: dts_us,
            dts_us,
            data: vec![0].into(),
            keyframe,
        }
    }

    #[test]
    fn times_go_on_from_round_to_round() {
        let mut rounds = rounds(0, true);
        // Encoders begin before 0.
        assert_eq!(rounds.take(Track::Audio, &unit(-20_000, true)), Some(20_000));
        assert_eq!(rounds.take(Track::Video, &unit(0, true)), Some(20_000));
        assert!(rounds.begin_again());
        assert_eq!(rounds.take(Track::Audio, &unit(-20_000, true)), Some(20_000 + 6 * S));
        assert!(rounds.begin_again());
        assert!(
            !rounds.begin_again(),
            "a round without anything would be followed by others at once"
        );
    }

    #[test]
    fn a_track_that_is_longer_than_the_file_says_goes_on_where_it_has_ended() {
        let mut rounds = rounds(0, true);
        let frames = [0, 3 * S, 6 * S + 10_000];
        for frame in frames {
            assert!(rounds.take(Track::Audio, &unit(frame, true)).is_some());
        }
        assert!(rounds.begin_again());
        let again = frames.map(|frame| rounds.take(Track::Audio, &unit(frame, true)));
        assert_eq!(again, [None, Some(6 * S), Some(6 * S)]);
    }

    #[test]
    fn what_begins_late_begins_with_a_picture_that_can_be_shown() {
        let mut rounds = rounds(8, true);
        for (track, dts_s, keyframe, expected) in [
            (Track::Video, 0, true, None),
            (Track::Audio, 2, true, None),
            (Track::Video, 2, false, None),
            // Two of the second round's six seconds are over.
            (Track::Video, 3, true, Some(6 * S - 8 * S)),
            (Track::Audio, 3, true, Some(6 * S - 8 * S)),
            (Track::Video, 4, false, Some(6 * S - 8 * S)),
        ] {
            assert_eq!(
                rounds.take(track, &unit(dts_s * S, keyframe)),
                expected,
                "{track:?} {dts_s} s"
            );
        }
    }
}
