//! The ids of rooms and the numbers by which clients enter them. Each follows from the other, so that neither has to be looked
//! up: a socket that is opened by the number leads to the room's object.

/// The letters of ids.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Letters of an id: 62^7 is a little more than 2^41.
const LEN: usize = 7;
const BITS: u32 = 41;
const MASK: u64 = (1 << BITS) - 1;
/// Bits that tell an id from any other text of seven letters.
const CHECK_BITS: u32 = 11;
/// Odd, so that multiplying by it can be undone, and large, so that neighbours look different.
const FACTOR: u64 = 0x0171_94c5_2f3b;
const INVERSE: u64 = inverse(FACTOR);

/// The smallest and the largest number of a room, nine digits.
const FIRST: u64 = 100_000_000;
const LAST: u64 = 999_999_999;

/// The inverse of an odd number modulo 2^64, by Newton's method.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

/// The number of a new room, of random bits.
pub fn number(random: u64) -> u64 {
    FIRST + random % (LAST - FIRST + 1)
}

/// The id of the room with this number; `None` for what is no number of a room.
pub fn id_of(number: u64) -> Option<String> {
    if !(FIRST..=LAST).contains(&number) {
        return None;
    }
    let plain = (number << CHECK_BITS) | check(number);
    let mixed = mix(plain.wrapping_mul(FACTOR) & MASK).wrapping_mul(FACTOR) & MASK;
    Some(text(mixed))
}

/// The number of the room with this id; `None` for what was not made here.
pub fn number_of(id: &str) -> Option<u64> {
    let mixed = value(id)?;
    let plain = mix(mixed.wrapping_mul(INVERSE) & MASK).wrapping_mul(INVERSE) & MASK;
    let number = plain >> CHECK_BITS;
    ((FIRST..=LAST).contains(&number) && plain & ((1 << CHECK_BITS) - 1) == check(number)).then_some(number)
}

/// Seven letters that are not the id of a room: of a track or a recording.
pub fn letters(random: u64) -> String {
    text(random & MASK)
}

/// Its own inverse: the upper half of the bits over the lower half.
fn mix(value: u64) -> u64 {
    value ^ (value >> BITS.div_ceil(2))
}

fn check(number: u64) -> u64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) & ((1 << CHECK_BITS) - 1)
}

fn text(mut value: u64) -> String {
    let mut letters = Vec::with_capacity(LEN);
    for _ in 0..LEN {
        let place = usize::try_from(value % 62).unwrap_or_default();
        letters.push(LETTERS.get(place).copied().map_or('0', char::from));
        value /= 62;
    }
    letters.iter().rev().collect()
}

fn value(text: &str) -> Option<u64> {
    if text.len() != LEN {
        return None;
    }
    let mut value = 0_u64;
    for byte in text.bytes() {
        let place = LETTERS.iter().position(|letter| *letter == byte)?;
        value = value * 62 + u64::try_from(place).ok()?;
    }
    (value <= MASK).then_some(value)
}

/// Whether a path is that of a file that a client sends, behind the number of a server and of a cluster or not.
pub fn is_upload_path(path: &str) -> bool {
    last_part(path) == Some("record")
}

/// The room that a socket is opened to: by its number or its id, behind the number of a server and of a cluster or not.
pub fn of_path(path: &str) -> Option<String> {
    let last = last_part(path)?;
    if last.len() == 9 && last.bytes().all(|byte| byte.is_ascii_digit()) {
        return id_of(last.parse().ok()?);
    }
    number_of(last).map(|_| last.to_owned())
}

/// What stands in a path behind the number of a server and of a cluster, if it has those.
fn last_part(path: &str) -> Option<&str> {
    let last = path.strip_prefix('/')?;
    let is_place = |part: &str, letter: char| {
        let digits = part.strip_prefix(letter);
        digits.is_some_and(|digits| (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    match last.split('/').collect::<Vec<_>>().as_slice() {
        [last] => Some(last),
        [server, cluster, last] if is_place(server, 's') && is_place(cluster, 'c') => Some(last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_id_and_its_number_follow_from_one_another() {
        let mut ids = BTreeSet::new();
        for number in (FIRST..=LAST).step_by(1_234_567).chain([FIRST, FIRST + 1, LAST]) {
            let id = id_of(number).unwrap();
            assert_eq!(id.len(), 7);
            assert_eq!(number_of(&id), Some(number), "{id}");
            ids.insert(id);
        }
        assert_eq!(ids.len(), 732);
        assert_eq!(id_of(99_999_999), None);
        assert_eq!(id_of(1_000_000_000), None);
    }

    #[test]
    fn what_was_not_made_here_is_no_id() {
        for text in [
            "", "metrics", "healthz", "N6QAwb", "N6QAwbs1", "zzzzzzz", "N6QA-bs", "房间",
        ] {
            assert_eq!(number_of(text), None, "{text}");
        }
        let taken =
            (0..20_000_u64).filter(|value| number_of(&letters(value.wrapping_mul(0x9e37_79b9_7f4a_7c15))).is_some());
        assert!(taken.count() < 40, "one in some thousand texts passes by chance");
    }

    #[test]
    fn numbers_are_of_nine_digits() {
        for random in [0, 1, u64::MAX, 1 << 40, 899_999_999, 900_000_000] {
            assert!((FIRST..=LAST).contains(&number(random)));
        }
    }

    #[test]
    fn a_socket_finds_its_room_by_either() {
        let id = id_of(229_937_516).unwrap();
        for path in [
            "/229937516".to_owned(),
            format!("/{id}"),
            format!("/s1/c1/{id}"),
            "/s12/c3/229937516".to_owned(),
        ] {
            assert_eq!(of_path(&path).as_deref(), Some(id.as_str()), "{path}");
        }
        for path in [
            "/",
            "/metrics",
            "/healthz",
            "/node/v1/line",
            "/s1/229937516",
            "/s/c1/229937516",
            "/c1/s1/229937516",
            "/2299375161",
            "/s1/c1/",
        ] {
            assert_eq!(of_path(path), None, "{path}");
        }
    }
}
