//! A translated document against its original: what has to be the same in every language.

use std::collections::BTreeSet;

use crate::document::links;

/// What differs, one string for each.
pub(crate) fn differences(original: &str, translation: &str) -> Vec<String> {
    let (one, other) = (Shape::of(original), Shape::of(translation));
    let mut found = Vec::new();
    if one.headings != other.headings {
        found.push(format!(
            "headings of levels {:?} instead of {:?}",
            other.headings, one.headings
        ));
    }
    if one.rows != other.rows {
        found.push(format!("{} rows of tables instead of {}", other.rows, one.rows));
    }
    if one.code.len() != other.code.len() {
        found.push(format!(
            "{} blocks of code instead of {}",
            other.code.len(),
            one.code.len()
        ));
    }
    let linked = pages(translation);
    let missing = pages(original).into_iter().filter(|page| !linked.contains(page));
    found.extend(missing.map(|page| format!("no link to {page}")));
    let changed = one.code.iter().zip(&other.code).filter(|(one, other)| one != other);
    found.extend(changed.map(|(one, other)| format!("another block of code:\n{other}instead of:\n{one}")));
    found
}

/// The pages that a document links, by their names: a translation may link a translation.
fn pages(text: &str) -> BTreeSet<&str> {
    links(text)
        .into_iter()
        .filter_map(|link| link.rsplit('/').next())
        .collect()
}

#[derive(Default)]
struct Shape {
    /// The level of each heading, in order.
    headings: Vec<usize>,
    /// Of all tables.
    rows: usize,
    /// Fenced with their fences, and indented; in order.
    code: Vec<String>,
}

impl Shape {
    fn of(text: &str) -> Self {
        let mut shape = Self::default();
        let (mut is_fenced, mut is_indented) = (false, false);
        for line in text.lines() {
            let is_fence = line.starts_with("```");
            let goes_on = is_fenced || (is_indented && line.starts_with("    "));
            let begins = !goes_on && (is_fence || line.starts_with("    "));
            if begins {
                shape.code.push(String::new());
            }
            if (goes_on || begins)
                && let Some(block) = shape.code.last_mut()
            {
                block.push_str(line);
                block.push('\n');
            }
            is_indented = (goes_on || begins) && !is_fenced && !is_fence;
            is_fenced ^= is_fence;
            if !goes_on && !begins {
                let level = line.bytes().take_while(|byte| *byte == b'#').count();
                if level > 0 {
                    shape.headings.push(level);
                }
                shape.rows += usize::from(line.starts_with('|'));
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: &str =
        "# Title\n\nText, [more](more.md).\n\n    make\n    run\n\n## Part\n\n```sh\n# no heading\n```\n| a |\n|---|\n";

    #[test]
    fn other_words_are_no_difference() {
        let translation = ORIGINAL
            .replace("Text", "文")
            .replace("| a |", "| 甲 |")
            .replace("more.md", "../more.md");
        assert_eq!(differences(ORIGINAL, &translation), [""; 0]);
    }

    #[test]
    fn code_headings_and_rows_are_compared() {
        for (from, to, said) in [
            ("    run", "    walk", "another block of code"),
            ("# no heading", "# another", "another block of code"),
            ("```sh\n# no heading\n```\n", "", "1 blocks of code instead of 2"),
            ("## Part", "### Part", "headings of levels [1, 3] instead of [1, 2]"),
            ("|---|\n", "|---|\n| b |\n", "3 rows of tables instead of 2"),
            ("more](more.md)", "more", "no link to more.md"),
        ] {
            let found = differences(ORIGINAL, &ORIGINAL.replace(from, to));
            assert!(found.len() == 1 && found[0].starts_with(said), "{found:?}");
        }
    }
}
