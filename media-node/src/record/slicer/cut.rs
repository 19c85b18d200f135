use protocol::TrackKind;

use crate::stream::AccessUnit;

/// A slice is closed once it is this long; of video, when a keyframe comes.
const SLICE_US: i64 = 15_000_000;

/// A video slice is closed without a keyframe once it is this long,
pub(super) const FORCED_US: i64 = 330_000_000;

/// or this large, in bytes.
const FORCED_BYTES: u64 = 50 * 1024 * 1024;

/// A longer gap, in audio or behind lost packets, ends what can be played through.
const GAP_US: i64 = 1_000_000;

/// A track from which nothing comes for this long has fallen silent. Video may send a picture only when it changes, so for
/// video a shorter gap without loss means nothing, and a longer one ends a slice only where a keyframe follows.
pub(super) const SILENCE_US: i64 = 15_000_000;

/// By how much a new run may begin before the end of the one before: less than a picture lasts, as the time of its last
/// picture is an estimate.
const OVERLAP_US: i64 = 10_000;

/// What becomes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Decoding cannot begin with it, or its time is taken.
    Drop,
    /// Into the open slice.
    Append,
    /// Into a new slice that continues the open one, which ends, and begins, at `boundary_us`.
    NextSlice { boundary_us: i64 },
    /// Into a new slice of the same run, behind a gap.
    Resume,
    /// Into the first slice of a new run.
    NewRun,
}

/// Where a track stands. All times are microseconds of the recording's timeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) track: TrackKind,
    /// Where the media that the playlist has ends,
    pub(super) playlist_end_us: i64,
    /// and the last decoding time in it.
    pub(super) last_dts_us: i64,
    pub(super) run: Option<RunPosition>,
    /// Packets were lost in front of the unit.
    pub(super) lost: bool,
    /// A slice with pictures can begin with nothing but a keyframe.
    pub(super) needs_keyframe: bool,
}

/// How far a run of slices has come, in microseconds of the timeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunPosition {
    /// The time of the picture that is shown last so far.
    pub(super) latest_pts_us: i64,
    /// Where that picture's, or the last frame's, time is over.
    pub(super) end_us: i64,
    pub(super) slice: Option<SlicePosition>,
}

/// The slice that is being written: its first time in microseconds, and its size so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlicePosition {
    pub(super) start_us: i64,
    pub(super) bytes: u64,
}

/// Whether an open slice of this track is complete because nothing comes. The next picture may need those that the slice has: it
/// goes into the same one, for as long as any slice may take.
pub(super) fn is_over(track: TrackKind, run: &RunPosition, now_us: i64) -> bool {
    let may_continue = |slice: &SlicePosition| track == TrackKind::Video && now_us - slice.start_us < FORCED_US;
    now_us.saturating_sub(run.end_us) >= SILENCE_US && run.slice.as_ref().is_some_and(|slice| !may_continue(slice))
}

