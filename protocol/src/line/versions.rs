use serde::{Deserialize, Serialize};

use crate::version::OLDEST;
use crate::{Fault, Refusal, RefusalCode};

/// The newest version of the line's protocol that this software speaks. A field or a kind of message that may be left out does not need a new version; a change that the other side
/// has to know of does. [`OLDEST`] follows a release later, so that edge and nodes can be updated one after the other.
pub const NEWEST: u32 = 3;

/// The versions of the line's protocol that one side speaks: all from `oldest` to `newest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    pub oldest: u32,
    pub newest: u32,
}

impl Versions {
    /// Those of this software.
    pub const OWN: Self = Self {
        oldest: OLDEST,
        newest: NEWEST,
    };

    /// The version that two sides speak with one another: the newest that both know. Refused when there is none; `others` says
    /// for a person whose the other side's versions are.
    pub fn agree(self, other: Self, others: &str) -> Result<u32, Refusal> {
        let common = self.newest.min(other.newest);
        if common >= self.oldest && common >= other.oldest {
            return Ok(common);
        }
        let advice = if self.oldest > other.newest {
            "update the one that is older"
        } else {
            "update this one"
        };
        Err(Refusal {
            fault: Fault::Ours,
            code: RefusalCode::BadJob,
            reason: format!(
                "{others} speaks the versions {} to {} of the line's protocol, and this side {} to {}: {advice}",
                other.oldest, other.newest, self.oldest, self.newest
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(oldest: u32, newest: u32) -> Versions {
        Versions { oldest, newest }
    }

    #[test]
    fn two_sides_speak_the_newest_version_that_both_know() {
        let agreed = |own: Versions, other| own.agree(other, "it").ok();
        assert_eq!(agreed(versions(1, 3), versions(2, 5)), Some(3));
        assert_eq!(agreed(versions(2, 5), versions(1, 3)), Some(3));
        assert_eq!(agreed(versions(1, 1), versions(1, 1)), Some(1));
        assert_eq!(agreed(versions(1, 2), versions(3, 4)), None);
        assert_eq!(agreed(versions(3, 4), versions(1, 2)), None);
        assert_eq!(agreed(versions(1, 2), versions(5, 0)), None, "no such window");
    }

    #[test]
    fn what_is_one_release_older_is_still_spoken_to() {
        let before = versions(1, 1);
        assert_eq!(Versions::OWN.agree(before, "it").ok(), Some(1));
        assert_eq!(before.agree(Versions::OWN, "it").ok(), Some(1));
        assert_eq!(Versions::OWN.agree(Versions::OWN, "it").ok(), Some(NEWEST));
    }

    #[test]
    fn a_refusal_says_which_side_has_to_be_updated() {
        let reason = |own: Versions, other| own.agree(other, "node n1").unwrap_err().reason;
        let older = reason(versions(3, 4), versions(1, 2));
        assert!(
            older.contains("node n1 speaks the versions 1 to 2") && older.ends_with("update the one that is older")
        );
        assert!(reason(versions(1, 2), versions(3, 4)).ends_with("update this one"));
    }
}
