//! Statements on an object's own SQLite, whose numbers are JavaScript's: counts and times stay far below 2^53.

use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::{Error, SqlStorage, SqlStorageValue, Storage};

use super::counting;

/// Runs a statement that has no rows to show.
pub(super) fn run(sql: &SqlStorage, statement: &str, values: Vec<SqlStorageValue>) -> worker::Result<()> {
    let done = sql.exec(statement, values)?;
    counting::rows(done.rows_read(), done.rows_written());
    Ok(())
}

/// All rows of a query, which has to say how many those can be. It is read to its end whatever becomes of the rows: one that
/// is still open would keep its table from being dropped.
pub(super) fn rows(
    sql: &SqlStorage,
    query: &str,
    values: Vec<SqlStorageValue>,
) -> worker::Result<std::vec::IntoIter<Columns>> {
    let cursor = sql.exec(query, values)?;
    let rows: Vec<_> = cursor
        .raw()
        .map(|row| Ok(Columns(row?.into_iter())))
        .collect::<worker::Result<_>>()?;
    counting::rows(cursor.rows_read(), cursor.rows_written());
    Ok(rows.into_iter())
}

/// The first row of a query.
pub(super) fn row(sql: &SqlStorage, query: &str, values: Vec<SqlStorageValue>) -> worker::Result<Option<Columns>> {
    Ok(rows(sql, query, values)?.next())
}

/// Whether there is a table of this name.
pub(super) fn has_table(sql: &SqlStorage, name: &str) -> worker::Result<bool> {
    let query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    Ok(row(sql, query, vec![text(name)])?.is_some())
}

/// The values of a row, taken in their order.
pub(super) struct Columns(std::vec::IntoIter<SqlStorageValue>);

impl Columns {
    pub(super) fn maybe_text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(SqlStorageValue::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn text(&mut self) -> String {
        self.maybe_text().unwrap_or_default()
    }

    pub(super) fn maybe_count(&mut self) -> Option<u64> {
        match self.0.next() {
            Some(SqlStorageValue::Integer(number)) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    pub(super) fn count(&mut self) -> u64 {
        self.maybe_count().unwrap_or_default()
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> worker::Result<T> {
        Ok(serde_json::from_slice(self.text().as_bytes())?)
    }
}

pub(super) fn text(text: &str) -> SqlStorageValue {
    text.into()
}

pub(super) fn number(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[wasm_bindgen]
extern "C" {
    type RawStorage;

    /// Takes back what `run` wrote when that throws.
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &RawStorage,
        run: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// Writes all that `run` writes, or nothing when it fails.
pub(super) fn transaction(storage: &Storage, run: impl Fn() -> worker::Result<()>) -> worker::Result<()> {
    let raw: &RawStorage = storage.as_raw().unchecked_ref();
    let mut run = || match run() {
        Ok(()) => Ok(JsValue::UNDEFINED),
        Err(error) => Err(JsValue::from(error.to_string())),
    };
    raw.transaction_sync(&mut run)
        .map(drop)
        .map_err(|error| Error::RustError(format!("nothing of a transaction was written: {error:?}")))
}
