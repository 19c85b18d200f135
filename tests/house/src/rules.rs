//! The rules as docs/architecture.toml has them, and what breaks them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::graph::Graph;

/// The whole of docs/architecture.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// By folder, by file or folder in it: which others of the folder it imports.
    pub imports: BTreeMap<String, Layers>,
    /// By another crate's name, as it stands in a path: the only folders and files that use it.
    pub outside: BTreeMap<String, Vec<String>>,
    /// Where a vendor may be named besides the dialects, the documents and the tests.
    pub vendors: Vec<Exception>,
}

pub type Layers = BTreeMap<String, BTreeSet<String>>;

/// A folder or file that names vendors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub path: String,
    pub names: BTreeSet<String>,
    pub reason: String,
}

impl Rules {
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

/// What differs between the layers of a folder as they are allowed and as they are.
pub(crate) fn differences(folder: &str, allowed: &Layers, graph: &Graph) -> Vec<String> {
    let found = graph.imports();
    let mut differences = Vec::new();
    for (from, to) in found
        .iter()
        .flat_map(|(from, all)| all.iter().map(move |to| (from, to)))
    {
        if !allowed.get(*from).is_some_and(|allowed| allowed.contains(*to)) {
            let how = graph.between(from, to).join("\n    ");
            differences.push(format!(
                "{folder}: `{from}` may not import `{to}`, but does:\n    {how}"
            ));
        }
    }
    for (from, to) in allowed
        .iter()
        .flat_map(|(from, all)| all.iter().map(move |to| (from, to)))
    {
        if !found
            .get(from.as_str())
            .is_some_and(|found| found.contains(to.as_str()))
        {
            differences.push(format!("{folder}: `{from}` does not import `{to}` any more: strike it"));
        }
    }
    differences
}

/// Whether a path is `folder`, or a file or folder in it.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::Source;

    fn graph() -> Graph {
        let files = [
            ("src/lib.rs", "mod core; mod shell;"),
            ("src/core.rs", "use crate::shell::Shell;"),
            ("src/shell.rs", "pub struct Shell;"),
        ];
        let files = files.map(|(path, text)| (path.to_string(), text.to_string())).into();
        let source = Source::parse(&files, "src/lib.rs").unwrap();
        source.graph(&source.imports(), "src")
    }

    #[test]
    fn an_import_that_is_not_allowed_is_told_with_its_files() {
        let allowed = Layers::new();
        assert_eq!(
            differences("src", &allowed, &graph()),
            ["src: `core` may not import `shell`, but does:\n    src/core.rs → src/shell.rs: Shell"]
        );
    }

    #[test]
    fn what_is_allowed_and_unused_is_told() {
        let rules =
            Rules::parse("vendors = []\n[outside]\n[imports.src]\ncore = [\"shell\"]\nshell = [\"core\"]").unwrap();
        assert_eq!(
            differences("src", &rules.imports["src"], &graph()),
            ["src: `shell` does not import `core` any more: strike it"]
        );
    }

    #[test]
    fn a_folder_is_not_one_whose_name_begins_like_it() {
        assert!(is_within("edge/src/worker", "edge/src/worker"));
        assert!(is_within("edge/src/worker/kv.rs", "edge/src/worker"));
        assert!(!is_within("edge/src/workers/kv.rs", "edge/src/worker"));
    }
}
