//! Names of vendors as words of a text: in identifiers, strings and comments alike.

/// The vendors whose APIs the dialects speak.
pub(crate) const VENDORS: [&str; 5] = ["Agora", "anyRTC", "FSP", "Polyv", "UPRTC"];

/// The vendors that a line names.
pub(crate) fn vendors_in(line: &str) -> Vec<&'static str> {
    VENDORS.into_iter().filter(|vendor| names(line, vendor)).collect()
}

fn names(line: &str, vendor: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let sought = vendor.to_ascii_lowercase();
    lower.match_indices(&sought).any(|(start, found)| {
        let end = start + found.len();
        begins_word(line, start) && ends_word(line, end)
    })
}

/// A word begins behind what is no letter, or with a capital behind a small letter.
fn begins_word(line: &str, at: usize) -> bool {
    let before = line[..at].chars().next_back();
    let first = line[at..].chars().next();
    match (before, first) {
        (Some(before), Some(first)) if before.is_alphabetic() => before.is_lowercase() && first.is_uppercase(),
        _ => true,
    }
}

/// A word ends before what is no letter, or before a capital that begins another word.
fn ends_word(line: &str, at: usize) -> bool {
    let mut after = line[at..].chars();
    match (after.next(), after.next()) {
        (Some(next), second) if next.is_alphabetic() => {
            let last_is_small = line[..at].chars().next_back().is_some_and(char::is_lowercase);
            next.is_uppercase() && (last_is_small || second.is_some_and(char::is_lowercase))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_words_and_identifiers() {
        for line in [
            "/// As Agora has it.",
            "Dialect::Agora",
            "use crate::dialect::agora::notification;",
            "#EXT-X-AGORA-ROTATE",
            "AgoraError",
            "is_agora",
            "readAgora",
            "AGORAError",
        ] {
            assert_eq!(vendors_in(line), ["Agora"], "{line}");
        }
        assert_eq!(vendors_in("Flavour::Anyrtc, any_fsp_client"), ["anyRTC", "FSP"]);
        assert_eq!(vendors_in("polyv and UPRTC"), ["Polyv", "UPRTC"]);
    }

    #[test]
    fn other_words_are_left_alone() {
        for line in ["offspring", "an agoraphobic reader", "half-space", "rtc"] {
            assert_eq!(vendors_in(line), [""; 0], "{line}");
        }
    }
}
