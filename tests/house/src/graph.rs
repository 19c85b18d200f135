//! Circles and layers: which files and folders of one folder import which others.
//!
//! Each folder is looked at by itself; its files and its folders are the nodes. An import counts where it leads to: a child
//! that imports `super::X`, where the folder's `mod.rs` re-exports X from a sibling, imports the sibling. What `mod.rs`
//! only re-exports it does not use. A folder's `mod.rs` is its face, which its files may know and which may know them, so
//! it is no node among them.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::Source;
use crate::resolve::Import;

/// What one file takes from another: names by the pair of files.
type Names = BTreeMap<(String, String), BTreeSet<String>>;

/// What the nodes of one folder import of one another, by the pair of nodes.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    edges: BTreeMap<(String, String), Names>,
}

/// Files and folders of one folder that import one another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    pub(crate) nodes: Vec<String>,
    /// `file → file: names`, one a line.
    pub(crate) imports: Vec<String>,
}

impl Source {
    /// The folders, from the crate's root on: modules that have modules in files of their own.
    pub(crate) fn folders(&self) -> Vec<String> {
        let has_files = |index: &usize| {
            let module = &self.modules[*index];
            module
                .children
                .values()
                .any(|child| self.modules[*child].file != module.file)
        };
        (0..self.modules.len())
            .filter(has_files)
            .map(|index| self.folder(index))
            .collect()
    }

    /// What the files and folders of one folder, named from the repository's root, import of one another. Empty for what
    /// is no folder of this crate. `imports` are the crate's.
    pub(crate) fn graph(&self, imports: &[Import], folder: &str) -> Graph {
        let mut graph = Graph::default();
        let Some(folder) = self.module_of(folder) else {
            return graph;
        };
        for import in imports {
            let Some((from, to)) = self.ends(folder, import) else {
                continue;
            };
            let files = (self.modules[import.from].file.clone(), self.modules[to.1].file.clone());
            let names = graph.edges.entry((self.name(from), self.name(to.0))).or_default();
            names.entry(files).or_default().insert(import.name.clone());
        }
        graph
    }

    /// The node that imports; the node that is imported, and the module in it.
    fn ends(&self, folder: usize, import: &Import) -> Option<(usize, (usize, usize))> {
        let from = self.node(folder, import.from)?;
        let (last, before) = import.through.split_last()?;
        let defining = import.is_defined_there.then_some(last);
        let to = before
            .iter()
            .chain(if defining.is_none() { Some(last) } else { None })
            .filter(|hub| **hub != folder && **hub != import.from)
            .chain(defining)
            .next()?;
        let node = self.node(folder, *to)?;
        (from != node).then_some((from, (node, *to)))
    }

    /// The file or folder of `folder` that a module is in. `None` for one outside, and for the folder's own face.
    fn node(&self, folder: usize, module: usize) -> Option<usize> {
        let mut node = module;
        while self.modules[node].parent? != folder {
            node = self.modules[node].parent?;
        }
        (self.modules[node].file != self.modules[folder].file).then_some(node)
    }

    fn name(&self, node: usize) -> String {
        self.modules[node].path.last().cloned().unwrap_or_default()
    }

    fn folder(&self, module: usize) -> String {
        let root = self.folder_of_root().unwrap_or_default();
        let path = self.modules[module].path.iter();
        path.fold(root.to_string(), |folder, name| format!("{folder}/{name}"))
    }
}

impl Graph {
    /// Which nodes each node imports.
    pub(crate) fn imports(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in self.edges.keys() {
            imports.entry(from).or_default().insert(to);
        }
        imports
    }

    /// What one node takes from another, `file → file: names`, one a line.
    pub(crate) fn between(&self, from: &str, to: &str) -> Vec<String> {
        let names = self.edges.get(&(from.to_string(), to.to_string()));
        names
            .into_iter()
            .flatten()
            .map(|((from, to), names)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!("{from} → {to}: {}", names.join(", "))
            })
            .collect()
    }

    /// Every largest set of nodes of which each imports each other, by way of others or itself.
    pub(crate) fn circles(&self) -> Vec<Circle> {
        let imports = self.imports();
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            imports.keys().map(|node| (*node, reachable(&imports, node))).collect();
        let mut done = BTreeSet::new();
        let mut circles = Vec::new();
        for (node, reached) in &reach {
            if !reached.contains(node) || !done.insert(*node) {
                continue;
            }
            let back = |other: &&&str| reach.get(**other).is_some_and(|reached| reached.contains(node));
            let nodes: Vec<&str> = reached.iter().filter(back).copied().collect();
            done.extend(&nodes);
            let pairs = nodes.iter().flat_map(|from| nodes.iter().map(move |to| (from, to)));
            circles.push(Circle {
                imports: pairs.flat_map(|(from, to)| self.between(from, to)).collect(),
                nodes: nodes.into_iter().map(String::from).collect(),
            });
        }
        circles
    }
}

