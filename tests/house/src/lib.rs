//! The structure of the workspace as its own source shows it: modules, what they import from one another, the words they
//! use, and what docs/architecture.md says of them. It knows the rules' form; the rules themselves are data in
//! docs/architecture.toml, and `tests/` holds the tree to them.
//!
//! `modules` reads a crate's source as rustc would, without what is compiled for tests only; `resolve` follows each path to
//! the module that defines what it names; `graph` makes circles and layers of that; `document` and `translation` read documents; `house` has the checks.

mod document;
mod graph;
mod house;
mod modules;
mod paths;
mod resolve;
mod rules;
mod testing_code;
mod translation;
mod vendors;

pub use house::House;
pub use modules::{Files, SourceError, read_files};
pub use rules::{Exception, Layers, Rules};
