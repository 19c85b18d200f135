//! Documents against the tree: the paths that a document names, and the links in it.

use std::collections::BTreeSet;

/// What stands between backquotes outside of blocks of code.
pub(crate) fn code_spans(text: &str) -> Vec<&str> {
    prose(text)
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// The paths among a document's code spans: those whose first part is one of `top`, the names at the tree's top.
pub(crate) fn paths<'a>(text: &'a str, top: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let is_path = |span: &&str| {
        let first = span.split('/').next().unwrap_or(span);
        !span.contains(char::is_whitespace) && top.contains(first)
    };
    code_spans(text)
        .into_iter()
        .filter(is_path)
        .map(|path| path.trim_end_matches('/'))
        .collect()
}

/// The targets of a document's links to files, without what follows `#`.
pub(crate) fn links(text: &str) -> BTreeSet<&str> {
    let files = targets(text).map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty()).collect()
}

/// The links of a document to headings: the file, which is empty for the document itself, and the heading's anchor.
pub(crate) fn anchored_links(text: &str) -> BTreeSet<(&str, &str)> {
    targets(text).filter_map(|target| target.split_once('#')).collect()
}

/// The anchors that GitHub gives a document's headings.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let letters = heading.trim_start_matches('#').trim().chars();
        letters
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
            .flat_map(char::to_lowercase)
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    };
    headings.map(anchor).collect()
}

/// The targets of a document's links but for those to other sites.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    prose(text)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://"))
}

/// The names of our environment variables in a text.
pub(crate) fn variables(text: &str) -> BTreeSet<&str> {
    const PREFIX: &str = "TAPEDECK_";
    let found = text.match_indices(PREFIX).map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|letter: char| !letter.is_ascii_uppercase() && !letter.is_ascii_digit() && letter != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    found.filter(|name| name.len() > PREFIX.len()).collect()
}

/// The lines outside of blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
The room `edge/src/fleet/` and `edge/src/gone.rs`; `cargo test`, `Fleet`, `edge`.
See [the page](page.md#part), [above](#part) and [elsewhere](https://example.com/a.md).
```sh
cat `edge/src/block.rs`
```
Then `media-node/src/main.rs`.
";

    #[test]
    fn paths_are_those_below_the_top() {
        let top = ["edge", "media-node"].map(String::from).into();
        let expected = ["edge", "edge/src/fleet", "edge/src/gone.rs", "media-node/src/main.rs"].into();
        assert_eq!(paths(DOCUMENT, &top), expected);
    }

    #[test]
    fn links_are_those_to_files() {
        assert_eq!(links(DOCUMENT), ["page.md"].into());
        assert_eq!(anchored_links(DOCUMENT), [("page.md", "part"), ("", "part")].into());
    }

    #[test]
    fn variables_are_whole_names_with_our_prefix() {
        let text = "env = \"TAPEDECK_SPOOL_LIMIT\", `TAPEDECK_LEASE_S`, TAPEDECK_${name}_PORT; TAPEDECK_A2=1";
        let expected = ["TAPEDECK_SPOOL_LIMIT", "TAPEDECK_LEASE_S", "TAPEDECK_A2"].into();
        assert_eq!(variables(text), expected);
    }

    #[test]
    fn anchors_are_those_of_headings() {
        let text = "# `query`, and stop\n```sh\n# no heading\n```\n## 不提供的功能\n";
        let expected = ["query-and-stop", "不提供的功能"].map(String::from).into();
        assert_eq!(anchors(text), expected);
    }
}
