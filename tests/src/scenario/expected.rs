//! Whether a reply is as expected.

use serde_json::Value;

/// What is wrong with a value. Of an object only the named fields are looked at, unless `exact`; `null` is what is not there. A text may
/// have a `*` for anything, and alone it is any value that is there.
pub(super) fn mismatch(expected: &Value, found: Option<&Value>, exact: bool) -> Option<String> {
    match (expected, found) {
        (Value::Null, None | Some(Value::Null)) => None,
        (Value::String(any), Some(_)) if any == "*" => None,
        (Value::Object(expected), Some(Value::Object(found))) => {
            let extra = found.keys().find(|name| exact && !expected.contains_key(*name));
            if let Some(name) = extra {
                return Some(format!("{name} is not expected"));
            }
            expected.iter().find_map(|(name, value)| {
                mismatch(value, found.get(name), exact).map(|problem| format!("{name}: {problem}"))
            })
        }
        (Value::Array(expected), Some(Value::Array(found))) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            let mut problems =
                pairs.filter_map(|(at, (expected, found))| Some((at, mismatch(expected, Some(found), exact)?)));
            problems.next().map(|(at, problem)| format!("{at}: {problem}"))
        }
        (Value::String(pattern), Some(Value::String(text))) if fits(pattern, text) => None,
        (expected, Some(found)) if expected == found => None,
        (expected, Some(found)) => Some(format!("{found} in the place of {expected}")),
        (expected, None) => Some(format!("nothing in the place of {expected}")),
    }
}

/// Whether a text is as a pattern with stars says.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let Some((middle, last)) = rest.rsplit_once('*') else {
        return left.ends_with(rest);
    };
    for part in middle.split('*') {
        match left.split_once(part) {
            Some((_, behind)) => left = behind,
            None => return false,
        }
    }
    left.ends_with(last)
}
