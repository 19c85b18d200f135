//! What holds for all dialects, and what keeps them apart.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// The folders of the edge that know no dialect.
const WITHOUT_DIALECTS: [&str; 8] = [
    "access",
    "app",
    "fleet",
    "input",
    "metrics",
    "recording",
    "store",
    "http.rs",
];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
        return;
    }
    for entry in fs::read_dir(path).unwrap() {
        files_below(&entry.unwrap().path(), files);
    }
}

/// The source of all files below a path, tests left out.
fn code(path: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    files_below(path, &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.retain(|file| {
        !file
            .iter()
            .any(|part| part == "tests" || part == "tests.rs" || part == "testing.rs")
    });
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default()
            .to_owned();
        (file, code)
    };
    files.into_iter().map(read).collect()
}

/// The folders of the vendors.
fn vendors() -> Vec<String> {
    let entries = fs::read_dir(sources().join("dialect")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders
        .map(|folder| folder.file_name().into_string().unwrap())
        .collect()
}

/// Whether the code has the word as a whole.
fn names(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let (before, behind) = (&code[..at], &code[at + word.len()..]);
        !before.ends_with(is_part) && !behind.starts_with(is_part)
    })
}

#[test]
fn no_dialect_names_another() {
    let vendors = vendors();
    assert!(vendors.contains(&"agora".to_owned()), "{vendors:?}");
    for vendor in &vendors {
        for (file, code) in code(&sources().join("dialect").join(vendor)) {
            let other = vendors.iter().find(|other| *other != vendor && names(&code, other));
            assert_eq!(other, None, "{} names another vendor's folder", file.display());
        }
    }
}

#[test]
fn the_core_knows_no_dialect() {
    for folder in WITHOUT_DIALECTS {
        let files = code(&sources().join(folder));
        assert!(!files.is_empty(), "{folder}");
        for (file, code) in files {
            let imports = code.contains("crate::dialect") || code.contains("dialect::");
            assert!(
                !imports,
                "{} imports a dialect: let the shell hand in what it needs",
                file.display()
            );
        }
    }
}

#[test]
fn a_vendors_folder_is_named_by_the_table_alone() {
    for (file, code) in code(&sources()) {
        let inside = file.strip_prefix(sources()).unwrap();
        if inside == Path::new("dialect/mod.rs") {
            continue;
        }
        for vendor in vendors() {
            let is_own = inside.starts_with(Path::new("dialect").join(&vendor));
            assert!(
                is_own || !names(&code, &vendor),
                "{} names {vendor}: go by the door of the dialects",
                inside.display()
            );
        }
    }
}

#[test]
fn whole_words_count() {
    assert!(names("use super::agora::x;", "agora"));
    assert!(!names("agoraphobia, my_agora", "agora"));
}

#[test]
fn each_dialect_has_a_name_of_its_own() {
    let mut all: Vec<_> = Dialect::names().collect();
    assert!(all.contains(&"agora") && all.contains(&"anyrtc"), "{all:?}");
    for name in &all {
        let dialect = Dialect::named(name).unwrap();
        assert_eq!(dialect.name(), *name);
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), Dialect::names().count());
    assert!(Dialect::named("morse").is_none());
}
