//! What each of several pictures gets of a way that carries so much. Pure.

/// What one picture can take, in bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// As it is wished for.
    pub(super) wanted: u64,
    /// How large it is shown, beside others.
    pub(super) weight: u64,
}

/// The share of each, in their order: larger pictures get more, and what one does not need is the others'.
pub(super) fn share(carried: u64, needs: &[Need]) -> Vec<u64> {
    let mut shares: Vec<Option<u64>> = vec![None; needs.len()];
    let mut left = carried;
    loop {
        let open = || needs.iter().zip(&shares).filter(|(_, share)| share.is_none());
        let weights: u128 = open().map(|(need, _)| u128::from(need.weight.max(1))).sum();
        if weights == 0 {
            break;
        }
        let part = |need: &Need| {
            let part = u128::from(left) * u128::from(need.weight.max(1)) / weights;
            u64::try_from(part).unwrap_or(u64::MAX)
        };
        // Whoever is content with less than its part leaves the rest to the others; when nobody is, the parts are what there is.
        let is_content = |need: &Need| need.wanted <= part(need);
        let somebody_is = open().any(|(need, _)| is_content(need));
        let mut given = 0u64;
        let next = needs.iter().zip(&shares).map(|(need, share)| match share {
            Some(share) => Some(*share),
            None if !somebody_is => Some(part(need)),
            None => is_content(need).then(|| {
                given = given.saturating_add(need.wanted);
                need.wanted
            }),
        });
        shares = next.collect();
        left = left.saturating_sub(given);
    }
    shares.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(carried: u64, needs: &[(u64, u64)]) -> Vec<u64> {
        let needs: Vec<_> = needs.iter().map(|&(wanted, weight)| Need { wanted, weight }).collect();
        share(carried, &needs)
    }

    #[test]
    fn a_large_picture_gets_more_and_what_nobody_needs_is_the_others() {
        assert_eq!(shares(900, &[]), [0u64; 0]);
        assert_eq!(shares(900, &[(2_000, 1), (2_000, 1)]), [450, 450]);
        assert_eq!(shares(900, &[(2_000, 8), (2_000, 1)]), [800, 100]);
        assert_eq!(shares(900, &[(2_000, 1), (100, 1), (300, 1)]), [500, 100, 300]);
        assert_eq!(shares(900, &[(100, 1), (200, 9)]), [100, 200]);
        assert_eq!(shares(0, &[(100, 1)]), [0]);
        assert_eq!(shares(90, &[(100, 0)]), [90]);
    }

    proptest! {
        #[test]
        fn no_more_is_given_than_there_is_or_is_needed(
            carried: u64,
            needs in prop::collection::vec((0..u64::MAX / 64, any::<u64>()), 0..12),
        ) {
            let given = shares(carried, &needs);
            prop_assert!(given.iter().map(|share| u128::from(*share)).sum::<u128>() <= u128::from(carried));
            let wanted: u128 = needs.iter().map(|(wanted, _)| u128::from(*wanted)).sum();
            for (share, (need, _)) in given.iter().zip(&needs) {
                prop_assert!(share <= need);
                prop_assert!(wanted > u128::from(carried) || share == need);
            }
        }
    }
}
