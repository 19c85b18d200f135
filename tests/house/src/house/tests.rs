use super::*;

fn house(files: &[(&str, &str)], rules: &str) -> House {
    let files = files
        .iter()
        .map(|(path, text)| (path.to_string(), text.to_string()))
        .collect();
    House::new(files, &["edge/src/lib.rs"], Rules::parse(rules).unwrap()).unwrap()
}

const NO_RULES: &str = "vendors = []\n[outside]\n[imports]\n";

#[test]
fn a_circle_is_told_with_its_folder_and_its_files() {
    let house = house(
        &[
            ("edge/src/lib.rs", "mod a; mod b;"),
            ("edge/src/a.rs", "use crate::b::B; pub struct A;"),
            ("edge/src/b.rs", "pub struct B(crate::a::A);"),
        ],
        NO_RULES,
    );
    assert_eq!(
        house.circles(),
        ["edge/src: a, b\n    edge/src/a.rs → edge/src/b.rs: B\n    edge/src/b.rs → edge/src/a.rs: A"]
    );
}

#[test]
fn an_import_against_the_layers_is_told() {
    let house = house(
        &[
            ("edge/src/lib.rs", "mod core; mod shell;"),
            ("edge/src/core.rs", "use crate::shell::Shell;"),
            ("edge/src/shell.rs", "pub struct Shell;"),
        ],
        "vendors = []\n[outside]\n[imports.\"edge/src\"]\nshell = []\n[imports.\"edge/src/gone\"]\n",
    );
    assert_eq!(
        house.wrong_imports(),
        [
            "edge/src: `core` may not import `shell`, but does:\n    edge/src/core.rs → edge/src/shell.rs: Shell",
            "edge/src/gone is no folder with modules: strike it",
        ]
    );
}

#[test]
fn a_crate_in_the_wrong_place_is_told() {
    let house = house(
        &[
            ("edge/src/lib.rs", "mod core; mod shell;"),
            (
                "edge/src/core.rs",
                "fn f() { worker::log() } #[cfg(test)] use retina::Session;",
            ),
            ("edge/src/shell.rs", "use worker::Env;"),
        ],
        "vendors = []\n[imports]\n[outside]\nworker = [\"edge/src/shell.rs\"]\nretina = [\"edge/src/core.rs\"]\n",
    );
    assert_eq!(
        house.wrong_crates(),
        [
            "edge/src/core.rs does not use the crate retina: strike it",
            "edge/src/core.rs may not use the crate worker",
        ]
    );
}

#[test]
fn a_vendor_is_told_wherever_it_may_not_be_named() {
    let house = house(
        &[
            ("edge/src/lib.rs", "mod core; mod dialect;\n#[cfg(test)]\nmod tests;\n"),
            (
                "edge/src/core.rs",
                "/// As Agora has it.\nfn f() {}\n#[cfg(test)]\nmod tests {\n    // Polyv\n}\n",
            ),
            ("edge/src/dialect.rs", "// not the folder: FSP"),
            ("edge/src/tests.rs", "// Agora"),
            ("docs/api.md", "Agora"),
            ("edge/tests/tokens.py", "agora"),
            ("scripts/dev", "agora anyrtc"),
        ],
        "imports = {}\noutside = {}\n\
         [[vendors]]\npath = \"scripts\"\nnames = [\"Agora\", \"UPRTC\"]\nreason = \"its apps\"\n",
    );
    assert_eq!(
        house.named_vendors(),
        [
            "edge/src/core.rs:1: Agora: /// As Agora has it.",
            "edge/src/dialect.rs:1: FSP: // not the folder: FSP",
            "scripts/dev:1: anyRTC: agora anyrtc",
            "scripts does not name UPRTC: strike it",
        ]
    );
}

#[test]
fn the_map_is_held_to_the_tree() {
    let house = house(
        &[
            ("edge/src/lib.rs", "mod fleet;"),
            ("edge/src/fleet/mod.rs", "#[cfg(test)] mod tests;"),
            ("edge/src/fleet/tests/mod.rs", ""),
            ("scripts/dev", ""),
            ("docs/map.md", "`edge/`, `docs/` and `edge/src/room/`"),
        ],
        NO_RULES,
    );
    assert_eq!(
        house.unmapped("docs/map.md"),
        [
            "edge/src/fleet/ is not named",
            "scripts/ is not named",
            "edge/src/room is named, but is not there",
        ]
    );
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let house = house(
        &[
            ("edge/src/lib.rs", ""),
            ("README.md", "[a](docs/a.md) [b](docs/b.md)"),
            (
                "docs/a.md",
                "# Top\n[up](../README.md#top) [gone](README.md) [above](#top)",
            ),
        ],
        NO_RULES,
    );
    assert_eq!(
        house.broken_links(),
        [
            "README.md: docs/b.md",
            "docs/a.md: README.md",
            "docs/a.md: ../README.md#top"
        ]
    );
}

#[test]
fn a_translation_that_drifts_is_told() {
    let house = house(
        &[
            ("edge/src/lib.rs", ""),
            ("docs/a.md", "# A\n[zh](zh/a.md)\n"),
            ("docs/zh/a.md", "# 甲\n## 乙\n[en](../a.md)\n"),
            ("docs/b.md", "# B\n"),
            ("docs/zh/b.md", "# 甲\n[en](../b.md)\n"),
            ("docs/zh/c.md", ""),
        ],
        NO_RULES,
    );
    assert_eq!(
        house.drifted_translations(),
        [
            "docs/zh/a.md: headings of levels [1, 2] instead of [1]",
            "docs/b.md: no link to docs/zh/b.md",
            "docs/zh/c.md: there is no docs/c.md",
        ]
    );
}

#[test]
fn misplaced_tests_and_silent_faces_are_told() {
    let house = house(
        &[
            ("edge/src/lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
            ("edge/src/a/mod.rs", "mod c;"),
            ("edge/src/a/c.rs", ""),
            ("edge/src/a/c_tests.rs", ""),
            ("edge/src/b/mod.rs", "//! Says it."),
            ("edge/src/b/tests.rs", ""),
            ("edge/src/tests/mod.rs", ""),
        ],
        NO_RULES,
    );
    assert_eq!(house.misplaced_tests(), ["edge/src/a/c_tests.rs"]);
    assert_eq!(house.silent_faces(), ["edge/src/a/mod.rs"]);
}

#[test]
fn a_variable_that_no_document_names_is_told_and_one_that_nothing_reads() {
    let house = house(
        &[
            (
                "edge/src/lib.rs",
                "const READ: [&str; 2] = [\"TAPEDECK_SECRET\", \"TAPEDECK_KNOWN\"];\n#[cfg(test)] const T: &str = \"TAPEDECK_TEST\";",
            ),
            ("docs/a.md", "`TAPEDECK_KNOWN`, `TAPEDECK_GONE` and `TAPEDECK_STATE`"),
            ("scripts/dev", "${TAPEDECK_STATE:-.dev}"),
        ],
        NO_RULES,
    );
    assert_eq!(
        house.undocumented_variables(),
        ["no document names TAPEDECK_SECRET", "nothing reads TAPEDECK_GONE"]
    );
}
