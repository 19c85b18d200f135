/// What the standard allows, H.264 A.3.1.
const MAX_DEPTH: usize = 16;

/// Closer times are one and the same to containers, which count 90 000 ticks in a second.
const MIN_STEP_US: i64 = 12;

/// Decoding times for a video track, made from the presentation times of its frames in decoding order.
///
/// With `depth` frames of reordering, the n-th frame's decoding time is the n-th smallest presentation time, `depth`
/// frames earlier: the smallest of the `depth + 1` latest ones. That is at most the frame's own presentation time and
/// grows, whatever the spacing. A frame that is reordered more deeply than was declared is presented late rather than
/// dropped, because others may refer to it, and the depth grows.
#[derive(Debug)]
pub(super) struct DecodeTimes {
    depth: usize,
    frame_us: i64,
    /// The `depth` largest presentation times so far, ascending.
    pending: Vec<i64>,
    last: Option<i64>,
    begin: bool,
}

impl DecodeTimes {
    /// `frame_us`: the nominal time between two frames, used until their real spacing is known.
    pub(super) fn new(depth: u8, frame_us: i64) -> Self {
        let depth = usize::from(depth).min(MAX_DEPTH);
        Self {
            depth,
            frame_us: frame_us.max(1),
            pending: Vec::with_capacity(MAX_DEPTH + 2),
            last: None,
            begin: true,
        }
    }

    /// The next frame begins anew (another format, frames lost, a jump): nothing before it is presented after it.
    pub(super) fn restart(&mut self, depth: u8, frame_us: i64) {
        *self = Self {
            last: self.last,
            ..Self::new(depth, frame_us)
        };
    }

    /// How long before its presentation the first frame has to be decoded, in microseconds.
    pub(super) fn lead_us(depth: u8, frame_us: i64) -> i64 {
        i64::from(depth).min(MAX_DEPTH as i64).saturating_mul(frame_us)
    }

    /// The next frame in decoding order; returns its presentation and decoding time.
    pub(super) fn next(&mut self, pts_us: i64) -> (i64, i64) {
        if self.begin {
            self.begin = false;
            let room = self
                .last
                .map_or(i64::MAX, |last| pts_us.saturating_sub(last) / (self.depth as i64 + 1));
            let step = self.frame_us.min(room).max(1);
            self.pending = (1..=self.depth as i64)
                .rev()
                .map(|k| pts_us.saturating_sub(k * step))
                .collect();
        }
        let at = self.pending.partition_point(|p| *p <= pts_us);
        self.pending.insert(at, pts_us);
        let smallest = self.pending.remove(0);
        let dts_us = self.last.map_or(smallest, |last| smallest.max(last + MIN_STEP_US));
        self.last = Some(dts_us);
        if dts_us > pts_us && self.depth < MAX_DEPTH {
            self.depth += 1;
            self.pending.insert(0, smallest);
        }
        (pts_us.max(dts_us), dts_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000;

    /// In milliseconds.
    fn run(times: &mut DecodeTimes, pts: &[i64]) -> Vec<(i64, i64)> {
        let times = pts.iter().map(|p| times.next(*p * MS));
        times.map(|(p, d)| (p / MS, d / MS)).collect()
    }

    #[test]
    fn pictures_of_one_time_are_a_tick_apart() {
        let mut times = DecodeTimes::new(1, 40 * MS);
        let got: Vec<_> = [160, 160, 160, 160, 341].map(|p| times.next(p * MS)).into();
        let ticks: Vec<_> = got.iter().map(|(_, d)| (d * 9 + 50) / 100).collect();
        assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{got:?}");
        assert!(got.iter().all(|(p, d)| p >= d && p - p / MS * MS < 50), "{got:?}");
    }

    #[test]
    fn a_pyramid_of_b_frames() {
        let mut times = DecodeTimes::new(2, 10 * MS);
        let got = run(&mut times, &[100, 140, 120, 110, 130, 180, 160, 150, 170]);
        let dts: Vec<i64> = got.iter().map(|(_, d)| *d).collect();
        assert_eq!(dts, [80, 90, 100, 110, 120, 130, 140, 150, 160]);
        assert!(got.iter().all(|(p, d)| p >= d));
    }

    #[test]
    fn without_reordering_both_times_are_equal() {
        let mut times = DecodeTimes::new(0, 40 * MS);
        assert_eq!(
            run(&mut times, &[0, 33, 100, 101]),
            [(0, 0), (33, 33), (100, 100), (101, 101)]
        );
    }

    #[test]
    fn after_a_loss_the_delay_is_that_of_the_frames() {
        let mut times = DecodeTimes::new(2, 10 * MS);
        run(&mut times, &[100, 140, 120, 110]);
        times.restart(2, 10 * MS);
        assert_eq!(
            run(&mut times, &[5_000, 5_020, 5_010]),
            [(5_000, 4_980), (5_020, 4_990), (5_010, 5_000)]
        );
    }

    #[test]
    fn undeclared_reordering_is_learnt() {
        let mut times = DecodeTimes::new(0, 10 * MS);
        let pts = [100, 140, 120, 110, 130, 180, 160, 150, 170, 220, 200, 190, 210];
        let got = run(&mut times, &pts);
        let late = pts.iter().zip(&got).filter(|(pts, got)| got.0 > **pts).count();
        assert_eq!(late, 3);
        assert!(
            got[5..].iter().zip(&pts[5..]).all(|(got, pts)| got.0 == *pts),
            "{got:?}"
        );
    }

    proptest! {
        #[test]
        fn times_grow_and_never_pass_the_presentation(
            depth in 0u8..20,
            frame in 1i64..50_000,
            steps in proptest::collection::vec((-200_000i64..300_000, any::<bool>(), 0u8..6), 1..200),
        ) {
            let mut times = DecodeTimes::new(depth, frame);
            let mut pts = 1_000_000i64;
            let mut last = i64::MIN;
            for (step, restart, depth) in steps {
                pts += step;
                if restart { times.restart(depth, frame); }
                let (p, d) = times.next(pts);
                prop_assert!(d > last);
                prop_assert!(p >= d && p >= pts);
                last = d;
            }
        }

        #[test]
        fn declared_reordering_leaves_presentation_alone(
            groups in proptest::collection::vec((0usize..4, 1_000i64..100_000), 1..60),
        ) {
            // P frames, each followed by the B frames that are presented before it.
            let mut times = DecodeTimes::new(1, 33_333);
            let mut shown = 0i64;
            prop_assert_eq!(times.next(shown).0, shown);
            for (b_frames, spacing) in groups {
                let p = shown + spacing * (b_frames as i64 + 1);
                prop_assert_eq!(times.next(p).0, p);
                for k in 1..=b_frames as i64 {
                    let b = shown + spacing * k;
                    prop_assert_eq!(times.next(b).0, b);
                }
                shown = p;
            }
        }
    }
}
