//! The checks: each takes the whole tree and returns what is wrong in it, one string for each.

use std::collections::{BTreeMap, BTreeSet};

use crate::document::{anchored_links, anchors, links, paths, variables};
use crate::graph::Graph;
use crate::modules::{Files, Source, SourceError};
use crate::resolve::Import;
use crate::rules::{Rules, differences, is_within};
use crate::translation;
use crate::vendors::vendors_in;

/// Where a vendor may be named, whatever [`Rules::vendors`] says; and in folders of tests.
const VENDORS_EVERYWHERE: [&str; 2] = ["docs", "edge/src/dialect"];

/// A tree of source and documents with the rules for it.
pub struct House {
    files: Files,
    crates: Vec<Crate>,
    rules: Rules,
}

struct Crate {
    source: Source,
    imports: Vec<Import>,
}

impl Crate {
    fn graph(&self, folder: &str) -> Graph {
        self.source.graph(&self.imports, folder)
    }
}

impl House {
    /// `roots` are the files at the crates' roots.
    pub fn new(files: Files, roots: &[&str], rules: Rules) -> Result<Self, SourceError> {
        let crates = roots.iter().map(|root| {
            let source = Source::parse(&files, root)?;
            let imports = source.imports();
            Ok(Crate { source, imports })
        });
        Ok(Self {
            crates: crates.collect::<Result<_, _>>()?,
            files,
            rules,
        })
    }

    /// Files and folders of one folder that import one another, with what each takes from which.
    pub fn circles(&self) -> Vec<String> {
        let mut found = Vec::new();
        for read in &self.crates {
            for folder in read.source.folders() {
                for circle in read.graph(&folder).circles() {
                    let nodes = circle.nodes.join(", ");
                    found.push(format!("{folder}: {nodes}\n    {}", circle.imports.join("\n    ")));
                }
            }
        }
        found
    }

    /// Imports that [`Rules::imports`] does not allow, and those that it allows and that are none.
    pub fn wrong_imports(&self) -> Vec<String> {
        let folders = self.rules.imports.iter();
        folders
            .flat_map(|(folder, allowed)| {
                match self.crates.iter().find(|read| read.source.folders().contains(folder)) {
                    Some(read) => differences(folder, allowed, &read.graph(folder)),
                    None => vec![format!("{folder} is no folder with modules: strike it")],
                }
            })
            .collect()
    }

    /// Other crates where [`Rules::outside`] does not want them, and places that it names for nothing.
    pub fn wrong_crates(&self) -> Vec<String> {
        let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for module in self.sources().flat_map(Source::modules) {
            for word in module.first_words() {
                used.entry(word).or_default().insert(&module.file);
            }
        }
        let mut found = Vec::new();
        for (name, allowed) in &self.rules.outside {
            let files = used.remove(name.as_str()).unwrap_or_default();
            let wrong = files
                .iter()
                .filter(|file| !allowed.iter().any(|allowed| is_within(file, allowed)));
            found.extend(wrong.map(|file| format!("{file} may not use the crate {name}")));
            let idle = allowed
                .iter()
                .filter(|allowed| !files.iter().any(|file| is_within(file, allowed)));
            found.extend(idle.map(|allowed| format!("{allowed} does not use the crate {name}: strike it")));
        }
        found
    }

    /// Lines that name a vendor outside of the dialects, the documents, the tests and [`Rules::vendors`]; and what that
    /// allows for nothing.
    pub fn named_vendors(&self) -> Vec<String> {
        let exceptions = || {
            let all = self.rules.vendors.iter();
            all.flat_map(|exception| {
                exception
                    .names
                    .iter()
                    .map(|name| (exception.path.as_str(), name.as_str()))
            })
        };
        let mut idle: BTreeSet<(&str, &str)> = exceptions().collect();
        let mut found = Vec::new();
        for (file, number, line) in self.lines() {
            for vendor in vendors_in(line) {
                let allowed = exceptions().filter(|(path, name)| *name == vendor && is_within(file, path));
                let allowed: Vec<_> = allowed.collect();
                if allowed.is_empty() {
                    found.push(format!("{file}:{number}: {vendor}: {}", line.trim()));
                }
                for exception in allowed {
                    idle.remove(&exception);
                }
            }
        }
        found.extend(
            idle.into_iter()
                .map(|(path, vendor)| format!("{path} does not name {vendor}: strike it")),
        );
        found
    }

    /// The lines in which no vendor may be named: file, number from 1, text.
    fn lines(&self) -> impl Iterator<Item = (&str, usize, &str)> {
        let compiled: BTreeSet<&str> = self.sources().flat_map(Source::files).collect();
        let files = self.files.iter().filter(move |(file, _)| {
            let is_free = VENDORS_EVERYWHERE.iter().any(|folder| is_within(file, folder)) || is_of_tests(file);
            let is_test = self.is_source(file) && !compiled.contains(file.as_str());
            !is_free && !is_test
        });
        files
            .flat_map(|(file, text)| {
                (1..)
                    .zip(text.lines())
                    .map(move |(number, line)| (file.as_str(), number, line))
            })
            .filter(|(file, number, _)| !self.sources().any(|source| source.is_test_line(file, *number)))
    }

