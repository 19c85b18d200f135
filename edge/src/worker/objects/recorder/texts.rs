//! The state and the sealed secrets, in as many rows as they take: what does not fit into the row of `recorder` goes on in
//! `recorder_more`.

use worker::SqlStorage;

use crate::object::pieces;
use crate::worker::objects::sql::{has_table, number, row, rows, run, text};

const CREATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS recorder \
     (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL, secrets TEXT NOT NULL)",
    "INSERT OR IGNORE INTO recorder (id, state, secrets) VALUES (1, '', '')",
];
const MORE: &str = "recorder_more";
const CREATE_MORE: &str = "CREATE TABLE IF NOT EXISTS recorder_more \
    (name TEXT NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (name, part))";
const DROP: [&str; 2] = ["DROP TABLE IF EXISTS recorder", "DROP TABLE IF EXISTS recorder_more"];

#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) state: String,
    pub(super) secrets: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    State,
    Secrets,
}

impl Name {
    fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Secrets => "secrets",
        }
    }
}

pub(super) fn create(sql: &SqlStorage) -> worker::Result<()> {
    CREATE.iter().try_for_each(|statement| run(sql, statement, Vec::new()))
}

pub(super) fn drop_all(sql: &SqlStorage) -> worker::Result<()> {
    DROP.iter().try_for_each(|statement| run(sql, statement, Vec::new()))
}

/// `None` when nothing is kept.
pub(super) fn read(sql: &SqlStorage) -> worker::Result<Option<Texts>> {
    if !has_table(sql, "recorder")? {
        return Ok(None);
    }
    let Some(mut first) = row(sql, "SELECT state, secrets FROM recorder", Vec::new())? else {
        return Ok(None);
    };
    let mut texts = Texts {
        state: first.text(),
        secrets: first.text(),
    };
    if has_table(sql, MORE)? {
        // As many rows as the two texts have megabytes.
        for mut row in rows(
            sql,
            "SELECT name, text FROM recorder_more ORDER BY name, part",
            Vec::new(),
        )? {
            let (name, piece) = (row.text(), row.text());
            if name == Name::State.as_str() {
                texts.state.push_str(&piece);
            } else {
                texts.secrets.push_str(&piece);
            }
        }
    }
    Ok(Some(texts))
}

/// Puts a text in the place of the one before.
pub(super) fn write(sql: &SqlStorage, name: Name, whole: &str) -> worker::Result<()> {
    let mut pieces = pieces(whole).into_iter();
    let statement = match name {
        Name::State => "UPDATE recorder SET state = ?",
        Name::Secrets => "UPDATE recorder SET secrets = ?",
    };
    run(sql, statement, vec![text(pieces.next().unwrap_or_default())])?;
    let more = pieces.len() as u64;
    if more > 0 {
        run(sql, CREATE_MORE, Vec::new())?;
    }
    for (part, piece) in (1..).zip(pieces) {
        run(
            sql,
            "INSERT OR REPLACE INTO recorder_more (name, part, text) VALUES (?, ?, ?)",
            vec![text(name.as_str()), number(part), text(piece)],
        )?;
    }
    if has_table(sql, MORE)? {
        let values = vec![text(name.as_str()), number(more)];
        run(sql, "DELETE FROM recorder_more WHERE name = ? AND part > ?", values)?;
    }
    Ok(())
}
