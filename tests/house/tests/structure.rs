//! The workspace's own source and documents, held to docs/architecture.md and docs/architecture.toml.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use tapedeck_house::{House, Rules, read_files};

const ROOTS: [&str; 4] = [
    "edge/src/lib.rs",
    "media-node/src/main.rs",
    "protocol/src/lib.rs",
    "tests/house/src/lib.rs",
];

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ignored = std::fs::read_to_string(root.join(".gitignore")).unwrap();
    let ignored: BTreeSet<&str> = ignored.lines().map(|line| line.trim_end_matches('/')).collect();
    let skips = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name == ".git" || ignored.contains(name)
    };
    let files = read_files(&root, skips).unwrap();
    let rules = Rules::parse(&files["docs/architecture.toml"]).unwrap();
    House::new(files, &ROOTS, rules).unwrap_or_else(|error| panic!("{error}"))
});

#[track_caller]
fn none(found: Vec<String>, mend: &str) {
    assert!(
        found.is_empty(),
        "\n{}\n\n{} found. {mend}\n",
        found.join("\n"),
        found.len()
    );
}

#[test]
fn files_and_folders_import_one_another_in_no_circle() {
    none(
        HOUSE.circles(),
        "Move what two of them share to where both may know it, or hand it in as an argument.",
    );
}

#[test]
fn folders_import_what_the_layers_allow() {
    none(
        HOUSE.wrong_imports(),
        "If an import belongs there, allow it in docs/architecture.toml, and say in docs/architecture.md what it means. \
         If not, turn it around: the lower folder takes what it needs as an argument.",
    );
}

#[test]
fn other_crates_are_used_where_they_may_be() {
    none(
        HOUSE.wrong_crates(),
        "[outside] in docs/architecture.toml says which folders use which crates.",
    );
}

#[test]
fn vendors_are_named_in_their_dialects_only() {
    none(
        HOUSE.named_vendors(),
        "Say it in the service's own words, or move what is the vendor's into its dialect. Where neither is possible, \
         [[vendors]] in docs/architecture.toml takes the path, the names and the reason.",
    );
}

#[test]
fn the_architecture_names_what_is_there_and_nothing_else() {
    none(
        HOUSE.unmapped("docs/architecture.md"),
        "Say in docs/architecture.md, in backquotes and from the tree's top, what is where.",
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    none(HOUSE.broken_links(), "These links lead to no file.");
}

#[test]
fn documents_name_the_variables_that_programs_read() {
    none(
        HOUSE.undocumented_variables(),
        "docs/operations.md has a table of those of the edge, and one of those of the node.",
    );
}

#[test]
fn translations_keep_to_their_originals() {
    none(
        HOUSE.drifted_translations(),
        "Translate what has changed: headings, tables and code are the same in every language, and each page links to the other.",
    );
}

#[test]
fn tests_stand_where_they_are_looked_for() {
    none(
        HOUSE.misplaced_tests(),
        "Short tests stand at the end of their file, long ones of x.rs in x/tests.rs, those of a folder in its tests/.",
    );
}

#[test]
fn folders_say_what_they_are_for() {
    none(
        HOUSE.silent_faces(),
        "The first lines of a folder's mod.rs say what it is for and what it may not know.",
    );
}