pub(super) fn step(position: &Position, unit: &AccessUnit) -> Step {
    // Decoding times grow over the whole playlist.
    if unit.dts_us <= position.last_dts_us {
        return Step::Drop;
    }
    let Some(run) = &position.run else {
        let fits = unit.keyframe && unit.pts_us >= position.playlist_end_us.saturating_sub(OVERLAP_US);
        return if fits { Step::NewRun } else { Step::Drop };
    };
    let gap_us = unit.pts_us - run.end_us;
    let Some(slice) = &run.slice else {
        // The last slice was closed in silence. What follows without a keyframe is kept all the same: it may be
        // pictures of a slow stream, and they cannot be had again.
        return match (unit.keyframe, position.needs_keyframe) {
            (true, _) => Step::NewRun,
            (false, false) => Step::Resume,
            (false, true) => Step::Drop,
        };
    };
    let length_us = unit.pts_us - slice.start_us;
    match position.track {
        TrackKind::Audio if gap_us > GAP_US => Step::NewRun,
        TrackKind::Audio if length_us >= SLICE_US => Step::NextSlice {
            boundary_us: unit.pts_us,
        },
        TrackKind::Audio => Step::Append,
        TrackKind::Video | TrackKind::Both if unit.keyframe => {
            let broken = gap_us > if position.lost { GAP_US } else { SILENCE_US };
            if broken {
                Step::NewRun
            } else if length_us >= SLICE_US {
                Step::NextSlice {
                    boundary_us: unit.pts_us.max(run.latest_pts_us + 1),
                }
            } else {
                Step::Append
            }
        }
        TrackKind::Video | TrackKind::Both => {
            let forced = length_us >= FORCED_US || slice.bytes >= FORCED_BYTES;
            // Not between pictures that are decoded in another order than they are shown.
            if forced && !position.needs_keyframe && unit.pts_us > run.latest_pts_us {
                Step::NextSlice {
                    boundary_us: run.end_us,
                }
            } else {
                Step::Append
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn unit(pts_us: i64, dts_us: i64, keyframe: bool) -> AccessUnit {
        AccessUnit {
            pts_us,
            dts_us,
            data: Bytes::from_static(b"x"),
            keyframe,
        }
    }

    /// A track at 25 units a second whose slice is `length_us` long.
    fn at(track: TrackKind, length_us: i64) -> Position {
        let end_us = 1_000_000 + length_us;
        Position {
            track,
            playlist_end_us: 1_000_000,
            last_dts_us: end_us - 40_000,
            lost: false,
            needs_keyframe: false,
            run: Some(RunPosition {
                latest_pts_us: end_us - 40_000,
                end_us,
                slice: Some(SlicePosition {
                    start_us: 1_000_000,
                    bytes: 1_000,
                }),
            }),
        }
    }

    fn next(position: &Position, after_us: i64, keyframe: bool) -> Step {
        let end_us = position.run.unwrap().end_us;
        step(position, &unit(end_us + after_us, end_us + after_us, keyframe))
    }

    #[test]
    fn a_playlist_begins_with_a_keyframe_behind_what_it_has() {
        let position = Position {
            run: None,
            last_dts_us: 880_000,
            ..at(TrackKind::Video, 0)
        };
        assert_eq!(
            step(&position, &unit(1_000_000, 920_000, true)),
            Step::NewRun,
            "B-frames are decoded later than shown"
        );
        assert_eq!(step(&position, &unit(1_000_000, 920_000, false)), Step::Drop);
        assert_eq!(step(&position, &unit(960_000, 920_000, true)), Step::Drop);
        assert_eq!(step(&position, &unit(1_000_000, 880_000, true)), Step::Drop);
    }

    #[test]
    fn audio_is_cut_at_fifteen_seconds() {
        assert_eq!(next(&at(TrackKind::Audio, 14_999_999), 0, true), Step::Append);
        assert_eq!(
            next(&at(TrackKind::Audio, 15_000_000), 0, true),
            Step::NextSlice {
                boundary_us: 16_000_000
            }
        );
    }

    #[test]
    fn video_is_cut_at_a_keyframe_after_fifteen_seconds() {
        assert_eq!(next(&at(TrackKind::Video, 14_960_000), 0, true), Step::Append);
        assert_eq!(next(&at(TrackKind::Video, 20_000_000), 0, false), Step::Append);
        assert_eq!(
            next(&at(TrackKind::Video, 20_000_000), 0, true),
            Step::NextSlice {
                boundary_us: 21_000_000
            }
        );
    }

    #[test]
    fn video_without_keyframes_is_cut_in_the_end() {
        let mut position = at(TrackKind::Video, FORCED_US);
        assert_eq!(
            next(&position, 0, false),
            Step::NextSlice {
                boundary_us: 331_000_000
            }
        );
        assert_eq!(next(&position, -50_000, false), Step::Drop);
        let end_us = position.run.unwrap().end_us;
        let between = unit(end_us - 60_000, end_us - 30_000, false);
        assert_eq!(
            step(&position, &between),
            Step::Append,
            "not between pictures that are shown in another order"
        );
        position = at(TrackKind::Video, 2_000_000);
        position.run.as_mut().unwrap().slice.as_mut().unwrap().bytes = FORCED_BYTES;
        assert_eq!(next(&position, 0, false), Step::NextSlice { boundary_us: 3_000_000 });
    }

    #[test]
    fn where_slices_need_keyframes_none_begins_without() {
        let mut position = Position {
            needs_keyframe: true,
            ..at(TrackKind::Video, FORCED_US)
        };
        assert_eq!(next(&position, 0, false), Step::Append);
        position.run.as_mut().unwrap().slice = None;
        assert_eq!(next(&position, 0, false), Step::Drop);
        assert_eq!(next(&position, 0, true), Step::NewRun);
    }

    #[test]
    fn gaps_break_a_run_only_where_playing_through_makes_no_sense() {
        assert_eq!(next(&at(TrackKind::Audio, 5_000_000), GAP_US, true), Step::Append);
        assert_eq!(next(&at(TrackKind::Audio, 5_000_000), GAP_US + 1, true), Step::NewRun);
        let mut position = at(TrackKind::Video, 5_000_000);
        assert_eq!(next(&position, GAP_US + 1, true), Step::Append, "a slow stream");
        assert_eq!(next(&position, SILENCE_US + 1, true), Step::NewRun);
        position.lost = true;
        assert_eq!(next(&position, GAP_US, true), Step::Append);
        assert_eq!(next(&position, GAP_US + 1, true), Step::NewRun);
        assert_eq!(
            next(&position, GAP_US + 1, false),
            Step::Append,
            "without a keyframe nothing can begin"
        );
    }

    #[test]
    fn after_silence_nothing_is_thrown_away() {
        let mut position = at(TrackKind::Video, 5_000_000);
        position.run.as_mut().unwrap().slice = None;
        assert_eq!(next(&position, SILENCE_US, true), Step::NewRun);
        assert_eq!(next(&position, SILENCE_US, false), Step::Resume);
    }

    #[test]
    fn decoding_times_never_go_back() {
        for track in [TrackKind::Audio, TrackKind::Video] {
            assert_eq!(next(&at(track, 5_000_000), -40_000, true), Step::Drop);
        }
    }
}
