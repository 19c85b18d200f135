/// The transport stream's time at the recording's start, in ticks of 90 kHz: ten seconds, so that neither media from
/// just before the start nor the program clock, which runs ahead of the decoding times, gets a negative time.
const BASE_TICKS: i64 = 900_000;

/// The earliest time on the recording's timeline that a slice can carry, in microseconds.
pub const MIN_MEDIA_US: i64 = -9_000_000;

/// The time in a transport stream of a moment on the recording's timeline. All playlists of a recording share it. A
/// recording of more than a day passes the 33 bits that a transport stream has; the muxer cuts them off.
pub fn to_ticks(media_us: i64) -> i64 {
    BASE_TICKS + (media_us.saturating_mul(9) + 50).div_euclid(100)
}

/// A duration in ticks of 90 kHz, in microseconds.
pub fn to_us(ticks: i64) -> i64 {
    (ticks.saturating_mul(100) + 4).div_euclid(9)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_is_90000_ticks() {
        assert_eq!(to_ticks(0), 900_000);
        assert_eq!(to_ticks(1_000_000), 990_000);
        assert_eq!(to_us(90_000), 1_000_000);
    }

    proptest! {
        #[test]
        fn no_more_than_a_tick_is_lost_and_order_is_kept(us in MIN_MEDIA_US..3_000_000_000_000, step in 0i64..1_000_000) {
            prop_assert!((to_us(to_ticks(us) - BASE_TICKS) - us).abs() <= 6);
            prop_assert!(to_ticks(us + step) >= to_ticks(us));
            prop_assert!(to_ticks(us) >= 90_000);
        }
    }
}