/// The nodes that imports lead to from this one; itself only in a circle.
fn reachable<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = vec![from];
    while let Some(node) = next.pop() {
        for to in imports.get(node).into_iter().flatten() {
            if reached.insert(*to) {
                next.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(texts: &[(&str, &str)]) -> Source {
        let files = texts
            .iter()
            .map(|(path, text)| (format!("src/{path}"), text.to_string()))
            .collect();
        Source::parse(&files, "src/lib.rs").unwrap()
    }

    fn circles(source: &Source) -> Vec<String> {
        let folders = source.folders();
        let circles = folders
            .iter()
            .flat_map(|folder| source.graph(&source.imports(), folder).circles());
        circles.flat_map(|circle| circle.imports).collect()
    }

    #[test]
    fn a_circle_of_folders_is_found_with_its_names() {
        let source = source(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod x; pub struct A;"),
            ("a/x.rs", "use crate::b::B;"),
            ("b.rs", "pub struct B(crate::a::A);"),
        ]);
        assert_eq!(
            circles(&source),
            ["src/a/x.rs → src/b.rs: B", "src/b.rs → src/a/mod.rs: A"]
        );
    }

    #[test]
    fn a_circle_by_way_of_the_face_is_one_of_the_files() {
        let source = source(&[
            ("lib.rs", "mod a; pub use a::A; mod b; pub use b::B;"),
            ("a.rs", "use super::B; pub struct A;"),
            ("b.rs", "pub struct B; fn f() -> super::A { crate::A }"),
        ]);
        assert_eq!(circles(&source), ["src/a.rs → src/b.rs: B", "src/b.rs → src/a.rs: A"]);
    }

    #[test]
    fn a_long_circle_is_found_through_aliases_globs_and_macros() {
        let source = source(&[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b as other; pub fn a() { other::b() }"),
            ("b.rs", "use super::c::*; pub fn b() { c() }"),
            ("c.rs", "pub fn c() { println!(\"{}\", crate::a::a()) }"),
            ("d.rs", "use crate::a;"),
        ]);
        let found = source.graph(&source.imports(), "src").circles();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].nodes, ["a", "b", "c"]);
    }

    #[test]
    fn a_folder_and_its_face_are_no_circle_and_tests_do_not_count() {
        let source = source(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a/mod.rs",
                "mod x; mod y; pub use x::X; pub struct Shared; fn f(_: y::Y) {}",
            ),
            ("a/x.rs", "use super::Shared; use super::y::Y; pub struct X;"),
            (
                "a/y.rs",
                "pub struct Y; #[cfg(test)] mod tests { use super::super::x::X; use crate::b; }",
            ),
            (
                "b.rs",
                "use crate::a::X; use std::fmt; mod std { } #[cfg(test)] use crate::a;",
            ),
        ]);
        assert_eq!(circles(&source), [""; 0]);
        assert_eq!(
            source.graph(&source.imports(), "src/a").imports(),
            BTreeMap::from([("x", BTreeSet::from(["y"]))])
        );
    }

    #[test]
    fn an_import_by_way_of_another_folder_is_one_of_that_folder() {
        let source = source(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::C;"),
            ("b.rs", "pub use crate::c::C;"),
            ("c.rs", "pub struct C;"),
        ]);
        let graph = source.graph(&source.imports(), "src");
        let expected = BTreeMap::from([("a", BTreeSet::from(["b"])), ("b", BTreeSet::from(["c"]))]);
        assert_eq!(graph.imports(), expected);
        assert_eq!(graph.between("a", "b"), ["src/a.rs → src/b.rs: C"]);
    }

    #[test]
    fn a_crate_that_is_called_like_a_module_is_not_taken_for_it() {
        let source = source(&[
            ("lib.rs", "mod a; mod worker;"),
            (
                "a.rs",
                "use worker::Env; use serde_json as json; fn f(_: json::Value) {}",
            ),
            ("worker.rs", "use crate::a;"),
        ]);
        assert_eq!(
            source.graph(&source.imports(), "src").imports(),
            BTreeMap::from([("worker", BTreeSet::from(["a"]))])
        );
        let outside: Vec<&str> = source.modules[1].first_words().collect();
        assert_eq!(outside, ["worker", "serde_json", "json"]);
    }
}