    /// Folders of the source and of the tree's top that `document` does not name, and paths in it that are not there.
    pub fn unmapped(&self, document: &str) -> Vec<String> {
        let folders = folders_of(self.files.keys().map(String::as_str));
        let compiled = folders_of(self.sources().flat_map(Source::files));
        let top = self
            .files
            .keys()
            .filter_map(|file| file.split('/').next())
            .map(String::from)
            .collect();
        let named = self
            .files
            .get(document)
            .map(|text| paths(text, &top))
            .unwrap_or_default();
        let is_wanted = |folder: &&&str| !folder.contains('/') || self.is_source(folder) && compiled.contains(**folder);
        let missing = folders
            .iter()
            .filter(is_wanted)
            .filter(|folder| !named.contains(**folder));
        let gone = named
            .iter()
            .filter(|path| !folders.contains(*path) && !self.files.contains_key(**path));
        missing
            .map(|folder| format!("{folder}/ is not named"))
            .chain(gone.map(|path| format!("{path} is named, but is not there")))
            .collect()
    }

    /// Links in Markdown documents that lead to no file, or to no heading of a document.
    pub fn broken_links(&self) -> Vec<String> {
        let documents = self.files.iter().filter(|(path, _)| path.ends_with(".md"));
        let broken = documents.flat_map(|(path, text)| {
            let files = links(text)
                .into_iter()
                .filter(|target| !self.files.contains_key(&joined(path, target)))
                .map(move |target| format!("{path}: {target}"));
            let headings = anchored_links(text)
                .into_iter()
                .filter(|(target, anchor)| !self.has_heading(path, target, anchor))
                .map(move |(target, anchor)| format!("{path}: {target}#{anchor}"));
            files.chain(headings)
        });
        broken.collect()
    }

    /// Environment variables that the programs read and no document names, and those that documents name and nothing reads.
    pub fn undocumented_variables(&self) -> Vec<String> {
        let of = |is_wanted: &dyn Fn(&str) -> bool| -> BTreeSet<&str> {
            let files = self.files.iter().filter(|(path, _)| is_wanted(path));
            files.flat_map(|(_, text)| variables(text)).collect()
        };
        let documented = of(&|path| path.ends_with(".md"));
        let somewhere = of(&|path| !path.ends_with(".md"));
        let read = self.lines().filter(|(file, ..)| self.is_source(file));
        let read: BTreeSet<&str> = read.flat_map(|(.., line)| variables(line)).collect();
        let missing = read
            .difference(&documented)
            .map(|name| format!("no document names {name}"));
        let gone = documented
            .difference(&somewhere)
            .map(|name| format!("nothing reads {name}"));
        missing.chain(gone).collect()
    }

    /// Whether a link in the document `from` leads to a heading; one to no file counts elsewhere.
    fn has_heading(&self, from: &str, target: &str, anchor: &str) -> bool {
        let document = match target {
            "" => from.to_owned(),
            target => joined(from, target),
        };
        let text = self.files.get(&document);
        text.is_none_or(|text| !document.ends_with(".md") || anchors(text).contains(anchor))
    }

    /// Translations in `docs/zh/`, by the names of their originals in `docs/` or at the top, that differ from these in more than
    /// words, and links between the two that are missing.
    pub fn drifted_translations(&self) -> Vec<String> {
        let translations = self.files.iter().filter_map(|(path, text)| {
            let name = path.strip_prefix("docs/zh/")?.strip_suffix(".md")?;
            Some((path, name, text))
        });
        let drifted = translations.flat_map(|(path, name, text)| {
            let original = match name {
                "README" => "README.md".to_owned(),
                _ => format!("docs/{name}.md"),
            };
            let Some(source) = self.files.get(&original) else {
                return vec![format!("{path}: there is no {original}")];
            };
            let leads_to = |from: &str, text: &str, to: &str| links(text).iter().any(|link| joined(from, link) == to);
            let mut found: Vec<_> = translation::differences(source, text)
                .into_iter()
                .map(|difference| format!("{path}: {difference}"))
                .collect();
            for (from, text, to) in [(path, text, &original), (&original, source, path)] {
                if !leads_to(from, text, to) {
                    found.push(format!("{from}: no link to {to}"));
                }
            }
            found
        });
        drifted.collect()
    }

    /// Files of tests that are not where tests belong.
    pub fn misplaced_tests(&self) -> Vec<String> {
        let sources = self.files.keys().filter(|file| self.is_source(file));
        let misplaced = sources.filter(|file| file.ends_with("_tests.rs") || file.contains("_tests/"));
        misplaced.cloned().collect()
    }

    /// `mod.rs` files that do not begin with what their folder is for.
    pub fn silent_faces(&self) -> Vec<String> {
        let compiled = self.sources().flat_map(Source::files);
        let faces = compiled.filter(|file| file.ends_with("/mod.rs"));
        let silent = faces.filter(|file| !self.files[*file].starts_with("//! "));
        silent.map(String::from).collect()
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.crates.iter().map(|read| &read.source)
    }

    /// Whether a path is in one of the crates' source folders.
    fn is_source(&self, path: &str) -> bool {
        let mut folders = self.sources().filter_map(Source::folder_of_root);
        folders.any(|folder| path != folder && is_within(path, folder))
    }
}

/// All folders that these files are in.
fn folders_of<'a>(files: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    files
        .flat_map(|file| file.match_indices('/').map(|(at, _)| &file[..at]))
        .collect()
}

fn is_of_tests(path: &str) -> bool {
    path.split('/').any(|name| name == "tests")
}

/// Where a link in the file `from` leads.
fn joined(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests;
