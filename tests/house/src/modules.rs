//! A crate's source as a tree of modules, read from its root file along its `mod` items.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::Span;
use syn::{Item, ItemMod};

use crate::paths::{self, Reference, Use};
use crate::testing_code::is_for_tests;

/// Source files by their paths from the repository's root, with `/` between folders.
pub type Files = BTreeMap<String, String>;

/// The source of one crate.
#[derive(Debug)]
pub(crate) struct Source {
    /// The crate's root first.
    pub(crate) modules: Vec<Module>,
    /// Lines that are compiled for tests only, by file: first and last, counted from 1.
    test_lines: BTreeMap<String, Vec<(usize, usize)>>,
}

/// One module, in a file of its own or inline.
#[derive(Debug)]
pub(crate) struct Module {
    /// From the crate's root, which is empty: `["spool", "journal"]`.
    pub(crate) path: Vec<String>,
    /// The file that it is in.
    pub(crate) file: String,
    pub(crate) parent: Option<usize>,
    pub(crate) children: BTreeMap<String, usize>,
    /// The names of what it defines itself, macros and modules aside.
    pub(crate) items: BTreeSet<String>,
    pub(crate) uses: Vec<Use>,
    pub(crate) references: Vec<Reference>,
}

/// Why a crate's source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{0} does not parse: {1}")]
    Syntax(String, syn::Error),
    #[error("{file} has `mod {name};`, but neither {name}.rs nor {name}/mod.rs is there")]
    Missing { file: String, name: String },
    #[error("{file} names the file of `mod {name};` by #[path]: put it where Rust looks for it")]
    PathAttribute { file: String, name: String },
}

impl Source {
    /// Reads the crate whose root is the file `root`, a `lib.rs` or `main.rs` among `files`.
    pub(crate) fn parse(files: &Files, root: &str) -> Result<Self, SourceError> {
        let mut source = Self {
            modules: Vec::new(),
            test_lines: BTreeMap::new(),
        };
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        source.read(files, root, folder, Vec::new(), None)?;
        Ok(source)
    }

    pub(crate) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter()
    }

    /// The files that are compiled without tests.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.modules.iter().map(|module| module.file.as_str()).collect()
    }

    /// The folder that the crate's source is in.
    pub(crate) fn folder_of_root(&self) -> Option<&str> {
        Some(self.modules.first()?.file.rsplit_once('/')?.0)
    }

    /// The module of a folder: `path` is the folder's, from the repository's root.
    pub(crate) fn module_of(&self, path: &str) -> Option<usize> {
        let below = path.strip_prefix(self.folder_of_root()?)?;
        let names: Vec<&str> = below.split('/').filter(|name| !name.is_empty()).collect();
        self.modules.iter().position(|module| module.path == names)
    }

    /// Whether a line of one of these files, counted from 1, is compiled for tests only.
    pub(crate) fn is_test_line(&self, file: &str, line: usize) -> bool {
        self.test_lines
            .get(file)
            .is_some_and(|ranges| ranges.iter().any(|(first, last)| (*first..=*last).contains(&line)))
    }

    fn read(
        &mut self,
        files: &Files,
        file: &str,
        folder: &str,
        path: Vec<String>,
        parent: Option<usize>,
    ) -> Result<usize, SourceError> {
        let text = files.get(file).map_or("", String::as_str);
        let syntax = syn::parse_file(text).map_err(|error| SourceError::Syntax(file.into(), error))?;
        self.add(files, file, folder, path, parent, &syntax.items)
    }

    /// Adds a module and those below it. `folder` is where the files of its modules are.
    fn add(
        &mut self,
        files: &Files,
        file: &str,
        folder: &str,
        path: Vec<String>,
        parent: Option<usize>,
        items: &[Item],
    ) -> Result<usize, SourceError> {
        let found = paths::read(items);
        for span in found.for_tests {
            self.leave_out(file, span);
        }
        let index = self.modules.len();
        self.modules.push(Module {
            path: path.clone(),
            file: file.into(),
            parent,
            children: BTreeMap::new(),
            items: found.items,
            uses: found.uses,
            references: found.references,
        });
        for item in items {
            let Item::Mod(module) = item else { continue };
            if is_for_tests(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let path = path.iter().cloned().chain([name.clone()]).collect();
            let child = self.child(files, file, folder, path, index, module)?;
            self.modules[index].children.insert(name, child);
        }
        Ok(index)
    }

    fn child(
        &mut self,
        files: &Files,
        file: &str,
        folder: &str,
        path: Vec<String>,
        parent: usize,
        module: &ItemMod,
    ) -> Result<usize, SourceError> {
        let name = module.ident.to_string();
        let below = format!("{folder}/{name}");
        if let Some((_, items)) = &module.content {
            return self.add(files, file, &below, path, Some(parent), items);
        }
        let file = file.to_string();
        if module.attrs.iter().any(|attribute| attribute.path().is_ident("path")) {
            return Err(SourceError::PathAttribute { file, name });
        }
        let own = [format!("{below}.rs"), format!("{below}/mod.rs")]
            .into_iter()
            .find(|own| files.contains_key(own))
            .ok_or(SourceError::Missing { file, name })?;
        self.read(files, &own, &below, path, Some(parent))
    }

    fn leave_out(&mut self, file: &str, span: Span) {
        let lines = (span.start().line, span.end().line);
        self.test_lines.entry(file.into()).or_default().push(lines);
    }
}

/// Reads the text files below `root`, by their paths from there. What `skips` says of a path is left out, a folder with all
/// that is in it.
pub fn read_files(root: &Path, skips: impl Fn(&str) -> bool) -> std::io::Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if skips(&path) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                // Of an image it only counts that it is there.
                let text = String::from_utf8(std::fs::read(entry.path())?).unwrap_or_default();
                files.insert(path, text);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Files {
        texts
            .iter()
            .map(|(path, text)| (path.to_string(), text.to_string()))
            .collect()
    }

    #[test]
    fn modules_are_found_where_rust_looks_for_them() {
        let files = files(&[
            ("src/lib.rs", "mod a; mod b { mod c; } #[cfg(test)] mod tests;"),
            ("src/a/mod.rs", "mod d;"),
            ("src/a/d.rs", "mod e;"),
            ("src/a/d/e.rs", ""),
            ("src/b/c.rs", ""),
        ]);
        let source = Source::parse(&files, "src/lib.rs").unwrap();
        let paths: BTreeSet<String> = source.modules.iter().map(|module| module.path.join("::")).collect();
        assert_eq!(
            paths,
            ["", "a", "a::d", "a::d::e", "b", "b::c"].map(String::from).into()
        );
    }

    #[test]
    fn a_module_without_a_file_is_an_error() {
        let files = files(&[("src/lib.rs", "mod a;")]);
        assert!(matches!(
            Source::parse(&files, "src/lib.rs"),
            Err(SourceError::Missing { .. })
        ));
    }

    #[test]
    fn lines_for_tests_are_known() {
        let files = files(&[(
            "src/lib.rs",
            "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n",
        )]);
        let source = Source::parse(&files, "src/lib.rs").unwrap();
        let tested: Vec<usize> = (1..=7)
            .filter(|line| source.is_test_line("src/lib.rs", *line))
            .collect();
        assert_eq!(tested, [3, 4, 5, 6]);
    }
}
