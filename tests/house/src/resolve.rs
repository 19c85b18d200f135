//! Follows a path to the module that defines what it names.

use crate::modules::{Module, Source};
use crate::paths::Use;

/// One module's use of something that another one defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// The module that writes the path.
    pub(crate) from: usize,
    /// The modules that the path leads through: those that only re-export what is meant, then the one that defines it.
    pub(crate) through: Vec<usize>,
    /// The last of these defines it. Otherwise another crate does.
    pub(crate) is_defined_there: bool,
    /// What it is called in the path.
    pub(crate) name: String,
}

/// What a path leads to.
#[derive(Clone, Debug)]
enum Target {
    Module(usize),
    /// Something in the last of these modules, by way of those before it.
    Item(Vec<usize>),
    /// Something in another crate, by way of these modules.
    Outside(Vec<usize>),
}

/// Re-exports of re-exports that are followed, at most.
const MAX_DEPTH: usize = 16;

impl Module {
    /// The first words of this module's paths: with others, the names of the crates that it uses.
    pub(crate) fn first_words(&self) -> impl Iterator<Item = &str> {
        let uses = self.uses.iter().map(|found| &found.path);
        uses.chain(self.references.iter().filter(|path| path.len() > 1))
            .filter_map(|path| path.first())
            .map(String::as_str)
    }
}

impl Source {
    /// What the crate's modules use of one another.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, module) in self.modules.iter().enumerate() {
            for found in &module.uses {
                self.add_import(&mut imports, from, &found.path, true);
            }
            for path in &module.references {
                self.add_import(&mut imports, from, path, false);
            }
        }
        imports.sort();
        imports.dedup();
        imports
    }

    fn add_import(&self, imports: &mut Vec<Import>, from: usize, path: &[String], is_use: bool) {
        let Some((target, words)) = self.resolve(from, path, is_use, 0) else {
            return;
        };
        let (through, is_defined_there) = match target {
            // A variable that is called like a module: a module alone is no value.
            Target::Module(_) if path.len() == 1 && !is_use => return,
            Target::Module(module) => (vec![module], true),
            Target::Item(through) => (through, true),
            Target::Outside(through) => (through, false),
        };
        if through.iter().any(|module| *module != from) {
            imports.push(Import {
                from,
                through,
                is_defined_there,
                name: path[words - 1].clone(),
            });
        }
    }

    /// The target, and how many words of the path lead there: behind an item's name its variants and functions may follow.
    /// `None` if the path leads out of the crate, or names something local.
    fn resolve(&self, from: usize, path: &[String], is_use: bool, depth: usize) -> Option<(Target, usize)> {
        let (first, mut rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" if !rest.is_empty() || is_use => Target::Module(from),
            "super" => Target::Module(self.modules[from].parent?),
            name => self.look_up(from, name, depth)?,
        };
        while let Some((name, after)) = rest.split_first() {
            let Target::Module(module) = target else { break };
            rest = after;
            target = match name.as_str() {
                "super" => Target::Module(self.modules[module].parent?),
                "self" => continue,
                // What a macro made, perhaps.
                name => self.look_up(module, name, depth).unwrap_or(Target::Item(vec![module])),
            };
        }
        Some((target, path.len() - rest.len()))
    }

    /// What a name means in a module.
    fn look_up(&self, module: usize, name: &str, depth: usize) -> Option<Target> {
        if depth > MAX_DEPTH {
            return None;
        }
        let here = &self.modules[module];
        if let Some(child) = here.children.get(name) {
            return Some(Target::Module(*child));
        }
        if here.items.contains(name) {
            return Some(Target::Item(vec![module]));
        }
        let named = here.uses.iter().find(|found| found.name.as_deref() == Some(name));
        if let Some(found) = named {
            return Some(self.follow(module, found, depth));
        }
        let globs = here.uses.iter().filter(|found| found.name.is_none());
        globs
            .filter_map(|glob| match self.resolve(module, &glob.path, true, depth + 1)?.0 {
                Target::Module(of) if of != module => self.look_up(of, name, depth + 1),
                _ => None,
            })
            .next()
    }

    /// What the `use` item of a module leads to.
    fn follow(&self, module: usize, found: &Use, depth: usize) -> Target {
        // `use name;` and `use name::…` of another crate: the name leads back to this very item.
        let is_itself =
            found.path.first() == found.name.as_ref() && !self.modules[module].children.contains_key(&found.path[0]);
        let target = if is_itself {
            None
        } else {
            self.resolve(module, &found.path, true, depth + 1)
        };
        let through = |after: Vec<usize>| [vec![module], after].concat();
        match target {
            Some((Target::Module(of), _)) => Target::Module(of),
            Some((Target::Item(after), _)) => Target::Item(through(after)),
            Some((Target::Outside(after), _)) => Target::Outside(through(after)),
            None => Target::Outside(vec![module]),
        }
    }
}
