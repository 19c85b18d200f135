//! Scenarios: conversations with the edge as data, in `scenarios/`, a folder for each dialect. A file has the steps of one
//! conversation: a request, the reply that is expected, and what is kept of it for later steps. `scenarios/README.md` says what can
//! stand in one. It knows the dialects only by the functions that sign their requests.

mod expected;
mod request;
mod rows;
mod runner;
mod sign;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

pub use runner::Runner;
pub use table::Table;
pub use values::Values;

const TABLE: &str = "table.json";

/// A conversation with the edge.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub about: String,
    pub steps: Vec<Step>,
    /// The file's own name.
    #[serde(skip)]
    pub name: String,
}

/// One request with its reply.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub what: String,
    /// `POST /path`.
    pub call: String,
    /// The function that signs it; without one the request goes as it is.
    #[serde(default)]
    pub sign: Option<String>,
    #[serde(default)]
    pub query: Map<String, Value>,
    #[serde(default)]
    pub headers: Map<String, Value>,
    #[serde(default)]
    pub body: Option<Value>,
    /// A body that is no JSON.
    #[serde(default)]
    pub raw: Option<String>,
    #[serde(default)]
    pub form: Option<Map<String, Value>>,
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub reply: Value,
    /// Whether the reply has nothing that is not expected.
    #[serde(default)]
    pub exact: bool,
    /// Whether the request is repeated until the reply is as expected.
    #[serde(default)]
    pub until: bool,
    /// What later steps find under a name, by JSON pointers into the reply.
    #[serde(default)]
    pub keep: Map<String, Value>,
    /// Rows of the vendor's tables: the request again and again, changed in one thing.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// Steps that follow each case that is answered as one without changes is.
    #[serde(default)]
    pub then: Vec<Step>,
}

/// A row of a vendor's table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The row's name in the table, and behind a space what is particular.
    pub row: String,
    /// Values by JSON pointers into the step's `query`, `headers`, `form` and `body`.
    #[serde(default)]
    pub set: Map<String, Value>,
    #[serde(default)]
    pub drop: Vec<String>,
    #[serde(default)]
    pub raw: Option<String>,
    #[serde(default)]
    pub sign: Option<String>,
    #[serde(default)]
    pub call: Option<String>,
    #[serde(default)]
    pub status: Option<u16>,
    /// In the place of the step's own.
    #[serde(default)]
    pub reply: Option<Value>,
}

fn ok() -> u16 {
    200
}

/// The scenarios of each dialect, by the folder's name.
///
/// # Panics
/// When a file is no scenario.
pub fn all() -> Vec<(String, Vec<Scenario>)> {
    let mut folders: Vec<_> = entries(&root()).into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().map(|folder| (name(folder), of(folder))).collect()
}

/// The table of a dialect's documented rows.
///
/// # Panics
/// When there is none.
pub fn table(dialect: &str) -> Table {
    read(&root().join(dialect).join(TABLE))
}

fn of(folder: &Path) -> Vec<Scenario> {
    let mut files: Vec<_> = entries(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "json") && name(path) != TABLE)
        .collect();
    files.sort();
    let scenario = |path: &PathBuf| Scenario {
        name: name(path),
        ..read(path)
    };
    files.iter().map(scenario).collect()
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> T {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn name(path: &Path) -> String {
    let name = path.file_name().expect("a name");
    name.to_str().expect("UTF-8").to_owned()
}
