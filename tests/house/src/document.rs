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
    prose(text)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .filter_map(|(target, _)| target.split('#').next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
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
    }
}
