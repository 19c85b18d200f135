//! What is known in a scenario under a name: who calls, and what earlier replies have told.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

/// `{name}` in a text stands for the value of this name. `{now_ms}` is the present time, and `{now_ms-5000}` one five seconds ago.
#[derive(Clone, Debug, Default)]
pub struct Values(Map<String, Value>);

impl Values {
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// # Panics
    /// When nothing is known under this name, or no text.
    pub fn text(&self, name: &str) -> String {
        match self.get(name) {
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
            None => panic!("nothing is known as {name:?}"),
        }
    }

    /// A time, as a number.
    ///
    /// # Panics
    /// When the name is none of a number.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().expect("a number")
    }

    fn get(&self, name: &str) -> Option<Value> {
        if let Some(shift) = name.strip_prefix("now_ms") {
            return now_ms(shift).map(|time| time.to_string().into());
        }
        self.0.get(name).cloned()
    }

    /// The text with what is known in the place of names. Braces around anything else stay.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some((name, behind)) if self.get(name).is_some() => {
                    filled.push_str(&self.text(name));
                    rest = behind;
                }
                _ => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }

    /// The same in all texts of a value. A text that is nothing but a name becomes the value itself.
    pub fn fill_in(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                let known = name.and_then(|name| self.get(name));
                known.unwrap_or_else(|| self.fill(text).into())
            }
            Value::Array(items) => items.iter().map(|item| self.fill_in(item)).collect(),
            Value::Object(fields) => {
                let filled = fields.iter().map(|(name, value)| (name.clone(), self.fill_in(value)));
                filled.collect::<Map<_, _>>().into()
            }
            value => value.clone(),
        }
    }
}

/// The present time, shifted by a number with its sign.
fn now_ms(shift: &str) -> Option<i64> {
    let shift: i64 = if shift.is_empty() { 0 } else { shift.parse().ok()? };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock behind 1970");
    let now: i64 = now.as_millis().try_into().expect("a present time");
    Some(now + shift)
}
